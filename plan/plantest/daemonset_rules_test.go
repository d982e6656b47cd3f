package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestDaemonSetRules(t *testing.T) {
	plantest.CheckRules(t, plantest.DaemonSets())
}

func TestDaemonSetHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.DaemonSetWorld())
}

func TestBindingDaemonSetHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.BindingDaemonSetWorld())
}
