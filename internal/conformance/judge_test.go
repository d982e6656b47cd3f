package conformance

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// TestJudgeCatches gives the judge planners that are wrong in one respect each.
func TestJudgeCatches(t *testing.T) {
	surplus := func() *Snapshot { // two to delete, one to keep
		return webSnapshot(newReplicaSet(1),
			readyPod("pod-0", "uid-1", Instant.Add(-time.Hour)), readyPod("pod-1", "uid-2", Instant.Add(-time.Minute)), readyPod("pod-2", "uid-3", Instant.Add(-time.Second)))
	}
	missing := func() *Snapshot { return webSnapshot(newReplicaSet(2)) }
	tests := map[string]struct {
		snapshot func() *Snapshot
		breaks   func(view *View, result *plan.Result) // after planning
		want     string
	}{
		"nothing wrong, deletions": {snapshot: surplus, breaks: func(*View, *plan.Result) {}},
		"nothing wrong, creations": {snapshot: missing, breaks: func(*View, *plan.Result) {}},
		"another victim": {snapshot: surplus, want: "the writes of upstream's first sync", breaks: func(_ *View, r *plan.Result) {
			for i, a := range r.Actions {
				if d, ok := a.(plan.Delete); ok && d.Object.Name == "pod-1" {
					r.Actions[i] = plan.Delete{Object: plan.Ref{Kind: "Pod", Namespace: "default", Name: "pod-0"}}
				}
			}
		}},
		"a label less": {snapshot: missing, want: "the writes of upstream's first sync", breaks: func(_ *View, r *plan.Result) {
			for _, a := range r.Actions {
				if c, ok := a.(plan.Create); ok {
					c.Object.SetLabels(map[string]string{"app": "web"})
				}
			}
		}},
		"a status that counts what is not there": {snapshot: missing, want: "the cluster at rest", breaks: func(_ *View, r *plan.Result) {
			for _, a := range r.Actions {
				if u, ok := a.(plan.UpdateStatus); ok {
					u.After.(*appsv1.ReplicaSet).Status.ReadyReplicas = 2
					u.Before.(*appsv1.ReplicaSet).Status.ReadyReplicas = 2
				}
			}
		}},
		"an event too many": {snapshot: missing, want: "the events", breaks: func(_ *View, r *plan.Result) {
			r.Events = append(r.Events, plan.Event{Type: "Normal", Reason: "Hello", Message: "world"})
		}},
		"an input changed": {snapshot: surplus, want: "the planner changed its input Pod", breaks: func(v *View, _ *plan.Result) {
			v.shown[1].object.SetAnnotations(map[string]string{"seen": "true"})
		}},
		"a list sorted": {snapshot: surplus, want: "the planner changed the order", breaks: func(v *View, _ *plan.Result) {
			pods := Show[*corev1.Pod](v)
			pods[0], pods[1] = pods[1], pods[0]
		}},
		"no rest": {snapshot: surplus, want: "ours does not come to rest", breaks: func(v *View, r *plan.Result) {
			pod := Show[*corev1.Pod](v)[0]
			after := pod.DeepCopy()
			after.Annotations = map[string]string{"turn": pod.ResourceVersion}
			r.Add(plan.Update{Before: pod, After: after})
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kind := ReplicaSet()
			planner := kind.Ours()
			kind.Ours = func() Planner {
				return func(view *View) (plan.Result, error) {
					result, err := planner(view)
					test.breaks(view, &result)
					return result, err
				}
			}
			found := difference(t, kind, test.snapshot())
			switch {
			case test.want == "" && found != nil:
				t.Errorf("a difference where there is none: %s", found.Difference)
			case test.want != "" && found == nil:
				t.Errorf("no difference, want %q", test.want)
			case test.want != "" && !strings.HasPrefix(found.Difference, test.want):
				t.Errorf("the difference is %q, want %q", found.Difference, test.want)
			}
		})
	}
}
