package table

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"
)

func jobRow(job *batchv1.Job, now time.Time) []cell {
	return append([]cell{
		{header: "NAME", text: job.Name},
		{header: "STATUS", text: jobStatus(job)},
		{header: "COMPLETIONS", text: completions(job)},
		{header: "DURATION", text: took(job, now)},
		age(job, now),
	}, template(job.Spec.Template, job.Spec.Selector)...)
}

// jobStatus is the ending, or else what the Job is doing.
func jobStatus(job *batchv1.Job) string {
	is := func(condition batchv1.JobConditionType) bool {
		return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
			return c.Type == condition && c.Status == corev1.ConditionTrue
		})
	}
	switch {
	case is(batchv1.JobComplete):
		return "Complete"
	case is(batchv1.JobFailed):
		return "Failed"
	case job.DeletionTimestamp != nil:
		return "Terminating"
	case is(batchv1.JobSuspended):
		return "Suspended"
	case is(batchv1.JobFailureTarget):
		return "FailureTarget"
	case is(batchv1.JobSuccessCriteriaMet):
		return "SuccessCriteriaMet"
	}
	return "Running"
}

// completions is "1/3"; a work queue, which has no number to reach, shows its parallelism: "1/1 of 3".
func completions(job *batchv1.Job) string {
	done, parallelism := job.Status.Succeeded, orDefault(job.Spec.Parallelism, 1)
	switch {
	case job.Spec.Completions != nil:
		return fmt.Sprintf("%d/%d", done, *job.Spec.Completions)
	case parallelism > 1:
		return fmt.Sprintf("%d/1 of %d", done, parallelism)
	}
	return fmt.Sprintf("%d/1", done)
}

// took is how long the Job has run, or ran until it completed. A failed Job keeps counting.
func took(job *batchv1.Job, now time.Time) string {
	switch {
	case job.Status.StartTime == nil:
		return ""
	case job.Status.CompletionTime == nil:
		return since(*job.Status.StartTime, now)
	}
	return duration.HumanDuration(job.Status.CompletionTime.Sub(job.Status.StartTime.Time))
}

func cronJobRow(cj *batchv1.CronJob, now time.Time) []cell {
	suspend, last := "False", "<none>"
	if orDefault(cj.Spec.Suspend, false) {
		suspend = "True"
	}
	if cj.Status.LastScheduleTime != nil {
		last = since(*cj.Status.LastScheduleTime, now)
	}
	spec := cj.Spec.JobTemplate.Spec
	return append([]cell{
		{header: "NAME", text: cj.Name},
		{header: "SCHEDULE", text: cj.Spec.Schedule},
		{header: "TIMEZONE", text: orNone(orDefault(cj.Spec.TimeZone, ""))},
		{header: "SUSPEND", text: suspend},
		{header: "ACTIVE", text: number(len(cj.Status.Active))},
		{header: "LAST SCHEDULE", text: last},
		age(cj, now),
	}, template(spec.Template, spec.Selector)...)
}
