package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

func cronJobDeviations() []Deviation {
	return []Deviation{
		{
			Row: "the most recent run",
			Snapshot: func() *Snapshot {
				c := newCronJob("*/10 9-17 * * 1-5")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(2, "09:00:00")}
				return tickAt(march(3, "20:00:00"), c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Job default/"+nameOfRun(march(3, "17:50:00")))
			},
			Explains: whenever(func(m moment) bool { return m.runsDiffer() && m.schedule.fields != nil && !m.isOddZone() }),
		},
		{
			Row: "an interval and a deadline",
			Snapshot: func() *Snapshot {
				c := newCronJob("@every 1h")
				c.Spec.StartingDeadlineSeconds = new(int64(3599))
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				return tickAt(march(1, "12:00:00"), c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Job default/"+nameOfRun(march(1, "12:00:00")))
			},
			Explains: whenever(func(m moment) bool { return m.runsDiffer() && m.schedule.fields == nil }),
		},
		{
			Row: "clocks that leave out midnight or half an hour",
			Snapshot: func() *Snapshot {
				c := newCronJob("15 5 * * 5")
				c.Spec.TimeZone = new("Africa/Cairo")
				c.Status.LastScheduleTime = &metav1.Time{Time: time.Date(2026, time.April, 17, 3, 15, 0, 0, time.UTC)}
				return tickAt(cairoGap, c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Job default/"+nameOfRun(cairoGap))
			},
			Explains: whenever(func(m moment) bool { return m.runsDiffer() && m.isOddZone() }),
		},
		{
			Row: "the leap day after 2096",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 0 29 2 *")
				c.Status.LastScheduleTime = &metav1.Time{Time: time.Date(2092, time.February, 29, 0, 0, 0, 0, time.UTC)}
				return tickAt(leapDay, c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", slices.Compact(upstream.Told()), "Warning InvalidSchedule: invalid schedule: 0 0 29 2 * : time difference between two schedules is less than 1 second")
				same(t, "ours", ours.Did(), "create Job default/"+nameOfRun(leapDay))
			},
		},
		{
			Row: "two runs in a minute",
			Snapshot: func() *Snapshot {
				c := newCronJob("@every 30s")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "12:00:00")}
				done := newJobOf(march(1, "12:00:00"))
				finishJob(done, batchv1.JobFailed, metav1.NewTime(march(1, "12:00:10")))
				return tickAt(march(1, "12:00:30"), c, done)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", refusals(upstream), "create Job default/"+nameOfRun(march(1, "12:00:30")))
				same(t, "ours", refusals(ours))
			},
			Explains: whenever(func(m moment) bool { return m.cronJob.Spec.Schedule == "@every 30s" && m.named(m.due()) != nil }),
		},
		{
			Row: "a run that was missed",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.StartingDeadlineSeconds = new(int64(60))
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				return tickAt(march(1, "12:01:00"), c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Told())
				same(t, "ours", slices.Compact(ours.Told()), "Warning MissSchedule: Missed scheduled time to start a job: Sun, 01 Mar 2026 12:00:00 +0000")
			},
			Explains: tells("MissSchedule"),
		},
		{
			Row: "too many missed runs",
			Snapshot: func() *Snapshot {
				c := newCronJob("0,1 9 * * *")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "09:01:00")}
				return tickAt(march(3, "09:00:30"), c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				const tooMany = "Warning TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
				if !slices.Contains(upstream.Told(), tooMany) || slices.Contains(ours.Told(), tooMany) {
					t.Errorf("upstream told %q, ours told %q", upstream.Told(), ours.Told())
				}
			},
			Explains: tells("TooManyMissedTimes"),
		},
		{
			Row: "a schedule that is never due",
			Snapshot: func() *Snapshot {
				return tickAt(Instant, newCronJob("0 0 31 2 *"))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", slices.Compact(upstream.Told()), "Warning InvalidSchedule: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second")
				same(t, "ours", slices.Compact(ours.Told()), "Warning InvalidSchedule: invalid schedule: 0 0 31 2 * : it is never due")
			},
			Explains: tells("InvalidSchedule"),
		},
		{
			Row: "a run for the past",
			Snapshot: func() *Snapshot {
				c := newCronJob("15 9 * * *")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "08:30:00")}
				return tickAt(Instant, c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				created := "Normal SuccessfulCreate: Created job " + nameOfRun(march(1, "09:15:00"))
				same(t, "upstream", upstream.Told(), created)
				same(t, "ours", ours.Told(), "Normal PastRun: Starting the run of 2026-03-01T09:15:00Z: it is the last that was missed; the schedule was edited since the run of 2026-03-01T08:30:00Z, maybe after this run was due", created)
			},
			Explains: tells("PastRun"),
		},
		{
			Row: "a finished Job that goes at once",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.FailedJobsHistoryLimit = new(int32(0))
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "12:00:00")}
				failed := newJobOf(march(1, "12:00:00"))
				c.Status.Active = []corev1.ObjectReference{referenceTo(failed)}
				finishJob(failed, batchv1.JobFailed, metav1.NewTime(march(1, "12:00:10")))
				return tickAt(march(1, "12:00:30"), c, failed)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				name := nameOfRun(march(1, "12:00:00"))
				same(t, "upstream", upstream.Told(), "Normal SuccessfulDelete: Deleted job "+name)
				same(t, "ours", ours.Told(), "Normal SawCompletedJob: Saw completed job: "+name+", condition: Failed", "Normal SuccessfulDelete: Deleted job "+name)
			},
			Explains: tells("SawCompletedJob"),
		},
		{
			Row: "an unknown time zone",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.TimeZone = new("Mars/Phobos")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				return tickAt(Instant, c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", slices.Compact(upstream.Told()), `Warning UnknownTimeZone: invalid timeZone: "Mars/Phobos": unknown time zone Mars/Phobos`)
				if err := ours.Rounds[0].Err; err == nil || !strings.Contains(err.Error(), "unknown time zone Mars/Phobos") {
					t.Errorf("ours: %v", err)
				}
			},
			Explains: whenever(func(m moment) bool { return cronjob.TimeZone(m.cronJob) == "Mars/Phobos" }),
		},
		{
			Row: "a controller of the same name",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.FailedJobsHistoryLimit = new(int32(0))
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "12:00:00")}
				chimes := newJobOf(march(1, "11:00:00"))
				chimes.Name = "strike"
				chimes.OwnerReferences = []metav1.OwnerReference{ControllerRef("example.com/v1", "Chime", tick.Name, "uid-chime")}
				finishJob(chimes, batchv1.JobFailed, metav1.NewTime(march(1, "11:00:10")))
				return tickAt(march(1, "12:00:30"), c, chimes)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Job default/strike")
				same(t, "ours", ours.Did())
			},
			Explains: whenever(func(m moment) bool {
				return slices.ContainsFunc(m.jobs, func(j *batchv1.Job) bool {
					ref := metav1.GetControllerOf(j)
					return ref != nil && ref.Name == tick.Name && !isTicks(j)
				})
			}),
		},
		{
			Row: "a Job from before a crash",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				return tickAt(march(1, "12:00:30"), c, newJobOf(march(1, "12:00:00")))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", listed(upstream))
				same(t, "ours", listed(ours), nameOfRun(march(1, "12:00:00")))
			},
			Explains: whenever(func(m moment) bool {
				return slices.ContainsFunc(m.jobs, func(j *batchv1.Job) bool {
					last := m.cronJob.Status.LastScheduleTime
					run, err := time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
					return isTicks(j) && (last == nil || j.Name > nameOfRun(last.Time) || err == nil && run.After(last.Time))
				})
			}),
		},
		{
			Row: "a Job that was forgotten",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.ConcurrencyPolicy = batchv1.ForbidConcurrent
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				return tickAt(march(1, "12:00:30"), c, newJobOf(march(1, "11:00:00")))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create Job default/"+nameOfRun(march(1, "12:00:00")))
				same(t, "ours", ours.Did())
			},
			Explains: whenever(func(m moment) bool {
				return slices.ContainsFunc(m.jobs, func(j *batchv1.Job) bool {
					return isTicks(j) && j.Status.CompletionTime == nil && !isFailed(j) && !m.lists(j) && !strings.Contains(j.Name, "hand")
				})
			}),
		},
		{
			Row: "a name that is taken",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				stranger := newJobOf(march(1, "12:00:00"))
				stranger.OwnerReferences = nil
				return tickAt(march(1, "12:00:30"), c, stranger)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", refusals(upstream), "create Job default/"+nameOfRun(march(1, "12:00:00")))
				same(t, "ours", refusals(ours))
			},
			Explains: whenever(func(m moment) bool { j := m.named(m.due()); return j != nil && !isTicks(j) }),
		},
		{
			Row: "a reference to a Job of another",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.ConcurrencyPolicy = batchv1.ReplaceConcurrent
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				mine := newJobOf(march(1, "11:00:00"))
				c.Status.Active = []corev1.ObjectReference{referenceTo(mine)}
				mine.UID, mine.OwnerReferences = "uid-of-a-successor", nil
				return tickAt(march(1, "12:00:30"), c, mine)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				next := nameOfRun(march(1, "12:00:00"))
				last := nameOfRun(march(1, "11:00:00"))
				same(t, "upstream", upstream.Did(), "create Job default/"+next, "delete Job default/"+last)
				same(t, "ours", ours.Did(), "create Job default/"+next)
			},
			Explains: whenever(func(m moment) bool {
				return slices.ContainsFunc(m.cronJob.Status.Active, func(ref corev1.ObjectReference) bool {
					j := m.named(ref.Name)
					return j != nil && (j.UID != ref.UID || !isTicks(j))
				})
			}),
		},
		{
			Row: "a Job that cannot be replaced",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Spec.ConcurrencyPolicy = batchv1.ReplaceConcurrent
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				first, second := newJobOf(march(1, "10:00:00")), newJobOf(march(1, "11:00:00"))
				c.Status.Active = []corev1.ObjectReference{referenceTo(first), referenceTo(second)}
				s := tickAt(march(1, "12:00:30"), c, first, second)
				s.Refusals = []Refusal{Denied("delete", "Job", first.Name, 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete Job default/"+nameOfRun(march(1, "11:00:00")))
			},
			Explains: func(c *Case) bool {
				replaces := whenever(func(m moment) bool {
					return m.cronJob.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent && len(m.cronJob.Status.Active) > 1
				})
				return len(c.Snapshot.Refusals) > 0 && c.Snapshot.Refusals[0].Verb == "delete" && replaces(c)
			},
		},
		{
			Row: "the history of a deleted CronJob",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				Deleting(c, Instant, true)
				c.Spec.FailedJobsHistoryLimit = new(int32(0))
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				failed := newJobOf(march(1, "11:00:00"))
				finishJob(failed, batchv1.JobFailed, metav1.NewTime(march(1, "11:00:10")))
				return tickAt(Instant, c, failed)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Job default/"+nameOfRun(march(1, "11:00:00")))
				same(t, "ours", ours.Did())
			},
			Explains: whenever(func(m moment) bool { return m.cronJob.DeletionTimestamp != nil }),
		},
		{
			Row: "a Job that is being deleted",
			Snapshot: func() *Snapshot {
				c := newCronJob("0 * * * *")
				c.Status.LastScheduleTime = &metav1.Time{Time: march(1, "11:00:00")}
				older, newer := newJobOf(march(1, "10:00:00")), newJobOf(march(1, "11:00:00"))
				finishJob(older, batchv1.JobFailed, metav1.NewTime(march(1, "10:00:10")))
				finishJob(newer, batchv1.JobFailed, metav1.NewTime(march(1, "11:00:10")))
				Deleting(newer, Instant, true)
				return tickAt(march(1, "11:30:00"), c, older, newer)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Job default/"+nameOfRun(march(1, "10:00:00")))
				same(t, "ours", ours.Did())
			},
			Explains: whenever(func(m moment) bool {
				return slices.ContainsFunc(m.jobs, func(j *batchv1.Job) bool { return isTicks(j) && j.DeletionTimestamp != nil })
			}),
		},
	}
}

