package plantest_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestDeploymentRules(t *testing.T) {
	plantest.CheckRules(t, plantest.Deployments())
}

func TestDeploymentHistories(t *testing.T) {
	plantest.CheckHistories(t, plantest.DeploymentWorld())
}
