package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// life tells what becomes of a pod: the seconds since it got its node, its phase and its containers, a line whenever
// something changes.
func life(c *Cluster, name string, lasts time.Duration) []string {
	var told []string
	start, last := c.Now(), ""
	c.OnWrite(func(w Write) {
		pod, ok := w.Object().(*corev1.Pod)
		if !ok || pod.Name != name || pod.Spec.NodeName == "" {
			return
		}
		line := "gone"
		if w.After != nil {
			line = string(pod.Status.Phase)
			for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
				line += " " + state(status)
			}
			if pod.DeletionTimestamp != nil {
				line += " deleted"
			}
		}
		if last == "" {
			start = c.Now()
		}
		if line != last {
			told = append(told, fmt.Sprintf("%gs %s", c.Now().Sub(start).Seconds(), line))
		}
		last = line
	})
	c.Advance(lasts)
	return told
}

func state(status corev1.ContainerStatus) string {
	line := ""
	switch s := status.State; {
	case s.Waiting != nil:
		line = s.Waiting.Reason
	case s.Terminated != nil:
		line = fmt.Sprintf("%s(%d)", s.Terminated.Reason, s.Terminated.ExitCode)
	case s.Running != nil:
		line = "Running"
	}
	if status.Ready {
		line += "+"
	}
	if status.RestartCount > 0 {
		line += fmt.Sprintf("x%d", status.RestartCount)
	}
	return line
}

func TestLives(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	second := int64(1)
	deadline := int64(7)
	for _, test := range []struct {
		name    string
		image   Behaviour
		pod     corev1.PodSpec
		deleted time.Duration // after so long; 0: never
		lasts   time.Duration
		want    []string
	}{
		{
			name: "ready after a while", image: Behaviour{Pull: 2 * time.Second, Ready: 3 * time.Second}, lasts: time.Hour,
			want: []string{"0s Pending", "0s Pending ContainerCreating", "2s Running Running", "5s Running Running+"},
		}, {
			name: "never ready", image: Behaviour{NeverReady: true}, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running"},
		}, {
			name: "missing image", image: Behaviour{Pull: time.Second, Missing: true}, lasts: 40 * time.Second,
			want: []string{"0s Pending", "0s Pending ContainerCreating", "1s Pending ErrImagePull", "6s Pending ImagePullBackOff",
				"11s Pending ErrImagePull", "16s Pending ImagePullBackOff", "31s Pending ErrImagePull", "36s Pending ImagePullBackOff"},
		}, {
			name: "crash loop", image: Behaviour{Run: 2 * time.Second, ExitCodes: []int32{1}}, lasts: 40 * time.Second,
			want: []string{"0s Pending", "0s Running Running+", "2s Running Error(1)", "3s Running Running+x1", "5s Running Error(1)x1",
				"6s Running CrashLoopBackOffx1", "15s Running Running+x2", "17s Running Error(1)x2", "18s Running CrashLoopBackOffx2", "37s Running Running+x3", "39s Running Error(1)x3"},
		}, {
			name: "succeeds", image: Behaviour{Run: 5 * time.Second}, pod: corev1.PodSpec{RestartPolicy: "Never"}, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "5s Succeeded Completed(0)"},
		}, {
			name: "fails", image: Behaviour{Run: 5 * time.Second, ExitCodes: []int32{3}}, pod: corev1.PodSpec{RestartPolicy: "Never"}, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "5s Failed Error(3)"},
		}, {
			name: "fails once, then succeeds", image: Behaviour{Run: 5 * time.Second, ExitCodes: []int32{3, 0}}, pod: corev1.PodSpec{RestartPolicy: "OnFailure"}, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "5s Running Error(3)", "6s Running Running+x1", "11s Succeeded Completed(0)x1"},
		}, {
			name: "deleted while it runs", image: Behaviour{Stop: 2 * time.Second}, deleted: 10 * time.Second, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "9.9s Running Running+ deleted", "11.9s Failed Error(143) deleted", "11.9s gone"},
		}, {
			name: "killed after its grace period", image: Behaviour{Stop: time.Minute}, pod: corev1.PodSpec{TerminationGracePeriodSeconds: &second}, deleted: 10 * time.Second, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "9.9s Running Running+ deleted", "10.9s Failed Error(137) deleted", "10.9s gone"},
		}, {
			name: "deleted before it runs", image: Behaviour{Pull: time.Minute}, deleted: 10 * time.Second, lasts: time.Hour,
			want: []string{"0s Pending", "0s Pending ContainerCreating", "9.9s Pending ContainerCreating deleted", "9.9s Failed ContainerCreating deleted", "9.9s gone"},
		}, {
			name: "deleted while it waits in a crash loop", image: Behaviour{Run: time.Second, ExitCodes: []int32{1}}, deleted: 10 * time.Second, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "1s Running Error(1)", "2s Running Running+x1", "3s Running Error(1)x1", "4s Running CrashLoopBackOffx1",
				"9.9s Running CrashLoopBackOffx1 deleted", "9.9s Failed CrashLoopBackOffx1 deleted", "9.9s gone"},
		}, {
			name: "past its deadline", pod: corev1.PodSpec{ActiveDeadlineSeconds: &deadline}, lasts: time.Hour,
			want: []string{"0s Pending", "0s Running Running+", "6.9s Failed Error(137)"},
		}, {
			name: "init containers, one after the other", image: Behaviour{Pull: time.Second}, lasts: time.Hour,
			pod: corev1.PodSpec{InitContainers: []corev1.Container{{Name: "one", Image: "init"}, {Name: "two", Image: "init"}}},
			want: []string{"0s Pending", "0s Pending PodInitializing PodInitializing PodInitializing", "2s Pending Running PodInitializing PodInitializing", "5s Pending Completed(0)+ PodInitializing PodInitializing", "7s Pending Completed(0)+ Running PodInitializing",
				"10s Pending Completed(0)+ Completed(0)+ PodInitializing", "11s Running Completed(0)+ Completed(0)+ Running+"},
		}, {
			name: "an init container that fails", image: Behaviour{}, lasts: time.Hour,
			pod:  corev1.PodSpec{RestartPolicy: "Never", InitContainers: []corev1.Container{{Name: "one", Image: "broken"}}},
			want: []string{"0s Pending", "0s Failed Error(2) PodInitializing"},
		}, {
			name: "a sidecar starts first and ends last", image: Behaviour{Run: 5 * time.Second}, lasts: time.Hour,
			pod: corev1.PodSpec{RestartPolicy: "Never", InitContainers: []corev1.Container{{Name: "proxy", Image: "proxy", RestartPolicy: &always}}},
			want: []string{"0s Pending", "0s Pending PodInitializing PodInitializing", "1s Running Running+ Running+", "6s Running Running+ Completed(0)",
				"7s Succeeded Error(143) Completed(0)"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Options{Nodes: 1})
			c.SetImage("nginx", test.image)
			c.SetImage("init", Behaviour{Pull: 2 * time.Second, Run: 3 * time.Second})
			c.SetImage("broken", Behaviour{ExitCodes: []int32{2}})
			c.SetImage("proxy", Behaviour{Pull: time.Second, Stop: time.Second})
			pod := podNamed("x")
			test.pod.Containers = pod.Spec.Containers
			pod.Spec = test.pod
			create(t, c, pod)
			var got []string
			if test.deleted == 0 {
				got = life(c, "x", test.lasts)
			} else {
				c.after(test.deleted, "test", func() { remove(t, c, podNamed("x")) })
				got = life(c, "x", test.lasts)
			}
			// The first line is the binding itself, in which no container shows.
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		})
	}
}

