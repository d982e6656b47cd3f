package cronjob_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

// clock is a time on Friday, 2 January 2026, in UTC.
func clock(hhmmss string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-01-02 "+hhmmss)
	if err != nil {
		panic(err)
	}
	return t
}

// hello is due every five minutes and last ran at 10:00.
func hello(mutate ...func(*batchv1.CronJob)) *batchv1.CronJob {
	last := metav1.NewTime(clock("10:00:00"))
	c := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "hello", UID: "hello", Generation: 1, ResourceVersion: "10",
			CreationTimestamp: metav1.NewTime(clock("08:59:00")),
		},
		Spec: batchv1.CronJobSpec{
			Schedule: "*/5 * * * *",
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      map[string]string{"app": "hello"},
					Annotations: map[string]string{"note": "x"},
					Finalizers:  []string{"example.com/not-copied"},
				},
				Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyOnFailure,
					Containers:    []corev1.Container{{Name: "hello", Image: "busybox"}},
				}}},
			},
		},
		Status: batchv1.CronJobStatus{LastScheduleTime: &last},
	}
	for _, m := range mutate {
		m(c)
	}
	return c
}

func schedule(text string) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) { c.Spec.Schedule = text }
}

func lastRun(at string) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) { c.Status.LastScheduleTime = &metav1.Time{Time: clock(at)} }
}

func neverRun(c *batchv1.CronJob) { c.Status.LastScheduleTime = nil }

func concurrency(policy batchv1.ConcurrencyPolicy) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) { c.Spec.ConcurrencyPolicy = policy }
}

func deadline(seconds int64) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) { c.Spec.StartingDeadlineSeconds = &seconds }
}

func history(successful, failed int32) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) {
		c.Spec.SuccessfulJobsHistoryLimit, c.Spec.FailedJobsHistoryLimit = &successful, &failed
	}
}

func zone(name string) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) { c.Spec.TimeZone = &name }
}

func suspended(c *batchv1.CronJob) { yes := true; c.Spec.Suspend = &yes }

func active(jobs ...*batchv1.Job) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) {
		for _, j := range jobs {
			c.Status.Active = append(c.Status.Active, corev1.ObjectReference{
				APIVersion: "batch/v1", Kind: "Job", Namespace: j.Namespace, Name: j.Name, UID: j.UID, ResourceVersion: "7",
			})
		}
	}
}

func editedAt(at, fields string) func(*batchv1.CronJob) {
	return func(c *batchv1.CronJob) {
		c.ManagedFields = append(c.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate,
			Time: &metav1.Time{Time: clock(at)}, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
		})
	}
}

const scheduleField = `{"f:spec":{"f:schedule":{}}}`

// job is hello's Job of a run, and has not finished.
func job(run string, mutate ...func(*batchv1.Job)) *batchv1.Job {
	controller := true
	at := clock(run)
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: fmt.Sprintf("hello-%d", at.Unix()/60), UID: types.UID("job-" + run), ResourceVersion: "7",
		Annotations:     map[string]string{"batch.kubernetes.io/cronjob-scheduled-timestamp": at.Format(time.RFC3339)},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "hello", UID: "hello", Controller: &controller}},
	}}
	j.Status.StartTime = &metav1.Time{Time: at}
	for _, m := range mutate {
		m(j)
	}
	return j
}

func named(name string) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Name, j.Annotations = name, nil }
}

// byKubectl makes it one of "kubectl create job --from".
func byKubectl(j *batchv1.Job) {
	j.Annotations = map[string]string{"note": "x", "cronjob.kubernetes.io/instantiate": "manual"}
}

func version(v string) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.ResourceVersion = v }
}

func complete(at string) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Status.CompletionTime = &metav1.Time{Time: clock(at)}
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionFalse}, {Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	}
}

func failed(j *batchv1.Job) {
	j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
}

func deleting(j *batchv1.Job)      { j.DeletionTimestamp = &metav1.Time{Time: clock("10:01:00")} }
func elsewhere(j *batchv1.Job)     { j.Namespace = "other" }
func ofNobody(j *batchv1.Job)      { j.OwnerReferences = nil }
func ofPredecessor(j *batchv1.Job) { j.OwnerReferences[0].UID = "an older hello" }
func neverStarted(j *batchv1.Job)  { j.Status.StartTime = nil }
func unannotated(j *batchv1.Job)   { j.Annotations = nil }
func mistaken(j *batchv1.Job) {
	j.Annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = "2099-01-01T00:00:00Z"
}

// created is the outcome of a creation, as far as it was answered.
func created(sent, reply *batchv1.Job, err *metav1.Status) plan.Outcome {
	o := plan.Outcome{Action: plan.Create{Object: sent}, Err: err, At: clock("10:04:59")}
	if reply != nil {
		o.Reply = reply
	}
	return o
}

func unsent(j *batchv1.Job) { j.UID, j.ResourceVersion = "", "" }

