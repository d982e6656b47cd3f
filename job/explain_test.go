package job_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

func TestWaits(t *testing.T) {
	refused := func(reason metav1.CauseType) plan.Pending {
		return plan.Pending{Outcomes: []plan.Outcome{{
			Action: plan.Create{Object: pod("")}, At: now,
			Err: &metav1.Status{Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: reason}}}},
		}}}
	}
	lost := plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Create{Object: pod("new", func(p *corev1.Pod) { p.UID = "" })}, At: now.Add(-time.Minute)}}}
	for _, tt := range []struct {
		name    string
		job     *batchv1.Job
		pods    []*corev1.Pod
		pending plan.Pending
		memory  job.Memory
		want    []string
		wake    time.Time
	}{
		{name: "for pods to finish", job: train(), pods: []*corev1.Pod{pod("a"), pod("b", ready)}, want: []string{"PodFinished: 0 of 3 completions, 2 pods are active"}},
		{name: "for a work queue", job: train(queue(1)), pods: []*corev1.Pod{pod("a")}, want: []string{"PodFinished: 0 pods succeeded, 1 pods are active"}},
		{name: "for the deadline, silently", job: train(deadline(3601)), pods: []*corev1.Pod{pod("a"), pod("b")}, want: []string{"PodFinished: 0 of 3 completions, 2 pods are active"}, wake: now.Add(time.Second)},
		{name: "after a failure", job: train(wants(1, 1)), pods: []*corev1.Pod{pod("a", exits(1, 4*time.Second))},
			want: []string{"Backoff until 12:00:06: 1 pods are missing, 1 failed since the last success"}, wake: now.Add(6 * time.Second)},
		{name: "after many", job: train(wants(1, 1)), memory: job.Memory{Job: "train", Failures: 20, LastFailure: now},
			want: []string{"Backoff until 12:10:00: 1 pods are missing, 20 failed since the last success"}, wake: now.Add(10 * time.Minute)},
		{name: "not after failures of another Job", job: train(wants(1, 1)), memory: job.Memory{Job: "other", Failures: 20, LastFailure: now}},
		{name: "after a failure of an index", job: train(indexed(2, 2), perIndex(5)), pods: []*corev1.Pod{pod("a", at(0), exits(1, time.Second), failedBefore("1", "1")), pod("b", at(1))},
			want: []string{"Backoff until 12:00:39: 1 indexes are tried again after a delay", "PodFinished: 0 of 2 completions, 1 pods are active"}, wake: now.Add(39 * time.Second)},
		{name: "for an answer before a work queue is done", job: train(queue(2), counted(1, 0)), pending: lost,
			want: []string{"Answer until 12:04:00: the creation of 1 pods was not answered"}, wake: now.Add(4 * time.Minute)},
		{name: "for an answer before the end", job: train(has(batchv1.JobFailureTarget)), pending: lost,
			want: []string{"Answer until 12:04:00: the creation of 1 pods was not answered"}, wake: now.Add(4 * time.Minute)},
		{name: "for an answer, or for what comes after it", job: train(wants(1, 1)), pending: lost, memory: job.Memory{Job: "train", Failures: 20, LastFailure: now},
			want: []string{"Answer until 12:10:00: the creation of 1 pods was not answered"}, wake: now.Add(10 * time.Minute)},
		{name: "for an answer", job: train(wants(1, 1)), pending: lost, want: []string{"Answer until 12:04:00: the creation of 1 pods was not answered"}, wake: now.Add(4 * time.Minute)},
		{name: "for the namespace", job: train(wants(1, 1)), pending: refused(corev1.NamespaceTerminatingCause), want: []string{"Namespace: 1 pods are missing, and the namespace is being terminated"}},
		{name: "for pods to have failed", job: train(wants(1, 1), onlyFailed), pods: []*corev1.Pod{pod("a", terminating)},
			want: []string{"PodGone: 0 of 1 pods are active, 1 are being deleted and replaced once they have failed"}},
		{name: "for pods to go", job: train(has(batchv1.JobFailureTarget)), pods: []*corev1.Pod{pod("a", terminating, untracked)}, want: []string{"PodGone: 1 pods are being deleted: as before"}},
		{name: "for somebody to resume it", job: train(suspended), want: []string{"Person: the Job is suspended"}},
		{name: "for somebody to raise parallelism", job: train(wants(3, 0)), want: []string{"Person: 0 of 3 completions, and parallelism is 0"}},
		{name: "for its manager", job: train(func(j *batchv1.Job) { j.Spec.ManagedBy = new("example.com/queue") }), want: []string{"JobFinished: the Job is managed by example.com/queue"}},
		{name: "for its deletion", job: train(beingDeleted), want: []string{"Deletion: the Job is being deleted"}},
		{name: "for its expiry", job: train(has(batchv1.JobFailureTarget, batchv1.JobFailed), ttl(90)), want: []string{"Expiry until 12:00:30: the finished Job is kept for 90 s"}, wake: now.Add(30 * time.Second)},
		{name: "for a time that nobody knows", job: train(ttl(90), func(j *batchv1.Job) {
			j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
		}), want: []string{"Person: the Job does not say when it finished"}},
		{name: "for nothing, once finished", job: train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete))},
		{name: "for a selector", job: train(func(j *batchv1.Job) { j.Spec.ManualSelector, j.Spec.Selector = new(true), &metav1.LabelSelector{} }), want: []string{"Person: the selector is empty"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.job, job.Observed{Pods: tt.pods, Pending: tt.pending, Memory: tt.memory}, job.Policy{})
			if d := cmp.Diff(tt.want, waits(result)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if !result.Wake.Equal(tt.wake) {
				t.Errorf("wake at %s, want %s", result.Wake, tt.wake)
			}
		})
	}
}
