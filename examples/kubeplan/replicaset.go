package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/replicaset"
)

func planReplicaSet(rs *appsv1.ReplicaSet, in input) (planned, error) {
	var policy replicaset.Policy
	if err := in.decodePolicy(&policy); err != nil {
		return planned{}, err
	}
	if err := in.decodeMemory(&struct{}{}); err != nil {
		return planned{}, err
	}
	result, err := replicaset.Plan(rs, replicaset.Observed{
		Now:      in.now,
		Pods:     observed[*corev1.Pod](in.observed, rs.Namespace),
		Siblings: observed[*appsv1.ReplicaSet](in.observed, rs.Namespace), // the planner leaves out those of other controllers
		Pending:  in.pending,
	}, policy)
	if err != nil {
		return planned{}, err
	}
	wanted := int32(1)
	if rs.Spec.Replicas != nil {
		wanted = *rs.Spec.Replicas
	}
	return planned{
		Result:  result.Result,
		status:  result.Status,
		summary: fmt.Sprintf("%d of %d ready", result.Status.ReadyReplicas, wanted),
	}, nil
}
