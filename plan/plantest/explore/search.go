package explore

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// Report says how much was visited.
type Report struct {
	States  int // up to what is arbitrary
	Steps   int // from one state to another
	Resting int // states in which nothing goes on by itself
	Depth   int // the length of the longest of the shortest ways
	Plans   int // that were made
	Whole   bool
}

func (r Report) String() string {
	whole := ""
	if !r.Whole {
		whole = ", and there are more"
	}
	return fmt.Sprintf("%d states, %d steps, %d resting, depth %d, %d plans%s", r.States, r.Steps, r.Resting, r.Depth, r.Plans, whole)
}

// Counterexample is a shortest way to what must not be.
type Counterexample struct {
	Problem error
	// Script is the way there, in the words of package plan/sim/script. What happens by itself is told in comments.
	Script string
}

func (c *Counterexample) String() string {
	return fmt.Sprintf("%v\n%s", c.Problem, c.Script)
}

// Check visits all states of a scope, and fails the test with the shortest counterexample if there is one, or if the scope is too
// large to be visited whole.
func Check(t testing.TB, scope Scope) Report {
	t.Helper()
	report, found := Explore(scope)
	switch {
	case found != nil:
		t.Fatalf("%s\n%s", report, found)
	case !report.Whole:
		t.Fatalf("%s than the limit: give it less of a budget, or a higher limit", report)
	}
	return report
}

// Explore visits all states of a scope, nearest first, and returns the shortest way to a state or a step that breaks an
// invariant, or to one where everything rests and the goal is not reached; or else the way to a cycle that goes on for ever though
// nothing that is due is put off for ever. nil: there is none, among the states visited. For a scope that cannot be meant (no
// host, a workload that is not there, a fault that is none) the Problem names the fields, and nothing is visited.
func Explore(scope Scope) (Report, *Counterexample) {
	if errs := scope.invalid(); len(errs) > 0 {
		return Report{}, &Counterexample{Problem: errs.ToAggregate()}
	}
	s := newSearch(scope)
	found := s.run()
	return s.report, found
}

// search is a search under way.
type search struct {
	Scope
	pool     *pool
	names    []string // of the hosts
	reads    [][]int  // the kinds that each host has a view of
	nodes    bool     // there are some
	start    *state
	taken    [mostObjects]bool
	scratch  scratch
	answers  map[string]answer
	question []byte
	clusters map[string]int
	identity []byte
	census   census
	verdicts map[verdict]error
	report   Report

	known   map[key]uint32
	parents []uint32
	queue   []*state // nil: visited
	classes []string
	graph   graph
}

func newSearch(scope Scope) *search {
	s := &search{Scope: scope, pool: newPool(), answers: map[string]answer{}, clusters: map[string]int{}, verdicts: map[verdict]error{}, known: map[key]uint32{}}
	first := &state{cluster: cluster{now: epoch(), version: 1}, left: scope.Budget}
	for i, obj := range scope.Start {
		obj = obj.DeepCopyObject().(plan.Object)
		kind := plan.KindOf(obj)
		s.room(&first.cluster, s.pool.kind(kind.Kind))
		obj.SetUID(types.UID(uid(i + 1)))
		obj.SetGeneration(1)
		obj.SetCreationTimestamp(metav1.NewTime(epoch()))
		obj.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind())
		s.stamp(&first.cluster, s.pool.item(obj), "start", func(plan.Object) {})
		s.nodes = s.nodes || kind.Kind == "Node"
	}
	for _, host := range scope.Hosts {
		s.names = append(s.names, hostName(host))
		var reads []int
		for _, kind := range kindsOf(host) {
			reads = append(reads, s.pool.kind(kind))
		}
		s.reads = append(s.reads, reads)
		first.hosts = append(first.hosts, hostState{views: make([]*view, len(reads))})
	}
	s.room(&first.cluster, s.pool.kind("Node"))
	s.room(&first.cluster, len(s.pool.kinds)-1)
	first.key = s.keyOf(first)
	s.start = first
	return s
}

func (s *search) run() *Counterexample {
	s.visit(s.start, 0)
	depth, last := 0, 1 // the states up to last are no further than depth
	for at := 0; at < len(s.queue); at++ {
		if at == last {
			depth, last = depth+1, len(s.queue)
		}
		if len(s.queue) > s.limit() {
			s.report.Whole = false
			return nil
		}
		s.report.Depth = depth
		if found := s.expand(uint32(at)); found != nil {
			return found
		}
		s.queue[at] = nil
	}
	s.report.Whole = true
	return s.endlessCycle()
}

// visit gives a state its number.
func (s *search) visit(st *state, from uint32) uint32 {
	if n, ok := s.known[st.key]; ok {
		return n
	}
	n := uint32(len(s.queue))
	s.known[st.key] = n
	s.recount(st)
	s.queue = append(s.queue, st)
	s.parents = append(s.parents, from)
	s.report.States++
	return n
}

// expand takes all steps from a state.
func (s *search) expand(at uint32) *Counterexample {
	here := s.queue[at]
	s.graph.next()
	goesOn := false
	for i, e := range s.events(here) {
		if e.broken != nil {
			return s.trace(at, e.broken, i)
		}
		s.report.Steps++
		to := s.visit(e.next, at)
		if e.class != "" {
			goesOn = goesOn || e.class != theClock || !s.Calendar
			s.graph.add(to, s.class(e.class))
		}
	}
	return s.inspect(at, here, goesOn)
}

// inspect asks the invariants about a state, and the goal if nothing goes on by itself.
func (s *search) inspect(at uint32, here *state, goesOn bool) *Counterexample {
	snapshot := s.snapshot(&here.cluster)
	if snapshot.Workload == nil {
		return nil
	}
	if err := s.judge(nil, &here.cluster, false); err != nil {
		return s.trace(at, err, -1)
	}
	if goesOn || s.Calendar && here.awaits() {
		return nil
	}
	s.report.Resting++
	if s.Goal != nil {
		if err := s.Goal(snapshot); err != nil {
			return s.trace(at, errors.Join(errors.New("nothing goes on by itself, and the goal is not reached"), err), -1)
		}
	}
	return nil
}

// verdict is what the invariants are asked about: two clusters. Without one before it is not about a step.
type verdict struct{ before, after int }

// awaits reports whether a host knows of writes that it does not see yet.
func (s *state) awaits() bool {
	return slices.ContainsFunc(s.hosts, func(h hostState) bool {
		return slices.ContainsFunc(h.ledgers, func(l ledger) bool { return len(l.outcomes) > 0 })
	})
}

func (s *search) class(name string) uint8 {
	at := slices.Index(s.classes, name)
	if at < 0 {
		at = len(s.classes)
		s.classes = append(s.classes, name)
	}
	return uint8(at)
}
