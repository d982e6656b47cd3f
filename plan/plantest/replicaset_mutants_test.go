package plantest_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/replicaset"
)

type (
	input   = plantest.ReplicaSetInput
	subject = plantest.Subject[input]
	answer  = plantest.Answer
)

func TestReplicaSetMutants(t *testing.T) {
	checkMutants(t, plantest.ReplicaSets(), []mutant[input]{
		{"reads a list in order by sorting it", planning(func(in input, healthy planner) (answer, error) {
			slices.SortFunc(in.Observed.Pods, func(a, b *corev1.Pod) int { return cmp.Compare(nameOf(b), nameOf(a)) })
			return healthy(in)
		}), []string{"inputs are not modified"}},
		{"writes a default into the workload", planning(func(in input, healthy planner) (answer, error) {
			if in.ReplicaSet != nil && in.ReplicaSet.Spec.Replicas == nil {
				in.ReplicaSet.Spec.Replicas = new(int32(1))
			}
			return healthy(in)
		}), []string{"inputs are not modified"}},
		{"gives the template's labels to the pods", answering(func(in input, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if c, ok := action.(plan.Create); ok {
					c.Object.SetLabels(in.ReplicaSet.Spec.Template.Labels)
				}
				return action
			})
		}), []string{"results share no memory with inputs"}},
		{"shows the workload itself as what was before", answering(func(in input, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if u, ok := action.(plan.UpdateStatus); ok && len(in.Observed.Pending.Outcomes) == 0 {
					u.Before = in.ReplicaSet
					return u
				}
				return action
			})
		}), []string{"results share no memory with inputs"}},
		{"deletes those that are listed first", answering(func(in input, a answer) answer {
			var first []*corev1.Pod
			for _, pod := range in.Observed.Pods {
				if pod != nil && belongs(in, pod) && pod.DeletionTimestamp == nil {
					first = append(first, pod)
				}
			}
			return each(a, func(action plan.Action) plan.Action {
				if d, ok := action.(plan.Delete); ok && len(first) > 0 {
					d.Object = plan.RefTo(first[0])
					first = first[1:]
					return d
				}
				return action
			})
		}), []string{"order does not matter"}},
		{"loops over a map", answering(func(_ input, a answer) answer {
			actions := map[string]plan.Action{}
			for _, action := range a.Actions {
				actions[action.String()] = action
			}
			a.Actions = slices.Collect(maps.Values(actions))
			return a
		}), []string{"the same input gives the same plan"}},
		{"deletes by name", answering(func(_ input, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if d, ok := action.(plan.Delete); ok {
					d.Object.UID = ""
					return d
				}
				return action
			})
		}), []string{"plans have the form that hosts expect"}},
		{"puts waits first", answering(func(_ input, a answer) answer {
			slices.SortStableFunc(a.Actions, func(x, y plan.Action) int { return cmp.Compare(rank(x), rank(y)) })
			return a
		}), []string{"plans have the form that hosts expect"}},
		{"writes the status last", answering(func(_ input, a answer) answer {
			slices.Reverse(a.Actions)
			return a
		}), []string{"plans have the form that hosts expect"}},
		{"ignores the burst", planning(func(in input, healthy planner) (answer, error) {
			if in.Policy.Burst > 0 {
				in.Policy.Burst = 500
			}
			return healthy(in)
		}), []string{"plans keep what the kind promises"}},
		{"counts terminating pods as active", planning(func(in input, healthy planner) (answer, error) {
			in.Observed.Pods = shown(in, func(pod *corev1.Pod) { pod.DeletionTimestamp = nil })
			return healthy(in)
		}), []string{"plans keep what the kind promises"}},
		{"creates and deletes in one plan", answering(func(in input, a answer) answer {
			if d := slices.IndexFunc(a.Actions, isDelete); d >= 0 {
				a.Actions = slices.Insert(slices.Clone(a.Actions), d, plan.Action(createFor(in)))
			}
			return a
		}), []string{"plans keep what the kind promises", "every prefix is safe"}},
		{"reports the status of the last round", answering(func(in input, a answer) answer {
			if in.ReplicaSet != nil {
				a.Whole.(*replicaset.Result).Status = *in.ReplicaSet.Status.DeepCopy()
			}
			return a
		}), []string{"plans keep what the kind promises"}},
		{"replaces a pod by deleting it first", answering(func(in input, a answer) answer {
			for _, pod := range in.Observed.Pods {
				if pod != nil && pod.UID != "" && belongs(in, pod) && pod.DeletionTimestamp == nil && pod.Labels["app"] == "web" {
					a.Actions = append([]plan.Action{plan.Delete{Object: plan.RefTo(pod)}, createFor(in)}, a.Actions...)
					break
				}
			}
			return a
		}), []string{"every prefix is safe"}},
		{"swaps pods by their labels, one out before one in", answering(swapLabels), []string{"every subset of a batch is safe"}},
		{"says nothing of pods that are not ready", answering(func(_ input, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool { return rank(action) == 0 })
			return a
		}), []string{"never silent", "fixpoint"}},
		{"never adopts", answering(func(_ input, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool {
				update, ok := action.(plan.Update)
				return ok && update.Live != nil
			})
			return a
		}), []string{"never silent", "fixpoint"}},
		{"has a host without a ledger", planning(func(in input, healthy planner) (answer, error) {
			in.Observed.Pending.Outcomes = nil
			return healthy(in)
		}), []string{"read your writes"}},
		{"counts only what was answered", planning(func(in input, healthy planner) (answer, error) {
			in.Observed.Pending.Outcomes = slices.DeleteFunc(slices.Clone(in.Observed.Pending.Outcomes), func(o plan.Outcome) bool {
				return o.Reply == nil && o.Err == nil
			})
			return healthy(in)
		}), []string{"read your writes"}},
		{"waits until each new UID has shown up", expecting, []string{"no stall once the view is current"}},
		{"never gives up on an answer", planning(func(in input, healthy planner) (answer, error) {
			in.Observed.Pending.Outcomes = slices.Clone(in.Observed.Pending.Outcomes)
			for i := range in.Observed.Pending.Outcomes {
				in.Observed.Pending.Outcomes[i].At = in.Observed.Now
			}
			return healthy(in)
		}), []string{"exact wake-ups at rest"}},
		{"tries again first what was refused last", answering(func(in input, a answer) answer {
			refused := func(action plan.Action) bool {
				return slices.ContainsFunc(in.Observed.Pending.Failures(), func(o plan.Outcome) bool { return o.Action.Target() == action.Target() })
			}
			slices.SortStableFunc(a.Actions, func(x, y plan.Action) int {
				return cmp.Compare(index(refused(y)), index(refused(x)))
			})
			return a
		}), []string{"no starvation behind a refusal"}},
		{"deletes pods that are not ready", answering(func(in input, a answer) answer {
			for _, pod := range in.Observed.Pods {
				if pod != nil && belongs(in, pod) && pod.DeletionTimestamp == nil && len(pod.Status.Conditions) == 0 {
					a.Actions = append(a.Actions, plan.Delete{Object: plan.RefTo(pod)})
				}
			}
			return a
		}), []string{"fixpoint"}},
		{"writes the status every time", answering(func(in input, a answer) answer {
			if slices.ContainsFunc(a.Actions, isStatus) || in.ReplicaSet == nil {
				return a
			}
			before, after := in.ReplicaSet.DeepCopy(), in.ReplicaSet.DeepCopy()
			after.Annotations = map[string]string{"looked": before.ResourceVersion}
			a.Actions = append([]plan.Action{plan.UpdateStatus{Before: before, After: after}}, a.Actions...)
			return a
		}), []string{"fixpoint"}},
		{"wakes a second late", waking(func(at time.Time) time.Time { return at.Add(time.Second) }), []string{"exact wake-ups at rest"}},
		{"wakes a nanosecond early", waking(func(at time.Time) time.Time { return at.Add(-1) }), []string{"exact wake-ups at rest"}},
		{"never wakes", waking(func(time.Time) time.Time { return time.Time{} }), []string{"exact wake-ups at rest"}},
		{"adopts what another controls", planning(func(in input, healthy planner) (answer, error) {
			in.Observed.Pods = shown(in, func(pod *corev1.Pod) {
				if !belongs(in, pod) {
					pod.OwnerReferences = nil
				}
			})
			return healthy(in)
		}), []string{"ownership"}},
		{"goes by the owner's name", planning(func(in input, healthy planner) (answer, error) {
			in.Observed.Pods = shown(in, func(pod *corev1.Pod) {
				for i := range pod.OwnerReferences {
					if pod.OwnerReferences[i].Name == in.ReplicaSet.Name {
						pod.OwnerReferences[i].UID = in.ReplicaSet.UID
					}
				}
			})
			return healthy(in)
		}), []string{"ownership"}},
		{"adopts and creates while it is being deleted", planning(func(in input, healthy planner) (answer, error) {
			if in.ReplicaSet != nil {
				in.ReplicaSet = in.ReplicaSet.DeepCopy()
				in.ReplicaSet.DeletionTimestamp = nil
			}
			return healthy(in)
		}), []string{"ownership"}},
		{"adopts without asking for the owner", answering(func(_ input, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if u, ok := action.(plan.Update); ok {
					u.Live = nil
					return u
				}
				return action
			})
		}), []string{"ownership"}},
		{"takes bad input for nothing to do", planning(func(in input, healthy planner) (answer, error) {
			a, err := healthy(in)
			if err != nil {
				return answer{Whole: &replicaset.Result{}}, nil
			}
			return a, nil
		}), []string{"bad input is an error"}},
		{"panics when there is no workload", planning(func(in input, healthy planner) (answer, error) {
			_ = in.ReplicaSet.Name
			return healthy(in)
		}), []string{"bad input is an error"}},
		{"panics when a pod is nil", planning(func(in input, healthy planner) (answer, error) {
			for _, pod := range in.Observed.Pods {
				_ = pod.Name
			}
			return healthy(in)
		}), []string{"order does not matter", "plans have the form that hosts expect"}},
		{"takes nil replicas for none", planning(func(in input, healthy planner) (answer, error) {
			if in.ReplicaSet != nil && in.ReplicaSet.Spec.Replicas == nil {
				in.ReplicaSet = in.ReplicaSet.DeepCopy()
				in.ReplicaSet.Spec.Replicas = new(int32(0))
			}
			return healthy(in)
		}), []string{"nil means the default", "plans keep what the kind promises"}},
		{"creates what has no JSON form", answering(func(_ input, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if c, ok := action.(plan.Create); ok {
					pod := c.Object.(*corev1.Pod)
					pod.TypeMeta = metav1.TypeMeta{}
					return plan.Create{Object: nameless{pod}}
				}
				return action
			})
		}), []string{"actions survive JSON"}},
	})
}

