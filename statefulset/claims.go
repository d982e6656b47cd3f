package statefulset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// claimName is "<template>-<pod>": a claim belongs to a pod by its name alone, so the next pod of the name finds it again.
func claimName(template, pod string) string {
	return template + "-" + pod
}

func isClaimName(claim, template, pod string) bool {
	return len(claim) == len(template)+1+len(pod) && claim[len(template)] == '-' &&
		strings.HasPrefix(claim, template) && strings.HasSuffix(claim, pod)
}

// claimOrdinal reads off a claim's name the ordinal of the pod that it belongs to.
func claimOrdinal(claim, template, set string) (ordinal int, ok bool) {
	pod, ok := strings.CutPrefix(claim, template)
	if !ok || !strings.HasPrefix(pod, "-") {
		return 0, false
	}
	ordinal, _, ok = ordinalOf(set, pod[1:])
	return ordinal, ok
}

// shelf holds the claims of the set's pods, those of pods that are gone among them, by ordinal and claim template. Those of ordinals in
// range have a place each, others are rare.
type shelf struct {
	templates []corev1.PersistentVolumeClaim
	start     int
	inRange   []place
	others    map[int]*corev1.PersistentVolumeClaim // by place, too

	// view is what was sorted.
	view []*corev1.PersistentVolumeClaim
	// odd: some claim is listed twice, or may be, or is nil. The view has to be put in order first.
	odd bool
}

// place is where a claim stands, if it is there.
type place struct {
	claim *corev1.PersistentVolumeClaim
	// amiss: it may have to change hands. Where no claim is, nothing can.
	amiss bool
}

// claimTemplates are the templates of the set, each name once: of two the last counts.
func claimTemplates(set *appsv1.StatefulSet) []corev1.PersistentVolumeClaim {
	all := set.Spec.VolumeClaimTemplates
	var templates []corev1.PersistentVolumeClaim
	for i := range all {
		if !slices.ContainsFunc(all[i+1:], func(c corev1.PersistentVolumeClaim) bool { return c.Name == all[i].Name }) {
			templates = append(templates, all[i])
		}
	}
	return templates
}

// shelve sorts the claims of a view, which is read as it is where it can be: see [reader.count].
func (p *planner) shelve(view []*corev1.PersistentVolumeClaim, now time.Time) shelf {
	if len(p.pending.Outcomes) == 0 {
		if s := p.sortClaims(view); !s.odd {
			return s
		}
	}
	return p.sortClaims(plan.Overlay(view, p.pending, now))
}

func (p *planner) sortClaims(view []*corev1.PersistentVolumeClaim) shelf {
	s := shelf{templates: claimTemplates(p.set), start: p.want.start, view: view}
	if len(s.templates) == 0 {
		return s
	}
	s.inRange = make([]place, min(len(view), (p.want.end-p.want.start)*len(s.templates)))
	s.others = map[int]*corev1.PersistentVolumeClaim{}
	for _, claim := range view {
		if claim == nil {
			s.odd = true
			continue
		}
		if claim.Namespace != p.set.Namespace {
			continue
		}
		for i := range s.templates {
			ordinal, ok := claimOrdinal(claim.Name, s.templates[i].Name, p.set.Name)
			if !ok {
				continue
			}
			shelved := s.of(ordinal, i)
			s.odd = s.odd || shelved != nil
			if shelved == nil || isNewer(claim, shelved) {
				s.put(ordinal, i, claim, !p.isSettled(claim))
			}
		}
	}
	return s
}

func (s shelf) place(ordinal, template int) int { return (ordinal-s.start)*len(s.templates) + template }

func (s shelf) put(ordinal, template int, claim *corev1.PersistentVolumeClaim, amiss bool) {
	if at := s.place(ordinal, template); 0 <= at && at < len(s.inRange) {
		s.inRange[at] = place{claim, amiss}
	} else {
		s.others[at] = claim
	}
}

