package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Expiry is how long, from Outcome.At, a write without an answer counts as done while the view does not show it: longer
// than any request can stay on its way.
const Expiry = 5 * time.Minute

// Pending is the ledger of a host for one workload: the writes that it has issued and its view may not show yet. It is a
// value: the host keeps it, and may keep it over a restart as JSON; a planner looks at the view through it. The zero
// Pending says that nothing was issued: a host that starts with it must plan from a consistent list first.
type Pending struct {
	// Seen is how far the view has come: by kind ("Pod"), the resourceVersion of the list or watch that it was taken from
	// (metadata.resourceVersion of a list; LastStoreSyncResourceVersion of an informer's store, read before the
	// objects are). A write answered at or before it is visible, even if its object is gone again. It may be too old, but
	// never too new.
	//
	// A kind may be left out. Then the newest object shown of a namespace stands for the view of that namespace, and a
	// write that is not seen by that counts for [Expiry].
	Seen map[string]string `json:"seen,omitempty"`
	// Outcomes are the writes issued, in the order in which they were. The host adds to them, [Settle] removes.
	Outcomes []Outcome `json:"outcomes,omitempty"`
}

// Outcome is what became of one action. [OutcomeOf] makes it.
type Outcome struct {
	// Action is what was sent: if the host chose the name of a new object, with that name.
	Action Action
	// Reply is the object as the API server answered, of the Go type that the planner takes: for a kind of your own that
	// goes through the ReplicaSet planner, an *appsv1.ReplicaSet. A Delete or a Bind may succeed without a Reply; any
	// other write without Reply and Err was not answered.
	Reply Object
	// Err is the refusal, nil if there was none.
	Err *metav1.Status
	// At is the time just before the action was sent, by the clock that Observed.Now is read from.
	At time.Time
}

// OutcomeOf is the Outcome of a request that was sent at a time and returned reply and err, as the Kubernetes clients
// return them. With an error, reply is ignored. NotFound is success for a Delete. An unstructured reply gets its Go type
// if it is of the groups core, apps or batch.
//
// An error that does not come from the API server (the connection broke, the context ended), or that says that time ran
// out there, leaves open whether the write took effect: the Outcome has neither Reply nor Err. So do not pass
// an error of your own for a request that was not sent.
func OutcomeOf(action Action, reply Object, err error, at time.Time) Outcome {
	outcome := Outcome{Action: action, At: at}
	if err == nil {
		if v := reflect.ValueOf(reply); v.IsValid() && !v.IsNil() { // a typed nil is no answer
			outcome.Reply = typed(reply)
		}
		return outcome
	}
	var refusal apierrors.APIStatus
	if !errors.As(err, &refusal) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) {
		return outcome
	}
	if _, deletes := action.(Delete); deletes && apierrors.IsNotFound(err) {
		return outcome
	}
	status := refusal.Status()
	outcome.Err = &status
	return outcome
}

// typed gives an answer of a dynamic client the Go type that the planners know it by, if there is one.
func typed(reply Object) Object {
	if generic, ok := reply.(*unstructured.Unstructured); ok {
		if data, err := generic.MarshalJSON(); err == nil {
			if obj, err := Decode(data); err == nil {
				return obj
			}
		}
	}
	return reply
}

// Failures gives the outcomes that were refused, for planners to report in conditions. Those without an answer are not
// among them.
func (p Pending) Failures() []Outcome {
	var failures []Outcome
	for _, o := range p.Outcomes {
		if o.Err != nil {
			failures = append(failures, o)
		}
	}
	return failures
}

// RefusedLast gives the actions in another order if the API server refused to write one of their objects last time: first
// those behind it, then those before it, itself at the end. A host stops at the first failure, and tells the next plan of
// no other; so begun anew from the front, two objects that are always refused would starve those behind them. Planners
// apply it to actions that do not rely on each other.
func (p Pending) RefusedLast(actions []Action) []Action {
	failures := p.Failures()
	isRefused := func(a Action) bool {
		return slices.ContainsFunc(failures, func(o Outcome) bool { return same(o.Action.Target(), a.Target()) })
	}
	turn := 0 // behind the last that was refused
	for i, a := range actions {
		if isRefused(a) {
			turn = i + 1
		}
	}
	if turn == 0 {
		return actions
	}
	var first, last []Action
	for _, a := range slices.Concat(actions[turn:], actions[:turn]) {
		if isRefused(a) {
			last = append(last, a)
		} else {
			first = append(first, a)
		}
	}
	return append(first, last...)
}

// same reports whether two Refs name one object. Objects whose name is still to be generated are never the same.
func same(a, b Ref) bool {
	if a.UID != "" && b.UID != "" {
		return a.UID == b.UID
	}
	return a.Name != "" && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}

// Unanswered gives the part of the ledger that has no answer, for planners: whether it happened is not known. Deletions
// and bindings that succeeded without a Reply are in it, too.
func (p Pending) Unanswered() Pending {
	open := Pending{Seen: p.Seen}
	for _, o := range p.Outcomes {
		if o.Reply == nil && o.Err == nil {
			open.Outcomes = append(open.Outcomes, o)
		}
	}
	return open
}

// AnswerBy is for planners. If [Overlay] shows an object, or a version of it, only because its creation or update was asked
// for without an answer, AnswerBy is when that ends: [Expiry] after Outcome.At. For any other object it is zero. obj must
// be the very pointer that Overlay returned. Count such an object where there could be too many, and do not count on it
// where there could be too few.
func (p Pending) AnswerBy(obj Object) time.Time {
	for _, o := range p.Outcomes {
		if o.Reply != nil || o.Err != nil {
			continue
		}
		switch a := o.Action.(type) {
		case Create:
			if a.Object == obj {
				return o.At.Add(Expiry)
			}
		case Update:
			if a.After == obj {
				return o.At.Add(Expiry)
			}
		}
	}
	return time.Time{}
}

// wireOutcome is the JSON form of an Outcome.
type wireOutcome struct {
	Action json.RawMessage `json:"action"`
	Reply  json.RawMessage `json:"reply,omitempty"`
	Err    *metav1.Status  `json:"error,omitempty"`
	At     time.Time       `json:"at"`
}

// MarshalJSON writes the fields action, reply, error and at, the time in UTC.
func (o Outcome) MarshalJSON() (_ []byte, err error) {
	w := wireOutcome{Err: o.Err, At: o.At.UTC()}
	if w.Action, err = json.Marshal(o.Action); err != nil {
		return nil, err
	}
	if o.Reply != nil {
		if w.Reply, err = json.Marshal(whole(o.Reply)); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes, objects as [Decode] does. An unknown field is an error.
func (o *Outcome) UnmarshalJSON(data []byte) error {
	var w wireOutcome
	if err := strictly(data, &w); err != nil {
		return err
	}
	if len(w.Action) == 0 {
		return errors.New("action: Required value")
	}
	action, err := UnmarshalAction(w.Action)
	if err != nil {
		return err
	}
	*o = Outcome{Action: action, Err: w.Err, At: w.At}
	if len(w.Reply) > 0 && string(w.Reply) != "null" {
		if o.Reply, err = Decode(w.Reply); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
	return nil
}
