package explore

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// trace tells the way to a state, which was found from its parents, and on it the event of that number that breaks something; -1 if
// the state itself does.
func (s *search) trace(to uint32, problem error, broken int) *Counterexample {
	lines, here := s.way(to)
	if broken >= 0 {
		lines = append(lines, s.events(here)[broken].tell()...)
	}
	lines = append(lines, comment(problem.Error()))
	return &Counterexample{Problem: problem, Script: strings.Join(lines, "\n") + "\n"}
}

// way takes the steps to a state once more.
func (s *search) way(to uint32) (lines []string, here *state) {
	var path []uint32
	for at := to; at != 0; at = s.parents[at] {
		path = append(path, at)
	}
	here = s.start
	lines = s.tellStart()
	for i := len(path) - 1; i >= 0; i-- {
		e := s.step(here, path[i])
		lines = append(lines, e.tell()...)
		here = e.next
	}
	return lines, here
}

// step finds the event that leads from a state to another.
func (s *search) step(from *state, to uint32) event {
	for _, e := range s.events(from) {
		if n, ok := s.known[e.next.key]; ok && n == to {
			s.recount(e.next)
			return e
		}
	}
	panic("explore: a planner or an edit gave two answers to one question")
}

// traceCycle tells the way to a cycle and once round it.
func (s *search) traceCycle(knot []uint32) *Counterexample {
	start := slices.Min(knot) // the nearest
	lines, here := s.way(start)
	lines = append(lines, "# From here:")
	for _, at := range s.round(start, setOf(knot)) {
		e := s.step(here, at)
		lines = append(lines, e.tell()...)
		here = e.next
	}
	lines = append(lines, comment("and from the beginning: "+errEndless.Error()))
	return &Counterexample{Problem: errEndless, Script: strings.Join(lines, "\n") + "\n"}
}

// round is a shortest way from a state back to itself.
func (s *search) round(start uint32, inside map[uint32]bool) []uint32 {
	from := map[uint32]uint32{}
	for queue := []uint32{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for i, end := s.graph.steps(at); i < end; i++ {
			to := s.graph.to[i]
			if _, seen := from[to]; seen || !inside[to] {
				continue
			}
			from[to] = at
			if to != start {
				queue = append(queue, to)
				continue
			}
			path := []uint32{start}
			for at := from[start]; at != start; at = from[at] {
				path = append([]uint32{at}, path...)
			}
			return path
		}
	}
	return nil
}

// tellStart creates what there is in the beginning.
func (s *search) tellStart() []string {
	nodes := 1
	if s.nodes {
		nodes = 0
	}
	lines := []string{fmt.Sprintf("$ cluster --nodes %d --start %s", nodes, epoch().Format(time.RFC3339))}
	for _, obj := range s.Start {
		if plan.KindOf(obj).Kind == "Node" {
			lines = append(lines, "$ node add "+obj.GetName())
			continue
		}
		lines = append(lines, "$ kubectl create -f -", "> "+string(mustJSON(obj)))
	}
	return lines
}

// tellTurn tells what a host does, as far as it gets, and what becomes of the last that it asks for, if that is not done or not known to be.
func (s *search) tellTurn(t turn, done int, last, command string) func() []string {
	return func() []string {
		var lines []string
		for _, a := range t.acts[:done] {
			lines = append(lines, comment(s.names[t.host]+": "+a.String()))
		}
		if last != "" {
			lines = append(lines, comment(s.names[t.host]+": "+t.acts[done].String()+": "+last))
		}
		return append([]string{command}, lines...)
	}
}

func comment(text string) string {
	return "# " + strings.ReplaceAll(text, "\n", "\n#   ")
}

func verbAndKind(a *act) string { return a.verb + " " + lower(a.target.Kind) }

func lower(kind string) string { return strings.ToLower(kind) }
