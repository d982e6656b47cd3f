package plantest_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

// What is never drawn is never tested. Each of these has to turn up.
func TestGeneratedStates(t *testing.T) {
	seen := map[string]int{}
	count := func(name string, holds bool) {
		if holds {
			seen[name]++
		} else {
			seen[name] += 0
		}
	}
	for seed := range 500 {
		s := plantest.ReplicaSets().Snapshots.Example(seed)
		rs := s.Workload.(*appsv1.ReplicaSet)
		count("replicas left out", rs.Spec.Replicas == nil)
		count("no replicas", rs.Spec.Replicas != nil && *rs.Spec.Replicas == 0)
		count("a workload that is being deleted", rs.DeletionTimestamp != nil)
		count("a workload without a uid", rs.UID == "")
		count("a selector that selects nothing", len(rs.Spec.Selector.MatchLabels)+len(rs.Spec.Selector.MatchExpressions) == 0)
		count("a sibling", len(plantest.All[*appsv1.ReplicaSet](s)) > 0)
		uids := map[string]int{}
		for _, pod := range plantest.All[*corev1.Pod](s) {
			count("a pod that is nil", pod == nil)
			if pod == nil {
				continue
			}
			countPod(count, pod, rs)
			if uids[string(pod.UID)]++; pod.UID != "" {
				count("a pod that is listed twice", uids[string(pod.UID)] > 1)
			}
		}
		for _, node := range rapid.Custom(func(t *rapid.T) []*corev1.Node { return plantest.Nodes(t, 3) }).Example(seed) {
			count("a node that is not ready", node.Status.Conditions[0].Status != corev1.ConditionTrue)
			count("a node that is closed", node.Spec.Unschedulable)
			for _, taint := range node.Spec.Taints {
				count("a node with the taint "+string(taint.Effect), true)
			}
		}
	}
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule} {
		count("a node with the taint "+string(effect), false)
	}
	for name, times := range seen {
		if times == 0 {
			t.Errorf("never drawn: %s", name)
		}
	}
}

func countPod(count func(string, bool), pod *corev1.Pod, rs *appsv1.ReplicaSet) {
	controller := metav1.GetControllerOf(pod)
	count("a pod without a uid", pod.UID == "")
	count("a pod of another namespace", pod.Namespace != rs.Namespace)
	count("a pod that is ours", controller != nil && controller.UID == rs.UID)
	count("an orphan", controller == nil)
	count("a pod of another", controller != nil && controller.Name == "other")
	count("a pod of another of the same name", controller != nil && controller.Name == rs.Name && controller.UID != rs.UID)
	count("a pod of another kind", controller != nil && controller.UID == "uid-of-other-kind")
	count("a pod of two owners", len(pod.OwnerReferences) > 1)
	count("a pod that is not selected", pod.Labels["app"] != "web")
	count("a pod that is being deleted", pod.DeletionTimestamp != nil)
	count("a pod with a finalizer", len(pod.Finalizers) > 0)
	count("a pod without a status", pod.Status.Phase == "")
	count("a pod without a node", pod.Spec.NodeName == "")
	for _, phase := range []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown} {
		count("a pod that is "+string(phase), pod.Status.Phase == phase)
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			count("a pod that is ready", c.Status == corev1.ConditionTrue)
			count("a pod that is not ready", c.Status == corev1.ConditionFalse)
			count("a pod that does not say since when it is ready", c.LastTransitionTime.IsZero())
			count("a pod that is ready from tomorrow", c.LastTransitionTime.After(plantest.Epoch()))
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		count("a pod that has restarted", c.RestartCount > 0)
	}
}
