package plantest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// Nodes draws up to most nodes, node-1, node-2 and so on; generated pods name the first three. They differ in one label, and
// may have any taint, be closed for scheduling, not ready, or being deleted.
func Nodes(t *rapid.T, most int) []*corev1.Node {
	nodes := make([]*corev1.Node, rapid.IntRange(0, most).Draw(t, "nodes"))
	for i := range nodes {
		nodes[i] = rapid.Custom(func(t *rapid.T) *corev1.Node { return node(t, i+1) }).Draw(t, fmt.Sprintf("node %d", i+1))
	}
	return nodes
}

func node(t *rapid.T, i int) *corev1.Node {
	name := fmt.Sprintf("node-%d", i)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:            name,
		UID:             types.UID(name + "-uid"),
		ResourceVersion: fmt.Sprint(50 + i),
		Labels:          map[string]string{corev1.LabelHostname: name},
	}}
	if disk := pick(t, "disk", "", "ssd", "ssd", "hdd"); disk != "" {
		node.Labels["disk"] = disk
	}
	if effect := pick(t, "taint", "", "", "", corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule); effect != "" {
		key := pick(t, "taint key", "dedicated", corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable)
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: key, Effect: effect})
	}
	if rarely(t, "closed", 6) {
		node.Spec.Unschedulable = true
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
	}
	ready := pick(t, "ready", corev1.ConditionTrue, corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown)
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}
	return node
}
