package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestDeploymentRules(t *testing.T) {
	plantest.CheckRules(t, plantest.Deployments())
}
