package job_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

func TestPlan(t *testing.T) {
	one := batchv1.SuccessPolicyRule{SucceededCount: new(int32(1))}
	for _, tt := range []struct {
		name   string
		job    *batchv1.Job
		pods   []*corev1.Pod
		policy job.Policy
		want   []string
	}{
		{name: "a new Job gets as many pods as it may have", job: train(), want: []string{create, create}},
		{name: "no more than are still to succeed", job: train(counted(2, 0)), want: []string{create}},
		{name: "what succeeded and is not counted needs no pod", job: train(counted(1, 0)), pods: []*corev1.Pod{pod("a", succeeded)}, want: []string{create}},
		{name: "as many as wanted are at work", job: train(), pods: []*corev1.Pod{pod("a"), pod("b")}},
		{name: "a burst", job: train(), policy: job.Policy{Burst: 1}, want: []string{create}},
		{name: "too many, the one that has come least far goes", job: train(wants(3, 1)),
			pods: []*corev1.Pod{pod("a"), pod("b", ready)}, want: []string{strip("a"), remove("a")}},
		{name: "an untracked one is deleted as it is", job: train(wants(3, 0)), pods: []*corev1.Pod{pod("a", untracked)}, want: []string{remove("a")}},
		{name: "parallelism 0 is a pause", job: train(wants(3, 0))},
		{name: "neither is nil", job: train(func(j *batchv1.Job) { j.Spec.Completions, j.Spec.Parallelism = nil, nil }), want: []string{create}},
		{name: "other namespaces, other owners and other lives are strangers", job: train(wants(1, 1)), pods: []*corev1.Pod{
			pod("a", func(p *corev1.Pod) { p.Namespace = "other" }),
			pod("b", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "ReplicaSet" }),
			pod("c", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "before" }),
		}, want: []string{create}},

		{name: "a terminating pod is replaced at once", job: train(wants(3, 1), counted(0, 1), listed(nil, []types.UID{"a"})),
			pods: []*corev1.Pod{pod("a", terminating)}, want: []string{strip("a"), create}},
		{name: "unless only failed pods are", job: train(wants(3, 1), onlyFailed), pods: []*corev1.Pod{pod("a", terminating)}},
		{name: "a pod failure policy implies it", job: train(wants(3, 1), failurePolicy(batchv1.PodFailurePolicyActionCount, 1)), pods: []*corev1.Pod{pod("a", terminating)}},

		{name: "a work queue starts as many as it may", job: train(queue(2)), want: []string{create, create}},
		{name: "and none once one has succeeded", job: train(queue(2), counted(1, 0)), pods: []*corev1.Pod{pod("a")}},
		{name: "nor does it stop those at work", job: train(queue(1), counted(1, 0)), pods: []*corev1.Pod{pod("a"), pod("b")}},

		{name: "the lowest indexes first", job: train(indexed(5, 2)), want: []string{createAt(0), createAt(1)}},
		{name: "not those that are completed or taken", job: train(indexed(5, 3), completed("0,2", 2)),
			pods: []*corev1.Pod{pod("a", at(1))}, want: []string{createAt(3), createAt(4)}},
		{name: "an index completed just now", job: train(indexed(2, 1)), pods: []*corev1.Pod{pod("a", at(0), succeeded)}, want: []string{createAt(1)}},
		{name: "not those that terminate, if only failed pods are replaced", job: train(indexed(2, 2), onlyFailed),
			pods: []*corev1.Pod{pod("a", at(0), terminating)}, want: []string{createAt(1)}},
		{name: "of two at one index the better stays", job: train(indexed(2, 2)), pods: []*corev1.Pod{pod("a", at(0), ready), pod("b", at(0))},
			want: []string{strip("b"), remove("b")}},
		{name: "pods without an index or out of range go", job: train(indexed(2, 2)),
			pods: []*corev1.Pod{pod("a"), pod("b", at(2)), pod("c", at(1))}, want: []string{strip("a"), strip("b"), remove("a"), remove("b")}},
		{name: "fewer completions: the indexes over them go", job: train(indexed(1, 1)),
			pods: []*corev1.Pod{pod("a", at(0)), pod("b", at(1))}, want: []string{strip("b"), remove("b")}},

		{name: "a failed index is not tried again", job: train(indexed(2, 2), perIndex(0), func(j *batchv1.Job) { j.Status.FailedIndexes = new("0") }), want: []string{createAt(1)}},
		{name: "an index that may fail again keeps its pod until the next is there", job: train(indexed(1, 1), perIndex(1)),
			pods: []*corev1.Pod{pod("a", at(0), failed)}, want: []string{createAt(0)}},
		{name: "then lists it", job: train(indexed(1, 1), perIndex(1), listed(nil, []types.UID{"a"})),
			pods: []*corev1.Pod{pod("a", at(0), failed), pod("b", at(0))}, want: []string{strip("a")}},

		{name: "orphans are adopted, and nothing else is done", job: train(), pods: []*corev1.Pod{pod("a", orphan, untracked)},
			want: []string{"update Pod default/a: metadata.finalizers, metadata.ownerReferences"}},
		{name: "leavers are released, and nothing else is done", job: train(), pods: []*corev1.Pod{pod("a", relabelled)},
			want: []string{"update Pod default/a: metadata.finalizers, metadata.ownerReferences"}},
		{name: "one that is being deleted is only let go", job: train(), pods: []*corev1.Pod{pod("a", relabelled, terminating)}, want: []string{strip("a")}},

		{name: "of two failed pods of an index the one with more failures is kept", job: train(indexed(1, 1), perIndex(9)),
			pods: []*corev1.Pod{pod("a", at(0), failed, failedBefore("2", "0")), pod("b", at(0), failed, failedBefore("1", "0"))}, want: []string{createAt(0)}},
		{name: "a leaver of a Job that is being deleted stays", job: train(beingDeleted), pods: []*corev1.Pod{pod("a", relabelled)}},
		{name: "a leaver of a finished Job is let go when it goes", job: train(has(batchv1.JobFailureTarget, batchv1.JobFailed)),
			pods: []*corev1.Pod{pod("a", relabelled), pod("b", relabelled, terminating)}, want: []string{strip("b")}},
		{name: "more successes than one plan can clean up after", job: train(wants(1, 1), counted(1, 0)), policy: job.Policy{Burst: 1},
			pods: []*corev1.Pod{pod("a"), pod("b")}, want: []string{strip("a"), remove("a")}},

		{name: "a suspended Job loses its pods", job: train(suspended), pods: []*corev1.Pod{pod("a"), pod("b")},
			want: []string{strip("a"), strip("b"), remove("a"), remove("b")}},
		{name: "and starts none", job: train(suspended)},
		{name: "a Job that is being deleted starts and deletes none, and lets its pods go", job: train(beingDeleted), pods: []*corev1.Pod{pod("a")}, want: []string{strip("a")}},
		{name: "but counts what has finished first", job: train(beingDeleted), pods: []*corev1.Pod{pod("a", succeeded)}},
		{name: "another manager's is left alone", job: train(func(j *batchv1.Job) { j.Spec.ManagedBy = new("example.com/queue") }), pods: []*corev1.Pod{pod("a", failed)}},
		{name: "Kubernetes' own is not", job: train(func(j *batchv1.Job) { j.Spec.ManagedBy = new(batchv1.JobControllerName) }), want: []string{create, create}},

		{name: "a Job that fails lists its pods first", job: train(deadline(60)), pods: []*corev1.Pod{pod("a")}},
		{name: "and then removes them", job: train(has(batchv1.JobFailureTarget), listed(nil, []types.UID{"a"})), pods: []*corev1.Pod{pod("a")},
			want: []string{strip("a"), remove("a")}},
		{name: "one that succeeds early removes them at once", job: train(indexed(3, 2), successPolicy(one), completed("0", 1)), pods: []*corev1.Pod{pod("a", at(1))},
			want: []string{strip("a"), remove("a")}},
		{name: "one that has all it wants, too", job: train(counted(3, 0)), pods: []*corev1.Pod{pod("a")}, want: []string{strip("a"), remove("a")}},
		{name: "a finished Job lets late pods go", job: train(has(batchv1.JobFailureTarget, batchv1.JobFailed)), pods: []*corev1.Pod{pod("a", failed)}, want: []string{strip("a")}},
		{name: "a finished Job without a time to live stays", job: train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete))},
		{name: "with one it stays until then", job: train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete), ttl(61))},
		{name: "and is deleted after it", job: train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete), ttl(60)),
			want: []string{"delete Job default/train (Foreground): ttlSecondsAfterFinished is over"}},
		{name: "another manager's as well", job: train(has(batchv1.JobFailureTarget, batchv1.JobFailed), ttl(0), func(j *batchv1.Job) { j.Spec.ManagedBy = new("example.com/queue") }),
			want: []string{"delete Job default/train (Foreground): ttlSecondsAfterFinished is over"}},
		{name: "not twice", job: train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete), ttl(0), beingDeleted)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, "the plan", steps(mustPlan(t, tt.job, job.Observed{Pods: tt.pods}, tt.policy)), tt.want)
		})
	}
}

