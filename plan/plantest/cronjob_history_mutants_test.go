package plantest_test

import (
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// Hosts with one thing wrong, and what some history shows of it.
func TestCronJobHistoryMutants(t *testing.T) {
	of := func(spoil func(c *batchv1.CronJob, seen *sim.Seen)) func(hostPlan) hostPlan {
		return func(healthy hostPlan) hostPlan {
			return func(c plan.Object, seen sim.Seen) (sim.Planned, error) {
				spoiled := c.DeepCopyObject().(*batchv1.CronJob)
				spoil(spoiled, &seen)
				return healthy(spoiled, seen)
			}
		}
	}
	for _, mutant := range []struct {
		name  string
		wrong func(healthy hostPlan) hostPlan
		shown string
	}{
		{"forgets the last run", of(func(c *batchv1.CronJob, _ *sim.Seen) { c.Status.LastScheduleTime = nil }), "starts a second time"},
		{"allows what is forbidden", of(func(c *batchv1.CronJob, _ *sim.Seen) {
			if c.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent {
				c.Spec.ConcurrencyPolicy = batchv1.AllowConcurrent
			}
		}), "Jobs are at work"},
		{"creates before it deletes", planned(func(_ plan.Object, p *sim.Planned) {
			slices.SortStableFunc(p.Actions, func(a, b plan.Action) int { return creationFirst(a) - creationFirst(b) })
		}), "Jobs are at work"},
		{"has no deadline", of(func(c *batchv1.CronJob, _ *sim.Seen) { c.Spec.StartingDeadlineSeconds = nil }), "after its deadline"},
		{"writes no last run", planned(func(_ plan.Object, p *sim.Planned) {
			for _, a := range p.Actions {
				if write, ok := a.(plan.UpdateStatus); ok {
					write.After.(*batchv1.CronJob).Status.LastScheduleTime = nil
				}
			}
		}), "was left out"},
		{"forgets a Job that is gone before its run is written down", of(func(_ *batchv1.CronJob, seen *sim.Seen) {
			seen.Pending.Outcomes = slices.DeleteFunc(slices.Clone(seen.Pending.Outcomes), func(o plan.Outcome) bool {
				return o.Reply != nil && isAtOrPast(seen.Pending.Seen[o.Action.Target().Kind], o.Reply.GetResourceVersion())
			})
		}), "starts a second time"},
		{"starts runs from before an edit", of(func(c *batchv1.CronJob, _ *sim.Seen) { c.ManagedFields = nil }), "before the edit"},
		{"writes an older run", planned(func(_ plan.Object, p *sim.Planned) {
			for _, a := range p.Actions {
				if write, ok := a.(plan.UpdateStatus); ok && write.Before.(*batchv1.CronJob).Status.LastScheduleTime != nil {
					last := write.After.(*batchv1.CronJob).Status.LastScheduleTime
					last.Time = last.Add(-time.Hour)
				}
			}
		}), "lastScheduleTime goes back"},
		{"does not know the time zone", of(func(c *batchv1.CronJob, _ *sim.Seen) { c.Spec.TimeZone = nil }), "was left out"},
		{"does not wake", planned(func(_ plan.Object, p *sim.Planned) { p.Wake = time.Time{} }), "was left out"},
		{"wakes a second late", planned(func(_ plan.Object, p *sim.Planned) {
			if !p.Wake.IsZero() {
				p.Wake = p.Wake.Add(time.Second)
			}
		}), " starts at "},
		{"starts what was never asked for", planned(func(_ plan.Object, p *sim.Planned) {
			for _, a := range p.Actions {
				if create, ok := a.(plan.Create); ok {
					create.Object.SetAnnotations(map[string]string{batchv1.CronJobScheduledTimestampAnnotation: "2026-01-01T00:00:01Z"})
				}
			}
		}), "which no schedule asked for"},
	} {
		t.Run(mutant.name, func(t *testing.T) {
			expectCaught(t, playing(func(policy cronjob.Policy) sim.Host {
				host := sim.CronJobs(policy)
				host.Plan = mutant.wrong(host.Plan)
				return host
			}), mutant.shown)
		})
	}
	t.Run("runs twice what the clock shows twice", func(t *testing.T) {
		expectCaught(t, playing(func(cronjob.Policy) sim.Host { return sim.CronJobs(cronjob.Policy{}) }), "a second time, and a run starts")
	})
}

// playing plays histories of a CronJob with a host that is wrong.
func playing(host func(cronjob.Policy) sim.Host) func(*rapid.T) {
	return func(t *rapid.T) { playCronJob(t, host, false) }
}

// isAtOrPast compares two versions of the simulated API server.
func isAtOrPast(seen, written string) bool {
	order, err := resourceversion.CompareResourceVersion(seen, written)
	return err == nil && order >= 0
}

func creationFirst(a plan.Action) int {
	switch a.(type) {
	case plan.UpdateStatus:
		return 0
	case plan.Create:
		return 1
	case plan.Wait:
		return 3
	}
	return 2
}
