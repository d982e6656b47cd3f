package rollout_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

// A ReplicaSet that outlived its Deployment belongs to the next one of that name: none is made beside it, and its name is no
// collision.
func TestAdoption(t *testing.T) {
	made := mustPlan(t, web(3), rollout.Observed{}).Actions[0].(plan.Create).Object.(*appsv1.ReplicaSet).DeepCopy()
	made.UID, made.ResourceVersion, made.OwnerReferences = "outlived", "50", nil
	first := mustPlan(t, web(3), rollout.Observed{ReplicaSets: sets(made)})
	var adoption plan.Update
	for _, a := range first.Actions {
		if update, ok := a.(plan.Update); ok {
			adoption = update
		}
	}
	if adoption.Live == nil {
		t.Fatalf("it is not adopted: %v", first.Actions)
	}
	refused := func(reason metav1.StatusReason) plan.Pending {
		return plan.Pending{Outcomes: []plan.Outcome{{Action: adoption, Err: &metav1.Status{Reason: reason}, At: now}}}
	}
	for _, tt := range []struct {
		name    string
		pending plan.Pending
	}{
		{"it is asked for", plan.Pending{}},
		{"after a conflict, once more", refused(metav1.StatusReasonConflict)},
		{"and if it may not be had", refused(metav1.StatusReasonForbidden)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, web(3), rollout.Observed{ReplicaSets: sets(made), Pending: tt.pending})
			if got, want := sizes(result.Actions), "adopt 7c68f9896f"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if result.Status.CollisionCount != nil {
				t.Errorf("%d collisions", *result.Status.CollisionCount)
			}
		})
	}
}

// What is told of D can get lost. As long as somebody knows another one, it is told again.
func TestOrderOfNotes(t *testing.T) {
	list := sets(set("v0 2/2/2", told("2", "3")), set("v1 2/2/2"), set("v2 2/2/2", told("2", "3")))
	want := []string{"web-v1", "web-v0", "web-v2"}
	for _, a := range mustPlan(t, web(20), rollout.Observed{ReplicaSets: list}).Actions {
		if update, ok := a.(plan.Update); ok && (len(want) == 0 || update.After.GetName() != want[0]) {
			t.Fatalf("%s is told, want %v", update.After.GetName(), want)
		} else if ok {
			want = want[1:]
		}
	}
	if len(want) > 0 {
		t.Errorf("%v are not told", want)
	}
}
