package plantest

import (
	"errors"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan/sim"
)

// countsOnce is the property that every pod of a Job is counted exactly once over the whole history, and no more of them are
// made than may fail. At every write:
//
//   - a pod that finished loses its finalizer only once the status names it, or its index;
//   - a pod is taken off the list only once it has lost its finalizer, and the counter goes up by as many pods as are taken off;
//   - no pod is on the list again that was counted before;
//   - a Job that finishes has counted every pod that finished while it was tracked, stays finished, and counters never fall;
//   - no more pods are created than there may ever be: see [book.create].
func countsOnce(c *sim.Cluster) func(sim.Write) error {
	books := map[types.UID]*book{}
	return func(w sim.Write) error {
		switch w.Object().(type) {
		case *corev1.Pod:
			before, _ := w.Before.(*corev1.Pod)
			after, _ := w.After.(*corev1.Pod)
			return pod(c, books, w.By, before, after)
		case *batchv1.Job:
			before, _ := w.Before.(*batchv1.Job)
			after, _ := w.After.(*batchv1.Job)
			if before == nil || after == nil {
				return nil
			}
			b := bookOf(books, after.UID)
			b.noteCuts(before, after)
			return b.turn(c, before, after)
		}
		return nil
	}
}

// book is what a history shows of one Job.
type book struct {
	counted map[types.UID]bool // taken off the list
	owed    map[types.UID]bool // finished while tracked, and not yet counted

	created map[int]int // pods by the host, by index: -1 without one
	widest  int         // the highest parallelism there ever was
	cut     bool        // pods went that count for nothing: the Job was suspended or narrowed, or somebody took one away
}

func bookOf(books map[types.UID]*book, uid types.UID) *book {
	if books[uid] == nil {
		books[uid] = &book{counted: map[types.UID]bool{}, owed: map[types.UID]bool{}, created: map[int]int{}}
	}
	return books[uid]
}

// pod looks at the write of a pod.
func pod(c *sim.Cluster, books map[types.UID]*book, by string, before, after *corev1.Pod) error {
	was := before != nil && isTracked(before)
	if before != nil && after != nil {
		if j := controllerJob(c, before); j != nil && selects(j, before) && !selects(j, after) {
			bookOf(books, j.UID).cut = true
		}
	}
	switch {
	case before == nil && by == "job":
		if j := controllerJob(c, after); j != nil {
			return bookOf(books, j.UID).create(j, after)
		}
	case after != nil && isTracked(after) && isFinished(after):
		if j := controllerJob(c, after); j != nil && !finishedJob(j) && (!isIndexed(j) || indexOf(j, after) >= 0) {
			bookOf(books, j.UID).owed[after.UID] = true
		}
	case was && (after == nil || !isTracked(after)):
		j := controllerJob(c, before)
		if j == nil {
			return nil
		}
		b := bookOf(books, j.UID)
		released := after != nil && metav1.GetControllerOf(after) == nil
		switch {
		case j.DeletionTimestamp != nil || finishedJob(j) || released || !selects(j, before):
			delete(b.owed, before.UID) // nobody will count it, or somebody else
		case by == "job" && isFinished(before) && b.owed[before.UID] && !settled(j, before):
			return fmt.Errorf("pod %s loses its finalizer before it is counted", before.Name)
		}
	}
	return nil
}

// create notes that the host has created a pod. Of a Job that nobody cuts short no more are made than C + backoffLimit, and at one
// index no more than 1 + backoffLimitPerIndex; a work queue has parallelism in the place of C.
func (b *book) create(j *batchv1.Job, pod *corev1.Pod) error {
	j = defaultJob(j).(*batchv1.Job)
	index := -1
	if isIndexed(j) {
		index = indexOf(j, pod)
	}
	b.created[index]++
	b.widest = max(b.widest, int(*j.Spec.Parallelism))
	if policy := j.Spec.PodFailurePolicy; b.cut || policy != nil && policy.Rules[0].Action == batchv1.PodFailurePolicyActionIgnore {
		return nil
	}
	wins, all := b.widest, 0
	if completions := j.Spec.Completions; completions != nil {
		wins = int(*completions)
	}
	for _, created := range b.created {
		all += created
	}
	if most := wins + int(*j.Spec.BackoffLimit); all > most {
		return fmt.Errorf("%d pods are created for a Job, which nobody cut short, and there may be %d", all, most)
	}
	if limit := j.Spec.BackoffLimitPerIndex; limit != nil && b.created[index] > 1+int(*limit) {
		return fmt.Errorf("%d pods are created at index %d, and there may be %d", b.created[index], index, 1+*limit)
	}
	return nil
}