// What the API server refused to have changed stands behind everything else.
func TestRefusedPods(t *testing.T) {
	refused := plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Update{Before: pod("a"), After: pod("a")}, At: now, Err: &metav1.Status{Message: "denied"}}}}
	result := mustPlan(t, train(suspended), job.Observed{Pods: []*corev1.Pod{pod("a"), pod("b")}, Pending: refused}, job.Policy{})
	expect(t, "the plan", steps(result), []string{strip("b"), remove("b"), strip("a"), remove("a")})
	result = mustPlan(t, train(wants(1, 1)), job.Observed{Pods: []*corev1.Pod{pod("a", orphan)}, Pending: refused}, job.Policy{})
	expect(t, "the plan", steps(result), []string{create, "update Pod default/a: metadata.ownerReferences"})
}

// deny plays rounds in which the API server refuses all changes of some pods, and gives what was asked for and not refused:
// how often at the most in one round.
func deny(t *testing.T, j *batchv1.Job, pods []*corev1.Pod, denied ...string) map[string]int {
	t.Helper()
	done := map[string]int{}
	var pending plan.Pending
	var memory job.Memory
	for range 12 {
		result := mustPlan(t, j, job.Observed{Pods: pods, Pending: pending, Memory: memory}, job.Policy{})
		pending, memory = plan.Pending{}, result.Memory
		now := map[string]int{}
		for _, a := range result.Actions {
			if slices.Contains(denied, a.Target().Name) {
				pending.Outcomes = []plan.Outcome{{Action: a, Err: &metav1.Status{Message: "denied"}}}
				break
			}
			line, _, _ := strings.Cut(a.String(), " (")
			now[line]++
			done[line] = max(done[line], now[line])
		}
	}
	return done
}

