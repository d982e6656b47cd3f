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

// holder is who a claim may belong to: the set, and the pod of its name, without a UID while that does not exist.
type holder struct {
	owner   owners.Owner
	pod     string
	podUID  types.UID
	bySet   bool // the policy wants the set's reference
	byPod   bool // the policy wants the pod's
	retains bool // the policy keeps everything, whatever happens
}

func (p *planner) holder(ordinal int, pod string, uid types.UID) holder {
	surplus := !p.want.inRange(ordinal)
	return holder{
		owner:   p.owner,
		pod:     pod,
		podUID:  uid,
		bySet:   p.want.deleteWithSet && !(p.want.deleteWithPod && surplus),
		byPod:   p.want.deleteWithPod && surplus,
		retains: !p.want.deleteWithSet && !p.want.deleteWithPod,
	}
}

func (h holder) setUID() types.UID { return h.owner.Ref().UID }

func (h holder) namesSet(r metav1.OwnerReference) bool {
	set := h.owner.Ref()
	return r.APIVersion == set.APIVersion && r.Kind == set.Kind && r.Name == set.Name
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
	return former(h.namesSet, h.setUID()) ||
		former(func(r metav1.OwnerReference) bool { return namesPod(r, h.pod) }, h.podUID)
}

// isForeign reports whether another controller holds the claim. Where the policy keeps everything that makes no difference.
func (h holder) isForeign(claim *corev1.PersistentVolumeClaim) bool {
	return !h.retains && slices.ContainsFunc(claim.OwnerReferences, func(r metav1.OwnerReference) bool {
		switch {
		case h.namesSet(r):
			return r.UID != h.setUID()
		case namesPod(r, h.pod):
			return r.UID != h.podUID
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
		isSets, isPods := r.UID == h.setUID(), r.UID == h.podUID
		bySet, byPod = bySet || isSets, byPod || isPods
		loose = loose || (isSets || isPods) && !controls(r)
	}
	if h.isForeign(claim) {
		return !bySet && !byPod
	}
	return !loose && bySet == h.bySet && byPod == h.byPod
}

// isAnothers reports whether neither the set nor the pod, but somebody else, controls the claim.
func isAnothers(claim *corev1.PersistentVolumeClaim, owner owners.Owner, pod string) bool {
	controller := metav1.GetControllerOfNoCopy(claim)
	return controller != nil && !owner.Owns(claim) && !namesPod(*controller, pod)
}

func controls(r metav1.OwnerReference) bool { return r.Controller != nil && *r.Controller }

// references are the owner references that the policy wants: those of others stay, and where one of them is a controller
// none is added.
func (h holder) references(claim *corev1.PersistentVolumeClaim) []metav1.OwnerReference {
	refs := slices.DeleteFunc(slices.Clone(claim.OwnerReferences), func(r metav1.OwnerReference) bool {
		return h.namesSet(r) || namesPod(r, h.pod)
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
		pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: h.pod, UID: h.podUID}}
		add(*metav1.NewControllerRef(&pod, corev1.SchemeGroupVersion.WithKind("Pod")))
	}
	return refs
}

// retain gives the claims of a pod the owners that the policy wants. A claim that another controller holds is told, if tell is
// set or another claim of the pod changes hands: as in Kubernetes, when the pod starts and when there is work.
func (p *planner) retain(h holder, tell bool) []plan.Action {
	var updates []plan.Action
	var foreign []plan.Event
	for _, claim := range p.claimsOf(h.pod) {
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
			live := p.owner.Ref() // a claim that belongs to a set that is gone is deleted, and its data with it
			update.Live = &live
		}
		updates = append(updates, update)
	}
	if tell || len(updates) > 0 {
		p.events = append(p.events, foreign...)
	}
	return updates
}

func conflictingController(claim string) plan.Event {
	return plan.Event{
		Type:   corev1.EventTypeWarning,
		Reason: "ConflictingController",
		Message: "PersistentVolumeClaim " + claim + " has a conflicting OwnerReference that acts as a manging controller, " +
			"the retention policy is ignored for this claim",
	}
}
