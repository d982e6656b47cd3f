package plantest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/job"
)

// errand is what the formulas of a Job are about, counted in the plainest way.
type errand struct {
	job     *batchv1.Job // with defaults
	active  []*corev1.Pod
	members []*corev1.Pod // all that are ours, or to be ours
	leavers int           // controlled and not selected, and held by the finalizer or not yet going
	orphans int
	going   int // terminating

	succeeded map[types.UID]bool // by counted or countable pods; of an Indexed Job none
	indexes   map[int]bool       // completed, and to be completed
	failed    int                // counted, listed and countable
	doomed    int                // active and tracked: the failure of the Job would make them failed
}

func countErrand(s Snapshot) errand {
	e := errand{job: defaultJob(s.Workload).(*batchv1.Job), succeeded: map[types.UID]bool{}}
	selector, _ := metav1.LabelSelectorAsSelector(e.job.Spec.Selector)
	refused := refusedUpdates(s.Pending)
	if memory, ok := s.Memory.(job.Memory); ok {
		for _, uid := range memory.Refused {
			refused[uid] = true
		}
	}
	deleting := e.job.DeletionTimestamp != nil
	for _, pod := range All[*corev1.Pod](s.consistent()) {
		if pod.Namespace != e.job.Namespace || refused[pod.UID] {
			continue
		}
		selected, orphan := selector.Matches(labels.Set(pod.Labels)), metav1.GetControllerOf(pod) == nil
		switch {
		case s.controls(pod) && selected:
			e.add(pod)
		case s.controls(pod) && (pod.DeletionTimestamp == nil && !deleting || pod.DeletionTimestamp != nil && isTracked(pod)):
			e.leavers++
		case orphan && selected && pod.DeletionTimestamp == nil && !deleting:
			adopted := pod.DeepCopy()
			if !isTracked(pod) && !isFinished(pod) && !e.ends() { // else it may have been counted before
				adopted.Finalizers = append(adopted.Finalizers, batchv1.JobTrackingFinalizer)
			}
			e.add(adopted)
			e.orphans++
		}
	}
	e.tally()
	return e
}

func (e *errand) add(pod *corev1.Pod) {
	e.members = append(e.members, pod)
	switch finished := isFinished(pod); {
	case pod.DeletionTimestamp == nil && !finished:
		e.active = append(e.active, pod)
	case !finished:
		e.going++
	}
}

// tally counts what is counted, what is listed, and what bears the finalizer and is not.
func (e *errand) tally() {
	status := &e.job.Status
	listed := map[types.UID]bool{}
	if u := status.UncountedTerminatedPods; u != nil {
		for _, uid := range u.Failed {
			listed[uid] = true
		}
		e.failed += len(u.Failed)
		for _, uid := range u.Succeeded {
			listed[uid] = !isIndexed(e.job)
			e.succeeded[uid] = true
		}
	}
	e.failed += int(status.Failed)
	e.indexes = completed(e.job)
	for _, pod := range e.members {
		if !isTracked(pod) || pod.UID == "" || listed[pod.UID] || (isIndexed(e.job) && indexOf(e.job, pod) < 0) {
			continue
		}
		switch {
		case pod.Status.Phase == corev1.PodSucceeded && isIndexed(e.job):
			e.indexes[indexOf(e.job, pod)] = true
		case pod.Status.Phase == corev1.PodSucceeded:
			e.succeeded[pod.UID] = true
		case e.fails(pod):
			e.failed++
		case pod.DeletionTimestamp == nil || e.onlyFailed():
			e.doomed++
		}
	}
}

// fails reports whether a pod counts as failed while the Job goes on.
func (e *errand) fails(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodFailed && (pod.DeletionTimestamp == nil || e.onlyFailed()) {
		return false
	}
	policy := e.job.Spec.PodFailurePolicy
	if policy == nil || policy.Rules[0].Action != batchv1.PodFailurePolicyActionIgnore {
		return true
	}
	return !slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Terminated != nil && c.State.Terminated.ExitCode == 3
	})
}

func (e *errand) onlyFailed() bool { return *e.job.Spec.PodReplacementPolicy == batchv1.Failed }

// wins is how many pods have succeeded, or indexes.
func (e *errand) wins() int {
	if isIndexed(e.job) {
		return len(e.indexes)
	}
	return int(e.job.Status.Succeeded) + len(e.succeeded)
}

// wanted is the most pods that may be at work. One that works at an index that has failed already takes the place of none that
// can still succeed.
func (e *errand) wanted() int {
	switch completions := e.job.Spec.Completions; {
	case *e.job.Spec.Suspend:
		return 0
	case completions != nil:
		left, lost, idle := int(*completions)-e.wins(), e.lost(), 0
		for _, pod := range e.active {
			if lost[indexOf(e.job, pod)] {
				idle++
			}
		}
		return max(0, min(int(*e.job.Spec.Parallelism), left, left-len(lost)+idle))
	case e.wins() > 0: // those at work go on, and no other begins
		return len(e.active)
	}
	return int(*e.job.Spec.Parallelism)
}

// lost are the indexes that the status says have failed for good.
func (e *errand) lost() map[int]bool {
	if indexes := e.job.Status.FailedIndexes; indexes != nil {
		return indexesIn(*indexes, e.job)
	}
	return nil
}

// ends reports whether the status announces an end.
func (e *errand) ends() bool {
	return announces(e.job, batchv1.JobFailureTarget) || announces(e.job, batchv1.JobSuccessCriteriaMet)
}

func isTracked(pod *corev1.Pod) bool {
	return slices.Contains(pod.Finalizers, batchv1.JobTrackingFinalizer)
}

func isIndexed(j *batchv1.Job) bool {
	return j.Spec.CompletionMode != nil && *j.Spec.CompletionMode == batchv1.IndexedCompletion
}

func announces(j *batchv1.Job, kind batchv1.JobConditionType) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == kind && c.Status == corev1.ConditionTrue
	})
}

func finishedJob(j *batchv1.Job) bool {
	return announces(j, batchv1.JobFailed) || announces(j, batchv1.JobComplete)
}

// indexOf is the completion index of a pod, -1 if it has no valid one.
func indexOf(j *batchv1.Job, pod *corev1.Pod) int {
	index, err := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
	if err != nil || index < 0 || index >= int(*j.Spec.Completions) {
		return -1
	}
	return index
}

// completed are the indexes that the status says are done.
func completed(j *batchv1.Job) map[int]bool { return indexesIn(j.Status.CompletedIndexes, j) }

// indexesIn reads an index set one by one, as far as they are indexes of the Job.
func indexesIn(text string, j *batchv1.Job) map[int]bool {
	indexes := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		first, last, _ := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to, _ := strconv.Atoi(cmp.Or(last, first))
		for i := from; err == nil && i <= min(to, int(*j.Spec.Completions)-1); i++ {
			indexes[i] = true
		}
	}
	return indexes
}
