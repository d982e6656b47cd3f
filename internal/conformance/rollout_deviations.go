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

// createdBy is the message by which a side tells of a new ReplicaSet that it did not make.
func createdBy(run *Run) string {
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if d, ok := w.After.(*appsv1.Deployment); ok {
				for _, c := range d.Status.Conditions {
					if c.Reason == "NewReplicaSetCreated" {
						return c.Message
					}
				}
			}
		}
	}
	return ""
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
