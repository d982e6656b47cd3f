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

// beyondHistory returns the deletions of finished Jobs beyond the limits, the oldest first. What the API server refused to
// delete last time is given apart, to be tried again behind everything else. Jobs that are being deleted
// no longer count.
func beyondHistory(cronJob *batchv1.CronJob, seen census) (steps, refused []plan.Action) {
	var successful, failed []*batchv1.Job
	for _, job := range seen.jobs {
		switch {
		case job.DeletionTimestamp != nil:
		case ending(job) == batchv1.JobComplete:
			successful = append(successful, job)
		case ending(job) == batchv1.JobFailed:
			failed = append(failed, job)
		}
	}
	oldest := append(
		surplus(successful, limit(cronJob.Spec.SuccessfulJobsHistoryLimit, defaultSuccessful), "successful"),
		surplus(failed, limit(cronJob.Spec.FailedJobsHistoryLimit, defaultFailed), "failed")...)
	for _, step := range oldest {
		if done, issued := seen.deletions[step.Target().UID]; issued && !done {
			refused = append(refused, step)
		} else {
			steps = append(steps, step)
		}
	}
	return steps, refused
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
