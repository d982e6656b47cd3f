package explore_test

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// cronJob is a CronJob that is due at noon, a minute later, and an hour later again. A run may still be going on when the next
// one is due. Meanwhile it may be suspended and resumed, or told to replace what runs. The Jobs that it starts have hosts of their own.
func cronJob() explore.Scope {
	subject := plantest.CronJobs()
	edit := func(command string, change func(*batchv1.CronJobSpec)) explore.Edit {
		return explore.EditOf(command, "CronJob", "tick", func(c *batchv1.CronJob) { change(&c.Spec) })
	}
	return explore.Scope{
		Name:  "CronJob and Job",
		Hosts: []sim.Host{sim.CronJobs(cronjob.Policy{}), sim.Jobs(job.Policy{}), sim.LostPods(job.Policy{})},
		Start: []plan.Object{&batchv1.CronJob{
			TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"},
			ObjectMeta: meta("tick"),
			Spec: batchv1.CronJobSpec{
				Schedule:          "0,1 12-13 1 * 0",
				ConcurrencyPolicy: batchv1.ForbidConcurrent,
				JobTemplate:       batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: jobTemplate(), BackoffLimit: new(int32(0))}},
			},
		}},
		Workload: plan.Ref{Kind: "CronJob", Name: "tick"},
		Policy:   cronjob.Policy{},
		Edits: []explore.Edit{
			edit(`kubectl patch cronjob tick -p '{"spec":{"suspend":true}}'`, func(spec *batchv1.CronJobSpec) { spec.Suspend = new(true) }),
			edit(`kubectl patch cronjob tick -p '{"spec":{"suspend":false}}'`, func(spec *batchv1.CronJobSpec) { spec.Suspend = new(false) }),
			edit(`kubectl patch cronjob tick -p '{"spec":{"concurrencyPolicy":"Replace"}}'`, func(spec *batchv1.CronJobSpec) {
				spec.ConcurrencyPolicy = batchv1.ReplaceConcurrent
			}),
		},
		Faults:   []explore.Fault{explore.Crash, explore.LoseAnswer, explore.Outage},
		Finish:   true,
		Calendar: true,
		Outage:   30 * time.Minute,
		Budget:   explore.Budget{Faults: 1, Edits: 2, Lags: 1, Ticks: 2},
		Lagging:  []string{"cronjob job"},
		Always:   oneJobAtATime(),
		Step:     subject.Step,
		Goal:     unlessSuspended(subject.Goal),
	}
}

// unlessSuspended: a CronJob that is suspended may rest anywhere.
func unlessSuspended(goal func(plantest.Snapshot) error) func(plantest.Snapshot) error {
	return func(s plantest.Snapshot) error {
		if suspend := s.Workload.(*batchv1.CronJob).Spec.Suspend; suspend != nil && *suspend {
			return nil
		}
		return goal(s)
	}
}

// hastyCronJob has the next run become due before all is done that the one before asks for.
func hastyCronJob() explore.Scope {
	scope := within(cronJob(), explore.Budget{Faults: 1, Lags: 1, Haste: 1, Ticks: 2})
	scope.Name += ", hasty"
	return scope
}

// replacingCronJob deletes the Job of the run before when the next one is due.
func replacingCronJob() explore.Scope {
	scope := within(cronJob(), explore.Budget{Faults: 1, Haste: 1, Ticks: 2})
	scope.Name += ", replacing"
	scope.Start[0].(*batchv1.CronJob).Spec.ConcurrencyPolicy = batchv1.ReplaceConcurrent
	return scope
}

func cronJobControls() []control {
	return []control{{
		name: "upstream's estimate of the most recent missed run",
		why: "It counts how many intervals have passed since the first missed run, taking the interval between the first two for that of all, and looks for a run " +
			"only from there on. With an irregular schedule it finds none, and the missed run is lost.",
		scope: spoil(hastyCronJob(), spoilPlan(func(workload plan.Object, seen sim.Seen, p *sim.Planned) {
			c := workload.(*batchv1.CronJob)
			if estimateAsUpstream(c, seen.Now).IsZero() {
				p.Actions = withoutCreations(p.Actions)
			}
		})),
	}, {
		name: "a planner that allows what is forbidden",
		why:  "It starts a run while another is at work, with the policy Forbid.",
		scope: spoil(hastyCronJob(), spoilInput(func(c *batchv1.CronJob, _ *sim.Seen) {
			c.Spec.ConcurrencyPolicy = batchv1.AllowConcurrent
		})),
	}}
}

// estimateAsUpstream is the last run that Kubernetes' controller takes for missed, zero if it takes none.
func estimateAsUpstream(c *batchv1.CronJob, now time.Time) (last time.Time) {
	parsed, err := cronjob.ParseSchedule(c.Spec.Schedule)
	if err != nil {
		return last
	}
	schedule := parsed.In(time.UTC, cronjob.EveryMatch)
	earliest := c.CreationTimestamp.Time
	if c.Status.LastScheduleTime != nil {
		earliest = c.Status.LastScheduleTime.Time
	}
	first := schedule.Next(earliest)
	second := schedule.Next(first)
	if now.Before(first) {
		return last
	}
	if now.Before(second) {
		return first
	}
	interval := second.Sub(first)
	from := first.Add((now.Sub(first)/interval - 1) * interval)
	for at := schedule.Next(from); !at.After(now); at = schedule.Next(at) {
		last = at
	}
	return last
}

func withoutCreations(actions []plan.Action) []plan.Action {
	return slices.DeleteFunc(slices.Clone(actions), isCreate)
}
