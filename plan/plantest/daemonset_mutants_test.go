package plantest_test

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
)

type (
	garrison        = plantest.DaemonSetInput
	garrisonSubject = plantest.Subject[garrison]
)

// Planners of DaemonSets with one thing wrong, and the rules that find it out.
func TestDaemonSetMutants(t *testing.T) {
	checkMutants(t, plantest.DaemonSets(), []mutant[garrison]{
		{"writes a default into the workload", seeing(func(in garrison) garrison {
			if in.DaemonSet != nil && in.DaemonSet.Spec.RevisionHistoryLimit == nil {
				in.DaemonSet.Spec.RevisionHistoryLimit = new(int32(10))
			}
			return in
		}), []string{"inputs are not modified"}},
		{"sorts the nodes where they are", seeing(func(in garrison) garrison {
			slices.SortFunc(in.Observed.Nodes, func(a, b *corev1.Node) int { return cmp.Compare(nodeName(b), nodeName(a)) })
			return in
		}), []string{"inputs are not modified"}},
		{"gives the template's labels to the pods", changing(func(in garrison, action plan.Action) plan.Action {
			if pod, ok := created(action); ok {
				pod.Labels = in.DaemonSet.Spec.Template.Labels
			}
			return action
		}), []string{"results share no memory with inputs"}},
		{"hands back the memory that it was given", giving(func(in garrison, a answer) answer {
			if nodes := in.Observed.Memory.Nodes; in.DaemonSet != nil && len(nodes) > 0 {
				a.Whole.(*daemonset.Result).Memory = in.Observed.Memory
			}
			return a
		}), []string{"results share no memory with inputs"}},
		{"creates in the order in which the nodes are listed", giving(func(in garrison, a answer) answer {
			listed := map[string]int{}
			for i, node := range in.Observed.Nodes {
				listed[nodeName(node)] = i
			}
			slices.SortStableFunc(a.Actions, func(x, y plan.Action) int {
				p, creates := created(x)
				q, too := created(y)
				if !creates || !too {
					return 0
				}
				return cmp.Compare(listed[nodeOf(p)], listed[nodeOf(q)])
			})
			return a
		}), []string{"order does not matter"}},
		{"loops over a map of nodes", giving(func(_ garrison, a answer) answer {
			actions := map[string]plan.Action{}
			for _, action := range a.Actions {
				actions[action.String()] = action
			}
			a.Actions = slices.Collect(maps.Values(actions))
			return a
		}), []string{"the same input gives the same plan"}},
		{"deletes by name", changing(func(_ garrison, action plan.Action) plan.Action {
			if d, ok := action.(plan.Delete); ok {
				d.Object.UID = ""
				return d
			}
			return action
		}), []string{"plans have the form that hosts expect"}},
		{"ignores the burst", seeing(func(in garrison) garrison {
			in.Policy.Burst = max(0, in.Policy.Burst) * 100
			return in
		}), []string{"plans keep what the kind promises"}},
		{"leaves the pods of a node that drives them away", seeing(editNodes(func(node *corev1.Node) {
			for i := range node.Spec.Taints {
				node.Spec.Taints[i].Effect = corev1.TaintEffectNoSchedule
			}
		})), []string{"plans keep what the kind promises", "never silent"}},
		{"passes over the backoff", seeing(func(in garrison) garrison {
			in.Observed.Memory = daemonset.Memory{}
			return in
		}), []string{"plans keep what the kind promises"}},
		{"reports the status of the last round", giving(func(in garrison, a answer) answer {
			if in.DaemonSet != nil {
				a.Whole.(*daemonset.Result).Status = *in.DaemonSet.Status.DeepCopy()
			}
			return a
		}), []string{"plans keep what the kind promises"}},
		{"creates where a taint keeps pods away", seeing(editNodes(func(node *corev1.Node) { node.Spec.Taints = nil })), []string{"every prefix is safe"}},
		{"creates for a node that is gone", giving(func(_ garrison, a answer) answer {
			for _, action := range a.Actions {
				if pod, ok := created(action); ok {
					pod = pod.DeepCopy()
					required(pod)[0].MatchFields[0].Values = []string{"node-gone"}
					a.Actions = slices.Insert(slices.Clone(a.Actions), slices.Index(a.Actions, action), plan.Action(plan.Create{Object: pod}))
					break
				}
			}
			return a
		}), []string{"every prefix is safe"}},
		{"replaces all pods at once", rolling("100%", "0"), []string{"every prefix is safe"}},
		{"surges on all nodes at once", rolling("0", "100%"), []string{"every prefix is safe"}},
		{"updates pods that wait for people to delete them", seeing(editDaemonSet(func(ds *appsv1.DaemonSet) {
			if ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
				ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{}
			}
		})), []string{"every prefix is safe"}},
		{"takes every pod for available", seeing(editPods(func(_ garrison, pod *corev1.Pod) {
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(1, 0)}}
		})), []string{"every prefix is safe", "plans keep what the kind promises"}},
		{"swaps two pods of a node by their labels, one out before one in", giving(swapOnNode), []string{"every subset of a batch is safe"}},
		{"says nothing of what it waits for", giving(func(_ garrison, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool { return rank(action) == 0 })
			return a
		}), []string{"never silent", "fixpoint"}},
		{"never adopts", giving(func(_ garrison, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool {
				update, ok := action.(plan.Update)
				return ok && update.Live != nil
			})
			return a
		}), []string{"fixpoint"}},
		{"keeps two pods on a node", giving(func(in garrison, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool {
				d, ok := action.(plan.Delete)
				return ok && in.DaemonSet != nil && d.Reason == "node node-1 has more than one pod"
			})
			return a
		}), []string{"plans keep what the kind promises"}},
		{"binds nothing", giving(func(_ garrison, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool {
				_, binds := action.(plan.Bind)
				return binds
			})
			return a
		}), []string{"plans keep what the kind promises"}},
		{"binds to another node", changing(func(_ garrison, action plan.Action) plan.Action {
			if bind, ok := action.(plan.Bind); ok {
				bind.To.Name = "node-9"
				return bind
			}
			return action
		}), []string{"plans keep what the kind promises"}},
		{"has a host without a ledger", seeing(func(in garrison) garrison {
			in.Observed.Pending.Outcomes = nil
			return in
		}), []string{"read your writes"}},
		{"counts only what was answered", seeing(func(in garrison) garrison {
			in.Observed.Pending.Outcomes = slices.DeleteFunc(slices.Clone(in.Observed.Pending.Outcomes), func(o plan.Outcome) bool {
				return o.Reply == nil && o.Err == nil
			})
			return in
		}), []string{"read your writes"}},
		{"waits until each new UID has shown up", expectingPods, []string{"no stall once the view is current"}},
		{"forgets what was refused", seeing(func(in garrison) garrison {
			in.Observed.Pending.Outcomes = slices.DeleteFunc(slices.Clone(in.Observed.Pending.Outcomes), func(o plan.Outcome) bool { return o.Err != nil })
			return in
		}), []string{"no starvation behind a refusal"}},
		{"writes the status every time", giving(func(in garrison, a answer) answer {
			if slices.ContainsFunc(a.Actions, isStatus) || in.DaemonSet == nil {
				return a
			}
			before, after := in.DaemonSet.DeepCopy(), in.DaemonSet.DeepCopy()
			after.Annotations = map[string]string{"looked": before.ResourceVersion}
			a.Actions = append([]plan.Action{plan.UpdateStatus{Before: before, After: after}}, a.Actions...)
			return a
		}), []string{"fixpoint"}},
		{"wakes a second late", wakingAt(func(at time.Time) time.Time { return at.Add(time.Second) }), []string{"exact wake-ups at rest"}},
		{"wakes a nanosecond early", wakingAt(func(at time.Time) time.Time { return at.Add(-1) }), []string{"exact wake-ups at rest"}},
		{"never wakes", wakingAt(func(time.Time) time.Time { return time.Time{} }), []string{"exact wake-ups at rest"}},
		{"adopts what another controls", seeing(editPods(func(in garrison, pod *corev1.Pod) {
			if controller := metav1.GetControllerOf(pod); controller != nil && controller.UID != in.DaemonSet.UID {
				pod.OwnerReferences = nil
			}
		})), []string{"ownership"}},
		{"goes by the owner's name", seeing(editPods(func(in garrison, pod *corev1.Pod) {
			for i := range pod.OwnerReferences {
				if pod.OwnerReferences[i].Name == in.DaemonSet.Name {
					pod.OwnerReferences[i].UID = in.DaemonSet.UID
				}
			}
		})), []string{"ownership"}},
		{"goes on while it is being deleted", seeing(editDaemonSet(func(ds *appsv1.DaemonSet) { ds.DeletionTimestamp = nil })), []string{"ownership"}},
		{"takes bad input for nothing to do", func(s garrisonSubject) garrisonSubject {
			healthy := s.Plan
			s.Plan = func(in garrison) (answer, error) {
				if a, err := healthy(in); err == nil {
					return a, nil
				}
				return answer{Whole: &daemonset.Result{}}, nil
			}
			return s
		}, []string{"bad input is an error"}},
		{"does not name the field", func(s garrisonSubject) garrisonSubject {
			healthy := s.Plan
			s.Plan = func(in garrison) (answer, error) {
				a, err := healthy(in)
				if err != nil {
					err = errors.New("invalid DaemonSet")
				}
				return a, err
			}
			return s
		}, []string{"bad input is an error"}},
		{"takes no strategy for OnDelete", seeing(editDaemonSet(func(ds *appsv1.DaemonSet) {
			if ds.Spec.UpdateStrategy.Type == "" {
				ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
			}
		})), []string{"nil means the default"}},
		{"creates what has no JSON form", changing(func(_ garrison, action plan.Action) plan.Action {
			if pod, ok := created(action); ok {
				pod.TypeMeta = metav1.TypeMeta{}
				return plan.Create{Object: nameless{pod}}
			}
			return action
		}), []string{"actions survive JSON"}},
	})
}

