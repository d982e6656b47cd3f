package rollout_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/rollout"
)

// At rest nothing is allocated for each ReplicaSet: no template is copied or hashed.
func TestAllocations(t *testing.T) {
	perPlan := func(old int) float64 {
		list := sets(set("v2 3/3/3", told("3", "4")))
		for i := range old {
			list = append(list, set("v1 0/0/0", told("3", "4"), func(rs *appsv1.ReplicaSet) {
				rs.Name, rs.UID = fmt.Sprintf("web-%d", i), types.UID(fmt.Sprintf("old-%d", i))
			}))
		}
		keep := int32(200)
		d := web(3, func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = &keep })
		d.Status = mustPlan(t, d, rollout.Observed{ReplicaSets: list}).Status
		if result := mustPlan(t, d, rollout.Observed{ReplicaSets: list}); len(result.Actions) > 0 {
			t.Fatalf("not at rest: %v", result.Actions)
		}
		return testing.AllocsPerRun(10, func() { mustPlan(t, d, rollout.Observed{ReplicaSets: list}) })
	}
	if few, many := perPlan(10), perPlan(110); many > few+20 {
		t.Errorf("%v allocations with 10 old ReplicaSets, %v with 110", few, many)
	}
}
