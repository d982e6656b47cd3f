package plan

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// Settle gives the ledger to keep once a plan has been made with p at the time now. It leaves out the failures, which that
// plan has reported; the answered writes that the view shows by now; and, of all writes of which this cannot be told,
// those older than [Expiry]. The answered [Create] of a CronJob's run stays, whatever the view shows, until a status that
// tells of the run was written: the run must not start a second time, even if its Job is gone before anybody looks. Call
// Settle after each plan that was made without an error, before you add the outcomes of that plan. p is not modified.
func Settle(p Pending, now time.Time) Pending {
	settled := Pending{Seen: p.Seen}
	told := p.lastRunTold()
	for _, o := range p.Outcomes {
		if o.Err != nil {
			continue
		}
		untold := o.Reply != nil && startsOnce(o.Action).After(told)
		if visible, known := p.visible(o); !untold && (visible || !known && expired(o, now)) {
			continue
		}
		settled.Outcomes = append(settled.Outcomes, o)
	}
	return settled
}

// startsOnce is the instant of the run that an action starts: zero for all that may be done a second time. Only a Job that
// a CronJob starts bears the annotation.
func startsOnce(a Action) (run time.Time) {
	if create, ok := a.(Create); ok {
		if job, ok := create.Object.(*batchv1.Job); ok {
			run, _ = time.Parse(time.RFC3339, job.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
		}
	}
	return run
}

// lastRunTold is the last run of a CronJob that a status which was written tells of: zero if there is none.
func (p Pending) lastRunTold() (told time.Time) {
	for _, o := range p.Outcomes {
		if a, ok := o.Action.(UpdateStatus); ok && o.Reply != nil && o.Err == nil {
			if cronJob, ok := a.After.(*batchv1.CronJob); ok && cronJob.Status.LastScheduleTime != nil {
				told = cronJob.Status.LastScheduleTime.Time // it never goes back
			}
		}
	}
	return told
}

// visible reports whether the view is at or past the write, and whether that can be told at all.
func (p Pending) visible(o Outcome) (visible, known bool) {
	if o.Reply == nil {
		return false, false
	}
	return atOrPast(p.Seen[o.Action.Target().Kind], o.Reply.GetResourceVersion())
}

// atOrPast compares two resource versions of one kind; known is false if either is missing or is not a number.
func atOrPast(seen, written string) (reached, known bool) {
	order, err := resourceversion.CompareResourceVersion(seen, written)
	return err == nil && order >= 0, err == nil
}

func expired(o Outcome, now time.Time) bool {
	return !now.Before(o.At.Add(Expiry))
}