// seeing makes a mutant that plans from something else than what it is shown.
func seeing(change func(garrison) garrison) func(garrisonSubject) garrisonSubject {
	return func(s garrisonSubject) garrisonSubject {
		healthy := s.Plan
		s.Plan = func(in garrison) (answer, error) { return healthy(change(in)) }
		return s
	}
}

// giving makes a mutant that spoils the plan.
func giving(spoil func(garrison, answer) answer) func(garrisonSubject) garrisonSubject {
	return func(s garrisonSubject) garrisonSubject {
		healthy := s.Plan
		s.Plan = func(in garrison) (answer, error) {
			a, err := healthy(in)
			if err != nil {
				return a, err
			}
			return spoil(in, a), nil
		}
		return s
	}
}

// changing spoils action by action.
func changing(change func(garrison, plan.Action) plan.Action) func(garrisonSubject) garrisonSubject {
	return giving(func(in garrison, a answer) answer {
		return each(a, func(action plan.Action) plan.Action { return change(in, action) })
	})
}

func wakingAt(at func(time.Time) time.Time) func(garrisonSubject) garrisonSubject {
	return giving(func(_ garrison, a answer) answer {
		if !a.Wake.IsZero() {
			a.Wake = at(a.Wake)
		}
		return a
	})
}

// rolling plans with another strategy where pods are updated at all, with surge or without.
func rolling(unavailable, surge string) func(garrisonSubject) garrisonSubject {
	return seeing(editDaemonSet(func(ds *appsv1.DaemonSet) {
		strategy := &ds.Spec.UpdateStrategy
		surges := strategy.RollingUpdate != nil && strategy.RollingUpdate.MaxSurge != nil
		if strategy.Type != appsv1.OnDeleteDaemonSetStrategyType && surges == (surge != "0") {
			u, s := intstr.Parse(unavailable), intstr.Parse(surge)
			strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &u, MaxSurge: &s}
		}
	}))
}

