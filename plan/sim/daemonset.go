package sim

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

// DaemonSets is a host for DaemonSets.
func DaemonSets(policy daemonset.Policy) Host {
	return Host{
		Kind:  "DaemonSet",
		Reads: []string{"Node", "Pod", "ControllerRevision"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			memory, _ := seen.Memory.(daemonset.Memory)
			result, err := daemonset.Plan(workload.(*appsv1.DaemonSet), daemonset.Observed{
				Now:       seen.Now,
				Nodes:     Read[*corev1.Node](seen),
				Pods:      Read[*corev1.Pod](seen),
				Revisions: Read[*appsv1.ControllerRevision](seen),
				Pending:   seen.Pending,
				Memory:    memory,
			}, policy)
			return Planned{Result: result.Result, Memory: result.Memory}, err
		},
	}
}
