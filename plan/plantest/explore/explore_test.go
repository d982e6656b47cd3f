package explore_test

import (
	"encoding/json"
	"flag"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest/explore"
)

var large = flag.Bool("explore.large", false, "visit up to ten million states of each scope, with more of a budget")

// TestMain lets memory be used rather than collected: a search keeps nearly all that it makes. What is drawn at random is the same every
// time: -rapid.seed=0 draws another seed.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// visited is a scope, what more of a budget it has with -explore.large, and the number of its states without. The numbers change
// with a planner, with a scope and with what the checker takes for arbitrary: then look why, and pin the new one.
type visited struct {
	scope  explore.Scope
	more   explore.Budget
	states int
}

// scopes are all those that are visited.
func scopes() []visited {
	return []visited{
		{replicaSet(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 80164},
		{troubledReplicaSet(), explore.Budget{Faults: 2, Edits: 2}, 13785},
		{deployment(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 300509},
		{daemonSet(), explore.Budget{Faults: 2, Edits: 3, Lags: 1}, 291863},
		{statefulSet(), explore.Budget{Faults: 2, Edits: 2, Lags: 1}, 49475},
		{jobScope(), explore.Budget{Faults: 3, Edits: 3, Lags: 1}, 119774},
		{cronJob(), explore.Budget{Faults: 1, Edits: 2, Lags: 1, Haste: 1, Ticks: 2}, 146616},
		{hastyCronJob(), explore.Budget{Faults: 1, Lags: 1, Haste: 2, Ticks: 4}, 20007},
		{replacingCronJob(), explore.Budget{Faults: 1, Lags: 1, Haste: 1, Ticks: 2}, 29244},
	}
}

func TestScopes(t *testing.T) {
	for _, v := range scopes() {
		if *large {
			v.scope.Budget = v.more
		}
		visit(t, v.scope, v.states)
	}
}

// TestTrouble has all go wrong once that can, where there is time for a few faults only in the scopes above: with -explore.large while
// any view may lag.
func TestTrouble(t *testing.T) {
	for _, v := range []visited{
		{scope: troubledDeployment(), states: 86036},
		{scope: daemonSet(), states: 4467},
		{scope: statefulSet(), states: 2487},
		{scope: jobScope(), states: 6249},
		{scope: cronJob(), states: 11250},
	} {
		scope := troubled(within(v.scope, explore.Budget{Faults: 1, Edits: 1, Ticks: v.scope.Budget.Ticks}))
		if *large {
			scope.Budget.Lags, scope.Lagging = 1, nil
		}
		visit(t, scope, v.states)
	}
}

// visit visits a scope in a test of its own.
func visit(t *testing.T, scope explore.Scope, states int) {
	t.Run(scope.Name, func(t *testing.T) {
		t.Parallel()
		switch {
		case *large:
			scope.Limit = 10_000_000
		case testing.Short(): // for the race detector a part is enough
			scope.Limit = 500
		}
		report, found := explore.Explore(scope)
		t.Log(report)
		if found != nil {
			t.Fatal(found)
		}
		if normal := !*large && !testing.Short(); normal && (!report.Whole || report.States != states) {
			t.Errorf("it was %d states", states)
		}
	})
}

// An edit is told as the command that makes it: one that can be typed.
func TestEditsAreCommands(t *testing.T) {
	for _, test := range scopes() {
		start := "$ cluster --nodes 0\n"
		for _, obj := range test.scope.Start {
			if obj, err := json.Marshal(obj); err != nil {
				t.Fatal(err)
			} else {
				start += "$ kubectl create -f -\n> " + string(obj) + "\n"
			}
		}
		for _, edit := range test.scope.Edits {
			outputs := play(t, start+"$ "+edit.Command+"\n")
			if output := outputs[len(outputs)-1]; strings.HasPrefix(output, "Error") {
				t.Errorf("%s: %s: %s", test.scope.Name, edit.Command, output)
			}
		}
	}
}
