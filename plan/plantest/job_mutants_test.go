package plantest_test

import (
	"slices"
	"strconv"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// Planners of Jobs with one thing wrong about counting, each of which some history shows.
func TestJobHistoryMutants(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong func(healthy hostPlan) hostPlan
	}{
		{"strips the finalizer first", spoiling(func(j *batchv1.Job, seen sim.Seen, p *sim.Planned) {
			p.Actions = slices.Concat(stripFinished(j, sim.Read[*corev1.Pod](seen)), withoutStrips(p.Actions))
		})},
		{"counts first", spoiling(func(j *batchv1.Job, seen sim.Seen, p *sim.Planned) {
			countListed(p.Actions)
			p.Actions = append(withoutStrips(p.Actions), stripFinished(j, sim.Read[*corev1.Pod](seen))...)
		})},
		{"never lets go", spoiling(func(_ *batchv1.Job, _ sim.Seen, p *sim.Planned) { p.Actions = withoutStrips(p.Actions) })},
		{"takes updates without an answer for done", func(healthy hostPlan) hostPlan {
			return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
				seen.Pending.Outcomes = slices.Clone(seen.Pending.Outcomes)
				for i := range seen.Pending.Outcomes {
					seen.Pending.Outcomes[i] = believed(seen.Pending.Outcomes[i])
				}
				return healthy(workload, seen)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := plantest.JobWorld()
			world.Hosts[0].Plan = test.wrong(world.Hosts[0].Plan)
			message, caught := fails(t, plantest.Histories(world).Check)
			if !caught {
				t.Fatal("no history shows it")
			}
			t.Logf("caught: %s", message)
		})
	}
}

// The same, and some more, are caught on snapshots.
func TestJobMutants(t *testing.T) {
	for _, test := range []struct {
		name   string
		wrong  func(in plantest.JobInput, a plantest.Answer) plantest.Answer
		killer string
	}{
		{"strips the finalizer first", func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			a.Actions = slices.Concat(stripFinished(in.Job, in.Observed.Pods), withoutStrips(a.Actions))
			return a
		}, "every prefix is safe"},
		{"counts first", func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
			countListed(a.Actions)
			return a
		}, "every prefix is safe"},
		{"creates a pod too many", func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			if i := slices.IndexFunc(a.Actions, isCreate); i >= 0 {
				a.Actions = slices.Insert(slices.Clone(a.Actions), i, a.Actions[i])
			}
			return a
		}, "plans keep what the kind promises"},
		{"deletes for a Job that is being deleted", func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			for _, pod := range in.Observed.Pods {
				if in.Job != nil && in.Job.DeletionTimestamp != nil && pod != nil && metav1.IsControlledBy(pod, in.Job) {
					a.Actions = slices.Insert(slices.Clone(a.Actions), 0, plan.Action(plan.Delete{Object: plan.RefTo(pod)}))
				}
			}
			return a
		}, "ownership"},
		{"forgets that the Job is finished", func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			eachStatus(a.Actions, func(_, after *batchv1.JobStatus) {
				after.Conditions = slices.DeleteFunc(after.Conditions, func(c batchv1.JobCondition) bool { return c.Type == batchv1.JobFailureTarget })
			})
			return a
		}, "fixpoint"},
	} {
		t.Run(test.name, func(t *testing.T) {
			subject := plantest.Jobs()
			healthy := subject.Plan
			subject.Plan = func(in plantest.JobInput) (plantest.Answer, error) {
				a, err := healthy(in)
				if err == nil {
					a = test.wrong(in, a)
				}
				return a, err
			}
			rules := plantest.Rules(subject)
			at := slices.IndexFunc(rules, func(r plantest.Rule) bool { return r.Name == test.killer })
			if at < 0 {
				t.Fatalf("there is no rule %q", test.killer)
			}
			message, caught := fails(t, rules[at].Check)
			if !caught {
				t.Fatalf("%q does not catch it", test.killer)
			}
			t.Logf("caught: %s", message)
		})
	}
}

// spoiling spoils what a planner returns, with what it has seen at hand.
func spoiling(spoil func(*batchv1.Job, sim.Seen, *sim.Planned)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			p, err := healthy(workload, seen)
			if err == nil {
				p.Actions = slices.Clone(p.Actions)
				spoil(workload.(*batchv1.Job), seen, &p)
			}
			return p, err
		}
	}
}

// stripFinished takes the finalizers off all finished pods of a Job at once.
func stripFinished(j *batchv1.Job, pods []*corev1.Pod) []plan.Action {
	var strips []plan.Action
	for _, pod := range pods {
		if j == nil || pod == nil || !metav1.IsControlledBy(pod, j) || !finished(pod) || pod.Namespace != j.Namespace ||
			!slices.Contains(pod.Finalizers, batchv1.JobTrackingFinalizer) {
			continue
		}
		after := pod.DeepCopy()
		after.Finalizers = slices.DeleteFunc(after.Finalizers, func(f string) bool { return f == batchv1.JobTrackingFinalizer })
		strips = append(strips, plan.Update{Before: pod.DeepCopy(), After: after})
	}
	return strips
}

func withoutStrips(actions []plan.Action) []plan.Action {
	return slices.DeleteFunc(slices.Clone(actions), func(a plan.Action) bool {
		update, ok := a.(plan.Update)
		return ok && slices.Contains(update.Before.GetFinalizers(), batchv1.JobTrackingFinalizer) &&
			!slices.Contains(update.After.GetFinalizers(), batchv1.JobTrackingFinalizer)
	})
}

// countListed counts pods in the write that would only list them.
func countListed(actions []plan.Action) {
	eachStatus(actions, func(_, after *batchv1.JobStatus) {
		if u := after.UncountedTerminatedPods; u != nil {
			after.Failed += int32(len(u.Failed))
			after.Succeeded += int32(len(u.Succeeded))
			after.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
		}
	})
}

func eachStatus(actions []plan.Action, edit func(before, after *batchv1.JobStatus)) {
	for i, a := range actions {
		if write, ok := a.(plan.UpdateStatus); ok {
			before, after := write.Before.(*batchv1.Job), write.After.(*batchv1.Job).DeepCopy()
			edit(&before.Status, &after.Status)
			actions[i] = plan.UpdateStatus{Before: before, After: after}
		}
	}
}

// believed is an update without an answer as if it had been answered.
func believed(o plan.Outcome) plan.Outcome {
	var after plan.Object
	switch a := o.Action.(type) {
	case plan.Update:
		after = a.After
	case plan.UpdateStatus:
		after = a.After
	}
	if after == nil || o.Reply != nil || o.Err != nil {
		return o
	}
	version, _ := strconv.Atoi(after.GetResourceVersion())
	o.Reply = after.DeepCopyObject().(plan.Object)
	o.Reply.SetResourceVersion(strconv.Itoa(version + 1))
	return o
}

func isCreate(a plan.Action) bool { _, ok := a.(plan.Create); return ok }
