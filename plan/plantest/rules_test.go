package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestReplicaSetRules(t *testing.T) {
	plantest.CheckRules(t, plantest.ReplicaSets())
}

func TestReplicaSetHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.ReplicaSetWorld())
}