func TestStatusAsKubeletsWriteIt(t *testing.T) {
	c := New(Options{Nodes: 1})
	c.SetImage("nginx", Behaviour{Pull: 2 * time.Second, Ready: 3 * time.Second})
	create(t, c, podNamed("x"))
	conditions := func() map[corev1.PodConditionType]string {
		held := map[corev1.PodConditionType]string{}
		for _, condition := range get[*corev1.Pod](t, c, "x").Status.Conditions {
			held[condition.Type] = strings.TrimSpace(fmt.Sprintf("%s %s %s", condition.Status, condition.Reason, condition.LastTransitionTime.Format("05")))
		}
		return held
	}
	expect := func(when string, want map[corev1.PodConditionType]string) {
		t.Helper()
		got := conditions()
		for kind, state := range want {
			if got[kind] != state {
				t.Errorf("%s: condition %s is %q, want %q", when, kind, got[kind], state)
			}
		}
	}
	c.Advance(time.Second)
	expect("while it is created", map[corev1.PodConditionType]string{
		"PodScheduled": "True  00", "PodReadyToStartContainers": "False  00", "Initialized": "True  00",
		"ContainersReady": "False ContainersNotReady 00", "Ready": "False ContainersNotReady 00",
	})
	c.Advance(10 * time.Second)
	expect("when it is ready", map[corev1.PodConditionType]string{
		"PodScheduled": "True  00", "PodReadyToStartContainers": "True  02", "Initialized": "True  00",
		"ContainersReady": "True  05", "Ready": "True  05",
	})
	pod := get[*corev1.Pod](t, c, "x")
	if pod.Status.PodIP != "10.244.1.2" || pod.Status.HostIP != "192.168.0.11" || pod.Status.StartTime == nil {
		t.Errorf("addresses %q and %q, startTime %v", pod.Status.PodIP, pod.Status.HostIP, pod.Status.StartTime)
	}
	if status := pod.Status.ContainerStatuses[0]; !strings.HasPrefix(status.ContainerID, "containerd://") || status.Image != "nginx" || !*status.Started {
		t.Errorf("container status %v", status)
	}
	if err := c.SetPodReady("", "x", false); err != nil {
		t.Fatal(err)
	}
	expect("when its probe fails", map[corev1.PodConditionType]string{"Ready": "False ContainersNotReady 11"})
	c.Advance(time.Second)
	if err := c.SetPodReady("", "x", true); err != nil {
		t.Fatal(err)
	}
	expect("when it passes again", map[corev1.PodConditionType]string{"Ready": "True  12"})

	if err := c.Evict("", "x", "The node was low on resource: memory."); err != nil {
		t.Fatal(err)
	}
	pod = get[*corev1.Pod](t, c, "x")
	if pod.Status.Phase != "Failed" || pod.Status.Reason != "Evicted" || pod.Status.ContainerStatuses[0].State.Terminated.ExitCode != 137 {
		t.Errorf("evicted: %v", pod.Status)
	}
	expect("evicted", map[corev1.PodConditionType]string{"Ready": "False PodFailed 12", "DisruptionTarget": "True TerminationByKubelet 12"})
	quiet(t, c)
	if err := c.SetPodReady("", "x", true); err == nil {
		t.Error("a pod that has ended passes its probe")
	}
	remove(t, c, pod)
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("a pod that had ended waits for its grace period: %v", got)
	}
}

