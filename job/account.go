package job

import (
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// A pod that finished is counted in three stages, and each begins only once the one before it is known to be done:
//
//  1. its UID is written to status.uncountedTerminatedPods;
//  2. its finalizer is removed, and it may go;
//  3. its UID is taken off the list and the counter goes up by one, in one write.
//
// A host that stops between any two finds in the status which pods are still to be counted, and in the finalizers which
// of them are. The completion index of a pod that succeeded does the work of its UID: a set counts nothing twice.

// tally is what the Job has come to, the pods that are not yet counted included.
type tally struct {
	// succeeded and failed are what the counters will be once every finished pod is counted.
	succeeded, failed int64
	// completed and lost are the indexes that are done with, with the pods that are not yet counted.
	completed, lost indexSet
	// fresh are the finished pods that the status does not name yet.
	freshSucceeded, freshFailed []member
	// running are the indexes at which a pod is at work.
	running indexSet
	// held are the failed pods that are kept, by index, until a pod replaces them that carries on their count.
	held map[int]member

	uncounted batchv1.UncountedTerminatedPods // those that the status names, then those that it is to name
	listed    map[types.UID]bool              // the pods that are counted by being in that list
	recorded  indexSet                        // status.completedIndexes
}

// count finds out what the pods of the census add to what the status has counted.
func (r *round) count() {
	status := &r.job.Status
	t := tally{listed: map[types.UID]bool{}}
	if status.UncountedTerminatedPods != nil {
		t.uncounted = *status.UncountedTerminatedPods
	}
	for _, uid := range t.uncounted.Failed {
		t.listed[uid] = true
	}
	for _, uid := range t.uncounted.Succeeded {
		t.listed[uid] = !isIndexed(r.job) // there the index counts
	}
	for _, m := range r.seen.inactive {
		switch {
		case !m.tracked || !r.isValid(m) || t.listed[m.pod.UID]:
		case m.succeeded():
			t.freshSucceeded = append(t.freshSucceeded, m)
		case m.failed:
			t.freshFailed = append(t.freshFailed, m)
		}
	}

	t.succeeded = int64(status.Succeeded) + int64(len(t.uncounted.Succeeded)+len(t.freshSucceeded))
	t.failed = int64(status.Failed) + int64(len(t.uncounted.Failed))
	for _, m := range t.freshFailed {
		if r.counts(m) {
			t.failed++
		}
	}
	r.tally = t
	if isIndexed(r.job) {
		r.countIndexes()
	}
}

// countIndexes finds the indexes that are completed or, with a limit of failures per index, lost. An index is never
// both: it stays what it became first, and of two pods that finish together the one that succeeded decides.
func (r *round) countIndexes() {
	t := &r.tally
	completions := int(*r.job.Spec.Completions)
	t.recorded = parseIndexes(r.job.Status.CompletedIndexes, completions)
	t.running = indexesOf(indexes(r.seen.active))
	t.completed = t.recorded.union(indexesOf(indexes(t.freshSucceeded)))
	if r.job.Spec.BackoffLimitPerIndex != nil {
		var before indexSet
		if lost := r.job.Status.FailedIndexes; lost != nil {
			before = parseIndexes(*lost, completions).minus(t.recorded)
		}
		t.completed = t.completed.minus(before)
		t.lost = before.union(indexesOf(r.lostIndexes())).minus(t.completed)
		t.held = r.holdBack()
	}
	t.succeeded = int64(t.completed.size())
}

// account moves each pod one stage on: it adds UIDs to the list of those to be counted, and removes finalizers of pods
// about which everything is known to be written. The list never gets longer than 500.
func (r *round) account() {
	t := &r.tally
	t.uncounted.Succeeded, t.uncounted.Failed = slices.Clone(t.uncounted.Succeeded), slices.Clone(t.uncounted.Failed)
	room := maxUncounted - len(t.uncounted.Succeeded) - len(t.uncounted.Failed)
	list := func(uids *[]types.UID, pod *corev1.Pod) {
		if room > 0 {
			*uids = append(*uids, pod.UID)
			room--
		}
	}
	for _, m := range r.leaving() {
		switch {
		case r.isHeld(m):
		case t.listed[m.pod.UID]:
			r.letGo(m)
		case m.succeeded() && !isIndexed(r.job):
			list(&t.uncounted.Succeeded, m.pod)
		case m.succeeded():
			if m.index == none || t.recorded.has(m.index) || t.lost.has(m.index) {
				r.letGo(m)
			}
		case (m.failed || r.ending.fails()) && r.owes(m):
			list(&t.uncounted.Failed, m.pod)
		case m.failed || r.ending != nil || r.isDeleting():
			r.letGo(m)
		}
	}
}

// leaving are the tracked pods that may have to be counted or let go: all of them once the Job ends or is being
// deleted, else those that are not at work.
func (r *round) leaving() []member {
	var leaving []member
	for _, m := range r.seen.inactive {
		if m.tracked {
			leaving = append(leaving, m)
		}
	}
	if r.ending == nil && !r.isDeleting() {
		return leaving
	}
	for _, m := range r.seen.active {
		if m.tracked {
			leaving = append(leaving, m)
		}
	}
	slices.SortFunc(leaving, byIndex)
	return leaving
}

// settled is the list of the UIDs that are still to be counted, and how many pods have lost their finalizer and count
// from now on.
func (r *round) settled() (left batchv1.UncountedTerminatedPods, succeeded, failed int32) {
	t := &r.tally
	tracked := map[types.UID]bool{}
	if len(t.uncounted.Succeeded)+len(t.uncounted.Failed) > 0 {
		for _, members := range [][]member{r.seen.inactive, r.seen.active} {
			for _, m := range members {
				tracked[m.pod.UID] = tracked[m.pod.UID] || m.tracked
			}
		}
		for _, pod := range slices.Concat(r.seen.leavers, r.seen.orphans) { // as long as they bear it they may come back
			tracked[pod.UID] = slices.Contains(pod.Finalizers, finalizer)
		}
	}
	isGone := func(uid types.UID) bool { return !tracked[uid] }
	left.Succeeded = slices.DeleteFunc(slices.Clone(t.uncounted.Succeeded), isGone)
	left.Failed = slices.DeleteFunc(slices.Clone(t.uncounted.Failed), isGone)
	return left, int32(len(t.uncounted.Succeeded) - len(left.Succeeded)), int32(len(t.uncounted.Failed) - len(left.Failed))
}

// isValid: a pod of an Indexed Job that has no valid index counts for nothing.
func (r *round) isValid(m member) bool { return m.index != none || !isIndexed(r.job) }

// counts reports whether the pod failure policy lets a failure count.
func (r *round) counts(m member) bool {
	action, _ := judge(r.job.Spec.PodFailurePolicy, m.pod)
	return action != batchv1.PodFailurePolicyActionIgnore
}

// letGo takes the finalizer off a pod about which nothing is left to write. A Job that ends has yet to delete those that
// are at work; they lose their finalizers with that.
func (r *round) letGo(m member) {
	if r.ending == nil || r.isDeleting() || !pods.IsActive(m.pod) {
		r.strip(m)
	}
}

// owes reports whether a pod of a Job that fails has yet to be listed as failed.
func (r *round) owes(m member) bool {
	return m.tracked && !r.tally.listed[m.pod.UID] && r.isValid(m) && r.counts(m)
}

// strip takes the finalizer off a pod.
func (r *round) strip(m member) { r.strips = append(r.strips, untrack(m.pod)) }

// untrack removes the finalizer.
func untrack(pod *corev1.Pod) plan.Update {
	return withFinalizers(pod, slices.DeleteFunc(slices.Clone(pod.Finalizers), func(f string) bool { return f == finalizer }))
}

// track adds the finalizer.
func track(pod *corev1.Pod) plan.Update {
	return withFinalizers(pod, append(slices.Clone(pod.Finalizers), finalizer))
}

// withFinalizers changes the finalizers alone. What is before and after it shares spec and status.
func withFinalizers(pod *corev1.Pod, finalizers []string) plan.Update {
	before := pod.DeepCopy()
	after := *before
	after.ObjectMeta = *before.ObjectMeta.DeepCopy()
	after.Finalizers = finalizers
	return plan.Update{Before: before, After: &after}
}
