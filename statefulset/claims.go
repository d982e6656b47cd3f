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

// shelf holds the claims of the set's pods, those of pods that are gone among them.
type shelf map[shelfmark]*corev1.PersistentVolumeClaim

type shelfmark struct{ template, pod string }

func shelve(view []*corev1.PersistentVolumeClaim, set *appsv1.StatefulSet) shelf {
	if len(set.Spec.VolumeClaimTemplates) == 0 {
		return nil
	}
	claims := make(shelf, len(view))
	for _, claim := range view {
		if claim.Namespace != set.Namespace {
			continue
		}
		for i := range set.Spec.VolumeClaimTemplates {
			pod, ok := strings.CutPrefix(claim.Name, set.Spec.VolumeClaimTemplates[i].Name)
			if !ok || !strings.HasPrefix(pod, "-") {
				continue
			}
			if _, _, ok := ordinalOf(set.Name, pod[1:]); !ok {
				continue
			}
			mark := shelfmark{template: set.Spec.VolumeClaimTemplates[i].Name, pod: pod[1:]}
			if shelved := claims[mark]; shelved == nil || isNewer(claim, shelved) {
				claims[mark] = claim
			}
		}
	}
	return claims
}

// claimsOf gives the claims of a pod that are there, in the order of their templates.
func (p *planner) claimsOf(pod string) []*corev1.PersistentVolumeClaim {
	var claims []*corev1.PersistentVolumeClaim
	for i := range p.set.Spec.VolumeClaimTemplates {
		if claim := p.claims[shelfmark{p.set.Spec.VolumeClaimTemplates[i].Name, pod}]; claim != nil {
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
func (p *planner) provide(pod string) (creates []plan.Action, deleted []string, ready bool) {
	ready = true
	for i := range p.set.Spec.VolumeClaimTemplates {
		template := &p.set.Spec.VolumeClaimTemplates[i]
		claim := p.claims[shelfmark{template.Name, pod}]
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

// isLeftBehind reports whether a claim is to go with a former pod of the name: the garbage collector deletes it, and a pod that took it
// over would lose it.
func (p *planner) isLeftBehind(claim *corev1.PersistentVolumeClaim, pod string) bool {
	if !p.want.deleteWithPod {
		return false
	}
	at := slices.IndexFunc(claim.OwnerReferences, func(r metav1.OwnerReference) bool { return namesPod(r, pod) })
	return at >= 0 && claim.OwnerReferences[at].UID != ""
}
