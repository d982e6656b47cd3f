package statefulset

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// maxCreations is how many pods one plan creates at the most: more than any cluster starts at a time, and few enough
// that no number of replicas makes a plan that fits into no memory. The rest comes in the next plans.
const maxCreations = 10_000

// ordinals goes through the set's ordinals from the lowest to the highest and restores what is missing or amiss. Under
// OrderedReady it stops at the first that is not healthy. It reports whether all are.
func (p *planner) ordinals() (healthy bool) {
	healthy = true
	members, created := p.seen.members[p.seen.at(p.want.start):], 0
	for ordinal := p.want.start; ordinal < p.want.end; ordinal++ {
		var ok bool
		if len(members) > 0 && members[0].ordinal == ordinal {
			ok = p.occupied(&members[0])
			members = members[1:]
		} else if created++; created > maxCreations {
			return false
		} else {
			p.vacant(ordinal)
		}
		healthy = healthy && ok
		if !healthy && p.want.ordered {
			return false
		}
	}
	return healthy
}

// vacant creates the pod of an ordinal that has none, its claims first.
func (p *planner) vacant(ordinal int) {
	name := podName(p.set.Name, ordinal)
	occupant := p.seen.occupants[ordinal]
	for i := range p.claims.templates {
		claim := p.claims.of(ordinal, i)
		if claim != nil && p.isLeftBehind(claim, name) {
			p.waits.add(plan.WaitClaimGone, plan.RefTo(claim), time.Time{}, "claim %s goes with a former pod %s", claim.Name, name)
			return
		}
	}
	creates, deleted, ready := p.provide(ordinal, name)
	if len(deleted) > 0 {
		p.events = append(p.events, failedForClaims("Create", p.set.Name, name, deleted))
	}
	next := unit{claims: creates, needsRevision: true}
	switch {
	case !ready:
	case occupant != nil && occupant.DeletionTimestamp != nil:
		p.waits.add(plan.WaitPodGone, plan.RefTo(occupant), time.Time{}, "pod %s is not the set's, bears the name of one and is being deleted", name)
	case occupant != nil:
		p.waits.add(plan.WaitPerson, plan.RefTo(occupant), time.Time{}, "pod %s is not the set's and bears the name of one", name)
	default:
		template, revision := p.templateFor(ordinal)
		next.pod = []plan.Action{plan.Create{Object: newPod(p.set, p.owner, template, revision, ordinal)}}
	}
	p.add(next)
	if len(next.pod) > 0 {
		p.addEach(p.retain(p.holder(ordinal, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}}), true))
	}
}

// occupied does what is to be done about the pod of an ordinal and reports whether it is healthy.
func (p *planner) occupied(m *member) (healthy bool) {
	if m.isHealthy() && m.intact && p.claims.areSettled(m.ordinal) {
		return true // as nearly all are
	}
	if m.finished {
		p.replaceFinished(m)
		return false
	}
	if m.pending && !m.unanswered {
		creates, deleted, _ := p.provide(m.ordinal, m.pod.Name)
		p.addEach(creates)
		if len(deleted) == 0 {
			p.handOver(m, true)
		}
	}
	if !m.isHealthy() {
		if p.want.unblock && p.isStuck(m) && p.replaces() {
			p.add(unit{pod: p.delete(m, "it is not ready and not of revision "+p.past.update.Name), needsRevision: true})
		} else {
			p.explain(m)
		}
		if p.want.ordered {
			return false
		}
	}
	if !m.intact && !m.pending && !mountsClaims(m.pod, p.claims.templates) {
		creates, deleted, _ := p.provide(m.ordinal, m.pod.Name)
		p.addEach(creates)
		if len(deleted) > 0 {
			p.events = append(p.events, failedForClaims("Update", p.set.Name, m.pod.Name, deleted))
			return false
		}
	}
	if !m.pending {
		p.handOver(m, false)
	}
	if !m.intact && !m.orphan && !m.unanswered {
		p.add(unit{pod: []plan.Action{repair(m.pod, p.set, m.ordinal)}})
	}
	return m.isHealthy()
}

// replaceFinished makes room for the next pod of the name. It is created once this one is gone.
func (p *planner) replaceFinished(m *member) {
	if m.isGoing() {
		p.waits.add(plan.WaitPodGone, plan.RefTo(m.pod), time.Time{}, "pod %s is finished and being deleted", m.pod.Name)
		return
	}
	p.add(unit{pod: p.delete(m, "it is finished")})
}

// isStuck reports whether OrderedReady waits for a pod to become ready that, but for being waited for, would be replaced.
func (p *planner) isStuck(m *member) bool {
	return p.want.ordered && p.isOutdated(m) && !m.isGoing() && !m.ready && !m.orphan && !m.unanswered
}

// explain says why the pod of an ordinal is not healthy.
func (p *planner) explain(m *member) {
	pod, ref := m.pod.Name, plan.RefTo(m.pod)
	switch {
	case m.unanswered:
		p.waits.add(plan.WaitAnswer, ref, p.pending.AnswerBy(m.pod), "the creation of pod %s was not answered", pod)
	case m.isGoing():
		p.waits.add(plan.WaitPodGone, ref, time.Time{}, "pod %s is being deleted", pod)
	case p.isStuck(m):
		p.waits.add(plan.WaitPerson, ref, time.Time{}, "pod %s is not ready and of revision %s, not %s: it is replaced only once it is available; "+
			"if it cannot be, delete it", pod, m.revision(), p.past.update.Name)
	case m.ready:
		p.waits.add(plan.WaitPodAvailable, ref, pods.AvailableAt(m.pod, p.want.minReady), "pod %s is ready, not yet for %d seconds", pod, p.want.minReady)
	case m.pod.Spec.NodeName == "":
		p.explainUnscheduled(m)
	default:
		p.waits.add(plan.WaitPodReady, ref, time.Time{}, "pod %s is not ready", pod)
	}
}
