package sim

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// Jobs is a host for Jobs. [LostPods] belongs beside it.
func Jobs(policy job.Policy) Host {
	return Host{
		Kind:  "Job",
		Reads: []string{"Pod"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			memory, _ := seen.Memory.(job.Memory)
			result, err := job.Plan(workload.(*batchv1.Job), job.Observed{
				Now:     seen.Now,
				Pods:    Read[*corev1.Pod](seen),
				Pending: seen.Pending,
				Memory:  memory,
			}, policy)
			return Planned{Result: result.Result, Memory: result.Memory}, err
		},
	}
}

// LostPods is the other half of a host for Jobs: it looks at each pod by itself and lets go of those that no Job will count,
// so that they can be deleted when their Job is gone.
func LostPods(policy job.Policy) Host {
	return Host{
		Name:  "lostpods",
		Kind:  "Pod",
		Reads: []string{"Job"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			result, err := job.Untrack(Read[*batchv1.Job](seen), job.Observed{
				Now:     seen.Now,
				Pods:    []*corev1.Pod{workload.(*corev1.Pod)},
				Pending: seen.Pending,
			}, policy)
			return Planned{Result: result}, err
		},
	}
}