// noteCuts looks whether the Job was edited to have fewer pods at work.
func (b *book) noteCuts(before, after *batchv1.Job) {
	before, after = defaultJob(before).(*batchv1.Job), defaultJob(after).(*batchv1.Job)
	b.widest = max(b.widest, int(*before.Spec.Parallelism))
	b.cut = b.cut || *after.Spec.Suspend && !*before.Spec.Suspend || *after.Spec.Parallelism < *before.Spec.Parallelism ||
		after.Spec.Completions != nil && *after.Spec.Completions < *before.Spec.Completions
}

// settled reports whether the status holds what is to be known about a finished pod.
func settled(j *batchv1.Job, pod *corev1.Pod) bool {
	if u := j.Status.UncountedTerminatedPods; u != nil && (slices.Contains(u.Failed, pod.UID) || slices.Contains(u.Succeeded, pod.UID)) {
		return true
	}
	e := errand{job: defaultJob(j).(*batchv1.Job)}
	if isIndexed(j) && indexOf(j, pod) < 0 {
		return true // it was one of the Job's indexes
	}
	if isIndexed(j) && pod.Status.Phase == corev1.PodSucceeded {
		return completed(j)[indexOf(j, pod)] || j.Status.FailedIndexes != nil
	}
	return pod.Status.Phase == corev1.PodFailed && !e.fails(pod)
}

func controllerJob(c *sim.Cluster, pod *corev1.Pod) *batchv1.Job {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return nil
	}
	obj, err := c.Get("Job", pod.Namespace, controller.Name)
	if err != nil || obj.GetUID() != controller.UID {
		return nil
	}
	return obj.(*batchv1.Job)
}

func selects(j *batchv1.Job, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(defaultJob(j).(*batchv1.Job).Spec.Selector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}

// turn looks at a page of the book: two statuses, one after the other.
func (b *book) turn(c *sim.Cluster, before, after *batchv1.Job) error {
	was, is := listedPods(before), listedPods(after)
	taken := 0
	for uid := range was {
		if is[uid] {
			continue
		}
		taken++
		if pod := findPod(c, uid); pod != nil && isTracked(pod) && selects(after, pod) {
			return fmt.Errorf("pod %s is counted, and bears the finalizer", pod.Name)
		}
		b.counted[uid] = true
		delete(b.owed, uid)
	}
	for uid := range is {
		if b.counted[uid] {
			return fmt.Errorf("a pod with the uid %s is counted a second time", uid)
		}
	}
	if isIndexed(after) {
		e := errand{job: defaultJob(after).(*batchv1.Job)}
		for uid := range b.owed {
			if pod := findPod(c, uid); pod == nil || indexOf(after, pod) < 0 || completed(after)[indexOf(after, pod)] || !e.fails(pod) {
				delete(b.owed, uid)
			}
		}
	}
	risen := after.Status.Failed - before.Status.Failed
	if !isIndexed(after) {
		risen += after.Status.Succeeded - before.Status.Succeeded
		if after.Status.Succeeded < before.Status.Succeeded {
			return errors.New("the counter of pods that succeeded falls")
		}
	}
	indexed := isIndexed(after)
	switch {
	case after.Status.Failed < before.Status.Failed:
		return errors.New("the counter of pods that failed falls")
	case int(risen) != taken && !indexed, int(risen) > taken:
		return fmt.Errorf("%d pods are taken off the list, and %d are counted", taken, risen)
	case finishedJob(before) && !finishedJob(after):
		return errors.New("a finished Job goes on")
	case finishedJob(after) && !finishedJob(before) && len(b.owed) > 0:
		for uid := range b.owed {
			if pod := findPod(c, uid); pod == nil || selects(after, pod) {
				return fmt.Errorf("the Job finishes and has never counted the pod with the uid %s", uid)
			}
		}
	}
	return nil
}

func listedPods(j *batchv1.Job) map[types.UID]bool {
	listed := map[types.UID]bool{}
	if u := j.Status.UncountedTerminatedPods; u != nil {
		for _, uid := range slices.Concat(u.Failed, u.Succeeded) {
			listed[uid] = true
		}
	}
	return listed
}

func findPod(c *sim.Cluster, uid types.UID) *corev1.Pod {
	for _, obj := range c.Peek("Pod", "") {
		if obj.GetUID() == uid {
			return obj.(*corev1.Pod)
		}
	}
	return nil
}
