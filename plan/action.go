package plan

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Action is one step of a plan: a [Create], [Update], [UpdateStatus], [Delete], [Bind] or [Wait]. There are no others: a
// host switches on the type, which is never a pointer. String tells the step in one line; [UnmarshalAction] reads the
// JSON form.
type Action interface {
	fmt.Stringer
	MarshalJSON() ([]byte, error)

	// Target names the object that the step writes or waits for. For a Create with only a generateName the name is
	// empty.
	Target() Ref

	sealed()
}

// Create makes Object. If it has only a generateName, let the host choose the name before it sends the request: then the
// view shows by name whether a request without an answer took effect. If the API server chooses the name, a
// request without an answer counts as one more object for [Expiry], whatever the view shows.
type Create struct {
	Object Object
}

// Update changes Before into After: everything but the status. Put After whole, or send the difference between the two
// as a patch: a patch keeps fields that the Go type does not know. Either way send After's resourceVersion, that of
// the version planned with: then a change that someone else makes in between is a conflict and is not overwritten.
//
// If Live is set, first read that owner, from the API server and not from a cache. Do not send the update if the owner is
// gone, has another UID or is being deleted: Kubernetes asks for this before an orphan is adopted.
type Update struct {
	Before, After Object
	Live          *Ref
}

// UpdateStatus writes the status subresource of an object: the status, and annotations, which the built-in kinds accept
// with it (a Deployment's revision). Put After whole, or send a patch; either way send After's resourceVersion: a conflict
// means that the plan was made from a stale view. A custom resource's status subresource ignores annotations: if they
// differ, write them with a second request.
type UpdateStatus struct {
	Before, After Object
}

// Delete removes exactly one object: send Object.UID as a precondition, so that a successor of the same name is safe. An
// empty Propagation leaves the choice to the API server: send none. NotFound is success. Reason is for people.
type Delete struct {
	Object      Ref
	Propagation metav1.DeletionPropagation
	Reason      string
}

// Bind ties a pod to a node (create its binding subresource) or a claim to a volume (set its spec.volumeName). Send
// Object.UID with it. A plan holds it only if the Policy asks for it: by default the scheduler and the volume
// controller bind.
type Bind struct {
	Object, To Ref
}

// Wait says what keeps the workload from where it should be, and until when at the latest (zero: until something
// changes). There is nothing to carry out. Waits come after all other actions, and a plan of only Waits is empty. Reason
// is for people.
type Wait struct {
	For    Blocker
	Object Ref
	Until  time.Time
	Reason string
}

// Blocker names what a [Wait] waits for. There are no others than these.
type Blocker string

const (
	// WaitAnswer: a write is not seen yet, and maybe was not answered. It counts as done until the view shows it, or for
	// [Expiry].
	WaitAnswer Blocker = "Answer"
	// WaitPodScheduled: a pod has no node yet.
	WaitPodScheduled Blocker = "PodScheduled"
	// WaitPodReady: a pod runs, or is about to, and is not Ready.
	WaitPodReady Blocker = "PodReady"
	// WaitPodAvailable: a pod is Ready, but not yet for minReadySeconds.
	WaitPodAvailable Blocker = "PodAvailable"
	// WaitPodFinished: a pod that runs to completion still runs.
	WaitPodFinished Blocker = "PodFinished"
	// WaitPodGone: a pod that is being deleted still exists.
	WaitPodGone Blocker = "PodGone"
	// WaitClaimBound: a pod cannot be scheduled because one of its claims is not bound.
	WaitClaimBound Blocker = "ClaimBound"
	// WaitClaimGone: a claim that is being deleted still exists.
	WaitClaimGone Blocker = "ClaimGone"
	// WaitReplicas: a ReplicaSet has not reached its spec.replicas.
	WaitReplicas Blocker = "Replicas"
	// WaitJobFinished: a Job still runs.
	WaitJobFinished Blocker = "JobFinished"
	// WaitBackoff: a failure is retried only after a delay.
	WaitBackoff Blocker = "Backoff"
	// WaitSchedule: the next run is due at a known time.
	WaitSchedule Blocker = "Schedule"
	// WaitExpiry: something is kept until its time is over.
	WaitExpiry Blocker = "Expiry"
	// WaitPerson: nothing goes on until a person does something: deletes a pod, resumes, corrects the spec.
	WaitPerson Blocker = "Person"
	// WaitDeletion: the workload itself is being deleted and is only reported on.
	WaitDeletion Blocker = "Deletion"
	// WaitNamespace: the namespace is being terminated and refuses new objects.
	WaitNamespace Blocker = "Namespace"
)

func (Create) sealed()       {}
func (Update) sealed()       {}
func (UpdateStatus) sealed() {}
func (Delete) sealed()       {}
func (Bind) sealed()         {}
func (Wait) sealed()         {}

func (a Create) Target() Ref       { return RefTo(a.Object) }
func (a Update) Target() Ref       { return RefTo(a.After) }
func (a UpdateStatus) Target() Ref { return RefTo(a.After) }
func (a Delete) Target() Ref       { return a.Object }
func (a Bind) Target() Ref         { return a.Object }
func (a Wait) Target() Ref         { return a.Object }

func (a Create) String() string {
	return "create " + describe(a.Object)
}

func (a Update) String() string {
	return fmt.Sprintf("update %s: %s", describe(a.After), changes(a.Before, a.After))
}

func (a UpdateStatus) String() string {
	return fmt.Sprintf("update-status %s: %s", describe(a.After), changes(a.Before, a.After))
}

func (a Delete) String() string {
	line := "delete " + a.Object.String()
	if a.Propagation != "" {
		line += fmt.Sprintf(" (%s)", a.Propagation)
	}
	return withReason(line, a.Reason)
}

func (a Bind) String() string {
	return fmt.Sprintf("bind %s to %s", a.Object, a.To)
}

func (a Wait) String() string {
	line := fmt.Sprintf("wait for %s of %s", a.For, a.Object)
	if !a.Until.IsZero() {
		line += " until " + a.Until.UTC().Format(time.RFC3339)
	}
	return withReason(line, a.Reason)
}

func withReason(line, reason string) string {
	if reason == "" {
		return line
	}
	return line + ": " + reason
}
