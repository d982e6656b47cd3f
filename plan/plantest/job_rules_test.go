package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestJobRules(t *testing.T) {
	plantest.CheckRules(t, plantest.Jobs())
}

func TestJobHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.JobWorld())
}