func editDaemonSet(edit func(*appsv1.DaemonSet)) func(garrison) garrison {
	return func(in garrison) garrison {
		if in.DaemonSet != nil {
			in.DaemonSet = in.DaemonSet.DeepCopy()
			edit(in.DaemonSet)
		}
		return in
	}
}

func editNodes(edit func(*corev1.Node)) func(garrison) garrison {
	return func(in garrison) garrison {
		in.Observed.Nodes = slices.Clone(in.Observed.Nodes)
		for i, node := range in.Observed.Nodes {
			if node != nil {
				in.Observed.Nodes[i] = node.DeepCopy()
				edit(in.Observed.Nodes[i])
			}
		}
		return in
	}
}

func editPods(edit func(garrison, *corev1.Pod)) func(garrison) garrison {
	return func(in garrison) garrison {
		in.Observed.Pods = slices.Clone(in.Observed.Pods)
		for i, pod := range in.Observed.Pods {
			if pod != nil && in.DaemonSet != nil {
				in.Observed.Pods[i] = pod.DeepCopy()
				edit(in, in.Observed.Pods[i])
			}
		}
		return in
	}
}

// expectingPods is a ledger like the one that Kubernetes' controllers keep in memory: it waits until every pod that was created has
// been seen.
func expectingPods(s garrisonSubject) garrisonSubject {
	expected := map[types.UID]bool{}
	return seeing(func(in garrison) garrison {
		if len(in.Observed.Pending.Outcomes) == 0 {
			clear(expected) // a new history
		}
		for _, o := range in.Observed.Pending.Outcomes {
			if _, creates := o.Action.(plan.Create); creates && o.Reply != nil {
				expected[o.Reply.GetUID()] = true
			}
		}
		return in
	})(giving(func(in garrison, a answer) answer {
		for _, pod := range in.Observed.Pods {
			if pod != nil {
				delete(expected, pod.UID)
			}
		}
		if len(expected) > 0 {
			a.Actions = []plan.Action{plan.Wait{For: plan.WaitAnswer, Object: plan.RefTo(in.DaemonSet), Reason: "pods were created and are not shown"}}
		}
		return a
	})(s))
}