var (
	cairoGap = time.Date(2026, time.April, 24, 2, 15, 0, 0, time.UTC)
	leapDay  = time.Date(2096, time.February, 29, 0, 0, 0, 0, time.UTC)
)

// march is a time of March 2026, in UTC. The 1st is a Sunday.
func march(day int, at string) time.Time {
	t, err := time.Parse(time.DateTime, fmt.Sprintf("2026-03-%02d %s", day, at))
	if err != nil {
		panic(err)
	}
	return t
}

func tickAt(now time.Time, c *batchv1.CronJob, jobs ...*batchv1.Job) *Snapshot {
	s := &Snapshot{Workload: tick, Now: now, Objects: []plan.Object{c}}
	for _, j := range jobs {
		s.Objects = append(s.Objects, j)
	}
	return s
}

func nameOfRun(run time.Time) string { return fmt.Sprintf("tick-%d", run.Unix()/60) }

//go:linkname mostRecentScheduleTime k8s.io/kubernetes/pkg/controller/cronjob.mostRecentScheduleTime
func mostRecentScheduleTime(cj *batchv1.CronJob, now time.Time, schedule cron.Schedule, includeStartingDeadlineSeconds bool) (time.Time, *time.Time, int, error)

// moment is the World before a round, as far as it concerns the CronJob.
type moment struct {
	now      time.Time
	cronJob  *batchv1.CronJob
	jobs     []*batchv1.Job // of the namespace
	schedule twoSchedules
}

