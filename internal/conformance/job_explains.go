package conformance

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

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
// another order, ours the finalizers first; and nothing else is different.
func differsByOrderOnly(c *Case) bool {
	if !losesFinalizersFirst(c) || compare(Kind{MeetWithin: -1}, c.Upstream, c.Ours) != "" {
		return false
	}
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
		if isChangeOfPod(text) {
			return isSound(c)
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

// endsTooEarly: an API server refuses an end before the beginning.
func endsTooEarly(j *batchv1.Job) bool {
	return j.Status.CompletionTime != nil && j.Status.StartTime != nil && j.Status.CompletionTime.Before(j.Status.StartTime)
}

// hasLeftAndGoes reports whether a pod of the Job no longer matches its selector, and it or the Job is being deleted.
func hasLeftAndGoes(r Round) bool {
	j, ok := find[*batchv1.Job](r.Before, train.Name)
	return slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
		ref := metav1.GetControllerOf(pod)
		return ref != nil && ref.UID == train.UID && pod.Labels[batchv1.ControllerUidLabel] != string(train.UID) &&
			(pod.DeletionTimestamp != nil || (ok && j.DeletionTimestamp != nil && !isOver(j)))
	})
}

// expectsWhatWasRefused reports whether upstream waits for pods whose creation was refused since the namespace is being
// deleted: that shows when something else happens, or a deadline passes.
func expectsWhatWasRefused(c *Case) bool {
	j, ok := find[*batchv1.Job](c.Ours.Rounds[0].Before, train.Name)
	due := ok && j.Spec.ActiveDeadlineSeconds != nil
	return (c.Stage > 0 || due) && isSound(c) && slices.ContainsFunc(slices.Collect(maps.Keys(c.Upstream.Refused)), func(text string) bool {
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

// hasTwoCounts reports whether two pods of one index, neither of them at work, tell of different numbers of failures before them.
func hasTwoCounts(r Round) bool {
	j, ok := find[*batchv1.Job](r.Before, train.Name)
	if !ok || j.Spec.BackoffLimitPerIndex == nil {
		return false
	}
	counts := map[string]string{}
	for _, pod := range ObjectsOf[*corev1.Pod](r.Before) {
		failed := pod.Status.Phase == corev1.PodFailed || (pod.DeletionTimestamp != nil && pod.Status.Phase != corev1.PodSucceeded)
		if !failed || pod.Namespace != train.Namespace || !slices.Contains(pod.Finalizers, batchv1.JobTrackingFinalizer) {
			continue
		}
		index, count := pod.Annotations[batchv1.JobCompletionIndexAnnotation], pod.Annotations[batchv1.JobIndexFailureCountAnnotation]
		if before, found := counts[index]; found && before != count {
			return true
		}
		counts[index] = count
	}
	return false
}

// removesInAnotherOrder reports whether an Indexed Job has more pods to remove than go at once, and the two removed the same in
// the end.
func removesInAnotherOrder(c *Case) bool {
	j, ok := find[*batchv1.Job](c.Ours.Rounds[0].Before, train.Name)
	return ok && isIndexedJob(j) && c.Snapshot.Burst > 0 && slices.Equal(c.Upstream.Did(), c.Ours.Did()) &&
		compare(Kind{MeetWithin: -1}, c.Upstream, c.Ours) == "" &&
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

// failedFor is how a pod failure policy says which pod fails the Job, and by which rule.
var failedFor = regexp.MustCompile(`(Container [^ ]+ for pod|Pod) [^ ]+ (failed with exit code -?[0-9]+|has condition [^ ]+) matching FailJob rule at index [0-9]+`)

// text is the cluster at rest and what was told.
func (r *Run) text() string {
	data, _ := json.Marshal([]any{r.State, slices.Sorted(maps.Keys(refused(r.Rounds))), slices.Sorted(maps.Keys(events(r.Rounds)))})
	return string(data)
}

var writtenIndexes = regexp.MustCompile(`train-[0-9]+|completion-index":"[0-9]+`)

// differsByIndexesOnly reports whether the creation of a pod with an index was refused, and the two have then created as many pods
// at other indexes, or differ by nothing but which indexes were tried.
func differsByIndexesOnly(c *Case) bool {
	unnumbered := func(run *Run) []string {
		parts := strings.Split(writtenIndexes.ReplaceAllString(run.text(), "train-N"), "\"")
		slices.Sort(parts)
		return slices.Compact(parts)
	}
	tried := func(run *Run) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(run.Refused)), func(text string) bool {
			return strings.HasPrefix(text, "create Pod default/train-") && writtenIndexes.MatchString(text)
		})
	}
	created := func(run *Run) []string {
		return slices.DeleteFunc(run.Did(), func(write string) bool { return !strings.HasPrefix(write, "create ") })
	}
	others := len(created(c.Upstream)) == len(created(c.Ours)) && !slices.Equal(created(c.Upstream), created(c.Ours))
	return tried(c.Upstream) && tried(c.Ours) && (others || slices.Equal(unnumbered(c.Upstream), unnumbered(c.Ours)))
}
