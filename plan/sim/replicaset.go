package sim

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// ReplicaSets is a host for ReplicaSets.
func ReplicaSets(policy replicaset.Policy) Host {
	return Host{
		Kind:  "ReplicaSet",
		Reads: []string{"Pod"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			result, err := replicaset.Plan(workload.(*appsv1.ReplicaSet), replicaset.Observed{
				Now:      seen.Now,
				Pods:     Read[*corev1.Pod](seen),
				Siblings: Read[*appsv1.ReplicaSet](seen), // the planner knows which are
				Pending:  seen.Pending,
			}, policy)
			return Planned{Result: result.Result}, err
		},
	}
}
