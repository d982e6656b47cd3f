package statefulset

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// census is what the view holds for one set.
type census struct {
	members []member      // one of each ordinal, ascending
	orphans []*corev1.Pod // to be adopted
	leavers []*corev1.Pod // to be released

	// occupants bear a member's name and are none.
	occupants map[int]*corev1.Pod

	// nextAvailable is when the next Ready pod will be available: zero if none is on its way.
	nextAvailable time.Time
}

// member is a pod of the set, or an orphan that is one once it is adopted.
type member struct {
	ordinal int
	pod     *corev1.Pod
	orphan  bool
	// unanswered: created, as far as we know: nobody answered, and the view does not show it.
	unanswered bool
	// deleted: this very plan deletes it.
	deleted bool

	ready     bool // Running and Ready
	available bool // Ready for minReadySeconds
}

// isGoing reports whether the pod is being deleted: it may run still, and its place is not free.
func (m *member) isGoing() bool { return m.deleted || m.pod.DeletionTimestamp != nil }

// isHealthy reports whether, under OrderedReady, others need not wait for the pod.
func (m *member) isHealthy() bool { return m.ready && m.available && !m.isGoing() }

// isUp reports whether the pod counts as available in an update.
func (m *member) isUp() bool { return m.available && !m.isGoing() }

func (m *member) revision() string { return m.pod.Labels[appsv1.StatefulSetRevisionLabel] }

// count sorts the pods of the view. Whatever bears a name of the set's with an ordinal that is not spelled as Kubernetes
// spells it is let be.
func count(view []*corev1.Pod, set *appsv1.StatefulSet, owner owners.Owner, selector labels.Selector, pending plan.Pending, now time.Time) census {
	seen := census{occupants: map[int]*corev1.Pod{}}
	refused := pending.Failures()
	for _, pod := range view {
		verdict := owner.Judge(pod, selector)
		ordinal, numbered, named := ordinalOf(set.Name, pod.Name)
		if verdict == owners.Ours && !numbered && set.DeletionTimestamp == nil {
			verdict = owners.Leaver
		}
		if verdict == owners.Leaver && pod.DeletionTimestamp == nil {
			seen.leavers = append(seen.leavers, pod)
		}
		if verdict == owners.Orphan && named {
			seen.orphans = append(seen.orphans, pod)
		}
		switch {
		case !named || pod.Namespace != set.Namespace:
		case verdict == owners.Ours || verdict == owners.Orphan && !isRefused(pod, refused): // what was refused is asked again, and not counted on
			seen.add(member{ordinal: ordinal, pod: pod, orphan: verdict == owners.Orphan}, set.Spec.MinReadySeconds, pending, now)
		default:
			seen.occupants[ordinal] = pod
		}
	}
	slices.SortFunc(seen.members, byOrdinal)
	seen.members = slices.CompactFunc(seen.members, func(a, b member) bool { return a.ordinal == b.ordinal })
	slices.SortFunc(seen.orphans, byName)
	slices.SortFunc(seen.leavers, byName)
	return seen
}

func (seen *census) add(m member, minReadySeconds int32, pending plan.Pending, now time.Time) {
	m.unanswered = m.pod.UID == "" && !pending.AnswerBy(m.pod).IsZero()
	if pods.IsReady(m.pod) {
		m.ready = m.pod.Status.Phase == corev1.PodRunning
		m.available = pods.IsAvailable(m.pod, minReadySeconds, now)
	}
	if m.ready && !m.available {
		if at := pods.AvailableAt(m.pod, minReadySeconds); !at.IsZero() && (seen.nextAvailable.IsZero() || at.Before(seen.nextAvailable)) {
			seen.nextAvailable = at
		}
	}
	seen.members = append(seen.members, m)
}

// byOrdinal puts first, of two pods that a view shows under one name, the one that lives, and then the younger.
func byOrdinal(a, b member) int {
	if order := cmp.Compare(a.ordinal, b.ordinal); order != 0 {
		return order
	}
	goes := func(m member) int {
		if m.isGoing() {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(goes(a), goes(b)),
		b.pod.CreationTimestamp.Compare(a.pod.CreationTimestamp.Time),
		cmp.Compare(a.pod.UID, b.pod.UID),
	)
}

func byName(a, b *corev1.Pod) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}

// isRefused reports whether the last update of the pod was refused.
func isRefused(pod *corev1.Pod, failures []plan.Outcome) bool {
	return slices.ContainsFunc(failures, func(o plan.Outcome) bool {
		_, updates := o.Action.(plan.Update)
		return updates && o.Action.Target().UID == pod.UID && o.Action.Target().Name == pod.Name
	})
}
