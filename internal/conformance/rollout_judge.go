package conformance

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// row is a deviation of Deployments.
type row struct {
	Deviation
	// shows reports whether a sync of upstream's is one in which it deviates.
	shows func(Round) bool
	// excuses are the facets in which the two may differ after such a sync.
	excuses []facet
}

// composed lets the rows explain differences together: each that a sync of upstream's shows excuses its facets, and every facet in which
// the two differ must be excused. Whatever is excused, ours has to be right by itself (see unsound), and so has what it leaves: upstream,
// asked about that cluster, must find nothing to do there, except where its syncs show a row again.
func composed(rows []row) []Deviation {
	var deviations []Deviation
	for i, r := range rows {
		d := r.Deviation
		if r.shows != nil {
			d.Explains = func(c *Case) bool { return explaining(c, rows)[i] }
		}
		deviations = append(deviations, d)
	}
	return deviations
}

// explaining tells which rows explain a case: none if they do not explain all of it.
func explaining(c *Case, rows []row) map[int]bool {
	if !c.Ours.Rested || c.Ours.Touched != "" || unsound(c.Ours) != "" {
		return nil
	}
	needed, upstream := map[int]bool{}, *c.Upstream
	upstream.Refused = withoutConflicts(upstream.Refused)
	handed := *c.Handed
	handed.Rounds = withoutRepeated(c.Handed.Rounds, c.Ours.Rounds)
	if !excused(&upstream, c.Ours, rows, needed) || !excused(&handed, &Run{State: c.Ours.State}, rows, map[int]bool{}) {
		return nil
	}
	return needed
}

// excused reports whether each facet in which two runs differ is excused by a row that upstream's syncs show, and notes which were needed.
func excused(upstream, ours *Run, rows []row, needed map[int]bool) bool {
	for _, f := range differing(upstream, ours) {
		found := false
		for i, r := range rows {
			if r.shows != nil && slices.Contains(r.excuses, f) && slices.ContainsFunc(upstream.Rounds, r.shows) {
				found, needed[i] = true, true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// withoutRepeated leaves out the warnings that others told before: one may be repeated as long as its cause lasts.
func withoutRepeated(rounds, before []Round) []Round {
	rounds = slices.Clone(rounds)
	for i := range rounds {
		rounds[i].Events = slices.DeleteFunc(slices.Clone(rounds[i].Events), func(e plan.Event) bool {
			return e.Type == corev1.EventTypeWarning && slices.ContainsFunc(before, func(r Round) bool { return slices.Contains(r.Events, e) })
		})
	}
	return rounds
}
