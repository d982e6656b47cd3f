package plantest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

// CronJobInput is what cronjob.Plan takes.
type CronJobInput struct {
	CronJob  *batchv1.CronJob
	Observed cronjob.Observed
	Policy   cronjob.Policy
}

// CronJobs is the planner of package cronjob as a subject. The events MissingJob and UnexpectedJob are left out: they tell
// what the host does not know of, and with a ledger it knows more than without.
func CronJobs() Subject[CronJobInput] {
	return Subject[CronJobInput]{
		Name:      "CronJob",
		Snapshots: rapid.Custom(cronJobSnapshot),
		Input: func(s Snapshot) CronJobInput {
			in := CronJobInput{
				Observed: cronjob.Observed{Now: s.Now, Jobs: All[*batchv1.Job](s), Pending: s.Pending},
				Policy:   s.Policy.(cronjob.Policy),
			}
			if c, ok := s.Workload.(*batchv1.CronJob); ok {
				in.CronJob = c
				in.Observed.Zone, _ = time.LoadLocation(cronjob.TimeZone(c))
			}
			return in
		},
		Plan: func(in CronJobInput) (Answer, error) {
			result, err := cronjob.Plan(in.CronJob, in.Observed, in.Policy)
			told := result.Events
			result.Events = nil
			for _, e := range told {
				if e.Reason != "MissingJob" && e.Reason != "UnexpectedJob" {
					result.Events = append(result.Events, e)
				}
			}
			return Answer{Result: result.Result, Whole: &result}, err
		},
		Break:    breakCronJob,
		Defaults: defaultCronJob,
		Step:     cronJobStep,
		Whole:    cronJobPlan,
		Goal:     cronJobGoal,
		Rounds:   6, // the status, the run, the status with its Job; and once more where an answer was lost
	}
}

// timetable is a schedule, and what it means in the plainest way: the minutes at which it is due, or its interval.
type timetable struct {
	text  string
	due   func(wall time.Time) bool
	every time.Duration
}

// timetables are due at the Epoch's minute, a Sunday noon, near it, or never.
func timetables() []timetable {
	return []timetable{
		{text: "* * * * *", due: func(time.Time) bool { return true }},
		{text: "*/5 * * * *", due: func(wall time.Time) bool { return wall.Minute()%5 == 0 }},
		{text: "59 11 * * *", due: func(wall time.Time) bool { return wall.Hour() == 11 && wall.Minute() == 59 }},
		{text: "0,1 12-13 1 * 0", due: func(wall time.Time) bool {
			return wall.Minute() < 2 && (wall.Hour() == 12 || wall.Hour() == 13) && (wall.Day() == 1 || wall.Weekday() == time.Sunday)
		}},
		{text: "@every 90s", every: 90 * time.Second},
		{text: "@every 20s", every: 20 * time.Second},
		{text: "0 0 31 2 *", due: func(time.Time) bool { return false }},
	}
}

// latest is the last instant after anchor, and not after now, at which a timetable is due: zero if there is none.
func (tt timetable) latest(anchor, now time.Time, zone *time.Location) (run time.Time) {
	if tt.every > 0 {
		for at := anchor.Truncate(time.Second).Add(tt.every); !at.After(now); at = at.Add(tt.every) {
			run = at
		}
		return run
	}
	for at := now.Truncate(time.Minute); at.After(anchor); at = at.Add(-time.Minute) {
		if tt.due(at.In(zone)) {
			return at
		}
	}
	return run
}

// cronJobSnapshot draws a CronJob around the time of a run, and up to six Jobs.
func cronJobSnapshot(t *rapid.T) Snapshot {
	policy := cronjob.Policy{
		DaylightSaving:     pick(t, "daylight saving", cronjob.EveryMatch, cronjob.OncePerSlot),
		SkipRunsBeforeEdit: rarely(t, "skip runs before an edit", 4),
	}
	kind := metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"}
	if rarely(t, "own kind", 6) {
		kind = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Chime"}
		policy.Owner = kind
	}
	c := drawCronJob(t)
	c.TypeMeta = kind
	s := Snapshot{Now: Epoch(), Workload: c, Policy: policy, Version: 1000}
	meta := Metadata{Now: s.Now, Owner: *metav1.NewControllerRef(c, kind.GroupVersionKind()), Labels: map[string]string{"app": "tick"}}
	taken := map[string]bool{}
	for i := range rapid.IntRange(0, 6).Draw(t, "jobs") {
		j := drawScheduledJob(t, meta, i, c)
		if taken[j.Namespace+j.Name] {
			continue
		}
		taken[j.Namespace+j.Name] = true
		s = With(s, j)
		if isUnfinished(j) != rarely(t, "mistaken", 6) {
			c.Status.Active = append(c.Status.Active, referenceTo(j))
		}
	}
	if rarely(t, "missing", 6) {
		c.Status.Active = append(c.Status.Active, corev1.ObjectReference{Name: "tick-1", Namespace: Namespace, UID: "uid-gone", ResourceVersion: "5"})
	}
	return Disturbed(t, s, func(j *batchv1.Job) { j.Status = batchv1.JobStatus{} })
}

