package plantest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// jobStep: there are never more pods at work than wanted, never more at one index, what ended stays ended; and whatever part of
// a plan is carried out, the sum of what is counted and what is still to be counted stays the same. Only the pods that a Job
// deletes because it fails are added to it.
func jobStep(before, after Snapshot) error {
	b, a := countErrand(before), countErrand(after)
	if finishedJob(b.job) {
		if !finishedJob(a.job) || a.job.Status.Failed != b.job.Status.Failed || a.job.Status.Succeeded != b.job.Status.Succeeded {
			return errors.New("a finished Job is changed")
		}
		return nil
	}
	if has, had, wanted := len(a.active), len(b.active), b.wanted(); has > max(had, wanted) {
		return fmt.Errorf("%d pods are active, where %d were and %d are wanted", has, had, wanted)
	}
	if b.onlyFailed() {
		if has, had := len(a.active)+a.going, len(b.active)+b.going; has > max(had, b.wanted()) {
			return fmt.Errorf("%d pods are active or terminating, where %d were and %d are wanted", has, had, b.wanted())
		}
	}
	if err := oneEach(b, a); err != nil {
		return err
	}
	return conserves(b, a, before, after)
}

func oneEach(b, a errand) error {
	if !isIndexed(a.job) {
		return nil
	}
	count := func(e errand) map[int]int {
		at := map[int]int{}
		for _, pod := range e.active {
			at[indexOf(e.job, pod)]++
		}
		return at
	}
	had := count(b)
	for index, has := range count(a) {
		if index >= 0 && has > max(1, had[index]) {
			return fmt.Errorf("%d pods work at index %d, where %d did", has, index, had[index])
		}
	}
	return nil
}

// conserves compares the sums. Where the Job itself or its pods are let go, none is owed.
func conserves(b, a errand, before, after Snapshot) error {
	if b.job.DeletionTimestamp != nil || b.leavers > 0 || len(refusedUpdates(before.Pending)) > 0 {
		return nil
	}
	if isIndexed(b.job) {
		if b.job.Spec.BackoffLimitPerIndex == nil && !maps.Equal(b.indexes, a.indexes) {
			return fmt.Errorf("indexes %v were completed, or were to be, and %v are", sortedKeys(b.indexes), sortedKeys(a.indexes))
		}
		was, is, lost := completed(b.job), completed(a.job), b.lost()
		for index := range was { // some of which a limit per index may have failed, of those that were to be completed
			if !is[index] && !lost[index] {
				return fmt.Errorf("indexes %v were completed, or were to be, and %v are", sortedKeys(was), sortedKeys(is))
			}
		}
	} else if b.wins() != a.wins() {
		return fmt.Errorf("%d pods succeeded, counted or not, and now %d", b.wins(), a.wins())
	}
	most := b.failed
	if announces(a.job, batchv1.JobFailureTarget) {
		most += b.doomed
	}
	if a.failed < b.failed || a.failed > most {
		return fmt.Errorf("%d pods failed, counted or not, and now %d", b.failed, a.failed)
	}
	return nil
}

// jobPlan: creates = max(0, W - A), and less where something delays them, W = min(P, C - succeeded), with policy Failed less those that
// terminate; at indexes that are free; none for a Job that ends, waits or goes.
func jobPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	e := countErrand(s)
	creates, taken := 0, maps.Clone(e.indexes)
	maps.Copy(taken, e.lost())
	for _, pod := range e.active {
		taken[indexOf(e.job, pod)] = true
	}
	for _, a := range answer.Actions {
		creation, ok := a.(plan.Create)
		if !ok {
			continue
		}
		creates++
		pod := creation.Object.(*corev1.Pod)
		if !isTracked(pod) {
			return errors.New("a pod is created that will not be counted")
		}
		if !isIndexed(e.job) {
			continue
		}
		index := indexOf(e.job, pod)
		if index < 0 || taken[index] {
			return fmt.Errorf("a pod is created at index %d", index)
		}
		taken[index] = true
	}
	room := e.wanted() - len(e.active)
	if e.onlyFailed() {
		room -= e.going
	}
	switch burst := cmp.Or(s.Policy.(job.Policy).Burst, 500); {
	case creates == 0:
	case e.ends() || finishedJob(e.job) || e.job.DeletionTimestamp != nil || *e.job.Spec.Suspend:
		return fmt.Errorf("%d pods are created for a Job that does not go on", creates)
	case creates > min(burst, room):
		return fmt.Errorf("%d pods are created, and %d are missing", creates, room)
	}
	return consistentEnd(answer.Whole.(*job.Result).Status)
}

// consistentEnd: what an API server requires of an end.
func consistentEnd(status batchv1.JobStatus) error {
	has := func(kind batchv1.JobConditionType) bool {
		return announces(&batchv1.Job{Status: status}, kind)
	}
	fails, succeeds := has(batchv1.JobFailureTarget), has(batchv1.JobSuccessCriteriaMet)
	switch {
	case fails && succeeds:
		return errors.New("the Job fails and succeeds")
	case has(batchv1.JobFailed) && !fails, has(batchv1.JobComplete) && !succeeds:
		return errors.New("the Job has ended without announcing it")
	}
	return nil
}

// jobGoal: finished, or as many pods at work as wanted; every finished pod counted; and a status that says so.
func jobGoal(s Snapshot) error {
	e := countErrand(s)
	status := e.job.Status
	for _, pod := range e.members {
		held := e.job.Spec.BackoffLimitPerIndex != nil && pod.Status.Phase == corev1.PodFailed && !finishedJob(e.job) // for its successor
		if s.controls(pod) && pod.UID != "" && isTracked(pod) && !held && (isFinished(pod) || finishedJob(e.job)) {
			return fmt.Errorf("pod %s still bears the finalizer", pod.Name)
		}
	}
	switch {
	case e.job.DeletionTimestamp != nil:
		return errors.New("the Job is being deleted")
	case finishedJob(e.job):
		return nil
	case e.orphans > 0 || e.leavers > 0:
		return fmt.Errorf("%d pods to adopt, %d to release", e.orphans, e.leavers)
	case e.ends():
		return errors.New("the Job ends")
	case *e.job.Spec.Suspend:
		return errors.New("the Job is suspended")
	case slices.ContainsFunc(e.active, func(pod *corev1.Pod) bool { return pod.UID != "" && !isTracked(pod) }):
		return errors.New("a pod is at work that nobody will count")
	case len(e.active) != e.wanted() || e.wanted() == 0:
		return fmt.Errorf("%d pods are active, %d wanted", len(e.active), e.wanted())
	case int(status.Active) != len(e.active):
		return fmt.Errorf("%d pods are active, the status says %d", len(e.active), status.Active)
	}
	return nil
}
