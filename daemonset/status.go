package daemonset

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// report is the status that the view shows: of each node the first pod counts. Conditions, which others set, stay.
func report(ds *appsv1.DaemonSet, past past, seen census) appsv1.DaemonSetStatus {
	status := *ds.Status.DeepCopy()
	status.ObservedGeneration = max(ds.Generation, ds.Status.ObservedGeneration)
	if past.collisions != nil {
		collisions := *past.collisions
		status.CollisionCount = &collisions
	}
	settled := int32(seen.settled)
	status.DesiredNumberScheduled, status.CurrentNumberScheduled, status.NumberMisscheduled = settled, settled, 0
	status.UpdatedNumberScheduled, status.NumberReady, status.NumberAvailable = settled, settled, settled
	for i := range seen.places {
		place := &seen.places[i]
		if place.node == nil {
			continue
		}
		if place.run {
			status.DesiredNumberScheduled++
		}
		m := place.first()
		switch {
		case m == nil:
		case !place.run:
			status.NumberMisscheduled++
		default:
			status.CurrentNumberScheduled++
			status.UpdatedNumberScheduled += number(m.updated)
			status.NumberReady += number(m.ready)
			status.NumberAvailable += number(m.available)
		}
	}
	status.NumberUnavailable = status.DesiredNumberScheduled - status.NumberAvailable
	return status
}

// first is the first pod that is there and ours.
func (place *place) first() *member {
	for j := range place.pods {
		if m := &place.pods[j]; !m.unanswered && !m.orphan {
			return m
		}
	}
	return nil
}

func number(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func equal(a, b appsv1.DaemonSetStatus) bool {
	return a.ObservedGeneration == b.ObservedGeneration &&
		a.DesiredNumberScheduled == b.DesiredNumberScheduled &&
		a.CurrentNumberScheduled == b.CurrentNumberScheduled &&
		a.NumberMisscheduled == b.NumberMisscheduled &&
		a.UpdatedNumberScheduled == b.UpdatedNumberScheduled &&
		a.NumberReady == b.NumberReady &&
		a.NumberAvailable == b.NumberAvailable &&
		a.NumberUnavailable == b.NumberUnavailable &&
		(a.CollisionCount == nil) == (b.CollisionCount == nil) &&
		(a.CollisionCount == nil || *a.CollisionCount == *b.CollisionCount)
}

func writeStatus(ds *appsv1.DaemonSet, owner owners.Owner, status appsv1.DaemonSetStatus) plan.UpdateStatus {
	return owners.WriteStatus(owner, ds, func(after *appsv1.DaemonSet) { after.Status = *status.DeepCopy() })
}

// beingDeleted is the plan of a DaemonSet that is being deleted. Its history may go before its pods, so that nobody could
// tell which of them are up to date: the status stays as it is.
func beingDeleted(ds *appsv1.DaemonSet, owner owners.Owner, memory Memory) Result {
	result := Result{Status: *ds.Status.DeepCopy(), Memory: memory.copied()}
	result.Add(plan.Wait{For: plan.WaitDeletion, Object: owner.Ref(), Reason: "the DaemonSet is being deleted"})
	return result
}
