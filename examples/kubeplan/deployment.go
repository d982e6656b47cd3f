package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/rollout"
)

func planDeployment(d *appsv1.Deployment, in input) (planned, error) {
	var policy rollout.Policy
	if err := in.decodePolicy(&policy); err != nil {
		return planned{}, err
	}
	if err := in.decodeMemory(&struct{}{}); err != nil {
		return planned{}, err
	}
	result, err := rollout.Plan(d, rollout.Observed{
		Now:         in.now,
		ReplicaSets: observed[*appsv1.ReplicaSet](in.observed, d.Namespace),
		Pods:        observed[*corev1.Pod](in.observed, d.Namespace),
		Pending:     in.pending,
	}, policy)
	if err != nil {
		return planned{}, err
	}
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	return planned{
		Result:  result.Result,
		status:  result.Status,
		summary: fmt.Sprintf("%d of %d updated, %d available", result.Status.UpdatedReplicas, wanted, result.Status.AvailableReplicas),
	}, nil
}