// twoSchedules are one schedule, read by both.
type twoSchedules struct {
	ok     bool
	ours   cronjob.Schedule
	theirs cron.Schedule
	fields *cron.SpecSchedule // nil for an interval
}

// whenever explains a case in whose rounds there was a moment of the kind, if ours did nothing wrong.
func whenever(is func(m moment) bool) func(c *Case) bool {
	return func(c *Case) bool {
		return misdeed(c) == "" && slices.ContainsFunc(slices.Concat(c.Upstream.Rounds, c.Ours.Rounds), func(r Round) bool {
			m, ok := momentOf(r)
			return ok && is(m)
		})
	}
}

// momentOf is the moment at which a round began. ok is false if there was no CronJob.
func momentOf(r Round) (m moment, ok bool) {
	m.now = r.At
	if m.cronJob, ok = find[*batchv1.CronJob](r.Before, tick.Name); !ok {
		return m, false
	}
	for _, j := range ObjectsOf[*batchv1.Job](r.Before) {
		if j.Namespace == tick.Namespace {
			m.jobs = append(m.jobs, j)
		}
	}
	m.schedule = readTwice(m.cronJob)
	return m, true
}

func readTwice(c *batchv1.CronJob) (s twoSchedules) {
	if s.ours, s.ok = scheduleOf(c); !s.ok {
		return s
	}
	text := c.Spec.Schedule
	if c.Spec.TimeZone != nil {
		text = "TZ=" + *c.Spec.TimeZone + " " + text
	}
	theirs, err := cron.ParseStandard(text)
	s.ok, s.theirs = err == nil, theirs
	s.fields, _ = theirs.(*cron.SpecSchedule)
	return s
}