// swapOnNode replaces a pod of a node by one that was dropped before, in two updates that may be sent at the same time.
func swapOnNode(in garrison, a answer) answer {
	var pods []*corev1.Pod
	for _, pod := range in.Observed.Pods {
		if pod != nil && metav1.IsControlledBy(pod, in.DaemonSet) && pod.Namespace == in.DaemonSet.Namespace && pod.UID != "" && pod.DeletionTimestamp == nil && !finished(pod) {
			pods = append(pods, pod)
		}
	}
	relabelled := func(pod *corev1.Pod, app string) plan.Action {
		after := pod.DeepCopy()
		after.Labels = maps.Clone(pod.Labels)
		after.Labels["app"] = app
		return plan.Update{Before: pod.DeepCopy(), After: after}
	}
	for _, out := range pods {
		for _, back := range pods {
			for _, other := range pods {
				if out.Labels["app"] == "web" && back.Labels["app"] != "web" && back.Labels != nil && other.Labels != nil && nodeOf(out) == nodeOf(back) && nodeOf(out) != nodeOf(other) {
					a.Actions = []plan.Action{relabelled(other, other.Labels["app"]+"!"), relabelled(out, "gone"), relabelled(back, "web")}
					return a
				}
			}
		}
	}
	return a
}

func created(action plan.Action) (*corev1.Pod, bool) {
	create, ok := action.(plan.Create)
	if !ok {
		return nil, false
	}
	pod, ok := create.Object.(*corev1.Pod)
	return pod, ok
}

func required(pod *corev1.Pod) []corev1.NodeSelectorTerm {
	a := pod.Spec.Affinity
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return nil
	}
	return a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
}

// nodeOf is the node that a pod is on or made for.
func nodeOf(pod *corev1.Pod) string {
	if terms := required(pod); pod.Spec.NodeName == "" && len(terms) > 0 && len(terms[0].MatchFields) > 0 {
		return terms[0].MatchFields[0].Values[0]
	}
	return pod.Spec.NodeName
}

func nodeName(node *corev1.Node) string {
	if node == nil {
		return ""
	}
	return node.Name
}
