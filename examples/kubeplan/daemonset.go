package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/daemonset"
)

func planDaemonSet(ds *appsv1.DaemonSet, in input) (planned, error) {
	var policy daemonset.Policy
	if err := in.decodePolicy(&policy); err != nil {
		return planned{}, err
	}
	var memory daemonset.Memory
	if err := in.decodeMemory(&memory); err != nil {
		return planned{}, err
	}
	result, err := daemonset.Plan(ds, daemonset.Observed{
		Now:       in.now,
		Nodes:     observed[*corev1.Node](in.observed, ""),
		Pods:      observed[*corev1.Pod](in.observed, ds.Namespace),
		Revisions: observed[*appsv1.ControllerRevision](in.observed, ds.Namespace),
		Pending:   in.pending,
		Memory:    memory,
	}, policy)
	if err != nil {
		return planned{}, err
	}
	return planned{
		Result:  result.Result,
		status:  result.Status,
		memory:  result.Memory,
		summary: fmt.Sprintf("%d of %d ready", result.Status.NumberReady, result.Status.DesiredNumberScheduled),
	}, nil
}
