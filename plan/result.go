package plan

import "time"

// Result is the part of a plan that is the same for every kind: a host can carry it out without knowing the kind.
type Result struct {
	// Actions are the steps to take now, in the order in which they must be carried out.
	Actions []Action
	// Wake is when to plan again at the latest, even if nothing changes: a time by the clock of Observed.Now. Zero: only
	// when something changes.
	Wake time.Time
	// Events are those to record about the workload before anything is carried out. The events of the actions themselves
	// come from [EventFor].
	Events []Event
}

// Event is one event to record about the workload that was planned, in the words of Kubernetes.
type Event struct {
	Type    string `json:"type"` // Normal or Warning
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Empty reports whether there is nothing to carry out: no action at all, or only Waits.
func (r Result) Empty() bool {
	for _, a := range r.Actions {
		if _, waits := a.(Wait); !waits {
			return false
		}
	}
	return true
}

// Add puts actions at the end of the plan.
func (r *Result) Add(actions ...Action) {
	r.Actions = append(r.Actions, actions...)
}

// WakeBy brings Wake forward to t. A zero t, or one after Wake, changes nothing.
func (r *Result) WakeBy(t time.Time) {
	r.Wake = Earliest(r.Wake, t)
}

// Earliest is the first of the times that are not zero, and zero if all are. It is for planners, to whom a zero time means
// that nothing will happen by itself.
func Earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
