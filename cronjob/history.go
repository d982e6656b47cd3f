package cronjob

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// The history that a CronJob keeps if it does not say.
const (
	defaultSuccessful = 3
	defaultFailed     = 1
)

// beyondHistory returns the deletions of finished Jobs beyond the limits, the oldest first. Jobs that are being deleted no
// longer count. Nor does the Job of a run that lastScheduleTime does not tell of, because the clock went back: if it
// went, the run would start again.
func beyondHistory(cronJob *batchv1.CronJob, seen census, status batchv1.CronJobStatus) []plan.Action {
	var successful, failed []*batchv1.Job
	for _, job := range seen.jobs {
		how := ending(job)
		if how == "" || job.DeletionTimestamp != nil {
			continue
		}
		if run, ok := runOf(cronJob, job); ok && (status.LastScheduleTime == nil || run.After(status.LastScheduleTime.Time)) {
			continue
		}
		if how == batchv1.JobComplete {
			successful = append(successful, job)
		} else {
			failed = append(failed, job)
		}
	}
	return append(
		surplus(successful, limit(cronJob.Spec.SuccessfulJobsHistoryLimit, defaultSuccessful), "successful"),
		surplus(failed, limit(cronJob.Spec.FailedJobsHistoryLimit, defaultFailed), "failed")...)
}

// surplus deletes the oldest of the Jobs until only keep are left.
func surplus(jobs []*batchv1.Job, keep int, what string) []plan.Action {
	slices.SortFunc(jobs, byStart)
	var steps []plan.Action
	for _, job := range jobs[:max(0, len(jobs)-keep)] {
		steps = append(steps, plan.Delete{
			Object:      plan.RefTo(job),
			Propagation: metav1.DeletePropagationBackground,
			Reason:      fmt.Sprintf("%d %s Jobs, %d kept", len(jobs), what, keep),
		})
	}
	return steps
}

// byStart orders Jobs by the time at which they started; those that never did come last.
func byStart(a, b *batchv1.Job) int {
	if (a.Status.StartTime == nil) != (b.Status.StartTime == nil) {
		if a.Status.StartTime == nil {
			return 1
		}
		return -1
	}
	return cmp.Or(startOf(a).Compare(startOf(b)), byName(a, b))
}

func startOf(job *batchv1.Job) time.Time {
	if job.Status.StartTime == nil {
		return time.Time{}
	}
	return job.Status.StartTime.Time
}

func limit(value *int32, byDefault int) int {
	if value == nil {
		return byDefault
	}
	return int(*value)
}
