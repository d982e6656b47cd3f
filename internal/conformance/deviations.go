package conformance

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Deviations runs the snapshot of every row and checks that upstream still deviates and what ours does. The rows of
// the kind and of its section in DEVIATIONS.md must be the same.
func Deviations(t *testing.T, kind Kind) {
	var rows []string
	for _, d := range kind.Deviations {
		rows = append(rows, d.Row)
		t.Run(d.Row, func(t *testing.T) {
			upstream, ours := both(t, kind, d.Snapshot())
			d.Check(t, upstream, ours)
			if t.Failed() {
				t.Logf("upstream:\n%s\nours:\n%s", upstream.describe(), ours.describe())
			}
		})
	}
	if written := rowsOf(t, kind.Name); !slices.Equal(rows, written) {
		t.Errorf("DEVIATIONS.md has the rows %q for %s, the kind has %q", written, kind.Name, rows)
	}
}

// both runs both sides through all stages and gives each one's rounds together, with the cluster at the end.
func both(t *testing.T, kind Kind, snapshot *Snapshot) (upstream, ours *Run) {
	upstream, ours = &Run{}, &Run{}
	bubble(t, snapshot.Now, func() {
		theirs, mine := NewWorld(snapshot.Objects, snapshot.Refusals), NewWorld(snapshot.Objects, snapshot.Refusals)
		u, o := newUpstream(kind, theirs, snapshot), newOurs(kind, mine, snapshot)
		for stage := range len(snapshot.Steps) + 1 {
			if stage > 0 {
				snapshot.Steps[stage-1].take(theirs, mine)
			}
			upstream.follow(rest(u))
			ours.follow(rest(o))
		}
	})
	return upstream, ours
}

func (r *Run) follow(next *Run) {
	r.Rounds = append(r.Rounds, next.Rounds...)
	r.State, r.Rested, r.Touched = next.State, next.Rested, next.Touched
}

// take lets the step happen to the worlds.
func (s Step) take(worlds ...*World) {
	time.Sleep(s.After)
	if s.Do == nil {
		return
	}
	for _, w := range worlds {
		s.Do(w)
	}
}

// rowsOf gives the names of the rows of a kind's table: the first cell of each line below its heading.
func rowsOf(t *testing.T, kind string) []string {
	data, err := os.ReadFile("DEVIATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	section := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
			continue
		}
		if section != kind || !strings.HasPrefix(line, "|") {
			continue
		}
		name := strings.TrimSpace(strings.Split(line, "|")[1])
		if name != "" && name != "Row" && !strings.HasPrefix(name, "---") {
			rows = append(rows, name)
		}
	}
	return rows
}

// Did lists the writes that took effect, status writes apart, as "delete Pod default/web-1", sorted.
func (r *Run) Did() []string {
	var did []string
	for _, round := range r.Rounds {
		for _, w := range round.Writes {
			if w.Changed && w.Verb != "update-status" {
				did = append(did, w.Verb+" "+anonymous(w.Ref.String()))
			}
		}
	}
	slices.Sort(did)
	return did
}

// Told lists the events in order, given names as "*".
func (r *Run) Told() []string {
	var told []string
	for _, round := range r.Rounds {
		for _, e := range round.Events {
			told = append(told, anonymous(e.Type+" "+e.Reason+": "+e.Message))
		}
	}
	return told
}

// same fails the test unless the lists are equal.
func same(t testing.TB, side string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", side, got, want)
	}
}
