package conformance

import (
	"context"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // both sides know the same zones wherever they run
	_ "unsafe"      // for go:linkname

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	upstreamcronjob "k8s.io/kubernetes/pkg/controller/cronjob"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

//go:linkname syncCronJob k8s.io/kubernetes/pkg/controller/cronjob.(*ControllerV2).sync
func syncCronJob(jm *upstreamcronjob.ControllerV2, ctx context.Context, key string) (*time.Duration, error)

// CronJob is how CronJobs are judged.
func CronJob() Kind {
	return Kind{
		Name:       "CronJob",
		Upstream:   upstreamCronJob,
		Ours:       ourCronJob,
		Snapshot:   cronJobSnapshot,
		History:    cronJobHistory,
		Deviations: cronJobDeviations(),
		Bench:      cronJobBench(),
	}
}

func upstreamCronJob(u *Upstream, _ *Snapshot) func(context.Context, string) error {
	jm := newCronJobController(u)
	told := map[string]bool{}
	return func(ctx context.Context, key string) error {
		_, err := syncCronJob(jm, ctx, key)
		u.events.events = toldOnce(told, time.Now(), u.events.events)
		return err
	}
}

// newCronJobController builds the controller. Where a CronJob has no time zone it takes that of its process: UTC, as in
// the containers it runs in.
func newCronJobController(u *Upstream) *upstreamcronjob.ControllerV2 {
	time.Local = time.UTC
	jm, err := upstreamcronjob.NewControllerV2(context.Background(), u.Informers.Batch().V1().Jobs(), u.Informers.Batch().V1().CronJobs(), u.Client)
	if err != nil {
		panic(err) // it never is
	}
	u.Tame(jm)
	return jm
}

func ourCronJob() Planner {
	told := map[string]bool{}
	return func(view *View) (plan.Result, error) {
		c, ok := ShowWorkload[*batchv1.CronJob](view)
		if !ok {
			return plan.Result{}, nil
		}
		zone, _ := time.LoadLocation(cronjob.TimeZone(c))
		result, err := cronjob.Plan(c, cronjob.Observed{
			Now:     view.Now,
			Zone:    zone,
			Jobs:    Show[*batchv1.Job](view),
			Pending: view.Pending,
		}, cronjob.Policy{})
		result.Events = toldOnce(told, view.Now, result.Events)
		return result.Result, err
	}
}

// toldOnce leaves out the one Normal event that is repeated as long as its cause lasts, after the first time at an instant:
// it says how often somebody looked.
func toldOnce(told map[string]bool, now time.Time, events []plan.Event) []plan.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e plan.Event) bool {
		if e.Reason != "JobAlreadyActive" {
			return false
		}
		again := told[now.String()]
		told[now.String()] = true
		return again
	})
}

// tick is the CronJob that all snapshots are about.
var tick = plan.Ref{APIVersion: "batch/v1", Kind: "CronJob", Namespace: "default", Name: "tick", UID: "uid-tick"}

// moments lie near changes of clocks, and away from them.
var moments = []time.Time{
	Instant,
	time.Date(2026, time.March, 29, 1, 30, 0, 0, time.UTC),    // Berlin has left out an hour
	time.Date(2026, time.October, 25, 1, 45, 0, 0, time.UTC),  // Berlin has it twice
	time.Date(2026, time.April, 24, 2, 15, 0, 0, time.UTC),    // Cairo has no midnight
	time.Date(2026, time.October, 29, 21, 30, 0, 0, time.UTC), // Cairo has 23:30 twice
	time.Date(2026, time.October, 4, 9, 0, 0, 0, time.UTC),    // Lord Howe has left out half an hour
	time.Date(2026, time.November, 1, 6, 30, 0, 0, time.UTC),  // New York has 1:30 twice
}

// spans are as long as schedules are apart, and a little more or less.
var spans = []time.Duration{
	time.Minute, 5 * time.Minute, time.Hour, 30 * time.Second, 61 * time.Second, 90 * time.Second, 59 * time.Minute, 3 * time.Hour,
	24 * time.Hour, 101 * time.Minute, 5 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour, 0,
}

