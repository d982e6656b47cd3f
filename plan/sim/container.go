package sim

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// container is one container of a pod on its way: it waits for its image, runs, exits, and perhaps runs again.
type container struct {
	spec          *corev1.Container
	policy        corev1.RestartPolicy
	init, sidecar bool

	state, last corev1.ContainerState
	id          string
	runs        int // how often it was started
	exits       int // how often it exited since it last ran for long

	begun    bool      // its image is being pulled, or was
	due      time.Time // when it leaves the waiting or terminated state; zero: not on its own
	readyAt  time.Time // zero: not at all
	exitAt   time.Time // zero: not on its own
	exitCode int32
	startAt  time.Time
	backoff  time.Duration // before the next attempt to pull, or to run after a crash
	pulled   bool
}

const (
	// A failed pull is shown as ErrImagePull for this long, then as ImagePullBackOff until the next attempt.
	pullErrorShown = 5 * time.Second
	// restartDelay is how long a kubelet takes to notice that a container exited.
	restartDelay = time.Second
	// Delays between attempts double from the first to the last. A run of healthyRun or longer starts anew.
	firstBackoff = 10 * time.Second
	lastBackoff  = 5 * time.Minute
	healthyRun   = 10 * time.Minute
)

func newContainer(spec *corev1.Container, policy corev1.RestartPolicy) *container {
	if policy == "" {
		policy = corev1.RestartPolicyAlways
	}
	return &container{spec: spec, policy: policy, state: waiting("ContainerCreating", "")}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// initialized reports whether an init container lets the next one start.
func (k *container) initialized() bool {
	if k.sidecar {
		return k.runs > 0
	}
	return k.state.Terminated != nil && k.state.Terminated.ExitCode == 0
}

// restarts reports whether a container that exited is to run again.
func (k *container) restarts() bool {
	switch k.policy {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return k.state.Terminated.ExitCode != 0
	}
	return true
}

// proceed takes a container that does not run as far as it has come.
func (k *container) proceed(c *Cluster, pod *corev1.Pod, run *runningPod) (moved bool) {
	if !k.begun {
		k.begun = true
		k.due = c.now.Add(c.behaviour(k.spec.Image).Pull)
		c.note(kubeletSource, pod, "Pulling", "Pulling image %q", k.spec.Image)
	}
	if k.state.Running != nil || k.due.IsZero() || c.now.Before(k.due) {
		return false
	}
	if run.ip == "" {
		run.ip = c.newAddress(pod)
	}
	switch {
	case k.state.Terminated != nil && k.exits > 1:
		k.crashLoop(c, pod)
	case !k.pulled && c.behaviour(k.spec.Image).Missing:
		k.failPull(c, pod)
	default:
		k.start(c, pod)
	}
	return true
}

// failPull alternates between an attempt that failed and the pause before the next.
func (k *container) failPull(c *Cluster, pod *corev1.Pod) {
	image := k.spec.Image
	if w := k.state.Waiting; w != nil && w.Reason == "ErrImagePull" {
		k.state = waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q", image))
		k.due = k.due.Add(k.backoff - pullErrorShown)
		c.note(kubeletSource, pod, "BackOff", "Back-off pulling image %q", image)
		return
	}
	k.state = waiting("ErrImagePull", fmt.Sprintf("failed to pull and unpack image %q: not found", image))
	k.backoff = longer(k.backoff)
	k.due = c.now.Add(pullErrorShown)
	c.warn(kubeletSource, pod, "Failed", "Failed to pull image %q: not found", image)
}

func longer(backoff time.Duration) time.Duration {
	return min(max(2*backoff, firstBackoff), lastBackoff)
}

func (k *container) start(c *Cluster, pod *corev1.Pod) {
	b := c.behaviour(k.spec.Image)
	if !k.pulled {
		k.pulled, k.backoff = true, 0
		c.note(kubeletSource, pod, "Pulled", "Successfully pulled image %q", k.spec.Image)
	}
	k.last = corev1.ContainerState{Terminated: lastRun(k)}
	k.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: c.timestamp()}}
	k.id = c.newContainerID()
	k.startAt, k.due, k.readyAt, k.exitAt = c.now, time.Time{}, time.Time{}, time.Time{}
	if !b.NeverReady {
		k.readyAt = c.now.Add(b.Ready)
	}
	if b.Run > 0 || (k.init && !k.sidecar) {
		k.exitAt, k.exitCode = c.now.Add(b.Run), b.exitCode(k.runs)
	}
	k.runs++
	c.note(kubeletSource, pod, "Created", "Container created")
	c.note(kubeletSource, pod, "Started", "Container started")
}

