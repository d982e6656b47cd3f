package statefulset

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// report is the status that the view shows. Conditions, which others set, stay.
func report(set *appsv1.StatefulSet, past past, seen census) appsv1.StatefulSetStatus {
	status := appsv1.StatefulSetStatus{
		ObservedGeneration: set.Generation,
		CurrentRevision:    past.current.Name,
		UpdateRevision:     past.update.Name,
		CollisionCount:     &past.collisions,
		Conditions:         slices.Clone(set.Status.Conditions),
	}
	for i := range seen.members {
		tally(&status, &seen.members[i])
	}
	return status
}

// promote makes the update's revision the current one once all pods are of it and ready. As long as there are pods to be adopted
// it is not known what they are of, and a surplus pod does not make up for one that is missing.
func promote(status appsv1.StatefulSetStatus, want wanted, seen census) appsv1.StatefulSetStatus {
	replicas := int32(want.end - want.start)
	surplus := seen.at(want.start) + len(seen.members) - seen.at(want.end)
	if !want.onDelete && len(seen.orphans) == 0 && surplus == 0 &&
		status.UpdatedReplicas == replicas && status.ReadyReplicas == replicas && status.Replicas == replicas {
		status.CurrentRevision = status.UpdateRevision
		status.CurrentReplicas = status.UpdatedReplicas
	}
	return status
}

// tally counts a member. A pod that is being deleted is there, and may be ready, but is of no revision any more.
func tally(status *appsv1.StatefulSetStatus, m *member) {
	if m.orphan || m.unanswered {
		return
	}
	status.Replicas++
	if m.ready {
		status.ReadyReplicas++
		if m.available {
			status.AvailableReplicas++
		}
	}
	if !m.isGoing() {
		if m.current {
			status.CurrentReplicas++
		}
		if m.updated {
			status.UpdatedReplicas++
		}
	}
}

// equal reports whether a need not be written over b. A generation that is ahead, of a set in another life, is let be.
func equal(a, b appsv1.StatefulSetStatus) bool {
	return a.ObservedGeneration <= b.ObservedGeneration &&
		a.Replicas == b.Replicas &&
		a.ReadyReplicas == b.ReadyReplicas &&
		a.AvailableReplicas == b.AvailableReplicas &&
		a.CurrentReplicas == b.CurrentReplicas &&
		a.UpdatedReplicas == b.UpdatedReplicas &&
		a.CurrentRevision == b.CurrentRevision &&
		a.UpdateRevision == b.UpdateRevision &&
		orElse(a.CollisionCount, 0) == orElse(b.CollisionCount, 0)
}

func writeStatus(set *appsv1.StatefulSet, owner owners.Owner, status appsv1.StatefulSetStatus) plan.UpdateStatus {
	return owners.WriteStatus(owner, set, func(after *appsv1.StatefulSet) { after.Status = *status.DeepCopy() })
}
