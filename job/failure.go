package job

import (
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// judge finds what the pod failure policy says about a failed pod: the action of the first rule that matches, Count if
// none does. For FailJob the message says why.
func judge(policy *batchv1.PodFailurePolicy, pod *corev1.Pod) (action batchv1.PodFailurePolicyAction, message string) {
	if policy == nil {
		return batchv1.PodFailurePolicyActionCount, ""
	}
	for i := range policy.Rules {
		rule := &policy.Rules[i]
		var why string
		if rule.OnExitCodes != nil {
			if c := exitedWith(pod, rule.OnExitCodes); c != nil {
				why = fmt.Sprintf("Container %s for pod %s/%s failed with exit code %v", c.Name, pod.Namespace, pod.Name, c.State.Terminated.ExitCode)
			}
		} else if c := conditionIn(pod, rule.OnPodConditions); c != nil {
			why = fmt.Sprintf("Pod %s/%s has condition %v", pod.Namespace, pod.Name, c.Type)
		}
		if why != "" {
			return rule.Action, fmt.Sprintf("%s matching %v rule at index %d", why, rule.Action, i)
		}
	}
	return batchv1.PodFailurePolicyActionCount, ""
}

// exitedWith is the first container, else init container, that failed with an exit code that codes asks for.
func exitedWith(pod *corev1.Pod, codes *batchv1.PodFailurePolicyOnExitCodesRequirement) *corev1.ContainerStatus {
	for _, containers := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range containers {
			c := &containers[i]
			if c.State.Terminated == nil || c.State.Terminated.ExitCode == 0 ||
				(codes.ContainerName != nil && *codes.ContainerName != c.Name) {
				continue
			}
			listed := slices.Contains(codes.Values, c.State.Terminated.ExitCode)
			if listed == (codes.Operator == batchv1.PodFailurePolicyOnExitCodesOpIn) {
				return c
			}
		}
	}
	return nil
}

// conditionIn is the first condition of the pod that is among patterns.
func conditionIn(pod *corev1.Pod, patterns []batchv1.PodFailurePolicyOnPodConditionsPattern) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		for _, pattern := range patterns {
			if c.Type == pattern.Type && (c.Status == pattern.Status || (pattern.Status == "" && c.Status == corev1.ConditionTrue)) {
				return c
			}
		}
	}
	return nil
}
