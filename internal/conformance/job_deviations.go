package conformance

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
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
			Row: "a pod that left and is being deleted",
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
			Explains: func(c *Case) bool { return slices.ContainsFunc(c.Ours.Rounds, hasLeftAndGoes) },
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
				return ok && j.DeletionTimestamp != nil && (ends(j) || wroteJob(c.Upstream, ends))
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
			Explains: func(c *Case) bool { return wroteJob(c.Upstream, namesIndexTwice) },
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
			Explains: func(c *Case) bool { return wroteJob(c.Upstream, finishesUnstarted) },
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

// trainSnapshot is a Job at noon with its pods.
func trainSnapshot(j *batchv1.Job, pods ...*corev1.Pod) *Snapshot {
	s := &Snapshot{Workload: train, Now: Instant, Objects: []plan.Object{j}}
	for _, pod := range pods {
		s.Objects = append(s.Objects, pod)
	}
	return s
}

// newTrain is a Job that has just been created, with as many pods at a time as completions.
func newTrain(completions int32, edits ...func(*batchv1.Job)) *batchv1.Job {
	j := &batchv1.Job{}
	j.Namespace, j.Name, j.UID, j.Generation = train.Namespace, train.Name, train.UID, 1
	j.CreationTimestamp = metav1.NewTime(Instant.Add(-2 * time.Hour))
	j.Spec.ManualSelector, j.Spec.Suspend = new(false), new(false)
	j.Spec.CompletionMode, j.Spec.PodReplacementPolicy = new(batchv1.NonIndexedCompletion), new(batchv1.TerminatingOrFailed)
	j.Spec.Completions, j.Spec.Parallelism, j.Spec.BackoffLimit = &completions, new(completions), new(int32(6))
	j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: string(train.UID)}}
	j.Spec.Template.Labels = jobLabels()
	j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	j.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	j.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	for _, edit := range edits {
		edit(j)
	}
	return j
}

func indexedTrain(parallelism int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Spec.CompletionMode, j.Spec.Parallelism = new(batchv1.IndexedCompletion), &parallelism
	}
}

// trainPod is a tracked pod of the Job, created, and if it is over finished, an hour ago; index may be empty.
func trainPod(i int, index string, phase corev1.PodPhase) *corev1.Pod {
	pod := readyPod("pod-"+strconv.Itoa(i), types.UID("uid-"+strconv.Itoa(i)), Instant.Add(-time.Hour))
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("batch/v1", "Job", train.Name, train.UID)}
	pod.Labels, pod.Finalizers = jobLabels(), []string{batchv1.JobTrackingFinalizer}
	pod.Annotations = map[string]string{}
	if index != "" {
		pod.Annotations[batchv1.JobCompletionIndexAnnotation] = index
	}
	pod.Status.Phase = phase
	if phase != corev1.PodRunning {
		pod.Status.Conditions[0].Status = corev1.ConditionFalse
	}
	return pod
}

// triedIndexes are the names, without what a server adds, of the pods that a side asked for and was refused.
func triedIndexes(run *Run) []string {
	tried := map[string]bool{}
	for text := range refused(run.Rounds) {
		tried[writtenIndexes.FindString(text)] = true
	}
	return slices.Sorted(maps.Keys(tried))
}

// writesTo are the verbs of the writes to a pod, in order.
func writesTo(run *Run, name string) []string {
	var verbs []string
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if w.Ref.Name == name {
				verbs = append(verbs, w.Verb)
			}
		}
	}
	return verbs
}

// deletedPods are the names of the pods that were deleted, in order.
func deletedPods(run *Run) []string {
	var names []string
	for _, round := range run.Rounds {
		names = append(names, round.deleted()...)
	}
	return names
}

// attemptsOfCreated is how many failures of their index the pods were created with.
func attemptsOfCreated(run *Run) []string {
	var counts []string
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if w.Verb == "create" && w.After != nil {
				counts = append(counts, w.After.GetAnnotations()[batchv1.JobIndexFailureCountAnnotation])
			}
		}
	}
	return counts
}

// differsByOrderOnly reports whether the Job ends and the two have deleted the same pods and removed the same finalizers, in
// another order.
func differsByOrderOnly(c *Case) bool {
	j, ok := find[*batchv1.Job](c.Ours.Rounds[len(c.Ours.Rounds)-1].Before, train.Name)
	ends := ok && (hasCondition(j, batchv1.JobSuccessCriteriaMet) || hasCondition(j, batchv1.JobFailureTarget))
	if !ends || !strings.HasPrefix(c.Difference, "the writes of upstream's first sync") {
		return false
	}
	first := (&Run{Rounds: c.Upstream.Rounds[:1]}).Did()
	for k := range c.Ours.Rounds {
		if slices.Equal(first, (&Run{Rounds: c.Ours.Rounds[:k+1]}).Did()) {
			return true
		}
	}
	return false
}

