package job

import (
	"cmp"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/validate"
	"github.com/kubeplan/kubeplan/plan"
)

// cleanUp is the plan of a finished Job: what still bears its finalizer is let go, if it no longer matches once somebody
// deletes it, and the Job itself is deleted when its time is over.
func (r *round) cleanUp() {
	var held []*corev1.Pod
	for _, members := range [][]member{r.seen.active, r.seen.inactive} {
		for _, m := range members {
			if m.tracked {
				held = append(held, m.pod)
			}
		}
	}
	for _, pod := range r.seen.leavers {
		if pod.DeletionTimestamp != nil && slices.Contains(pod.Finalizers, finalizer) {
			held = append(held, pod)
		}
	}
	slices.SortFunc(held, byName)
	var strips []plan.Action
	for _, pod := range held {
		strips = append(strips, untrack(pod))
	}
	first, last := r.inTurn(strips)
	r.result.Add(first...)
	r.expire(last)
	r.awaitChanges()
}

// expire deletes a finished Job once ttlSecondsAfterFinished is over, whoever manages it, before steps that may be refused.
func (r *round) expire(refused []plan.Action) {
	ttl, finished := r.job.Spec.TTLSecondsAfterFinished, finish(r.job).LastTransitionTime
	var until time.Time
	if ttl != nil {
		until = finished.Add(time.Duration(*ttl) * time.Second)
	}
	expired := ttl != nil && !finished.IsZero() && !r.now.Before(until) && !r.isDeleting()
	if expired {
		r.result.Add(plan.Delete{
			Object:      r.owner.Ref(),
			Propagation: metav1.DeletePropagationForeground,
			Reason:      "ttlSecondsAfterFinished is over",
		})
	}
	r.result.Add(refused...)
	switch {
	case r.isDeleting():
		r.wait(plan.WaitDeletion, time.Time{}, "the finished Job is being deleted")
	case ttl == nil, expired:
	case finished.IsZero():
		r.wait(plan.WaitPerson, time.Time{}, "the Job does not say when it finished")
	default:
		r.wait(plan.WaitExpiry, until, "the finished Job is kept for %d s", *ttl)
	}
}

// Untrack returns the steps that let go of pods which no Job will ever count: tracked pods without a controller, and
// those that are being deleted and whose Job is gone. The finalizer would keep them for ever. Plan is asked about
// one Job and does not see them: a host calls Untrack besides, for any number of pods at a time, when
// a pod or a Job is deleted and when it starts.
//
// jobs are all Jobs of the namespaces that observed.Pods come from. A pod without a controller that an
// unfinished one of them selects is left for it to adopt.
func Untrack(jobs []*batchv1.Job, observed Observed, policy Policy) (plan.Result, error) {
	if errs := validate.Owner(policy.Owner, field.NewPath("policy", "owner")); len(errs) > 0 {
		return plan.Result{}, errs.ToAggregate()
	}
	kind := policy.Owner
	if kind.Kind == "" {
		kind = builtIn()
	}
	type identity struct {
		namespace string
		uid       types.UID
	}
	present := map[identity]bool{}
	for _, job := range plan.Overlay(jobs, observed.Pending, observed.Now) {
		present[identity{job.Namespace, job.UID}] = true
	}
	var steps []plan.Action
	for _, pod := range sorted(plan.Overlay(observed.Pods, answered(observed.Pending), observed.Now)) {
		if !slices.Contains(pod.Finalizers, finalizer) {
			continue
		}
		controller := metav1.GetControllerOfNoCopy(pod)
		switch {
		case controller == nil:
			if pod.DeletionTimestamp != nil || !slices.ContainsFunc(jobs, func(job *batchv1.Job) bool { return adopts(job, pod) }) {
				steps = append(steps, untrack(pod))
			}
		case pod.DeletionTimestamp != nil && controller.Kind == kind.Kind && controller.APIVersion == kind.APIVersion && !present[identity{pod.Namespace, controller.UID}]:
			steps = append(steps, untrack(pod))
		}
	}
	var result plan.Result
	result.Add(observed.Pending.RefusedLast(steps)...)
	return result, nil
}

// adopts reports whether the Job would take over a pod that has no controller.
func adopts(job *batchv1.Job, pod *corev1.Pod) bool {
	if job == nil || job.Namespace != pod.Namespace || job.DeletionTimestamp != nil || isFinished(job) || isManagedElsewhere(job) {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(complete(job).Spec.Selector)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(pod.Labels))
}

func sorted(pods []*corev1.Pod) []*corev1.Pod {
	return slices.SortedFunc(slices.Values(pods), func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), byName(a, b))
	})
}
