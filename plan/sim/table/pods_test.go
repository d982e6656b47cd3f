package table_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

func waiting(reason string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
}

func running() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func terminated(reason string, exitCode, signal int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: exitCode, Signal: signal}}
}

// status is a container's, ready if it runs.
func status(state corev1.ContainerState) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: state, Ready: state.Running != nil}
}

func restarted(s corev1.ContainerStatus, times int32, last time.Duration) corev1.ContainerStatus {
	s.RestartCount = times
	s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{FinishedAt: ago(last)}
	return s
}

func pod(phase corev1.PodPhase, statuses ...corev1.ContainerStatus) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta("p", time.Minute), Status: corev1.PodStatus{Phase: phase, ContainerStatuses: statuses}}
	for range max(len(statuses), 1) {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{})
	}
	return p
}

func with(p *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod {
	change(p)
	return p
}

// initialize gives a pod init containers, sidecars first in the row of statuses where a name is given.
func initialize(p *corev1.Pod, statuses ...corev1.ContainerStatus) *corev1.Pod {
	for _, s := range statuses {
		c := corev1.Container{Name: s.Name}
		if s.Name == "sidecar" {
			c.RestartPolicy = ptr(corev1.ContainerRestartPolicyAlways)
		}
		p.Spec.InitContainers = append(p.Spec.InitContainers, c)
	}
	p.Status.InitContainerStatuses = statuses
	return p
}

func deleted(p *corev1.Pod) {
	p.DeletionTimestamp = ptr(ago(0))
}

func condition(kind corev1.PodConditionType, status corev1.ConditionStatus, reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: kind, Status: status, Reason: reason})
	}
}

