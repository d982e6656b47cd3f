package replicaset

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from.
type Observed struct {
	// Now is the current time, by the host's clock. It is the only clock there is.
	Now time.Time
	// Pods are all pods of the namespace; or at least those that the ReplicaSet controls, those without a controller, and
	// those that the Siblings select. A pod that is left out counts as gone. Do not select them by label: a pod that
	// no longer matches is to be released. Others, those of other namespaces too, are ignored.
	Pods []*corev1.Pod
	// Siblings are optional: the ReplicaSets that have the same controller as rs, such as one Deployment. Others, and rs
	// itself, are ignored. They matter only to which pods are deleted first: see [Plan].
	Siblings []*appsv1.ReplicaSet
	// Pending is the ledger for this ReplicaSet: what the host has issued and the view may not show yet. The kinds
	// in Pending.Seen that count are Pod and the workload's own.
	Pending plan.Pending
}

// Policy holds the choices that the ReplicaSet itself does not make. The zero value does what Kubernetes does.
type Policy struct {
	// Owner is the apiVersion and kind of the workload, if the ReplicaSet stands for a kind of your own: its pods, its
	// status and its Waits name it. Give both or neither. Empty: apps/v1 ReplicaSet.
	Owner metav1.TypeMeta `json:"owner,omitzero"`
	// Burst is how many pods one plan creates or deletes at most. 0 means 500; a negative number is an error. Adoptions
	// and releases do not count.
	Burst int `json:"burst,omitempty"`
}

// Result is the plan, and the status that was observed.
type Result struct {
	plan.Result
	// Status is the status as observed, for reading: if it has to be written, Actions holds an UpdateStatus.
	Status appsv1.ReplicaSetStatus
}

// defaultBurst is the number of pods that Kubernetes creates or deletes in one sync.
const defaultBurst = 500

// Plan returns the steps that bring rs to its number of pods: its status, then releases and adoptions, then either
// creations or deletions, then Waits. What the API server refused last time comes after the rest.
//
// rs must hold the stored status, with which the new one is compared, and its UID and resourceVersion. A new
// pod has only a generateName. The condition ReplicaFailure reports the first failure of the last round, as the
// ledger holds it, and goes away when rs has its number of pods.
//
// Deleted first, in the order of Kubernetes, are pods without a node; then those in phase Pending, before Unknown, before
// Running; pods that are not Ready; those with the lower controller.kubernetes.io/pod-deletion-cost; those with more
// active pods of rs and its siblings on their node, if rs has a controller; those Ready for less time; those with more
// restarts; the younger ones; those with the lower UID. Times are compared by the power of two into which their age in
// nanoseconds falls. Of two Ready times that differ but fall into one, the lower UID goes first.
//
// A nil spec.replicas means 1. An empty selector selects nothing; an event says so. The error lists the fields of rs and
// policy that are invalid, in the words of the API server; no plan comes with it. No pod, however strange, is an error.
func Plan(rs *appsv1.ReplicaSet, observed Observed, policy Policy) (Result, error) {
	if errs := invalid(rs, policy); len(errs) > 0 {
		return Result{}, errs.ToAggregate()
	}
	now, pending := observed.Now, observed.Pending
	assumed := assumedUntil(rs, observed)
	rs = plan.Latest(rs, pending, now)
	owner := owners.New(rs, policy.Owner, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"})
	selector, err := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	if err != nil {
		return Result{}, err
	}
	if selector.Empty() {
		return selectingAll(rs, owner), nil
	}

	view := plan.Overlay(observed.Pods, pending, now)
	seen := count(view, rs, owner, selector, pending, now)
	last := recall(pending, owner, seen)
	status := report(rs, seen, last, now)

	result := Result{Status: status}
	result.WakeBy(seen.nextAvailable)
	result.WakeBy(assumed)
	if !equal(status, rs.Status) {
		result.Add(writeStatus(rs, owner, status))
	}
	if rs.DeletionTimestamp != nil {
		result.Add(plan.Wait{For: plan.WaitDeletion, Object: owner.Ref(), Reason: "the ReplicaSet is being deleted"})
		return result, nil
	}

	var steps []plan.Action
	for _, pod := range seen.leavers {
		steps = append(steps, owner.Release(pod))
	}
	adopted := last.adoptable(seen.orphans)
	ours := append(seen.active, adopted...)
	wanted, burst := int(replicas(rs)), cmp.Or(policy.Burst, defaultBurst)
	// No pod takes the place of one whose deletion was asked for until it is seen to go.
	leaving := len(active(plan.UnseenDeletions(observed.Pods, pending, now), owner, selector))
	missing, surplus := wanted-len(ours)-len(seen.unanswered)-leaving, len(ours)-wanted
	if missing <= 0 {
		adopted = seen.orphans // also those that were refused, for nothing is created in their place
	}
	for _, pod := range adopted {
		steps = append(steps, owner.Adopt(pod))
	}
	switch {
	case missing > 0 && !last.namespaceEnds:
		for range min(missing, burst) {
			steps = append(steps, plan.Create{Object: pods.FromTemplate(&rs.Spec.Template, rs, owner.Reference())})
		}
	case surplus > 0:
		reason := fmt.Sprintf("%d pods, %d wanted", len(ours), wanted)
		var deletions []plan.Action
		for _, pod := range victims(ours, surplus, crowds(view, rs, observed.Siblings), now) {
			deletions = append(deletions, plan.Delete{Object: plan.RefTo(pod), Reason: reason})
		}
		// Cut to the burst only now: one that is always refused must not take the place of the others for ever.
		steps = append(steps, pending.RefusedLast(deletions)[:min(surplus, burst)]...)
	}
	result.Add(pending.RefusedLast(steps)...)
	explain(&result, owner.Ref(), wanted, leaving, seen, last, pending, assumed)
	return result, nil
}

// active are the pods of the list that are ours and at work.
func active(list []*corev1.Pod, owner owners.Owner, selector labels.Selector) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(list), func(pod *corev1.Pod) bool {
		return !pods.IsActive(pod) || owner.Judge(pod, selector) != owners.Ours
	})
}

