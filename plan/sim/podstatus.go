package sim

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/internal/pods"
)

// report writes into a pod's status what its kubelet knows, as Kubernetes' kubelet words it.
func (run *runningPod) report(c *Cluster, pod *corev1.Pod) {
	status := &pod.Status
	status.StartTime = &run.started
	if node := stored[*corev1.Node](c, "", pod.Spec.NodeName); node != nil {
		status.HostIP = hostIP(node)
		status.HostIPs = []corev1.HostIP{{IP: status.HostIP}}
	}
	if run.ip != "" {
		status.PodIP = run.ip
		status.PodIPs = []corev1.PodIP{{IP: run.ip}}
	}
	status.InitContainerStatuses = nil
	for _, k := range run.init {
		status.InitContainerStatuses = append(status.InitContainerStatuses, k.status(run.initReady(c, k)))
	}
	status.ContainerStatuses = nil
	for _, k := range run.main {
		status.ContainerStatuses = append(status.ContainerStatuses, k.status(k.ready(c.now) && !run.unready))
	}
	status.Phase = run.phase(pod)
	c.setConditions(pod, run)
}

func (run *runningPod) initReady(c *Cluster, k *container) bool {
	if k.sidecar {
		return k.ready(c.now)
	}
	return k.initialized()
}

func (k *container) status(ready bool) corev1.ContainerStatus {
	started := k.state.Running != nil
	return corev1.ContainerStatus{
		Name:                 k.spec.Name,
		State:                k.state,
		LastTerminationState: k.last,
		Ready:                ready,
		RestartCount:         int32(max(0, k.runs-1)),
		Image:                k.spec.Image,
		ContainerID:          k.id,
		Started:              &started,
	}
}

// phase sums up the containers.
func (run *runningPod) phase(pod *corev1.Pod) corev1.PodPhase {
	for _, k := range run.init {
		failed := k.state.Terminated != nil && k.state.Terminated.ExitCode != 0
		switch {
		case failed && k.policy == corev1.RestartPolicyNever && !run.stopping:
			return corev1.PodFailed
		case !k.initialized() && !run.stopping && run.main[0].runs == 0:
			return corev1.PodPending
		}
	}
	var begun, running, succeeded, forGood int
	for _, k := range run.main {
		if k.runs > 0 {
			begun++
		}
		switch ended := k.state.Terminated; {
		case k.state.Running != nil:
			running++
		case ended != nil && ended.ExitCode == 0:
			succeeded++
		}
		if k.state.Terminated != nil && !k.restarts() {
			forGood++
		}
	}
	for _, k := range run.init {
		if k.state.Running != nil {
			running++
		}
	}
	all := len(run.main)
	switch {
	case run.stopping && running == 0 && succeeded == all:
		return corev1.PodSucceeded
	case run.stopping && running == 0:
		return corev1.PodFailed
	case begun < all:
		return corev1.PodPending
	case running > 0 || forGood < all:
		return corev1.PodRunning
	case succeeded == all:
		return corev1.PodSucceeded
	}
	return corev1.PodFailed
}

// setConditions derives the conditions from phase and containers.
func (c *Cluster) setConditions(pod *corev1.Pod, run *runningPod) {
	set := func(kind corev1.PodConditionType, holds bool, reason, message string) {
		status := corev1.ConditionTrue
		if !holds {
			status = corev1.ConditionFalse
		}
		c.setCondition(pod, corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message})
	}
	set(corev1.PodScheduled, true, "", "")
	set(corev1.PodReadyToStartContainers, run.ip != "" && !pods.IsTerminal(pod), "", "")

	completed := ""
	if pod.Status.Phase == corev1.PodSucceeded {
		completed = "PodCompleted"
	}
	if incomplete := run.incomplete(); len(incomplete) > 0 && completed == "" {
		set(corev1.PodInitialized, false, "ContainersNotInitialized", "containers with incomplete status: "+list(incomplete))
	} else {
		set(corev1.PodInitialized, true, completed, "")
	}

	reason, message := "", ""
	switch unready := run.notReady(pod); {
	case completed != "":
		reason = completed
	case pod.Status.Phase == corev1.PodFailed:
		reason = "PodFailed"
	case len(unready) > 0:
		reason, message = "ContainersNotReady", "containers with unready status: "+list(unready)
	}
	set(corev1.ContainersReady, reason == "", reason, message)
	if missing := missingGates(pod); reason == "" && len(missing) > 0 {
		reason, message = "ReadinessGatesNotReady", strings.Join(missing, ", ")
	}
	set(corev1.PodReady, reason == "", reason, message)
}

// incomplete names the init containers that are not done. Once a main container has run, none is.
func (run *runningPod) incomplete() (names []string) {
	for _, k := range run.init {
		if !k.initialized() && run.main[0].runs == 0 {
			names = append(names, k.spec.Name)
		}
	}
	return names
}

// notReady names the containers and sidecars that are not ready.
func (run *runningPod) notReady(pod *corev1.Pod) (names []string) {
	for i, k := range run.init {
		if k.sidecar && !pod.Status.InitContainerStatuses[i].Ready {
			names = append(names, k.spec.Name)
		}
	}
	for i, k := range run.main {
		if !pod.Status.ContainerStatuses[i].Ready {
			names = append(names, k.spec.Name)
		}
	}
	return names
}

// missingGates says which readiness gates of a pod are closed.
func missingGates(pod *corev1.Pod) (closed []string) {
	for _, gate := range pod.Spec.ReadinessGates {
		state := "does not exist"
		for _, condition := range pod.Status.Conditions {
			if condition.Type == gate.ConditionType {
				state = string(condition.Status)
			}
		}
		switch state {
		case string(corev1.ConditionTrue):
		case "does not exist":
			closed = append(closed, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType))
		default:
			closed = append(closed, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %s", gate.ConditionType, state))
		}
	}
	return closed
}

// failPod ends a pod whatever its containers did.
func (c *Cluster) failPod(pod *corev1.Pod, reason, message string) {
	pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, reason, message
	for _, kind := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		c.setCondition(pod, corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: "PodFailed"})
	}
	c.setCondition(pod, corev1.PodCondition{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse})
}

func list(names []string) string {
	return "[" + strings.Join(names, " ") + "]"
}

// newAddress gives a pod the next address of its node's network.
func (c *Cluster) newAddress(pod *corev1.Pod) string {
	name := pod.Spec.NodeName
	if pod.Spec.HostNetwork {
		return hostIP(stored[*corev1.Node](c, "", name))
	}
	c.kubelet.addresses[name]++
	return fmt.Sprintf("10.244.%d.%d", c.nodes.number[name]%256, 1+c.kubelet.addresses[name]%254)
}

func (c *Cluster) newContainerID() string {
	return fmt.Sprintf("containerd://%016x%016x%016x%016x", c.rng.Uint64(), c.rng.Uint64(), c.rng.Uint64(), c.rng.Uint64())
}