// runs are the runs that are due in the eyes of both, nil for none.
func (m moment) runs() (theirs, ours *time.Time) {
	_, theirs, _, _ = mostRecentScheduleTime(m.cronJob, m.now, m.schedule.theirs, true)
	anchor := m.cronJob.CreationTimestamp.Time
	if last := m.cronJob.Status.LastScheduleTime; last != nil {
		anchor = last.Time
	}
	run := m.schedule.ours.Latest(anchor, m.now)
	window := m.cronJob.Spec.StartingDeadlineSeconds
	if !run.IsZero() && (window == nil || m.now.Before(run.Add(time.Duration(*window)*time.Second))) {
		ours = &run
	}
	return theirs, ours
}

func (m moment) runsDiffer() bool {
	if !m.schedule.ok {
		return false
	}
	theirs, ours := m.runs()
	return (theirs == nil) != (ours == nil) || theirs != nil && !theirs.Equal(*ours)
}

func (m moment) isOddZone() bool {
	zone := cronjob.TimeZone(m.cronJob)
	return zone == "Africa/Cairo" || zone == "Australia/Lord_Howe"
}

// due is the name of the Job that ours would create, if nothing stood in the way.
func (m moment) due() string {
	if !m.schedule.ok {
		return ""
	}
	if _, ours := m.runs(); ours != nil {
		return nameOfRun(*ours)
	}
	return ""
}

// named is the Job of the namespace that bears a name.
func (m moment) named(name string) *batchv1.Job {
	for _, j := range m.jobs {
		if j.Name == name {
			return j
		}
	}
	return nil
}

func (m moment) lists(j *batchv1.Job) bool {
	return slices.ContainsFunc(m.cronJob.Status.Active, func(ref corev1.ObjectReference) bool { return ref.UID == j.UID })
}

func isTicks(j *batchv1.Job) bool {
	ref := metav1.GetControllerOf(j)
	return ref != nil && ref.UID == tick.UID
}

// differentlyTold are the events that deviations are about.
var differentlyTold = []string{"MissSchedule", "TooManyMissedTimes", "InvalidSchedule", "PastRun", "SawCompletedJob"}

// tells explains a case in which nothing but such events differs, those for the reason among them, and ours tells what it should.
func tells(reason string) func(c *Case) bool {
	return func(c *Case) bool {
		about := func(rounds []Round, is func(text string) bool) map[string]int {
			told := events(rounds)
			maps.DeleteFunc(told, func(text string, _ int) bool { return !is(text) })
			return told
		}
		isAbout := func(text string) bool { return strings.Contains(text, " "+reason+": ") }
		isTheSame := func(text string) bool {
			return !slices.ContainsFunc(differentlyTold, func(reason string) bool { return strings.Contains(text, " "+reason+": ") })
		}
		return misdeed(c) == "" && cmp.Equal(c.Upstream.State, c.Ours.State) && cmp.Equal(withoutConflicts(c.Upstream.Refused), c.Ours.Refused) &&
			cmp.Equal(effects(c.Upstream.Rounds), effects(c.Ours.Rounds)) &&
			cmp.Equal(about(c.Upstream.Rounds, isTheSame), about(c.Ours.Rounds, isTheSame)) &&
			!cmp.Equal(about(c.Upstream.Rounds, isAbout), about(c.Ours.Rounds, isAbout))
	}
}

// refusals are the writes that were refused, without the reasons.
func refusals(run *Run) []string {
	var lines []string
	for text := range refused(run.Rounds) {
		line, _, _ := strings.Cut(text, ":")
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// listed are the names of status.active at the end of a run.
func listed(run *Run) []string {
	var names []string
	active, _, _ := unstructured.NestedSlice(run.State, tick.String(), "status", "active")
	for _, ref := range active {
		names = append(names, ref.(map[string]any)["name"].(string))
	}
	return names
}
