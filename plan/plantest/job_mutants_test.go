package plantest_test

import (
	"slices"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
)

// Planners of Jobs with one thing wrong: each is caught by a rule, and by what it says every clause of what a Job promises can fail.
func TestJobMutants(t *testing.T) {
	const bounds, promises, silence = "every prefix is safe", "plans keep what the kind promises", "never silent"
	for _, test := range []struct {
		name   string
		wrong  func(in plantest.JobInput, healthy jobPlanner) (plantest.Answer, error)
		killer string
		says   string
	}{
		{"strips the finalizer first", answeringJob(func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			a.Actions = slices.Concat(stripFinished(in.Job, in.Observed.Pods), withoutStrips(a.Actions))
			return a
		}), bounds, "failed, counted or not"},
		{"counts first", answeringJob(func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
			countListed(a.Actions)
			return a
		}), bounds, "succeeded, counted or not"},
		{"forgets an index that is completed", answeringJob(func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
			eachStatus(a.Actions, func(_, after *batchv1.JobStatus) { after.CompletedIndexes = "" })
			return a
		}), bounds, "were completed, or were to be"},
		{"counts on after the end", answeringJob(func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			if in.Job != nil && len(in.Job.Status.Conditions) > 1 && len(in.Observed.Pending.Outcomes) == 0 {
				after := in.Job.DeepCopy()
				after.Status.Failed++
				a.Actions = slices.Insert(slices.Clone(a.Actions), 0, plan.Action(plan.UpdateStatus{Before: in.Job.DeepCopy(), After: after}))
			}
			return a
		}), bounds, "a finished Job is changed"},
		{"creates a pod too many", answeringJob(func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			if i := slices.IndexFunc(a.Actions, isCreate); i >= 0 && !isIndexedJob(in.Job) {
				a.Actions = slices.Insert(a.Actions, i, a.Actions[i])
			}
			return a
		}), bounds, "pods are active, where"},
		{"does not look at pods that terminate", planningJob(func(_ *batchv1.Job, in *plantest.JobInput) {
			in.Observed.Pods = slices.DeleteFunc(slices.Clone(in.Observed.Pods), func(pod *corev1.Pod) bool {
				return pod != nil && pod.DeletionTimestamp != nil && !finished(pod)
			})
		}), bounds, "active or terminating"},
		{"takes one index twice", answeringJob(func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
			first := slices.IndexFunc(a.Actions, isCreate)
			for i, action := range a.Actions {
				if i > first && isCreate(action) {
					a.Actions[i] = a.Actions[first]
				}
			}
			return a
		}), bounds, "pods work at index"},
		{"creates pods that nobody will count", eachCreatedPod(func(pod *corev1.Pod) { pod.Finalizers = nil }), promises, "will not be counted"},
		{"counts indexes from 100", eachCreatedPod(func(pod *corev1.Pod) {
			if pod.Annotations != nil {
				pod.Annotations[batchv1.JobCompletionIndexAnnotation] = "100"
			}
		}), promises, "is created at index -1"},
		{"ignores the burst", planningJob(func(_ *batchv1.Job, in *plantest.JobInput) { in.Policy.Burst = 0 }), promises, "are missing"},
		{"works on although it is suspended", planningJob(func(j *batchv1.Job, _ *plantest.JobInput) { j.Spec.Suspend = nil }), promises, "does not go on"},
		{"fails what has succeeded", eachJobStatus(func(status *batchv1.JobStatus) {
			if len(status.Conditions) > 0 {
				announceBoth(status)
			}
		}), promises, "fails and succeeds"},
		{"ends without a word before", eachJobStatus(func(status *batchv1.JobStatus) {
			for i := range status.Conditions {
				if status.Conditions[i].Type == batchv1.JobFailureTarget {
					status.Conditions[i].Type = batchv1.JobFailed
				}
			}
		}), promises, "ended without announcing it"},
		{"deletes for a Job that is being deleted", answeringJob(func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
			for _, pod := range in.Observed.Pods {
				if in.Job != nil && in.Job.DeletionTimestamp != nil && pod != nil && metav1.IsControlledBy(pod, in.Job) {
					a.Actions = slices.Insert(slices.Clone(a.Actions), 0, plan.Action(plan.Delete{Object: plan.RefTo(pod)}))
				}
			}
			return a
		}), "ownership", ""},
		{"forgets that the Job ends", answeringJob(func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
			eachStatus(a.Actions, func(_, after *batchv1.JobStatus) {
				after.Conditions = slices.DeleteFunc(after.Conditions, func(c batchv1.JobCondition) bool { return c.Type == batchv1.JobFailureTarget })
			})
			return a
		}), "fixpoint", "rounds the plan is still"},
		{"never lets go, and does not say so", silently(always, func(a plan.Action) bool { return len(withoutStrips([]plan.Action{a})) == 0 }), silence, "still bears the finalizer"},
		{"never tracks again what is wanted again, and does not say so", silently(func(_ *batchv1.Job, a plantest.Answer) bool {
			return slices.ContainsFunc(a.Actions, tracksAgain)
		}, tracksAgain), silence, "nobody will count"},
		{"never creates, and does not say so", silently(always, isCreate), silence, "wanted, and the plan says nothing"},
		{"never adopts, and does not say so", silently(always, func(a plan.Action) bool {
			update, ok := a.(plan.Update)
			return ok && update.Live != nil
		}), silence, "pods to adopt"},
		{"never reports, and does not say so", silently(isSteadyJob, isStatus), silence, "the status says"},
		{"does not say that the Job is suspended", silently(isSuspendedJob, nobody), silence, "the Job is suspended"},
		{"does not say that the Job is being deleted", silently(isDeletedJob, nobody), silence, "the Job is being deleted"},
		{"does not say what the end waits for", silently(isEndingJob, nobody), silence, "the Job ends"},
	} {
		t.Run(test.name, func(t *testing.T) {
			subject := plantest.Jobs()
			healthy := subject.Plan
			subject.Plan = func(in plantest.JobInput) (plantest.Answer, error) { return test.wrong(in, healthy) }
			rules := plantest.Rules(subject)
			at := slices.IndexFunc(rules, func(r plantest.Rule) bool { return r.Name == test.killer })
			if at < 0 {
				t.Fatalf("there is no rule %q", test.killer)
			}
			expectCaught(t, rules[at].Check, test.says)
		})
	}
}

