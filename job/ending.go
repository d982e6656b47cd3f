package job

import (
	"math"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// ending is how a Job ends: the condition that announces it while its pods go, FailureTarget or SuccessCriteriaMet.
type ending struct {
	condition       batchv1.JobConditionType
	reason, message string
}

func (e *ending) fails() bool { return e != nil && e.condition == batchv1.JobFailureTarget }

// decide finds how the Job ends: by the first of these rules that holds. If none does it goes on.
func (r *round) decide() *ending {
	const failure, success = batchv1.JobFailureTarget, batchv1.JobSuccessCriteriaMet
	failedByPod := r.failJobMessage()
	succeededEarly := succeedsEarly(r.job, r.tally.completed)
	announced := func(c batchv1.JobConditionType) ending {
		if i := r.announcement(c); i >= 0 {
			return ending{c, r.job.Status.Conditions[i].Reason, r.job.Status.Conditions[i].Message}
		}
		return ending{}
	}
	for _, rule := range []struct {
		holds bool
		ending
	}{
		{r.announcement(success) >= 0, announced(success)},
		{r.announcement(failure) >= 0, announced(failure)},
		{failedByPod != "", ending{failure, batchv1.JobReasonPodFailurePolicy, failedByPod}},
		{r.exceedsBackoffLimit(), ending{failure, batchv1.JobReasonBackoffLimitExceeded, "Job has reached the specified backoff limit"}},
		{r.exceedsDeadline(), ending{failure, batchv1.JobReasonDeadlineExceeded, "Job was active longer than specified deadline"}},
		{r.exceedsFailedIndexes(), ending{failure, batchv1.JobReasonMaxFailedIndexesExceeded, "Job has exceeded the specified maximal number of failed indexes"}},
		{r.hasOnlyLostIndexesLeft(), ending{failure, batchv1.JobReasonFailedIndexes, "Job has failed indexes"}},
		{succeededEarly != "", ending{success, batchv1.JobReasonSuccessPolicy, succeededEarly}},
		{r.reachesCompletions(), ending{success, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods"}},
	} {
		if rule.holds {
			return &rule.ending
		}
	}
	return nil
}

// announcement is where the status has the condition, true: -1 if nowhere.
func (r *round) announcement(c batchv1.JobConditionType) int {
	return slices.IndexFunc(r.job.Status.Conditions, func(have batchv1.JobCondition) bool {
		return have.Type == c && have.Status == corev1.ConditionTrue
	})
}

// isEnding reports whether the status announces an end.
func (r *round) isEnding() bool {
	return r.announcement(batchv1.JobSuccessCriteriaMet) >= 0 || r.announcement(batchv1.JobFailureTarget) >= 0
}

// failJobMessage says which failed pod the pod failure policy fails the Job for, "" if none: of several the first by name.
func (r *round) failJobMessage() string {
	if r.job.Spec.PodFailurePolicy == nil {
		return ""
	}
	var first *corev1.Pod
	var why string
	for _, m := range r.seen.inactive {
		if !m.failed || (first != nil && byName(first, m.pod) < 0) {
			continue
		}
		if action, message := judge(r.job.Spec.PodFailurePolicy, m.pod); action == batchv1.PodFailurePolicyActionFailJob {
			first, why = m.pod, message
		}
	}
	return why
}

// exceedsBackoffLimit: by the pods that failed, or by the restarts within pods that restart on failure.
func (r *round) exceedsBackoffLimit() bool {
	limit := int64(*r.job.Spec.BackoffLimit)
	return r.tally.failed > limit || r.seen.restarts >= max(limit, 1)
}

func (r *round) exceedsDeadline() bool {
	deadline := r.deadline()
	return !deadline.IsZero() && !r.now.Before(deadline)
}

// deadline is when the Job will have been active for too long: zero if never. While it is suspended it is not active, and
// one that is being deleted does not begin any more.
func (r *round) deadline() time.Time {
	const longest = int64(math.MaxInt64 / time.Second)
	seconds := r.job.Spec.ActiveDeadlineSeconds
	if seconds == nil || *seconds > longest || isSuspended(r.job) || (r.isDeleting() && r.job.Status.StartTime == nil) {
		return time.Time{}
	}
	return r.startTime().Add(time.Duration(*seconds) * time.Second)
}

// startTime is when the Job that is not suspended began, or begins now.
func (r *round) startTime() time.Time {
	if start := r.job.Status.StartTime; start != nil {
		return start.Time
	}
	return r.timestamp().Time
}

func (r *round) exceedsFailedIndexes() bool {
	limit := r.job.Spec.MaxFailedIndexes
	return limit != nil && r.tally.lost.size() > int(*limit)
}

func (r *round) hasOnlyLostIndexesLeft() bool {
	lost := r.tally.lost.size()
	return lost > 0 && lost+r.tally.completed.size() >= int(*r.job.Spec.Completions)
}

// reachesCompletions: without a number of completions the first success counts, once no pod is at work any more. Pods that
// are still at work must be few enough to go with this plan; those of a Job that is being deleted are not touched.
func (r *round) reachesCompletions() bool {
	active := len(r.seen.active)
	if (r.isDeleting() && active > 0) || (!isSuspended(r.job) && active > r.burst) {
		return false
	}
	if completions := r.job.Spec.Completions; completions != nil {
		return r.tally.succeeded >= int64(*completions)
	}
	return (r.isDrained() || (isSuspended(r.job) && r.tally.succeeded > 0)) && len(r.seen.unanswered) == 0
}

// isDrained reports whether a work queue has succeeded and has no pod at work any more.
func (r *round) isDrained() bool {
	return r.job.Spec.Completions == nil && r.tally.succeeded > 0 && len(r.seen.active) == 0
}