// TestPods wants READY, STATUS and RESTARTS as kubectl 1.36 shows them.
func TestPods(t *testing.T) {
	ready := condition(corev1.PodReady, corev1.ConditionTrue, "")
	sidecar := func(state corev1.ContainerState) corev1.ContainerStatus {
		s := status(state)
		s.Name, s.Started = "sidecar", ptr(state.Running != nil)
		return s
	}
	for _, test := range []struct {
		name string
		pod  *corev1.Pod
		want string
	}{
		{"not scheduled", pod(corev1.PodPending), "0/1 Pending 0"},
		{"held back from scheduling", with(pod(corev1.PodPending), condition(corev1.PodScheduled, corev1.ConditionFalse, "SchedulingGated")), "0/1 SchedulingGated 0"},
		{"about to start", pod(corev1.PodPending, status(waiting("ContainerCreating"))), "0/1 ContainerCreating 0"},
		{"an image that cannot be pulled", pod(corev1.PodPending, status(waiting("ErrImagePull"))), "0/1 ErrImagePull 0"},
		{"and is not tried again at once", pod(corev1.PodPending, status(waiting("ImagePullBackOff"))), "0/1 ImagePullBackOff 0"},
		{"runs", pod(corev1.PodRunning, status(running())), "1/1 Running 0"},
		{"runs, one of two ready", pod(corev1.PodRunning, status(running()), corev1.ContainerStatus{State: running()}), "1/2 Running 0"},
		{"restarted", pod(corev1.PodRunning, restarted(status(running()), 5, 10*time.Second)), "1/1 Running 5 (10s ago)"},
		{"restarted, nobody knows when", pod(corev1.PodRunning, corev1.ContainerStatus{State: running(), RestartCount: 2}), "0/1 Running 2"},
		{
			"the last restart of two containers",
			pod(corev1.PodRunning, restarted(status(running()), 1, time.Hour), restarted(status(running()), 2, time.Minute)), "2/2 Running 3 (60s ago)",
		},
		{"crashes", pod(corev1.PodRunning, restarted(status(waiting("CrashLoopBackOff")), 6, 20*time.Second)), "0/1 CrashLoopBackOff 6 (20s ago)"},
		{"done", pod(corev1.PodSucceeded, status(terminated("Completed", 0, 0))), "0/1 Completed 0"},
		{"failed", pod(corev1.PodFailed, status(terminated("Error", 1, 0))), "0/1 Error 0"},
		{"failed without a reason", pod(corev1.PodFailed, status(terminated("", 3, 0))), "0/1 ExitCode:3 0"},
		{"killed without a reason", pod(corev1.PodFailed, status(terminated("", 137, 9))), "0/1 Signal:9 0"},
		{"evicted", with(pod(corev1.PodFailed), func(p *corev1.Pod) { p.Status.Reason = "Evicted" }), "0/1 Evicted 0"},
		{"the first container that waits", pod(corev1.PodPending, status(waiting("First")), status(waiting("Second"))), "0/2 First 0"},
		{"one of two done, the pod ready", with(pod(corev1.PodRunning, status(terminated("Completed", 0, 0)), status(running())), ready), "1/2 Running 0"},
		{"one of two done, the pod not ready", pod(corev1.PodRunning, status(terminated("Completed", 0, 0)), status(running())), "1/2 NotReady 0"},
		{"one of two failed", pod(corev1.PodRunning, status(terminated("Completed", 0, 0)), status(terminated("Error", 1, 0))), "0/2 Error 0"},
		{"being deleted", with(pod(corev1.PodRunning, status(running())), deleted), "1/1 Terminating 0"},
		{"done, being deleted", with(pod(corev1.PodSucceeded, status(terminated("Completed", 0, 0))), deleted), "0/1 Completed 0"},
		{
			"on a silent node, being deleted",
			with(with(pod(corev1.PodRunning, status(running())), deleted), func(p *corev1.Pod) { p.Status.Reason = "NodeLost" }), "1/1 Unknown 0",
		},
		{"initializing", initialize(pod(corev1.PodPending), status(terminated("Completed", 0, 0)), status(running())), "0/1 Init:1/2 0"},
		{"initializing, before the first", initialize(pod(corev1.PodPending, status(waiting("PodInitializing"))), status(waiting("PodInitializing"))), "0/1 Init:0/1 0"},
		{"initializing fails", initialize(pod(corev1.PodPending), status(terminated("Error", 1, 0))), "0/1 Init:Error 0"},
		{"initializing crashes", initialize(pod(corev1.PodPending), restarted(status(waiting("CrashLoopBackOff")), 3, time.Second)), "0/1 Init:CrashLoopBackOff 3 (1s ago)"},
		{"initializing, killed without a reason", initialize(pod(corev1.PodPending), status(terminated("", 137, 9))), "0/1 Init:Signal:9 0"},
		{
			"initialized: its restarts are forgotten",
			initialize(pod(corev1.PodRunning, status(running())), restarted(status(terminated("Completed", 0, 0)), 3, time.Second)), "1/1 Running 0",
		},
		{"a sidecar counts as a container", initialize(pod(corev1.PodRunning, status(running())), sidecar(running())), "2/2 Running 0"},
		{
			"a sidecar's restarts are kept",
			initialize(pod(corev1.PodRunning, status(running())), restarted(sidecar(running()), 1, time.Second)), "2/2 Running 1 (1s ago)",
		},
		{
			"initialized once, a sidecar restarts",
			with(initialize(pod(corev1.PodRunning, status(running())), sidecar(waiting("CrashLoopBackOff"))), condition(corev1.PodInitialized, corev1.ConditionTrue, "")),
			"1/2 Init:CrashLoopBackOff 0",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			row := table.Format([]plan.Object{test.pod}, table.Options{Now: now, NoHeaders: true})
			got := strings.Join(strings.Fields(row), " ")
			if want := "p " + test.want + " 60s"; got != want {
				t.Errorf("%s\nwant: %s", got, want)
			}
		})
	}
}

func TestPodsWide(t *testing.T) {
	scheduled := with(pod(corev1.PodRunning, status(running())), func(p *corev1.Pod) {
		p.Name = "myweb-ds-64l84"
		p.Spec.NodeName = "node3"
		p.Status.PodIPs = []corev1.PodIP{{IP: "10.233.92.49"}, {IP: "fd00::1"}}
		p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "a"}, {ConditionType: "b"}}
		condition("b", corev1.ConditionTrue, "")(p)
	})
	waits := with(pod(corev1.PodPending), func(p *corev1.Pod) { p.Status.NominatedNodeName = "node1" })
	check(t, table.Format([]plan.Object{scheduled, waits}, table.Options{Now: now, Wide: true}),
		"NAME             READY   STATUS    RESTARTS   AGE   IP             NODE     NOMINATED NODE   READINESS GATES",
		"myweb-ds-64l84   1/1     Running   0          60s   10.233.92.49   node3    <none>           1/2",
		"p                0/1     Pending   0          60s   <none>         <none>   node1            <none>",
	)
}
