package job

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// report puts together the status that the view shows, and writes it if it says anything new.
func (r *round) report() {
	status := r.live.Status.DeepCopy()
	if status.StartTime == nil && !isSuspended(r.job) {
		status.StartTime = r.timestamp()
	}
	left, succeeded, failed := r.settled()
	status.UncountedTerminatedPods = &left
	status.Succeeded += succeeded
	status.Failed += failed
	status.Active = int32(len(r.seen.active))
	status.Ready = &r.seen.ready
	status.Terminating = &r.seen.terminating
	if isIndexed(r.job) {
		r.reportIndexes(status)
	}
	switch {
	case r.ending != nil:
		r.reportEnding(status)
	case !r.isDeleting():
		r.reportSuspension(status)
	}
	r.result.Status = *status
	before := r.live.Status
	if before.StartTime == nil && (r.ending != nil || r.isDeleting()) {
		before.StartTime = status.StartTime // when a Job began whose end has begun is not worth a write of its own
	}
	if !equal(*status, before) {
		r.result.Add(r.writeStatus(status))
	}
}

func (r *round) reportIndexes(status *batchv1.JobStatus) {
	status.CompletedIndexes = r.tally.completed.String()
	completed := int32(r.tally.completed.size())
	if *r.job.Spec.Completions != *r.job.Spec.Parallelism {
		completed = max(completed, status.Succeeded) // a server lets the counter fall only with both of them, as they are scaled
	}
	status.Succeeded = completed
	status.FailedIndexes = nil
	if r.job.Spec.BackoffLimitPerIndex != nil {
		status.FailedIndexes = new(r.tally.lost.String())
	}
}

// reportEnding announces the end and, once the status has done so, every pod is counted and none is left, declares it.
// From then on the Job is finished and stays so.
func (r *round) reportEnding(status *batchv1.JobStatus) {
	end := r.ending
	if r.announcement(end.condition) < 0 {
		r.setCondition(status, end.condition, corev1.ConditionTrue, end.reason, end.message)
		return
	}
	if uncounted := status.UncountedTerminatedPods; len(uncounted.Succeeded)+len(uncounted.Failed) > 0 {
		return
	}
	if len(r.seen.active)+len(r.seen.unanswered) > 0 || r.seen.terminating > 0 || len(r.leaving()) > 0 {
		return
	}
	final := batchv1.JobComplete
	if end.fails() {
		final = batchv1.JobFailed
	}
	r.setCondition(status, final, corev1.ConditionTrue, end.reason, end.message)
	if final == batchv1.JobComplete {
		status.CompletionTime = r.timestamp()
		if start := status.StartTime; start != nil && status.CompletionTime.Before(start) {
			status.CompletionTime = start.DeepCopy() // the clock went back: a server refuses an end before the beginning
		}
	}
	if status.StartTime == nil && !r.wantsNothing() {
		status.StartTime = r.timestamp() // suspended before it ever ran: a server wants to know when it started, all the same
	}
	r.recordEnd(status, final)
}

// wantsNothing: a suspended Job without completions is the one that a server lets finish without having started.
func (r *round) wantsNothing() bool {
	completions := r.job.Spec.Completions
	return isSuspended(r.job) && completions != nil && *completions == 0
}

// reportSuspension tells the Job's being suspended, or no longer so. The time it has been active begins anew with
// every resumption; a server refuses that at any other time.
func (r *round) reportSuspension(status *batchv1.JobStatus) {
	told := slices.IndexFunc(status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == batchv1.JobSuspended })
	switch {
	case isSuspended(r.job):
		if r.setCondition(status, batchv1.JobSuspended, corev1.ConditionTrue, "JobSuspended", "Job suspended") {
			status.StartTime = nil
			r.record(corev1.EventTypeNormal, "Suspended", "Job suspended")
		}
	case told >= 0 && status.Conditions[told].Status == corev1.ConditionTrue:
		if r.setCondition(status, batchv1.JobSuspended, corev1.ConditionFalse, "JobResumed", "Job resumed") {
			status.StartTime = r.timestamp()
			r.record(corev1.EventTypeNormal, "Resumed", "Job resumed")
		}
	}
}

func (r *round) recordEnd(status *batchv1.JobStatus, final batchv1.JobConditionType) {
	if final == batchv1.JobFailed {
		r.record(corev1.EventTypeWarning, r.ending.reason, r.ending.message)
		return
	}
	if completions := r.job.Spec.Completions; completions != nil && status.Succeeded > *completions {
		r.record(corev1.EventTypeWarning, "TooManySucceededPods", "Too many succeeded pods running after completion count reached")
	}
	r.record(corev1.EventTypeNormal, "Completed", "Job completed")
}

func (r *round) record(kind, reason, message string) {
	r.result.Events = append(r.result.Events, plan.Event{Type: kind, Reason: reason, Message: message})
}

// setCondition adds or replaces a condition and reports whether that changed anything.
func (r *round) setCondition(status *batchv1.JobStatus, kind batchv1.JobConditionType, value corev1.ConditionStatus, reason, message string) bool {
	condition := batchv1.JobCondition{
		Type:               kind,
		Status:             value,
		LastProbeTime:      *r.timestamp(),
		LastTransitionTime: *r.timestamp(),
		Reason:             reason,
		Message:            message,
	}
	at := slices.IndexFunc(status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == kind })
	if at < 0 {
		status.Conditions = append(status.Conditions, condition)
		return true
	}
	if have := status.Conditions[at]; have.Status == value && have.Reason == reason && have.Message == message {
		return false
	}
	status.Conditions[at] = condition
	return true
}

// timestamp is the current time as objects hold it: in whole seconds.
func (r *round) timestamp() *metav1.Time { return new(metav1.NewTime(r.now.Truncate(time.Second))) }

// isDeleting: a Job that is being deleted counts its pods and lets them go, but starts nothing.
func (r *round) isDeleting() bool { return r.job.DeletionTimestamp != nil }

// isFinished reports whether the Job is Complete or Failed.
func isFinished(job *batchv1.Job) bool { return finish(job) != nil }

// finish is the condition with which the Job finished.
func finish(job *batchv1.Job) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		c := &job.Status.Conditions[i]
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}

// equal compares what two statuses say. No list of uncounted pods is as good as an empty one.
func equal(a, b batchv1.JobStatus) bool {
	for _, status := range []*batchv1.JobStatus{&a, &b} {
		if status.UncountedTerminatedPods == nil {
			status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
		}
	}
	return apiequality.Semantic.DeepEqual(a, b)
}

func (r *round) writeStatus(status *batchv1.JobStatus) plan.UpdateStatus {
	return owners.WriteStatus(r.owner, r.live, func(after *batchv1.Job) { after.Status = *status.DeepCopy() })
}
