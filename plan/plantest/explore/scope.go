package explore

import (
	"time"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// Scope is a small cluster, and what may happen in it. All of its states are visited.
type Scope struct {
	Name string

	// Hosts run the planners. They know each other only through the cluster.
	Hosts []sim.Host
	// Start are the objects there are in the beginning: the workload, its nodes.
	Start []plan.Object
	// Workload is the kind and name of the object that the invariants are about: Snapshot.Workload.
	Workload plan.Ref
	// Policy is what the hosts plan with, for the snapshots that the invariants are asked about.
	Policy any

	// Edits are what people do, each of them as often as Budget.Edits allows.
	Edits []Edit
	// Faults are what may go wrong, each as often as Budget.Faults allows.
	Faults []Fault
	Budget Budget
	// Lagging are the views that Budget.Lags is for, each as "host kind" in lower case. Empty: all.
	Lagging []string
	// Finish has pods run to completion. Otherwise they run until they are deleted.
	Finish bool
	// Outage is for how long an Outage lasts.
	Outage time.Duration
	// Calendar says that it matters what time it is, as for a CronJob: states at two times are two states, and
	// the clock moves on Budget.Ticks times. Otherwise only ages matter.
	Calendar bool

	// Always is an invariant of all states, those after each single write included.
	Always func(plantest.Snapshot) error
	// Step is asked about what a host does: before is the cluster before its plan, after the cluster once any part of it is
	// carried out. It is not asked if others changed what the host's view does not show: no planner can allow for that.
	// See [plantest.Subject].
	Step func(before, after plantest.Snapshot) error
	// Goal says what is wrong with a state in which everything has come to rest: see [plantest.Subject]. With Calendar it
	// is asked whenever nothing is left to do but to let time pass.
	Goal func(plantest.Snapshot) error

	// Limit is the number of states after which the search ends unfinished. 0: a million.
	Limit int
}

// Edit is a change that a person makes to one object.
type Edit struct {
	// Command makes the edit in a script.
	Command string
	// Kind and Name say what is changed.
	Kind, Name string
	// Change changes the object and returns it, or creates it if there is none: then it gets nil. If it returns nil the object is
	// removed. An edit that changes nothing does not happen.
	Change func(plan.Object) plan.Object
}

// EditOf is an edit of an object that exists.
func EditOf[T plan.Object](command, kind, name string, change func(T)) Edit {
	return Edit{Command: command, Kind: kind, Name: name, Change: func(obj plan.Object) plan.Object {
		if obj == nil {
			return nil
		}
		change(obj.(T))
		return obj
	}}
}

// Budget is how often something may happen on the way to a state.
type Budget struct {
	Faults, Edits int
	// Lags is how often the view of a host stops to see the writes of a kind. It catches up at any time.
	Lags int
	// Haste is how often a host's wake-up comes before something else that is due: a pod takes its time to become ready.
	// When nothing else is due the clock moves on at no cost.
	Haste int
	// Ticks is how often the clock moves at all, with [Scope].Calendar.
	Ticks int
}

// Fault is a kind of trouble.
type Fault string

const (
	// Crash: a host ends before or after any action of a plan, loses its ledger, and starts from a consistent list.
	Crash Fault = "crash"
	// Interrupt: a host ends after any action of a plan, and goes on later with the ledger that it kept.
	Interrupt Fault = "interrupt"
	// LoseAnswer: a write takes effect, or not, and the host does not hear of it.
	LoseAnswer Fault = "lose answer"
	// Refuse: the API server refuses a write.
	Refuse Fault = "refuse"
	// Outage: for Scope.Outage no host does anything.
	Outage Fault = "outage"
	// PodFails: a container of a pod exits with an error, for good.
	PodFails Fault = "pod fails"
	// PodUnready: a pod that was ready no longer is. It will be again.
	PodUnready Fault = "pod unready"
	// PodDeleted: a person deletes a pod.
	PodDeleted Fault = "pod deleted"
)

// epoch is when every search begins, a minute before noon on a Sunday.
func epoch() time.Time { return time.Date(2026, time.March, 1, 11, 59, 0, 0, time.UTC) }

func (s Scope) limit() int {
	if s.Limit == 0 {
		return 1_000_000
	}
	return s.Limit
}
