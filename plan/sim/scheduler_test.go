package sim

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestSchedulerSpreads(t *testing.T) {
	c := New(Options{Nodes: 3})
	for _, name := range []string{"a", "b", "c", "d"} {
		create(t, c, podNamed(name))
	}
	c.Advance(scheduleDelay - 1)
	if node := get[*corev1.Pod](t, c, "a").Spec.NodeName; node != "" {
		t.Errorf("scheduled before its time, to %s", node)
	}
	c.Advance(1)
	for pod, want := range map[string]string{"a": "node1", "b": "node2", "c": "node3", "d": "node1"} {
		if got := get[*corev1.Pod](t, c, pod).Spec.NodeName; got != want {
			t.Errorf("pod %s runs on %q, want %q", pod, got, want)
		}
	}
}

// One node, worker, has the label disk=ssd and cpus=8; control has a taint.
func TestSchedulerRespects(t *testing.T) {
	affinity := func(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
		return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
		}}
	}
	label := func(key string, op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: op, Values: values}}}
	}
	field := func(name string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: "In", Values: []string{name}}}}
	}
	both := label("disk", "In", "ssd")
	both.MatchExpressions = append(both.MatchExpressions, label("cpus", "Lt", "8").MatchExpressions...)
	tolerating := func(tolerations ...corev1.Toleration) corev1.PodSpec {
		return corev1.PodSpec{Tolerations: tolerations, NodeSelector: map[string]string{"kubernetes.io/hostname": "control"}}
	}
	const noMatch = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {role: control}."

	for _, test := range []struct {
		name string
		spec corev1.PodSpec
		want string // the node, or why there is none
	}{
		{"nothing but the taint", corev1.PodSpec{}, "worker"},
		{"nodeSelector", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}, "worker"},
		{"nodeSelector that no node matches", corev1.PodSpec{NodeSelector: map[string]string{"disk": "tape"}}, noMatch},
		{"In", corev1.PodSpec{Affinity: affinity(label("disk", "In", "ssd", "nvme"))}, "worker"},
		{"NotIn", corev1.PodSpec{Affinity: affinity(label("disk", "NotIn", "ssd"))}, noMatch},
		{"Exists", corev1.PodSpec{Affinity: affinity(label("disk", "Exists"))}, "worker"},
		{"DoesNotExist", corev1.PodSpec{Affinity: affinity(label("disk", "DoesNotExist"))}, noMatch},
		{"Gt", corev1.PodSpec{Affinity: affinity(label("cpus", "Gt", "7"))}, "worker"},
		{"Lt", corev1.PodSpec{Affinity: affinity(label("cpus", "Lt", "8"))}, noMatch},
		{"an unknown operator", corev1.PodSpec{Affinity: affinity(label("cpus", "Near", "8"))}, noMatch},
		{"any term", corev1.PodSpec{Affinity: affinity(label("cpus", "Lt", "8"), label("disk", "Exists"))}, "worker"},
		{"all of a term", corev1.PodSpec{Affinity: affinity(both)}, noMatch},
		{"an empty term", corev1.PodSpec{Affinity: affinity(corev1.NodeSelectorTerm{})}, noMatch},
		{"the name of the node", corev1.PodSpec{Affinity: affinity(field("worker"))}, "worker"},
		{"the name of another", corev1.PodSpec{Affinity: affinity(field("control"))}, noMatch},
		{"a toleration", tolerating(corev1.Toleration{Key: "role", Value: "control", Effect: "NoSchedule"}), "control"},
		{"a toleration of any value", tolerating(corev1.Toleration{Key: "role", Operator: "Exists"}), "control"},
		{"a toleration of everything", tolerating(corev1.Toleration{Operator: "Exists"}), "control"},
		{"a toleration of another key", tolerating(corev1.Toleration{Key: "x", Operator: "Exists"}), noMatch},
		{"a toleration of another value", tolerating(corev1.Toleration{Key: "role", Value: "x"}), noMatch},
		{"a toleration of another effect", tolerating(corev1.Toleration{Key: "role", Operator: "Exists", Effect: "NoExecute"}), noMatch},
		{"a scheduling gate", corev1.PodSpec{SchedulingGates: []corev1.PodSchedulingGate{{Name: "x"}}}, ""},
		{"another scheduler", corev1.PodSpec{SchedulerName: "mine"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Options{})
			if err := c.AddNode("worker", map[string]string{"disk": "ssd", "cpus": "8"}); err != nil {
				t.Fatal(err)
			}
			if err := c.AddNode("control", nil, corev1.Taint{Key: "role", Value: "control", Effect: corev1.TaintEffectNoSchedule}); err != nil {
				t.Fatal(err)
			}
			pod := podNamed("x")
			test.spec.Containers = pod.Spec.Containers
			pod.Spec = test.spec
			create(t, c, pod)
			c.Advance(scheduleDelay)
			pod = get[*corev1.Pod](t, c, "x")
			got := pod.Spec.NodeName
			if got == "" && len(pod.Status.Conditions) > 0 {
				if scheduled := pod.Status.Conditions[0]; scheduled.Status == "False" && scheduled.Reason == "Unschedulable" {
					got = scheduled.Message
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSchedulerTriesAgainWhenNodesChange(t *testing.T) {
	c := New(Options{})
	create(t, c, podNamed("x"))
	quiet(t, c)
	if pod := get[*corev1.Pod](t, c, "x"); pod.Status.Conditions[0].Message != "no nodes available to schedule pods" {
		t.Errorf("conditions %v", pod.Status.Conditions)
	}
	if err := c.AddNode("node1", nil); err != nil {
		t.Fatal(err)
	}
	edit(t, c, "node1", func(node *corev1.Node) { node.Spec.Unschedulable = true })
	quiet(t, c)
	if pod := get[*corev1.Pod](t, c, "x"); !strings.Contains(pod.Status.Conditions[0].Message, "1 node(s) were unschedulable") {
		t.Errorf("on a cordoned node: %q, conditions %v", pod.Spec.NodeName, pod.Status.Conditions)
	}
	edit(t, c, "node1", func(node *corev1.Node) { node.Spec.Unschedulable = false })
	c.Advance(0)
	if pod := get[*corev1.Pod](t, c, "x"); pod.Spec.NodeName != "node1" {
		t.Errorf("runs on %q", pod.Spec.NodeName)
	}
	c.Advance(time.Minute)
	create(t, c, podNamed("late"))
	remove(t, c, podNamed("late")) // gone before the scheduler comes to it
	quiet(t, c)
}
