package plantest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// Subject is a planner under test. I is everything that its Plan takes, as one struct: the workload, Observed and
// Policy. Every field is required.
type Subject[I any] struct {
	Name string

	// Snapshots draws snapshots with a valid workload and policy, an up-to-date view and an empty ledger. The other objects
	// may be as odd as they like. Later states, lagging views and ledgers are made from them by carrying out plans.
	Snapshots *rapid.Generator[Snapshot]
	// Input makes of a snapshot what Plan takes. It must not copy objects, or shared memory would go unseen.
	Input func(Snapshot) I
	Plan  func(I) (Answer, error)

	// Break draws a snapshot that is wrong in one place and names the field that the error has to name.
	Break func(*rapid.T, Snapshot) (broken Snapshot, field string)
	// Defaults returns a copy of the workload in which all that was left out, but for the pod template, is filled in as the
	// API server would.
	Defaults func(plan.Object) plan.Object

	// Step checks the bounds between two states of the cluster, the second reached from the first by carrying out any part
	// of a plan. Bounds are inductive: they hold from any first state.
	Step func(before, after Snapshot) error
	// Whole checks what a whole plan promises, made from an up-to-date view with an empty ledger. replan plans another snapshot.
	Whole func(s Snapshot, a Answer, replan func(Snapshot) Answer) error
	// Goal says in which way the workload is not where it should be, its stored status included; nil if it is.
	Goal func(Snapshot) error
	// Rounds is how many plans, each carried out whole at one instant, it takes at most until a plan is empty.
	Rounds int
}

// Answer is what a planner of any kind returned.
type Answer struct {
	plan.Result
	// Whole points to the planner's own Result, with the status and all.
	Whole any
	// Memory is what the next plan gets as its Memory; nil if the planner has none.
	Memory any
}

// String tells the plan in lines for people.
func (a Answer) String() string {
	var b strings.Builder
	for _, action := range a.Actions {
		fmt.Fprintf(&b, "  %s\n", action)
	}
	if !a.Wake.IsZero() {
		fmt.Fprintf(&b, "  wake at %s\n", a.Wake)
	}
	for _, e := range a.Events {
		fmt.Fprintf(&b, "  event %s %s: %s\n", e.Type, e.Reason, e.Message)
	}
	if b.Len() == 0 {
		return "  nothing\n"
	}
	return b.String()
}

// writes are the actions that ask for something.
func (a Answer) writes() []plan.Action {
	var writes []plan.Action
	for _, action := range a.Actions {
		if _, waits := action.(plan.Wait); !waits {
			writes = append(writes, action)
		}
	}
	return writes
}

// json is the answer in the form in which two of them are compared.
func (a Answer) json() string {
	return compact([]any{a.Whole, a.Actions, a.Wake, a.Events, a.Memory})
}

// mustPlan plans a snapshot that is valid: an error fails the property.
func (s Subject[I]) mustPlan(t *rapid.T, at Snapshot) Answer {
	answer, err := s.Plan(s.Input(at))
	if err != nil {
		t.Fatalf("a valid snapshot was refused: %v\n%#v", err, at)
	}
	return answer
}

// Rule is one property of a planner, ready to be checked by rapid.Check or fuzzed through rapid.MakeFuzz.
type Rule struct {
	Name  string
	Check func(*rapid.T)
}

// Rules are the rules that every planner keeps. Two things are not among them: purity, which [CheckPure] reads from the
// source, and what takes a whole history to see, which [CheckHistories] plays.
func Rules[I any](s Subject[I]) []Rule {
	return []Rule{
		{"inputs are not modified", s.inputsStay},
		{"results share no memory with inputs", s.sharesNoMemory},
		{"order does not matter", s.orderIsNothing},
		{"the same input gives the same plan", s.samePlanTwice},
		{"plans have the form that hosts expect", s.wellFormed},
		{"plans keep what the kind promises", s.wholePlan},
		{"every prefix is safe", s.prefixesAreSafe},
		{"every subset of a batch is safe", s.subsetsAreSafe},
		{"never silent", s.neverSilent},
		{"read your writes", s.readsItsWrites},
		{"no stall once the view is current", s.neverStalls},
		{"no starvation behind a refusal", s.starvesNobody},
		{"fixpoint", s.reachesFixpoint},
		{"exact wake-ups at rest", s.wakesExactly},
		{"ownership", s.respectsOwners},
		{"bad input is an error", s.refusesBadInput},
		{"nil means the default", s.defaultsNil},
		{"actions survive JSON", s.survivesJSON},
	}
}

// CheckRules checks all rules on generated snapshots, each in a subtest of its name: for each as many as the flag
// -rapid.checks says, 100 without it.
func CheckRules[I any](t *testing.T, s Subject[I]) {
	t.Helper()
	require(t, s, "Name", "Snapshots", "Input", "Plan", "Break", "Defaults", "Step", "Whole", "Goal", "Rounds")
	for _, rule := range Rules(s) {
		t.Run(rule.Name, rapid.MakeCheck(rule.Check))
	}
}

// require fails the test if a field of a struct is not set.
func require(t testing.TB, of any, fields ...string) {
	t.Helper()
	value := reflect.ValueOf(of)
	for _, name := range fields {
		if value.FieldByName(name).IsZero() {
			kind, _, _ := strings.Cut(value.Type().Name(), "[")
			t.Fatalf("plantest: %s.%s: Required value", kind, name)
		}
	}
}

// names reports whether the error says that something is wrong with the field.
func namesField(err error, name string) bool {
	var one *field.Error
	if errors.As(err, &one) && one.Field == name {
		return true
	}
	if many, ok := err.(interface{ Errors() []error }); ok {
		for _, e := range many.Errors() {
			if namesField(e, name) {
				return true
			}
		}
	}
	return false
}
