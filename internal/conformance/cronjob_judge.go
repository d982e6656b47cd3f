package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Where upstream deviates it cannot be the judge of ours. So no row explains a case unless ours did, round by round, what is said
// here in the plainest way: which run starts, which Jobs go, what the status and the events say.

// misdeed tells what ours did wrong in a case, "" if nothing.
func misdeed(c *Case) string {
	for i, round := range c.Ours.Rounds {
		m, ok := momentOf(round)
		if isTheirs := round.Actions == nil && m.schedule.ok; !ok || isTheirs { // in a takeover both have rounds
			continue
		}
		if wrong := m.misdeed(round, len(c.Snapshot.Refusals) > 0); wrong != "" {
			return fmt.Sprintf("round %d: %s", i+1, wrong)
		}
		if i == len(c.Ours.Rounds)-1 && m.schedule.ok {
			if wrong := m.wrongStatus(); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

// misdeed judges one round. Where something is refused, ours may have done less than it should.
func (m moment) misdeed(r Round, refused bool) string {
	if !m.schedule.ok {
		if r.Err == nil || len(r.Writes) > 0 {
			return "there is no error, or a write beside it"
		}
		return ""
	}
	run := m.starts()
	want, did := m.deletions(run), map[string]bool{}
	if !run.IsZero() {
		want["create "+nameOfRun(run)] = true
	}
	for _, w := range r.Writes {
		if w.Err == nil && w.Verb != "update-status" {
			did[w.Verb+" "+w.Ref.Name] = true
		}
	}
	if !maps.Equal(want, did) && !refused {
		return "(-should do, +does)\n" + gocmp.Diff(want, did)
	}
	for what := range did {
		if !want[what] {
			return "it should not " + what
		}
	}
	should, told := m.tells(run), toldDifferently(r)
	if refused && told["PastRun"] == 0 {
		delete(should, "PastRun") // what was refused last time may not be asked for again
	}
	if !maps.Equal(should, told) {
		return "(-should tell, +tells)\n" + gocmp.Diff(should, told)
	}
	return ""
}

// anchor is the time after which a run is due, and the last run that is.
func (m moment) anchor() (at, run time.Time) {
	at = m.cronJob.CreationTimestamp.Time
	if last := m.lastRun(); !last.IsZero() {
		at = last
	}
	return at, m.schedule.ours.Latest(at, m.now)
}

func (m moment) isIdle() bool { return *m.cronJob.Spec.Suspend || m.cronJob.DeletionTimestamp != nil }

func (m moment) isLate(run time.Time) bool {
	window := m.cronJob.Spec.StartingDeadlineSeconds
	return window != nil && !m.now.Before(run.Add(time.Duration(*window)*time.Second))
}

// starts is the run that has to start now.
func (m moment) starts() time.Time {
	_, run := m.anchor()
	if m.isIdle() || run.IsZero() || m.isLate(run) || m.named(nameOfRun(run)) != nil ||
		m.cronJob.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent && len(m.running()) > 0 {
		return time.Time{}
	}
	return run
}

// deletions are those of the history, and of what the run replaces.
func (m moment) deletions(run time.Time) map[string]bool {
	gone := map[string]bool{}
	if m.cronJob.DeletionTimestamp != nil {
		return gone
	}
	if !run.IsZero() && m.cronJob.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent {
		for _, j := range m.running() {
			if j.DeletionTimestamp == nil {
				gone["delete "+j.Name] = true
			}
		}
	}
	started := func(j *batchv1.Job) int64 {
		if j.Status.StartTime == nil {
			return 1 << 60
		}
		return j.Status.StartTime.Unix()
	}
	for how, keep := range map[batchv1.JobConditionType]*int32{batchv1.JobComplete: m.cronJob.Spec.SuccessfulJobsHistoryLimit, batchv1.JobFailed: m.cronJob.Spec.FailedJobsHistoryLimit} {
		var ended []*batchv1.Job
		for _, j := range m.jobs {
			if isTicks(j) && endOf(j) == how && j.DeletionTimestamp == nil {
				ended = append(ended, j)
			}
		}
		slices.SortFunc(ended, func(a, b *batchv1.Job) int {
			return cmp.Or(cmp.Compare(started(a), started(b)), cmp.Compare(a.Name, b.Name))
		})
		for _, j := range ended[:max(0, len(ended)-int(*keep))] {
			gone["delete "+j.Name] = true
		}
	}
	return gone
}

// tells are the events that deviations are about, with how often each.
func (m moment) tells(run time.Time) map[string]int {
	told := map[string]int{}
	for _, ref := range m.cronJob.Status.Active {
		for _, j := range m.jobs {
			if j.UID == ref.UID && isTicks(j) && endOf(j) != "" {
				told["SawCompletedJob"]++
			}
		}
	}
	if m.isIdle() {
		return told
	}
	if m.cronJob.Spec.Schedule == "0 0 31 2 *" {
		told["InvalidSchedule"] = 1
	}
	at, due := m.anchor()
	switch {
	case due.IsZero():
	case m.isLate(due):
		told["MissSchedule"] = 1
	case m.isMany(at):
		told["TooManyMissedTimes"] = 1
	}
	if !run.IsZero() && m.isSurprise(run) {
		told["PastRun"] = 1
	}
	return told
}

// isMany counts the runs that were missed, one by one.
func (m moment) isMany(at time.Time) bool {
	if window := m.cronJob.Spec.StartingDeadlineSeconds; window != nil {
		if earliest := m.now.Add(-time.Duration(*window) * time.Second); earliest.After(at) {
			at = earliest
		}
	}
	for range 101 {
		if at = m.schedule.ours.Next(at); at.IsZero() || at.After(m.now) {
			return false
		}
	}
	return true
}

// isSurprise reports whether a run was due before an edit, as far as the CronJob tells.
func (m moment) isSurprise(run time.Time) bool {
	if edits := m.cronJob.ManagedFields; len(edits) > 0 {
		return edits[0].Time.After(run)
	}
	last := m.lastRun()
	return !last.IsZero() && m.schedule.fields != nil && m.now.Sub(run) >= time.Minute && !m.schedule.ours.Next(last.Add(-time.Second)).Equal(last)
}

// toldDifferently counts the events of a round that deviations are about.
func toldDifferently(r Round) map[string]int {
	count := map[string]int{}
	for _, e := range r.Events {
		if slices.Contains(differentlyTold, e.Reason) {
			count[e.Reason]++
		}
	}
	return count
}

// wrongStatus compares the status at rest with what is there.
func (m moment) wrongStatus() string {
	var want, has []types.UID
	for _, j := range m.running() {
		want = append(want, j.UID)
	}
	for _, ref := range m.cronJob.Status.Active {
		has = append(has, ref.UID)
	}
	slices.Sort(want)
	slices.Sort(has)
	if d := gocmp.Diff(want, has); d != "" {
		return "status.active (-want +got):\n" + d
	}
	var success time.Time
	for _, j := range m.jobs {
		if at := j.Status.CompletionTime; isTicks(j) && endOf(j) == batchv1.JobComplete && at != nil && at.After(success) {
			success = at.Time
		}
	}
	last, told := m.cronJob.Status.LastScheduleTime, m.cronJob.Status.LastSuccessfulTime
	switch {
	case !m.lastRun().IsZero() && !last.Time.Equal(m.lastRun()):
		return fmt.Sprintf("lastScheduleTime is %s, the last run was %s", last, m.lastRun())
	case !success.IsZero() && (told == nil || told.Time.Before(success)):
		return fmt.Sprintf("lastSuccessfulTime is %s, the last success was at %s", told, success)
	}
	return ""
}

// running are the Jobs that have not finished and were made for a run, or are on the list.
func (m moment) running() []*batchv1.Job {
	return slices.DeleteFunc(slices.Clone(m.jobs), func(j *batchv1.Job) bool {
		_, made := m.runOf(j)
		return !isTicks(j) || endOf(j) != "" || !made && !m.lists(j)
	})
}

// lastRun is that of the status, or of a Job that the status does not tell of yet.
func (m moment) lastRun() (last time.Time) {
	if told := m.cronJob.Status.LastScheduleTime; told != nil {
		last = told.Time
	}
	for _, j := range m.jobs {
		if run, ok := m.runOf(j); ok && isTicks(j) && !run.After(m.now) && run.After(last) {
			last = run
		}
	}
	return last
}

// runOf reads the run of a Job that no person made.
func (m moment) runOf(j *batchv1.Job) (run time.Time, ok bool) {
	digits, named := strings.CutPrefix(j.Name, tick.Name+"-")
	minute, err := strconv.ParseInt(digits, 10, 64)
	run = time.Unix(minute*60, 0)
	if !named || err != nil {
		return time.Time{}, false
	}
	if at, err := time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation]); err == nil && at.Truncate(time.Minute).Equal(run) {
		return at, true
	}
	return run, j.Annotations["cronjob.kubernetes.io/instantiate"] == "" && !run.Before(m.cronJob.CreationTimestamp.Truncate(time.Minute))
}

func endOf(j *batchv1.Job) batchv1.JobConditionType {
	for _, c := range j.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c.Type
		}
	}
	return ""
}
