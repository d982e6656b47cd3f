package pods

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Progress orders the phases of pods that have not finished: Pending, and anything unheard of, before Unknown before
// Running.
func Progress(pod *corev1.Pod) int {
	switch pod.Status.Phase {
	case corev1.PodUnknown:
		return 1
	case corev1.PodRunning:
		return 2
	}
	return 0
}

// Restarts are the most restarts of any container, and of any sidecar.
func Restarts(pod *corev1.Pod) (containers, sidecars int32) {
	for i := range pod.Status.ContainerStatuses {
		containers = max(containers, pod.Status.ContainerStatuses[i].RestartCount)
	}
	for i := range pod.Status.InitContainerStatuses {
		status := &pod.Status.InitContainerStatuses[i]
		if status.RestartCount > sidecars && IsSidecar(pod, status.Name) {
			sidecars = status.RestartCount
		}
	}
	return containers, sidecars
}

// IsSidecar reports whether the init container of that name restarts always, and so runs beside the others.
func IsSidecar(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}
