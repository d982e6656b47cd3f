package job_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/job"
)

// ends gives the condition that the status of the plan announces or declares last, with its reason.
func ends(result job.Result) string {
	for _, c := range slices.Backward(result.Status.Conditions) {
		if c.Type != batchv1.JobSuspended && c.Status == corev1.ConditionTrue {
			return fmt.Sprintf("%s %s: %s", c.Type, c.Reason, c.Message)
		}
	}
	return ""
}

// The rules in their order: each holds in its row, and so do all that come after it.
func TestEndings(t *testing.T) {
	const (
		backoff     = "FailureTarget BackoffLimitExceeded: Job has reached the specified backoff limit"
		late        = "FailureTarget DeadlineExceeded: Job was active longer than specified deadline"
		maxFailed   = "FailureTarget MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes"
		lostIndexes = "FailureTarget FailedIndexes: Job has failed indexes"
		early       = "SuccessCriteriaMet SuccessPolicy: Matched rules at index 0"
		all         = "SuccessCriteriaMet CompletionsReached: Reached expected number of succeeded pods"
	)
	one := batchv1.SuccessPolicyRule{SucceededCount: new(int32(1))}
	failJob := failurePolicy(batchv1.PodFailurePolicyActionFailJob, 1)
	mostFailed := func(j *batchv1.Job) { j.Spec.MaxFailedIndexes = new(int32(0)) }
	for _, tt := range []struct {
		name string
		job  *batchv1.Job
		pods []*corev1.Pod
		want string
	}{
		{"success announced", train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobFailureTarget), failJob, backoffLimit(0), deadline(1)),
			[]*corev1.Pod{pod("a", failed)}, "FailureTarget Before: as before"}, // an API server refuses both; nothing is added
		{"failure announced", train(has(batchv1.JobFailureTarget), failJob, backoffLimit(0), deadline(1), counted(3, 0)),
			[]*corev1.Pod{pod("a", failed)}, "FailureTarget Before: as before"},
		{"a pod that fails the Job", train(failJob, backoffLimit(0), deadline(1), counted(3, 0)), []*corev1.Pod{pod("a", failed)},
			"FailureTarget PodFailurePolicy: Container main for pod default/a failed with exit code 1 matching FailJob rule at index 0"},
		{"too many failed pods", train(backoffLimit(1), counted(3, 1), deadline(1)), []*corev1.Pod{pod("a", failed)}, backoff},
		{"too many restarts", train(onFailure, backoffLimit(2), counted(3, 0), deadline(1)), []*corev1.Pod{pod("a", restarted(1)), pod("b", restarted(1))}, backoff},
		{"the deadline", train(indexed(2, 1), perIndex(0), mostFailed, deadline(3600), completed("1", 1)), []*corev1.Pod{pod("a", at(0), failed)}, late},
		{"too many failed indexes", train(indexed(2, 1), perIndex(0), mostFailed, successPolicy(one), completed("1", 1)), []*corev1.Pod{pod("a", at(0), failed)}, maxFailed},
		{"only failed indexes left", train(indexed(2, 1), perIndex(0), successPolicy(one), completed("1", 1)), []*corev1.Pod{pod("a", at(0), failed)}, lostIndexes},
		{"early success", train(indexed(2, 1), successPolicy(one), completed("0,1", 2)), nil, early},
		{"all completions", train(counted(3, 0)), nil, all},

		{"not yet too many failed pods", train(backoffLimit(1)), []*corev1.Pod{pod("a", failed)}, ""},
		{"the default limit is 6", train(counted(0, 6)), nil, ""},
		{"7 are over it", train(counted(0, 7)), nil, backoff},
		{"with a limit per index there is none for the Job", train(indexed(2, 1), perIndex(9), counted(0, 1000)), nil, ""},
		{"one restart is over a limit of 0", train(onFailure, backoffLimit(0)), []*corev1.Pod{pod("a", restarted(1))}, backoff},
		{"restarts below the limit", train(onFailure, backoffLimit(3)), []*corev1.Pod{pod("a", restarted(2))}, ""},
		{"restarts of finished pods are over", train(onFailure, backoffLimit(1)), []*corev1.Pod{pod("a", restarted(5), func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })}, ""},
		{"restarts do not count with Never", train(backoffLimit(1)), []*corev1.Pod{pod("a", restarted(5))}, ""},
		{"a second before the deadline", train(deadline(3601)), nil, ""},
		{"a deadline in three hundred years", train(deadline(10_000_000_000)), nil, ""},
		{"a suspended Job is not late", train(deadline(1), suspended), nil, ""},
		{"a terminating pod has failed", train(backoffLimit(0)), []*corev1.Pod{pod("a", terminating)}, backoff},
		{"unless only failed pods are replaced", train(backoffLimit(0), onlyFailed), []*corev1.Pod{pod("a", terminating)}, ""},
		{"a listed pod counts once", train(backoffLimit(1), listed(nil, []types.UID{"a"})), []*corev1.Pod{pod("a", failed)}, ""},
		{"a counted pod counts once", train(backoffLimit(1), counted(0, 1)), []*corev1.Pod{pod("a", failed, untracked)}, ""},
		{"an ignored failure does not count", train(backoffLimit(0), failurePolicy(batchv1.PodFailurePolicyActionIgnore, 1)), []*corev1.Pod{pod("a", failed)}, ""},
		{"no completions wanted", train(wants(0, 1)), nil, all},
		{"none wanted, and suspended", train(wants(0, 1), suspended), nil, all},
		{"a work queue waits for the others", train(queue(2), counted(1, 0)), []*corev1.Pod{pod("a")}, ""},
		{"a work queue is done", train(queue(2), counted(1, 0)), nil, all},
		{"an early success by one index", train(indexed(3, 1), successPolicy(batchv1.SuccessPolicyRule{SucceededIndexes: new("1")}), completed("1", 1)), nil, early},
		{"not by another", train(indexed(3, 1), successPolicy(batchv1.SuccessPolicyRule{SucceededIndexes: new("1")}), completed("0", 1)), nil, ""},
		{"by some of several", train(indexed(3, 1), successPolicy(batchv1.SuccessPolicyRule{SucceededIndexes: new("1-2"), SucceededCount: new(int32(1))}), completed("2", 1)), nil, early},
		{"the second rule", train(indexed(3, 1), successPolicy(batchv1.SuccessPolicyRule{SucceededIndexes: new("0")}, one), completed("2", 1)), nil,
			"SuccessCriteriaMet SuccessPolicy: Matched rules at index 1"},
		{"a disrupted pod that fails the Job", train(podConditions(batchv1.PodFailurePolicyActionFailJob, corev1.ConditionTrue)), []*corev1.Pod{pod("b", disrupted), pod("a", disrupted)},
			"FailureTarget PodFailurePolicy: Pod default/a has condition DisruptionTarget matching FailJob rule at index 0"},
		{"True is the default", train(podConditions(batchv1.PodFailurePolicyActionFailJob, "")), []*corev1.Pod{pod("a", disrupted)},
			"FailureTarget PodFailurePolicy: Pod default/a has condition DisruptionTarget matching FailJob rule at index 0"},
		{"another status does not match", train(podConditions(batchv1.PodFailurePolicyActionFailJob, corev1.ConditionFalse)), []*corev1.Pod{pod("a", disrupted)}, ""},
		{"the first rule that matches decides", train(backoffLimit(0), failurePolicy(batchv1.PodFailurePolicyActionIgnore, 1), failJob), []*corev1.Pod{pod("a", failed)}, ""},
		{"a rule for another container", train(failJob, func(j *batchv1.Job) {
			j.Spec.Template.Spec.Containers = append(j.Spec.Template.Spec.Containers, corev1.Container{Name: "proxy"})
			j.Spec.PodFailurePolicy.Rules[0].OnExitCodes.ContainerName = new("proxy")
		}), []*corev1.Pod{pod("a", failed)}, ""},
		{"a rule for other codes", train(failJob, func(j *batchv1.Job) {
			j.Spec.PodFailurePolicy.Rules[0].OnExitCodes.Operator = batchv1.PodFailurePolicyOnExitCodesOpNotIn
		}), []*corev1.Pod{pod("a", failed), pod("b", exits(9, time.Hour))},
			"FailureTarget PodFailurePolicy: Container main for pod default/b failed with exit code 9 matching FailJob rule at index 0"},
		{"an index fails by its limit", train(indexed(1, 1), perIndex(1)), []*corev1.Pod{pod("a", at(0), failed, failedBefore("1", "3"))}, lostIndexes},
		{"not by failures that were overlooked", train(indexed(1, 1), perIndex(1)), []*corev1.Pod{pod("a", at(0), failed, failedBefore("0", "3"))}, ""},
		{"an index fails by policy", train(indexed(1, 1), perIndex(5), failurePolicy(batchv1.PodFailurePolicyActionFailIndex, 1)), []*corev1.Pod{pod("a", at(0), failed)}, lostIndexes},
		{"of two pods of an index the one that succeeded decides", train(indexed(2, 1), perIndex(0)), []*corev1.Pod{pod("a", at(0), failed), pod("b", at(0), succeeded)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ends(mustPlan(t, tt.job, job.Observed{Pods: tt.pods}, job.Policy{})); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// Failed and Complete wait for every pod to be gone and counted.
func TestTheEndWaits(t *testing.T) {
	fails, succeeds := has(batchv1.JobFailureTarget), has(batchv1.JobSuccessCriteriaMet)
	for _, tt := range []struct {
		name string
		job  *batchv1.Job
		pods []*corev1.Pod
		want string
	}{
		{"nothing is left", train(fails), nil, "Failed Before: as before"},
		{"nothing is left of a success", train(succeeds), nil, "Complete Before: as before"},
		{"a pod at work", train(fails), []*corev1.Pod{pod("a", untracked)}, "FailureTarget Before: as before"},
		{"a pod that terminates", train(fails), []*corev1.Pod{pod("a", untracked, terminating)}, "FailureTarget Before: as before"},
		{"a pod to be listed", train(succeeds), []*corev1.Pod{pod("a", succeeded)}, "SuccessCriteriaMet Before: as before"},
		{"a pod to be let go", train(succeeds, listed([]types.UID{"a"}, nil)), []*corev1.Pod{pod("a", succeeded)}, "SuccessCriteriaMet Before: as before"},
		{"the last is counted with the end", train(succeeds, listed([]types.UID{"a"}, nil)), []*corev1.Pod{pod("a", succeeded, untracked)}, "Complete Before: as before"},
		{"finished pods may stay", train(fails), []*corev1.Pod{pod("a", failed, untracked)}, "Failed Before: as before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.job, job.Observed{Pods: tt.pods}, job.Policy{})
			if got := ends(result); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestEventsOfTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		job  *batchv1.Job
		want []string
	}{
		{"failed", train(has(batchv1.JobFailureTarget)), []string{"Warning Before: as before"}},
		{"complete", train(has(batchv1.JobSuccessCriteriaMet)), []string{"Normal Completed: Job completed"}},
		{"more than wanted", train(has(batchv1.JobSuccessCriteriaMet), counted(4, 0)), []string{
			"Warning TooManySucceededPods: Too many succeeded pods running after completion count reached", "Normal Completed: Job completed"}},
		{"announced", train(counted(3, 0)), nil},
		{"suspended", train(suspended), []string{"Normal Suspended: Job suspended"}},
		{"still suspended", train(suspended, func(j *batchv1.Job) {
			j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue, Reason: "JobSuspended", Message: "Job suspended"}}
		}), nil},
		{"resumed", train(has(batchv1.JobSuspended)), []string{"Normal Resumed: Job resumed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range mustPlan(t, tt.job, job.Observed{}, job.Policy{}).Events {
				got = append(got, e.Type+" "+e.Reason+": "+e.Message)
			}
			expect(t, "the events", got, tt.want)
		})
	}
}

