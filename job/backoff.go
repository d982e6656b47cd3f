package job

import (
	"math"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
)

// Memory is what one plan for a Job hands to the next: how often its pods have failed since one succeeded, and when
// last; and which pods may not be changed. Kubernetes keeps this in its memory and loses it with every restart;
// here it is a value that can be stored. Without it a failed pod is replaced at once instead of after 10 s, 20 s,
// 40 s, ... 10 min, and what may not be changed is tried first again. It decides nothing about what counts.
type Memory struct {
	// Job is the UID of the Job that is remembered. A memory of another Job is ignored.
	Job types.UID `json:"job,omitempty"`
	// Failures are the pods that failed since the last one that succeeded.
	Failures int32 `json:"failures,omitempty"`
	// LastFailure is when the last of them finished.
	LastFailure time.Time `json:"lastFailure,omitzero"`
	// Recorded are the UIDs of finished pods that are already in the numbers above, sorted; a pod is
	// forgotten once it has lost its finalizer.
	Recorded []types.UID `json:"recorded,omitempty"`
	// Refused are the UIDs of pods that the API server has not let the Job adopt or release, sorted. It is tried
	// again in each plan, at its end; until then they fill no place.
	Refused []types.UID `json:"refused,omitempty"`
}

// of is the memory of job: none if it is another's.
func (m Memory) of(job *batchv1.Job) Memory {
	if m.Job != job.UID {
		return Memory{Job: job.UID}
	}
	m.Recorded = slices.Sorted(slices.Values(m.Recorded))
	return m
}

// remember adds the pods that have finished since the last plan. A success forgets the failures before it. A Job that counts
// failures by index remembers nothing: its pods carry the record.
func (r *round) remember() {
	if r.job.Spec.BackoffLimitPerIndex != nil {
		r.memory = Memory{Job: r.job.UID, Refused: r.memory.Refused}
		return
	}
	isRecorded := func(m member) bool {
		_, found := slices.BinarySearch(r.memory.Recorded, m.pod.UID)
		return found
	}
	succeeded := slices.DeleteFunc(slices.Clone(r.tally.freshSucceeded), isRecorded)
	failed := slices.DeleteFunc(slices.Clone(r.tally.freshFailed), isRecorded)

	var lastSuccess time.Time
	if len(succeeded) > 0 {
		r.memory.Failures, r.memory.LastFailure = 0, time.Time{}
		lastSuccess = lastFinish(succeeded)
		failed = slices.DeleteFunc(failed, func(m member) bool { return !finishedAt(m.pod).After(lastSuccess) })
	}
	if len(failed) > 0 {
		r.memory.Failures = int32(min(int64(r.memory.Failures)+int64(len(failed)), math.MaxInt32))
		r.memory.LastFailure = lastFinish(failed)
	}

	r.memory.Recorded = nil
	for _, m := range r.seen.inactive {
		if m.tracked && (m.failed || m.succeeded()) {
			r.memory.Recorded = append(r.memory.Recorded, m.pod.UID)
		}
	}
	slices.Sort(r.memory.Recorded)
}

// readyAt is when a pod may be created again after a failure: zero if none failed.
func (m Memory) readyAt() time.Time {
	if m.Failures == 0 {
		return time.Time{}
	}
	return m.LastFailure.Add(backoff(int64(m.Failures)))
}

// backoff is the delay after a number of failures: 10 s, doubled with each, at most 10 min.
func backoff(failures int64) time.Duration {
	const first, longest = 10 * time.Second, 10 * time.Minute
	if failures > 6 { // 10 s * 2^6 is over the longest
		return longest
	}
	return first << max(0, failures-1)
}

func lastFinish(members []member) time.Time {
	last := finishedAt(members[0].pod)
	for _, m := range members[1:] {
		if at := finishedAt(m.pod); at.After(last) {
			last = at
		}
	}
	return last
}

// finishedAt is when the pod stopped working: when the last of its containers finished, sidecars included; else when it
// stopped being Ready; else when its deletion was asked for; else when it was created.
func finishedAt(pod *corev1.Pod) time.Time {
	if at := containersFinishedAt(pod); !at.IsZero() {
		return at
	}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.PodReady {
			if c.Status == corev1.ConditionFalse && !c.LastTransitionTime.IsZero() {
				return c.LastTransitionTime.Time
			}
			break
		}
	}
	if pod.DeletionTimestamp != nil {
		var grace int64
		if pod.DeletionGracePeriodSeconds != nil {
			grace = *pod.DeletionGracePeriodSeconds
		}
		return pod.DeletionTimestamp.Add(-time.Duration(min(grace, math.MaxInt32)) * time.Second) // no overflow
	}
	return pod.CreationTimestamp.Time
}

// containersFinishedAt is zero while a container or a sidecar runs, or does not say when it finished.
func containersFinishedAt(pod *corev1.Pod) time.Time {
	var last time.Time
	finish := func(status *corev1.ContainerStatus) (finished bool) {
		terminated := status.State.Terminated
		if terminated == nil || terminated.FinishedAt.IsZero() {
			return false
		}
		if at := terminated.FinishedAt.Time; at.After(last) {
			last = at
		}
		return true
	}
	for i := range pod.Status.ContainerStatuses {
		if !finish(&pod.Status.ContainerStatuses[i]) {
			return time.Time{}
		}
	}
	for i := range pod.Status.InitContainerStatuses {
		status := &pod.Status.InitContainerStatuses[i]
		if pods.IsSidecar(pod, status.Name) && !finish(status) {
			return time.Time{}
		}
	}
	return last
}