// lastRun is how the container ended before, whether it waits to be started again or not.
func lastRun(k *container) *corev1.ContainerStateTerminated {
	if k.state.Terminated != nil {
		return k.state.Terminated
	}
	return k.last.Terminated
}

// end ends a run that is due to end.
func (k *container) end(c *Cluster, run *runningPod) (moved bool) {
	if k.state.Running == nil || k.exitAt.IsZero() || c.now.Before(k.exitAt) {
		return false
	}
	if c.now.Sub(k.startAt) >= healthyRun {
		k.exits, k.backoff = 0, 0
	}
	k.exits++
	k.terminate(c.timestamp(), k.exitCode)
	if !run.stopping && k.restarts() && !(k.sidecar && run.finished()) {
		k.due = c.now.Add(restartDelay)
	}
	return true
}

func (k *container) terminate(at metav1.Time, code int32) {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	k.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode:    code,
		Reason:      reason,
		StartedAt:   k.state.Running.StartedAt,
		FinishedAt:  at,
		ContainerID: k.id,
	}}
	k.due = time.Time{}
}

// crashLoop pauses after every exit but the first, longer each time.
func (k *container) crashLoop(c *Cluster, pod *corev1.Pod) {
	k.backoff = longer(k.backoff)
	k.last = corev1.ContainerState{Terminated: k.state.Terminated}
	k.state = waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		k.backoff, k.spec.Name, pod.Name, pod.Namespace, pod.UID))
	k.due = c.now.Add(k.backoff - restartDelay)
	c.warn(kubeletSource, pod, "BackOff", "Back-off restarting failed container %s in pod %s_%s(%s)", k.spec.Name, pod.Name, pod.Namespace, pod.UID)
}

// stop asks a container that runs to stop. It does so in its own time, but no later than its grace period.
func (k *container) stop(c *Cluster, pod *corev1.Pod, grace int64) {
	k.due = time.Time{}
	if k.state.Running == nil {
		return
	}
	b, code := c.behaviour(k.spec.Image), int32(143)
	takes := b.Stop
	if limit := seconds(grace); takes > limit {
		takes, code = limit, 137
	}
	if at := c.now.Add(takes); k.exitAt.IsZero() || at.Before(k.exitAt) {
		k.exitAt, k.exitCode = at, code
		c.note(kubeletSource, pod, "Killing", "Stopping container %s", k.spec.Name)
	}
}

// kill ends a run at once.
func (k *container) kill(at metav1.Time) {
	k.due = time.Time{}
	if k.state.Running != nil {
		k.terminate(at, 137)
	}
}

func (k *container) ready(now time.Time) bool {
	return k.state.Running != nil && !k.readyAt.IsZero() && !now.Before(k.readyAt)
}

// nextDue is when something will change: zero if nothing does on its own.
func (k *container) nextDue(now time.Time, stopping bool) time.Time {
	switch {
	case k.state.Running == nil && stopping:
		return time.Time{}
	case k.state.Running == nil:
		return k.due
	case k.readyAt.After(now) && (k.exitAt.IsZero() || k.readyAt.Before(k.exitAt)):
		return k.readyAt
	}
	return k.exitAt
}
