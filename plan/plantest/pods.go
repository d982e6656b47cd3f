package plantest

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

// Pods says how to draw the pods of a snapshot.
type Pods struct {
	Metadata
	// Prefix begins the names: "web" gives web-0, web-1, ...
	Prefix string
	// Template is the spec that the workload would give them; some have another image.
	Template corev1.PodSpec
	// Vary, if set, gives pods the traits of their kind (an ordinal, a revision, a completion index) after all others are drawn.
	Vary func(t *rapid.T, i int, pod *corev1.Pod)
}

// Draw gives up to most pods in every state that a cluster shows, among them rare ones: no status at all, a Ready condition without
// a time or from the future, Ready but finished, deleted but kept by a finalizer.
func (p Pods) Draw(t *rapid.T, most int) []*corev1.Pod {
	pods := make([]*corev1.Pod, rapid.IntRange(0, most).Draw(t, "pods"))
	for i := range pods {
		pods[i] = rapid.Custom(func(t *rapid.T) *corev1.Pod { return p.pod(t, i) }).Draw(t, fmt.Sprintf("pod %d", i))
	}
	return pods
}

func (p Pods) pod(t *rapid.T, i int) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: p.Metadata.Draw(t, p.Prefix, i), Spec: *p.Template.DeepCopy()}
	if rarely(t, "typed", 4) { // as decoded from JSON; lists of client-go leave the kind out
		pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	}
	pod.Spec.NodeName = pick(t, "node", "", "node-1", "node-1", "node-2", "node-3")
	if cost := pick(t, "deletion cost", "", "", "", "", "5", "-5", "+1", "many"); cost != "" {
		pod.Annotations = map[string]string{corev1.PodDeletionCost: cost}
	}
	if len(pod.Spec.Containers) > 0 && rarely(t, "other image", 6) {
		pod.Spec.Containers[0].Image = "other"
	}
	if !rarely(t, "no status", 12) {
		p.status(t, pod)
	}
	if p.Vary != nil {
		p.Vary(t, i, pod)
	}
	return pod
}

func (p Pods) status(t *rapid.T, pod *corev1.Pod) {
	status := &pod.Status
	status.Phase = pick(t, "phase", corev1.PodRunning, corev1.PodRunning, corev1.PodRunning, corev1.PodRunning,
		corev1.PodPending, corev1.PodPending, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown)
	if rarely(t, "another condition", 6) {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue})
	}
	switch pick(t, "ready", "true", "true", "true", "true", "false", "none", "timeless", "future") {
	case "true":
		status.Conditions = append(status.Conditions, Ready(corev1.ConditionTrue, Past(t, "ready since", p.Now)))
	case "false":
		status.Conditions = append(status.Conditions, Ready(corev1.ConditionFalse, Past(t, "unready since", p.Now)))
	case "timeless":
		status.Conditions = append(status.Conditions, Ready(corev1.ConditionTrue, metav1.Time{}))
	case "future": // the clocks of nodes differ
		status.Conditions = append(status.Conditions, Ready(corev1.ConditionTrue, metav1.NewTime(p.Now.Truncate(time.Second).Add(3*time.Second))))
	}
	for _, container := range pod.Spec.Containers {
		restarts := pick(t, "restarts", 0, 0, 0, 1, 2)
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, RestartCount: int32(restarts)})
	}
}

// Ready is the Ready condition of a pod.
func Ready(status corev1.ConditionStatus, since metav1.Time) corev1.PodCondition {
	return corev1.PodCondition{Type: corev1.PodReady, Status: status, LastTransitionTime: since}
}

// older is how a pod looked before it came as far as it is: the version that a lagging list still holds.
func older(pod *corev1.Pod) {
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
	pod.DeletionTimestamp = nil
}
