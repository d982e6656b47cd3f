package conformance

import (
	"maps"
	"slices"
	"testing"

	"github.com/kubeplan/kubeplan/plan"
)

// TestDeploymentBounds shows that the bounds which ours is held to are broken by upstream in each of the rows about them: a planner that
// did the same would be seen, although nothing differs then.
func TestDeploymentBounds(t *testing.T) {
	breaks := func(r Round) bool { return bounded(r) != "" }
	for _, r := range boundRows() {
		if r.shows == nil {
			continue // its sizes are right but for the arithmetic
		}
		t.Run(r.Row, func(t *testing.T) {
			upstream, ours := both(t, Deployment(), r.Snapshot())
			if !slices.ContainsFunc(upstream.Rounds, breaks) {
				t.Errorf("no bound is broken by upstream:\n%s", upstream.describe())
			}
			if wrong := unsound(ours); wrong != "" {
				t.Errorf("ours: %s\n%s", wrong, ours.describe())
			}
		})
	}
}

// TestDeploymentRowsShow holds each row against its own smallest snapshot: it has to show in what upstream does there, and to explain what
// differs at rest, if anything does.
func TestDeploymentRowsShow(t *testing.T) {
	rows := deploymentRows()
	for i, r := range rows {
		if r.shows == nil {
			continue
		}
		t.Run(r.Row, func(t *testing.T) {
			if upstream, _ := both(t, Deployment(), r.Snapshot()); !slices.ContainsFunc(upstream.Rounds, r.shows) {
				t.Errorf("it does not show:\n%s", upstream.describe())
			}
			if found := difference(t, Deployment(), r.Snapshot()); found != nil && !explaining(found, rows)[i] {
				t.Errorf("it does not explain its own snapshot:\n%s", found)
			}
		})
	}
}

// TestDeploymentRowsTogether composes two rows: each excuses its own facets, and nothing is excused that no row names.
func TestDeploymentRowsTogether(t *testing.T) {
	told := func(reason string) func(Round) bool {
		return func(r Round) bool { return len(r.Events) > 0 && r.Events[0].Reason == reason }
	}
	rows := []row{
		{Deviation: Deviation{Row: "one"}, shows: told("One"), excuses: []facet{inCollisions, inEvents}},
		{Deviation: Deviation{Row: "two"}, shows: told("Two"), excuses: []facet{inRevision}},
	}
	left := func(revision string, collisions any) map[string]any {
		return map[string]any{"Deployment default/shop": map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{"deployment.kubernetes.io/revision": revision}},
			"status":   map[string]any{"collisionCount": collisions},
		}}
	}
	syncs := func(reasons ...string) []Round {
		var rounds []Round
		for _, reason := range reasons {
			rounds = append(rounds, Round{Events: []plan.Event{{Reason: reason}}})
		}
		return rounds
	}
	for _, test := range []struct {
		name     string
		upstream *Run
		want     []int // the rows that are needed, nil if it is not excused
	}{
		{"one facet, one row", &Run{State: left("1", 1.0), Rounds: syncs("One")}, []int{0}},
		{"two facets, a row each", &Run{State: left("2", 1.0), Rounds: syncs("One", "Two")}, []int{0, 1}},
		{"a row that shows and excuses nothing that differs", &Run{State: left("1", 1.0), Rounds: syncs("One", "Two")}, []int{0}},
		{"a facet whose row does not show", &Run{State: left("2", 1.0), Rounds: syncs("One")}, nil},
		{"a facet of no row", &Run{State: left("2", nil), Rounds: syncs("Two"), Refused: map[string]bool{"create": true}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			needed := map[int]bool{}
			ours := &Run{State: left("1", nil)}
			if excused := excused(test.upstream, ours, rows, needed); excused != (test.want != nil) {
				t.Fatalf("excused: %v", excused)
			}
			if got := slices.Sorted(maps.Keys(needed)); test.want != nil && !slices.Equal(got, test.want) {
				t.Errorf("by the rows %v, want %v", got, test.want)
			}
		})
	}
}
