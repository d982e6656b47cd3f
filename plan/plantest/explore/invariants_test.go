package explore_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
)

// What holds in every state, however much the views miss: there are never more than were wanted at any time.

func atMost[T plan.Object](most int, what string, count func(T) int) func(plantest.Snapshot) error {
	return func(s plantest.Snapshot) error {
		has := 0
		for _, obj := range plantest.All[T](s) {
			has += count(obj)
		}
		if has > most {
			return fmt.Errorf("%d %s, and never more than %d were wanted", has, what, most)
		}
		return nil
	}
}

func atMostPods(most int) func(plantest.Snapshot) error {
	return atMost(most, "pods at work", atWork)
}

// atWork is 1 for a pod that is neither finished nor being deleted.
func atWork(pod *corev1.Pod) int {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return 0
	}
	return 1
}

func atMostReplicas(most int) func(plantest.Snapshot) error {
	return atMost(most, "replicas of all ReplicaSets", func(rs *appsv1.ReplicaSet) int { return int(*rs.Spec.Replicas) })
}

func oneJobAtATime() func(plantest.Snapshot) error {
	return atMost(1, "Jobs at work", func(j *batchv1.Job) int {
		for _, c := range j.Status.Conditions {
			if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
				return 0
			}
		}
		if j.DeletionTimestamp != nil {
			return 0
		}
		return 1
	})
}

// onePodANode: a node has one pod at work at the most.
func onePodANode(s plantest.Snapshot) error {
	on := map[string]int{}
	for _, pod := range plantest.All[*corev1.Pod](s) {
		node := pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0]
		if on[node.Values[0]] += atWork(pod); on[node.Values[0]] > 1 {
			return fmt.Errorf("%d pods at work on %s", on[node.Values[0]], node.Values[0])
		}
	}
	return nil
}

// claimsStay: a pod of a StatefulSet never exists without its claim.
func claimsStay(s plantest.Snapshot) error {
	claims := map[string]bool{}
	for _, claim := range plantest.All[*corev1.PersistentVolumeClaim](s) {
		claims[claim.Name] = true
	}
	for _, pod := range plantest.All[*corev1.Pod](s) {
		if metav1.GetControllerOf(pod) != nil && !claims["data-"+pod.Name] {
			return fmt.Errorf("pod %s exists without its claim", pod.Name)
		}
	}
	return nil
}
