package explore_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest/explore"
)

var large = flag.Bool("explore.large", false, "visit up to ten million states of each scope, with more of a budget")

// TestMain lets memory be used rather than collected: a search keeps nearly all that it makes.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// scopes are what is visited in the normal run, each with the number of its states. The numbers change with a planner, with a
// scope and with what the checker takes for arbitrary: then look why, and pin the new one.
func TestScopes(t *testing.T) {
	for _, test := range []struct {
		scope  explore.Scope
		more   explore.Budget // with -explore.large
		states int
	}{
		{replicaSet(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 80164},
		{troubledReplicaSet(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 13785},
		{deployment(), explore.Budget{Faults: 1, Edits: 2, Lags: 1}, 95901},
		{crashingDeployment(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 30386},
		{daemonSet(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 72691},
		{statefulSet(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 49669},
		{jobScope(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 38160},
		{cronJob(), explore.Budget{Faults: 1, Lags: 1, Haste: 2, Ticks: 4}, 20007},
		{replacingCronJob(), explore.Budget{Faults: 1, Lags: 1, Haste: 2, Ticks: 4}, 29244},
	} {
		t.Run(test.scope.Name, func(t *testing.T) {
			t.Parallel()
			switch {
			case *large:
				test.scope.Budget, test.scope.Limit = test.more, 10_000_000
			case testing.Short(): // for the race detector a part is enough
				test.scope.Limit = 500
			}
			report, found := explore.Explore(test.scope)
			t.Log(report)
			if found != nil {
				t.Fatal(found)
			}
			if normal := !*large && !testing.Short(); normal && (!report.Whole || report.States != test.states) {
				t.Errorf("it was %d states", test.states)
			}
		})
	}
}
