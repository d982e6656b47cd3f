// Package propertytest shows how to test a planner of your own: that its rules hold for any input (plantest.CheckRules), that its
// workload survives whatever happens to it (plantest.CheckHistories), and that no state of a small cluster is a trap
// (explore.Check). The planner is a small one: it keeps the number of pods of a ReplicationController, a kind that this
// module has no planner for, and neither adopts nor releases pods. What it promises stands in the test.
package propertytest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from.
type Observed struct {
	Now     time.Time
	Pods    []*corev1.Pod
	Pending plan.Pending
}

// Plan returns the steps that bring rc to its number of pods.
func Plan(rc *corev1.ReplicationController, observed Observed) (plan.Result, error) {
	if errs := invalid(rc); len(errs) > 0 {
		return plan.Result{}, errs.ToAggregate()
	}
	now, pending := observed.Now, observed.Pending
	var result plan.Result
	result.WakeBy(plan.AssumedUntil([]*corev1.ReplicationController{rc}, pending, now))
	result.WakeBy(plan.AssumedUntil(observed.Pods, pending, now))
	assumed := result.Wake
	rc = plan.Latest(rc, pending, now)
	self := plan.RefTo(rc)

	var here, unanswered []*corev1.Pod
	for _, pod := range plan.Overlay(observed.Pods, pending, now) {
		switch {
		case !works(pod, rc) || pod.DeletionTimestamp != nil:
		case pending.AnswerBy(pod).IsZero():
			here = append(here, pod)
		default: // it may never have been created: count it where there could be too many
			unanswered = append(unanswered, pod)
		}
	}
	leaving := 0 // on the strength of the ledger alone: nothing takes their place until they are seen to go
	for _, pod := range plan.UnseenDeletions(observed.Pods, pending, now) {
		if works(pod, rc) && pod.DeletionTimestamp == nil {
			leaving++
		}
	}

	wanted := 1
	if rc.Spec.Replicas != nil {
		wanted = int(*rc.Spec.Replicas)
	}
	after := rc.DeepCopy()
	after.Status.Replicas, after.Status.ObservedGeneration = int32(len(here)), rc.Generation
	if !reflect.DeepEqual(rc.Status, after.Status) {
		result.Add(plan.UpdateStatus{Before: rc.DeepCopy(), After: after})
	}
	if rc.DeletionTimestamp != nil {
		result.Add(plan.Wait{For: plan.WaitDeletion, Object: self, Reason: "it is being deleted"})
		return result, nil
	}
	if len(here) < wanted {
		for _, pod := range unanswered {
			result.WakeBy(pending.AnswerBy(pod))
		}
	}
	for range wanted - len(here) - len(unanswered) - leaving {
		result.Add(plan.Create{Object: newPod(rc)})
	}
	var deletions []plan.Action
	for _, pod := range slices.SortedFunc(slices.Values(here), youngestFirst)[:max(0, len(here)-wanted)] {
		deletions = append(deletions, plan.Delete{Object: plan.RefTo(pod), Reason: fmt.Sprintf("%d pods, %d wanted", len(here), wanted)})
	}
	result.Add(pending.RefusedLast(deletions)...)
	switch {
	case !assumed.IsZero() || len(unanswered) > 0 && len(here) < wanted:
		result.Add(plan.Wait{For: plan.WaitAnswer, Object: self, Until: result.Wake, Reason: "a change was issued, and the view does not show it yet"})
	case leaving > 0 && len(here) < wanted:
		result.Add(plan.Wait{For: plan.WaitPodGone, Object: self, Reason: fmt.Sprintf("%d pods are not seen to go yet", leaving)})
	}
	return result, nil
}

func invalid(rc *corev1.ReplicationController) field.ErrorList {
	switch {
	case rc == nil:
		return field.ErrorList{field.Required(field.NewPath("replicationController"), "")}
	case rc.Spec.Template == nil:
		return field.ErrorList{field.Required(field.NewPath("spec", "template"), "")}
	case rc.Spec.Replicas != nil && *rc.Spec.Replicas < 0:
		return field.ErrorList{field.Invalid(field.NewPath("spec", "replicas"), *rc.Spec.Replicas, "must be greater than or equal to 0")}
	}
	return nil
}

// works reports whether a pod is one of rc's, and not finished.
func works(pod *corev1.Pod, rc *corev1.ReplicationController) bool {
	owner := metav1.GetControllerOf(pod)
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	return !finished && pod.Namespace == rc.Namespace && owner != nil && owner.UID == rc.UID
}

func youngestFirst(a, b *corev1.Pod) int {
	return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID))
}

func newPod(rc *corev1.ReplicationController) *corev1.Pod {
	template := rc.Spec.Template.DeepCopy()
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, Spec: template.Spec}
	pod.Namespace, pod.GenerateName = rc.Namespace, rc.Name+"-"
	pod.Labels, pod.Annotations = template.Labels, template.Annotations
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(rc, corev1.SchemeGroupVersion.WithKind("ReplicationController"))}
	return pod
}
