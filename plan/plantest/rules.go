package plantest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// current draws a snapshot whose view is up to date and shows each object once.
func (s Subject[I]) current(t *rapid.T) Snapshot {
	return s.Snapshots.Draw(t, "snapshot").consistent()
}

// any draws a snapshot of any sort: as odd as the lists may be, or in the middle of a history, with a ledger and a view that lags.
func (s Subject[I]) any(t *rapid.T) Snapshot {
	if rapid.Bool().Draw(t, "midway") {
		h := s.begin(t)
		h.rounds(t, 2)
		return h.view()
	}
	return s.Snapshots.Draw(t, "snapshot")
}

func (s Subject[I]) inputsStay(t *rapid.T) {
	in := s.Input(s.any(t))
	before := deepCopy(in)
	if _, err := s.Plan(in); err != nil {
		t.Fatalf("a valid snapshot was refused: %v", err)
	}
	if !same(before, in) {
		t.Fatalf("the plan modified its input:\n%s", difference(before, in))
	}
}

func (s Subject[I]) sharesNoMemory(t *rapid.T) {
	in := s.Input(s.any(t))
	before := deepCopy(in)
	answer, err := s.Plan(in)
	if err != nil {
		t.Fatalf("a valid snapshot was refused: %v", err)
	}
	scramble(&answer)
	if !same(before, in) {
		t.Fatalf("whoever modifies the result modifies the input:\n%s", difference(before, in))
	}
}

func (s Subject[I]) orderIsNothing(t *rapid.T) {
	at := s.any(t)
	first := s.mustPlan(t, at)
	if len(at.Objects) == 0 {
		return
	}
	shuffled := at
	shuffled.Objects = rapid.Permutation(at.Objects).Draw(t, "order")
	second := s.mustPlan(t, shuffled)
	if first.json() != second.json() {
		t.Fatalf("another order of the same objects gives another plan:\n%s\nand\n%s", first, second)
	}
}

// samePlanTwice gives Go's maps, whose order changes from one loop to the next, a chance to show.
func (s Subject[I]) samePlanTwice(t *rapid.T) {
	at := s.any(t)
	first := s.mustPlan(t, at)
	for range 4 {
		again := s.mustPlan(t, deepCopy(at))
		if first.json() != again.json() {
			t.Fatalf("the same snapshot gives another plan:\n%s\nand\n%s", first, again)
		}
	}
}

func (s Subject[I]) wholePlan(t *rapid.T) {
	at := s.current(t)
	answer := s.mustPlan(t, at)
	replan := func(other Snapshot) Answer { return s.mustPlan(t, other) }
	if err := s.Whole(at, answer, replan); err != nil {
		t.Fatalf("%v, in the plan\n%s", err, answer)
	}
}

func (s Subject[I]) prefixesAreSafe(t *rapid.T) {
	before := s.current(t)
	answer := s.mustPlan(t, before)
	after := before
	for i, a := range answer.writes() {
		var outcome plan.Outcome
		if after, outcome = after.Apply(a); outcome.Err != nil {
			t.Fatalf("action %d was planned from an up-to-date view and is refused: %s, in the plan\n%s", i+1, outcome.Err.Message, answer)
		}
		if err := s.Step(before, after); err != nil {
			t.Fatalf("after a crash behind action %d: %v, in the plan\n%s", i+1, err, answer)
		}
	}
}

func (s Subject[I]) subsetsAreSafe(t *rapid.T) {
	before := s.current(t)
	answer := s.mustPlan(t, before)
	after := before
	crashed := false
	for i, batch := range plan.Batches(answer.Actions) {
		if crashed {
			return
		}
		for _, a := range rapid.Permutation(batch).Draw(t, fmt.Sprintf("batch %d", i+1)) {
			if rarely(t, "crash", 4) {
				crashed = true
				continue // this one was not sent any more, another of the batch was
			}
			after, _ = after.Apply(a)
			if err := s.Step(before, after); err != nil {
				t.Fatalf("after a part of batch %d: %v, in the plan\n%s", i+1, err, answer)
			}
		}
	}
}

