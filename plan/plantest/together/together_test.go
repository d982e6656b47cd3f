package together_test

import (
	"bytes"
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

// TestMain has the normal run play the same thousand histories every time. A search of its own asks for another seed
// (-rapid.seed=0 draws one) or another number. Memory is used rather than collected: histories are short.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.checks": "1000"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// worlds are all planners, in the order in which scripts start their hosts.
func worlds() []plantest.World {
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
func TestHistories(t *testing.T) {
	plantest.CheckHistories(t, worlds()...)
}

func FuzzHistories(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1, 2, 3, 5, 8, 13, 21, 34, 55}, 1<<12))
	f.Fuzz(rapid.MakeFuzz(plantest.Histories(worlds()...).Check))
}

var (
	soakSteps = flag.Int("soak.steps", 2000, "how many writes the soak goes on for, at the least")
	soakSeed  = flag.Uint64("soak.seed", 1, "what happens in the soak")
)

// The soak is one history of all kinds in one cluster, over weeks of virtual time. The normal run plays only its beginning:
//
//	go test ./plan/plantest/together -run Soak -soak.steps 1000000 -timeout 0 -v
func TestSoak(t *testing.T) {
	plantest.Soak(t, *soakSeed, *soakSteps, worlds()...)
}
