package job

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// explain says what the Job waits for, and when to look again.
func (r *round) explain() {
	active, terminating := len(r.seen.active), int(r.seen.terminating)
	r.awaitChanges()
	if r.ending == nil {
		r.result.WakeBy(r.deadline())
	}
	switch {
	case r.isDeleting():
		r.wait(plan.WaitDeletion, time.Time{}, "the Job is being deleted")
	case r.ending != nil:
		if terminating > 0 {
			r.wait(plan.WaitPodGone, time.Time{}, "%d pods are being deleted: %s", terminating, r.ending.message)
		} else if active == 0 && len(r.leaving()) == 0 {
			r.awaitAnswers()
		}
	case isSuspended(r.job):
		r.wait(plan.WaitPerson, time.Time{}, "the Job is suspended")
	default:
		r.awaitAnswers()
		r.awaitRetry()
		if replacesOnlyFailed(r.job) && terminating > 0 && active < r.wanted() {
			r.wait(plan.WaitPodGone, time.Time{}, "%d of %d pods are active, %d are being deleted and replaced once they have failed", active, r.wanted(), terminating)
		}
		switch {
		case active > 0:
			r.wait(plan.WaitPodFinished, time.Time{}, "%s, %d pods are active", r.progress(), active)
		case *r.job.Spec.Parallelism == 0:
			r.wait(plan.WaitPerson, time.Time{}, "%s, and parallelism is 0", r.progress())
		}
	}
}

// awaitChanges: what was issued, was not answered and is not seen counts as done until it must have shown.
func (r *round) awaitChanges() {
	if !r.assumed.IsZero() {
		r.wait(plan.WaitAnswer, r.assumed, "a change was issued, and the view does not show it yet")
	}
}

// awaitAnswers: pods whose creation nobody answered count as being there until they must have appeared. They are waited
// for where that makes a difference.
func (r *round) awaitAnswers() {
	unanswered := len(r.seen.unanswered)
	var asked []time.Time
	for _, m := range r.seen.unanswered {
		asked = append(asked, r.pending.AnswerBy(m.pod))
	}
	slices.SortFunc(asked, time.Time.Compare)
	needed := 1 // what ends, or could, needs every one to be gone; what goes on needs as many as are vacant
	if r.ending == nil && !r.isDrained() {
		needed = min(r.vacancies(), unanswered)
	}
	if unanswered == 0 || needed <= 0 {
		return
	}
	until := asked[unanswered-needed]
	if ready := r.memory.readyAt(); r.ending == nil && until.Before(ready) {
		until = ready
	}
	r.wait(plan.WaitAnswer, until, "the creation of %d pods was not answered", unanswered)
}

// awaitRetry says why pods are missing that are not created now.
func (r *round) awaitRetry() {
	missing := r.missing()
	if missing == 0 || len(r.deletes) > 0 {
		return
	}
	if r.namespaceEnds() {
		r.wait(plan.WaitNamespace, time.Time{}, "%d pods are missing, and the namespace is being terminated", missing)
		return
	}
	if at := r.memory.readyAt(); r.now.Before(at) {
		r.wait(plan.WaitBackoff, at, "%d pods are missing, %d failed since the last success", missing, r.memory.Failures)
		return
	}
	if !isIndexed(r.job) {
		return
	}
	var next time.Time
	delayed := 0
	for _, index := range r.vacant(min(missing, r.burst)) {
		if at := r.tally.retryAt(index); r.now.Before(at) {
			delayed++
			next = plan.Earliest(next, at)
		}
	}
	if delayed > 0 {
		r.wait(plan.WaitBackoff, next, "%d indexes are tried again after a delay", delayed)
	}
}

// progress is how far the Job has come: "2 of 5 completions".
func (r *round) progress() string {
	if completions := r.job.Spec.Completions; completions != nil {
		return fmt.Sprintf("%d of %d completions", r.tally.succeeded, *completions)
	}
	return fmt.Sprintf("%d pods succeeded", r.tally.succeeded)
}

// leaveToManager plans nothing for a Job that spec.managedBy gives to another controller, but its expiry.
func (r *round) leaveToManager() {
	if isFinished(r.job) {
		r.expire(nil)
		r.awaitChanges()
		return
	}
	r.wait(plan.WaitJobFinished, time.Time{}, "the Job is managed by %s", *r.job.Spec.ManagedBy)
}

// refuseEmptySelector: a selector of the user's own that is empty must not take every pod of the namespace.
func (r *round) refuseEmptySelector() {
	r.record(corev1.EventTypeWarning, "SelectingAll", "This job is selecting all pods. A non-empty selector is required.")
	r.wait(plan.WaitPerson, time.Time{}, "the selector is empty")
}

func (r *round) wait(blocker plan.Blocker, until time.Time, format string, args ...any) {
	r.result.WakeBy(until)
	r.result.Add(plan.Wait{For: blocker, Object: r.owner.Ref(), Until: until, Reason: fmt.Sprintf(format, args...)})
}