// assumedUntil is when to look again at changes of rs and its pods that were issued and are not seen: if they never happened they
// are repeated then.
func assumedUntil(rs *appsv1.ReplicaSet, observed Observed) time.Time {
	return plan.Earliest(
		plan.AssumedUntil([]*appsv1.ReplicaSet{rs}, observed.Pending, observed.Now),
		plan.AssumedUntil(observed.Pods, observed.Pending, observed.Now))
}

// explain says what the ReplicaSet waits for, in the order in which pods come up.
func explain(result *Result, rs plan.Ref, wanted, leaving int, seen census, last outcomes, pending plan.Pending, assumed time.Time) {
	wait := func(blocker plan.Blocker, until time.Time, format string, args ...any) {
		result.WakeBy(until)
		result.Add(plan.Wait{For: blocker, Object: rs, Until: until, Reason: fmt.Sprintf(format, args...)})
	}
	here := len(seen.active)
	if here < wanted && last.namespaceEnds {
		wait(plan.WaitNamespace, time.Time{}, "%d of %d pods exist, and the namespace is being terminated", here, wanted)
	}
	if here < wanted && len(seen.unanswered) > 0 {
		var until time.Time
		for _, pod := range seen.unanswered {
			until = plan.Earliest(until, pending.AnswerBy(pod))
		}
		wait(plan.WaitAnswer, until, "%d of %d pods exist, nobody answered for %d more", here, wanted, len(seen.unanswered))
	}
	switch {
	case assumed.IsZero() && here < wanted && leaving > 0:
		wait(plan.WaitPodGone, time.Time{}, "%d of %d pods exist, %d more are not seen to go yet", here, wanted, leaving)
	case !assumed.IsZero():
		wait(plan.WaitAnswer, assumed, "a change was issued, and the view does not show it yet")
	}
	if ready := int(seen.ready); ready < min(here, wanted) {
		wait(plan.WaitPodReady, time.Time{}, "%d of %d pods are ready", ready, wanted)
	}
	if available := int(seen.available); available < min(int(seen.ready), wanted) {
		wait(plan.WaitPodAvailable, seen.nextAvailable, "%d of %d pods are available", available, wanted)
	}
}