// However many pods may not be changed, the others are, and pods are created.
func TestSeveralRefusedPods(t *testing.T) {
	for _, tt := range []struct {
		name   string
		job    *batchv1.Job
		pods   []*corev1.Pod
		denied []string
		want   string
		times  int
	}{
		{"two orphans, and a pod is created", train(wants(3, 3)), []*corev1.Pod{pod("a", orphan), pod("b", orphan)}, []string{"a", "b"}, create, 3},
		{"two pods to release, and a pod is created", train(wants(3, 3)), []*corev1.Pod{pod("a", relabelled), pod("b", relabelled)}, []string{"a", "b"}, create, 3},
		{"two orphans of an index, and others work there", train(indexed(2, 2)), []*corev1.Pod{pod("a", orphan, at(0)), pod("b", orphan, at(1))}, []string{"a", "b"}, createAt(1), 1},
		{"two orphans, and the third is adopted", train(wants(3, 3)), []*corev1.Pod{pod("a", orphan), pod("b", orphan), pod("c", orphan)}, []string{"a", "b"},
			"update Pod default/c: metadata.ownerReferences", 1},
		{"two finished pods, and a pod is created", train(wants(5, 2), listed([]types.UID{"a", "b"}, nil)), []*corev1.Pod{pod("a", succeeded), pod("b", succeeded)}, []string{"a", "b"}, create, 2},
		{"two finished pods, and the third is let go", train(wants(5, 2), listed([]types.UID{"a", "b", "c"}, nil)),
			[]*corev1.Pod{pod("a", succeeded), pod("b", succeeded), pod("c", succeeded)}, []string{"a", "b"}, strip("c"), 1},
		{"two pods of a finished Job, which goes nevertheless", train(has(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete), ttl(0)),
			[]*corev1.Pod{pod("a", succeeded), pod("b", succeeded)}, []string{"a", "b"}, "delete Job default/train", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if done := deny(t, tt.job, tt.pods, tt.denied...); done[tt.want] != tt.times {
				t.Errorf("%q is never done %d times, only %v", tt.want, tt.times, done)
			}
		})
	}
}

// A deletion that nobody saw take effect counts as done, but the place is not given away.
func TestUnseenDeletions(t *testing.T) {
	deleted := plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(pod("a"))}, At: now.Add(-time.Minute)}}}
	j := train(indexed(2, 2), func(j *batchv1.Job) { j.Status.Active = 1 })
	result := mustPlan(t, j, job.Observed{Pods: []*corev1.Pod{pod("a", untracked), pod("b", at(1))}, Pending: deleted}, job.Policy{})
	expect(t, "the plan", steps(result), nil)
	if want := now.Add(4 * time.Minute); !result.Wake.Equal(want) {
		t.Errorf("wake at %s, want %s", result.Wake, want)
	}
}

func TestOwner(t *testing.T) {
	policy := job.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Errand"}}
	builtIn := pod("a")
	own := pod("b", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Errand" })
	result := mustPlan(t, train(), job.Observed{Pods: []*corev1.Pod{builtIn, own}}, policy)
	expect(t, "the plan", steps(result), []string{create})
	last := result.Actions[1].(plan.Create)
	if ref := last.Object.GetOwnerReferences()[0]; ref.Kind != "Errand" || ref.APIVersion != "example.com/v1" {
		t.Errorf("the pod is owned by %+v", ref)
	}
}