func drawCronJob(t *rapid.T) *batchv1.CronJob {
	c := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: Namespace, Name: "tick", UID: "tick-uid", ResourceVersion: "900", Generation: 1,
			CreationTimestamp: Past(t, "created", Epoch()),
		},
		Spec: batchv1.CronJobSpec{
			ConcurrencyPolicy:          pick(t, "concurrency", "", batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent, batchv1.AllowConcurrent),
			StartingDeadlineSeconds:    pick(t, "deadline", nil, nil, nil, new(int64(60)), new(int64(5)), new(int64(0)), new(int64(1<<60))),
			SuccessfulJobsHistoryLimit: pick(t, "successful limit", nil, new(int32(0)), new(int32(1))),
			FailedJobsHistoryLimit:     pick(t, "failed limit", nil, new(int32(0)), new(int32(2))),
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "tick"}, Annotations: map[string]string{"note": "x"}},
				Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyNever,
					Containers:    []corev1.Container{{Name: "main", Image: "tick:1"}},
				}}},
			},
		},
	}
	texts := []string{}
	for _, tt := range timetables() {
		texts = append(texts, tt.text)
	}
	c.Spec.Schedule = pick(t, "schedule", texts...)
	if rarely(t, "zoned", 3) {
		c.Spec.TimeZone = new(pick(t, "zone", "UTC", "Asia/Kolkata", "Europe/Berlin"))
	}
	if rarely(t, "suspended", 8) {
		c.Spec.Suspend = new(true)
	}
	if !rarely(t, "never ran", 4) {
		c.Status.LastScheduleTime = new(Past(t, "last run", Epoch()))
	}
	if rarely(t, "succeeded before", 3) {
		c.Status.LastSuccessfulTime = new(Past(t, "last success", Epoch()))
	}
	if rarely(t, "edited", 4) {
		c.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate, Time: new(Past(t, "edit", Epoch())),
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:schedule":{}}}`),
		}}
	}
	if rarely(t, "deleted", 10) {
		c.DeletionTimestamp, c.Finalizers = new(Past(t, "deletion", Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	return c
}

// drawScheduledJob draws a Job of one of the last minutes, now and then of the next, or one that a person made.
func drawScheduledJob(t *rapid.T, meta Metadata, i int, c *batchv1.CronJob) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: meta.Draw(t, "by-hand", i), Spec: *c.Spec.JobTemplate.Spec.DeepCopy()}
	if !rarely(t, "by hand", 6) {
		run := Past(t, "run", meta.Now)
		if rarely(t, "clock went back", 12) {
			run = metav1.NewTime(meta.Now.Add(pick(t, "by", time.Second, time.Minute)))
		} else if last := c.Status.LastScheduleTime; last != nil && !rarely(t, "newer", 6) && run.After(last.Time) {
			run = *last
		}
		j.Name = fmt.Sprintf("tick-%d", run.Unix()/60)
		if !rarely(t, "old", 6) {
			j.Annotations = map[string]string{batchv1.CronJobScheduledTimestampAnnotation: run.UTC().Format(time.RFC3339)}
		}
	} else if rapid.Bool().Draw(t, "by kubectl") {
		j.Name = pick(t, "name", j.Name, fmt.Sprintf("tick-%d", i+1), fmt.Sprintf("tick-%d", Past(t, "minute", meta.Now).Unix()/60))
		j.Annotations = map[string]string{byHand: "manual"}
	} else if rapid.Bool().Draw(t, "numbered") {
		j.Name = fmt.Sprintf("tick-%d", i+1)
	}
	if rapid.Bool().Draw(t, "started") {
		j.Status.StartTime = new(Past(t, "start", meta.Now))
	}
	switch pick(t, "ending", "", "complete", "failed", "complete") {
	case "complete":
		j.Status.CompletionTime = new(Past(t, "completion", meta.Now))
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	case "failed":
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
	}
	return j
}