// nameless is a pod of a type that no scheme knows.
type nameless struct{ *corev1.Pod }

type planner = func(input) (answer, error)

// planning makes a mutant that does something before or after planning.
func planning(wrong func(input, planner) (answer, error)) func(subject) subject {
	return func(s subject) subject {
		healthy := s.Plan
		s.Plan = func(in input) (answer, error) { return wrong(in, healthy) }
		return s
	}
}

// answering makes a mutant that spoils the plan.
func answering(spoil func(input, answer) answer) func(subject) subject {
	return planning(func(in input, healthy planner) (answer, error) {
		a, err := healthy(in)
		if err != nil {
			return a, err
		}
		return spoil(in, a), nil
	})
}

func waking(at func(time.Time) time.Time) func(subject) subject {
	return answering(func(_ input, a answer) answer {
		if !a.Wake.IsZero() {
			a.Wake = at(a.Wake)
		}
		return a
	})
}

// each changes action by action.
func each(a answer, change func(plan.Action) plan.Action) answer {
	actions := make([]plan.Action, len(a.Actions))
	for i, action := range a.Actions {
		actions[i] = change(action)
	}
	a.Actions = actions
	return a
}

// shown are the pods as a mutant sees them.
func shown(in input, change func(*corev1.Pod)) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range in.Observed.Pods {
		if pod != nil && in.ReplicaSet != nil {
			pod = pod.DeepCopy()
			change(pod)
		}
		pods = append(pods, pod)
	}
	return pods
}

