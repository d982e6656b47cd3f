package plantest_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
)

// A plan is carried out in a snapshot step by step; each step gives the next snapshot and the answer.
func ExampleSnapshot_Apply() {
	s := plantest.Snapshot{Now: plantest.Epoch(), Workload: &appsv1.ReplicaSet{}, Version: 100}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-0"}}

	s, outcome := s.Apply(plan.Create{Object: pod})
	fmt.Println(outcome.Reply.GetUID(), outcome.Reply.GetResourceVersion(), len(s.Objects))

	s, outcome = s.Apply(plan.Create{Object: pod})
	fmt.Println(outcome.Err.Reason, len(s.Objects))
	// Output:
	// new-101 101 1
	// AlreadyExists 1
}

func TestApply(t *testing.T) {
	web := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "web-uid", ResourceVersion: "5", Generation: 2},
		Spec:       appsv1.ReplicaSetSpec{Replicas: new(int32(1))},
		Status:     appsv1.ReplicaSetStatus{Replicas: 1},
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a", UID: "a-uid", ResourceVersion: "6"}}
	kept := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "k", UID: "k-uid", ResourceVersion: "7", Finalizers: []string{"example.com/keep"}}}
	dying := kept.DeepCopy()
	dying.Name, dying.UID, dying.DeletionTimestamp = "d", "d-uid", &metav1.Time{Time: plantest.Epoch()}
	own := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Fleet",
		"metadata": map[string]any{"namespace": "default", "name": "f", "uid": "f-uid", "resourceVersion": "8"},
		"spec":     map[string]any{"size": int64(1)}, "status": map[string]any{"size": int64(1)},
	}}
	start := plantest.Snapshot{Now: plantest.Epoch(), Workload: web, Version: 10, Objects: []plan.Object{pod, kept, dying, own}}
	lives, gone := plan.RefTo(web), plan.RefTo(web)
	gone.UID = "another"

	update := func(before *corev1.Pod, change func(*corev1.Pod)) plan.Update {
		after := before.DeepCopy()
		change(after)
		return plan.Update{Before: before, After: after}
	}
	label := func(p *corev1.Pod) { p.Labels = map[string]string{"x": "y"}; p.Status.Phase = corev1.PodFailed }
	scaled := web.DeepCopy()
	scaled.Spec.Replicas, scaled.Status.Replicas = new(int32(9)), 9
	grown := own.DeepCopy()
	grown.Object["spec"], grown.Object["status"] = map[string]any{"size": int64(9)}, map[string]any{"size": int64(9)}
	adopt := update(pod, label)
	adopt.Live = &lives
	tooLate := update(pod, label)
	tooLate.Live = &gone

	tests := []struct {
		name   string
		action plan.Action
		want   func(plantest.Snapshot, plan.Outcome) bool
	}{
		{"a generated name", plan.Create{Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "web-"}}}, func(s plantest.Snapshot, o plan.Outcome) bool {
			return len(s.Objects) == 5 && o.Reply.GetName() == "web-00011" && o.Reply.GetCreationTimestamp().Time.Equal(start.Now.Truncate(time.Second))
		}},
		{"an update leaves the status", update(pod, label), func(s plantest.Snapshot, o plan.Outcome) bool {
			return o.Reply.GetLabels()["x"] == "y" && o.Reply.(*corev1.Pod).Status.Phase == "" && o.Reply.GetResourceVersion() == "11"
		}},
		{"a stale update conflicts", update(pod, func(p *corev1.Pod) { p.ResourceVersion = "5" }), refusedWith(metav1.StatusReasonConflict)},
		{"an update of the spec counts a generation", plan.Update{Before: web, After: scaled}, func(s plantest.Snapshot, o plan.Outcome) bool {
			rs := s.Workload.(*appsv1.ReplicaSet)
			return rs.Generation == 3 && *rs.Spec.Replicas == 9 && rs.Status.Replicas == 1
		}},
		{"a status write leaves the spec", plan.UpdateStatus{Before: web, After: scaled}, func(s plantest.Snapshot, o plan.Outcome) bool {
			rs := s.Workload.(*appsv1.ReplicaSet)
			return rs.Generation == 2 && *rs.Spec.Replicas == 1 && rs.Status.Replicas == 9
		}},
		{"a status write to a kind without a Go type", plan.UpdateStatus{Before: own, After: grown}, func(s plantest.Snapshot, o plan.Outcome) bool {
			spec, _, _ := unstructured.NestedInt64(o.Reply.(*unstructured.Unstructured).Object, "spec", "size")
			status, _, _ := unstructured.NestedInt64(o.Reply.(*unstructured.Unstructured).Object, "status", "size")
			return spec == 1 && status == 9
		}},
		{"an adoption by an owner that lives", adopt, func(s plantest.Snapshot, o plan.Outcome) bool { return o.Err == nil }},
		{"an adoption by an owner that is gone", tooLate, refusedWith(metav1.StatusReasonConflict)},
		{"a deletion", plan.Delete{Object: plan.RefTo(pod)}, func(s plantest.Snapshot, o plan.Outcome) bool {
			return len(s.Objects) == 3 && o.Err == nil
		}},
		{"a deletion that a finalizer holds up", plan.Delete{Object: plan.RefTo(kept)}, func(s plantest.Snapshot, o plan.Outcome) bool {
			return len(s.Objects) == 4 && s.Objects[1].GetDeletionTimestamp() != nil
		}},
		{"a deletion of a successor", plan.Delete{Object: plan.Ref{Kind: "Pod", Namespace: "default", Name: "a", UID: "older"}}, func(s plantest.Snapshot, o plan.Outcome) bool {
			return len(s.Objects) == 4
		}},
		{"the last finalizer of what is being deleted", update(dying, func(p *corev1.Pod) { p.Finalizers = nil }), func(s plantest.Snapshot, o plan.Outcome) bool {
			return len(s.Objects) == 3 && o.Err == nil
		}},
		{"a binding", plan.Bind{Object: plan.RefTo(pod), To: plan.Ref{Kind: "Node", Name: "node-1"}}, func(s plantest.Snapshot, o plan.Outcome) bool {
			return s.Objects[0].(*corev1.Pod).Spec.NodeName == "node-1"
		}},
		{"a wait", plan.Wait{For: plan.WaitPodReady}, func(s plantest.Snapshot, o plan.Outcome) bool { return s.Version == start.Version }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			shown := fmt.Sprintf("%#v", start)
			after, outcome := start.Apply(test.action)
			if !test.want(after, outcome) {
				t.Errorf("the outcome is %+v, and there is %#v", outcome, after)
			}
			if fmt.Sprintf("%#v", start) != shown {
				t.Errorf("the snapshot before has changed: %#v", start)
			}
		})
	}
}

func refusedWith(reason metav1.StatusReason) func(plantest.Snapshot, plan.Outcome) bool {
	return func(_ plantest.Snapshot, o plan.Outcome) bool { return o.Err != nil && o.Err.Reason == reason }
}