func cronJobSnapshot(t *rapid.T) *Snapshot {
	now := OneOf(t, "moment", moments...).Add(OneOf(t, "fraction", 500*time.Millisecond, 0, time.Millisecond)).Add(OneOf(t, "later", spans...) % (24 * time.Hour))
	c := drawCronJob(t, now)
	s := &Snapshot{Workload: tick, Now: now, Objects: []plan.Object{c}, Shuffle: Upto(t, "shuffle", 9)}
	jobs := Upto(t, "jobs", 6)
	if c.Status.LastScheduleTime == nil && !Seldom(t, "crashedAtFirst", 6) {
		jobs = 0
	}
	for i := range jobs {
		s.Objects = append(s.Objects, drawJobOf(t, i, c, now))
	}
	s.Objects = distinctNames(s.Objects)
	drawActive(t, c, ObjectsOf[*batchv1.Job](s.Objects))
	s.Refusals = drawCronJobRefusals(t, s.Objects)
	for range Upto(t, "steps", 3) {
		step := drawCronJobStep(t)
		if step.Name == NoRefusals().Name && len(s.Refusals) > 0 && s.Refusals[0].Status.Details != nil {
			step = Pass(time.Minute) // a namespace that ends does so for good
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

var schedules = []string{
	"*/5 * * * *", "* * * * *", "0 * * * *", "@hourly", "@daily", "@every 1h", "@every 90s", "30 2 * * *", "*/30 * * * *",
	"30 6-16/4 * * 1-5", "*/10 9-17 * * 1-5", "0 0 1 * *", "0 12 * * 0", "15 0,12 * * SUN", "0 0 31 2 *", "@every 30s", "CRON_TZ=America/New_York 0 7 * * *",
}

func drawCronJob(t *rapid.T, now time.Time) *batchv1.CronJob {
	c := newCronJob(OneOf(t, "schedule", schedules...))
	c.CreationTimestamp = metav1.NewTime(now.Add(-OneOf(t, "age", spans...)).Truncate(time.Second))
	if Seldom(t, "zoned", 3) && c.Spec.Schedule[0] != 'C' {
		c.Spec.TimeZone = new(OneOf(t, "zone", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Etc/UTC", "Europe/Berlin", "America/New_York", "Mars/Phobos"))
	}
	c.Spec.ConcurrencyPolicy = OneOf(t, "concurrency", batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent)
	if Seldom(t, "deadline", 3) {
		c.Spec.StartingDeadlineSeconds = new(OneOf[int64](t, "deadlineSeconds", 60, 10, 3600, 7200, 1000000, 0))
	}
	c.Spec.Suspend = new(Seldom(t, "suspended", 12))
	c.Spec.SuccessfulJobsHistoryLimit = new(int32(Upto(t, "successfulLimit", 3)))
	c.Spec.FailedJobsHistoryLimit = new(int32(Upto(t, "failedLimit", 2)))
	if !Seldom(t, "neverRan", 4) {
		last := now.Add(-OneOf(t, "lastRun", spans...))
		if runs, ok := scheduleOf(c); ok && !Seldom(t, "edited", 5) {
			if run := runs.Latest(last.Add(-50*24*time.Hour), last); !run.IsZero() {
				last = run
			}
		}
		c.Status.LastScheduleTime = &metav1.Time{Time: last.Truncate(time.Second)}
	}
	if Seldom(t, "succeededBefore", 3) {
		c.Status.LastSuccessfulTime = new(Past(t, "lastSuccess", now))
	}
	if Seldom(t, "editTold", 6) {
		edit := Past(t, "editedAt", now)
		c.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, Time: &edit,
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:schedule":{}}}`),
		}}
	}
	if Seldom(t, "deleted", 15) {
		Deleting(c, now, true)
	}
	return c
}

func newCronJob(schedule string) *batchv1.CronJob {
	c := &batchv1.CronJob{}
	c.Namespace, c.Name, c.UID, c.Generation = tick.Namespace, tick.Name, tick.UID, 1
	c.CreationTimestamp = metav1.NewTime(Instant.Add(-200 * time.Hour))
	c.Spec.Schedule = schedule
	c.Spec.ConcurrencyPolicy = batchv1.AllowConcurrent
	c.Spec.Suspend = new(false)
	c.Spec.SuccessfulJobsHistoryLimit, c.Spec.FailedJobsHistoryLimit = new(int32(3)), new(int32(1))
	c.Spec.JobTemplate.Labels = map[string]string{"app": "tick"}
	c.Spec.JobTemplate.Annotations = map[string]string{"note": "kept"}
	c.Spec.JobTemplate.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	c.Spec.JobTemplate.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	return c
}

// scheduleOf reads the schedule of a CronJob in its zone.
func scheduleOf(c *batchv1.CronJob) (cronjob.Schedule, bool) {
	zone, err := time.LoadLocation(cronjob.TimeZone(c))
	if err != nil {
		return cronjob.Schedule{}, false
	}
	text := c.Spec.Schedule
	if text[0] == 'C' {
		text = text[len("CRON_TZ=")+len(cronjob.TimeZone(c))+1:]
	}
	schedule, err := cronjob.ParseSchedule(text)
	return schedule.In(zone, cronjob.EveryMatch), err == nil
}

// drawJobOf makes a Job of one of the last runs, or one that has no run.
func drawJobOf(t *rapid.T, i int, c *batchv1.CronJob, now time.Time) *batchv1.Job {
	since := now
	if last := c.Status.LastScheduleTime; last != nil && !Seldom(t, "crashed", 25) {
		since = last.Time
	}
	run := since.Add(-OneOf(t, "run", spans...))
	if runs, ok := scheduleOf(c); ok && !Seldom(t, "offSchedule", 8) {
		if latest := runs.Latest(run.Add(-50*24*time.Hour), run); !latest.IsZero() {
			run = latest
		}
	}
	j := newJobOf(run.Truncate(time.Second))
	j.UID = types.UID(fmt.Sprintf("uid-%d-%d", Upto(t, "uid", 4), i))
	if Seldom(t, "byHand", 8) {
		j.Name, j.Annotations = fmt.Sprintf("tick-by-hand-%d", i), map[string]string{"cronjob.kubernetes.io/instantiate": "manual"}
	} else if Seldom(t, "old", 8) {
		j.Annotations = nil
	}
	switch OneOf(t, "ending", "complete", "failed", "", "complete", "failed", "suspended") {
	case "complete":
		finishJob(j, batchv1.JobComplete, Past(t, "finished", now))
	case "failed":
		finishJob(j, batchv1.JobFailed, Past(t, "finished", now))
	case "suspended":
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue}}
	}
	if Seldom(t, "notStarted", 6) {
		j.Status.StartTime = nil
	}
	switch Upto(t, "owner", 60) {
	case 57, 58:
		j.OwnerReferences = nil
	case 59:
		j.OwnerReferences[0].UID = "uid-of-another-life"
	case 60:
		j.OwnerReferences[0].Kind, j.OwnerReferences[0].UID = "Chime", "uid-chime"
	}
	if Seldom(t, "elsewhere", 15) {
		j.Namespace = "elsewhere"
	}
	if Seldom(t, "jobDeleted", 40) {
		Deleting(j, now, true)
	}
	return j
}

func newJobOf(run time.Time) *batchv1.Job {
	j := &batchv1.Job{}
	j.Namespace, j.Name = tick.Namespace, fmt.Sprintf("tick-%d", run.Unix()/60)
	j.UID = types.UID("uid-" + j.Name)
	j.CreationTimestamp = metav1.NewTime(run)
	j.Annotations = map[string]string{batchv1.CronJobScheduledTimestampAnnotation: run.UTC().Format(time.RFC3339)}
	j.OwnerReferences = []metav1.OwnerReference{ControllerRef("batch/v1", "CronJob", tick.Name, tick.UID)}
	j.Status.StartTime = &metav1.Time{Time: run}
	return j
}

func finishJob(j *batchv1.Job, how batchv1.JobConditionType, at metav1.Time) {
	if how == batchv1.JobComplete {
		j.Status.CompletionTime = &at
	}
	j.Status.Conditions = []batchv1.JobCondition{{Type: how, Status: corev1.ConditionTrue, LastTransitionTime: at}}
}

// distinctNames keeps the first object of each name.
func distinctNames(objects []plan.Object) []plan.Object {
	seen := map[key]bool{}
	return slices.DeleteFunc(objects, func(obj plan.Object) bool {
		again := seen[keyOf(obj)]
		seen[keyOf(obj)] = true
		return again
	})
}

// drawActive lists what runs, now and then something that does not, and now and then too little.
func drawActive(t *rapid.T, c *batchv1.CronJob, jobs []*batchv1.Job) {
	for _, j := range jobs {
		ours := j.Namespace == c.Namespace && metav1.IsControlledBy(j, c)
		finished := j.Status.CompletionTime != nil || isFailed(j)
		if listed := ours && !finished; j.Namespace != c.Namespace || listed == Seldom(t, "mistaken", 40) {
			continue
		}
		c.Status.Active = append(c.Status.Active, referenceTo(j))
	}
	if Seldom(t, "missing", 10) {
		gone := newJobOf(c.CreationTimestamp.Time)
		gone.UID = "uid-gone"
		c.Status.Active = append(c.Status.Active, referenceTo(gone))
	}
}

func isFailed(j *batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == batchv1.JobFailed })
}

