package conformance

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// Kind is one kind of workload: Kubernetes' controller, our planner, and the clusters that they are compared on.
type Kind struct {
	// Name is the kind: "ReplicaSet". The section of DEVIATIONS.md bears it.
	Name string

	// Upstream builds the controller of Kubernetes with u.Client and u.Informers, tames it (u.Tame), and gives
	// its sync method. snapshot is for settings such as the burst.
	Upstream func(u *Upstream, snapshot *Snapshot) func(ctx context.Context, key string) error

	// Ours gives a new planner. It is called once a run: what one plan hands to the next (a Memory) lives in the closure.
	Ours func() Planner

	// Snapshot draws any state of a cluster, the nastier the better.
	Snapshot func(t *rapid.T) *Snapshot

	// History draws a cluster before the workload has done anything, and the steps of its life.
	History func(t *rapid.T) *Snapshot

	// MeetWithin is in how many of upstream's first syncs the two must have made the same writes (status writes apart).
	// 0 stands for 1: whatever upstream's first sync does, our first plans together do, and nothing else before.
	// Below 0: only the end is compared.
	MeetWithin int

	// Sound, if set, says what is wrong with a run of ours whatever upstream did: "" if nothing is. It is asked about every run, for where
	// upstream deviates ours must not do the same.
	Sound func(ours *Run) string

	// Deviations are the rows of DEVIATIONS.md.
	Deviations []Deviation

	// Bench are the snapshots of the benchmarks.
	Bench []Bench
}

// Planner plans on a view. It must not change anything that it is shown.
type Planner func(view *View) (plan.Result, error)

// Snapshot is a cluster at an instant, and what happens to it later.
type Snapshot struct {
	// Workload is what is reconciled.
	Workload plan.Ref
	// Now is the instant: after the year 2000, where the virtual clock starts.
	Now      time.Time
	Objects  []plan.Object
	Refusals []Refusal
	// Burst is the most that one sync creates or deletes, for kinds that have such a bound. 0: Kubernetes' own.
	Burst int
	// Shuffle is the seed of the order in which our planner is shown the objects.
	Shuffle int
	// Steps follow one after the other, each once both have come to rest.
	Steps []Step
}

// Step is something that happens to a cluster. It must find its objects without knowing names that an API
// server generated, for those differ between the two.
type Step struct {
	Name string
	// After is how much time passes first.
	After time.Duration
	// Do changes the World; nil: only time passes.
	Do func(w *World)
}

// Deviation is a row of DEVIATIONS.md: something that upstream does and we do not.
type Deviation struct {
	// Row is the name of the row.
	Row string
	// Snapshot is the smallest that shows it.
	Snapshot func() *Snapshot
	// Check fails unless upstream still deviates, and ours does what the row says.
	Check func(t testing.TB, upstream, ours *Run)
	// Explains reports whether a difference found on a random snapshot is this deviation and nothing else. nil:
	// it is kept from showing by the generator.
	Explains func(c *Case) bool
}

// Bench is one snapshot of a benchmark.
type Bench struct {
	// Name says the size and the case: "3000/steady".
	Name string
	// Snapshot holds Size objects of the kind that is counted. Its Now is the real one.
	Snapshot func() *Snapshot
	Size     int
	// Plan calls the planner alone on the objects of the snapshot, which are always the same.
	Plan func(objects []plan.Object, now time.Time) func() error
	// OursOnly is for what upstream cannot be asked.
	OursOnly bool
}
