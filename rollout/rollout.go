package rollout

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from.
type Observed struct {
	// Now is the only clock there is.
	Now time.Time
	// ReplicaSets are those of the Deployment's namespace, or of all: the planner selects its own.
	ReplicaSets []*appsv1.ReplicaSet
	// Pods are looked at for the strategy Recreate alone, which waits for the last old pod to be gone; they too may hold
	// strangers.
	Pods []*corev1.Pod
	// Pending is what the host has issued and the rest may not show yet.
	Pending plan.Pending
}

// Policy holds the choices that the Deployment itself does not make. The zero value does what Kubernetes does, but for the bounds that
// it breaks: see the package's documentation.
type Policy struct {
	// Owner is the apiVersion and kind that the ReplicaSets get as their controller. Empty: apps/v1 Deployment.
	Owner metav1.TypeMeta `json:"owner,omitzero"`
}

// Result is the plan, and the status that was observed.
type Result struct {
	plan.Result
	// Status is for reading: if it has to be written, Actions says so. While a ReplicaSet is still to be created, confirmed or
	// adopted, the counts and observedGeneration stay as stored: the plan that sees it writes them.
	Status appsv1.DeploymentStatus
}

// Plan returns the next steps of d's rollout: its status, then adoptions and releases, then the sizes of the
// ReplicaSets (those that shrink before those that grow), or a new ReplicaSet, or the removal of old
// ones that are past the history limit, then what is waited for.
//
// Fields that are nil have the defaults of the API server: 1 replica, RollingUpdate with 25 % (surge rounded up,
// unavailable rounded down), a history of 10, a deadline of 600 s. An empty selector selects nothing and is told
// as an event. The error lists what the API server would refuse in the fields that a plan is made from: the name, the spec but for the
// template, and of that the labels, restartPolicy and activeDeadlineSeconds; no plan comes with it.
func Plan(d *appsv1.Deployment, observed Observed, policy Policy) (Result, error) {
	if errs := invalid(d, policy); len(errs) > 0 {
		return Result{}, errs.ToAggregate()
	}
	now, pending := observed.Now, observed.Pending
	assumed := assumedUntil(d, observed)
	d = plan.Latest(d, pending, now)
	owner := owners.New(d, policy.Owner, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"})
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return Result{}, err
	}
	if selector.Empty() {
		return selectingAll(d, owner, assumed), nil
	}

	a := aimOf(d)
	view := plan.Overlay(observed.ReplicaSets, pending, now)
	s := sortOut(d, owner, selector, view)
	if s.fresh != nil {
		mark(s.fresh, d, nextRevision(s.old))
	}
	stage := stageOf(d, a, s)
	last := recall(pending, owner, s)
	if a.recreate {
		seeOldPods(s, plan.Overlay(observed.Pods, pending, now))
	}
	oldPods := slices.ContainsFunc(s.old, populated)
	var fresh *appsv1.ReplicaSet
	if stage.needsSet(s, oldPods) && !s.awaitsAdoption(last) && !s.brings(d) {
		fresh = newSet(d, owner, a, s, oldPods)
	}

	settled := stage != rollingBack && !s.awaitsAdoption(last) && (fresh == nil || last.tried()) && (s.fresh == nil || !s.fresh.assumed)
	judged := settled && stage.rollsOut() && !last.tried()
	status, revision := report(d, a, s, stage, last, settled, judged, now)
	clash := fresh != nil && taken(view, fresh)
	if clash {
		fresh = nil // another template has the same hash: count it, and the next name is another
		status.CollisionCount = new(or(status.CollisionCount, 0) + 1)
	}

	result := Result{Status: status}
	var until time.Time
	if judged {
		until = deadline(d, a, s, status)
	}
	result.WakeBy(assumed)
	result.WakeBy(until)
	write := writeStatus(d, owner, status, revision)
	if write != nil {
		result.Add(*write)
	}
	if stage == deleting {
		result.Add(plan.Wait{For: plan.WaitDeletion, Object: owner.Ref(), Reason: "the Deployment is being deleted"})
		return result, nil
	}

	steps, waits := claim(owner, s), []plan.Action(nil)
	switch {
	case s.awaitsAdoption(last):
	case !last.answerBy.IsZero():
		result.WakeBy(last.answerBy)
		waits = append(waits, waitForAnswer(owner, last.answerBy))
	case fresh != nil && last.namespaceEnds:
		waits = append(waits, plan.Wait{For: plan.WaitNamespace, Object: owner.Ref(), Reason: "the namespace is being terminated and takes no new ReplicaSet"})
	case fresh != nil:
		steps = append(steps, plan.Create{Object: fresh})
	case clash, stage == rollingBack && s.fresh == nil: // what is to be resized, and forgotten, is for the plan that has the new ReplicaSet
	case stage == rollingBack && s.fresh.marked(): // the revisions have to be right to be gone back to
		steps = append(steps, s.fresh.update())
	case stage == rollingBack:
		if write == nil { // one write to an object is all that a plan may hold
			update, event := rollback(d, owner, s)
			steps = append(steps, update)
			result.Events = append(result.Events, event)
		}
	default:
		resize(a, s, stage, d.Status.Replicas, oldPods)
		steps = append(steps, updates(a, s)...)
		if stage == paused && !asksForRollback(d) || stage.rollsOut() && !oldPods && complete(d, a, d.Status) {
			steps = append(steps, forget(a, s)...)
		}
	}
	result.Add(pending.RefusedLast(steps)...)
	if len(waits) == 0 && !assumed.IsZero() {
		waits = append(waits, waitForAnswer(owner, assumed))
	}
	result.Add(waits...)
	if settled {
		explain(&result.Result, d, owner.Ref(), a, stage, oldPods, status, until)
	}
	return result, nil
}

// selectingAll is the plan of a Deployment with an empty selector, which a server would refuse: it must not take every
// ReplicaSet of its namespace.
func selectingAll(d *appsv1.Deployment, owner owners.Owner, assumed time.Time) Result {
	result := Result{Status: *d.Status.DeepCopy()}
	result.Events = []plan.Event{{
		Type:    corev1.EventTypeWarning,
		Reason:  "SelectingAll",
		Message: "This deployment is selecting all pods. A non-empty selector is required.",
	}}
	result.WakeBy(assumed)
	if result.Status.ObservedGeneration < d.Generation {
		result.Status.ObservedGeneration = d.Generation
		result.Add(*writeStatus(d, owner, result.Status, d.Annotations[revisionAnnotation]))
	}
	result.Add(plan.Wait{For: plan.WaitPerson, Object: owner.Ref(), Reason: "the selector is empty"})
	return result
}

func waitForAnswer(owner owners.Owner, until time.Time) plan.Wait {
	return plan.Wait{For: plan.WaitAnswer, Object: owner.Ref(), Until: until, Reason: "what was written and is not seen counts as done"}
}