func referenceTo(j *batchv1.Job) corev1.ObjectReference {
	return corev1.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: j.Namespace, Name: j.Name, UID: j.UID, ResourceVersion: "900"}
}

func drawCronJobRefusals(t *rapid.T, objects []plan.Object) []Refusal {
	name := objects[Upto(t, "refusedJob", len(objects)-1)].GetName()
	switch OneOf(t, "refusal", "", "", "", "", "", "", "", "quota", "quota once", "namespace", "delete", "delete once") {
	case "quota":
		return []Refusal{QuotaExceeded("Job", 0)}
	case "quota once":
		return []Refusal{QuotaExceeded("Job", 1)}
	case "namespace":
		return []Refusal{NamespaceTerminating("Job")}
	case "delete":
		return []Refusal{Denied("delete", "Job", name, 0)}
	case "delete once":
		return []Refusal{Denied("delete", "Job", name, 1)}
	}
	return nil
}

func drawCronJobStep(t *rapid.T) Step {
	schedule := OneOf(t, "newSchedule", schedules[:14]...)
	policy := OneOf(t, "newConcurrency", batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent, batchv1.AllowConcurrent)
	return OneOf(t, "step",
		Pass(OneOf(t, "pass", spans[:len(spans)-1]...)), Pass(OneOf(t, "passAgain", spans[:3]...)),
		jobsEnd(batchv1.JobComplete), jobsEnd(batchv1.JobFailed), jobsGone(), NoRefusals(),
		Change("suspended", tick, func(c *batchv1.CronJob) { *c.Spec.Suspend = true }),
		Change("resumed", tick, func(c *batchv1.CronJob) { *c.Spec.Suspend = false }),
		Change("schedule "+schedule, tick, func(c *batchv1.CronJob) { c.Spec.Schedule, c.Spec.TimeZone = schedule, nil }),
		Change("concurrency "+string(policy), tick, func(c *batchv1.CronJob) { c.Spec.ConcurrencyPolicy = policy }),
		Change("no deadline", tick, func(c *batchv1.CronJob) { c.Spec.StartingDeadlineSeconds = nil }),
	)
}

