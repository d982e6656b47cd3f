package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/statefulset"
)

func planStatefulSet(set *appsv1.StatefulSet, in input) (planned, error) {
	var policy statefulset.Policy
	if err := in.decodePolicy(&policy); err != nil {
		return planned{}, err
	}
	if err := in.decodeMemory(&struct{}{}); err != nil {
		return planned{}, err
	}
	result, err := statefulset.Plan(set, statefulset.Observed{
		Now:       in.now,
		Pods:      observed[*corev1.Pod](in.observed, set.Namespace),
		Claims:    observed[*corev1.PersistentVolumeClaim](in.observed, set.Namespace),
		Volumes:   observed[*corev1.PersistentVolume](in.observed, ""),
		Revisions: observed[*appsv1.ControllerRevision](in.observed, set.Namespace),
		Pending:   in.pending,
	}, policy)
	if err != nil {
		return planned{}, err
	}
	wanted := int32(1)
	if set.Spec.Replicas != nil {
		wanted = *set.Spec.Replicas
	}
	return planned{
		Result:  result.Result,
		status:  result.Status,
		summary: fmt.Sprintf("%d of %d ready", result.Status.ReadyReplicas, wanted),
	}, nil
}
