package explore

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// event is a step from one state to another.
type event struct {
	// class names what must go on sooner or later: events of one class are not put off for ever. Empty: it need not happen.
	class  string
	next   *state
	by     int             // the host that it is a turn of, or nobody
	tell   func() []string // for people, as a script
	broken error           // an invariant that does not hold on the way
}

const (
	nobody   = -1 // among the hosts
	theClock = "clock"
)

func told(format string, args ...any) func() []string {
	return func() []string { return []string{fmt.Sprintf(format, args...)} }
}

// events are all that can happen in a state.
func (s *search) events(at *state) []event {
	var events []event
	var wake time.Time
	for h := range s.Hosts {
		workloads, _ := s.shown(at, h, 0)
		for _, workload := range workloads {
			t := s.take(at, h, workload)
			if w := t.wake; w.After(at.now) && (wake.IsZero() || w.Before(wake)) {
				wake = w
			}
			events = append(events, s.turns(at, t)...)
		}
		events = append(events, s.looks(at, h)...)
	}
	events = append(events, s.environment(at)...)
	events = append(events, s.edits(at)...)
	events = s.happening(at, events)
	due := slices.ContainsFunc(events, func(e event) bool { return e.class != "" })
	return append(events, s.happening(at, s.clock(at, wake, due))...)
}

// happening leaves out the events that change nothing, and drops what makes no difference from the states that the others lead to.
func (s *search) happening(at *state, events []event) []event {
	kept := events[:0]
	for _, e := range events {
		s.notice(at, e.next, e.by)
		s.prune(e.next)
		e.next.key = s.keyOf(e.next)
		if e.broken != nil || e.next.key.body != at.key.body {
			kept = append(kept, e)
		}
	}
	return kept
}

// turns are the ways in which a host can carry out a plan.
func (s *search) turns(at *state, t turn) []event {
	n, shown := len(t.acts), len(t.acts)
	if t.broken != nil {
		shown = t.at
	}
	events := []event{{
		class: s.names[t.host], by: t.host, next: s.settle(at, t, n, t.outcomes), broken: t.broken,
		tell: s.tellTurn(t, shown, "", "$ advance 0s"),
	}}
	if at.left.Faults == 0 {
		return events
	}
	fault := func(next *state, done int, last, format string, args ...any) {
		next.left.Faults--
		events = append(events, event{by: t.host, next: next, tell: s.tellTurn(t, done, last, fmt.Sprintf(format, args...))})
	}
	for _, f := range s.Faults {
		switch f {
		case Crash:
			for k := range n + 1 {
				fault(s.restart(at, t, k), k, "", "$ crash %s after %d actions", s.names[t.host], k)
			}
		case Interrupt:
			for k := 1; k < n; k++ {
				fault(s.settle(at, t, k, t.outcomes[:k]), k, "", "$ crash %s after %d actions keeping its ledger", s.names[t.host], k)
			}
		case LoseAnswer:
			for k := range n {
				lost := append(slices.Clone(t.outcomes[:k]), s.pool.entry(t.acts[k], nil, nil, at.now))
				fault(s.settle(at, t, k+1, lost), k, "done, and it hears nothing of it", "$ lose answer %s 1 times", verbAndKind(t.acts[k]))
				fault(s.settle(at, t, k, lost), k, "not done, and it hears nothing of it", "$ lose answer %s 1 times unwritten", verbAndKind(t.acts[k]))
			}
		case Refuse:
			for k, a := range t.acts {
				refused := append(slices.Clone(t.outcomes[:k]), s.pool.entry(a, nil, refusal(a), at.now))
				fault(s.settle(at, t, k, refused), k, "refused", "$ fail %s 1 times", verbAndKind(a))
			}
		}
	}
	return events
}

