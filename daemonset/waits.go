package daemonset

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// assumedUntil is when to look again at changes that were issued and are not seen: if they never happened they are repeated
// then.
func assumedUntil(ds *appsv1.DaemonSet, observed Observed) time.Time {
	pending, now := observed.Pending, observed.Now
	return plan.Earliest(
		plan.AssumedUntil([]*appsv1.DaemonSet{ds}, pending, now),
		plan.AssumedUntil(observed.Pods, pending, now),
		plan.AssumedUntil(observed.Revisions, pending, now))
}

// tally counts the pods that keep the DaemonSet from where it should be, each under the first thing that it lacks.
type tally struct {
	unanswered, unscheduled, gated, unready, unavailable int
	going                                                int // nodes with a pod that is being deleted
	failed                                               int // pods that may not be deleted yet
	stranded                                             int // pods on nodes that are gone
	old                                                  int // pods of an old revision
	answerBy                                             time.Time
}

func (p *planner) tally() tally {
	var t tally
	for i := range p.seen.places {
		place := &p.seen.places[i]
		going := false
		for j := range place.pods {
			going = going || place.pods[j].going
			t.add(place, &place.pods[j], p.pending)
		}
		if going {
			t.going++
		}
	}
	return t
}

func (t *tally) add(place *place, m *member, pending plan.Pending) {
	switch {
	case m.unanswered && place.run && !place.hasNew():
		t.unanswered++
		t.answerBy = plan.Earliest(t.answerBy, pending.AnswerBy(m.pod))
	case m.unanswered || m.going || m.deleted || m.bound:
	case place.node == nil:
		t.stranded++
	case m.failed || m.succeeded:
		t.failed++
	case m.nodeless && len(m.pod.Spec.SchedulingGates) > 0:
		t.gated++
	case m.nodeless:
		t.unscheduled++
	case !m.ready:
		t.unready++
	case !m.available:
		t.unavailable++
	}
	if !m.updated && m.isAtWork() {
		t.old++
	}
}

// hasNew reports whether there is an up-to-date pod for certain: nothing happens there when an answer is given up.
func (place *place) hasNew() bool {
	return slices.ContainsFunc(place.pods, func(m member) bool { return m.updated && !m.going && !m.unanswered })
}

// explain says what the DaemonSet waits for, in the order in which pods come up.
func (p *planner) explain(result *plan.Result, assumed time.Time) {
	wait := func(blocker plan.Blocker, until time.Time, format string, args ...any) {
		result.WakeBy(until)
		result.Add(plan.Wait{For: blocker, Object: p.owner.Ref(), Until: until, Reason: fmt.Sprintf(format, args...)})
	}
	t := p.tally()
	if p.last.namespaceEnds && (p.past.missing || len(p.missing) > 0 || t.old > 0 && !isOnDelete(p.ds)) {
		wait(plan.WaitNamespace, time.Time{}, "%d nodes lack their pod, and the namespace is being terminated", len(p.missing))
	}
	if until := p.pending.AnswerBy(p.past.current); !p.past.missing && p.past.current.UID == "" && !until.IsZero() {
		wait(plan.WaitAnswer, until, "the creation of revision %s was not answered", p.past.current.Name)
	}
	if t.unanswered > 0 {
		wait(plan.WaitAnswer, t.answerBy, "the creation of %d pods was not answered", t.unanswered)
	}
	if !assumed.IsZero() {
		wait(plan.WaitAnswer, assumed, "a change was issued, and the view does not show it yet")
	}
	if t.going > 0 {
		wait(plan.WaitPodGone, time.Time{}, "on %d nodes a pod is being deleted", t.going)
	}
	if t.stranded > 0 {
		wait(plan.WaitPodGone, time.Time{}, "%d pods are left of nodes that are gone", t.stranded)
	}
	if t.failed > 0 && !p.retryAt.IsZero() {
		wait(plan.WaitBackoff, p.retryAt, "%d failed pods are deleted after a delay", t.failed)
	}
	if unscheduled := t.unscheduled + p.seen.homeless; unscheduled > 0 {
		wait(plan.WaitPodScheduled, time.Time{}, "%d pods have no node yet", unscheduled)
	}
	if t.gated > 0 {
		wait(plan.WaitPodScheduled, time.Time{}, "%d pods have scheduling gates", t.gated)
	}
	if t.unready > 0 {
		wait(plan.WaitPodReady, time.Time{}, "%d pods are not ready", t.unready)
	}
	if t.unavailable > 0 {
		wait(plan.WaitPodAvailable, p.availableAt, "%d pods are ready, but not yet for %d s", t.unavailable, p.ds.Spec.MinReadySeconds)
	}
	if t.old > 0 && isOnDelete(p.ds) {
		wait(plan.WaitPerson, time.Time{}, "%d pods are not of revision %s, they are replaced once they are deleted", t.old, p.past.hash)
	}
	result.WakeBy(p.availableAt)
}
