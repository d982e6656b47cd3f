package plan

import "time"

// Result is what every planner returns beside its own status: what a host carries out without knowing the kind.
type Result struct {
	// Actions are the steps to take now, in the order in which they must be carried out.
	Actions []Action
	// Wake is when to plan again at the latest even if nothing changes. Zero: only on change.
	Wake time.Time
	// Events are what Kubernetes would record about the workload at this point. Those that need the answer of
	// the API server come from [EventFor].
	Events []Event
}

// Event is one event about the workload that was planned, in the words of Kubernetes.
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

// WakeBy brings Wake forward to t. A zero t changes nothing.
func (r *Result) WakeBy(t time.Time) {
	if !t.IsZero() && (r.Wake.IsZero() || t.Before(r.Wake)) {
		r.Wake = t
	}
}
