package conformance

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// What ours must look like where a deviation begins with something that only upstream does: else it would excuse any planner.

// isSound reports whether ours has come to a rest at which a Job can be: it writes no status that an API server refuses,
// reports the pods that are there, and has no more of them at work than it may, unless it was not allowed to remove them.
func isSound(c *Case) bool {
	if !c.Ours.Rested || c.Ours.Touched != "" || wroteJob(c.Ours, namesIndexTwice) || wroteJob(c.Ours, finishesUnstarted) || wroteJob(c.Ours, endsTooEarly) {
		return false
	}
	end := c.Ours.Rounds[len(c.Ours.Rounds)-1].Before
	j, ok := find[*batchv1.Job](end, train.Name)
	if !ok || (j.Spec.ManagedBy != nil && *j.Spec.ManagedBy != batchv1.JobControllerName) || isOver(j) {
		return true
	}
	active := int32(0)
	for _, pod := range ObjectsOf[*corev1.Pod](end) {
		if isOwnPod(pod) && pod.DeletionTimestamp == nil && !isDone(pod) {
			active++
		}
	}
	if j.Status.Active != active {
		return false
	}
	most := *j.Spec.Parallelism
	if *j.Spec.Suspend {
		most = 0
	}
	if j.Spec.Completions == nil && j.Status.Succeeded > 0 && !*j.Spec.Suspend {
		return true // a work queue that has succeeded lets all others end, however many
	}
	return active <= most || j.DeletionTimestamp != nil || slices.ContainsFunc(slices.Collect(maps.Keys(c.Ours.Refused)), isChangeOfPod)
}

func isOwnPod(pod *corev1.Pod) bool {
	ref := metav1.GetControllerOf(pod)
	return pod.Namespace == train.Namespace && ref != nil && ref.UID == train.UID && pod.Labels[batchv1.ControllerUidLabel] == string(train.UID)
}

func isDone(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// isChangeOfPod: the update or the deletion of a pod, among what was refused.
func isChangeOfPod(text string) bool {
	return strings.HasPrefix(text, "update Pod") || strings.HasPrefix(text, "delete Pod")
}

// changesOfPods are the updates that our plans hold.
func changesOfPods(c *Case) []plan.Update {
	var updates []plan.Update
	for _, round := range c.Ours.Rounds {
		for _, a := range round.Actions {
			if update, ok := a.(plan.Update); ok && update.Before.GetNamespace() == train.Namespace {
				updates = append(updates, update)
			}
		}
	}
	return updates
}

func bearsJobFinalizer(obj plan.Object) bool {
	return slices.Contains(obj.GetFinalizers(), batchv1.JobTrackingFinalizer)
}

// tracksAgain reports whether ours gave the finalizer to a pod of the Job that is at work without it.
func tracksAgain(c *Case) bool {
	return isSound(c) && slices.ContainsFunc(changesOfPods(c), func(update plan.Update) bool {
		before := update.Before.(*corev1.Pod)
		return isOwnPod(before) && !isDone(before) && before.DeletionTimestamp == nil && !bearsJobFinalizer(before) && bearsJobFinalizer(update.After)
	})
}

// adoptsWithoutCounting reports whether ours adopted a pod without the finalizer, which had finished, or whose new Job had announced
// its end, and upstream adopted it with the finalizer.
func adoptsWithoutCounting(c *Case) bool {
	return isSound(c) && slices.ContainsFunc(changesOfPods(c), func(update plan.Update) bool {
		before := update.Before.(*corev1.Pod)
		j, ok := find[*batchv1.Job](c.Ours.Rounds[0].Before, train.Name)
		ends := ok && (hasCondition(j, batchv1.JobFailureTarget) || hasCondition(j, batchv1.JobSuccessCriteriaMet))
		return update.Live != nil && !bearsJobFinalizer(update.After) && (isDone(before) || ends)
	})
}

// losesFinalizersFirst reports whether ours takes the finalizer off every pod that it deletes, before that and once an end is
// announced.
func losesFinalizersFirst(c *Case) bool {
	for _, round := range c.Ours.Rounds {
		j, _ := find[*batchv1.Job](round.Before, train.Name)
		announced := j != nil && (hasCondition(j, batchv1.JobFailureTarget) || hasCondition(j, batchv1.JobSuccessCriteriaMet))
		stripped := map[string]bool{}
		for _, w := range round.Writes {
			switch {
			case w.Ref.Kind == "Job" && w.After != nil:
				after := w.After.(*batchv1.Job)
				announced = announced || hasCondition(after, batchv1.JobFailureTarget) || hasCondition(after, batchv1.JobSuccessCriteriaMet)
			case w.Ref.Kind == "Pod" && w.Verb == "update":
				stripped[w.Ref.Name] = true
			case w.Ref.Kind == "Pod" && w.Verb == "delete":
				pod, ok := find[*corev1.Pod](round.Before, w.Ref.Name)
				if !announced || (ok && bearsJobFinalizer(pod) && !stripped[w.Ref.Name]) {
					return false
				}
			}
		}
	}
	return true
}

// handsOnTheMost reports whether, at every index with pods that tell of different numbers of failures, ours created what goes on from
// the one with the most, or kept that one for later.
func handsOnTheMost(c *Case) bool {
	handed := false
	most := map[string]int{} // of those that failed since a pod was last at work at the index
	for _, round := range c.Ours.Rounds {
		handed = handed || hasTwoCounts(round)
		for index, attempts := range mostAttempts(round.Before) {
			most[index] = max(most[index], attempts)
		}
		for _, pod := range ObjectsOf[*corev1.Pod](round.Before) {
			if isOwnPod(pod) && !isDone(pod) && pod.DeletionTimestamp == nil {
				delete(most, pod.Annotations[batchv1.JobCompletionIndexAnnotation])
			}
		}
		for _, w := range round.Writes {
			if w.Verb != "create" || w.After == nil {
				continue
			}
			pod := w.After.(*corev1.Pod)
			index := pod.Annotations[batchv1.JobCompletionIndexAnnotation]
			if attempts, found := most[index]; found && attemptsOf(pod) != attempts+1 {
				return false
			}
		}
	}
	left := mostAttempts(c.Ours.Rounds[len(c.Ours.Rounds)-1].Before)
	for index, attempts := range mostAttempts(c.Upstream.Rounds[len(c.Upstream.Rounds)-1].Before) {
		if mine, kept := left[index]; kept && mine < attempts {
			return false
		}
	}
	return handed && isSound(c)
}

// mostAttempts is, by index, how many failures the failed pods tell of that bear the finalizer: of several the most.
func mostAttempts(objects []plan.Object) map[string]int {
	most := map[string]int{}
	for _, pod := range ObjectsOf[*corev1.Pod](objects) {
		failed := pod.Status.Phase == corev1.PodFailed || (pod.DeletionTimestamp != nil && pod.Status.Phase != corev1.PodSucceeded)
		if index := pod.Annotations[batchv1.JobCompletionIndexAnnotation]; failed && isOwnPod(pod) && bearsJobFinalizer(pod) {
			most[index] = max(most[index], attemptsOf(pod))
		}
	}
	return most
}

// attemptsOf is how many failures of its index, counted or not, a pod tells of.
func attemptsOf(pod *corev1.Pod) int {
	sum := 0
	for _, annotation := range []string{batchv1.JobIndexFailureCountAnnotation, batchv1.JobIndexIgnoredFailureCountAnnotation} {
		if n, err := strconv.Atoi(pod.Annotations[annotation]); err == nil && n > 0 {
			sum += n
		}
	}
	return sum
}
