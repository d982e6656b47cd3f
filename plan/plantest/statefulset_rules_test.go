package plantest_test

import (
	"testing"

	storagev1 "k8s.io/api/storage/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/statefulset"
)

func TestStatefulSetRules(t *testing.T) {
	plantest.CheckRules(t, plantest.StatefulSets())
}

// With every choice of the policy made, and volumes that are bound only once a pod is there, the same holds.
func TestStatefulSetHistoriesByPolicy(t *testing.T) {
	world := plantest.StatefulSetWorld()
	class := world.Before[0].(*storagev1.StorageClass).DeepCopy()
	class.VolumeBindingMode = new(storagev1.VolumeBindingWaitForFirstConsumer)
	world.Before = []plan.Object{class}
	policy := statefulset.Policy{MaxUnavailable: true, BindClaims: true, Unblock: true, Batch: 1}
	world.Hosts, world.Policy = []sim.Host{sim.StatefulSets(policy)}, policy
	plantest.CheckHistories(t, world)
}

func TestStatefulSetHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.StatefulSetWorld())
}
