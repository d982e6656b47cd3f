package conformance

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/kubeplan/kubeplan/plan"
)

// defaultSnapshots is the size of the normal run.
const defaultSnapshots = 300

var snapshots = flag.Int("conformance.n", defaultSnapshots, "how many snapshots each kind is compared on")

// Round is one sync of upstream, or one plan of ours carried out.
type Round struct {
	At      time.Time
	Before  []plan.Object // the World when it began, not to be changed
	Writes  []Write
	Events  []plan.Event
	Actions []plan.Action // ours alone
	Held    bool          // ours alone: nothing was tried, on account of a refusal that the plan was told of, and the next is not
	Err     error
}

// changed reports whether the World is another one after the round.
func (r Round) changed() bool {
	return slices.ContainsFunc(r.Writes, func(w Write) bool { return w.Changed })
}

// Run is what one side did with a snapshot, or with one step after it, until it came to rest.
type Run struct {
	Rounds []Round
	// State is the cluster at rest.
	State map[string]any
	// Refused are the writes that were refused up to now, earlier stages included: a side that was refused in one stage
	// may wait in the next.
	Refused map[string]bool
	// Rested is false for a run that was given up.
	Rested bool
	// Touched tells which input a planner changed.
	Touched string
}

// Case is a snapshot on which the two differ.
type Case struct {
	Snapshot *Snapshot
	// Stage is 0 at the snapshot itself and n after its n-th step.
	Stage          int
	Upstream, Ours *Run
	// Handed is what upstream makes of the cluster that ours left.
	Handed     *Run
	Difference string
}

// maxRounds is where a run is given up. Ours may take a few plans for one sync of upstream.
const maxRounds = 60

// untilRest repeats rounds until one changes nothing and says nothing new.
func untilRest(round func() Round) *Run {
	run := &Run{}
	for range maxRounds {
		r := round()
		run.Rounds = append(run.Rounds, r)
		if !r.changed() && !r.Held && run.toldNothingNew() && run.hadItsTurn() {
			run.Rested = true
			break
		}
	}
	return run
}

// toldNothingNew reports whether the last round was refused nothing and told nothing that an earlier one was not: what
// was refused is still to be told in a condition.
func (r *Run) toldNothingNew() bool {
	last := len(r.Rounds) - 1
	before := r.Rounds[:last]
	for text := range refused(r.Rounds[last:]) {
		if !refused(before)[text] {
			return false
		}
	}
	for text := range events(r.Rounds[last:]) {
		if events(before)[text] == 0 {
			return false
		}
	}
	return true
}

// hadItsTurn reports whether every action has had its turn: a plan of ours that is refused something is not carried out beyond it,
// and the next one begins behind it. Once the actions stand in an order in which they stood before, all were tried.
func (r *Run) hadItsTurn() bool {
	last := len(r.Rounds) - 1
	if len(refused(r.Rounds[last:])) == 0 || len(r.Rounds[last].Actions) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Rounds[:last], func(before Round) bool {
		return slices.EqualFunc(before.Actions, r.Rounds[last].Actions, func(a, b plan.Action) bool { return a.String() == b.String() })
	})
}

// bubble runs f on virtual time that starts at now.
func bubble(t *testing.T, now time.Time, f func()) {
	synctest.Test(t, func(*testing.T) {
		time.Sleep(time.Until(now))
		f()
	})
}

// difference runs both on the snapshot, stage by stage, and gives the first difference: nil if there is none.
func difference(t *testing.T, kind Kind, snapshot *Snapshot) (found *Case) {
	bubble(t, snapshot.Now, func() {
		theirs, mine := NewWorld(snapshot.Objects, snapshot.Refusals), NewWorld(snapshot.Objects, snapshot.Refusals)
		upstream, ours := newUpstream(kind, theirs, snapshot), newOurs(kind, mine, snapshot)
		u, o := &Run{}, &Run{}
		for stage := range len(snapshot.Steps) + 1 {
			if stage > 0 {
				snapshot.Steps[stage-1].take(theirs, mine)
			}
			u, o = u.next(rest(upstream)), o.next(rest(ours))
			if d := compare(kind, u, o); d != "" {
				found = &Case{Snapshot: snapshot, Stage: stage, Upstream: u, Ours: o, Handed: rest(newUpstream(kind, mine, snapshot)), Difference: d}
				return
			}
		}
	})
	return found
}

// next is the run of the next stage.
func (r *Run) next(run *Run) *Run {
	run.Refused = refused(run.Rounds)
	maps.Copy(run.Refused, r.Refused)
	return run
}

// side is either of the two.
type side interface{ Round() Round }

func rest(s side) *Run {
	run := untilRest(s.Round)
	switch s := s.(type) {
	case *Upstream:
		run.State = s.World.state()
	case *Ours:
		run.State, run.Touched = s.World.state(), s.Touched
	}
	return run
}

// Conform compares the two on random snapshots. A difference that deviations explain is counted for each of them and told at the end;
// any other is shrunk and fails the test.
func Conform(t *testing.T, kind Kind) {
	explained, different := map[string]int{}, 0
	check(t, *snapshots, func(rt *rapid.T) {
		snapshot := kind.Snapshot(rt)
		found := difference(t, kind, snapshot)
		if found == nil {
			return
		}
		unexplained := true
		for _, d := range kind.Deviations {
			if d.Explains != nil && d.Explains(found) {
				explained[d.Row]++
				unexplained = false
			}
		}
		if unexplained {
			rt.Fatal(found.String())
		}
		different++
	})
	t.Logf("%d of %d snapshots differ", different, *snapshots)
	for _, row := range slices.Sorted(maps.Keys(explained)) {
		t.Logf("%d of %d snapshots differ as the row %q says", explained[row], *snapshots, row)
	}
}

// check is rapid.Check with its own number of checks.
func check(t *testing.T, n int, property func(*rapid.T)) {
	t.Helper()
	settings := map[string]string{"rapid.checks": strconv.Itoa(n), "rapid.nofailfile": "true"}
	if *snapshots == defaultSnapshots {
		settings["rapid.seed"] = "1" // the normal run is the same every time; a longer one searches anew
	}
	for name, value := range settings {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, property)
}

// String tells everything that is needed to understand the difference.
func (c *Case) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Difference)
	fmt.Fprintf(&b, "upstream:\n%s\nours:\n%s\n", c.Upstream.describe(), c.Ours.describe())
	fmt.Fprintf(&b, "stage %d of %s", c.Stage, c.Snapshot)
	return b.String()
}

func (s *Snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "snapshot of %s at %s, burst %d\n", s.Workload, s.Now.UTC().Format(time.RFC3339Nano), s.Burst)
	for _, r := range s.Refusals {
		fmt.Fprintf(&b, "refused (%d times, 0: always): %s %s %s: %s\n", r.Times, r.Verb, r.Kind, r.Name, r.Status.Message)
	}
	for i, step := range s.Steps {
		fmt.Fprintf(&b, "step %d: after %s, %s\n", i+1, step.After, step.Name)
	}
	for _, obj := range s.Objects {
		data, err := yaml.Marshal(obj)
		if err != nil {
			data = []byte(err.Error())
		}
		fmt.Fprintf(&b, "--- # %s\n%s", plan.RefTo(obj), data)
	}
	return b.String()
}
