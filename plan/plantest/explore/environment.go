package explore

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// The environment does in one step what scheduler, kubelet and garbage collector do in several: a pod gets a node and is
// ready, or ends and is gone.

// environment gives what goes on by itself in a state, and what goes wrong with pods.
func (s *search) environment(at *state) []event {
	var events []event
	for _, shelf := range at.shelves {
		for _, it := range shelf {
			if pod, isPod := it.Object.(*corev1.Pod); isPod {
				events = append(events, s.podGoesOn(at, it, pod)...)
				if at.left.Faults > 0 && pod.DeletionTimestamp == nil {
					events = append(events, s.podFaults(at, it, pod)...)
				}
			}
			if e, ok := s.collect(at, it); ok {
				events = append(events, e)
			}
		}
	}
	return events
}

// podGoesOn is the life of a pod as it should be.
func (s *search) podGoesOn(at *state, it *item, pod *corev1.Pod) []event {
	if pod.DeletionTimestamp != nil {
		switch {
		case !isFinished(pod):
			if len(pod.Finalizers) == 0 {
				return []event{s.gone(at, it, "pods")}
			}
			return []event{s.podChanges(at, it, "pods", "# pod %s ends", "", func(pod *corev1.Pod) { finish(pod, corev1.PodFailed, at.now) })}
		case len(pod.Finalizers) == 0:
			return []event{s.gone(at, it, "pods")}
		}
		return nil
	}
	if node := pod.Spec.NodeName; node != "" && !s.hasNode(at, node) {
		return []event{s.gone(at, it, "pods")}
	}
	if isFinished(pod) {
		return nil
	}
	if !isReady(pod) {
		node := s.nodeFor(at, pod)
		if node == "" {
			return nil
		}
		return []event{s.podChanges(at, it, "pods", "$ pod ready %s", node, func(pod *corev1.Pod) { start(pod, node, at.now) })}
	}
	if s.Finish {
		return []event{s.podChanges(at, it, "pods", "$ pod exit %s 0", "", func(pod *corev1.Pod) { finish(pod, corev1.PodSucceeded, at.now) })}
	}
	return nil
}

// podFaults is what goes wrong with a pod.
func (s *search) podFaults(at *state, it *item, pod *corev1.Pod) []event {
	var events []event
	for _, fault := range s.Faults {
		var e event
		switch {
		case fault == PodFails && !isFinished(pod) && pod.Spec.NodeName != "":
			e = s.podChanges(at, it, "", "$ pod exit %s 1", "", func(pod *corev1.Pod) { finish(pod, corev1.PodFailed, at.now) })
		case fault == PodUnready && isReady(pod):
			e = s.podChanges(at, it, "", "$ pod unready %s", "", func(pod *corev1.Pod) { setReady(pod, corev1.ConditionFalse, at.now) })
		case fault == PodDeleted:
			next := at.clone()
			s.delete(&next.cluster, it, "")
			e = event{by: nobody, next: next, tell: told("$ kubectl delete pod %s --wait=false", pod.Name)}
		default:
			continue
		}
		e.next.left.Faults--
		events = append(events, e)
	}
	return events
}

// podChanges is a change of a pod, on a node if it depends on it, which line tells.
func (s *search) podChanges(at *state, it *item, class, line, node string, change func(*corev1.Pod)) event {
	next := at.clone()
	s.stamp(&next.cluster, it, [2]string{line, node}, func(pod plan.Object) { change(pod.(*corev1.Pod)) })
	return event{class: class, by: nobody, next: next, tell: told(line, it.GetName())}
}

func (s *search) gone(at *state, it *item, class string) event {
	next := at.clone()
	next.remove(it)
	return event{class: class, by: nobody, next: next, tell: told("# %s is gone", plan.RefTo(it.Object))}
}

// collect is the garbage collector's part: what is being deleted goes once nothing holds it, and what has lost its controller goes, too.
func (s *search) collect(at *state, it *item) (event, bool) {
	_, isPod := it.Object.(*corev1.Pod)
	if it.GetDeletionTimestamp() != nil {
		holds := it.GetFinalizers()
		free := len(holds) == 0 || len(holds) == 1 && holds[0] == metav1.FinalizerDeleteDependents && !s.hasDependents(at, it)
		if !free || isPod {
			return event{}, false
		}
		return s.gone(at, it, "garbage collector"), true
	}
	controller := metav1.GetControllerOf(it)
	if controller == nil {
		return event{}, false
	}
	owner := at.find(s.pool.kind(controller.Kind), controller.UID)
	if owner != nil && !(owner.GetDeletionTimestamp() != nil && slices.Contains(owner.GetFinalizers(), metav1.FinalizerDeleteDependents)) {
		return event{}, false
	}
	next := at.clone()
	s.delete(&next.cluster, it, "")
	return event{class: "garbage collector", by: nobody, next: next, tell: told("# the garbage collector deletes %s", plan.RefTo(it.Object))}, true
}

func (s *search) hasDependents(at *state, owner *item) bool {
	for _, shelf := range at.shelves {
		for _, it := range shelf {
			if ref := metav1.GetControllerOf(it); ref != nil && ref.UID == owner.GetUID() {
				return true
			}
		}
	}
	return false
}

// nodeFor is where a pod runs: on the node that it asks for by name, else on the first one. "" if that is not there.
func (s *search) nodeFor(at *state, pod *corev1.Pod) string {
	if pod.Spec.NodeName != "" {
		return pod.Spec.NodeName
	}
	if name := askedFor(pod); name != "" {
		if s.hasNode(at, name) {
			return name
		}
		return ""
	}
	nodes := at.shelf(s.pool.kind("Node"))
	if len(nodes) == 0 {
		return "node"
	}
	return nodes[0].GetName()
}

// askedFor is the node that a pod asks for by name, as the pods of a DaemonSet do; "" if it does not.
func askedFor(pod *corev1.Pod) string {
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == metav1.ObjectNameField {
				return field.Values[0]
			}
		}
	}
	return ""
}

// hasNode: a cluster without any node is taken for one whose nodes do not matter.
func (s *search) hasNode(at *state, name string) bool {
	return !s.nodes || at.named(s.pool.kind("Node"), "", name) != nil
}

func start(pod *corev1.Pod, node string, now time.Time) {
	pod.Spec.NodeName = node
	pod.Status.Phase = corev1.PodRunning
	if pod.Status.StartTime == nil {
		pod.Status.StartTime = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	setReady(pod, corev1.ConditionTrue, now)
}

func finish(pod *corev1.Pod, phase corev1.PodPhase, now time.Time) {
	pod.Status.Phase = phase
	setReady(pod, corev1.ConditionFalse, now)
	code := int32(0)
	if phase == corev1.PodFailed {
		code = 1
	}
	pod.Status.ContainerStatuses = nil
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name:  container.Name,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: metav1.NewTime(now.Truncate(time.Second))}},
		})
	}
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func setReady(pod *corev1.Pod, status corev1.ConditionStatus, now time.Time) {
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(now.Truncate(time.Second))}}
}
