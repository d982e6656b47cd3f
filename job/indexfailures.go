package job

import (
	"cmp"
	"math"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// With backoffLimitPerIndex every pod carries, as annotations, how often its index has failed before it. A failed
// pod keeps its finalizer until its successor, which carries on the count, is there.

// lostIndexes are the indexes of failed pods that have exhausted their limit, or that the pod failure policy gives up. Pods
// that a Job deletes because it ends fail, but their index does not.
func (r *round) lostIndexes() []int {
	ends := r.announcement(batchv1.JobFailureTarget) >= 0
	var lost []int
	for _, m := range r.seen.inactive {
		if !m.tracked || !m.failed || m.index == none || (ends && r.tally.listed[m.pod.UID]) {
			continue
		}
		action, _ := judge(r.job.Spec.PodFailurePolicy, m.pod)
		exhausted := failures(m.pod) >= int64(*r.job.Spec.BackoffLimitPerIndex)
		if action == batchv1.PodFailurePolicyActionFailIndex || (exhausted && action != batchv1.PodFailurePolicyActionIgnore) {
			lost = append(lost, m.index)
		}
	}
	return lost
}

// holdBack finds, for each index that is to be tried again, the failed pod to be replaced: the one with the most
// failures, of several the one that finished last.
func (r *round) holdBack() map[int]member {
	held := map[int]member{}
	for _, m := range r.seen.inactive {
		if !m.tracked || !m.failed || m.index == none ||
			r.tally.completed.has(m.index) || r.tally.lost.has(m.index) || r.tally.running.has(m.index) {
			continue
		}
		other, found := held[m.index]
		if !found || byAttempt(other.pod, m.pod) < 0 {
			held[m.index] = m
		}
	}
	return held
}

func byAttempt(a, b *corev1.Pod) int {
	return cmp.Or(
		cmp.Compare(failures(a)+ignored(a), failures(b)+ignored(b)),
		finishedAt(a).Compare(finishedAt(b)),
		byName(a, b),
	)
}

// isHeld reports whether the pod must keep its finalizer for its successor. Once the Job ends there is none.
func (r *round) isHeld(m member) bool {
	held, found := r.tally.held[m.index]
	return found && held.pod == m.pod && r.ending == nil && !r.isDeleting()
}

// retryAt is when the index may be tried again: zero if nothing is held back for it.
func (t *tally) retryAt(index int) time.Time {
	held, found := t.held[index]
	if !found {
		return time.Time{}
	}
	return finishedAt(held.pod).Add(backoff(failures(held.pod) + ignored(held.pod) + 1))
}

// countAttempts gives the pod that replaces another of its index the failures counted so far.
func (r *round) countAttempts(pod *corev1.Pod, index int) {
	var failed, overlooked int64
	if held, found := r.tally.held[index]; found {
		failed, overlooked = failures(held.pod), ignored(held.pod)
		if r.counts(held) {
			failed++
		} else {
			overlooked++
		}
	}
	pod.Annotations[batchv1.JobIndexFailureCountAnnotation] = strconv.FormatInt(failed, 10)
	if overlooked > 0 {
		pod.Annotations[batchv1.JobIndexIgnoredFailureCountAnnotation] = strconv.FormatInt(overlooked, 10)
	}
}

// failures is how often the index had failed before this pod, ignored how often that was not counted.
func failures(pod *corev1.Pod) int64 { return attempts(pod, batchv1.JobIndexFailureCountAnnotation) }
func ignored(pod *corev1.Pod) int64 {
	return attempts(pod, batchv1.JobIndexIgnoredFailureCountAnnotation)
}

func attempts(pod *corev1.Pod, annotation string) int64 {
	count, err := strconv.Atoi(pod.Annotations[annotation])
	if err != nil || count < 0 || count > math.MaxInt32 {
		return 0
	}
	return int64(count)
}