// of gives the claim of an ordinal that was made of a template, nil if there is none.
func (s shelf) of(ordinal, template int) *corev1.PersistentVolumeClaim {
	if at := s.place(ordinal, template); 0 <= at && at < len(s.inRange) {
		return s.inRange[at].claim
	} else if len(s.others) > 0 {
		return s.others[at]
	}
	return nil
}

// areSettled reports whether it is known that no claim of an ordinal has to change hands.
func (s shelf) areSettled(ordinal int) bool {
	for i := range s.templates {
		if at := s.place(ordinal, i); at < 0 || at >= len(s.inRange) || s.inRange[at].amiss {
			return false
		}
	}
	return true
}

// wanted gives the claims of ordinals in range, in no order.
func (s shelf) wanted(want wanted) []*corev1.PersistentVolumeClaim {
	var claims []*corev1.PersistentVolumeClaim
	for _, place := range s.inRange {
		if place.claim != nil {
			claims = append(claims, place.claim)
		}
	}
	for at, claim := range s.others {
		if 0 <= at && at < (want.end-want.start)*len(s.templates) {
			claims = append(claims, claim)
		}
	}
	return claims
}

// isNewer decides between two claims that a view shows under one name.
func isNewer(a, b *corev1.PersistentVolumeClaim) bool {
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order > 0
	}
	return a.UID > b.UID
}

// newClaim makes the claim of a pod: what its template says, and the labels that the set selects by.
func newClaim(template *corev1.PersistentVolumeClaim, set *appsv1.StatefulSet, pod string) *corev1.PersistentVolumeClaim {
	claim := template.DeepCopy()
	claim.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}
	claim.Name = claimName(template.Name, pod)
	claim.Namespace = set.Namespace
	if claim.Labels == nil {
		claim.Labels = map[string]string{}
	}
	maps.Copy(claim.Labels, set.Spec.Selector.MatchLabels)
	return claim
}

// provide creates the claims of a pod that are missing. ready says whether all others are there for good: one that is being
// deleted (those are returned) or whose creation was not answered keeps the pod waiting.
func (p *planner) provide(ordinal int, pod string) (creates []plan.Action, deleted []string, ready bool) {
	ready = true
	for i := range p.claims.templates {
		template, claim := &p.claims.templates[i], p.claims.of(ordinal, i)
		switch {
		case claim == nil:
			creates = append(creates, plan.Create{Object: newClaim(template, p.set, pod)})
		case claim.DeletionTimestamp != nil:
			ready = false
			deleted = append(deleted, claim.Name)
			p.waits.add(plan.WaitClaimGone, plan.RefTo(claim), time.Time{}, "claim %s of pod %s is being deleted", claim.Name, pod)
		case p.isUnanswered(claim):
			ready = false
			p.waits.add(plan.WaitAnswer, plan.RefTo(claim), p.pending.AnswerBy(claim), "the creation of claim %s was not answered", claim.Name)
		}
	}
	return creates, deleted, ready
}

// failedForClaims is the event of a pod that is not created or updated because claims of its are being deleted.
func failedForClaims(verb, set, pod string, deleted []string) plan.Event {
	causes := make([]string, len(deleted))
	for i, claim := range deleted {
		causes[i] = "pvc " + claim + " is being deleted"
	}
	cause := strings.Join(causes, ", ")
	if len(causes) > 1 {
		cause = "[" + cause + "]"
	}
	return plan.Event{
		Type:    corev1.EventTypeWarning,
		Reason:  "Failed" + verb,
		Message: fmt.Sprintf("%s Pod %s in StatefulSet %s failed error: %s", verb, pod, set, cause),
	}
}

// isLeftBehind reports whether a claim is owned by a former pod of the name: the garbage collector deletes it, so no new pod may
// mount it.
func (p *planner) isLeftBehind(claim *corev1.PersistentVolumeClaim, pod string) bool {
	if !p.want.deleteWithPod {
		return false
	}
	at := slices.IndexFunc(claim.OwnerReferences, func(r metav1.OwnerReference) bool { return namesPod(r, pod) })
	return at >= 0 && claim.OwnerReferences[at].UID != ""
}