// byHand is the annotation of what "kubectl create job --from" makes.
const byHand = "cronjob.kubernetes.io/instantiate"

func referenceTo(j *batchv1.Job) corev1.ObjectReference {
	return corev1.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: j.Namespace, Name: j.Name, UID: j.UID, ResourceVersion: j.ResourceVersion}
}

func isUnfinished(j *batchv1.Job) bool { return endingOf(j) == "" }

func endingOf(j *batchv1.Job) batchv1.JobConditionType {
	for _, c := range j.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return c.Type
		}
	}
	return ""
}

func breakCronJob(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(cronjob.Policy)
	c := s.Workload.(*batchv1.CronJob).DeepCopy()
	s.Workload = c
	spec := &c.Spec
	breaks := map[string]func(){
		"cronJob":                         func() { s.Workload = nil },
		"metadata.name":                   func() { c.UID, c.Name = "", strings.Repeat("x", 53) },
		"spec.schedule":                   func() { spec.Schedule = pick(t, "schedule", "", "60 * * * *", "TZ=x", "0 0 * * 7", "@often") },
		"spec.timeZone":                   func() { spec.TimeZone = pick(t, "zone", new(""), new("Local"), new("Mars/Phobos"), new("../x")) },
		"spec.startingDeadlineSeconds":    func() { spec.StartingDeadlineSeconds = new(int64(-1)) },
		"spec.concurrencyPolicy":          func() { spec.ConcurrencyPolicy = "Sometimes" },
		"spec.successfulJobsHistoryLimit": func() { spec.SuccessfulJobsHistoryLimit = new(int32(-1)) },
		"spec.failedJobsHistoryLimit":     func() { spec.FailedJobsHistoryLimit = new(int32(-1)) },
		"spec.jobTemplate.spec.selector":  func() { spec.JobTemplate.Spec.Selector = &metav1.LabelSelector{} },
		"spec.jobTemplate.spec.template.spec.restartPolicy": func() {
			spec.JobTemplate.Spec.Template.Spec.RestartPolicy = pick(t, "restartPolicy", "", corev1.RestartPolicyAlways)
		},
		"policy.daylightSaving":   func() { policy.DaylightSaving = "Never" },
		"policy.owner.apiVersion": func() { policy.Owner = metav1.TypeMeta{Kind: "Chime"} },
		"policy.owner.kind":       func() { policy.Owner = metav1.TypeMeta{APIVersion: "example.com/v1"} },
	}
	wrong := pick(t, "wrong", slices.Sorted(maps.Keys(breaks))...)
	breaks[wrong]()
	s.Policy = policy
	return s, wrong
}

func defaultCronJob(obj plan.Object) plan.Object {
	c := obj.(*batchv1.CronJob).DeepCopy()
	c.Spec.ConcurrencyPolicy = cmp.Or(c.Spec.ConcurrencyPolicy, batchv1.AllowConcurrent)
	c.Spec.Suspend = cmp.Or(c.Spec.Suspend, new(false))
	c.Spec.SuccessfulJobsHistoryLimit = cmp.Or(c.Spec.SuccessfulJobsHistoryLimit, new(int32(3)))
	c.Spec.FailedJobsHistoryLimit = cmp.Or(c.Spec.FailedJobsHistoryLimit, new(int32(1)))
	return c
}

// chime is what the formulas of a CronJob are about, counted in the plainest way.
type chime struct {
	cronJob  *batchv1.CronJob // with defaults
	jobs     []*batchv1.Job   // controlled
	names    map[string]bool  // of all Jobs of the namespace
	running  []*batchv1.Job   // controlled, not finished, and on the list or made for a run
	kept     map[batchv1.JobConditionType]int
	lastRun  time.Time // of the status, or that of a Job
	complete time.Time
}

func countChime(s Snapshot) chime {
	c := chime{
		cronJob: defaultCronJob(s.Workload).(*batchv1.CronJob),
		names:   map[string]bool{},
		kept:    map[batchv1.JobConditionType]int{},
	}
	if last := c.cronJob.Status.LastScheduleTime; last != nil {
		c.lastRun = last.Time
	}
	if last := c.cronJob.Status.LastSuccessfulTime; last != nil {
		c.complete = last.Time
	}
	for _, j := range All[*batchv1.Job](s.consistent()) {
		if j.Namespace != c.cronJob.Namespace {
			continue
		}
		c.names[j.Name] = true
		if s.controls(j) && metav1.GetControllerOf(j).Kind == c.cronJob.Kind {
			c.add(j, s.Now)
		}
	}
	return c
}

