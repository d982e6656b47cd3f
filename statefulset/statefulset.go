package statefulset

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from. Each list may hold strangers: the planner selects its own.
type Observed struct {
	// Now is the only clock there is.
	Now time.Time
	// Pods of the set's namespace, or of all, as the other lists. Those that are not the set's matter too: one of them may bear a member's name.
	Pods []*corev1.Pod
	// Claims may hold strangers.
	Claims []*corev1.PersistentVolumeClaim
	// Volumes are optional: what Policy.BindClaims chooses from, and what is searched for two that share a directory.
	Volumes []*corev1.PersistentVolume
	// Revisions may hold strangers.
	Revisions []*appsv1.ControllerRevision
	// Pending is what the host has issued and its view may not show yet.
	Pending plan.Pending
}

// Policy holds the choices that the StatefulSet itself does not make. The zero value does what Kubernetes 1.36 does.
type Policy struct {
	// Owner is the apiVersion and kind that pods, revisions and claims get as their controller. Empty: apps/v1 StatefulSet.
	Owner metav1.TypeMeta `json:"owner,omitzero"`
	// MaxUnavailable honours spec.updateStrategy.rollingUpdate.maxUnavailable as Kubernetes 1.37 does: at least 1, percentages
	// of spec.replicas rounded down; only the deletion of an available pod uses it up, and under Parallel an unavailable pod of an
	// old revision is replaced outside of it. Without it, one pod at a time is replaced.
	MaxUnavailable bool `json:"maxUnavailable,omitempty"`
	// BindClaims binds the unbound claims of the pods to the volumes shown, one claim each: to one that is reserved for the
	// claim (spec.claimRef), else to the smallest that fits.
	BindClaims bool `json:"bindClaims,omitempty"`
	// Unblock replaces, under OrderedReady, a pod that is not available and not of the revision that the set is updated
	// to, and deletes a surplus pod that is not available. Kubernetes waits for such a pod; if its revision is
	// broken, until a person deletes it.
	Unblock bool `json:"unblock,omitempty"`
	// Batch is, under Parallel, the largest number of pods whose claims are created ahead of the first of these pods.
	// 0 stands for 500.
	Batch int `json:"batch,omitempty"`
}

// Result is the plan, and the status that was observed.
type Result struct {
	plan.Result
	// Status is for reading: if it has to be written, Actions says so.
	Status appsv1.StatefulSetStatus
}

// Plan returns the steps that bring the set to its pods: its status; its revisions; claims that are bound; then pod by pod, from the
// lowest ordinal to the highest, what is missing or amiss, each pod's claims before the pod; then the surplus pods and the pods
// of an old revision, from the highest ordinal to the lowest; then the revisions that the history has no room for; then what is
// waited for. After a refusal the order begins behind what was refused, where one step does not rely on the other. One plan creates
// 10,000 pods at the most.
//
// Under OrderedReady a pod is created only once all before it are available, a surplus pod or one of an old revision
// is deleted only once all that stay are, and one pod at the most is created or deleted. Under Parallel nothing waits for
// anything, but for the update, which replaces one pod at a time. [Policy].MaxUnavailable lets an update delete more at a time.
//
// A nil spec.replicas means 1, a nil revisionHistoryLimit 10; a negative one, which Kubernetes does not refuse, keeps all revisions.
// An empty selector selects nothing and is told as an event. The error lists what the API server would refuse in the fields
// that a plan is made from (of the pod template the labels, restartPolicy and activeDeadlineSeconds); no plan comes with it. How the
// name is spelled, spec.serviceName and the claim templates, which cannot be changed, are looked at in a set without a UID alone, as
// a server does when it creates one. Ordinals beyond 2147483647 are refused, too: Kubernetes would create such pods and not
// recognize them.
func Plan(set *appsv1.StatefulSet, observed Observed, policy Policy) (Result, error) {
	if errs := invalid(set, policy); len(errs) > 0 {
		return Result{}, errs.ToAggregate()
	}
	result, err := planAt(set, observed, policy)
	if assumed := assumedUntil(set, observed); err == nil && !assumed.IsZero() {
		err = result.awaitAnswers(set, observed, policy, assumed)
	}
	return result, err
}

