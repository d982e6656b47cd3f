package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

func jobBench() []Bench {
	var benches []Bench
	for _, size := range []int{100, 10_000} {
		benches = append(benches,
			Bench{Name: fmt.Sprintf("%d/steady", size), Size: size, Snapshot: benchJob(size, 0, 0), Plan: planJob},
			Bench{Name: fmt.Sprintf("%d/100-succeeded", size), Size: size, Snapshot: benchJob(size, 0, 100), Plan: planJobTwice},
			Bench{Name: fmt.Sprintf("%d/every-other-completed", size), Size: size, Snapshot: benchJob(size, size/2, 0), Plan: planJob})
	}
	return benches
}

// benchJob is an Indexed Job whose status is as it should be, but that some of its pods have just succeeded. Of the
// indexes that were completed before, which are the odd ones, no pods are left.
func benchJob(completions, completed, succeeded int) func() *Snapshot {
	return func() *Snapshot {
		now := time.Now()
		j := newTrain(int32(completions), indexedTrain(int32(completions)))
		j.Status.StartTime = &metav1.Time{Time: now.Add(-24 * time.Hour)}
		s := &Snapshot{Workload: train, Now: now, Objects: []plan.Object{j}}
		owner := ControllerRef("batch/v1", "Job", train.Name, train.UID)
		var done []string
		for i := range completions {
			index := strconv.Itoa(i)
			if i%2 == 1 && len(done) < completed {
				done = append(done, index)
				continue
			}
			pod := BenchPod("train-"+index, owner, jobLabels(), fmt.Sprintf("node-%d", i%(1+completions/10)), now)
			pod.Finalizers = []string{batchv1.JobTrackingFinalizer}
			pod.Annotations[batchv1.JobCompletionIndexAnnotation] = index
			s.Objects = append(s.Objects, pod)
		}
		Shuffled(s.Objects)
		active := int32(completions - len(done))
		j.Status.CompletedIndexes, j.Status.Succeeded = strings.Join(done, ","), int32(len(done))
		for _, pod := range ObjectsOf[*corev1.Pod](s.Objects)[:succeeded] {
			finishPod(pod, corev1.PodSucceeded, 0, 0)
			active--
		}
		j.Status.Active, j.Status.Ready, j.Status.Terminating = active, &active, new(int32(0))
		return s
	}
}

func planJob(objects []plan.Object, now time.Time) func() error {
	j, _ := find[*batchv1.Job](objects, train.Name)
	observed := job.Observed{Now: now, Pods: ObjectsOf[*corev1.Pod](objects)}
	return func() error {
		_, err := job.Plan(j, observed, job.Policy{})
		return err
	}
}

// planJobTwice makes the plan that writes down which pods have finished and the one that lets go of them: upstream does
// both in one sync.
func planJobTwice(objects []plan.Object, now time.Time) func() error {
	first := planJob(objects, now)
	j, _ := find[*batchv1.Job](objects, train.Name)
	recorded := j.DeepCopy()
	if result, err := job.Plan(j, job.Observed{Now: now, Pods: ObjectsOf[*corev1.Pod](objects)}, job.Policy{}); err == nil {
		recorded.Status = result.Status
	}
	objects = slices.DeleteFunc(slices.Clone(objects), func(obj plan.Object) bool { return obj == plan.Object(j) })
	second := planJob(append(objects, recorded), now)
	return func() error {
		if err := first(); err != nil {
			return err
		}
		return second()
	}
}
