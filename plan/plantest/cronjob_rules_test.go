package plantest_test

import (
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestCronJobRules(t *testing.T) {
	plantest.CheckRules(t, plantest.CronJobs())
}

// FuzzCronJobRules searches for snapshots that break a rule.
func FuzzCronJobRules(f *testing.F) { fuzzRules(f, plantest.CronJobs()) }

type (
	cronJobInput = plantest.CronJobInput
	cronJobPlan  = func(cronJobInput) (plantest.Answer, error)
)

// Planners and hosts with one thing wrong, each with the rule that finds it out.
func TestCronJobMutants(t *testing.T) {
	healthy := plantest.CronJobs()
	after := func(spoil func(in cronJobInput, a *plantest.Answer)) func(cronJobPlan) cronJobPlan {
		return func(healthy cronJobPlan) cronJobPlan {
			return func(in cronJobInput) (plantest.Answer, error) {
				a, err := healthy(in)
				if err == nil {
					spoil(in, &a)
				}
				return a, err
			}
		}
	}
	before := func(spoil func(in *cronJobInput)) func(cronJobPlan) cronJobPlan {
		return func(healthy cronJobPlan) cronJobPlan {
			return func(in cronJobInput) (plantest.Answer, error) {
				if in.CronJob != nil {
					in.CronJob = in.CronJob.DeepCopy()
				}
				spoil(&in)
				return healthy(in)
			}
		}
	}
	for _, mutant := range []struct {
		name   string
		wrong  func(cronJobPlan) cronJobPlan
		killer string
	}{
		{"leaves the deadline out of account", before(func(in *cronJobInput) {
			if in.CronJob != nil && in.CronJob.Spec.StartingDeadlineSeconds != nil {
				in.CronJob.Spec.StartingDeadlineSeconds = nil
			}
		}), "plans keep what the kind promises"},
		{"keeps no history", before(func(in *cronJobInput) {
			if in.CronJob != nil {
				in.CronJob.Spec.SuccessfulJobsHistoryLimit = new(int32(0))
			}
		}), "plans keep what the kind promises"},
		{"counts a run from the creation", before(func(in *cronJobInput) {
			if in.CronJob != nil {
				in.CronJob.Status.LastScheduleTime = nil
			}
		}), "read your writes"},
		{"allows what is forbidden", before(func(in *cronJobInput) {
			if in.CronJob != nil && in.CronJob.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent {
				in.CronJob.Spec.ConcurrencyPolicy = batchv1.AllowConcurrent
			}
		}), "every prefix is safe"},
		{"creates before it deletes", after(func(_ cronJobInput, a *plantest.Answer) {
			slices.SortStableFunc(a.Actions, func(x, y plan.Action) int { return creationFirst(x) - creationFirst(y) })
		}), "every prefix is safe"},
		{"has a host without a ledger", before(func(in *cronJobInput) {
			in.Observed.Pending.Outcomes = nil
		}), "read your writes"},
		{"says nothing between two runs", after(func(_ cronJobInput, a *plantest.Answer) {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool { _, waits := action.(plan.Wait); return waits })
		}), "never silent"},
		{"wakes a second early", after(func(_ cronJobInput, a *plantest.Answer) {
			if !a.Wake.IsZero() {
				a.Wake = a.Wake.Add(-time.Second)
			}
		}), "exact wake-ups at rest"},
		{"takes what a person made for a run", before(func(in *cronJobInput) {
			for i, j := range in.Observed.Jobs {
				if j != nil {
					in.Observed.Jobs[i] = j.DeepCopy()
					delete(in.Observed.Jobs[i].Annotations, "cronjob.kubernetes.io/instantiate")
				}
			}
		}), "plans keep what the kind promises"},
		{"takes whatever bears its name for its own", before(func(in *cronJobInput) {
			for i, j := range in.Observed.Jobs {
				if j == nil || in.CronJob == nil {
					continue
				}
				named := j.DeepCopy()
				for k := range named.OwnerReferences {
					if ref := &named.OwnerReferences[k]; ref.Name == in.CronJob.Name {
						ref.UID, ref.Kind = in.CronJob.UID, in.CronJob.Kind
					}
				}
				in.Observed.Jobs[i] = named
			}
		}), "ownership"},
	} {
		t.Run(mutant.name, func(t *testing.T) {
			subject := healthy
			subject.Plan = mutant.wrong(healthy.Plan)
			rules := plantest.Rules(subject)
			at := slices.IndexFunc(rules, func(r plantest.Rule) bool { return r.Name == mutant.killer })
			message, caught := fails(t, rules[at].Check)
			if !caught {
				t.Fatalf("%q does not catch it", mutant.killer)
			}
			t.Logf("caught by %q: %s", mutant.killer, message)
		})
	}
}