// planAt plans as if all that was issued and is not seen had happened.
func planAt(set *appsv1.StatefulSet, observed Observed, policy Policy) (Result, error) {
	now, pending := observed.Now, observed.Pending
	set = plan.Latest(set, pending, now)
	owner := owners.New(set, policy.Owner, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"})
	selector, err := metav1.LabelSelectorAsSelector(set.Spec.Selector)
	if err != nil {
		return Result{}, err
	}
	if selector.Empty() {
		return selectingAll(set, owner), nil
	}

	want := read(set, policy)
	past, err := remember(set, owner, selector, plan.Overlay(observed.Revisions, pending, now), pending)
	if err != nil {
		return Result{}, err
	}
	seen := (&reader{set, owner, selector, past, pending, now}).count(observed.Pods)
	counted := report(set, past, seen)
	status := promote(counted, want, seen)

	result := Result{Status: status}
	if !equal(status, set.Status) {
		result.Add(writeStatus(set, owner, status))
	}
	result.WakeBy(seen.nextAvailable)
	if past.update.UID == "" {
		result.WakeBy(pending.AnswerBy(past.update))
	}
	if set.DeletionTimestamp != nil {
		result.Add(plan.Wait{For: plan.WaitDeletion, Object: owner.Ref(), Reason: "the StatefulSet is being deleted"})
		return result, nil
	}

	p := &planner{
		set: set, want: want, owner: owner, ref: owner.Ref(), past: past, seen: seen,
		currentReplicas: counted.CurrentReplicas, pending: pending,
	}
	p.claims = p.shelve(observed.Claims, now)
	p.claim()
	p.storage(observed.Volumes, policy.BindClaims)
	healthy := p.ordinals()
	surplus := p.surplus()
	if healthy || !want.ordered {
		p.scaleDown(surplus)
	}
	if healthy && len(surplus) == 0 || !want.ordered {
		p.update()
	}
	p.forget()

	result.Add(arrange(past.creation, p.units, pending.Failures(), want.batch)...)
	result.Events = p.events
	p.waits.tell(&result.Result)
	return result, nil
}

// awaitAnswers sees that what was issued and never happened is issued again: it wakes when the first of it is given up, if there will be
// something to do then.
func (r *Result) awaitAnswers(set *appsv1.StatefulSet, observed Observed, policy Policy, assumed time.Time) error {
	if !r.Empty() {
		r.WakeBy(assumed)
		return nil
	}
	observed.Now = assumed
	later, err := Plan(set, observed, policy)
	if err != nil {
		return err
	}
	if !later.Empty() {
		later.Wake = assumed
	}
	r.WakeBy(later.Wake)
	if len(r.Actions) == 0 && !later.Empty() {
		r.Add(plan.Wait{For: plan.WaitAnswer, Object: plan.RefTo(set), Until: assumed, Reason: "a change was issued, and the view does not show it yet"})
	}
	return nil
}

// assumedUntil is when to look again at changes that were issued and are not seen: if they never happened they are repeated then.
func assumedUntil(set *appsv1.StatefulSet, observed Observed) time.Time {
	return plan.Earliest(
		plan.AssumedUntil([]*appsv1.StatefulSet{set}, observed.Pending, observed.Now),
		plan.AssumedUntil(observed.Pods, observed.Pending, observed.Now),
		plan.AssumedUntil(observed.Claims, observed.Pending, observed.Now),
		plan.AssumedUntil(observed.Revisions, observed.Pending, observed.Now))
}

// planner is one plan in the making.
type planner struct {
	set     *appsv1.StatefulSet
	want    wanted
	owner   owners.Owner
	ref     plan.Ref // of the set
	past    past
	seen    census
	claims  shelf
	pending plan.Pending
	// currentReplicas is how many pods are of the current revision.
	currentReplicas int32

	units  []unit
	events []plan.Event
	waits  waits
}

// claim adopts the orphans that match, releases what no longer does, and keeps the history in order.
func (p *planner) claim() {
	p.addEach(p.past.moved)
	for _, revision := range p.past.Orphans {
		p.add(unit{pod: []plan.Action{p.owner.Adopt(revision)}})
	}
	for _, pod := range p.seen.leavers {
		p.add(unit{pod: []plan.Action{p.owner.Release(pod)}})
	}
	for _, pod := range p.seen.orphans {
		p.add(unit{pod: []plan.Action{p.owner.Adopt(pod)}})
	}
}

func (p *planner) add(u unit) {
	if len(u.claims)+len(u.pod) > 0 {
		p.units = append(p.units, u)
	}
}

// addEach adds actions that do not depend on each other, nor anything on them.
func (p *planner) addEach(actions []plan.Action) {
	for _, a := range actions {
		p.add(unit{pod: []plan.Action{a}})
	}
}

// delete removes a pod. One that is still to be adopted has to wait for the next plan: no object is written twice in one. So does one
// that would take claims along.
func (p *planner) delete(m *member, reason string) []plan.Action {
	if m.orphan || p.takesClaims(m) {
		return nil
	}
	m.deleted = true
	return []plan.Action{plan.Delete{Object: plan.RefTo(m.pod), Reason: reason}}
}

// isUnanswered reports whether the object is there only as far as we know: its creation was not answered.
func (p *planner) isUnanswered(obj plan.Object) bool {
	return obj.GetUID() == "" && !p.pending.AnswerBy(obj).IsZero()
}
