package main

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/job"
)

func planJob(j *batchv1.Job, in input) (planned, error) {
	var policy job.Policy
	if err := in.decodePolicy(&policy); err != nil {
		return planned{}, err
	}
	var memory job.Memory
	if err := in.decodeMemory(&memory); err != nil {
		return planned{}, err
	}
	result, err := job.Plan(j, job.Observed{
		Now:     in.now,
		Pods:    observed[*corev1.Pod](in.observed, j.Namespace),
		Pending: in.pending,
		Memory:  memory,
	}, policy)
	if err != nil {
		return planned{}, err
	}
	return planned{
		Result:  result.Result,
		status:  result.Status,
		memory:  result.Memory,
		summary: fmt.Sprintf("%s succeeded, %d failed", completions(j, result.Status.Succeeded), result.Status.Failed),
	}, nil
}

// completions is how many pods have succeeded, of how many: one if the manifest says nothing. A work queue has no number.
func completions(j *batchv1.Job, succeeded int32) string {
	switch {
	case j.Spec.Completions != nil:
		return fmt.Sprintf("%d of %d", succeeded, *j.Spec.Completions)
	case j.Spec.Parallelism != nil:
		return fmt.Sprint(succeeded)
	}
	return fmt.Sprintf("%d of 1", succeeded)
}
