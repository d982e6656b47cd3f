package job

import (
	"cmp"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from.
type Observed struct {
	// Now is the only clock there is.
	Now time.Time
	// Pods may hold strangers: the planner selects its own.
	Pods []*corev1.Pod
	// Pending is what the host has issued and Pods or the Job may not show yet.
	Pending plan.Pending
	// Memory is what the last plan for this Job returned; the zero value for the first.
	Memory Memory
}

// Policy holds the choices that the Job itself does not make. The zero value does what Kubernetes does.
type Policy struct {
	// Owner is the apiVersion and kind that the pods get as their controller. Empty: batch/v1 Job.
	Owner metav1.TypeMeta `json:"owner,omitzero"`
	// Burst is how many pods one plan creates or deletes at the most. 0 stands for 500. Finalizers of finished pods are
	// not counted in it.
	Burst int `json:"burst,omitempty"`
}

// Result is the plan, the status that was observed, and what to remember.
type Result struct {
	plan.Result
	// Status is for reading: if it has to be written, Actions says so.
	Status batchv1.JobStatus
	// Memory is for the next plan's Observed. Keep it whether or not the actions succeed.
	Memory Memory
}

const (
	// defaultBurst is the number of pods that Kubernetes creates or deletes in one sync.
	defaultBurst = 500
	// maxUncounted is the number of UIDs that a status holds at the most: about 20 KB.
	maxUncounted = 500
	// finalizer keeps a pod until it is counted.
	finalizer = batchv1.JobTrackingFinalizer
)

// round is one plan in the making. Each step of Plan reads what those before it have found.
type round struct {
	now     time.Time
	pending plan.Pending
	live    *batchv1.Job // as the API server has it
	job     *batchv1.Job // with defaults, labels and selector filled in
	owner   owners.Owner
	burst   int

	seen    census
	unseen  int       // active pods whose deletion was issued and is not seen
	assumed time.Time // when what was issued and is not seen counts as not done: zero if there is no such thing
	tally   tally
	memory  Memory
	ending  *ending // nil: the Job goes on

	result                           Result
	strips, tracks, deletes, creates []plan.Action
}

// Plan returns the steps that run job to its end: its status, then finalizers that go or come back, then either deletions
// or creations, then what is waited for. A plan that releases or adopts pods does nothing else, since they may
// change what there is to do; where the API server has refused that it is tried again behind all else.
//
// Defaults, labels and the selector that an API server would add are filled in where they are missing. A
// Job with spec.managedBy is left to its manager. A finished Job is deleted once ttlSecondsAfterFinished
// is over. The error lists the fields that the API server would refuse; no plan comes with it.
func Plan(job *batchv1.Job, observed Observed, policy Policy) (Result, error) {
	if job == nil {
		return Result{}, field.ErrorList{field.Required(field.NewPath("job"), "")}.ToAggregate()
	}
	now, pending := observed.Now, answered(observed.Pending)
	assumed := plan.Earliest(
		plan.AssumedUntil([]*batchv1.Job{job}, pending, now),
		plan.AssumedUntil(observed.Pods, pending, now))
	live := plan.Latest(job, pending, now)
	job = complete(live)
	if errs := invalid(job, policy); len(errs) > 0 {
		return Result{}, errs.ToAggregate()
	}
	selector, err := metav1.LabelSelectorAsSelector(job.Spec.Selector)
	if err != nil {
		return Result{}, err
	}

	r := &round{
		now:     now,
		pending: pending,
		live:    live,
		job:     job,
		owner:   owners.New(job, policy.Owner, builtIn()),
		burst:   cmp.Or(policy.Burst, defaultBurst),
		assumed: assumed,
	}
	r.result.Status = *live.Status.DeepCopy()
	switch {
	case isManagedElsewhere(job):
		r.leaveToManager()
		return r.result, nil
	case selector.Empty():
		r.refuseEmptySelector()
		return r.result, nil
	}
	r.seen = takeCensus(plan.Overlay(observed.Pods, pending, now), job, r.owner, selector, pending)
	for _, pod := range plan.UnseenDeletions(observed.Pods, pending, now) {
		if r.owner.Owns(pod) && pods.IsActive(pod) {
			r.unseen++
		}
	}
	if isFinished(job) {
		r.cleanUp()
		return r.result, nil
	}
	r.memory = observed.Memory.of(job)
	claims, refused := r.claims()
	if len(claims) > 0 {
		r.result.Memory = r.memory
		r.result.Add(claims...)
		return r.result, nil
	}

	r.count()
	r.remember()
	r.ending = r.decide()
	r.account()
	r.manage()
	r.report()

	r.result.Memory = r.memory
	steps, stepsLast := r.inTurn(slices.Concat(r.strips, r.tracks, r.deletes))
	r.result.Add(slices.Concat(steps, r.creates, stepsLast, refused)...)
	r.explain()
	return r.result, nil
}

// inTurn gives steps on pods as those that stand before all others or, if the API server refused one of them last time, as those
// that stand behind all others, in turn: pods that nobody may touch keep no other from being touched or made.
func (r *round) inTurn(steps []plan.Action) (first, last []plan.Action) {
	refused := map[types.UID]bool{}
	for _, o := range r.pending.Failures() {
		refused[o.Action.Target().UID] = true
	}
	if slices.ContainsFunc(steps, func(step plan.Action) bool { return refused[step.Target().UID] }) {
		return nil, r.pending.RefusedLast(byPod(steps))
	}
	return steps, nil
}

// byPod brings together the steps on each pod, in their order.
func byPod(steps []plan.Action) []plan.Action {
	first := map[types.UID]int{}
	for i, step := range slices.Backward(steps) {
		first[step.Target().UID] = i
	}
	slices.SortStableFunc(steps, func(a, b plan.Action) int {
		return cmp.Compare(first[a.Target().UID], first[b.Target().UID])
	})
	return steps
}

// builtIn is the kind of a Job.
func builtIn() metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
}

// answered leaves out the updates that nobody answered. Counting a pod, or taking its finalizer, on the mere
// assumption that the step before it was done could count it twice or never. They are planned again instead:
// a status carries the resourceVersion it was made from, and a finalizer can be removed twice.
func answered(pending plan.Pending) plan.Pending {
	known := plan.Pending{Seen: pending.Seen}
	for _, o := range pending.Outcomes {
		switch o.Action.(type) {
		case plan.Update, plan.UpdateStatus:
			if o.Reply == nil && o.Err == nil {
				continue
			}
		}
		known.Outcomes = append(known.Outcomes, o)
	}
	return known
}
