package daemonset

import (
	"cmp"
	"slices"

	"github.com/kubeplan/kubeplan/plan"
)

// order puts what has been found so far in the order of the nodes. What an update may do comes behind what it must do, so
// that a burst does not take the one for the other.
func (p *planner) order() {
	slices.Sort(p.missing)
	slices.SortStableFunc(p.victims, func(a, b victim) int { return cmp.Compare(a.node, b.node) })
}

// delete removes the victims.
func (p *planner) delete() {
	for _, v := range p.inBurst(len(p.victims), func(i int) bool { return p.last.keepsPod(p.victims[i].pod) }) {
		p.add(plan.Delete{Object: plan.RefTo(p.victims[v].pod), Reason: p.victims[v].reason})
	}
}

// create makes the pods that are missing.
func (p *planner) create() {
	if len(p.missing) == 0 || p.last.namespaceEnds {
		return
	}
	made := template(p.ds, p.past.hash)
	for _, at := range p.inBurst(len(p.missing), func(i int) bool { return p.last.getsNone(p.missing[i]) }) {
		p.creations = append(p.creations, plan.Create{Object: newPod(made, p.ds, p.owner, p.missing[at])})
	}
}

// inBurst chooses, of so many, those that a plan has room for: each in its turn, in the order in which they stand.
func (p *planner) inBurst(number int, refused func(int) bool) []int {
	all := make([]int, number)
	for i := range all {
		all[i] = i
	}
	if number <= p.burst {
		return all
	}
	chosen := inTurn(all, refused)[:p.burst]
	slices.Sort(chosen)
	return chosen
}

// inOrder puts the revision before anything that relies on it, and begins behind what was refused last time: once around, so that
// no two that are always refused can hide a third between them. The revision may be what is always refused; so after any refusal
// it comes behind what does not rely on it.
func (p *planner) inOrder() []plan.Action {
	if !p.past.missing || p.last.namespaceEnds {
		return inTurn(slices.Concat(p.steps, p.creations), p.last.refused)
	}
	revision := []plan.Action{plan.Create{Object: p.past.current}}
	if p.last.stopped {
		return slices.Concat(inTurn(p.steps, p.last.refused), revision, inTurn(p.creations, p.last.refused))
	}
	return slices.Concat(revision, p.steps, p.creations)
}

// bind ties the pods without a node to the one that they are made for.
func (p *planner) bind() {
	var binds []plan.Bind
	for i := range p.seen.places {
		place := &p.seen.places[i]
		for j := range place.pods {
			if m := &place.pods[j]; place.run && m.isUnscheduled() && !m.orphan && !m.relabelled {
				m.bound = true
				binds = append(binds, plan.Bind{Object: plan.RefTo(m.pod), To: plan.RefTo(place.node)})
			}
		}
	}
	slices.SortFunc(binds, func(a, b plan.Bind) int {
		return cmp.Or(cmp.Compare(a.To.Name, b.To.Name), cmp.Compare(a.Object.Name, b.Object.Name))
	})
	for _, bind := range binds {
		p.add(bind)
	}
}
