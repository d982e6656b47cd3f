package cronjob

import (
	"fmt"
	"slices"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// report is the status that the view shows, what there is to tell about it, and when it will be another.
func report(cronJob *batchv1.CronJob, seen census, pending plan.Pending, now time.Time) (status batchv1.CronJobStatus, events []plan.Event, wake time.Time) {
	status = *cronJob.Status.DeepCopy()
	status.Active, events = active(cronJob, seen, isAhead(cronJob, seen, pending))
	status.LastScheduleTime, wake = lastSchedule(cronJob, seen, now)
	status.LastSuccessfulTime = lastSuccess(cronJob, seen)
	return status, events, wake
}

// active lists the Jobs that have not finished: those on the list as long as they run, and those of our runs that are not
// on it yet. A Job that a person made for this CronJob is never put on the list and so never stands in the way
// of a run.
func active(cronJob *batchv1.CronJob, seen census, isAhead func(corev1.ObjectReference) bool) (list []corev1.ObjectReference, events []plan.Event) {
	listed := make(map[types.UID]bool, len(cronJob.Status.Active))
	for _, ref := range cronJob.Status.Active {
		job := seen.byUID[ref.UID]
		switch {
		case job == nil && isAhead(ref):
		case job == nil && seen.deletions[ref.UID]:
			continue
		case job == nil:
			events = append(events, event(corev1.EventTypeNormal, "MissingJob", "Active job went missing: %v", ref.Name))
			continue
		case ending(job) != "":
			events = append(events, event(corev1.EventTypeNormal, "SawCompletedJob", "Saw completed job: %s, condition: %v", job.Name, ending(job)))
			continue
		}
		list = append(list, ref)
		listed[ref.UID] = true
	}
	for _, job := range seen.jobs {
		if listed[job.UID] || ending(job) != "" {
			continue
		}
		if _, ok := runOf(cronJob, job); ok {
			list = append(list, reference(job))
		}
		if seen.created[job.UID] == nil {
			events = append(events, event(corev1.EventTypeWarning, "UnexpectedJob", "Saw a job that the controller did not create or forgot: %s", job.Name))
		}
	}
	return list, events
}

// isAhead tells which Jobs on the list are newer than the whole view of Jobs, so that the view cannot show them. How far the host
// says that its view has come may be too little: no Job that it shows may be newer, either.
func isAhead(cronJob *batchv1.CronJob, seen census, pending plan.Pending) func(corev1.ObjectReference) bool {
	reached := sync.OnceValue(func() string {
		last := pending.Seen["Job"]
		for _, job := range seen.shown {
			if job == nil || job.Namespace != cronJob.Namespace {
				continue
			}
			if order, err := resourceversion.CompareResourceVersion(last, job.ResourceVersion); err == nil && order < 0 {
				last = job.ResourceVersion
			}
		}
		return last
	})
	return func(ref corev1.ObjectReference) bool {
		order, err := resourceversion.CompareResourceVersion(reached(), ref.ResourceVersion)
		return err == nil && order < 0
	}
}

func reference(job *batchv1.Job) corev1.ObjectReference {
	return corev1.ObjectReference{
		APIVersion:      "batch/v1",
		Kind:            "Job",
		Namespace:       job.Namespace,
		Name:            job.Name,
		UID:             job.UID,
		ResourceVersion: job.ResourceVersion,
	}
}

// lastSchedule is the latest run that has had a Job, even one that is gone again. It never goes back. The Job of a run that is
// still to come, as by a clock that went back, does not count before wake, unless the host knows that it was started.
func lastSchedule(cronJob *batchv1.CronJob, seen census, now time.Time) (last *metav1.Time, wake time.Time) {
	last = cronJob.Status.LastScheduleTime
	for _, job := range seen.created {
		if run, ok := runOf(cronJob, job); ok && (last == nil || run.After(last.Time)) {
			last = &metav1.Time{Time: run}
		}
	}
	for _, job := range seen.jobs {
		switch run, ok := runOf(cronJob, job); {
		case !ok || last != nil && !run.After(last.Time):
		case !run.After(now):
			last = &metav1.Time{Time: run}
		case wake.IsZero() || run.Before(wake):
			wake = run
		}
	}
	return last.DeepCopy(), wake
}

// lastSuccess is when the latest Job that succeeded was complete.
func lastSuccess(cronJob *batchv1.CronJob, seen census) *metav1.Time {
	last := cronJob.Status.LastSuccessfulTime
	for _, job := range seen.jobs {
		at := job.Status.CompletionTime
		if ending(job) == batchv1.JobComplete && at != nil && (last == nil || at.After(last.Time)) {
			last = at
		}
	}
	return last.DeepCopy()
}

// equal compares what a status says.
func equal(a, b batchv1.CronJobStatus) bool {
	return slices.Equal(a.Active, b.Active) &&
		a.LastScheduleTime.Equal(b.LastScheduleTime) &&
		a.LastSuccessfulTime.Equal(b.LastSuccessfulTime)
}

func writeStatus(cronJob *batchv1.CronJob, owner owners.Owner, status batchv1.CronJobStatus) plan.UpdateStatus {
	return owners.WriteStatus(owner, cronJob, func(after *batchv1.CronJob) { after.Status = *status.DeepCopy() })
}

func event(kind, reason, format string, args ...any) plan.Event {
	return plan.Event{Type: kind, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
