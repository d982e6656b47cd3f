package explore

import (
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// turn is one turn of a host: a plan for one workload, and the cluster after each of its actions.
type turn struct {
	answer
	host     int
	workload *item
	acts     []*act    // those that were sent, with names
	after    []cluster // after so many of them
	outcomes []*entry  // of so many of them
	broken   error     // the first invariant that was broken on the way
	at       int       // after so many of them
}

// answer is what a host planned.
type answer struct {
	planned []*act // the Waits left out
	wake    time.Time
	memory  *memory
	kept    []*entry // what is left of the ledger
	err     error
}

// kindsOf are the kinds that a host has a view of.
func kindsOf(h sim.Host) []string { return append([]string{h.Kind}, h.Reads...) }

// shown is what a host's view shows of a kind, and how far it has come.
func (s *search) shown(at *state, host, kind int) (shelf []*item, version int) {
	if v := at.hosts[host].views[kind]; v != nil {
		return v.shelf, v.version
	}
	return at.shelves[s.reads[host][kind]], at.version
}

// take has a host plan a workload and carry the plan out, up to the first failure.
func (s *search) take(at *state, host int, workload *item) turn {
	t := turn{answer: s.ask(at, host, workload), host: host, workload: workload, after: []cluster{at.cluster}}
	t.broken = t.err
	s.carryOut(at, &t)
	return t
}

// ask has a host plan a workload. The same question is not asked twice in a row: the answer of a planner is the same.
func (s *search) ask(at *state, host int, workload *item) answer {
	question := s.ledgerAndViews(at, host, workload)
	if known, ok := s.answers[string(question)]; ok {
		return known
	}
	if len(s.answers) > mostAnswers {
		clear(s.answers)
	}
	a := s.plan(at, host, workload)
	s.answers[string(question)] = a
	return a
}

// ledgerAndViews is all that a host knows when it plans a workload, in a form in which it can be compared.
func (s *search) ledgerAndViews(at *state, host int, workload *item) []byte {
	kept := at.hosts[host].ledgerOf(workload.number)
	b := binary.AppendVarint(s.question[:0], at.now.UnixNano())
	b = append(b, byte(host))
	b = binary.AppendUvarint(b, workload.serial)
	for _, e := range kept.outcomes {
		b = binary.AppendUvarint(b, e.serial)
	}
	if kept.memory != nil {
		b = binary.AppendUvarint(b, kept.memory.serial)
	}
	for i := range s.reads[host] {
		shelf, version := s.shown(at, host, i)
		b = append(b, 0)
		for _, it := range shelf {
			b = binary.AppendUvarint(b, it.serial)
		}
		if len(kept.outcomes) > 0 {
			b = binary.AppendUvarint(b, uint64(version))
		}
	}
	s.question = b
	return b
}

// plan asks a planner.
func (s *search) plan(at *state, host int, workload *item) answer {
	s.report.Plans++
	kept := at.hosts[host].ledgerOf(workload.number)
	pending := plan.Pending{Seen: map[string]string{}}
	for _, e := range kept.outcomes {
		pending.Outcomes = append(pending.Outcomes, e.Outcome)
	}
	lists := map[string][]plan.Object{}
	for i, kind := range kindsOf(s.Hosts[host]) {
		shelf, version := s.shown(at, host, i)
		pending.Seen[kind] = strconv.Itoa(version)
		list := make([]plan.Object, len(shelf))
		for j, it := range shelf {
			list[j] = it.Object
		}
		lists[kind] = list
	}
	var remembered any
	if kept.memory != nil {
		remembered = kept.memory.value
	}
	planned, err := s.Hosts[host].Plan(workload.Object, sim.See(at.now, pending, remembered, workload.GetNamespace(), lists))
	a := answer{
		wake: planned.Wake, memory: s.pool.memory(planned.Memory), err: err,
		kept: settled(kept.outcomes, plan.Settle(pending, at.now).Outcomes),
	}
	for _, action := range planned.Actions {
		if _, waits := action.(plan.Wait); !waits {
			a.planned = append(a.planned, s.pool.act(action))
		}
	}
	return a
}

// mostAnswers is how many answers are kept before all are forgotten.
const mostAnswers = 50_000

// settled finds the entries of the outcomes that Settle left.
func settled(entries []*entry, left []plan.Outcome) []*entry {
	var kept []*entry
	for _, e := range entries {
		if len(kept) < len(left) && e.Outcome == left[len(kept)] {
			kept = append(kept, e)
		}
	}
	if len(kept) < len(left) {
		panic("Settle changed an outcome") // to leave it out would be to lose a ledger
	}
	return kept
}

func (s *search) carryOut(at *state, t *turn) {
	s.count(at)
	foreign := slices.ContainsFunc(at.hosts[t.host].views, func(v *view) bool { return v != nil && v.foreign })
	for _, a := range t.planned {
		now := t.after[len(t.acts)]
		now.shelves = slices.Clone(now.shelves)
		a = s.named(a)
		reply, err := s.do(&now, a)
		outcome := s.pool.entry(a, reply, err, now.now)
		t.acts = append(t.acts, a)
		t.after = append(t.after, now)
		t.outcomes = append(t.outcomes, outcome)
		if t.broken == nil {
			t.broken = s.judge(&at.cluster, &now, !foreign)
			t.at = len(t.acts)
		}
		if outcome.Err != nil {
			return
		}
	}
}

// judge asks the invariants about a write.
func (s *search) judge(before, after *cluster, step bool) error {
	asked := verdict{after: s.identify(after)}
	if step {
		asked.before = s.identify(before)
	}
	known, ok := s.verdicts[asked]
	if !ok {
		known = s.invariants(before, after, step)
		s.verdicts[asked] = known
	}
	return known
}

// invariants asks what must hold in each state and, of a step, what must hold of it.
func (s *search) invariants(before, after *cluster, step bool) error {
	snapshot := s.snapshot(after)
	if snapshot.Workload == nil {
		return nil
	}
	var err error
	if s.Always != nil {
		err = s.Always(snapshot)
	}
	if s.Step != nil && step {
		err = errors.Join(err, s.Step(s.snapshot(before), snapshot))
	}
	return err
}

// named gives a new object a name, and with it the number of its UID: the lowest that is nowhere in the state, so that states do not
// differ by how many objects there once were.
func (s *search) named(a *act) *act {
	if a.verb != "create" || a.after.GetName() != "" {
		return a
	}
	name := a.after.GetGenerateName() + suffix(s.unused())
	object := s.pool.make(recipe{from: a.after, what: name}, func() plan.Object {
		object := a.after.DeepCopyObject().(plan.Object)
		object.SetName(name)
		return object
	})
	return s.pool.act(plan.Create{Object: object.Object})
}

// count notes the numbers that occur in a state.
func (s *search) count(at *state) {
	clear(s.taken[:])
	s.parts(at, func(p part) {
		if p.owner != anUnknownOne {
			s.taken[p.owner] = true
		}
		for _, m := range p.text.marks {
			s.taken[m.object] = true
		}
	})
}

func (s *search) unused() int {
	n := 1
	for s.taken[n] {
		n++
	}
	s.taken[n] = true
	return n
}

// settle returns the state after a turn in which the first n actions took effect and were answered as outcomes says; the host goes
// on with its ledger.
func (s *search) settle(at *state, t turn, n int, outcomes []*entry) *state {
	next := at.clone()
	next.cluster = t.after[n]
	kept := ledger{workload: t.workload.number, memory: t.memory, outcomes: slices.Clone(t.kept)}
	for _, e := range outcomes {
		if !s.moot(next, t.host, e) {
			kept.outcomes = append(kept.outcomes, e)
		}
	}
	next.hosts[t.host] = next.hosts[t.host].with(kept)
	return next
}

// restart returns the state after a turn that ended in a crash behind n actions.
func (s *search) restart(at *state, t turn, n int) *state {
	next := at.clone()
	next.cluster = t.after[n]
	next.hosts[t.host] = hostState{views: make([]*view, len(next.hosts[t.host].views))}
	return next
}

// notice has views that do not move note whether others than their host changed what they do not show. by is the host that made
// the changes.
func (s *search) notice(before, after *state, by int) {
	for h := range after.hosts {
		if h == by {
			continue
		}
		for i, v := range after.hosts[h].views {
			kind := s.reads[h][i]
			if v == nil || v.foreign || slices.Equal(before.shelf(kind), after.shelf(kind)) {
				continue
			}
			views := slices.Clone(after.hosts[h].views)
			behind := *v
			behind.foreign = true
			views[i] = &behind
			after.hosts[h].views = views
		}
	}
}

// prune drops from all ledgers what makes no difference any more, as the planners promise: see [plan.Overlay]. So states do not differ
// by it.
func (s *search) prune(at *state) {
	for h := range at.hosts {
		var kept []ledger
		for _, l := range at.hosts[h].ledgers {
			if !s.exists(at, h, l.workload) {
				continue
			}
			l.outcomes = s.telling(at, h, l.outcomes)
			if len(l.outcomes) > 0 || l.memory != nil {
				kept = append(kept, l)
			}
		}
		at.hosts[h].ledgers = kept
	}
}

// exists reports whether a workload is there, or is to the eyes of its host.
func (s *search) exists(at *state, host, workload int) bool {
	shelf, _ := s.shown(at, host, 0)
	isIt := func(it *item) bool { return it.number == workload }
	return slices.ContainsFunc(shelf, isIt) || slices.ContainsFunc(at.shelves[s.reads[host][0]], isIt)
}

// telling leaves out the answers that the view shows, as [plan.Settle] does, and what is moot.
func (s *search) telling(at *state, host int, entries []*entry) []*entry {
	answers := plan.Pending{Seen: map[string]string{}}
	for i, kind := range s.reads[host] {
		_, version := s.shown(at, host, i)
		answers.Seen[s.pool.kinds[kind]] = strconv.Itoa(version)
	}
	for _, e := range entries {
		if e.reply != nil {
			answers.Outcomes = append(answers.Outcomes, e.Outcome)
		}
	}
	left := plan.Settle(answers, time.Time{}).Outcomes // at a time at which none is old
	return slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool {
		return e.reply != nil && !slices.Contains(left, e.Outcome) || s.moot(at, host, e)
	})
}

// moot reports whether an up-to-date view shows all that an outcome without an answer could tell. A creation is told by name alone, so
// it counts for as long as the ledger keeps it.
func (s *search) moot(at *state, host int, e *entry) bool {
	i := slices.Index(s.reads[host], s.pool.kind(e.act.target.Kind))
	if e.Err != nil || e.reply != nil || i < 0 || at.hosts[host].views[i] != nil {
		return false
	}
	now := at.find(s.reads[host][i], e.act.target.UID)
	switch e.act.verb {
	case "create":
		return false
	case "update", "update-status":
		return now == nil || now.version != e.act.before.version
	case "delete":
		return now == nil || now.GetDeletionTimestamp() != nil
	}
	return now == nil
}
