package explore

import "errors"

// graph holds the steps that must go on sooner or later: no faults, no edits, no views that stop. A history in which faults and edits have
// ended goes along these steps alone.
type graph struct {
	first   []uint32 // the place of the first step from each state
	to      []uint32
	classes []uint8
}

func (g *graph) next() { g.first = append(g.first, uint32(len(g.to))) }

func (g *graph) add(to uint32, class uint8) {
	g.to, g.classes = append(g.to, to), append(g.classes, class)
}

// steps are the places of the steps from a state.
func (g *graph) steps(from uint32) (first, end uint32) {
	if int(from)+1 < len(g.first) {
		return g.first[from], g.first[from+1]
	}
	return g.first[from], uint32(len(g.to))
}

// endlessCycle looks for a way to go round for ever in which nothing is put off for ever: a set of states, each of which leads to
// each, such that for every class of events that is possible in all of them, one such event stays among them.
func (s *search) endlessCycle() *Counterexample {
	if knot := s.graph.fairKnot(); knot != nil {
		return s.traceCycle(knot)
	}
	return nil
}

// fairKnot is the first such set, nil if there is none.
func (g *graph) fairKnot() []uint32 {
	for _, knot := range g.knots() {
		inside := setOf(knot)
		everywhere, stays := uint64(1)<<63-1, uint64(0)
		for _, at := range knot {
			possible := uint64(0)
			for i, end := g.steps(at); i < end; i++ {
				possible |= 1 << g.classes[i]
				if inside[g.to[i]] {
					stays |= 1 << g.classes[i]
				}
			}
			everywhere &= possible
		}
		if everywhere&^stays == 0 {
			return knot
		}
	}
	return nil
}

func setOf(states []uint32) map[uint32]bool {
	set := map[uint32]bool{}
	for _, at := range states {
		set[at] = true
	}
	return set
}

var errEndless = errors.New("this goes on for ever, though no fault, no edit and nothing that is put off keeps it up")

// knots are the strongly connected components with more than one state, found as Tarjan did. No step leads from a state to itself.
func (g *graph) knots() [][]uint32 {
	n := uint32(len(g.first))
	var knots [][]uint32
	index, low := make([]uint32, n), make([]uint32, n) // from 1
	onStack := make([]bool, n)
	type frame struct{ at, next uint32 }
	var frames []frame
	var stack []uint32
	counter := uint32(0)
	enter := func(at uint32) {
		counter++
		index[at], low[at], onStack[at] = counter, counter, true
		stack = append(stack, at)
		first, _ := g.steps(at)
		frames = append(frames, frame{at, first})
	}
	for root := range n {
		if index[root] != 0 {
			continue
		}
		enter(root)
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			if _, end := g.steps(f.at); f.next < end {
				to := g.to[f.next]
				f.next++
				if index[to] == 0 {
					enter(to)
				} else if onStack[to] {
					low[f.at] = min(low[f.at], index[to])
				}
				continue
			}
			at := f.at
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				parent := frames[len(frames)-1].at
				low[parent] = min(low[parent], low[at])
			}
			if low[at] != index[at] {
				continue
			}
			from := len(stack) - 1
			for stack[from] != at {
				from--
			}
			for _, member := range stack[from:] {
				onStack[member] = false
			}
			if len(stack)-from > 1 {
				knots = append(knots, append([]uint32(nil), stack[from:]...))
			}
			stack = stack[:from]
		}
	}
	return knots
}