func (c *chime) add(j *batchv1.Job, now time.Time) {
	c.jobs = append(c.jobs, j)
	run, scheduled := runOf(c.cronJob, j)
	if scheduled && !run.After(now) && run.After(c.lastRun) {
		c.lastRun = run
	}
	how := endingOf(j)
	if how == "" && (scheduled || c.lists(j.UID)) {
		c.running = append(c.running, j)
	}
	if how != "" && j.DeletionTimestamp == nil && !(scheduled && run.After(now) && run.After(c.lastRun)) {
		c.kept[how]++
	}
	if at := j.Status.CompletionTime; how == batchv1.JobComplete && at != nil && at.After(c.complete) {
		c.complete = at.Time
	}
}

func (c *chime) lists(uid types.UID) bool {
	return slices.ContainsFunc(c.cronJob.Status.Active, func(ref corev1.ObjectReference) bool { return ref.UID == uid })
}

// runOf reads the run of a Job from its name and annotation. What a person made has none, whatever number its name ends in: it bears
// kubectl's annotation, or none and a minute from before the CronJob was created.
func runOf(c *batchv1.CronJob, j *batchv1.Job) (time.Time, bool) {
	digits, ok := strings.CutPrefix(j.Name, c.Name+"-")
	minute, err := strconv.ParseInt(digits, 10, 64)
	run := time.Unix(minute*60, 0)
	if !ok || err != nil {
		return time.Time{}, false
	}
	if at, err := time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation]); err == nil && at.Truncate(time.Minute).Equal(run) {
		return at, true
	}
	return run, j.Annotations[byHand] == "" && !run.Before(c.CreationTimestamp.Truncate(time.Minute))
}

// due is the run that is due and may start, zero if there is none.
func (c *chime) due(s Snapshot) time.Time {
	if *c.cronJob.Spec.Suspend || c.cronJob.DeletionTimestamp != nil {
		return time.Time{}
	}
	anchor := c.lastRun
	if anchor.IsZero() {
		anchor = c.cronJob.CreationTimestamp.Time
	}
	zone, _ := time.LoadLocation(cronjob.TimeZone(c.cronJob))
	tables := timetables()
	at := slices.IndexFunc(tables, func(tt timetable) bool { return tt.text == c.cronJob.Spec.Schedule })
	run := tables[at].latest(anchor, s.Now, zone)
	window := c.cronJob.Spec.StartingDeadlineSeconds
	edited := c.cronJob.ManagedFields
	switch {
	case run.IsZero(),
		window != nil && *window < 1<<30 && !s.Now.Before(run.Add(time.Duration(*window)*time.Second)),
		s.Policy.(cronjob.Policy).SkipRunsBeforeEdit && len(edited) > 0 && edited[0].Time.After(run),
		c.names[fmt.Sprintf("tick-%d", run.Unix()/60)],
		c.cronJob.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent && len(c.running) > 0:
		return time.Time{}
	}
	return run
}

// cronJobStep: whatever part of a plan is carried out, a Job is only created for a run that was not started before, with Forbid and
// Replace only when no other is at work, and lastScheduleTime never goes back.
func cronJobStep(before, after Snapshot) error {
	b, a := countChime(before), countChime(after)
	had := map[types.UID]bool{}
	for _, j := range b.jobs {
		had[j.UID] = true
	}
	for _, j := range a.jobs {
		if had[j.UID] {
			continue
		}
		run, scheduled := runOf(a.cronJob, j)
		switch {
		case !scheduled:
			return fmt.Errorf("%s is created, which is of no run", j.Name)
		case !run.After(b.lastRun) && !b.lastRun.IsZero():
			return fmt.Errorf("%s is created, for a run that is not after the last, %s", j.Name, b.lastRun)
		case run.After(before.Now):
			return fmt.Errorf("%s is created before its time", j.Name)
		}
	}
	if a.cronJob.Spec.ConcurrencyPolicy != batchv1.AllowConcurrent {
		if has, most := atWork(a), max(1, atWork(b)); has > most {
			return fmt.Errorf("%d Jobs are at work, and %d were", has, atWork(b))
		}
	}
	was, is := b.cronJob.Status.LastScheduleTime, a.cronJob.Status.LastScheduleTime
	if was != nil && (is == nil || is.Before(was)) {
		return fmt.Errorf("lastScheduleTime goes back from %s to %s", was, is)
	}
	return nil
}