func TestPlan(t *testing.T) {
	done := func(run string) *batchv1.Job { return job(run, complete(run[:6]+"30")) }
	terminating := &metav1.Status{Reason: metav1.StatusReasonForbidden, Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}}
	const (
		next   = "wait for Schedule of CronJob default/hello until 2026-01-02T10:10:00Z: the next run is due"
		create = "create Job default/hello-29455805"
		status = "update-status CronJob default/hello: "
	)
	for _, tc := range []struct {
		name    string
		cronJob *batchv1.CronJob
		now     string
		jobs    []*batchv1.Job
		pending plan.Pending
		policy  cronjob.Policy
		want    []string // actions
		events  []string
		wake    string
	}{
		{name: "nothing is due", cronJob: hello(), now: "10:04:59",
			want: []string{"wait for Schedule of CronJob default/hello until 2026-01-02T10:05:00Z: the next run is due"}, wake: "10:05:00"},
		{name: "a run is due", cronJob: hello(), now: "10:05:00", want: []string{create, next}, wake: "10:10:00"},
		{name: "a run is late", cronJob: hello(), now: "10:09:59", want: []string{create, next}, wake: "10:10:00"},
		{name: "only the last of several missed runs starts", cronJob: hello(lastRun("09:00:00")), now: "10:05:01", want: []string{create, next}, wake: "10:10:00"},
		{name: "without a run the creation counts", cronJob: hello(neverRun, schedule("58 * * * *")), now: "10:05:00",
			want: []string{"create Job default/hello-29455798", "wait for Schedule of CronJob default/hello until 2026-01-02T10:58:00Z: the next run is due"}, wake: "10:58:00"},
		{name: "nothing from before the creation is missed", cronJob: hello(neverRun, schedule("58 8 * * *")), now: "10:05:00",
			want: []string{"wait for Schedule of CronJob default/hello until 2026-01-03T08:58:00Z: the next run is due"}, wake: "2026-01-03 08:58:00"},
		{name: "an irregular schedule misses its last run too", cronJob: hello(lastRun("09:00:00"), schedule("*/10 9-17 * * 1-5")), now: "10:09:00",
			want: []string{"create Job default/hello-29455800", next}, wake: "10:10:00"},
		{name: "more than 100 runs were missed", cronJob: hello(lastRun("01:39:00")), now: "10:05:01", want: []string{create, next}, wake: "10:10:00",
			events: []string{"Warning TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"}},
		{name: "100 runs are not too many", cronJob: hello(lastRun("01:45:00")), now: "10:05:01", want: []string{create, next}, wake: "10:10:00"},
		{name: "those beyond the deadline do not count", cronJob: hello(lastRun("01:00:00"), deadline(30000)), now: "10:05:01", want: []string{create, next}, wake: "10:10:00"},
		{name: "an interval counts from the last run", cronJob: hello(lastRun("10:00:07"), schedule("@every 2m")), now: "10:05:00",
			want: []string{"create Job default/hello-29455804", "wait for Schedule of CronJob default/hello until 2026-01-02T10:06:07Z: the next run is due"}, wake: "10:06:07"},
		{name: "an interval that is longer than the deadline", cronJob: hello(lastRun("09:05:00"), schedule("@every 1h"), deadline(3599)), now: "10:05:00",
			want: []string{create, "wait for Schedule of CronJob default/hello until 2026-01-02T11:05:00Z: the next run is due"}, wake: "11:05:00"},
		{name: "the second run of a minute has its Job already", cronJob: hello(lastRun("10:04:00"), schedule("@every 30s")), now: "10:04:30", jobs: []*batchv1.Job{done("10:04:00")},
			want: []string{status + "status.lastSuccessfulTime none -> 2026-01-02T10:04:30Z", "wait for Schedule of CronJob default/hello until 2026-01-02T10:05:00Z: the next run is due"}, wake: "10:05:00"},

		{name: "just within the deadline", cronJob: hello(deadline(60)), now: "10:05:59", want: []string{create, next}, wake: "10:10:00"},
		{name: "past the deadline", cronJob: hello(deadline(60)), now: "10:06:00", want: []string{next}, wake: "10:10:00",
			events: []string{"Warning MissSchedule: Missed scheduled time to start a job: Fri, 02 Jan 2026 10:05:00 +0000"}},
		{name: "a deadline that nothing can keep", cronJob: hello(deadline(0)), now: "10:05:00", want: []string{"wait for Person of CronJob default/hello: no run can start within startingDeadlineSeconds 0"},
			events: []string{"Warning MissSchedule: Missed scheduled time to start a job: Fri, 02 Jan 2026 10:05:00 +0000"}},
		{name: "a deadline beyond all time", cronJob: hello(deadline(1 << 62)), now: "10:05:01", want: []string{create, next}, wake: "10:10:00"},

		{name: "suspended", cronJob: hello(suspended), now: "10:05:00", want: []string{"wait for Person of CronJob default/hello: the CronJob is suspended"}},
		{name: "never due", cronJob: hello(schedule("0 0 31 2 *")), now: "10:05:00", want: []string{`wait for Person of CronJob default/hello: the schedule "0 0 31 2 *" is never due`},
			events: []string{"Warning InvalidSchedule: invalid schedule: 0 0 31 2 * : it is never due"}},
		{name: "a time zone", cronJob: hello(zone("Europe/Berlin"), schedule("5 11 * * *")), now: "10:05:00",
			want: []string{create, "wait for Schedule of CronJob default/hello until 2026-01-03T10:05:00Z: the next run is due"}, wake: "2026-01-03 10:05:00"},
		{name: "a time zone in a schedule of old", cronJob: hello(schedule("CRON_TZ=Europe/Berlin 5 11 * * *")), now: "10:05:00",
			want:   []string{create, "wait for Schedule of CronJob default/hello until 2026-01-03T10:05:00Z: the next run is due"},
			events: []string{`Warning UnsupportedSchedule: CRON_TZ or TZ used in schedule "CRON_TZ=Europe/Berlin 5 11 * * *" is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`},
			wake:   "2026-01-03 10:05:00"},
		{name: "being deleted", cronJob: hello(func(c *batchv1.CronJob) { c.DeletionTimestamp = &metav1.Time{Time: clock("10:01:00")} }, history(0, 0)), now: "10:05:00", jobs: []*batchv1.Job{done("10:00:00")},
			want: []string{status + "status.lastSuccessfulTime none -> 2026-01-02T10:00:30Z", "wait for Deletion of CronJob default/hello: the CronJob is being deleted"}},

		{name: "Allow starts beside a Job that runs", cronJob: hello(active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00")}, want: []string{create, next}, wake: "10:10:00"},
		{name: "Forbid waits for a Job that runs", cronJob: hello(concurrency("Forbid"), deadline(90), active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00")},
			want:   []string{"wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455800, nor at all from 2026-01-02T10:06:30Z on"},
			events: []string{"Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid"}},
		{name: "Forbid does not wake for a run that a Job keeps from starting", cronJob: hello(concurrency("Forbid"), active(job("10:00:00"))), now: "10:04:00", jobs: []*batchv1.Job{job("10:00:00")},
			want: []string{"wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455800"}},
		{name: "Forbid waits for a Job that is being deleted", cronJob: hello(concurrency("Forbid"), active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00", deleting)},
			want:   []string{"wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455800"},
			events: []string{"Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid"}},
		{name: "Forbid waits for a Job that is not on the list", cronJob: hello(concurrency("Forbid")), now: "10:05:00", jobs: []*batchv1.Job{job("09:55:00")},
			want:   []string{status + "status.active", "wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455795"},
			events: []string{"Warning UnexpectedJob: Saw a job that the controller did not create or forgot: hello-29455795", "Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid"}},
		{name: "Forbid does not mind a Job that a person made", cronJob: hello(concurrency("Forbid")), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00", named("hello-by-hand"))},
			want: []string{create, next}, wake: "10:10:00",
			events: []string{"Warning UnexpectedJob: Saw a job that the controller did not create or forgot: hello-by-hand"}},
		{name: "nor one whose name ends in a number", cronJob: hello(concurrency("Forbid"), neverRun, schedule("0 3 * * *")), now: "10:05:00", jobs: []*batchv1.Job{job("09:30:00", named("hello-1"))},
			want: []string{"wait for Schedule of CronJob default/hello until 2026-01-03T03:00:00Z: the next run is due"}, wake: "2026-01-03 03:00:00",
			events: []string{"Warning UnexpectedJob: Saw a job that the controller did not create or forgot: hello-1"}},
		{name: "nor one that kubectl made, whatever its name", cronJob: hello(concurrency("Replace")), now: "10:05:00", jobs: []*batchv1.Job{job("10:01:00", byKubectl)},
			want: []string{create, next}, wake: "10:10:00",
			events: []string{"Warning UnexpectedJob: Saw a job that the controller did not create or forgot: hello-29455801"}},
		{name: "a Job that a person made has the name of the run", cronJob: hello(), now: "10:05:00", jobs: []*batchv1.Job{job("10:05:00", byKubectl, failed)},
			want: []string{"wait for Person of CronJob default/hello: the run of 2026-01-02T10:05:00Z does not start: a person has made a Job hello-29455805", next}, wake: "10:10:00"},
		{name: "a template may hold what kubectl writes", cronJob: hello(), now: "10:05:01", jobs: []*batchv1.Job{job("10:05:00", failed, func(j *batchv1.Job) { j.Annotations["cronjob.kubernetes.io/instantiate"] = "manual" })},
			want: []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00"},
		{name: "Replace deletes before it creates", cronJob: hello(concurrency("Replace"), active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00")},
			want: []string{"delete Job default/hello-29455800 (Background): replaced by the run that is due", create, next}, wake: "10:10:00"},
		{name: "Replace does not delete twice", cronJob: hello(concurrency("Replace"), active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00", deleting)},
			want: []string{create, next}, wake: "10:10:00"},
		{name: "Replace does not create beside what it may not delete", cronJob: hello(concurrency("Replace"), active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00")},
			pending: plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(job("10:00:00"))}, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: clock("10:04:00")}}},
			want: []string{"delete Job default/hello-29455800 (Background): replaced by the run that is due",
				"wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455800, whose deletion was refused", next}, wake: "10:10:00"},
		{name: "Replace waits until it sees a Job go", cronJob: hello(concurrency("Replace"), active(job("10:00:00"))), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00")},
			pending: plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(job("10:00:00"))}, At: clock("10:04:00")}}},
			want: []string{"wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455800, which is not seen to go yet",
				"wait for Answer of CronJob default/hello until 2026-01-02T10:09:00Z: a change was issued, and the view does not show it yet"}, wake: "10:09:00"},
		{name: "Replace leaves a successor of the same name alone", cronJob: hello(concurrency("Replace"), active(job("10:00:00"))), now: "10:05:00",
			jobs: []*batchv1.Job{job("10:00:00", ofPredecessor, func(j *batchv1.Job) { j.UID = "another" })},
			want: []string{status + "status.active", create, next}, wake: "10:10:00",
			events: []string{"Normal MissingJob: Active job went missing: hello-29455800"}},

		{name: "a new Job joins the list", cronJob: hello(), now: "10:05:01", jobs: []*batchv1.Job{job("10:05:00")},
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:05:00", unsent), job("10:05:00"), nil)}},
			want:    []string{status + "status.active, status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00"},
		{name: "a new Job that the view does not show joins the list", cronJob: hello(), now: "10:05:01",
			pending: plan.Pending{Seen: map[string]string{"Job": "6"}, Outcomes: []plan.Outcome{created(job("10:05:00", unsent), job("10:05:00"), nil)}},
			want:    []string{status + "status.active, status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00"},
		{name: "a new Job that came and went has run", cronJob: hello(), now: "10:05:01",
			pending: plan.Pending{Seen: map[string]string{"Job": "9"}, Outcomes: []plan.Outcome{created(job("10:05:00", unsent), job("10:05:00"), nil)}},
			want:    []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00"},
		{name: "and has run, although the clock has gone back", cronJob: hello(), now: "10:04:58",
			pending: plan.Pending{Seen: map[string]string{"Job": "9"}, Outcomes: []plan.Outcome{created(job("10:05:00", unsent), job("10:05:00"), nil)}},
			want:    []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00"},
		{name: "the clock has gone back, and a Job that cannot be recorded stays", cronJob: hello(history(0, 0)), now: "10:04:58", jobs: []*batchv1.Job{job("10:05:00", failed), job("10:00:00", failed)},
			want: []string{"delete Job default/hello-29455800 (Background): 1 failed Jobs, 0 kept", next}, wake: "10:05:00"},
		{name: "until it can", cronJob: hello(history(0, 0)), now: "10:05:00", jobs: []*batchv1.Job{job("10:05:00", failed)},
			want: []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", "delete Job default/hello-29455805 (Background): 1 failed Jobs, 0 kept", next}, wake: "10:10:00"},
		{name: "a Job that was forgotten in a crash joins the list", cronJob: hello(), now: "10:05:01", jobs: []*batchv1.Job{job("10:05:00")},
			want: []string{status + "status.active, status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00",
			events: []string{"Warning UnexpectedJob: Saw a job that the controller did not create or forgot: hello-29455805"}},
		{name: "a Job without the annotation ran at its minute", cronJob: hello(), now: "10:05:01", jobs: []*batchv1.Job{job("10:05:00", unannotated, complete("10:05:01"))},
			want: []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z, status.lastSuccessfulTime none -> 2026-01-02T10:05:01Z", next}, wake: "10:10:00"},
		{name: "a mistaken annotation does not count", cronJob: hello(), now: "10:05:01", jobs: []*batchv1.Job{job("10:05:00", mistaken, failed)},
			want: []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z", next}, wake: "10:10:00"},
		{name: "a Job of a run to come does not count", cronJob: hello(), now: "10:05:01", jobs: []*batchv1.Job{job("10:08:00", failed)}, want: []string{create, next}, wake: "10:08:00"},
		{name: "lastScheduleTime does not go back", cronJob: hello(), now: "10:04:00", jobs: []*batchv1.Job{job("09:55:00", failed)},
			want: []string{"wait for Schedule of CronJob default/hello until 2026-01-02T10:05:00Z: the next run is due"}, wake: "10:05:00"},
		{name: "finished Jobs leave the list", cronJob: hello(active(job("10:00:00"), job("09:55:00"))), now: "10:04:00", jobs: []*batchv1.Job{done("10:00:00"), job("09:55:00", failed)},
			want: []string{status + "status.active, status.lastSuccessfulTime none -> 2026-01-02T10:00:30Z", "wait for Schedule of CronJob default/hello until 2026-01-02T10:05:00Z: the next run is due"}, wake: "10:05:00",
			events: []string{"Normal SawCompletedJob: Saw completed job: hello-29455800, condition: Complete", "Normal SawCompletedJob: Saw completed job: hello-29455795, condition: Failed"}},
		{name: "missing Jobs leave the list", cronJob: hello(concurrency("Forbid"), active(job("10:00:00"))), now: "10:05:00", pending: plan.Pending{Seen: map[string]string{"Job": "7"}},
			want: []string{status + "status.active", create, next}, wake: "10:10:00", events: []string{"Normal MissingJob: Active job went missing: hello-29455800"}},
		{name: "a Job that the plan before deleted is not missing", cronJob: hello(active(job("10:00:00"))), now: "10:05:00",
			pending: plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(job("10:00:00"))}, At: clock("10:04:00")}}},
			want:    []string{status + "status.active", create, next}, wake: "10:10:00"},
		{name: "a Job that is newer than the view is not missing", cronJob: hello(concurrency("Forbid"), active(job("10:00:00"))), now: "10:05:00", pending: plan.Pending{Seen: map[string]string{"Job": "6"}},
			want:   []string{"wait for JobFinished of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455800"},
			events: []string{"Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid"}},
		{name: "unless the view shows a newer one", cronJob: hello(concurrency("Forbid"), active(job("10:00:00"))), now: "10:05:00", pending: plan.Pending{Seen: map[string]string{"Job": "6"}},
			jobs: []*batchv1.Job{nil, job("09:50:00", elsewhere, version("5")), job("09:55:00", failed, version("8"))},
			want: []string{status + "status.active", create, next}, wake: "10:10:00", events: []string{"Normal MissingJob: Active job went missing: hello-29455800"}},
		{name: "strangers are left alone", cronJob: hello(history(0, 0)), now: "10:05:00",
			jobs: []*batchv1.Job{job("09:00:00", ofNobody), job("09:05:00", ofPredecessor, failed), job("09:10:00", elsewhere), nil},
			want: []string{create, next}, wake: "10:10:00"},
		{name: "a stranger bears the name", cronJob: hello(), now: "10:05:00", jobs: []*batchv1.Job{job("10:05:00", ofNobody)},
			want: []string{"wait for Person of CronJob default/hello: the run of 2026-01-02T10:05:00Z does not start: the Job hello-29455805 exists and is not controlled by the CronJob", next}, wake: "10:10:00"},
		{name: "a stranger bears the name of the next run", cronJob: hello(), now: "10:04:00", jobs: []*batchv1.Job{job("10:05:00", ofNobody)}, want: []string{next}, wake: "10:10:00"},

		{name: "history beyond the default limits, oldest first", cronJob: hello(), now: "10:04:00",
			jobs: []*batchv1.Job{job("09:45:00", failed), job("09:40:00", failed), done("09:20:00"), job("09:30:00", complete("09:31:00"), neverStarted), done("09:10:00"), done("09:15:00"), done("09:25:00")},
			want: []string{status + "status.lastSuccessfulTime none -> 2026-01-02T09:31:00Z",
				"delete Job default/hello-29455750 (Background): 5 successful Jobs, 3 kept", "delete Job default/hello-29455755 (Background): 5 successful Jobs, 3 kept",
				"delete Job default/hello-29455780 (Background): 2 failed Jobs, 1 kept",
				"wait for Schedule of CronJob default/hello until 2026-01-02T10:05:00Z: the next run is due"}, wake: "10:05:00"},
		{name: "history limits of 0, before the run that is due", cronJob: hello(history(0, 0)), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00", failed)},
			want: []string{"delete Job default/hello-29455800 (Background): 1 failed Jobs, 0 kept", create, next}, wake: "10:10:00"},
		{name: "Jobs that are being deleted are not history", cronJob: hello(history(0, 1)), now: "10:04:00", jobs: []*batchv1.Job{job("10:00:00", failed), job("09:55:00", failed, deleting)},
			want: []string{"wait for Schedule of CronJob default/hello until 2026-01-02T10:05:00Z: the next run is due"}, wake: "10:05:00"},
		{name: "suspended CronJobs clean up", cronJob: hello(history(0, 0), suspended), now: "10:05:00", jobs: []*batchv1.Job{job("10:00:00", failed)},
			want: []string{"delete Job default/hello-29455800 (Background): 1 failed Jobs, 0 kept", "wait for Person of CronJob default/hello: the CronJob is suspended"}},
		{name: "a status write without an answer is made again before the history goes", cronJob: hello(history(0, 0)), now: "10:05:01", jobs: []*batchv1.Job{job("10:05:00", failed)},
			pending: plan.Pending{Outcomes: []plan.Outcome{{Action: plan.UpdateStatus{Before: hello(history(0, 0)), After: hello(history(0, 0), lastRun("10:05:00"))}, At: clock("10:05:00")}}},
			want: []string{status + "status.lastScheduleTime 2026-01-02T10:00:00Z -> 2026-01-02T10:05:00Z",
				"delete Job default/hello-29455805 (Background): 1 failed Jobs, 0 kept", next}, wake: "10:10:00"},
		{name: "a Job that nobody may delete delays no run", cronJob: hello(history(0, 0)), now: "10:05:00", jobs: []*batchv1.Job{job("09:50:00", failed), job("09:55:00", failed)},
			pending: plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(job("09:50:00"))}, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: clock("10:04:00")}}},
			want: []string{create, "delete Job default/hello-29455795 (Background): 2 failed Jobs, 0 kept",
				"delete Job default/hello-29455790 (Background): 2 failed Jobs, 0 kept", next}, wake: "10:10:00"},
		{name: "nor does a second, and a third is reached", cronJob: hello(history(0, 0)), now: "10:05:00", jobs: []*batchv1.Job{job("09:45:00", failed), job("09:50:00", failed), job("09:55:00", failed)},
			pending: plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(job("09:50:00"))}, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: clock("10:04:00")}}},
			want: []string{create, "delete Job default/hello-29455795 (Background): 3 failed Jobs, 0 kept",
				"delete Job default/hello-29455785 (Background): 3 failed Jobs, 0 kept",
				"delete Job default/hello-29455790 (Background): 3 failed Jobs, 0 kept", next}, wake: "10:10:00"},

		{name: "a creation without an answer counts as done", cronJob: hello(), now: "10:05:01",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:05:00", unsent), nil, nil)}},
			want:    []string{"wait for Answer of CronJob default/hello until 2026-01-02T10:09:59Z: the creation of hello-29455805 was not answered", next}, wake: "10:09:59"},
		{name: "and is given up", cronJob: hello(), now: "10:09:59",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:05:00", unsent), nil, nil)}}, want: []string{create, next}, wake: "10:10:00"},
		{name: "nothing may run beside it with Forbid", cronJob: hello(concurrency("Forbid")), now: "10:05:01",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:04:00", unsent), nil, nil)}},
			want:    []string{"wait for Answer of CronJob default/hello until 2026-01-02T10:09:59Z: the run of 2026-01-02T10:05:00Z may not start beside hello-29455804, whose creation was not answered", "wait for Schedule of CronJob default/hello until 2026-01-02T10:09:59Z: the next run can start"}, wake: "10:09:59"},
		{name: "nor with Replace, which cannot delete it", cronJob: hello(concurrency("Replace"), deadline(10)), now: "10:05:01",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:04:00", unsent), nil, nil)}},
			want:    []string{"wait for Answer of CronJob default/hello: the run of 2026-01-02T10:05:00Z may not start beside hello-29455804, whose creation was not answered", strings.Replace(next, "is due", "can start", 1)}, wake: "10:10:00"},
		{name: "the name is taken by what the view does not show", cronJob: hello(), now: "10:05:01",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:05:00", unsent), nil, &metav1.Status{Reason: metav1.StatusReasonAlreadyExists})}},
			want:    []string{"wait for Answer of CronJob default/hello: the run of 2026-01-02T10:05:00Z does not start: the Job hello-29455805 exists and the view does not show it", next}, wake: "10:10:00"},
		{name: "the namespace ends", cronJob: hello(), now: "10:05:01",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:05:00", unsent), nil, terminating)}},
			want:    []string{"wait for Namespace of CronJob default/hello: the run of 2026-01-02T10:05:00Z does not start: the namespace is being terminated", next}, wake: "10:10:00"},
		{name: "a quota refused it", cronJob: hello(), now: "10:05:01",
			pending: plan.Pending{Outcomes: []plan.Outcome{created(job("10:05:00", unsent), nil, &metav1.Status{Reason: metav1.StatusReasonForbidden})}},
			want:    []string{create, next}, wake: "10:10:00"},

		{name: "an edit starts what the new schedule would have started", cronJob: hello(lastRun("08:30:00"), schedule("15 9 * * *"), editedAt("10:04:00", scheduleField)), now: "10:05:00",
			want: []string{"create Job default/hello-29455755", "wait for Schedule of CronJob default/hello until 2026-01-03T09:15:00Z: the next run is due"}, wake: "2026-01-03 09:15:00",
			events: []string{"Normal PastRun: Starting the run of 2026-01-02T09:15:00Z: it was due before the CronJob was edited at 2026-01-02T10:04:00Z, and is the last that was missed"}},
		{name: "unless the policy forbids it", cronJob: hello(lastRun("08:30:00"), schedule("15 9 * * *"), editedAt("10:04:00", scheduleField)), now: "10:05:00", policy: cronjob.Policy{SkipRunsBeforeEdit: true},
			want: []string{"wait for Schedule of CronJob default/hello: the run of 2026-01-02T09:15:00Z does not start: it was due before the CronJob was edited at 2026-01-02T10:04:00Z",
				"wait for Schedule of CronJob default/hello until 2026-01-03T09:15:00Z: the next run is due"}, wake: "2026-01-03 09:15:00"},
		{name: "a run after the edit starts all the same", cronJob: hello(editedAt("10:05:00", scheduleField)), now: "10:05:00", policy: cronjob.Policy{SkipRunsBeforeEdit: true}, want: []string{create, next}, wake: "10:10:00"},
		{name: "an edit of anything else is no edit of the schedule", cronJob: hello(editedAt("10:06:00", `{"f:spec":{"f:suspend":{}}}`), editedAt("10:06:00", `not JSON`)), now: "10:07:00", policy: cronjob.Policy{SkipRunsBeforeEdit: true}, want: []string{create, next}, wake: "10:10:00"},
		{name: "an edit that only shows in the last run", cronJob: hello(lastRun("08:30:00"), schedule("15 9 * * *")), now: "10:05:00", policy: cronjob.Policy{SkipRunsBeforeEdit: true},
			want: []string{"create Job default/hello-29455755", "wait for Schedule of CronJob default/hello until 2026-01-03T09:15:00Z: the next run is due"}, wake: "2026-01-03 09:15:00",
			events: []string{"Normal PastRun: Starting the run of 2026-01-02T09:15:00Z: it is the last that was missed; the schedule was edited since the run of 2026-01-02T08:30:00Z, maybe after this run was due"}},
		{name: "a manifest counts as created now", cronJob: hello(neverRun, func(c *batchv1.CronJob) {
			c.ObjectMeta = metav1.ObjectMeta{Namespace: "default", Name: "hello"}
		}), now: "10:07:00", want: []string{next}, wake: "10:10:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			observed := cronjob.Observed{Now: clock(tc.now), Jobs: tc.jobs, Pending: tc.pending}
			if name := cronjob.TimeZone(tc.cronJob); name != "" {
				observed.Zone = load(t, name)
			}
			before := tc.cronJob.DeepCopy()
			result, err := cronjob.Plan(tc.cronJob, observed, tc.policy)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(result.Actions)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			var events []string
			for _, e := range result.Events {
				events = append(events, fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message))
			}
			if diff := cmp.Diff(tc.events, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			wake := ""
			if !result.Wake.IsZero() {
				wake = strings.TrimPrefix(result.Wake.Format(time.DateTime), "2026-01-02 ")
			}
			if want := tc.wake; wake != want {
				t.Errorf("wake at %q, want %q", wake, want)
			}
			if diff := cmp.Diff(before, tc.cronJob); diff != "" {
				t.Errorf("the CronJob was modified:\n%s", diff)
			}
			r := rand.New(rand.NewPCG(1, 2))
			r.Shuffle(len(observed.Jobs), func(i, j int) { observed.Jobs[i], observed.Jobs[j] = observed.Jobs[j], observed.Jobs[i] })
			again, err := cronjob.Plan(tc.cronJob, observed, tc.policy)
			if diff := cmp.Diff(result, again); diff != "" || err != nil {
				t.Errorf("another order, another plan: %v\n%s", err, diff)
			}
		})
	}
}

