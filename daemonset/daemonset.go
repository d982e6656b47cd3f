package daemonset

import (
	"cmp"
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
	// Nodes are all nodes of the cluster: a node that is missing here counts as gone.
	Nodes []*corev1.Node
	// Pods may hold strangers: the planner selects its own.
	Pods []*corev1.Pod
	// Revisions may hold strangers too.
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
// it is new; what is adopted and released; the order of the history; then pods that go, pods that are bound, pods that
// come, and what is waited for. Within a group the nodes are in the order of their names; pods that an update has to
// replace come before those that it may.
//
// As long as a node lacks its pod, or has one too many or a finished one, nothing is updated.
//
// Fields that are nil have the defaults of the API server: RollingUpdate with one unavailable pod and no surge, a
// history of 10. An empty selector selects nothing and is told as an event. The error lists the fields that the API
// server would refuse; no plan comes with it.
func Plan(ds *appsv1.DaemonSet, observed Observed, policy Policy) (Result, error) {
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
		ds: ds, owner: owner, selector: selector, past: p.past, pending: pending, refused: p.wasRefused,
		generation: templateGeneration(ds), now: now,
	}).count(observed.Nodes, plan.Overlay(observed.Pods, pending, now))
	p.leaving = plan.UnseenDeletions(observed.Pods, pending, now)
	p.memory = observed.Memory.of(ds, now)

	p.claim()
	p.record()
	p.merge()
	p.keep()
	if len(p.missing)+len(p.victims) == 0 && !p.last.namespaceEnds && !p.last.revisionRefused {
		p.update()
	}
	p.forget()
	p.delete()
	if policy.BindPods {
		p.bind()
	}
	p.create()

	status := report(ds, p.past, p.seen)
	result := Result{Status: status, Memory: p.memory}
	result.Events = p.events
	if !equal(status, ds.Status) {
		result.Add(writeStatus(ds, owner, status))
	}
	result.Add(p.inOrder()...)
	p.explain(&result.Result, p.assumedUntil(asShown, selector, observed))
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
	leaving []*corev1.Pod // their deletion was issued and is not seen yet
	memory  Memory
	missing []string  // nodes that get a pod
	victims []victim  // pods that go
	retryAt time.Time // when the next failed pod may go: zero if none waits
	// availableAt is when a pod that becomes available will change the status or let the update go on: zero if none will.
	availableAt time.Time
	events      []plan.Event
	steps       []plan.Action
	creations   []plan.Action // of pods
	refused     []plan.Action // those that were refused last time
}

// victim is a pod that goes, and why.
type victim struct {
	node   string
	pod    *corev1.Pod
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

// outcomes is what the host reported of the last round.
type outcomes struct {
	// namespaceEnds: a creation was refused because the namespace is being deleted.
	namespaceEnds bool
	// nodes are those for which the API server refused a pod.
	nodes []string
	// revisionRefused: the API server refused the revision of the template.
	revisionRefused bool
}

func recall(pending plan.Pending, owner owners.Owner) outcomes {
	var last outcomes
	for _, failed := range pending.Failures() {
		create, ok := failed.Action.(plan.Create)
		if !ok || !owner.Owns(create.Object) {
			continue
		}
		switch obj := create.Object.(type) {
		case *corev1.Pod:
			last.nodes = append(last.nodes, target(obj))
		case *appsv1.ControllerRevision:
			last.revisionRefused = failed.Err.Reason != metav1.StatusReasonAlreadyExists // else it gets another name
		}
		last.namespaceEnds = last.namespaceEnds || plan.NamespaceTerminating(failed.Err)
	}
	return last
}

// wasRefused reports whether the API server refused to change the pod last time.
func (p *planner) wasRefused(pod *corev1.Pod) bool {
	return slices.ContainsFunc(p.pending.Failures(), func(o plan.Outcome) bool {
		update, ok := o.Action.(plan.Update)
		return ok && update.After.GetName() == pod.Name && update.After.GetNamespace() == pod.Namespace && update.After.GetUID() == pod.UID
	})
}

// order puts what has been found so far in the order of the nodes. What an update may do comes behind what it must do, so
// that a burst does not take the one for the other.
func (p *planner) order() {
	slices.Sort(p.missing)
	slices.SortFunc(p.victims, func(a, b victim) int { return cmp.Or(cmp.Compare(a.node, b.node), byName(a.pod, b.pod)) })
}

// delete removes the victims.
func (p *planner) delete() {
	for _, v := range p.victims[:min(len(p.victims), p.burst)] {
		p.add(plan.Delete{Object: plan.RefTo(v.pod), Reason: v.reason})
	}
}

// create makes the pods that are missing. Those that the API server refused last time come last, and the others begin behind
// them: so each node has its turn even if pods for some of them are always refused.
func (p *planner) create() {
	if len(p.missing) == 0 || p.last.namespaceEnds {
		return
	}
	behind := ""
	if len(p.last.nodes) > 0 {
		behind = slices.Max(p.last.nodes)
	}
	slices.SortStableFunc(p.missing, func(a, b string) int {
		return cmp.Or(
			falseFirst(slices.Contains(p.last.nodes, a), slices.Contains(p.last.nodes, b)),
			falseFirst(a < behind, b < behind),
		)
	})
	made := template(p.ds, p.past.hash)
	for _, node := range p.missing[:min(len(p.missing), p.burst)] {
		creation := plan.Create{Object: newPod(made, p.ds, p.owner, node)}
		if slices.Contains(p.last.nodes, node) {
			p.refused = append(p.refused, creation)
		} else {
			p.creations = append(p.creations, creation)
		}
	}
}

// inOrder puts the revision before anything that relies on it, and what was refused last time behind what does not rely on
// it.
func (p *planner) inOrder() []plan.Action {
	var revision []plan.Action
	if p.past.missing && !p.last.namespaceEnds {
		revision = []plan.Action{plan.Create{Object: p.past.current}}
	}
	if p.last.revisionRefused {
		return slices.Concat(p.pending.RefusedLast(p.steps), revision, p.creations, p.refused)
	}
	return slices.Concat(revision, p.pending.RefusedLast(slices.Concat(p.steps, p.creations)), p.refused)
}

// bind ties the pods without a node to the one that they are made for.
func (p *planner) bind() {
	var binds []plan.Bind
	for i := range p.seen.places {
		place := &p.seen.places[i]
		for j := range place.pods {
			if m := &place.pods[j]; place.run && m.isUnscheduled() && !m.orphan && !m.relabelled {
				m.bound = true
				binds = append(binds, plan.Bind{Object: plan.RefTo(m.pod), To: plan.RefTo(place.node)})
			}
		}
	}
	slices.SortFunc(binds, func(a, b plan.Bind) int {
		return cmp.Or(cmp.Compare(a.To.Name, b.To.Name), cmp.Compare(a.Object.Name, b.Object.Name))
	})
	for _, bind := range binds {
		p.add(bind)
	}
}
