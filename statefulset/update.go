package statefulset

import (
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// isOutdated reports whether the update reaches the member and it is not of its revision.
func (p *planner) isOutdated(m *member) bool {
	return p.want.updateFrom <= m.ordinal && m.ordinal < p.want.end && !m.updated
}

// replaces reports whether pods of old revisions may be deleted for the update: unless that is for a person to do, or the revision to
// replace them by cannot be recorded.
func (p *planner) replaces() bool {
	return !p.want.onDelete && !wereRefused(p.past.creation, p.pending.Failures())
}

// update deletes pods of old revisions, from the highest ordinal to the lowest: their successors are created from the
// new one.
func (p *planner) update() {
	switch {
	case p.want.onDelete:
		p.awaitDeletion()
	case !p.replaces():
	case p.want.disruptions == 0:
		p.updateNext()
	default:
		p.updateWithin(p.want.disruptions)
	}
}

// updateNext replaces the highest pod that is outdated, once all above it are available.
func (p *planner) updateNext() {
	for i, ordinal := p.seen.at(p.want.end)-1, p.want.end-1; i >= 0 && ordinal >= p.want.updateFrom; i-- {
		m := &p.seen.members[i]
		if m.ordinal < ordinal {
			return // a pod is missing
		}
		if p.isOutdated(m) && !m.isGoing() {
			p.replace(m)
			return
		}
		if !m.isHealthy() {
			return
		}
		ordinal--
	}
}

// updateWithin replaces outdated pods as long as no more than the given number is unavailable. Those that are unavailable
// anyway are replaced in any case.
func (p *planner) updateWithin(disruptions int) {
	budget := disruptions - (p.want.end - p.want.start)
	for i := range p.seen.members {
		if m := &p.seen.members[i]; p.want.inRange(m.ordinal) && m.isHealthy() {
			budget++
		}
	}
	for i := len(p.seen.members) - 1; i >= 0; i-- {
		m := &p.seen.members[i]
		switch {
		case !p.isOutdated(m) || m.isGoing():
		case !m.isHealthy():
			p.replace(m)
		case budget > 0:
			budget--
			p.replace(m)
			if !m.deleted && !m.orphan {
				return // its claims come first; it keeps its turn
			}
		}
	}
}

func (p *planner) replace(m *member) {
	if m.unanswered {
		return // ordinals waits for the answer
	}
	p.add(unit{pod: p.delete(m, "it is of revision "+m.revision()+", not "+p.past.update.Name), needsRevision: true})
}

// awaitDeletion says which pods a person has to delete for the update to go on.
func (p *planner) awaitDeletion() {
	for i := range p.seen.members {
		if m := &p.seen.members[i]; p.isOutdated(m) && !m.isGoing() {
			p.waits.add(plan.WaitPerson, plan.RefTo(m.pod), time.Time{}, "pod %s is of revision %s, not %s: it is replaced once it is deleted",
				m.pod.Name, m.revision(), p.past.update.Name)
		}
	}
}
