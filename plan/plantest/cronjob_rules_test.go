package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestCronJobRules(t *testing.T) {
	plantest.CheckRules(t, plantest.CronJobs())
}
