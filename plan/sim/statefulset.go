package sim

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// StatefulSets is a host for StatefulSets.
func StatefulSets(policy statefulset.Policy) Host {
	return Host{
		Kind:  "StatefulSet",
		Reads: []string{"Pod", "PersistentVolumeClaim", "PersistentVolume", "ControllerRevision"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			result, err := statefulset.Plan(workload.(*appsv1.StatefulSet), statefulset.Observed{
				Now:       seen.Now,
				Pods:      Read[*corev1.Pod](seen),
				Claims:    Read[*corev1.PersistentVolumeClaim](seen),
				Volumes:   Read[*corev1.PersistentVolume](seen),
				Revisions: Read[*appsv1.ControllerRevision](seen),
				Pending:   seen.Pending,
			}, policy)
			return Planned{Result: result.Result}, err
		},
	}
}
