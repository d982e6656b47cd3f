package job_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// The three stages: each status is that of a plan, from a Job and its pods.
func TestCounting(t *testing.T) {
	for _, tt := range []struct {
		name              string
		job               *batchv1.Job
		pods              []*corev1.Pod
		succeeded, failed int32
		listedS, listedF  []types.UID
		want              []string
	}{
		{name: "finished pods are listed", job: train(), pods: []*corev1.Pod{pod("a", succeeded), pod("b", failed), pod("c", terminating), pod("d")},
			listedS: []types.UID{"a"}, listedF: []types.UID{"b", "c"}, want: []string{create}},
		{name: "listed pods are let go, and stay on the list", job: train(listed([]types.UID{"a"}, []types.UID{"b"})), pods: []*corev1.Pod{pod("a", succeeded), pod("b", failed), pod("d")},
			listedS: []types.UID{"a"}, listedF: []types.UID{"b"}, want: []string{strip("a"), strip("b")}},
		{name: "pods that are let go count", job: train(listed([]types.UID{"a"}, []types.UID{"b"})), pods: []*corev1.Pod{pod("a", succeeded, untracked), pod("b", failed), pod("d")},
			succeeded: 1, listedF: []types.UID{"b"}, want: []string{strip("b")}},
		{name: "pods that are gone count", job: train(listed([]types.UID{"a"}, []types.UID{"b"}), counted(1, 4)), pods: []*corev1.Pod{pod("d")}, succeeded: 2, failed: 5},
		{name: "a listed pod that succeeds after all stays failed", job: train(listed(nil, []types.UID{"a"})), pods: []*corev1.Pod{pod("a", succeeded), pod("d"), pod("e")},
			listedF: []types.UID{"a"}, want: []string{strip("a")}},
		{name: "an ignored pod is let go", job: train(failurePolicy(batchv1.PodFailurePolicyActionIgnore, 1)), pods: []*corev1.Pod{pod("a", failed), pod("d"), pod("e")}, want: []string{strip("a")}},
		{name: "a pod without an index counts for nothing", job: train(indexed(3, 2)), pods: []*corev1.Pod{pod("a", succeeded), pod("b", failed), pod("d", at(0)), pod("e", at(1))},
			want: []string{strip("a"), strip("b")}},
		{name: "the index of a pod is written first", job: train(indexed(3, 2)), pods: []*corev1.Pod{pod("a", at(0), succeeded), pod("d", at(1)), pod("e", at(2))}, succeeded: 1},
		{name: "then it is let go", job: train(indexed(3, 2), completed("0", 1)), pods: []*corev1.Pod{pod("a", at(0), succeeded), pod("d", at(1)), pod("e", at(2))}, succeeded: 1, want: []string{strip("a")}},
		{name: "two at one index count once", job: train(indexed(3, 2)), pods: []*corev1.Pod{pod("a", at(0), succeeded), pod("b", at(0), succeeded), pod("d", at(1)), pod("e", at(2))}, succeeded: 1},
		{name: "a Job that fails lists the pods at work", job: train(deadline(1)), pods: []*corev1.Pod{pod("a"), pod("b", untracked)}, listedF: []types.UID{"a"}, want: []string{remove("b")}},
		{name: "one that succeeds does not", job: train(counted(3, 0)), pods: []*corev1.Pod{pod("a")}, succeeded: 3, want: []string{strip("a"), remove("a")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.job, job.Observed{Pods: tt.pods, Memory: job.Memory{Job: "train", Failures: 1, LastFailure: now}}, job.Policy{})
			status := result.Status
			want := fmt.Sprint(tt.succeeded, tt.failed, tt.listedS, tt.listedF)
			if got := fmt.Sprint(status.Succeeded, status.Failed, status.UncountedTerminatedPods.Succeeded, status.UncountedTerminatedPods.Failed); got != want {
				t.Errorf("the status counts %s, want %s", got, want)
			}
			expect(t, "the plan", steps(result), tt.want)
		})
	}
}

// The list never gets longer than 500; the rest waits its turn.
func TestTheListIsLimited(t *testing.T) {
	var pods []*corev1.Pod
	for i := range 700 {
		pods = append(pods, pod(fmt.Sprintf("p%03d", i), succeeded))
	}
	j := train(wants(1000, 1), listed([]types.UID{"p699"}, nil))
	result := mustPlan(t, j, job.Observed{Pods: pods}, job.Policy{})
	if got := len(result.Status.UncountedTerminatedPods.Succeeded); got != 500 {
		t.Errorf("%d pods are listed", got)
	}
	expect(t, "the plan", steps(result), []string{strip("p699"), create})
}

// What nobody answered is not taken for done: the list is written again, and the pod is not let go.
func TestUnansweredUpdates(t *testing.T) {
	finished := pod("a", succeeded)
	first := mustPlan(t, train(), job.Observed{Pods: []*corev1.Pod{finished, pod("b"), pod("c")}}, job.Policy{})
	lost := plan.Pending{Outcomes: []plan.Outcome{{Action: first.Actions[0], At: now}}}
	second := mustPlan(t, train(), job.Observed{Pods: []*corev1.Pod{finished, pod("b"), pod("c")}, Pending: lost}, job.Policy{})
	if d := cmp.Diff(fmt.Sprint(first.Actions), fmt.Sprint(second.Actions)); d != "" {
		t.Errorf("another plan after an answer was lost:\n%s", d)
	}

	j := train(listed([]types.UID{"a"}, nil))
	first = mustPlan(t, j, job.Observed{Pods: []*corev1.Pod{finished, pod("b"), pod("c")}}, job.Policy{})
	expect(t, "the plan", steps(first), []string{strip("a")})
	lost.Outcomes[0].Action = first.Actions[1]
	second = mustPlan(t, j, job.Observed{Pods: []*corev1.Pod{finished, pod("b"), pod("c")}, Pending: lost}, job.Policy{})
	expect(t, "the plan", steps(second), []string{strip("a")})
	if second.Status.Succeeded != 0 {
		t.Error("a pod is counted whose finalizer may still be there")
	}
}
