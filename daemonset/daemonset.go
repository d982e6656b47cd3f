package daemonset

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from.
type Observed struct {
	// Now is the only clock there is.
	Now time.Time
	// Nodes are all nodes of the cluster: a node that is missing here counts as gone.
	Nodes []*corev1.Node
	// Pods are those of the DaemonSet's namespace, or of all: the planner selects its own.
	Pods []*corev1.Pod
	// Revisions are those of the namespace, or of all.
	Revisions []*appsv1.ControllerRevision
	// Pending is what the host has issued and the rest may not show yet.
	Pending plan.Pending
	// Memory is what the last plan for this DaemonSet returned; the zero value for the first.
	Memory Memory
}

// Policy holds the choices that the DaemonSet itself does not make. The zero value does what Kubernetes does.
type Policy struct {
	// Owner is the apiVersion and kind that the pods and revisions get as their controller. Empty: apps/v1 DaemonSet.
	Owner metav1.TypeMeta `json:"owner,omitzero"`
	// Burst is how many pods one plan creates, and how many it deletes, at the most. 0 stands for 250.
	Burst int `json:"burst,omitempty"`
	// BindPods is for hosts without a scheduler: pods that have no node yet are bound to the one they are made for.
	BindPods bool `json:"bindPods,omitempty"`
}

// Result is the plan, the status that was observed, and what to remember.
type Result struct {
	plan.Result
	// Status is for reading: if it has to be written, Actions says so.
	Status appsv1.DaemonSetStatus
	// Memory is for the next plan's Observed. Keep it whether or not the actions succeed.
	Memory Memory
}

// defaultBurst is the number of pods that Kubernetes creates, or deletes, in one sync.
const defaultBurst = 250

// Plan returns the steps that bring one pod to each node where it belongs: its status; the revision of the template, if
// it is new; what is adopted and released; the labels of pods whose revision is another of the same template, and the revisions
// that the history has no room for; then pods that go, pods that are bound, pods that come, and what is waited for. Within a
// group the nodes are in the order of their names, and what keeps one pod on each node comes before what an update
// replaces. After a refusal the order begins behind what was refused.
//
// As long as a node lacks its pod, or has (or may have) one too many or a finished one, nothing is updated, unless the API server refused
// something last time: what it always refuses must not keep all other nodes from their update.
//
// Fields that are nil have the defaults of the API server: RollingUpdate with one unavailable pod and no surge, a
// history of 10. An empty selector selects nothing and is told as an event. The error lists what the API server would refuse in
// the fields that a plan is made from: the name, spec.selector, updateStrategy, minReadySeconds and revisionHistoryLimit, and of the
// template the labels, restartPolicy and activeDeadlineSeconds; no plan comes with it.
func Plan(ds *appsv1.DaemonSet, observed Observed, policy Policy) (Result, error) {
	return planAhead(ds, observed, policy, 4)
}

// planAhead also plans for the time when a change that nobody answered for is given up, so many times: beyond that it takes each
// for one that makes a difference, and at worst asks to be woken too early.
func planAhead(ds *appsv1.DaemonSet, observed Observed, policy Policy, times int) (Result, error) {
	if errs := invalid(ds, policy); len(errs) > 0 {
		return Result{}, errs.ToAggregate()
	}
	now, pending := observed.Now, observed.Pending
	asShown := ds
	ds = plan.Latest(ds, pending, now)
	owner := owners.New(ds, policy.Owner, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"})
	selector, err := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	if err != nil {
		return Result{}, err
	}
	switch {
	case selector.Empty():
		return selectingAll(ds, owner, observed.Memory), nil
	case ds.DeletionTimestamp != nil:
		return beingDeleted(ds, owner, observed.Memory), nil
	}

	p := &planner{ds: ds, owner: owner, now: now, pending: pending, last: recall(pending, owner), burst: cmp.Or(policy.Burst, defaultBurst)}
	p.past, err = remember(ds, owner, selector, plan.Overlay(observed.Revisions, pending, now), pending)
	if err != nil {
		return Result{}, err
	}
	p.seen = (&counter{
		ds: ds, owner: owner, selector: selector, past: p.past, pending: pending, refused: p.last.keepsPod,
		generation: templateGeneration(ds), now: now,
	}).count(observed.Nodes, plan.Overlay(observed.Pods, pending, now))
	p.leaving = map[types.UID]bool{}
	for _, pod := range plan.UnseenDeletions(observed.Pods, pending, now) {
		p.leaving[identity(pod)] = !pods.IsTerminal(pod)
	}
	p.memory = observed.Memory.of(ds, now)

	p.claim()
	p.record()
	p.keep()
	p.merge()
	if p.mayUpdate() {
		p.update()
	}
	p.forget()
	if policy.BindPods {
		p.bind()
	}

	status := report(ds, p.past, p.seen)
	result := Result{Status: status, Memory: p.memory}
	result.Events = p.events
	if !equal(status, ds.Status) {
		result.Add(writeStatus(ds, owner, status))
	}
	result.Add(p.inOrder()...)
	assumed := assumedUntil(asShown, observed)
	if result.Empty() && !assumed.IsZero() && times > 0 {
		observed.Now, observed.Memory = assumed, result.Memory
		if then, err := planAhead(asShown, observed, policy, times-1); err == nil && then.Empty() {
			result.WakeBy(then.Wake) // it will make no difference what became of the change
			assumed = time.Time{}
		}
	}
	p.explain(&result.Result, assumed)
	return result, nil
}

// planner is one plan in the making. Each step of Plan reads what those before it have found.
type planner struct {
	ds      *appsv1.DaemonSet
	owner   owners.Owner
	now     time.Time
	pending plan.Pending
	last    outcomes
	burst   int
	past    past
	seen    census
	leaving map[types.UID]bool // pods whose deletion was issued and is not seen yet, by identity: they may run on
	memory  Memory
	missing []string // nodes that get a pod
	victims []victim // pods that go
	// undecided: on some node one pod may be too many, which is found once another is adopted.
	undecided bool
	binds     []step
	// What an update may do: how many of these pods go, and how many of these nodes get a second pod.
	replaceable          []victim
	surging              []string
	mayReplace, maySurge int
	retryAt              time.Time // when the next failed pod may go: zero if none waits
	// availableAt is when a pod that becomes available will change the status or let the update go on: zero if none will.
	availableAt time.Time
	events      []plan.Event
	steps       []plan.Action // all else
}

// victim is a pod that goes, and why.
type victim struct {
	place  *place
	member *member
	reason string
}

func (p *planner) add(action plan.Action) { p.steps = append(p.steps, action) }

// claim releases what is no longer selected and adopts what is.
func (p *planner) claim() {
	for _, revision := range p.past.Leavers {
		p.add(p.owner.Release(revision))
	}
	for _, revision := range p.past.Orphans {
		p.add(p.owner.Adopt(revision))
	}
	for _, pod := range p.seen.leavers {
		p.add(p.owner.Release(pod))
	}
	for _, pod := range p.seen.orphans {
		p.add(p.owner.Adopt(pod))
	}
}