// jobsEnd ends every Job that runs, as its controller would.
func jobsEnd(how batchv1.JobConditionType) Step {
	return Step{Name: "all Jobs end: " + string(how), After: 20 * time.Second, Do: func(w *World) {
		EditAll(w, func(j *batchv1.Job) {
			if j.Status.CompletionTime == nil && !isFailed(j) {
				now := metav1.NewTime(time.Now().Truncate(time.Second))
				if j.Status.StartTime == nil {
					j.Status.StartTime = &metav1.Time{Time: j.CreationTimestamp.Time}
				}
				finishJob(j, how, now)
			}
		})
	}}
}

// jobsGone takes away the Jobs that a finalizer held.
func jobsGone() Step {
	return Step{Name: "deleted Jobs are gone", After: time.Second, Do: func(w *World) {
		for _, j := range Objects[*batchv1.Job](w) {
			if j.DeletionTimestamp != nil {
				w.Remove(j)
			}
		}
	}}
}

// cronJobHistory is the life of a CronJob from its creation on.
func cronJobHistory(t *rapid.T) *Snapshot {
	now := OneOf(t, "moment", moments...)
	c := newCronJob(OneOf(t, "schedule", schedules[:8]...))
	c.CreationTimestamp = metav1.NewTime(now)
	c.Spec.ConcurrencyPolicy = OneOf(t, "concurrency", batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent)
	if Seldom(t, "zoned", 3) {
		c.Spec.TimeZone = new(OneOf(t, "zone", "Europe/Berlin", "America/New_York"))
	}
	c.Spec.SuccessfulJobsHistoryLimit = new(int32(Upto(t, "successfulLimit", 3)))
	s := &Snapshot{Workload: tick, Now: now, Objects: []plan.Object{c}}
	for range Upto(t, "steps", 6) {
		s.Steps = append(s.Steps, OneOf(t, "step", Pass(time.Hour), Pass(time.Minute), Pass(5*time.Minute), jobsEnd(batchv1.JobComplete), jobsEnd(batchv1.JobFailed)))
	}
	return s
}
