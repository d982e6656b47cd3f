package cronjob

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// report is the status that the view shows, and what there is to tell about it.
func report(cronJob *batchv1.CronJob, seen census, pending plan.Pending, now time.Time) (batchv1.CronJobStatus, []plan.Event) {
	status := *cronJob.Status.DeepCopy()
	var events []plan.Event
	status.Active, events = active(cronJob, seen, pending)
	status.LastScheduleTime = lastSchedule(cronJob, seen, now)
	status.LastSuccessfulTime = lastSuccess(cronJob, seen)
	return status, events
}

// active lists the Jobs that have not finished: those on the list as long as they run, and those of our runs that are not
// on it yet. A Job that a person made for this CronJob is never put on the list and so never stands in the way
// of a run.
func active(cronJob *batchv1.CronJob, seen census, pending plan.Pending) (list []corev1.ObjectReference, events []plan.Event) {
	for _, ref := range cronJob.Status.Active {
		job := seen.find(ref.UID)
		switch {
		case job == nil && isAhead(ref, pending):
			list = append(list, ref)
		case job == nil && seen.deletions[ref.UID]:
		case job == nil:
			events = append(events, event(corev1.EventTypeNormal, "MissingJob", "Active job went missing: %v", ref.Name))
		case ending(job) != "":
			events = append(events, event(corev1.EventTypeNormal, "SawCompletedJob", "Saw completed job: %s, condition: %v", job.Name, ending(job)))
		default:
			list = append(list, ref)
		}
	}
	for _, job := range seen.jobs {
		listed := slices.ContainsFunc(list, func(ref corev1.ObjectReference) bool { return ref.UID == job.UID })
		if listed || ending(job) != "" {
			continue
		}
		if _, ours := minuteIn(cronJob, job); ours {
			list = append(list, reference(job))
		}
		if !slices.ContainsFunc(seen.created, func(c *batchv1.Job) bool { return c.UID == job.UID }) {
			events = append(events, event(corev1.EventTypeWarning, "UnexpectedJob", "Saw a job that the controller did not create or forgot: %s", job.Name))
		}
	}
	return list, events
}

// isAhead reports whether a Job on the list is newer than the whole view of Jobs, so that the view cannot show it.
func isAhead(ref corev1.ObjectReference, pending plan.Pending) bool {
	order, err := resourceversion.CompareResourceVersion(pending.Seen["Job"], ref.ResourceVersion)
	return err == nil && order < 0
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

// lastSchedule is the latest run that has had a Job, even one that is gone again. It never goes back.
func lastSchedule(cronJob *batchv1.CronJob, seen census, now time.Time) *metav1.Time {
	last := cronJob.Status.LastScheduleTime
	for _, jobs := range [][]*batchv1.Job{seen.jobs, seen.created} {
		for _, job := range jobs {
			minute, ours := minuteIn(cronJob, job)
			if !ours || last != nil && minute < minuteOf(last.Time) {
				continue
			}
			if run := scheduledFor(minute, job); !run.After(now) && (last == nil || run.After(last.Time)) {
				last = &metav1.Time{Time: run}
			}
		}
	}
	return last.DeepCopy()
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
	before, after := cronJob.DeepCopy(), cronJob.DeepCopy()
	before.TypeMeta, after.TypeMeta = owner.Kind(), owner.Kind()
	after.Status = *status.DeepCopy()
	return plan.UpdateStatus{Before: before, After: after}
}

func event(kind, reason, format string, args ...any) plan.Event {
	return plan.Event{Type: kind, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
