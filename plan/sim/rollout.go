package sim

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

// Deployments is a host for Deployments. Their ReplicaSets need a host of their own: the two see each other only
// through the cluster.
func Deployments(policy rollout.Policy) Host {
	return Host{
		Kind:  "Deployment",
		Reads: []string{"ReplicaSet", "Pod"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			result, err := rollout.Plan(workload.(*appsv1.Deployment), rollout.Observed{
				Now:         seen.Now,
				ReplicaSets: Read[*appsv1.ReplicaSet](seen),
				Pods:        Read[*corev1.Pod](seen),
				Pending:     seen.Pending,
			}, policy)
			return Planned{Result: result.Result}, err
		},
	}
}
