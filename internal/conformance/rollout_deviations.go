package conformance

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// deploymentDeviations are the rows of DEVIATIONS.md about Deployments.
func deploymentDeviations() []Deviation { return composed(deploymentRows()) }

func deploymentRows() []row { return slices.Concat(boundRows(), sizeRows(), setRows(), statusRows()) }

// sized compares the sizes of the ReplicaSets at rest, in the order of their age.
func sized(t testing.TB, side string, run *Run, want ...int) {
	t.Helper()
	var got []int
	for _, r := range run.Rounds[len(run.Rounds)-1:] {
		for _, m := range membersOf(r) {
			got = append(got, m.size)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", side, got, want)
	}
}

// givesReason reports whether a side gave the Deployment a condition of this reason.
func givesReason(run *Run, reason string) bool {
	return slices.ContainsFunc(run.Rounds, func(r Round) bool { return newlyTold(r, reason) })
}

// newlyTold reports whether a sync gave the Deployment a condition of a reason that it had none of before.
func newlyTold(r Round, reason string) bool {
	has := func(d *appsv1.Deployment) bool {
		return slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Reason == reason })
	}
	before, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	return ok && !has(before) && slices.ContainsFunc(r.Writes, func(w Write) bool {
		after, ok := w.After.(*appsv1.Deployment)
		return ok && w.Err == nil && has(after)
	})
}

// statusWrites are the writes to a status that changed it.
func statusWrites(run *Run) []string {
	var writes []string
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if w.Verb == "update-status" && w.Changed {
				writes = append(writes, w.Verb+" "+w.Ref.String())
			}
		}
	}
	return writes
}