type jobPlanner = func(plantest.JobInput) (plantest.Answer, error)

// answeringJob spoils the answer.
func answeringJob(spoil func(in plantest.JobInput, a plantest.Answer) plantest.Answer) func(plantest.JobInput, jobPlanner) (plantest.Answer, error) {
	return func(in plantest.JobInput, healthy jobPlanner) (plantest.Answer, error) {
		a, err := healthy(in)
		if err == nil {
			a.Actions = slices.Clone(a.Actions)
			a = spoil(in, a)
		}
		return a, err
	}
}

// planningJob plans another Job than it is given.
func planningJob(mistake func(j *batchv1.Job, in *plantest.JobInput)) func(plantest.JobInput, jobPlanner) (plantest.Answer, error) {
	return func(in plantest.JobInput, healthy jobPlanner) (plantest.Answer, error) {
		if in.Job != nil {
			in.Job = in.Job.DeepCopy()
			mistake(in.Job, &in)
		}
		return healthy(in)
	}
}

func eachCreatedPod(spoil func(*corev1.Pod)) func(plantest.JobInput, jobPlanner) (plantest.Answer, error) {
	return answeringJob(func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
		for _, action := range a.Actions {
			if creation, ok := action.(plan.Create); ok {
				spoil(creation.Object.(*corev1.Pod))
			}
		}
		return a
	})
}

