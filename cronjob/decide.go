package cronjob

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// turn is what a decision is made from, and the decision.
type turn struct {
	cronJob  *batchv1.CronJob
	status   batchv1.CronJobStatus // as this plan reports it
	schedule Schedule
	seen     census
	now      time.Time
	policy   Policy

	start    time.Time                // the run to start now; zero: none
	replaced []corev1.ObjectReference // the Jobs to delete before it
	wake     time.Time
	waits    []plan.Wait
	events   []plan.Event
}

// manyMissed is the number of missed runs above which Kubernetes suspects a mistake.
const manyMissed = 100

// decide says whether a run is to be started now, and if not, what keeps it.
func (t *turn) decide() {
	if suspended := t.cronJob.Spec.Suspend; suspended != nil && *suspended {
		t.wait(plan.WaitPerson, time.Time{}, "the CronJob is suspended")
		return
	}
	text := t.cronJob.Spec.Schedule
	if _, _, zoned := cutZone(text); zoned {
		t.warn("UnsupportedSchedule", "CRON_TZ or TZ used in schedule %q is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details", text)
	}
	if t.schedule.never() {
		t.warn("InvalidSchedule", "invalid schedule: %s : it is never due", text)
		t.wait(plan.WaitPerson, time.Time{}, "the schedule %q is never due", text)
		return
	}
	anchor := since(t.cronJob, t.status, t.now)
	run := t.schedule.Latest(anchor, t.now)
	next := t.next(latest(anchor, run))
	if !run.IsZero() && t.isInTime(anchor, run) && !t.isBlocked(run) {
		t.begin(run)
	}
	t.waitFor(next)
}

// begin starts a run. What it replaces has to go first: it does not start beside a Job whose deletion was refused, or is not
// known to have happened.
func (t *turn) begin(run time.Time) {
	t.start = run
	if t.replaces() {
		t.replaced = t.status.Active
	}
	if why := t.stays(); why != "" {
		t.start = time.Time{}
		t.wait(plan.WaitJobFinished, time.Time{}, "the run of %s may not start beside %s", stamp(run), why)
		return
	}
	if why := t.surprise(run); why != "" {
		t.tell(corev1.EventTypeNormal, "PastRun", "Starting the run of %s: %s", stamp(run), why)
	}
}

// stays names a Job that was to be replaced and may not go.
func (t *turn) stays() string {
	for _, active := range t.replaced {
		if done, issued := t.seen.deletions[active.UID]; issued && !done {
			return active.Name + ", whose deletion was refused"
		}
	}
	return t.lingers()
}

// lingers names a Job that was replaced and is not seen to go.
func (t *turn) lingers() string {
	for _, active := range t.status.Active {
		if t.replaces() && t.seen.unseen[active.UID] {
			return active.Name + ", which is not seen to go yet"
		}
	}
	return ""
}

// next is the first run after an instant whose name is free: it is no use waking for another.
func (t *turn) next(after time.Time) time.Time {
	next := t.schedule.Next(after)
	if t.seen.named(t.cronJob.Namespace, jobName(t.cronJob, next)) == nil {
		return next
	}
	taken := map[string]bool{}
	for _, job := range t.seen.view {
		taken[job.Name] = taken[job.Name] || job.Namespace == t.cronJob.Namespace
	}
	for !next.IsZero() && taken[jobName(t.cronJob, next)] {
		next = t.schedule.Next(next)
	}
	return next
}