// looks: a view catches up, or stops to move.
func (s *search) looks(at *state, host int) []event {
	var events []event
	look := func(kind int, v *view) *state {
		next := at.clone()
		views := slices.Clone(next.hosts[host].views)
		views[kind] = v
		next.hosts[host].views = views
		return next
	}
	for i, kind := range kindsOf(s.Hosts[host]) {
		v := at.hosts[host].views[i]
		switch {
		case v != nil:
			events = append(events, event{class: "view of " + s.names[host], by: nobody, next: look(i, nil), tell: told("$ lag %s %s 0", s.names[host], lower(kind))})
		case at.left.Lags > 0 && s.mayLag(host, kind):
			next := look(i, &view{shelf: at.shelves[s.reads[host][i]], version: at.version, since: at.now})
			next.left.Lags--
			events = append(events, event{by: nobody, next: next, tell: told("$ lag %s %s 99", s.names[host], lower(kind))})
		}
	}
	return events
}

func (s *search) mayLag(host int, kind string) bool {
	return len(s.Lagging) == 0 || slices.Contains(s.Lagging, s.names[host]+" "+lower(kind))
}

func (s *search) edits(at *state) []event {
	if at.left.Edits == 0 {
		return nil
	}
	var events []event
	for i, edit := range s.Edits {
		s.count(at)
		next := at.clone()
		if !s.edit(&next.cluster, i) {
			continue
		}
		next.left.Edits--
		events = append(events, event{by: nobody, next: next, tell: told("$ %s", edit.Command)})
	}
	return events
}

// edit makes the edit of a number, and reports whether it changes anything.
func (s *search) edit(c *cluster, number int) bool {
	edit := s.Edits[number]
	kind := s.pool.kind(edit.Kind)
	at := slices.IndexFunc(c.shelf(kind), func(it *item) bool { return it.GetName() == edit.Name })
	if at < 0 {
		object := s.pool.make(recipe{what: number}, func() plan.Object { return edit.Change(nil) })
		if object == nil {
			return false
		}
		_, err := s.create(c, object)
		return err == nil
	}
	current := c.shelf(kind)[at]
	changed := s.pool.make(recipe{from: current, what: number}, func() plan.Object {
		return edit.Change(current.DeepCopyObject().(plan.Object))
	})
	switch changed {
	case current:
		return false
	case nil:
		c.remove(current)
		return true
	}
	s.stamp(c, changed, current, func(after plan.Object) {
		if changes(current.Object, after) && after.GetGeneration() > 0 {
			after.SetGeneration(after.GetGeneration() + 1)
		}
	})
	return true
}

// clock moves time to the next wake-up, or further while no host does anything.
func (s *search) clock(at *state, wake time.Time, due bool) []event {
	var events []event
	pass := func(d time.Duration) *state {
		next := at.clone()
		next.now = at.now.Add(d)
		if s.Calendar {
			next.left.Ticks--
		}
		return next
	}
	if s.Calendar && at.left.Ticks == 0 {
		return nil
	}
	if at.left.Faults > 0 && slices.Contains(s.Faults, Outage) && !at.outlasts(s.Outage) {
		next := pass(s.Outage)
		next.left.Faults--
		var lines []string
		for _, name := range s.names {
			lines = append(lines, fmt.Sprintf("$ crash %s keeping its ledger for %s", name, s.Outage))
		}
		lines = append(lines, fmt.Sprintf("$ advance %s", s.Outage))
		events = append(events, event{by: nobody, next: next, tell: func() []string { return lines }})
	}
	d := wake.Sub(at.now)
	if wake.IsZero() || due && at.left.Haste == 0 || at.outlasts(d) {
		return events
	}
	e := event{class: theClock, by: nobody, next: pass(d), tell: told("$ advance %s", d)}
	if due {
		e.class = ""
		e.next.left.Haste--
	}
	return append(events, e)
}

// outlasts reports whether a view would stand still for as long as a write without an answer is remembered. Then nobody could tell
// any more whether it happened, and no planner promises anything.
func (s *state) outlasts(d time.Duration) bool {
	return slices.ContainsFunc(s.hosts, func(h hostState) bool {
		return slices.ContainsFunc(h.views, func(v *view) bool {
			return v != nil && s.now.Add(d).Sub(v.since) >= plan.Expiry
		})
	})
}
