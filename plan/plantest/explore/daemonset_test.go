package explore_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
)

func node(name string) *corev1.Node {
	return &corev1.Node{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}, ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// daemonSet is a DaemonSet on two nodes, one of which is lost or tainted, while a third may come and the image changes.
func daemonSet() explore.Scope {
	subject := plantest.DaemonSets()
	return explore.Scope{
		Name:  "DaemonSet",
		Hosts: []sim.Host{sim.DaemonSets(daemonset.Policy{})},
		Start: []plan.Object{
			node("node1"), node("node2"),
			&appsv1.DaemonSet{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
				ObjectMeta: meta("web"),
				Spec: appsv1.DaemonSetSpec{
					Selector: selector(), Template: template("web:1"),
					UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
						Type:          appsv1.RollingUpdateDaemonSetStrategyType,
						RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(1)), MaxSurge: new(intstr.FromInt32(0))},
					},
				},
			},
		},
		Workload: plan.Ref{Kind: "DaemonSet", Name: "web"},
		Policy:   daemonset.Policy{},
		Edits: []explore.Edit{
			explore.EditOf("kubectl set image ds web main=web:2", "DaemonSet", "web", func(ds *appsv1.DaemonSet) {
				ds.Spec.Template.Spec.Containers[0].Image = "web:2"
			}),
			explore.EditOf("kubectl taint nodes node2 key=value:NoExecute", "Node", "node2", func(n *corev1.Node) {
				n.Spec.Taints = []corev1.Taint{{Key: "key", Value: "value", Effect: corev1.TaintEffectNoExecute}}
			}),
			{Command: "node remove node2", Kind: "Node", Name: "node2", Change: func(plan.Object) plan.Object { return nil }},
			{Command: "node add node3", Kind: "Node", Name: "node3", Change: func(there plan.Object) plan.Object {
				if there != nil {
					return there
				}
				return node("node3")
			}},
		},
		Faults:  []explore.Fault{explore.Crash, explore.PodFails},
		Budget:  explore.Budget{Faults: 2, Edits: 2, Lags: 1},
		Lagging: []string{"daemonset pod"},
		Always:  onePodANode,
		Step:    subject.Step,
		Goal:    subject.Goal,
	}
}

func daemonSetControls() []control {
	return []control{
		{
			name:  "a host without Pending",
			why:   "It plans from what it sees, and does not see what it has just created.",
			scope: spoil(daemonSet(), spoilInput(func(_ *appsv1.DaemonSet, seen *sim.Seen) { seen.Pending = plan.Pending{} })),
		},
		{
			name: "a planner that updates all nodes at once",
			why:  "It deletes every old pod, and leaves no node with one that is available.",
			scope: spoil(daemonSet(), spoilInput(func(ds *appsv1.DaemonSet, _ *sim.Seen) {
				ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("100%"))
			})),
		},
		{
			name: "a planner that puts the new pod beside the old one",
			why:  "It plans with a surge where none is allowed, and two pods run on a node.",
			scope: spoil(daemonSet(), spoilInput(func(ds *appsv1.DaemonSet, _ *sim.Seen) {
				ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromInt32(1))}
			})),
		},
	}
}
