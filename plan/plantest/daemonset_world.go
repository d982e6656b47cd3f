package plantest

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// DaemonSetWorld is a DaemonSet on up to four nodes and its host.
func DaemonSetWorld() World {
	return World{
		Name:  "DaemonSet",
		Hosts: []sim.Host{sim.DaemonSets(daemonset.Policy{})},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			return &appsv1.DaemonSet{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
				ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web"},
				Spec: appsv1.DaemonSetSpec{
					MinReadySeconds: pick[int32](t, "minReadySeconds", 0, 5),
					Selector:        selectors()[0],
					Template: corev1.PodTemplateSpec{
						ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
						Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:1"}}},
					},
					UpdateStrategy:       daemonStrategy(drawStrategyText(t)),
					RevisionHistoryLimit: pick(t, "revisionHistoryLimit", nil, new(int32(0)), new(int32(1))),
				},
			}
		}),
		Edits: []Edit{
			{"image", func(t *rapid.T, obj plan.Object) string {
				image := pick(t, "image", "web:1", "web:2", "web:3")
				obj.(*appsv1.DaemonSet).Spec.Template.Spec.Containers[0].Image = image
				return fmt.Sprintf("kubectl set image ds web main=%s", image)
			}},
			{"minReadySeconds", func(t *rapid.T, obj plan.Object) string {
				seconds := pick[int32](t, "seconds", 0, 5)
				obj.(*appsv1.DaemonSet).Spec.MinReadySeconds = seconds
				return fmt.Sprintf(`kubectl patch ds web -p '{"spec":{"minReadySeconds":%d}}'`, seconds)
			}},
			{"strategy", func(t *rapid.T, obj plan.Object) string {
				strategy := daemonStrategy(drawStrategyText(t))
				obj.(*appsv1.DaemonSet).Spec.UpdateStrategy = strategy
				return fmt.Sprintf(`kubectl patch ds web -p '{"spec":{"updateStrategy":%s}}'`, compact(strategy))
			}},
		},
		Taints: true,
		Always: neverTooManyOnANode,
		Step:   daemonSetStep,
		Goal:   daemonSetRest,
		Policy: daemonset.Policy{},
	}
}

// BindingDaemonSetWorld is the same in a cluster without a scheduler: the host binds the pods.
func BindingDaemonSetWorld() World {
	w, policy := DaemonSetWorld(), daemonset.Policy{BindPods: true}
	w.Hosts, w.HostsBind, w.Policy = []sim.Host{sim.DaemonSets(policy)}, true, policy
	return w
}

func drawStrategyText(t *rapid.T) string {
	return pick(t, "strategy", "1", "100%", "surge 1", "surge 100%", "OnDelete")
}

// daemonStrategy is RollingUpdate with so many pods unavailable or, with "surge", too many; or OnDelete.
func daemonStrategy(text string) appsv1.DaemonSetUpdateStrategy {
	if text == "OnDelete" {
		return appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	}
	unavailable, surge := intstr.FromInt32(0), intstr.FromInt32(0)
	var number string
	if n, err := fmt.Sscanf(text, "surge %s", &number); err == nil && n == 1 {
		surge = intstr.Parse(number)
	} else {
		unavailable = intstr.Parse(text)
	}
	return appsv1.DaemonSetUpdateStrategy{
		Type:          appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &unavailable, MaxSurge: &surge},
	}
}

// neverTooManyOnANode: no node ever gets more pods than one, or two if surge was ever asked for, however the view lags. Pods whose
// label is set back by hand count on top. And no pod comes to another node than the one that it was made for.
func neverTooManyOnANode(c *sim.Cluster) func(sim.Write) error {
	var owner types.UID
	most, added := 1, 0
	return func(w sim.Write) error {
		switch obj := w.Object().(type) {
		case *appsv1.DaemonSet:
			if obj.UID != owner {
				owner, most, added = obj.UID, 1, 0
			}
			if allowsTwo(obj) {
				most = 2
			}
		case *corev1.Pod:
			before, after := isMember(w.Before, owner), isMember(w.After, owner)
			if was, ok := w.Before.(*corev1.Pod); ok && before && after && targetOf(was) != targetOf(obj) {
				return fmt.Errorf("pod %s was made for %s, and comes to %s", obj.Name, targetOf(was), targetOf(obj))
			}
			switch {
			case before || !after:
			case w.Before != nil:
				added++
			default:
				has := 0
				for _, pod := range c.Peek("Pod", "") {
					if isMember(pod, owner) && targetOf(pod.(*corev1.Pod)) == targetOf(obj) {
						has++
					}
				}
				if has > most+added {
					return fmt.Errorf("%d pods on %s, and never more than %d were allowed, %d came back by hand", has, targetOf(obj), most, added)
				}
			}
		}
		return nil
	}
}
