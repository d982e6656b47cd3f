package table

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func podRow(pod *corev1.Pod, now time.Time) []cell {
	state := stateOf(pod)
	ip := ""
	if len(pod.Status.PodIPs) > 0 {
		ip = pod.Status.PodIPs[0].IP
	}
	return []cell{
		{header: "NAME", text: pod.Name},
		{header: "READY", text: fmt.Sprintf("%d/%d", state.ready, state.total)},
		{header: "STATUS", text: state.reason},
		{header: "RESTARTS", text: state.restartsAt(now)},
		age(pod, now),
		{header: "IP", text: orNone(ip), wide: true},
		{header: "NODE", text: orNone(pod.Spec.NodeName), wide: true},
		{header: "NOMINATED NODE", text: orNone(pod.Status.NominatedNodeName), wide: true},
		{header: "READINESS GATES", text: gates(pod), wide: true},
	}
}

// podState is a pod in the few words of its row.
type podState struct {
	reason       string // the column STATUS
	ready, total int    // containers, and init containers that keep running
	restarts     int32
	lastRestart  metav1.Time // zero if there was none
}

func stateOf(pod *corev1.Pod) podState {
	s := podState{
		reason: cmp.Or(pod.Status.Reason, string(pod.Status.Phase)),
		total:  len(pod.Spec.Containers),
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			s.reason = corev1.PodReasonSchedulingGated
		}
	}
	if initialized := s.readInit(pod); initialized || isTrue(pod, corev1.PodInitialized) {
		s.readContainers(pod)
	}
	// A pod that has finished stays Completed or Error while it is being deleted.
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	switch {
	case pod.DeletionTimestamp == nil:
	case pod.Status.Reason == "NodeLost": // as the node controller marks the pods of a silent node
		s.reason = "Unknown"
	case !finished:
		s.reason = "Terminating"
	}
	return s
}

// readInit goes through the init containers up to the first that has not done its work, and says whether
// there was none. Their restarts are shown only as long as they run, those of sidecars always.
func (s *podState) readInit(pod *corev1.Pod) (initialized bool) {
	sidecars := map[string]bool{}
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sidecars[c.Name] = true
			s.total++
		}
	}
	ofSidecars := podState{}
	for i, c := range pod.Status.InitContainerStatuses {
		s.countRestarts(c)
		if sidecars[c.Name] {
			ofSidecars.countRestarts(c)
		}
		switch {
		case c.State.Terminated != nil && c.State.Terminated.ExitCode == 0:
			continue
		case sidecars[c.Name] && c.Started != nil && *c.Started:
			if c.Ready {
				s.ready++
			}
			continue
		case c.State.Terminated != nil:
			s.reason = "Init:" + ending(c.State.Terminated)
		case c.State.Waiting != nil && c.State.Waiting.Reason != "" && c.State.Waiting.Reason != "PodInitializing":
			s.reason = "Init:" + c.State.Waiting.Reason
		default:
			s.reason = fmt.Sprintf("Init:%d/%d", i, len(pod.Spec.InitContainers))
		}
		if isTrue(pod, corev1.PodInitialized) { // readContainers goes on from here
			s.restarts, s.lastRestart = ofSidecars.restarts, ofSidecars.lastRestart
		}
		return false
	}
	s.restarts, s.lastRestart = ofSidecars.restarts, ofSidecars.lastRestart
	return true
}

// readContainers lets the first container that waits or has ended give the reason.
func (s *podState) readContainers(pod *corev1.Pod) {
	running, failure := false, ""
	for _, c := range slices.Backward(pod.Status.ContainerStatuses) {
		s.countRestarts(c)
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			s.reason = c.State.Waiting.Reason
		case c.State.Terminated != nil:
			s.reason = ending(c.State.Terminated)
			if c.State.Terminated.ExitCode != 0 {
				failure = s.reason
			}
		case c.Ready && c.State.Running != nil:
			running = true
			s.ready++
		}
	}
	if s.reason != "Completed" {
		return
	}
	// One container is through. The others decide what the pod as a whole is.
	switch {
	case running && isTrue(pod, corev1.PodReady):
		s.reason = "Running"
	case failure != "":
		s.reason = failure
	case running:
		s.reason = "NotReady"
	}
}

func (s *podState) countRestarts(c corev1.ContainerStatus) {
	s.restarts += c.RestartCount
	if ended := c.LastTerminationState.Terminated; ended != nil && s.lastRestart.Before(&ended.FinishedAt) {
		s.lastRestart = ended.FinishedAt
	}
}

// restartsAt is the number, and how long ago the last restart was if that is known: "5 (10s ago)".
func (s *podState) restartsAt(now time.Time) string {
	if s.restarts == 0 || s.lastRestart.IsZero() {
		return number(s.restarts)
	}
	return fmt.Sprintf("%d (%s ago)", s.restarts, since(s.lastRestart, now))
}

// ending says why a container ended, by its signal or its exit code if the runtime gave no reason.
func ending(t *corev1.ContainerStateTerminated) string {
	switch {
	case t.Reason != "":
		return t.Reason
	case t.Signal != 0:
		return fmt.Sprintf("Signal:%d", t.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", t.ExitCode)
}

func isTrue(pod *corev1.Pod, condition corev1.PodConditionType) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == condition && c.Status == corev1.ConditionTrue
	})
}

// gates is how many of the pod's readiness gates are open.
func gates(pod *corev1.Pod) string {
	if len(pod.Spec.ReadinessGates) == 0 {
		return "<none>"
	}
	open := 0
	for _, gate := range pod.Spec.ReadinessGates {
		if isTrue(pod, gate.ConditionType) {
			open++
		}
	}
	return fmt.Sprintf("%d/%d", open, len(pod.Spec.ReadinessGates))
}
