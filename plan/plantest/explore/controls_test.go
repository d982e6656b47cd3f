package explore_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/plan/sim/script"
)

var update = flag.Bool("update", false, "rewrite NEGATIVE_CONTROLS.md")

// control is a planner or a host with one thing wrong.
type control struct {
	name  string
	why   string
	scope explore.Scope
}

// spoil puts something wrong into the first host of a scope.
func spoil(scope explore.Scope, wrong func(hostPlan) hostPlan) explore.Scope {
	hosts := append([]sim.Host(nil), scope.Hosts...)
	hosts[0].Plan = wrong(hosts[0].Plan)
	scope.Hosts = hosts
	return scope
}

type hostPlan = func(plan.Object, sim.Seen) (sim.Planned, error)

// spoilPlan changes what a planner returns.
func spoilPlan(change func(plan.Object, sim.Seen, *sim.Planned)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			p, err := healthy(workload, seen)
			change(workload, seen, &p)
			return p, err
		}
	}
}

// spoilInput changes what a planner gets: a copy of the workload.
func spoilInput[T plan.Object](change func(T, *sim.Seen)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			workload = workload.DeepCopyObject().(plan.Object)
			change(workload.(T), &seen)
			return healthy(workload, seen)
		}
	}
}

// within gives a scope another budget.
func within(scope explore.Scope, budget explore.Budget) explore.Scope {
	scope.Budget = budget
	return scope
}

// inOrder sorts the writes of a plan anew, and leaves the Waits behind them.
func inOrder(p *sim.Planned, rank func(plan.Action) int) {
	n := writes(p.Actions)
	sorted := slices.Clone(p.Actions)
	slices.SortStableFunc(sorted[:n], func(a, b plan.Action) int { return rank(a) - rank(b) })
	p.Actions = sorted
}

// writes is how many of the actions stand before the Waits.
func writes(actions []plan.Action) int {
	at := slices.IndexFunc(actions, func(a plan.Action) bool { _, waits := a.(plan.Wait); return waits })
	if at < 0 {
		return len(actions)
	}
	return at
}

func isCreate(a plan.Action) bool { _, creates := a.(plan.Create); return creates }

func controls() []control {
	return slices.Concat(replicaSetControls(), deploymentControls(), daemonSetControls(), statefulSetControls(), jobControls(), cronJobControls())
}

// play plays a script on a simulated cluster: no command in it is written wrongly. It returns what the commands print.
func play(t *testing.T, text string) (output []string) {
	t.Helper()
	parsed, err := script.Parse("way", text)
	if err != nil {
		t.Fatalf("this is no script: %v\n%s", err, text)
	}
	played, err := parsed.Update(fstest.MapFS{})
	if err != nil {
		t.Fatalf("this cannot be played: %v\n%s", err, text)
	}
	for _, step := range played.Steps {
		output = append(output, step.Want)
	}
	return output
}

// TestNegativeControls: each of them is caught, and the shortest way to it is the one in NEGATIVE_CONTROLS.md.
func TestNegativeControls(t *testing.T) {
	if testing.Short() {
		t.Skip("the page is the same under the race detector, and takes long")
	}
	var page strings.Builder
	page.WriteString("# Negative controls\n\nWhat the model checker finds in planners and hosts that have one thing wrong, each in the fewest steps that show it.\n" +
		"`go test ./plan/plantest/explore -run NegativeControls -update` writes this page.\n")
	for _, c := range controls() {
		t.Run(c.name, func(t *testing.T) {
			report, found := explore.Explore(c.scope)
			if found == nil {
				t.Fatalf("nothing shows it: %s", report)
			}
			play(t, found.Script)
			fmt.Fprintf(&page, "\n## %s: %s\n\n%s\n\nFound after %d states:\n\n```\n%s```\n", c.scope.Name, c.name, c.why, report.States, found.Script)
		})
	}
	const file = "NEGATIVE_CONTROLS.md"
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != page.String() {
		t.Errorf("%s is not what is found now (%v):\n%s", file, err, page.String())
	}
}
