package conformance

import (
	"fmt"
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func jobDeviations() []Deviation {
	return []Deviation{
		{
			Row: "an index that is refused",
			Snapshot: func() *Snapshot {
				s := trainSnapshot(newTrain(2, indexedTrain(1)))
				s.Refusals = []Refusal{QuotaExceeded("Pod", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", triedIndexes(upstream), "train-0")
				same(t, "ours", triedIndexes(ours), "train-0", "train-1")
			},
			Explains: differsByIndexesOnly,
		},
		{
			Row: "pods that an end makes superfluous",
			Snapshot: func() *Snapshot {
				j := newTrain(2, indexedTrain(2))
				j.Spec.SuccessPolicy = &batchv1.SuccessPolicy{Rules: []batchv1.SuccessPolicyRule{{SucceededCount: new(int32(1))}}}
				return trainSnapshot(j, trainPod(0, "0", corev1.PodSucceeded), trainPod(1, "1", corev1.PodRunning))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", writesTo(upstream, "pod-1"), "delete", "update")
				same(t, "ours", writesTo(ours, "pod-1"), "update", "delete")
			},
			Explains: differsByOrderOnly,
		},
		{
			Row: "a pod that may not be changed",
			Snapshot: func() *Snapshot {
				orphan := trainPod(0, "", corev1.PodRunning)
				orphan.OwnerReferences = nil
				s := trainSnapshot(newTrain(2), orphan)
				s.Refusals = []Refusal{Denied("update", "Pod", orphan.Name, 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Pod default/train-*", "create Pod default/train-*")
			},
			Explains: stopsAtRefusal,
		},
		{
			Row: "a pod that has left",
			Snapshot: func() *Snapshot {
				pod := trainPod(0, "", corev1.PodRunning)
				pod.Labels = nil
				Deleting(pod, Instant, true)
				j := newTrain(1)
				Deleting(j, Instant, true)
				return trainSnapshot(j, pod)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "update Pod default/pod-0")
			},
			Explains: func(c *Case) bool { return isSound(c) && slices.ContainsFunc(c.Ours.Rounds, hasLeftAndGoes) },
		},
		{
			Row: "a pod at work without its finalizer",
			Snapshot: func() *Snapshot {
				pod := trainPod(0, "", corev1.PodRunning)
				pod.Finalizers = nil
				s := trainSnapshot(newTrain(2), pod)
				s.Steps = []Step{finishPods("all pods succeed", corev1.PodSucceeded, 0, 0, 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				complete := func(j *batchv1.Job) bool { return hasCondition(j, batchv1.JobComplete) }
				if wroteJob(upstream, complete) || !wroteJob(ours, complete) {
					t.Error("upstream counts one of two pods, ours both")
				}
			},
			Explains: tracksAgain,
		},
		{
			Row: "a pod that comes back",
			Snapshot: func() *Snapshot {
				pod := trainPod(0, "", corev1.PodSucceeded)
				pod.OwnerReferences, pod.Finalizers = nil, nil
				j := newTrain(5)
				j.Status.Succeeded = 1
				return trainSnapshot(j, pod)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				twice := func(j *batchv1.Job) bool { return j.Status.Succeeded == 2 }
				if !wroteJob(upstream, twice) || wroteJob(ours, twice) {
					t.Error("upstream counts the pod again, ours does not")
				}
			},
			Explains: adoptsWithoutCounting,
		},
		{
			Row: "pods of a Job that is being deleted",
			Snapshot: func() *Snapshot {
				j := newTrain(1)
				j.Spec.ActiveDeadlineSeconds = new(int64(0))
				Deleting(j, Instant, true)
				return trainSnapshot(j, trainPod(0, "", corev1.PodRunning))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", deletedPods(upstream), "pod-0")
				same(t, "ours", deletedPods(ours))
			},
			Explains: func(c *Case) bool {
				j, ok := find[*batchv1.Job](c.Ours.Rounds[0].Before, train.Name)
				ends := func(j *batchv1.Job) bool {
					return hasCondition(j, batchv1.JobFailureTarget) || hasCondition(j, batchv1.JobSuccessCriteriaMet)
				}
				return ok && j.DeletionTimestamp != nil && (ends(j) || wroteJob(c.Upstream, ends)) && isSound(c) && len(deletedPods(c.Ours)) == 0
			},
		},
		{
			Row: "an index that is completed and failed",
			Snapshot: func() *Snapshot {
				j := newTrain(2, indexedTrain(2))
				j.Spec.BackoffLimitPerIndex = new(int32(0))
				return trainSnapshot(j, trainPod(0, "0", corev1.PodSucceeded), trainPod(1, "0", corev1.PodFailed))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !wroteJob(upstream, namesIndexTwice) || wroteJob(ours, namesIndexTwice) {
					t.Error("upstream names the index twice, ours once")
				}
			},
			Explains: func(c *Case) bool { return wroteJob(c.Upstream, namesIndexTwice) && isSound(c) },
		},
		{
			Row: "an end without a beginning",
			Snapshot: func() *Snapshot {
				j := newTrain(1)
				j.Spec.Suspend = new(true)
				return trainSnapshot(j, trainPod(0, "", corev1.PodSucceeded))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !wroteJob(upstream, finishesUnstarted) || wroteJob(ours, finishesUnstarted) {
					t.Error("upstream finishes without a start time, ours with one")
				}
			},
			Explains: func(c *Case) bool { return wroteJob(c.Upstream, finishesUnstarted) && isSound(c) },
		},
		{
			Row: "a namespace that ends",
			Snapshot: func() *Snapshot {
				s := trainSnapshot(newTrain(1))
				s.Refusals = []Refusal{NamespaceTerminating("Pod")}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				active := func(j *batchv1.Job) bool { return j.Status.Active > 0 }
				if !wroteJob(upstream, active) || wroteJob(ours, active) {
					t.Error("upstream reports a pod that it could not create, ours does not")
				}
			},
			Explains: expectsWhatWasRefused,
		},
		{
			Row: "a count of failures that is forgotten",
			Snapshot: func() *Snapshot {
				j := newTrain(1, indexedTrain(1))
				j.Spec.Suspend = new(true)
				j.Spec.BackoffLimitPerIndex = new(int32(3))
				again := trainPod(1, "0", corev1.PodRunning)
				again.Annotations[batchv1.JobIndexFailureCountAnnotation] = "1"
				s := trainSnapshot(j, trainPod(0, "0", corev1.PodFailed), again)
				s.Steps = []Step{Change("resumed", train, func(j *batchv1.Job) { *j.Spec.Suspend = false })}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", attemptsOfCreated(upstream), "0")
				same(t, "ours", attemptsOfCreated(ours), "1")
			},
			Explains: forgetsFailures,
		},
		{
			Row: "which failed pod hands on its count",
			Snapshot: func() *Snapshot {
				j := newTrain(1, indexedTrain(1))
				j.Spec.BackoffLimitPerIndex = new(int32(9))
				last, first := trainPod(0, "0", corev1.PodFailed), trainPod(1, "0", corev1.PodFailed)
				last.Status.Conditions[0].LastTransitionTime = metav1.NewTime(Instant.Add(-30 * time.Minute))
				first.Annotations[batchv1.JobIndexFailureCountAnnotation] = "2"
				first.OwnerReferences = nil // upstream lists it behind those that are the Job's already
				return trainSnapshot(j, last, first)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", attemptsOfCreated(upstream), "1")
				same(t, "ours", attemptsOfCreated(ours), "3")
			},
			Explains: handsOnTheMost,
		},
		{
			Row: "which pod a Job fails for",
			Snapshot: func() *Snapshot {
				j := newTrain(2)
				j.Spec.PodReplacementPolicy = new(batchv1.Failed)
				j.Spec.PodFailurePolicy = &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
					Action:          batchv1.PodFailurePolicyActionFailJob,
					OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.PodReady, Status: corev1.ConditionFalse}},
				}}}
				orphan := trainPod(0, "", corev1.PodFailed)
				orphan.OwnerReferences = nil
				return trainSnapshot(j, orphan, trainPod(1, "", corev1.PodFailed))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				const because = "Warning PodFailurePolicy: Pod default/%s has condition Ready matching FailJob rule at index 0"
				same(t, "upstream", upstream.Told(), fmt.Sprintf(because, "pod-1"))
				same(t, "ours", ours.Told(), fmt.Sprintf(because, "pod-0"))
			},
			Explains: func(c *Case) bool {
				theirs, mine := failedFor.FindString(c.Upstream.text()), failedFor.FindString(c.Ours.text())
				return theirs != "" && mine != "" && failedFor.ReplaceAllString(c.Upstream.text(), "*") == failedFor.ReplaceAllString(c.Ours.text(), "*")
			},
		},
		{
			Row: "which pods without a valid index go first",
			Snapshot: func() *Snapshot {
				s := trainSnapshot(newTrain(1, indexedTrain(1)), trainPod(0, "7", corev1.PodRunning), trainPod(1, "", corev1.PodRunning))
				s.Burst = 1
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", deletedPods(upstream), "pod-0", "pod-1")
				same(t, "ours", deletedPods(ours), "pod-1", "pod-0")
			},
			Explains: removesInAnotherOrder,
		},
		{
			Row: "a pod that is counted twice",
			Snapshot: func() *Snapshot {
				j := newTrain(1, indexedTrain(1))
				pod := trainPod(0, "0", corev1.PodSucceeded)
				j.Status.UncountedTerminatedPods.Failed = []types.UID{pod.UID}
				return trainSnapshot(j, pod)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				twice := func(j *batchv1.Job) bool { return j.Status.Failed == 1 && j.Status.Succeeded == 1 }
				if !wroteJob(upstream, twice) || wroteJob(ours, twice) {
					t.Error("upstream counts the pod as failed and as succeeded, ours once")
				}
			},
		},
		{
			Row: "a counter that falls",
			Snapshot: func() *Snapshot {
				j := newTrain(3, indexedTrain(1))
				j.Status.CompletedIndexes, j.Status.Succeeded = "0,3-4", 3
				return trainSnapshot(j)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				falls := func(j *batchv1.Job) bool { return j.Status.Succeeded < 3 }
				if !wroteJob(upstream, falls) || wroteJob(ours, falls) {
					t.Error("upstream lets the counter fall, ours does not")
				}
			},
		},
		{
			Row: "a resumption that was none",
			Snapshot: func() *Snapshot {
				start := metav1.NewTime(Instant.Add(-time.Hour))
				j := newTrain(1)
				j.Status.StartTime = &start
				j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionFalse, Reason: "Other", LastTransitionTime: start}}
				return trainSnapshot(j)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				begins := func(j *batchv1.Job) bool { return !j.Status.StartTime.Before(&metav1.Time{Time: Instant}) }
				if !wroteJob(upstream, begins) || wroteJob(ours, begins) {
					t.Error("upstream lets the Job begin anew, ours does not")
				}
			},
		},
		{
			Row: "an end before the beginning",
			Snapshot: func() *Snapshot {
				j := newTrain(1)
				j.Status.StartTime, j.Status.Succeeded = &metav1.Time{Time: Instant.Add(time.Hour)}, 1
				return trainSnapshot(j)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !wroteJob(upstream, endsTooEarly) || wroteJob(ours, endsTooEarly) {
					t.Error("upstream ends the Job before it began, ours does not")
				}
			},
			Explains: func(c *Case) bool { return wroteJob(c.Upstream, endsTooEarly) && isSound(c) },
		},
		{
			Row: "a selector that is empty",
			Snapshot: func() *Snapshot {
				j := newTrain(1)
				j.Spec.ManualSelector, j.Spec.Selector = new(true), &metav1.LabelSelector{}
				stray := trainPod(0, "", corev1.PodRunning)
				stray.OwnerReferences, stray.Labels, stray.Finalizers = nil, map[string]string{"app": "web"}, nil
				return trainSnapshot(j, stray)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "update Pod default/pod-0")
				same(t, "ours", ours.Did())
			},
		},
		{
			Row: "a deadline in three hundred years",
			Snapshot: func() *Snapshot {
				j := newTrain(1)
				j.Spec.ActiveDeadlineSeconds = new(int64(10_000_000_000))
				return trainSnapshot(j)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				failed := func(j *batchv1.Job) bool { return hasCondition(j, batchv1.JobFailed) }
				if !wroteJob(upstream, failed) || wroteJob(ours, failed) {
					t.Error("upstream fails the Job at once, ours does not")
				}
			},
		},
	}
}
