package daemonset

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// isUnscheduled reports whether the pod waits for a scheduler, or for a Bind.
func (m *member) isUnscheduled() bool {
	return m.nodeless && m.isAtWork() && !m.unanswered && len(m.pod.Spec.SchedulingGates) == 0
}

// isAtWork reports whether the pod runs or will run.
func (m *member) isAtWork() bool {
	return !m.going && !m.deleted && !m.failed && !m.succeeded
}

// condemn chooses a pod to go. One that is adopted in this plan, or may not exist, waits for the next.
func (p *planner) condemn(place *place, m *member, format string, args ...any) (goes bool) {
	if m.going || m.deleted || m.unanswered || m.orphan {
		return false
	}
	m.deleted = true
	p.victims = append(p.victims, victim{place, m, fmt.Sprintf(format, args...)})
	return true
}

// keep finds, node by node, what is missing and what does not belong there.
func (p *planner) keep() {
	for i := range p.seen.places {
		place := &p.seen.places[i]
		if m := place.first(); place.run && m != nil {
			p.awaits(m)
		}
		switch {
		case place.node == nil:
			p.leave(place)
		case place.run && len(place.pods) == 0:
			p.missing = append(p.missing, place.name)
		case place.stay:
			p.tidy(place)
		default:
			for j := range place.pods {
				p.condemn(place, &place.pods[j], "it does not belong on node %s", place.name)
			}
		}
	}
	p.order()
	slices.SortFunc(p.events, func(a, b plan.Event) int { return strings.Compare(a.Message, b.Message) })
}

// leave clears what is meant for a node that is gone. What ran there is cleared by the garbage collector of pods.
func (p *planner) leave(place *place) {
	for j := range place.pods {
		if m := &place.pods[j]; m.nodeless {
			p.condemn(place, m, "node %s is gone", place.name)
		}
	}
}

// tidy deletes the finished pods and those that are too many.
func (p *planner) tidy(place *place) {
	var failed []*corev1.Pod
	var running []*member
	undecided := false
	for j := range place.pods {
		m := &place.pods[j]
		switch {
		case m.going:
		case m.orphan: // who stays is found once it is ours: its adoption may be refused
			undecided = true
		case m.failed:
			failed = append(failed, m.pod)
		case m.succeeded:
			if p.condemn(place, m, "it has succeeded") {
				p.tell(corev1.EventTypeNormal, "SucceededDaemonPod", "Found succeeded daemon pod %s/%s on node %s, will try to delete it", m.pod, place)
			}
		default:
			running = append(running, m)
		}
	}
	p.undecided = p.undecided || undecided && len(running) > 0
	inBackoff := len(failed) > 0 && !p.retry(place, failed)
	switch {
	case !allowsSurge(p.ds):
		for _, m := range running[min(1, len(running)):] {
			p.condemn(place, m, "node %s has more than one pod", place.name)
		}
	case len(running) == 0:
		// One that is being deleted may run beside its successor, if it is seen to go.
		if place.run && !inBackoff && !undecided && !slices.ContainsFunc(place.pods, p.lingers) {
			p.missing = append(p.missing, place.name)
		}
	default:
		p.pair(place, running)
	}
}

// retry deletes the failed pods of a node, but for those that have to wait: ok if there are none.
func (p *planner) retry(place *place, failed []*corev1.Pod) (ok bool) {
	until := p.memory.retry(place.name, failed, p.now)
	p.retryAt = plan.Earliest(p.retryAt, until)
	for j := range place.pods {
		m := &place.pods[j]
		if !m.failed || !until.IsZero() && !p.memory.counted(place.name, m.pod) {
			continue
		}
		if p.condemn(place, m, "it has failed") {
			p.tell(corev1.EventTypeWarning, "FailedDaemonPod", "Found failed daemon pod %s/%s on node %s, will try to kill it", m.pod, place)
		}
	}
	return until.IsZero()
}

// lingers reports whether the pod may run on, for all that is seen, although its deletion was issued.
func (p *planner) lingers(m member) bool {
	return m.going && p.leaving[identity(m.pod)]
}

// pair leaves, with surge, one old and one new pod: the old until the new is available, or the old is not Ready.
func (p *planner) pair(place *place, running []*member) {
	var older, newer *member
	for _, m := range running {
		switch {
		case m.updated && newer == nil:
			newer = m
		case !m.updated && older == nil:
			older = m
		default:
			p.condemn(place, m, "node %s has more than one pod of its revision", place.name)
		}
	}
	switch {
	case older == nil || newer == nil || newer.unanswered:
	case !older.ready:
		p.condemn(place, older, "pod %s replaces it, and it is not ready", newer.pod.Name)
	case newer.available:
		p.condemn(place, older, "pod %s has replaced it", newer.pod.Name)
	default:
		p.awaits(newer)
	}
}

// becomesAvailable is when: zero if the pod is so already, or not on its way.
func (p *planner) becomesAvailable(m *member) time.Time {
	if !m.ready || m.available {
		return time.Time{}
	}
	return pods.AvailableAt(m.pod, p.ds.Spec.MinReadySeconds)
}

// awaits has the plan made again when the pod becomes available.
func (p *planner) awaits(m *member) {
	p.availableAt = plan.Earliest(p.availableAt, p.becomesAvailable(m))
}

// awaitsAny has the plan made again when that many of the pods will have become available.
func (p *planner) awaitsAny(number int, times []time.Time) {
	times = slices.DeleteFunc(times, time.Time.IsZero)
	slices.SortFunc(times, time.Time.Compare)
	if number <= len(times) {
		p.availableAt = plan.Earliest(p.availableAt, times[number-1])
	}
}

// allowsSurge reports whether a node may have two pods during an update, however few nodes there are.
func allowsSurge(ds *appsv1.DaemonSet) bool {
	return surge(ds, 1) > 0
}

// surge is maxSurge of that many nodes, rounded up: 0 unless it is asked for.
func surge(ds *appsv1.DaemonSet, nodes int) int {
	rolling := ds.Spec.UpdateStrategy.RollingUpdate
	if isOnDelete(ds) || rolling == nil || rolling.MaxSurge == nil {
		return 0
	}
	return scaled(*rolling.MaxSurge, nodes)
}

// scaled is the number, or the percentage of that many nodes rounded up.
func scaled(value intstr.IntOrString, nodes int) int {
	number, err := intstr.GetScaledValueFromIntOrPercent(&value, nodes, true)
	if err != nil {
		return 0 // validation lets none pass
	}
	return number
}

func isOnDelete(ds *appsv1.DaemonSet) bool {
	return ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
}

func (p *planner) tell(eventType, reason, format string, pod *corev1.Pod, place *place) {
	p.events = append(p.events, plan.Event{Type: eventType, Reason: reason, Message: fmt.Sprintf(format, pod.Namespace, pod.Name, place.name)})
}