// stopsAtRefusal reports whether upstream was refused the update or the deletion of a pod, at which it gives up its sync.
func stopsAtRefusal(c *Case) bool {
	for text := range c.Upstream.Refused {
		if strings.HasPrefix(text, "update Pod") || strings.HasPrefix(text, "delete Pod") {
			return true
		}
	}
	return false
}

// namesIndexTwice: an API server refuses such a status.
func namesIndexTwice(j *batchv1.Job) bool {
	if j.Status.FailedIndexes == nil {
		return false
	}
	completed := spread(j.Status.CompletedIndexes)
	return slices.ContainsFunc(spread(*j.Status.FailedIndexes), func(i int) bool { return slices.Contains(completed, i) })
}

// finishesUnstarted: an API server refuses such a status, unless the Job wants nothing.
func finishesUnstarted(j *batchv1.Job) bool {
	wantsNothing := *j.Spec.Suspend && j.Spec.Completions != nil && *j.Spec.Completions == 0
	return isOver(j) && j.Status.StartTime == nil && !wantsNothing
}

// hasLeftAndGoes reports whether a pod of the Job no longer matches its selector and is being deleted.
func hasLeftAndGoes(r Round) bool {
	return slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
		ref := metav1.GetControllerOf(pod)
		return ref != nil && ref.UID == train.UID && pod.DeletionTimestamp != nil && pod.Labels[batchv1.ControllerUidLabel] != string(train.UID)
	})
}

// expectsWhatWasRefused reports whether upstream waits for pods whose creation was refused since the namespace is being
// deleted.
func expectsWhatWasRefused(c *Case) bool {
	return c.Stage > 0 && slices.ContainsFunc(slices.Collect(maps.Keys(c.Upstream.Refused)), func(text string) bool {
		return strings.HasSuffix(text, "because the namespace is being terminated")
	})
}

// forgetsFailures reports whether upstream let go of a failed pod while it deleted the one that carried on the count of its
// index, and ours keeps it.
func forgetsFailures(c *Case) bool {
	j, ok := find[*batchv1.Job](c.Ours.Rounds[len(c.Ours.Rounds)-1].Before, train.Name)
	if !ok || j.Spec.BackoffLimitPerIndex == nil || len(j.Status.UncountedTerminatedPods.Failed) == 0 {
		return false
	}
	theirs, ok := find[*batchv1.Job](c.Upstream.Rounds[len(c.Upstream.Rounds)-1].Before, train.Name)
	return ok && len(theirs.Status.UncountedTerminatedPods.Failed) == 0
}

// removesInAnotherOrder reports whether an Indexed Job has more pods to remove than go at once, and the two removed the same in
// the end.
func removesInAnotherOrder(c *Case) bool {
	j, ok := find[*batchv1.Job](c.Ours.Rounds[0].Before, train.Name)
	return ok && isIndexedJob(j) && c.Snapshot.Burst > 0 && slices.Equal(c.Upstream.Did(), c.Ours.Did()) &&
		strings.HasPrefix(c.Difference, "the writes of upstream's first sync")
}

func wroteJob(run *Run, such func(*batchv1.Job) bool) bool {
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if j, ok := w.After.(*batchv1.Job); ok && w.Verb == "update-status" && such(j) {
				return true
			}
		}
	}
	return false
}

var writtenIndexes = regexp.MustCompile(`train-[0-9]+|completion-index":"[0-9]+`)

// differsByIndexesOnly reports whether the creation of a pod with an index was refused, and the two differ by nothing
// but which indexes were tried.
func differsByIndexesOnly(c *Case) bool {
	told := func(run *Run) string {
		data, _ := json.Marshal([]any{run.State, slices.Sorted(maps.Keys(refused(run.Rounds))), slices.Sorted(maps.Keys(events(run.Rounds)))})
		return string(data)
	}
	unnumbered := func(run *Run) []string {
		parts := strings.Split(writtenIndexes.ReplaceAllString(told(run), "train-N"), "\"")
		slices.Sort(parts)
		return slices.Compact(parts)
	}
	tried := func(run *Run) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(run.Refused)), func(text string) bool {
			return strings.HasPrefix(text, "create Pod default/train-") && writtenIndexes.MatchString(text)
		})
	}
	return tried(c.Upstream) && tried(c.Ours) && slices.Equal(unnumbered(c.Upstream), unnumbered(c.Ours))
}