// waitFor wakes for the next run, unless something else must happen before it can start.
func (t *turn) waitFor(next time.Time) {
	window := t.cronJob.Spec.StartingDeadlineSeconds
	switch {
	case next.IsZero():
		t.wait(plan.WaitPerson, time.Time{}, "the schedule is not due any more")
	case window != nil && *window == 0:
		t.wait(plan.WaitPerson, time.Time{}, "no run can start within startingDeadlineSeconds 0")
	case t.forbids() && len(t.status.Active) > 0:
		if len(t.waits) == 0 { // else the run that is due says so
			t.wait(plan.WaitJobFinished, time.Time{}, "the run of %s may not start beside %s", stamp(next), t.status.Active[0].Name)
		}
	case t.lingers() != "":
		if len(t.waits) == 0 {
			t.wait(plan.WaitJobFinished, time.Time{}, "the run of %s may not start beside %s", stamp(next), t.lingers())
		}
	case t.isExclusive() && len(t.seen.unanswered) > 0:
		t.wait(plan.WaitSchedule, t.startable(t.seen.answerBy), "the next run can start")
	default:
		t.wait(plan.WaitSchedule, next, "the next run is due")
	}
}

// startable is the first instant, not before the given one, at which a run can start.
func (t *turn) startable(at time.Time) time.Time {
	anchor := since(t.cronJob, t.status, t.now)
	run := t.schedule.Latest(anchor, at)
	if deadline := t.deadline(run); !run.IsZero() && (deadline.IsZero() || at.Before(deadline)) {
		return at
	}
	return t.next(latest(anchor, run))
}

// isInTime reports whether the deadline of a run has not come yet, and tells of runs that were missed.
func (t *turn) isInTime(anchor, run time.Time) bool {
	if deadline := t.deadline(run); !deadline.IsZero() {
		if !t.now.Before(deadline) {
			t.warn("MissSchedule", "Missed scheduled time to start a job: %s", run.UTC().Format(time.RFC1123Z))
			return false
		}
		anchor = latest(anchor, addSeconds(t.now, -*t.cronJob.Spec.StartingDeadlineSeconds))
	}
	if t.schedule.Count(anchor, t.now, manyMissed+1) > manyMissed {
		t.warn("TooManyMissedTimes", "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew")
	}
	return true
}

