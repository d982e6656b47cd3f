package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestStatefulSetRules(t *testing.T) {
	plantest.CheckRules(t, plantest.StatefulSets())
}

func TestStatefulSetHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.StatefulSetWorld())
}
