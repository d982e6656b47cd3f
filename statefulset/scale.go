package statefulset

import (
	"slices"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// surplus gives the members out of range, the highest ordinal first.
func (p *planner) surplus() []*member {
	var surplus []*member
	members := p.seen.members
	from, to := p.seen.at(p.want.start), p.seen.at(p.want.end)
	for i := len(members) - 1; i >= to; i-- {
		surplus = append(surplus, &members[i])
	}
	for i := from - 1; i >= 0; i-- {
		surplus = append(surplus, &members[i])
	}
	return surplus
}

// scaleDown hands the claims of the surplus pods to whom the retention policy says, and once that is done deletes these pods: under
// Parallel all, under OrderedReady the highest, and that only if it is healthy, or if no surplus pod below it is unhealthy.
func (p *planner) scaleDown(surplus []*member) {
	for i, m := range surplus {
		switch claims := p.retain(p.holder(m.ordinal, m.pod), false); {
		case len(claims) > 0:
			p.addEach(claims)
		case i == 0 || !p.want.ordered:
			p.add(unit{pod: p.remove(m, surplus[i+1:])})
		}
	}
}

// remove deletes a surplus pod, or says why it must stay for now. below are the surplus pods of lower ordinals.
func (p *planner) remove(m *member, below []*member) []plan.Action {
	if m.unanswered {
		p.explain(m)
		return nil
	}
	if m.isGoing() {
		p.waits.add(plan.WaitPodGone, plan.RefTo(m.pod), time.Time{}, "surplus pod %s is being deleted", m.pod.Name)
		return nil
	}
	if p.want.ordered && !m.isHealthy() && !p.want.unblock && !m.finished {
		if at := slices.IndexFunc(below, func(other *member) bool { return !other.isHealthy() }); at >= 0 {
			p.waits.add(plan.WaitPodReady, plan.RefTo(m.pod), time.Time{},
				"surplus pod %s is not available, and neither is %s: the set is scaled down once one of them is; if neither can be, delete it",
				m.pod.Name, below[at].pod.Name)
			return nil
		}
	}
	return p.delete(m, "it is surplus")
}