func TestReadinessGates(t *testing.T) {
	c := New(Options{Nodes: 1})
	pod := podNamed("x")
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}}
	create(t, c, pod)
	quiet(t, c)
	if pod := get[*corev1.Pod](t, c, "x"); pods.IsReady(pod) {
		t.Error("ready with a closed gate")
	}
	pod = get[*corev1.Pod](t, c, "x")
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: "example.com/lb", Status: "True"})
	if _, err := c.UpdateStatus(pod); err != nil {
		t.Fatal(err)
	}
	c.Advance(0)
	if pod := get[*corev1.Pod](t, c, "x"); !pods.IsReady(pod) {
		t.Errorf("not ready with an open gate: %v", pod.Status.Conditions)
	}
}

func TestExit(t *testing.T) {
	c := New(Options{Nodes: 1})
	create(t, c, podNamed("x"))
	if err := c.Exit("", "x", "", 1); err == nil {
		t.Error("a pod without a node exits")
	}
	quiet(t, c)
	if err := c.Exit("", "x", "other", 1); err == nil || !strings.Contains(err.Error(), `container "other" of pod "x" does not run`) {
		t.Errorf("a container that it does not have: %v", err)
	}
	if err := c.Exit("", "x", "main", 9); err != nil {
		t.Fatal(err)
	}
	if got := state(get[*corev1.Pod](t, c, "x").Status.ContainerStatuses[0]); got != "Error(9)" {
		t.Errorf("state %s", got)
	}
	c.Advance(time.Second)
	status := get[*corev1.Pod](t, c, "x").Status.ContainerStatuses[0]
	if state(status) != "Running+x1" || status.LastTerminationState.Terminated.ExitCode != 9 {
		t.Errorf("after a second: %v", status)
	}
}

// After a run of ten minutes a crash counts as the first.
func TestBackoffIsForgotten(t *testing.T) {
	c := New(Options{Nodes: 1})
	create(t, c, podNamed("x"))
	for range 3 {
		c.Advance(11 * time.Minute)
		if err := c.Exit("", "x", "", 1); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Second)
		if got := get[*corev1.Pod](t, c, "x").Status.ContainerStatuses[0].State; got.Running == nil {
			t.Errorf("a second after the exit: %v", got)
		}
	}
}

func TestPodsWithFinalizersEndAndStay(t *testing.T) {
	c := New(Options{Nodes: 1})
	pod := podNamed("x")
	pod.Finalizers = []string{"example.com/count"}
	create(t, c, pod)
	quiet(t, c)
	remove(t, c, pod)
	quiet(t, c)
	pod = get[*corev1.Pod](t, c, "x")
	if pod.Status.Phase != corev1.PodFailed || *pod.DeletionGracePeriodSeconds != 0 {
		t.Errorf("phase %s, grace period %d", pod.Status.Phase, *pod.DeletionGracePeriodSeconds)
	}
	edit(t, c, "x", func(pod *corev1.Pod) { pod.Finalizers = nil })
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

func TestForcedDeletionIsAtOnce(t *testing.T) {
	c := New(Options{Nodes: 1})
	c.SetImage("", Behaviour{Stop: time.Minute})
	pod := create(t, c, podNamed("x"))
	quiet(t, c)
	remove(t, c, pod)
	for _, request := range []struct{ asks, left int64 }{{5, 5}, {60, 5}, {3, 3}} { // a request can only hasten those before
		if err := c.Delete(plan.RefTo(pod), metav1.DeleteOptions{GracePeriodSeconds: &request.asks}); err != nil {
			t.Fatal(err)
		}
		if got := *get[*corev1.Pod](t, c, "x").DeletionGracePeriodSeconds; got != request.left {
			t.Errorf("asked for %d, left %d, want %d", request.asks, got, request.left)
		}
	}
	atOnce := int64(0)
	if err := c.Delete(plan.RefTo(pod), metav1.DeleteOptions{GracePeriodSeconds: &atOnce}); err != nil {
		t.Fatal(err)
	}
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	quiet(t, c)
}