// The Job of a run came and went, and the status that is to tell of it cannot be written: the run does not start again.
func TestRunsOnce(t *testing.T) {
	c, now := hello(), clock("10:05:00")
	pending := plan.Pending{Seen: map[string]string{"Job": "90"}}
	conflict := &metav1.Status{Reason: metav1.StatusReasonConflict}
	for round := range 10 {
		result, err := cronjob.Plan(c, cronjob.Observed{Now: now, Pending: pending}, cronjob.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		pending = plan.Settle(pending, now)
		switch a := result.Actions[0].(type) {
		case plan.Create:
			if round > 0 {
				t.Fatalf("round %d: %s", round, a)
			}
			pending.Outcomes = append(pending.Outcomes, plan.Outcome{Action: a, Reply: job("10:05:00", version("100")), At: now})
		case plan.UpdateStatus:
			if round%3 > 0 { // else the host stops before it
				pending.Outcomes = append(pending.Outcomes, plan.Outcome{Action: a, Err: conflict, At: now})
			}
		default:
			t.Fatalf("round %d: %s", round, a)
		}
		pending.Seen = map[string]string{"Job": "110"} // the view has come past the Job, which is gone
		now = now.Add(20 * time.Second)
	}
}

// Nobody answered the creation, and the view shows no Job: with Forbid no other run starts until it is given up, however often the
// ledger is settled.
func TestForbidAfterALostAnswer(t *testing.T) {
	c, pending := hello(schedule("* * * * *"), lastRun("10:04:00"), concurrency("Forbid")), plan.Pending{Seen: map[string]string{"Job": "90"}}
	started := map[string]string{}
	for now := clock("10:05:00"); now.Before(clock("10:10:30")); now = now.Add(20 * time.Second) {
		result, err := cronjob.Plan(c, cronjob.Observed{Now: now, Pending: pending}, cronjob.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		pending = plan.Settle(pending, now)
		if create, ok := result.Actions[0].(plan.Create); ok {
			started[now.Format(time.TimeOnly)] = create.Object.GetName()
			pending.Outcomes = append(pending.Outcomes, plan.Outcome{Action: create, At: now})
		}
	}
	want := map[string]string{"10:05:00": "hello-29455805", "10:10:00": "hello-29455810"}
	if diff := cmp.Diff(want, started); diff != "" {
		t.Errorf("what starts, and when (-want +got):\n%s", diff)
	}
}

// Deletions that are refused for ever keep no run from starting, and nothing else from being deleted.
func TestManyRefused(t *testing.T) {
	jobs := []*batchv1.Job{job("09:40:00", failed), job("09:45:00", failed), job("09:50:00", failed), job("09:55:00", failed)}
	pending, reached := plan.Pending{}, map[string]int{}
	for round := range 6 {
		now := clock("10:05:00").Add(time.Duration(round) * time.Second)
		result, err := cronjob.Plan(hello(history(0, 0)), cronjob.Observed{Now: now, Jobs: jobs, Pending: pending}, cronjob.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		pending = plan.Settle(pending, now)
		for _, a := range result.Actions {
			if _, known := reached[a.Target().Name]; !known {
				reached[a.Target().Name] = round
			}
			if del, ok := a.(plan.Delete); ok {
				pending.Outcomes = append(pending.Outcomes, plan.Outcome{Action: del, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: now})
				break
			}
		}
	}
	want := map[string]int{"hello-29455780": 0, "hello-29455805": 1, "hello-29455785": 1, "hello-29455790": 2, "hello-29455795": 3}
	if diff := cmp.Diff(want, reached); diff != "" {
		t.Errorf("the round in which each is reached (-want +got):\n%s", diff)
	}
}

func lines(actions []plan.Action) []string {
	var lines []string
	for _, a := range actions {
		lines = append(lines, a.String())
	}
	return lines
}

func TestJobOfRun(t *testing.T) {
	observed := cronjob.Observed{Now: clock("10:05:03"), Zone: load(t, "Asia/Kolkata")}
	result, err := cronjob.Plan(hello(zone("Asia/Kolkata"), schedule("@every 2s")), observed, cronjob.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Chime"}})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   "default",
			Name:        "hello-29455805",
			Labels:      map[string]string{"app": "hello"},
			Annotations: map[string]string{"note": "x", "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-02T15:35:02+05:30"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "example.com/v1", Kind: "Chime", Name: "hello", UID: "hello", Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
		Spec: hello().Spec.JobTemplate.Spec,
	}
	if diff := cmp.Diff(want, result.Actions[0].(plan.Create).Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestActiveReference(t *testing.T) {
	result, err := cronjob.Plan(hello(), cronjob.Observed{Now: clock("10:05:03"), Jobs: []*batchv1.Job{job("10:05:00")}}, cronjob.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	want := []corev1.ObjectReference{{APIVersion: "batch/v1", Kind: "Job", Namespace: "default", Name: "hello-29455805", UID: "job-10:05:00", ResourceVersion: "7"}}
	if diff := cmp.Diff(want, result.Status.Active); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	written := result.Actions[0].(plan.UpdateStatus).After.(*batchv1.CronJob)
	if diff := cmp.Diff(result.Status, written.Status); diff != "" {
		t.Errorf("the status that is written differs:\n%s", diff)
	}
	written.Status.Active[0].Name = "changed by the host"
	if result.Status.Active[0].Name != "hello-29455805" {
		t.Error("the result shares memory with its action")
	}
}

func TestPlanRefuses(t *testing.T) {
	fresh := func(c *batchv1.CronJob) { c.UID = "" }
	for _, tc := range []struct {
		name    string
		cronJob *batchv1.CronJob
		zone    *time.Location
		policy  cronjob.Policy
		err     string
	}{
		{name: "nothing to plan", err: "cronJob: Required value"},
		{name: "no schedule", cronJob: hello(schedule("")), err: "spec.schedule: Required value"},
		{name: "a schedule that cannot be read", cronJob: hello(schedule("0 25 * * *")),
			err: `spec.schedule: Invalid value: "0 25 * * *": column 3, hour "25": 25 is above 23`},
		{name: "a time zone in a new schedule", cronJob: hello(fresh, schedule("TZ=UTC 0 5 * * *")),
			err: `spec.schedule: Invalid value: "TZ=UTC 0 5 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead`},
		{name: "a time zone without a schedule", cronJob: hello(schedule("TZ=UTC")),
			err: `spec.schedule: Invalid value: "TZ=UTC": behind the time zone: 0 fields instead of 5: minute, hour, day of month, month, day of week`},
		{name: "a schedule of old that cannot be read", cronJob: hello(schedule("TZ=UTC  0 25 * * *")),
			err: `spec.schedule: Invalid value: "TZ=UTC  0 25 * * *": behind the time zone: column 3, hour "25": 25 is above 23`},
		{name: "two time zones", cronJob: hello(schedule("TZ=UTC 0 5 * * *"), zone("UTC")),
			err: `spec.schedule: Invalid value: "TZ=UTC 0 5 * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule`},
		{name: "an empty time zone", cronJob: hello(zone("")), err: `spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string`},
		{name: "the zone of the process", cronJob: hello(zone("Local")), zone: time.Local,
			err: `spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones`},
		{name: "no name of a zone", cronJob: hello(zone("../etc/passwd")), err: `spec.timeZone: Invalid value: "../etc/passwd": unknown time zone ../etc/passwd`},
		{name: "a zone that was not loaded", cronJob: hello(zone("Mars/Phobos")),
			err: `spec.timeZone: Invalid value: "Mars/Phobos": unknown time zone Mars/Phobos: the host has not loaded it; a program that imports time/tzdata knows all zones`},
		{name: "another zone was loaded", cronJob: hello(zone("Europe/Berlin")), zone: time.UTC,
			err: `spec.timeZone: Invalid value: "Europe/Berlin": unknown time zone Europe/Berlin: the host has not loaded it; a program that imports time/tzdata knows all zones`},
		{name: "another zone than UTC was loaded", cronJob: hello(zone("UTC")), zone: time.FixedZone("CET", 3600),
			err: `spec.timeZone: Invalid value: "UTC": the host has loaded CET`},
		{name: "a negative deadline", cronJob: hello(deadline(-1)), err: "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"},
		{name: "a concurrency policy nobody knows", cronJob: hello(concurrency("forbid")),
			err: `spec.concurrencyPolicy: Unsupported value: "forbid": supported values: "Allow", "Forbid", "Replace"`},
		{name: "negative history", cronJob: hello(history(-1, -2)),
			err: "[spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0, spec.failedJobsHistoryLimit: Invalid value: -2: must be greater than or equal to 0]"},
		{name: "pods that never end", cronJob: hello(func(c *batchv1.CronJob) { c.Spec.JobTemplate.Spec.Template.Spec.RestartPolicy = "" }),
			err: `spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`},
		{name: "a restart policy nobody knows", cronJob: hello(func(c *batchv1.CronJob) { c.Spec.JobTemplate.Spec.Template.Spec.RestartPolicy = "Sometimes" }),
			err: `spec.jobTemplate.spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "OnFailure", "Never"`},
		{name: "a selector", cronJob: hello(func(c *batchv1.CronJob) { c.Spec.JobTemplate.Spec.Selector = &metav1.LabelSelector{} }),
			err: "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated"},
		{name: "a selector made by hand", cronJob: hello(func(c *batchv1.CronJob) { yes := true; c.Spec.JobTemplate.Spec.ManualSelector = &yes }),
			err: `spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"`},
		{name: "a new name that is too long", cronJob: hello(fresh, func(c *batchv1.CronJob) { c.Name = strings.Repeat("x", 53) }),
			err: `metadata.name: Invalid value: "` + strings.Repeat("x", 53) + `": must be no more than 52 characters`},
		{name: "half an owner", cronJob: hello(), policy: cronjob.Policy{Owner: metav1.TypeMeta{Kind: "Chime"}}, err: "policy.owner.apiVersion: Required value"},
		{name: "a policy nobody knows", cronJob: hello(), policy: cronjob.Policy{DaylightSaving: "Never"},
			err: `policy.daylightSaving: Unsupported value: "Never": supported values: "", "OncePerSlot"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result, err := cronjob.Plan(tc.cronJob, cronjob.Observed{Now: clock("10:05:00"), Zone: tc.zone}, tc.policy)
			if err == nil || err.Error() != tc.err {
				t.Errorf("got  %v\nwant %s", err, tc.err)
			}
			if len(result.Actions) > 0 {
				t.Errorf("a plan came with the error: %v", result.Actions)
			}
		})
	}
}

func TestOldNamesAreKept(t *testing.T) {
	old := hello(func(c *batchv1.CronJob) { c.Name = strings.Repeat("x", 53) })
	if _, err := cronjob.Plan(old, cronjob.Observed{Now: clock("10:05:00")}, cronjob.Policy{}); err != nil {
		t.Error(err)
	}
}

// With OncePerSlot the run that Berlin shows twice starts once.
func TestPolicyDaylightSaving(t *testing.T) {
	berlin := load(t, "Europe/Berlin")
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 2:30, summer time
	for saving, want := range map[cronjob.DaylightSaving]string{
		cronjob.EveryMatch:  "2026-10-25T01:30:00Z",
		cronjob.OncePerSlot: "2026-10-26T01:30:00Z",
	} {
		c := hello(zone("Europe/Berlin"), schedule("30 2 * * *"), func(c *batchv1.CronJob) { c.Status.LastScheduleTime = &metav1.Time{Time: first} })
		result, err := cronjob.Plan(c, cronjob.Observed{Now: first.Add(time.Second), Zone: berlin}, cronjob.Policy{DaylightSaving: saving})
		if err != nil {
			t.Fatal(err)
		}
		if got := show(result.Wake); got != want {
			t.Errorf("%q: wakes at %s, want %s", saving, got, want)
		}
	}
}

func TestPolicyJSON(t *testing.T) {
	policy := cronjob.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Chime"}, DaylightSaving: cronjob.OncePerSlot, SkipRunsBeforeEdit: true}
	data, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"owner":{"kind":"Chime","apiVersion":"example.com/v1"},"daylightSaving":"OncePerSlot","skipRunsBeforeEdit":true}`; string(data) != want {
		t.Errorf("got %s", data)
	}
	if data, _ := json.Marshal(cronjob.Policy{}); string(data) != "{}" {
		t.Errorf("the zero policy is %s", data)
	}
}
