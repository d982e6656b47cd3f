package job_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
)

// The record of failures: a success forgets, a second look adds nothing, another Job starts anew.
func TestMemory(t *testing.T) {
	observe := func(memory job.Memory, pods ...*corev1.Pod) job.Memory {
		return mustPlan(t, train(wants(9, 1), backoffLimit(99)), job.Observed{Pods: pods, Memory: memory}, job.Policy{}).Memory
	}
	first := pod("a", exits(1, 10*time.Second))
	memory := observe(job.Memory{}, first)
	if memory.Failures != 1 || !memory.LastFailure.Equal(now.Add(-10*time.Second)) {
		t.Errorf("after a failure: %+v", memory)
	}
	if again := observe(memory, first); !cmp.Equal(again, memory) {
		t.Errorf("after the same failure: %+v", again)
	}
	memory = observe(memory, first, pod("b", exits(1, 5*time.Second)))
	if memory.Failures != 2 || !memory.LastFailure.Equal(now.Add(-5*time.Second)) {
		t.Errorf("after a second failure: %+v", memory)
	}
	memory = observe(memory, pod("c", exits(0, 4*time.Second)), pod("d", exits(1, 3*time.Second)), pod("e", exits(1, 4*time.Second)))
	if memory.Failures != 1 || !memory.LastFailure.Equal(now.Add(-3*time.Second)) {
		t.Errorf("after a success and a failure: %+v", memory)
	}
	if len(memory.Recorded) != 3 {
		t.Errorf("pods that are gone are still recorded: %v", memory.Recorded)
	}
	memory.Job = "another"
	if fresh := observe(memory); fresh.Failures != 0 || fresh.Job != "train" {
		t.Errorf("after another Job: %+v", fresh)
	}
}

// When a pod finished is read from what it says, in the order of how well that tells it.
func TestFinishTimes(t *testing.T) {
	second := func(n int) metav1.Time { return *ago(time.Duration(n) * time.Second) }
	ended := func(name string, at metav1.Time) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: at}}}
	}
	for _, tt := range []struct {
		name string
		pod  func(*corev1.Pod)
		want int // seconds ago
	}{
		{"the last container", func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{ended("main", second(9)), ended("proxy", second(8))}
		}, 8},
		{"a sidecar", func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "side", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}, {Name: "init"}}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{ended("main", second(9))}
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{ended("side", second(7)), ended("init", second(1))}
		}, 7},
		{"a container that does not say", func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{ended("main", second(9)), ended("proxy", metav1.Time{})}
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: second(6)}}
		}, 6},
		{"the deletion, less the time it was given", func(p *corev1.Pod) {
			p.DeletionTimestamp, p.DeletionGracePeriodSeconds = ago(-20*time.Second), new(int64(25))
		}, 5},
		{"the creation", func(p *corev1.Pod) { p.CreationTimestamp = second(4) }, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pod("a", tt.pod, func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })
			memory := mustPlan(t, train(), job.Observed{Pods: []*corev1.Pod{p}}, job.Policy{}).Memory
			if want := second(tt.want); !memory.LastFailure.Equal(want.Time) {
				t.Errorf("%s, want %s", memory.LastFailure, want)
			}
		})
	}
}

// Numbers that no pod should have do not make the Job wait for centuries, or forget.
func TestFailuresWithoutEnd(t *testing.T) {
	held := pod("a", func(p *corev1.Pod) {
		p.Status.Phase, p.DeletionTimestamp, p.DeletionGracePeriodSeconds = corev1.PodPending, ago(0), new(int64(10_000_000_000))
	})
	memory := mustPlan(t, train(), job.Observed{Pods: []*corev1.Pod{held}}, job.Policy{}).Memory
	if memory.LastFailure.After(now) {
		t.Errorf("it failed at %s", memory.LastFailure)
	}
	many := job.Memory{Job: "train", Failures: math.MaxInt32, LastFailure: now}
	if memory = mustPlan(t, train(), job.Observed{Pods: []*corev1.Pod{pod("a", failed)}, Memory: many}, job.Policy{}).Memory; memory.Failures != math.MaxInt32 {
		t.Errorf("%d failures", memory.Failures)
	}
}