// expecting is a ledger like the one that Kubernetes' controllers keep in memory: it waits until every pod that was created has been
// seen. One that is gone before anybody looks is waited for for ever.
func expecting(s subject) subject {
	input, healthy := s.Input, s.Plan
	var expected map[types.UID]bool
	s.Input = func(at plantest.Snapshot) plantest.ReplicaSetInput {
		expected = map[types.UID]bool{}
		if before, ok := at.Memory.(map[types.UID]bool); ok {
			maps.Copy(expected, before)
		}
		for _, o := range at.Pending.Outcomes {
			if _, creates := o.Action.(plan.Create); creates && o.Reply != nil {
				expected[o.Reply.GetUID()] = true
			}
		}
		for _, pod := range plantest.All[*corev1.Pod](at) {
			if pod != nil {
				delete(expected, pod.UID)
			}
		}
		return input(at)
	}
	s.Plan = func(in plantest.ReplicaSetInput) (answer, error) {
		a, err := healthy(in)
		if err == nil && len(expected) > 0 {
			a.Actions = []plan.Action{plan.Wait{For: plan.WaitAnswer, Object: plan.RefTo(in.ReplicaSet), Reason: "pods were created and are not shown"}}
		}
		a.Memory = maps.Clone(expected)
		return a, err
	}
	return s
}

