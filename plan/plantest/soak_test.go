package plantest_test

import (
	"flag"
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

// together are all planners of this module, in the order in which scripts start their hosts.
func together() []plantest.World {
	return []plantest.World{
		plantest.ReplicaSetWorld(),
		plantest.DeploymentWorld(),
		plantest.StatefulSetWorld(),
		plantest.DaemonSetWorld(),
		plantest.JobWorld(),
		plantest.CronJobWorld(),
	}
}

// One cluster, and a workload of each kind in it.
func TestHistoriesOfAllTogether(t *testing.T) {
	plantest.CheckHistories(t, together()...)
}

var (
	soakSteps = flag.Int("soak.steps", 2000, "how many writes the soak goes on for, at the least")
	soakSeed  = flag.Uint64("soak.seed", 1, "what happens in the soak")
)

// The soak is one history of all kinds in one cluster, over weeks of virtual time. The normal run plays only its beginning:
//
//	go test ./plan/plantest -run Soak -soak.steps 1000000 -timeout 0 -v
func TestSoak(t *testing.T) {
	plantest.Soak(t, *soakSeed, *soakSteps, together()...)
}
