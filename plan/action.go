package plan

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Action is one step of a plan: a Create, Update, UpdateStatus, Delete, Bind or Wait. The set is closed: a
// host switches on the type and needs no default case. String tells the step in one line; the JSON
// form is read back by [UnmarshalAction].
type Action interface {
	fmt.Stringer
	MarshalJSON() ([]byte, error)

	// Target names the object that the step writes or waits for. A Create whose name is left to the API
	// server has an empty name.
	Target() Ref

	sealed()
}

// Create makes Object. An empty name with a generateName leaves the name to the host or to the API server. A
// host that fills it in before it sends the request can tell afterwards, by name, whether a request
// that was never answered took effect.
type Create struct {
	Object Object
}

// Update changes Before into After: everything but the status. Send the difference as a patch, so that fields that
// Before's Go type does not know survive, with metadata.uid in it, or put After whole; its
// resourceVersion is the one that was planned with. When Live is set, read that owner first, from
// the API server and not from a cache, and skip the update if it is gone, has another UID, or is being
// deleted: Kubernetes asks for this before an orphan is adopted.
type Update struct {
	Before, After Object
	Live          *Ref
}

// UpdateStatus writes the status subresource of an object, and what Kubernetes lets travel with it. Send it with After's
// resourceVersion: a conflict means that the plan was made from a stale view.
type UpdateStatus struct {
	Before, After Object
}

// Delete removes exactly one object: send Object.UID as a precondition. An empty Propagation leaves the choice to
// the API server. NotFound counts as done.
type Delete struct {
	Object      Ref
	Propagation metav1.DeletionPropagation
	Reason      string
}

// Bind ties a pod to a node (the pods/binding subresource) or a claim to a volume (spec.volumeName). Planners
// emit it only where their Policy asks for it: by default the scheduler and the volume controller bind.
type Bind struct {
	Object, To Ref
}

// Wait says what keeps the workload from where it should be, and until when at the latest (zero: until something
// changes). It asks for nothing: Waits stand behind all other actions, and a plan of only Waits is empty.
type Wait struct {
	For    Blocker
	Object Ref
	Until  time.Time
	Reason string
}

// Blocker names what a Wait waits for. The set is closed.
type Blocker string

const (
	// WaitAnswer: a write went unanswered; it counts as done until the view shows it, or until it expires.
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
	// WaitClaimBound: a pod cannot be scheduled because a claim of its is not bound.
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
	// WaitPerson: nothing goes on until a person does something: deletes a pod, resumes, mends the spec.
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