// swapLabels replaces one pod too many by one that was dropped before, in two updates that may be sent at the same time.
func swapLabels(in input, a answer) answer {
	var members, leavers []*corev1.Pod
	for _, pod := range in.Observed.Pods {
		switch {
		case pod == nil || !belongs(in, pod) || pod.DeletionTimestamp != nil || pod.Namespace != in.ReplicaSet.Namespace || finished(pod) || pod.UID == "":
		case pod.Labels["app"] == "web":
			members = append(members, pod)
		default:
			leavers = append(leavers, pod)
		}
	}
	if len(members) < 2 || len(leavers) == 0 || !slices.ContainsFunc(a.Actions, isDelete) {
		return a
	}
	relabel := func(pod *corev1.Pod, app string) plan.Action {
		after := pod.DeepCopy()
		after.Labels = map[string]string{"app": app, "moved": "yes"}
		return plan.Update{Before: pod, After: after}
	}
	a.Actions = []plan.Action{relabel(members[1], "web"), relabel(members[0], "gone"), relabel(leavers[0], "web")}
	return a
}

func createFor(in input) plan.Action {
	kind := metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}
	if in.Policy.Owner.Kind != "" {
		kind = in.Policy.Owner
	}
	return plan.Create{Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace:       in.ReplicaSet.Namespace,
		GenerateName:    "more-",
		Labels:          map[string]string{"app": "web"},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(in.ReplicaSet, kind.GroupVersionKind())},
	}}}
}

func belongs(in input, pod *corev1.Pod) bool {
	controller := metav1.GetControllerOf(pod)
	return controller != nil && controller.UID == in.ReplicaSet.UID
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func nameOf(pod *corev1.Pod) string {
	if pod == nil {
		return ""
	}
	return pod.Name
}

func isDelete(a plan.Action) bool { _, ok := a.(plan.Delete); return ok }
func isStatus(a plan.Action) bool { _, ok := a.(plan.UpdateStatus); return ok }

// rank puts waits before everything else.
func rank(a plan.Action) int {
	_, waits := a.(plan.Wait)
	return index(!waits)
}

func index(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