func TestSuspension(t *testing.T) {
	result := mustPlan(t, train(suspended), job.Observed{}, job.Policy{})
	if result.Status.StartTime != nil {
		t.Error("a suspended Job still counts its time")
	}
	result = mustPlan(t, train(has(batchv1.JobSuspended), deadline(7200)), job.Observed{}, job.Policy{})
	if got := result.Status.StartTime; !got.Time.Equal(now) {
		t.Errorf("a resumed Job began at %s", got)
	}
	for _, c := range result.Status.Conditions {
		if c.Type == batchv1.JobSuspended && (c.Status != corev1.ConditionFalse || c.Reason != "JobResumed") {
			t.Errorf("a resumed Job has the condition %+v", c)
		}
	}
}

// What an API server would refuse is not written: neither a startTime that moves, nor an end before it, nor a counter that falls.
func TestWhatAServerRefuses(t *testing.T) {
	early := train(counted(3, 0), has(batchv1.JobSuccessCriteriaMet), func(j *batchv1.Job) { j.Status.StartTime = ago(-time.Minute) })
	if got := mustPlan(t, early, job.Observed{}, job.Policy{}).Status; !got.CompletionTime.Equal(early.Status.StartTime) {
		t.Errorf("ended at %s, and began at %s", got.CompletionTime, got.StartTime)
	}
	running := train(func(j *batchv1.Job) {
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionFalse, Reason: "Other"}}
	})
	if got := mustPlan(t, running, job.Observed{}, job.Policy{}).Status; !got.StartTime.Equal(running.Status.StartTime) {
		t.Errorf("a Job that was not suspended begins anew at %s", got.StartTime)
	}
	for parallelism, want := range map[int32]int32{1: 3, 3: 1} {
		if got := mustPlan(t, train(indexed(3, parallelism), completed("0,3-4", 3)), job.Observed{}, job.Policy{}).Status; got.Succeeded != want || got.CompletedIndexes != "0" {
			t.Errorf("parallelism %d: %d succeeded, want %d; indexes %s", parallelism, got.Succeeded, want, got.CompletedIndexes)
		}
	}
}

// A suspended Job that ends without ever having begun begins with its end: a server asks for it.
func TestTheEndOfWhatNeverBegan(t *testing.T) {
	never := func(j *batchv1.Job) { j.Status.StartTime = nil }
	result := mustPlan(t, train(suspended, never, has(batchv1.JobFailureTarget)), job.Observed{}, job.Policy{})
	if result.Status.StartTime == nil {
		t.Error("the Job ends and has never begun")
	}
	result = mustPlan(t, train(wants(0, 0), suspended, never, has(batchv1.JobSuccessCriteriaMet)), job.Observed{}, job.Policy{})
	if result.Status.StartTime != nil {
		t.Error("a Job that wants nothing has begun")
	}
}