// atWork is how many Jobs run. Those that Replace has deleted may take their time.
func atWork(c chime) int {
	working := 0
	for _, j := range c.running {
		if j.DeletionTimestamp == nil || c.cronJob.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent {
			working++
		}
	}
	return working
}

// cronJobPlan: the Job of the run that is due is created, and no other; with Replace what runs is deleted, before it; of the history the
// oldest beyond the limits; and the status is what is there.
func cronJobPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	c := countChime(s)
	run, created := c.due(s), ""
	deleted := map[types.UID]bool{}
	for _, a := range answer.Actions {
		switch a := a.(type) {
		case plan.Create:
			created += a.Object.GetName()
		case plan.Delete:
			if j := find[*batchv1.Job](s, a.Object.UID); created != "" && isUnfinished(j) {
				return fmt.Errorf("%s is deleted after the creation", j.Name)
			}
			deleted[a.Object.UID] = true
		}
	}
	want := ""
	if !run.IsZero() {
		want = fmt.Sprintf("tick-%d", run.Unix()/60)
	}
	if created != want {
		return fmt.Errorf("%q is created, not %q", created, want)
	}
	if err := c.compareDeletions(deleted, !run.IsZero()); err != nil {
		return err
	}
	return c.compareStatus(answer.Whole.(*cronjob.Result).Status)
}

func find[T plan.Object](s Snapshot, uid types.UID) (found T) {
	for _, obj := range All[T](s.consistent()) {
		if obj.GetUID() == uid {
			return obj
		}
	}
	return found
}

func (c *chime) compareDeletions(deleted map[types.UID]bool, starts bool) error {
	replaces := starts && c.cronJob.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent
	gone := map[batchv1.JobConditionType]int{}
	for _, j := range c.jobs {
		how := endingOf(j)
		if deleted[j.UID] {
			gone[how]++
		}
		if how == "" && deleted[j.UID] != (replaces && j.DeletionTimestamp == nil && slices.Contains(c.running, j)) {
			return fmt.Errorf("%s, which runs, is deleted: %v", j.Name, deleted[j.UID])
		}
	}
	for how, limit := range c.limits() {
		if want := max(0, c.kept[how]-limit); gone[how] != want && c.cronJob.DeletionTimestamp == nil {
			return fmt.Errorf("%d Jobs that are %s are deleted, not %d", gone[how], how, want)
		}
	}
	return nil
}

func (c *chime) limits() map[batchv1.JobConditionType]int {
	return map[batchv1.JobConditionType]int{
		batchv1.JobComplete: int(*c.cronJob.Spec.SuccessfulJobsHistoryLimit),
		batchv1.JobFailed:   int(*c.cronJob.Spec.FailedJobsHistoryLimit),
	}
}

// compareStatus compares a status with what is there.
func (c *chime) compareStatus(got batchv1.CronJobStatus) error {
	var want, has []types.UID
	for _, j := range c.running {
		want = append(want, j.UID)
	}
	for _, ref := range got.Active {
		has = append(has, ref.UID)
	}
	slices.Sort(want)
	slices.Sort(has)
	if !slices.Equal(want, has) {
		return fmt.Errorf("active are %v, the status says %v", want, has)
	}
	if !sameTime(c.lastRun, got.LastScheduleTime) || !sameTime(c.complete, got.LastSuccessfulTime) {
		return fmt.Errorf("the last run was at %s, the last success at %s; the status says %s and %s", c.lastRun, c.complete, got.LastScheduleTime, got.LastSuccessfulTime)
	}
	return nil
}

func sameTime(want time.Time, got *metav1.Time) bool {
	return got == nil && want.IsZero() || got != nil && want.Equal(got.Time)
}

// cronJobGoal: nothing is due, the history is within its limits, and the status says so. A CronJob that rests between two runs is
// where it should be.
func cronJobGoal(s Snapshot) error {
	c := countChime(s)
	switch {
	case c.cronJob.DeletionTimestamp != nil:
		return errors.New("the CronJob is being deleted")
	case *c.cronJob.Spec.Suspend:
		return errors.New("the CronJob is suspended")
	case c.cronJob.Spec.Schedule == "0 0 31 2 *":
		return errors.New("the CronJob is never due")
	case !c.due(s).IsZero():
		return fmt.Errorf("the run of %s is due", c.due(s))
	}
	for how, limit := range c.limits() {
		if c.kept[how] > limit {
			return fmt.Errorf("%d Jobs that are %s, %d are kept", c.kept[how], how, limit)
		}
	}
	return c.compareStatus(c.cronJob.Status)
}