// isBlocked says what keeps a run that is due from starting.
func (t *turn) isBlocked(run time.Time) bool {
	name, edited := jobName(t.cronJob, run), editedAt(t.cronJob)
	taken := t.seen.named(t.cronJob.Namespace, name)
	wait := func(blocker plan.Blocker, format string, args ...any) {
		format = "the run of %s" + format
		if deadline := t.deadline(run); !deadline.IsZero() {
			format += ", nor at all from " + stamp(deadline) + " on"
		}
		t.wait(blocker, time.Time{}, format, append([]any{stamp(run)}, args...)...)
	}
	switch {
	case t.policy.SkipRunsBeforeEdit && edited.After(run):
		wait(plan.WaitSchedule, " does not start: it was due before the CronJob was edited at %s", stamp(edited))
	case slices.Contains(t.seen.jobs, taken):
		if _, ok := runOf(t.cronJob, taken); !ok {
			wait(plan.WaitPerson, " does not start: a person has made a Job %s", name)
		} // else an @every is due more than once a minute, and the Job of the minute is there
	case slices.Contains(t.seen.unanswered, taken):
		t.waitForAnswer(run, "the creation of %s was not answered", name)
	case taken != nil:
		wait(plan.WaitPerson, " does not start: the Job %s exists and is not controlled by the CronJob", name)
	case t.forbids() && len(t.status.Active) > 0:
		t.tell(corev1.EventTypeNormal, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid")
		wait(plan.WaitJobFinished, " may not start beside %s", t.status.Active[0].Name)
	case t.isExclusive() && len(t.seen.unanswered) > 0:
		t.waitForAnswer(run, "the run of %s may not start beside %s, whose creation was not answered", stamp(run), t.seen.unanswered[0].Name)
	case t.seen.namespaceEnds == name:
		wait(plan.WaitNamespace, " does not start: the namespace is being terminated")
	case t.seen.nameTaken == name:
		wait(plan.WaitAnswer, " does not start: the Job %s exists and the view does not show it", name)
	default:
		return false
	}
	return true
}

func (t *turn) forbids() bool {
	return t.cronJob.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent
}

func (t *turn) replaces() bool {
	return t.cronJob.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent
}

// isExclusive reports whether two Jobs may not run at a time.
func (t *turn) isExclusive() bool { return t.forbids() || t.replaces() }

// deadline is the first instant at which a run may no longer start: zero if it always may.
func (t *turn) deadline(run time.Time) time.Time {
	if window := t.cronJob.Spec.StartingDeadlineSeconds; window != nil {
		return addSeconds(run, *window)
	}
	return time.Time{}
}

// wait adds a Wait, and wakes when it ends.
func (t *turn) wait(blocker plan.Blocker, until time.Time, format string, args ...any) {
	t.waits = append(t.waits, plan.Wait{For: blocker, Until: until.UTC(), Reason: fmt.Sprintf(format, args...)})
	t.wake = plan.Earliest(t.wake, until.UTC())
}

// waitForAnswer wakes when a creation without an answer is given up, if the run can still start then.
func (t *turn) waitForAnswer(run time.Time, format string, args ...any) {
	by := t.seen.answerBy
	if deadline := t.deadline(run); !deadline.IsZero() && !by.Before(deadline) {
		by = time.Time{}
	}
	t.wait(plan.WaitAnswer, by, format, args...)
}

func (t *turn) warn(reason, format string, args ...any) {
	t.tell(corev1.EventTypeWarning, reason, format, args...)
}

func (t *turn) tell(kind, reason, format string, args ...any) {
	t.events = append(t.events, event(kind, reason, format, args...))
}

// since is the instant after which runs are missed: the last run, or the creation.
func since(cronJob *batchv1.CronJob, status batchv1.CronJobStatus, now time.Time) time.Time {
	switch {
	case status.LastScheduleTime != nil:
		return status.LastScheduleTime.Time
	case !cronJob.CreationTimestamp.IsZero():
		return cronJob.CreationTimestamp.Time
	}
	return now.Add(-1) // what is due now is due
}

// surprise says why a run may be one that nobody expects: the schedule may have been edited after it was due.
func (t *turn) surprise(run time.Time) string {
	if edited := editedAt(t.cronJob); edited.After(run) {
		return fmt.Sprintf("it was due before the CronJob was edited at %s, and is the last that was missed", stamp(edited))
	} else if !edited.IsZero() {
		return ""
	}
	last := t.status.LastScheduleTime
	if last == nil || t.schedule.every > 0 || t.now.Sub(run) < time.Minute || t.schedule.Latest(last.Add(-time.Second), last.Time).Equal(last.Time) {
		return ""
	}
	return fmt.Sprintf("it is the last that was missed; the schedule was edited since the run of %s, maybe after this run was due", stamp(last.Time))
}

// editedAt is when somebody who set the schedule or its time zone last changed anything that is his to set: zero if
// the CronJob does not say.
func editedAt(cronJob *batchv1.CronJob) time.Time {
	var last time.Time
	for _, manager := range cronJob.ManagedFields {
		if manager.Time == nil || manager.FieldsV1 == nil || manager.Subresource != "" || !ownsSchedule(manager.FieldsV1) {
			continue
		}
		last = latest(last, manager.Time.Time)
	}
	return last
}

func ownsSchedule(fields *metav1.FieldsV1) bool {
	var owned struct {
		Spec struct {
			Schedule json.RawMessage `json:"f:schedule"`
			TimeZone json.RawMessage `json:"f:timeZone"`
		} `json:"f:spec"`
	}
	return json.Unmarshal(fields.GetRawBytes(), &owned) == nil && (owned.Spec.Schedule != nil || owned.Spec.TimeZone != nil)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// addSeconds is t.Add for any number of seconds: more than a Duration can hold are as good as 200 years.
func addSeconds(t time.Time, seconds int64) time.Time {
	const most = 200 * secondsPerYear
	return t.Add(time.Duration(min(max(seconds, -most), most)) * time.Second)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
