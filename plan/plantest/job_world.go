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
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// JobWorld is a Job of up to three pods at a time and its hosts.
func JobWorld() World {
	return World{
		Name:  "Job",
		Hosts: []sim.Host{sim.Jobs(job.Policy{}), sim.LostPods(job.Policy{})},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			j := drawJob(t)
			j.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
			j.ObjectMeta = metav1.ObjectMeta{Namespace: j.Namespace, Name: j.Name}
			j.Spec.TTLSecondsAfterFinished, j.Spec.ActiveDeadlineSeconds = nil, nil // what ends by itself is not at rest
			return j
		}),
		Edits: []Edit{
			{"parallelism", func(t *rapid.T, obj plan.Object) string {
				parallelism := rapid.Int32Range(0, 3).Draw(t, "parallelism")
				obj.(*batchv1.Job).Spec.Parallelism = &parallelism
				return fmt.Sprintf(`kubectl patch job train -p '{"spec":{"parallelism":%d}}'`, parallelism)
			}},
			{"suspend", func(t *rapid.T, obj plan.Object) string {
				suspend := rapid.Bool().Draw(t, "suspend")
				obj.(*batchv1.Job).Spec.Suspend = &suspend
				return fmt.Sprintf(`kubectl patch job train -p '{"spec":{"suspend":%t}}'`, suspend)
			}},
		},
		Always: countsOnce,
		Step:   jobStep,
		Goal:   jobRests,
		Policy: job.Policy{},
	}
}

// jobRests: where a Job can be left alone: suspended or without parallelism it waits for somebody.
func jobRests(s Snapshot) error {
	e := countErrand(s)
	if *e.job.Spec.Suspend || *e.job.Spec.Parallelism == 0 {
		if len(e.active) > 0 {
			return fmt.Errorf("%d pods are active, and none is wanted", len(e.active))
		}
		return nil
	}
	return jobGoal(s)
}

// countsOnce is the property that every pod of a Job is counted exactly once over the whole history. At every write:
//
//   - a pod that finished loses its finalizer only once the status names it, or its index;
//   - a pod is taken off the list only once it has lost its finalizer, and the counter goes up by as many pods as are taken off;
//   - no pod is on the list again that was counted before;
//   - a Job that finishes has counted every pod that finished while it was tracked, stays finished, and counters never fall.
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
			return bookOf(books, after.UID).turn(c, before, after)
		}
		return nil
	}
}

// book is what a history shows of one Job.
type book struct {
	counted map[types.UID]bool // taken off the list
	owed    map[types.UID]bool // finished while tracked, and not yet counted
}

func bookOf(books map[types.UID]*book, uid types.UID) *book {
	if books[uid] == nil {
		books[uid] = &book{counted: map[types.UID]bool{}, owed: map[types.UID]bool{}}
	}
	return books[uid]
}

// pod looks at the write of a pod.
func pod(c *sim.Cluster, books map[types.UID]*book, by string, before, after *corev1.Pod) error {
	was := before != nil && isTracked(before)
	switch {
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

// settled reports whether the status holds what is to be known about a finished pod.
func settled(j *batchv1.Job, pod *corev1.Pod) bool {
	if u := j.Status.UncountedTerminatedPods; u != nil && (slices.Contains(u.Failed, pod.UID) || slices.Contains(u.Succeeded, pod.UID)) {
		return true
	}
	e := errand{job: defaultJob(j).(*batchv1.Job)}
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
			if pod := findPod(c, uid); pod == nil || completed(after)[indexOf(after, pod)] || !e.fails(pod) {
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
	for _, obj := range c.List("Pod", "") {
		if obj.GetUID() == uid {
			return obj.(*corev1.Pod)
		}
	}
	return nil
}