// eachJobStatus spoils the status that is told.
func eachJobStatus(spoil func(*batchv1.JobStatus)) func(plantest.JobInput, jobPlanner) (plantest.Answer, error) {
	return answeringJob(func(_ plantest.JobInput, a plantest.Answer) plantest.Answer {
		spoil(&a.Whole.(*job.Result).Status)
		return a
	})
}

// silently leaves out some actions of such Jobs, and all that says what is waited for.
func silently(such func(*batchv1.Job, plantest.Answer) bool, left func(plan.Action) bool) func(plantest.JobInput, jobPlanner) (plantest.Answer, error) {
	return answeringJob(func(in plantest.JobInput, a plantest.Answer) plantest.Answer {
		if such(in.Job, a) {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool {
				_, waits := action.(plan.Wait)
				return waits || left(action)
			})
		}
		return a
	})
}

func always(*batchv1.Job, plantest.Answer) bool { return true }
func nobody(plan.Action) bool                   { return false }

func isIndexedJob(j *batchv1.Job) bool {
	return j.Spec.CompletionMode != nil && *j.Spec.CompletionMode == batchv1.IndexedCompletion
}

func isSuspendedJob(j *batchv1.Job, _ plantest.Answer) bool {
	return j.Spec.Suspend != nil && *j.Spec.Suspend && len(j.Status.Conditions) < 2 && j.DeletionTimestamp == nil
}

func isDeletedJob(j *batchv1.Job, _ plantest.Answer) bool { return j.DeletionTimestamp != nil }

func tracksAgain(a plan.Action) bool {
	update, ok := a.(plan.Update)
	return ok && update.Live == nil && !bearsFinalizer(update.Before.(*corev1.Pod)) && bearsFinalizer(update.After.(*corev1.Pod))
}

func isEndingJob(j *batchv1.Job, _ plantest.Answer) bool {
	return len(j.Status.Conditions) == 1 && j.Status.Conditions[0].Type != batchv1.JobSuspended
}

// isSteadyJob: as many pods are at work as wanted.
func isSteadyJob(_ *batchv1.Job, a plantest.Answer) bool {
	for _, action := range a.Actions {
		switch action := action.(type) {
		case plan.UpdateStatus:
		case plan.Wait:
			if action.For != plan.WaitPodFinished {
				return false
			}
		default:
			return false
		}
	}
	return len(a.Actions) > 1
}

func announceBoth(status *batchv1.JobStatus) {
	for _, kind := range []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobSuccessCriteriaMet} {
		status.Conditions = append(status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue})
	}
}

// declare makes of every end that is announced the end itself.
func declare(status *batchv1.JobStatus) {
	final := map[batchv1.JobConditionType]batchv1.JobConditionType{
		batchv1.JobFailureTarget:      batchv1.JobFailed,
		batchv1.JobSuccessCriteriaMet: batchv1.JobComplete,
	}
	for _, c := range slices.Clone(status.Conditions) {
		if kind, ends := final[c.Type]; ends {
			c.Type = kind
			status.Conditions = append(status.Conditions, c)
		}
	}
}

func uncounted(j *batchv1.Job) batchv1.UncountedTerminatedPods {
	if u := j.Status.UncountedTerminatedPods; u != nil {
		return *u
	}
	return batchv1.UncountedTerminatedPods{}
}

func bearsFinalizer(pod *corev1.Pod) bool {
	return slices.Contains(pod.Finalizers, batchv1.JobTrackingFinalizer)
}

// stripFinished takes the finalizers off all finished pods of a Job at once.
func stripFinished(j *batchv1.Job, pods []*corev1.Pod) []plan.Action {
	var strips []plan.Action
	for _, pod := range pods {
		if j == nil || pod == nil || !metav1.IsControlledBy(pod, j) || !finished(pod) || pod.Namespace != j.Namespace ||
			!bearsFinalizer(pod) {
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

func isCreate(a plan.Action) bool { _, ok := a.(plan.Create); return ok }
