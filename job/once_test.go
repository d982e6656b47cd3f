package job_test

import (
	"slices"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// life is a Job and its pods, to which things happen between plans.
type life struct {
	t    *testing.T
	job  *batchv1.Job
	pods []*corev1.Pod
}

// on carries plans out until one holds nothing to do, but no more than some actions of the first; -1: all.
func (l *life) on(stop int) {
	l.t.Helper()
	for range 12 {
		result := mustPlan(l.t, l.job, job.Observed{Pods: l.pods}, job.Policy{})
		idle := true
		for i, a := range result.Actions {
			if i == stop {
				return
			}
			if _, waits := a.(plan.Wait); !waits {
				idle = false
			}
			l.carryOut(a)
		}
		if idle {
			return
		}
	}
	l.t.Fatal("it does not come to rest")
}

func (l *life) carryOut(a plan.Action) {
	switch a := a.(type) {
	case plan.UpdateStatus:
		l.job = a.After.(*batchv1.Job)
	case plan.Update:
		l.change(a.After.GetName(), func(p *corev1.Pod) { *p = *a.After.(*corev1.Pod) })
	case plan.Delete:
		l.pods = slices.DeleteFunc(l.pods, func(p *corev1.Pod) bool { return p.UID == a.Object.UID })
	case plan.Create:
		p := a.Object.(*corev1.Pod).DeepCopy()
		p.Name = "made-" + string(rune('a'+len(l.pods)))
		p.UID, p.ResourceVersion, p.Status.Phase = types.UID(p.Name), "9", corev1.PodRunning
		l.pods = append(l.pods, p)
	}
}

func (l *life) change(name string, edits ...func(*corev1.Pod)) {
	for i, p := range l.pods {
		if p.Name == name {
			l.pods[i] = p.DeepCopy()
			for _, edit := range edits {
				edit(l.pods[i])
			}
		}
	}
}

func (l *life) counts(succeeded, failed int32) {
	l.t.Helper()
	if s := l.job.Status; s.Succeeded != succeeded || s.Failed != failed {
		l.t.Errorf("%d succeeded and %d failed, want %d and %d", s.Succeeded, s.Failed, succeeded, failed)
	}
}

// A pod whose labels are taken away and given back counts once, whenever that happens.
func TestAPodThatComesBack(t *testing.T) {
	back := func(p *corev1.Pod) { p.Labels = pod("any").Labels }
	for _, tt := range []struct {
		name              string
		job               *batchv1.Job
		before, away      func(*corev1.Pod)
		succeeded, failed int32
	}{
		{"it succeeded", train(wants(5, 1)), succeeded, nil, 1, 0},
		{"it failed", train(wants(5, 1)), failed, nil, 0, 1},
		{"it succeeds once it is back", train(wants(5, 1)), nil, nil, 0, 0},
		{"it succeeds while it is nobody's", train(wants(5, 1)), nil, succeeded, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &life{t, tt.job, []*corev1.Pod{pod("a")}}
			if tt.before != nil {
				l.change("a", tt.before)
			}
			l.on(-1)
			l.change("a", relabelled)
			l.on(-1)
			if tt.away != nil {
				l.change("a", tt.away)
			}
			l.change("a", back)
			l.on(-1)
			l.counts(tt.succeeded, tt.failed)
			if owned := len(l.pods[0].OwnerReferences) == 1; !owned {
				t.Error("the pod is not taken back")
			}
		})
	}
}

// A pod at work that failed with its Job is counted by then, and not again when it comes back.
func TestAPodThatComesBackToAnEnd(t *testing.T) {
	ending := train(has(batchv1.JobFailureTarget), counted(0, 1))
	result := mustPlan(t, ending, job.Observed{Pods: []*corev1.Pod{pod("a", orphan, untracked), pod("b", orphan)}}, job.Policy{})
	expect(t, "the plan", steps(result), []string{"update Pod default/a: metadata.ownerReferences", "update Pod default/b: metadata.ownerReferences"})
	if after := result.Actions[0].(plan.Update).After; len(after.GetFinalizers()) > 0 {
		t.Error("a pod that may be counted already is tracked again")
	}
}

// What is listed and may yet be adopted with its finalizer is not counted before.
func TestAListedOrphan(t *testing.T) {
	l := &life{t, train(wants(5, 1), listed([]types.UID{"a"}, nil)), []*corev1.Pod{pod("a", succeeded, orphan)}}
	result := mustPlan(t, l.job, job.Observed{Pods: l.pods, Memory: job.Memory{Job: "train", Refused: []types.UID{"a"}}}, job.Policy{})
	if result.Status.Succeeded != 0 {
		t.Error("it is counted, and bears the finalizer")
	}
	l.on(-1)
	l.counts(1, 0)
}

// A pod that was to be deleted, and was not since the host crashed, and that is wanted again, counts as any other.
func TestAPodThatIsWantedAgain(t *testing.T) {
	again := map[string]func(*batchv1.Job){
		"resumed":              func(j *batchv1.Job) { j.Spec.Suspend = nil },
		"parallelism is 1":     func(j *batchv1.Job) { j.Spec.Parallelism = new(int32(1)) },
		"parallelism is 2":     func(j *batchv1.Job) { j.Spec.Parallelism = new(int32(2)) },
		"completions are many": func(j *batchv1.Job) { j.Spec.Completions = new(int32(9)) },
	}
	for name, edit := range again {
		for _, first := range []*batchv1.Job{train(wants(3, 1), suspended), train(wants(3, 0)), train(indexed(3, 1), suspended)} {
			l := &life{t, first, []*corev1.Pod{pod("a", at(0))}}
			l.on(2) // the status, and the finalizer goes
			if len(l.pods[0].Finalizers) > 0 {
				t.Fatalf("%s: the finalizer is still there", name)
			}
			l.job = l.job.DeepCopy()
			edit(l.job)
			l.job.Spec.Suspend, l.job.Spec.Parallelism = nil, new(max(1, *l.job.Spec.Parallelism))
			l.on(-1)
			l.change("a", succeeded)
			l.on(-1)
			l.counts(1, 0)
		}
	}
}

// An index whose pod was refused does not give way to one that has to wait.
func TestARefusedIndexBesideOneThatWaits(t *testing.T) {
	first := pod("train-0-x", at(0))
	refused := plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Create{Object: first}, At: now, Err: &metav1.Status{Message: "quota"}}}}
	waits := pod("b", at(1), exits(1, 0), failedBefore("0", "0"))
	result := mustPlan(t, train(indexed(2, 1), perIndex(3)), job.Observed{Pods: []*corev1.Pod{waits}, Pending: refused}, job.Policy{})
	expect(t, "the plan", steps(result), []string{createAt(0)})
}

// A pod that goes is not tracked again.
func TestWhatGoesIsNotTracked(t *testing.T) {
	for name, j := range map[string]*batchv1.Job{
		"surplus": train(wants(3, 1)), "suspended": train(suspended), "ending": train(has(batchv1.JobFailureTarget)), "deleted": train(beingDeleted),
	} {
		result := mustPlan(t, j, job.Observed{Pods: []*corev1.Pod{pod("a", untracked, ready), pod("b", untracked)}}, job.Policy{})
		for _, line := range steps(result) {
			if tracks := line == strip("b"); tracks { // a change of finalizers either way
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}
