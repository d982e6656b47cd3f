package sim

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/pods"
)

func nodeOf(t *testing.T, c *Cluster, pod string) string {
	t.Helper()
	return get[*corev1.Pod](t, c, pod).Spec.NodeName
}

func TestNodesJoin(t *testing.T) {
	c := New(Options{})
	if err := c.AddNode("node1", map[string]string{"disk": "ssd"}, corev1.Taint{Key: "x", Effect: corev1.TaintEffectNoExecute}); err != nil {
		t.Fatal(err)
	}
	create(t, c, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node2"}})
	c.Advance(0)
	for name, address := range map[string]string{"node1": "192.168.0.11", "node2": "192.168.0.12"} {
		node := get[*corev1.Node](t, c, name)
		if ready := readyOf(node); ready == nil || ready.Status != corev1.ConditionTrue || hostIP(node) != address || node.Status.NodeInfo.KubeletVersion == "" {
			t.Errorf("%s: %v", name, node.Status)
		}
	}
	node := get[*corev1.Node](t, c, "node1")
	if node.Labels["disk"] != "ssd" || node.Labels["kubernetes.io/hostname"] != "node1" || node.Labels["kubernetes.io/os"] != "linux" {
		t.Errorf("labels %v", node.Labels)
	}
	if node.Spec.Taints[0].TimeAdded == nil {
		t.Error("nobody notes since when it drives pods away")
	}
	if err := c.AddNode("node1", nil); err == nil {
		t.Error("a node joins twice")
	}
}

func TestNodeRemoved(t *testing.T) {
	c := withWeb(t, 4)
	if err := c.RemoveNode("node2"); err != nil {
		t.Fatal(err)
	}
	c.Advance(orphanAge - 1)
	if got := len(names(c, "Pod")); got != 4 {
		t.Errorf("before their time: %d pods", got)
	}
	var failed int
	c.OnWrite(func(w Write) {
		if pod, ok := w.After.(*corev1.Pod); ok && pod.Spec.NodeName == "node2" && pod.Status.Phase == corev1.PodFailed {
			failed++
		}
	})
	quiet(t, c)
	if failed != 2 {
		t.Errorf("%d pods were marked as failed before they went, want 2", failed)
	}
	for _, pod := range List[*corev1.Pod](c, "") {
		if pod.Spec.NodeName != "node1" || !pods.IsReady(pod) {
			t.Errorf("%s on %q", pod.Name, pod.Spec.NodeName)
		}
	}
	if got := get[*appsv1.ReplicaSet](t, c, "web").Status.ReadyReplicas; got != 4 {
		t.Errorf("%d ready", got)
	}
	if err := c.RemoveNode("node2"); err == nil {
		t.Error("a node is removed twice")
	}
}

func TestNodeThatComesBackInTimeKeepsItsPods(t *testing.T) {
	c := withWeb(t, 4)
	before := names(c, "Pod")
	if err := c.RemoveNode("node2"); err != nil {
		t.Fatal(err)
	}
	c.Advance(orphanAge / 2)
	if err := c.AddNode("node2", nil); err != nil {
		t.Fatal(err)
	}
	c.Advance(orphanAge / 4)
	if err := c.RemoveNode("node2"); err != nil {
		t.Fatal(err)
	}
	c.Advance(orphanAge / 2) // a while after the first removal, but not after the second
	if err := c.AddNode("node2", nil); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Hour)
	if got := names(c, "Pod"); !slices.Equal(got, before) {
		t.Errorf("pods %v, before %v", got, before)
	}
}

func TestNodeCutOff(t *testing.T) {
	c := New(Options{Nodes: 1})
	patient := podNamed("patient")
	patient.Spec.Tolerations = []corev1.Toleration{{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists}}
	hasty := podNamed("hasty")
	soon := int64(10)
	hasty.Spec.Tolerations = []corev1.Toleration{{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, TolerationSeconds: &soon}}
	create(t, c, patient)
	create(t, c, hasty)
	create(t, c, podNamed("plain"))
	quiet(t, c)

	if err := c.SetNodeReady("node1", false); err != nil {
		t.Fatal(err)
	}
	start := c.Now()
	deleted := map[string]time.Duration{}
	c.OnWrite(func(w Write) {
		if pod, ok := w.After.(*corev1.Pod); ok && pod.DeletionTimestamp != nil && deleted[pod.Name] == 0 {
			deleted[pod.Name] = c.Now().Sub(start).Truncate(time.Second)
		}
	})
	c.Advance(nodeSilence - 1)
	if !pods.IsReady(get[*corev1.Pod](t, c, "plain")) {
		t.Error("its pods are not ready before it is missed")
	}
	c.Advance(time.Second)
	node := get[*corev1.Node](t, c, "node1")
	if readyOf(node).Status != corev1.ConditionUnknown || len(node.Spec.Taints) != 2 {
		t.Errorf("missed: %v, taints %v", readyOf(node), node.Spec.Taints)
	}
	if pods.IsReady(get[*corev1.Pod](t, c, "plain")) {
		t.Error("its pods are ready still")
	}
	c.Advance(time.Hour)
	if want := (nodeSilence + defaultTolerance).Truncate(time.Second); len(deleted) != 2 || deleted["hasty"] > nodeSilence+10*time.Second || deleted["plain"] > want {
		t.Errorf("deleted after %v", deleted)
	}
	if got := names(c, "Pod"); len(got) != 3 {
		t.Errorf("without a kubelet nobody ends them, but left are %v", got)
	}

	if err := c.SetNodeReady("node1", true); err != nil {
		t.Fatal(err)
	}
	quiet(t, c)
	if got := names(c, "Pod"); !slices.Equal(got, []string{"patient"}) || !pods.IsReady(get[*corev1.Pod](t, c, "patient")) {
		t.Errorf("after its return: %v", got)
	}
	if node := get[*corev1.Node](t, c, "node1"); readyOf(node).Status != corev1.ConditionTrue || len(node.Spec.Taints) > 0 {
		t.Errorf("after its return: %v, taints %v", readyOf(node), node.Spec.Taints)
	}
	if err := c.SetNodeReady("node9", true); err == nil {
		t.Error("a node that does not exist is ready")
	}
}

func TestShortSilenceIsNotNoticed(t *testing.T) {
	c := withWeb(t, 2)
	before := len(c.Writes())
	for _, ready := range []bool{false, true} {
		if err := c.SetNodeReady("node1", ready); err != nil {
			t.Fatal(err)
		}
		c.Advance(nodeSilence / 2)
	}
	c.Advance(time.Hour)
	if got := len(c.Writes()); got != before {
		t.Errorf("%d writes:\n%s", got-before, c.tail(got-before))
	}
}

func TestTaintDrivesPodsAway(t *testing.T) {
	c := withWeb(t, 4)
	edit(t, c, "node2", func(node *corev1.Node) {
		node.Spec.Taints = []corev1.Taint{{Key: "broken", Effect: corev1.TaintEffectNoExecute}}
	})
	c.Advance(0)
	for _, pod := range List[*corev1.Pod](c, "") {
		if leaves := pod.DeletionTimestamp != nil; leaves != (pod.Spec.NodeName == "node2") {
			t.Errorf("%s on %s is being deleted: %t", pod.Name, pod.Spec.NodeName, leaves)
		}
	}
	quiet(t, c)
	for _, pod := range List[*corev1.Pod](c, "") {
		if node := nodeOf(t, c, pod.Name); node != "node1" {
			t.Errorf("%s on %s", pod.Name, node)
		}
	}
}
