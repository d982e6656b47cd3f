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

	start  time.Time // the run to start now; zero: none
	wake   time.Time
	waits  []plan.Wait
	events []plan.Event
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
	t.wakeAt(next)
	if !run.IsZero() && t.isInTime(anchor, run) && !t.isBlocked(run) {
		t.start = run
		if why := t.surprise(run); why != "" {
			t.tell(corev1.EventTypeNormal, "PastRun", "Starting the run of %s: %s", stamp(run), why)
		}
	}
	if !next.IsZero() {
		t.wait(plan.WaitSchedule, next, "the next run is due")
	}
}

// next is the first run after an instant whose name is free: it is no use waking for another.
func (t *turn) next(after time.Time) time.Time {
	next := t.schedule.Next(after)
	for !next.IsZero() && t.seen.named(t.cronJob.Namespace, jobName(t.cronJob, next)) != nil {
		next = t.schedule.Next(next)
	}
	return next
}

// wakeAt wakes for the next run, unless it is certain that something else must happen before it can start.
func (t *turn) wakeAt(next time.Time) {
	window := t.cronJob.Spec.StartingDeadlineSeconds
	switch {
	case next.IsZero(), window != nil && *window == 0, t.forbids() && len(t.status.Active) > 0:
	case t.isExclusive() && len(t.seen.unanswered) > 0:
		t.wake = latest(next, t.seen.answerBy).UTC()
	default:
		t.wake = next.UTC()
	}
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
	deadline, edited := t.deadline(run), editedAt(t.cronJob)
	name := jobName(t.cronJob, run)
	taken := t.seen.named(t.cronJob.Namespace, name)
	switch {
	case t.policy.SkipRunsBeforeEdit && edited.After(run):
		t.wait(plan.WaitSchedule, t.schedule.Next(run), "the run of %s was due before the schedule was edited at %s", stamp(run), stamp(edited))
	case slices.Contains(t.seen.jobs, taken):
		// An @every that is due more than once a minute: the Job of the minute is there.
	case slices.Contains(t.seen.unanswered, taken):
		t.waitForAnswer(deadline, "the creation of %s was not answered", name)
	case taken != nil:
		t.wait(plan.WaitPerson, deadline, "the Job %s exists and is not controlled by the CronJob", name)
	case t.forbids() && len(t.status.Active) > 0:
		t.tell(corev1.EventTypeNormal, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid")
		t.wait(plan.WaitJobFinished, deadline, "the run of %s may not start beside %s", stamp(run), t.status.Active[0].Name)
	case t.isExclusive() && len(t.seen.unanswered) > 0:
		t.waitForAnswer(deadline, "the run of %s may not start beside %s, whose creation was not answered", stamp(run), t.seen.unanswered[0].Name)
	case t.seen.namespaceEnds:
		t.wait(plan.WaitNamespace, time.Time{}, "the namespace is being terminated")
	case t.seen.nameTaken == name:
		t.wait(plan.WaitAnswer, deadline, "the Job %s exists and the view does not show it", name)
	default:
		return false
	}
	return true
}

func (t *turn) forbids() bool {
	return t.cronJob.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent
}

// isExclusive reports whether two Jobs may not run at a time.
func (t *turn) isExclusive() bool {
	return t.forbids() || t.cronJob.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent
}

// deadline is the first instant at which a run may no longer start: zero if it always may.
func (t *turn) deadline(run time.Time) time.Time {
	if window := t.cronJob.Spec.StartingDeadlineSeconds; window != nil {
		return addSeconds(run, *window)
	}
	return time.Time{}
}

func (t *turn) wait(blocker plan.Blocker, until time.Time, format string, args ...any) {
	t.waits = append(t.waits, plan.Wait{For: blocker, Until: until.UTC(), Reason: fmt.Sprintf(format, args...)})
}

// waitForAnswer wakes when a creation without an answer is given up, if the run can still start then.
func (t *turn) waitForAnswer(deadline time.Time, format string, args ...any) {
	by := t.seen.answerBy
	t.wait(plan.WaitAnswer, by, format, args...)
	if (deadline.IsZero() || by.Before(deadline)) && (t.wake.IsZero() || by.Before(t.wake)) {
		t.wake = by.UTC()
	}
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

// surprise says why a run may be one that nobody expects: the schedule was edited after it was due, or may have been.
func (t *turn) surprise(run time.Time) string {
	if edited := editedAt(t.cronJob); edited.After(run) {
		return fmt.Sprintf("it was due before the schedule was edited at %s, and is the last that was missed", stamp(edited))
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
