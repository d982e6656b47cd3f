package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/statefulset"
)

func TestStatefulSetRules(t *testing.T) {
	plantest.CheckRules(t, plantest.StatefulSets())
}

// With every choice of the policy made, the same holds.
func TestStatefulSetHistoriesByPolicy(t *testing.T) {
	world := plantest.StatefulSetWorld()
	policy := statefulset.Policy{MaxUnavailable: true, BindClaims: true, Unblock: true, Batch: 1}
	world.Hosts, world.Policy = []sim.Host{sim.StatefulSets(policy)}, policy
	plantest.CheckHistories(t, world)
}

func TestStatefulSetHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.StatefulSetWorld())
}
