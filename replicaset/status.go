package replicaset

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// outcomes is what the host reported of the last round.
type outcomes struct {
	// reason and message of the ReplicaFailure condition; no reason: nothing failed.
	reason, message string
	// namespaceEnds: a creation was refused because the namespace is being deleted.
	namespaceEnds bool
	// refused are the pods that the API server would not let us change.
	refused map[types.UID]bool
}

// recall reads the failures from the ledger, as far as they concern the pods of this ReplicaSet. Of several
// the first is told: they are likely to be the same.
func recall(pending plan.Pending, owner owners.Owner, seen census) outcomes {
	last := outcomes{refused: map[types.UID]bool{}}
	for _, failed := range pending.Failures() {
		reason, message := "", ""
		switch a := failed.Action.(type) {
		case plan.Create:
			switch {
			case !owner.Owns(a.Object):
			case plan.NamespaceTerminating(failed.Err):
				last.namespaceEnds = true
			default:
				reason, message = "FailedCreate", failed.Err.Message
			}
		case plan.Delete:
			if slices.ContainsFunc(seen.active, func(pod *corev1.Pod) bool { return pod.UID == a.Object.UID }) {
				reason, message = "FailedDelete", "unable to delete pods: "+failed.Err.Message
			}
		case plan.Update:
			if failed.Err.Reason != metav1.StatusReasonConflict { // which says only that the view was old
				last.refused[a.After.GetUID()] = true
			}
		}
		if last.reason == "" {
			last.reason, last.message = reason, message
		}
	}
	return last
}

// adoptable leaves out the orphans whose adoption was refused last time: it is asked for again, but not counted on.
func (last outcomes) adoptable(orphans []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(orphans), func(pod *corev1.Pod) bool { return last.refused[pod.UID] })
}

// report is the status that the view shows.
func report(rs *appsv1.ReplicaSet, seen census, last outcomes, now time.Time) appsv1.ReplicaSetStatus {
	status := *rs.Status.DeepCopy()
	status.ObservedGeneration = rs.Generation
	status.Replicas = int32(len(seen.active))
	status.FullyLabeledReplicas = seen.labelled
	status.ReadyReplicas = seen.ready
	status.AvailableReplicas = seen.available
	status.TerminatingReplicas = &seen.terminating

	told := slices.ContainsFunc(status.Conditions, isReplicaFailure)
	// What failed before may fail again: only when nothing is left to be tried is the failure over.
	ours := len(seen.active) + len(last.adoptable(seen.orphans))
	trying := ours != int(replicas(rs)) && rs.DeletionTimestamp == nil && !last.namespaceEnds
	switch {
	case last.reason != "" && !told:
		status.Conditions = append(status.Conditions, appsv1.ReplicaSetCondition{
			Type:               appsv1.ReplicaSetReplicaFailure,
			Status:             corev1.ConditionTrue,
			LastTransitionTime: metav1.NewTime(now),
			Reason:             last.reason,
			Message:            last.message,
		})
	case last.reason == "" && told && !trying:
		status.Conditions = slices.DeleteFunc(status.Conditions, isReplicaFailure)
	}
	return status
}

func isReplicaFailure(c appsv1.ReplicaSetCondition) bool {
	return c.Type == appsv1.ReplicaSetReplicaFailure
}

// equal compares what a status says. The times of conditions count: they change with the condition alone.
func equal(a, b appsv1.ReplicaSetStatus) bool {
	return a.ObservedGeneration == b.ObservedGeneration &&
		a.Replicas == b.Replicas &&
		a.FullyLabeledReplicas == b.FullyLabeledReplicas &&
		a.ReadyReplicas == b.ReadyReplicas &&
		a.AvailableReplicas == b.AvailableReplicas &&
		b.TerminatingReplicas != nil && *a.TerminatingReplicas == *b.TerminatingReplicas &&
		slices.Equal(a.Conditions, b.Conditions)
}

func writeStatus(rs *appsv1.ReplicaSet, owner owners.Owner, status appsv1.ReplicaSetStatus) plan.UpdateStatus {
	return owners.WriteStatus(owner, rs, func(after *appsv1.ReplicaSet) { after.Status = *status.DeepCopy() })
}
