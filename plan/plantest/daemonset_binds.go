package plantest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

// bindsToTheirNodes: where the policy says so, and only there, each pod of ours without a node is bound to the one that it is made
// for, if pods belong there.
func bindsToTheirNodes(s Snapshot, answer Answer, g garrison, mayGo func(*corev1.Pod) bool) error {
	bound := map[string]string{}
	for _, action := range answer.Actions {
		if bind, ok := action.(plan.Bind); ok {
			bound[bind.Object.Name] = bind.To.Name
		}
	}
	binds := s.Policy.(daemonset.Policy).BindPods
	right := 0
	for _, name := range sortedKeys(g.posts) {
		p := g.posts[name]
		for _, pod := range p.live {
			to, isBound := bound[pod.Name]
			waits := binds && p.exists && p.verdict.ShouldRun && pod.Spec.NodeName == "" && len(pod.Spec.SchedulingGates) == 0 && s.controls(pod)
			switch {
			case isBound && (!waits || to != name):
				return fmt.Errorf("pod %s of %s is bound to %s", pod.Name, name, to)
			case isBound:
				right++
			case waits && pod.UID != "" && !mayGo(pod) && !isRelabelled(answer, pod):
				return fmt.Errorf("pod %s is not bound to %s", pod.Name, name)
			}
		}
	}
	if right != len(bound) {
		return fmt.Errorf("%d pods are bound that are not ours", len(bound)-right)
	}
	return nil
}
