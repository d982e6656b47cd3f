package cronjob

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// Observed is what a plan is made from.
type Observed struct {
	// Now is the only clock there is.
	Now time.Time
	// Zone is the time zone that [TimeZone] names, as time.LoadLocation gives it: zones are files, and a planner reads
	// none. Where the CronJob names no zone, it is the one that such CronJobs mean: UTC with LoadLocation("") or nil, as
	// in Kubernetes, where that is the zone of the controller's container.
	Zone *time.Location
	// Jobs may hold strangers: the planner selects its own. A stranger that bears the name of a Job to be
	// created is noticed if it is among them.
	Jobs []*batchv1.Job
	// Pending is what the host has issued and Jobs or the CronJob may not show yet.
	Pending plan.Pending
}

// Policy holds the choices that the CronJob itself does not make. The zero value does what Kubernetes does.
type Policy struct {
	// Owner is the apiVersion and kind that the Jobs get as their controller. Empty: batch/v1 CronJob.
	Owner metav1.TypeMeta `json:"owner,omitzero"`
	// DaylightSaving says what is due when the time zone sets its clocks forward or back. Empty: [EveryMatch].
	DaylightSaving DaylightSaving `json:"daylightSaving,omitempty"`
	// SkipRunsBeforeEdit leaves out a run that was due before the last edit by whoever sets the schedule or its time
	// zone. By default the first plan after an edit starts what the new schedule would have started last, and the event
	// PastRun says so. Kubernetes starts it as well the next time it looks, but an edit of the schedule alone does not make
	// it look: a Job that ends, another edit or a restart does.
	//
	// The time is read from metadata.managedFields, which do not tell what was edited: a new image, applied in one
	// manifest with the schedule, counts too. Without managedFields no run is left out.
	SkipRunsBeforeEdit bool `json:"skipRunsBeforeEdit,omitempty"`
}

// Result is the plan, and the status that was observed.
//
// An event about what lasts comes with every plan for as long as it does, always in the same words: MissSchedule until the
// next run is due, TooManyMissedTimes until one starts, JobAlreadyActive, InvalidSchedule and UnsupportedSchedule. A recorder
// that counts what it has recorded before, as that of client-go does, makes one event of them.
type Result struct {
	plan.Result
	// Status is for reading: if it has to be written, Actions says so.
	Status batchv1.CronJobStatus
}

// Plan returns the steps that a CronJob asks for now: its status, then the deletion of finished Jobs beyond the history
// limits, then the start of the run that is due, with concurrencyPolicy Replace behind the deletion of the Jobs
// that still run, then what is waited for.
//
// Due is only the most recent instant after status.lastScheduleTime, or after the creation if there was no run
// yet. A CronJob that bears neither counts as created at Now. History limits that are nil mean 3 successful Jobs
// and 1 failed Job; an empty concurrencyPolicy means Allow.
//
// The error lists the fields that the API server would refuse; no plan comes with it. A time zone in the schedule is
// refused, unless the CronJob has a UID: then an API server has accepted it, as those of old did.
func Plan(cronJob *batchv1.CronJob, observed Observed, policy Policy) (Result, error) {
	if cronJob == nil {
		return Result{}, field.ErrorList{field.Required(field.NewPath("cronJob"), "")}.ToAggregate()
	}
	observed.Pending = answered(observed.Pending)
	now, pending := observed.Now, observed.Pending
	assumed := plan.AssumedUntil(observed.Jobs, pending, now)
	cronJob = plan.Latest(cronJob, pending, now)
	schedule, errs := understand(cronJob, observed.Zone, policy)
	if len(errs) > 0 {
		return Result{}, errs.ToAggregate()
	}
	owner := owners.New(cronJob, policy.Owner, metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"})

	seen := take(observed, owner)
	status, events, wake := report(cronJob, seen, pending, now)
	result := Result{Status: status}
	result.Events = events
	result.WakeBy(assumed)
	result.WakeBy(wake)
	if !equal(status, cronJob.Status) {
		result.Add(writeStatus(cronJob, owner, status))
	}
	if cronJob.DeletionTimestamp != nil {
		result.Add(plan.Wait{For: plan.WaitDeletion, Object: owner.Ref(), Reason: "the CronJob is being deleted"})
		return result, nil
	}

	clock := turn{cronJob: cronJob, status: status, schedule: schedule, seen: seen, now: now, policy: policy}
	clock.decide()
	result.Events = append(result.Events, clock.events...)
	start := pending.RefusedLast(replace(clock.replaced, cronJob, seen))
	if !clock.start.IsZero() {
		start = append(start, plan.Create{Object: jobFor(cronJob, owner, clock.start)})
	}
	first, last := beyondHistory(cronJob, seen, status), start
	if slices.ContainsFunc(first, seen.wasRefused) { // a Job that may not go must not keep another from starting
		first, last = start, pending.RefusedLast(first)
	}
	result.Add(first...)
	result.Add(last...)

	result.WakeBy(clock.wake)
	for _, wait := range clock.waits {
		wait.Object = owner.Ref()
		result.Add(wait)
	}
	if !assumed.IsZero() {
		result.Add(plan.Wait{For: plan.WaitAnswer, Object: owner.Ref(), Until: assumed, Reason: "a change was issued, and the view does not show it yet"})
	}
	return result, nil
}

// answered leaves out the status writes that nobody answered. A Job may only be deleted once its run is known to be in
// lastScheduleTime, or the run could start again. The write is planned again instead: it carries the resourceVersion that
// it was made from.
func answered(pending plan.Pending) plan.Pending {
	known := plan.Pending{Seen: pending.Seen}
	for _, o := range pending.Outcomes {
		if _, writes := o.Action.(plan.UpdateStatus); writes && o.Reply == nil && o.Err == nil {
			continue
		}
		known.Outcomes = append(known.Outcomes, o)
	}
	return known
}

// replace deletes the Jobs that stand in the way of a run, unless they are being deleted.
func replace(active []corev1.ObjectReference, cronJob *batchv1.CronJob, seen census) []plan.Action {
	var steps []plan.Action
	for _, ref := range active {
		if job := seen.byUID[ref.UID]; job != nil && job.DeletionTimestamp != nil {
			continue
		}
		steps = append(steps, plan.Delete{
			Object:      plan.Ref{APIVersion: "batch/v1", Kind: "Job", Namespace: cronJob.Namespace, Name: ref.Name, UID: ref.UID},
			Propagation: metav1.DeletePropagationBackground,
			Reason:      "replaced by the run that is due",
		})
	}
	return steps
}
