package statefulset

import (
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// Kubernetes deletes an object whose owners are all gone. So the retention policy of the claims is kept by owner references
// alone, each of them a controller's:
//
//	whenDeleted  whenScaled  pod in range  surplus pod
//	Retain       Retain      -             -
//	Delete       Retain      the set       the set
//	Retain       Delete      -             the pod
//	Delete       Delete      the set       the pod

// holder is who the claims of an ordinal may belong to: the set, and the pod, which has no UID while it does not exist.
type holder struct {
	owner   *owners.Owner
	set     *plan.Ref
	pod     *corev1.Pod
	ordinal int
	bySet   bool // the policy wants the set's reference
	byPod   bool // the policy wants the pod's
	retains bool // the policy keeps everything, whatever happens
}

func (p *planner) holder(ordinal int, pod *corev1.Pod) holder {
	surplus := !p.want.inRange(ordinal)
	return holder{
		owner:   &p.owner,
		set:     &p.ref,
		pod:     pod,
		ordinal: ordinal,
		bySet:   p.want.deleteWithSet && !(p.want.deleteWithPod && surplus),
		byPod:   p.want.deleteWithPod && surplus,
		retains: !p.want.deleteWithSet && !p.want.deleteWithPod,
	}
}

func (h holder) namesSet(r metav1.OwnerReference) bool {
	return r.APIVersion == h.set.APIVersion && r.Kind == h.set.Kind && r.Name == h.set.Name
}

func namesPod(r metav1.OwnerReference, pod string) bool {
	return r.APIVersion == "v1" && r.Kind == "Pod" && r.Name == pod
}

// isFormer reports whether the claim refers to a former set or a former pod of the name. Such a claim waits for the garbage
// collector and is not touched.
func (h holder) isFormer(claim *corev1.PersistentVolumeClaim) bool {
	former := func(names func(metav1.OwnerReference) bool, uid types.UID) bool {
		at := slices.IndexFunc(claim.OwnerReferences, names)
		return at >= 0 && claim.OwnerReferences[at].UID != uid
	}
	return former(h.namesSet, h.set.UID) ||
		former(func(r metav1.OwnerReference) bool { return namesPod(r, h.pod.Name) }, h.pod.UID)
}

// isForeign reports whether another controller holds the claim. Where the policy keeps everything that makes no difference.
func (h holder) isForeign(claim *corev1.PersistentVolumeClaim) bool {
	return !h.retains && slices.ContainsFunc(claim.OwnerReferences, func(r metav1.OwnerReference) bool {
		switch {
		case h.namesSet(r):
			return r.UID != h.set.UID
		case namesPod(r, h.pod.Name):
			return r.UID != h.pod.UID
		}
		return controls(r)
	})
}

// isKept reports whether the claim's references are what the policy wants.
func (h holder) isKept(claim *corev1.PersistentVolumeClaim) bool {
	if len(claim.OwnerReferences) == 0 {
		return !h.bySet && !h.byPod
	}
	if h.isFormer(claim) {
		return true
	}
	var bySet, byPod, loose bool
	for _, r := range claim.OwnerReferences {
		isSets, isPods := r.UID == h.set.UID, r.UID == h.pod.UID
		bySet, byPod = bySet || isSets, byPod || isPods
		loose = loose || (isSets || isPods) && !controls(r)
	}
	if h.isForeign(claim) {
		return !bySet && !byPod
	}
	return !loose && bySet == h.bySet && byPod == h.byPod
}

// isAnothers reports whether neither the set nor the pod, but somebody else, controls the claim.
func (h holder) isAnothers(claim *corev1.PersistentVolumeClaim) bool {
	controller := metav1.GetControllerOfNoCopy(claim)
	return controller != nil && !h.owner.Owns(claim) && !namesPod(*controller, h.pod.Name)
}

// isSettled is a cheap test whether a claim belongs to whom the policy wants while its pod is in range: to the set alone, or to
// nobody.
func (p *planner) isSettled(claim *corev1.PersistentVolumeClaim) bool {
	if !p.want.deleteWithSet {
		return len(claim.OwnerReferences) == 0
	}
	return len(claim.OwnerReferences) == 1 && p.owner.Owns(claim) && claim.OwnerReferences[0].APIVersion == p.ref.APIVersion
}

func controls(r metav1.OwnerReference) bool { return r.Controller != nil && *r.Controller }

// references are the owner references that the policy wants: those of others stay, and where one of them is a controller
// none is added.
func (h holder) references(claim *corev1.PersistentVolumeClaim) []metav1.OwnerReference {
	refs := slices.DeleteFunc(slices.Clone(claim.OwnerReferences), func(r metav1.OwnerReference) bool {
		return h.namesSet(r) || namesPod(r, h.pod.Name)
	})
	if h.isForeign(claim) {
		return refs
	}
	add := func(r metav1.OwnerReference) {
		if !slices.ContainsFunc(refs, func(have metav1.OwnerReference) bool { return have.UID == r.UID }) {
			refs = append(refs, r)
		}
	}
	if h.bySet {
		add(h.owner.Reference())
	}
	if h.byPod {
		add(*metav1.NewControllerRef(h.pod, corev1.SchemeGroupVersion.WithKind("Pod")))
	}
	return refs
}

// retain gives the claims of a pod the owners that the policy wants. A claim that another controller holds is told, if tell is
// set or another claim of the pod changes hands: as in Kubernetes, when the pod starts and when there is work.
func (p *planner) retain(h holder, tell bool) []plan.Action {
	var updates []plan.Action
	var foreign []plan.Event
	for i := range p.claims.templates {
		claim := p.claims.of(h.ordinal, i)
		if claim == nil {
			continue
		}
		if h.isForeign(claim) {
			foreign = append(foreign, conflictingController(claim.Name))
		}
		if h.isKept(claim) || claim.DeletionTimestamp != nil || p.isUnanswered(claim) {
			continue
		}
		before, after := claim.DeepCopy(), claim.DeepCopy()
		after.OwnerReferences = h.references(claim)
		if reflect.DeepEqual(before.OwnerReferences, after.OwnerReferences) {
			continue // the UID of the set or the pod under another kind: nothing to mend
		}
		update := plan.Update{Before: before, After: after}
		if h.bySet {
			live := p.ref // a claim that belongs to a set that is gone is deleted, and its data with it
			update.Live = &live
		}
		updates = append(updates, update)
	}
	if tell || len(updates) > 0 {
		p.events = append(p.events, foreign...)
	}
	return updates
}

// handOver gives the claims of a member the owners that the policy wants, once in a plan.
func (p *planner) handOver(m *member, tell bool) {
	if !m.handedOver && !p.claims.areSettled(m.ordinal) {
		m.handedOver = true
		p.addEach(p.retain(p.holder(m.ordinal, m.pod), tell))
	}
}

// takesClaims reports whether the garbage collector would delete claims behind the member that are to stay, or leave others that are
// to go: because a claim is still to change hands, or nobody answered whether it has. Such a member goes in the next plan.
func (p *planner) takesClaims(m *member) bool {
	h := p.holder(m.ordinal, m.pod)
	for i := range p.claims.templates {
		claim := p.claims.of(m.ordinal, i)
		if claim == nil || claim.UID == "" || claim.DeletionTimestamp != nil || h.isFormer(claim) {
			continue
		}
		if until := p.pending.AnswerBy(claim); !until.IsZero() {
			p.waits.add(plan.WaitAnswer, plan.RefTo(claim), until, "a change of claim %s was not answered: pod %s stays", claim.Name, m.pod.Name)
			return true
		}
		owns := func(r metav1.OwnerReference) bool { return namesPod(r, m.pod.Name) && r.UID == m.pod.UID }
		if !h.byPod && slices.ContainsFunc(claim.OwnerReferences, owns) {
			p.handOver(m, false)
			return true
		}
	}
	return false
}

func conflictingController(claim string) plan.Event {
	return plan.Event{
		Type:   corev1.EventTypeWarning,
		Reason: "ConflictingController",
		Message: "PersistentVolumeClaim " + claim + " has a conflicting OwnerReference that acts as a manging controller, " +
			"the retention policy is ignored for this claim",
	}
}
