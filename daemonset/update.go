package daemonset

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// mayUpdate reports whether an update may go on: only once nothing is missing and nothing has to go; or after a refusal, which may
// be what keeps something missing. While the revision itself is missing after a refusal no pod is replaced: its successor could
// not be made.
func (p *planner) mayUpdate() bool {
	return (len(p.missing)+len(p.victims) == 0 && !p.undecided || p.last.stopped) && !p.last.namespaceEnds && !(p.past.missing && p.last.stopped)
}

// update replaces old pods as the strategy allows.
func (p *planner) update() {
	if isOnDelete(p.ds) {
		return
	}
	desired := p.seen.settled
	for i := range p.seen.places {
		if p.seen.places[i].run {
			desired++
		}
	}
	if surge := surge(p.ds, desired); surge > 0 {
		p.replaceBefore(surge, desired)
	} else {
		p.replaceAfter(p.mayBeUnavailable(desired))
	}
}

// mayBeUnavailable is maxUnavailable of that many nodes, rounded up; 1 if it is not given.
func (p *planner) mayBeUnavailable(nodes int) int {
	rolling := p.ds.Spec.UpdateStrategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil {
		return 1
	}
	return scaled(*rolling.MaxUnavailable, nodes)
}

// replaceAfter deletes old pods; their nodes get new ones once they are gone. Those that are not available go in any
// case. Of the available ones as many go as leave no more than the limit of nodes without an available pod; nodes where pods
// do not belong, but stay, count like the others.
func (p *planner) replaceAfter(limit int) {
	var candidates []onPlace
	var relief []time.Time // when nodes will no longer lack an available pod
	for i := range p.seen.places {
		place := &p.seen.places[i]
		if !place.run && !slices.ContainsFunc(place.pods, stays) {
			continue
		}
		older, newer, ok := place.generations()
		switch {
		case !ok || (older == nil) == (newer == nil): // being replaced, or for the next plan to put in order
			limit--
		case newer != nil && newer.available:
		case newer != nil:
			limit--
			relief = append(relief, p.becomesAvailable(newer))
		case older.available:
			candidates = append(candidates, onPlace{place, older})
		default:
			limit--
			p.condemn(place, older, "it is not of revision %s, and not available", p.past.hash)
		}
	}
	p.order()
	p.mayReplace = limit
	for _, c := range p.first(candidates, limit) {
		p.mayGo(c, "it is not of revision "+p.past.hash)
	}
	if limit <= 0 && len(candidates) > 0 {
		p.awaitsAny(1-limit, relief)
	}
}

// replaceBefore creates new pods beside old ones, which go once the new are available. Beside an old pod that is not available
// there is a new one in any case; beside available ones on as many nodes as the limit allows. Where pods no longer
// belong, those that are not available go, and the others as far as enough are available elsewhere.
func (p *planner) replaceBefore(limit, desired int) {
	var candidates, misplaced []onPlace
	var relief []time.Time // when more nodes will have an available pod
	available := p.seen.settled
	for i := range p.seen.places {
		place := &p.seen.places[i]
		older, newer, ok := place.generations()
		switch {
		case !slices.ContainsFunc(place.pods, stays):
			continue
		case !ok || slices.ContainsFunc(place.pods, p.lingers) || slices.ContainsFunc(place.pods, isSuperfluous):
			limit--
			continue
		}
		switch serving := cmp.Or(older, newer); {
		case serving == nil:
		case serving.available:
			available++
		default:
			relief = append(relief, p.becomesAvailable(serving))
		}
		switch {
		case older == nil:
		case newer != nil && !newer.available:
			limit--
			p.awaits(newer)
		case newer != nil:
			p.condemn(place, older, "pod %s has replaced it", newer.pod.Name)
		case !place.run && !older.available:
			p.condemn(place, older, "it does not belong on node %s, and is not available", place.name)
		case !place.run:
			misplaced = append(misplaced, onPlace{place, older})
		case !older.available:
			p.missing = append(p.missing, place.name)
		default:
			candidates = append(candidates, onPlace{place, older})
		}
	}
	p.order()
	p.mayReplace = available - desired
	for _, c := range p.first(misplaced, p.mayReplace) {
		p.mayGo(c, "it does not belong on node "+c.place.name+", and enough others are available")
	}
	if available <= desired && len(misplaced) > 0 {
		p.awaitsAny(1+desired-available, relief)
	}
	p.maySurge = limit
	for _, c := range p.first(candidates, limit) {
		p.surging = append(p.surging, c.place.name)
	}
}

// stays reports whether this plan leaves the pod.
func stays(m member) bool { return !m.deleted }

// isSuperfluous reports whether this plan deletes the pod while it may run: until it is gone it is one more.
func isSuperfluous(m member) bool { return m.deleted && !m.failed && !m.succeeded }

// onPlace is a pod that may be replaced.
type onPlace struct {
	place  *place
	member *member
}

// mayGo has an old pod replaced if there is room for it. An orphan waits until it is adopted.
func (p *planner) mayGo(c onPlace, reason string) {
	if !c.member.orphan {
		p.replaceable = append(p.replaceable, victim{c.place, c.member, reason})
	}
}

// first gives the first of the candidates, by node. After a refusal it gives all: who has its turn is found among them.
func (p *planner) first(candidates []onPlace, limit int) []onPlace {
	if p.last.stopped {
		limit = len(candidates)
	}
	return smallest(candidates, max(0, min(limit, len(candidates))), func(a, b onPlace) int { return strings.Compare(a.place.name, b.place.name) })
}

// smallest gives the smallest so many elements of a list, in order, without sorting the others: an update goes on by few nodes of
// many. It keeps the smallest that it has found in a heap, the largest of them on top.
func smallest[T any](list []T, number int, compare func(a, b T) int) []T {
	if number == 0 {
		return nil
	}
	heap := list[:number]
	sink := func(at int) {
		for {
			larger := 2*at + 1
			if larger >= number {
				return
			}
			if larger+1 < number && compare(heap[larger], heap[larger+1]) < 0 {
				larger++
			}
			if compare(heap[at], heap[larger]) >= 0 {
				return
			}
			heap[at], heap[larger] = heap[larger], heap[at]
			at = larger
		}
	}
	for at := number/2 - 1; at >= 0; at-- {
		sink(at)
	}
	for i := number; i < len(list); i++ {
		if compare(list[i], heap[0]) < 0 {
			list[i], heap[0] = heap[0], list[i]
			sink(0)
		}
	}
	slices.SortFunc(heap, compare)
	return heap
}

// generations finds the old and the new pod that a node keeps: not ok if there are two of either.
func (place *place) generations() (older, newer *member, ok bool) {
	for j := range place.pods {
		m := &place.pods[j]
		switch {
		case m.going || m.deleted:
		case m.updated && newer == nil:
			newer = m
		case !m.updated && older == nil:
			older = m
		default:
			return nil, nil, false
		}
	}
	return older, newer, true
}