func (s Subject[I]) neverSilent(t *rapid.T) {
	h := s.begin(t)
	h.rounds(t, 2)
	h.catchUp()
	at := h.view()
	answer := s.mustPlan(t, at)
	if err := s.Goal(at); err != nil && len(answer.Actions) == 0 {
		t.Fatalf("%v, and the plan says nothing about it\n%#v", err, at)
	}
}

// reachesFixpoint starts anywhere: from a fresh list, after a crash within a plan, in the middle of a history with answers lost.
func (s Subject[I]) reachesFixpoint(t *rapid.T) {
	h := s.begin(t)
	h.rounds(t, 2)
	h.catchUp()
	if rapid.Bool().Draw(t, "restart") {
		h.pending = plan.Pending{}
	}
	if err := s.rest(t, h); err != nil {
		t.Fatal(err)
	}
}

// rest carries out whole plans at one instant until one is empty, and sees that it stays so.
func (s Subject[I]) rest(t *rapid.T, h *history[I]) error {
	var answer Answer
	for range s.Rounds {
		if answer = h.round(t, faultless); answer.Empty() {
			break
		}
		h.catchUp()
	}
	if !answer.Empty() {
		return fmt.Errorf("after %d rounds the plan is still\n%s\nof %#v", s.Rounds, answer, h.view())
	}
	again := s.mustPlan(t, h.view())
	if !again.Empty() {
		return fmt.Errorf("an empty plan is followed by\n%s", again)
	}
	if err := s.Goal(h.view()); err != nil && len(again.Actions) == 0 {
		return fmt.Errorf("at rest, and %v\n%#v", err, h.view())
	}
	return nil
}

// wakesExactly follows a workload from rest to rest through its wake-ups.
func (s Subject[I]) wakesExactly(t *rapid.T) {
	h := s.begin(t)
	h.rounds(t, 2)
	h.catchUp()
	for range 3 {
		if err := s.rest(t, h); err != nil {
			t.Skip("it does not come to rest, which another rule tells")
		}
		at := h.view()
		wake := s.mustPlan(t, at).Wake
		for _, instant := range quiet(t, at.Now, wake) {
			later := at
			later.Now = instant
			if answer := s.mustPlan(t, later); !answer.Empty() {
				t.Fatalf("at rest at %s, to be woken at %s, and already at %s the plan is\n%s\n%#v", at.Now, wake, instant, answer, at)
			}
		}
		if wake.IsZero() {
			return
		}
		if !wake.After(at.Now) {
			t.Fatalf("at rest at %s, and to be woken at %s, which is past\n%#v", at.Now, wake, at)
		}
		h.clock(wake)
		if answer := s.mustPlan(t, h.view()); answer.Empty() {
			t.Fatalf("at rest at %s, and woken at %s for nothing\n%s\n%#v", at.Now, wake, answer, at)
		}
	}
}

func (s Subject[I]) refusesBadInput(t *rapid.T) {
	broken, field := s.Break(t, s.Snapshots.Draw(t, "snapshot"))
	answer, err := s.Plan(s.Input(broken))
	switch {
	case err == nil:
		t.Fatalf("%s is wrong and nobody says so\n%#v", field, broken)
	case !namesField(err, field):
		t.Fatalf("%s is wrong and the error is: %v", field, err)
	case len(answer.Actions) > 0 || !answer.Wake.IsZero() || len(answer.Events) > 0:
		t.Fatalf("beside the error (%v) there is a plan:\n%s", err, answer)
	}
}

// defaultsNil compares what the plans do, not what they copy: an update of the workload shows it as it was given.
func (s Subject[I]) defaultsNil(t *rapid.T) {
	bare := s.any(t)
	full := bare
	full.Workload = s.Defaults(bare.Workload)
	a, b := effects(bare, s.mustPlan(t, bare)), effects(full, s.mustPlan(t, full))
	if !slices.Equal(a, b) {
		t.Fatalf("left out and written out, the defaults give two plans:\n%s", difference(a, b))
	}
}

func effects(s Snapshot, answer Answer) []string {
	lines := []string{fmt.Sprint(answer.Wake), compact(answer.Events)}
	for _, a := range answer.Actions {
		if s.isWorkload(a.Target()) {
			lines = append(lines, a.String())
		} else {
			lines = append(lines, compact(a))
		}
	}
	return lines
}
