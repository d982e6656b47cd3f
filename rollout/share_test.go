package rollout_test

import (
	"fmt"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

// When D changes in the middle of a rollout that had all of its D + S, the new D + S is shared out and nothing of it is lost by rounding: what
// grows grows to it together, and so shrinks what has nothing available to keep.
func TestSharesComeToTheWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		number := func(label string, from, to int) int { return rapid.IntRange(from, to).Draw(rt, label) }
		before, available := 0, 0
		var list []*appsv1.ReplicaSet
		for i := range number("ReplicaSets", 2, 4) {
			size := number("size", 1, 20)
			ready := number("available", 0, size)
			before, available = before+size, available+ready
			list = append(list, set(fmt.Sprintf("v%d %d/%d/%d", i+2, size, ready, ready)))
		}
		former := max(1, before-number("S before", 0, 5))
		for _, rs := range list {
			told(strconv.Itoa(former), strconv.Itoa(before))(rs)
		}
		desired, surge := number("D", 0, 40), number("S", 0, 5)
		if desired == former {
			rt.Skip("nothing is to be shared out")
		}
		after := before
		for _, a := range mustPlan(t, web(int32(desired), bounds(int32(surge), 1)), rollout.Observed{ReplicaSets: list}).Actions {
			if update, ok := a.(plan.Update); ok {
				after += int(*update.After.(*appsv1.ReplicaSet).Spec.Replicas - *update.Before.(*appsv1.ReplicaSet).Spec.Replicas)
			}
		}
		whole := desired + surge
		if desired == 0 {
			whole = 0
		}
		switch {
		case before <= whole && after != whole, before > whole && available == 0 && after != whole:
			rt.Fatalf("%d replicas are asked for, %d were, and D + S is %d", after, before, whole)
		case before > whole && (after < whole || after > before):
			rt.Fatalf("%d replicas are asked for, between %d and %d were to be", after, whole, before)
		}
	})
}
