// Package pods answers the questions that every planner asks of a pod, as Kubernetes answers them.
package pods

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// IsActive reports whether the pod still does, or will do, its work: it is neither finished nor being deleted.
func IsActive(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && !IsTerminal(pod)
}

// IsTerminal reports whether the pod is finished: Succeeded or Failed, and never running again.
func IsTerminal(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// IsTerminating reports whether the pod is being deleted and may still run.
func IsTerminating(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil && !IsTerminal(pod)
}

// IsReady reports whether the pod has a Ready condition that is true.
func IsReady(pod *corev1.Pod) bool {
	ready := readyCondition(pod)
	return ready != nil && ready.Status == corev1.ConditionTrue
}

// ReadySince is when a Ready pod became so: zero if it is not Ready or does not say.
func ReadySince(pod *corev1.Pod) time.Time {
	if ready := readyCondition(pod); ready != nil && ready.Status == corev1.ConditionTrue {
		return ready.LastTransitionTime.Time
	}
	return time.Time{}
}

// IsAvailable reports whether the pod has been Ready for at least minReadySeconds at now.
func IsAvailable(pod *corev1.Pod, minReadySeconds int32, now time.Time) bool {
	if !IsReady(pod) {
		return false
	}
	if minReadySeconds == 0 {
		return true
	}
	at := AvailableAt(pod, minReadySeconds)
	return !at.IsZero() && !now.Before(at)
}

// AvailableAt is the first instant at which a Ready pod that stays Ready is available: readySince +
// minReadySeconds. It is zero for a pod that is not Ready or does not say since when; such a pod is never available
// unless minReadySeconds is 0.
func AvailableAt(pod *corev1.Pod, minReadySeconds int32) time.Time {
	since := ReadySince(pod)
	if since.IsZero() {
		return time.Time{}
	}
	return since.Add(time.Duration(minReadySeconds) * time.Second)
}

// readyCondition is the first condition of type Ready: the one that counts.
func readyCondition(pod *corev1.Pod) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == corev1.PodReady {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}
