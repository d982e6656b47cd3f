package statefulset

import (
	"cmp"
	"math"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/ahead"
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

	// odd: some pod is listed twice, or may be, or is nil. The view has to be put in order first.
	odd bool
}

// at is where, among the members, the first stands that has at least this ordinal.
func (c *census) at(ordinal int) int {
	at, _ := slices.BinarySearchFunc(c.members, ordinal, func(m member, ordinal int) int { return cmp.Compare(m.ordinal, ordinal) })
	return at
}

// member is a pod of the set, or an orphan that is one once it is adopted.
type member struct {
	pod     *corev1.Pod
	ordinal int
	orphan  bool
	// unanswered: created, as far as we know: nobody answered, and the view does not show it.
	unanswered bool
	// terminating: it is being deleted. deleted: this very plan deletes it.
	terminating, deleted bool
	// handedOver: this very plan gives its claims the owners that they are to have.
	handedOver bool

	finished  bool // will never run again
	pending   bool // has not begun to run
	intact    bool // bears its labels, and mounts its claims
	ready     bool // Running and Ready
	available bool // and Ready for minReadySeconds
	current   bool // of the revision that the set came from
	updated   bool // of the revision that it is updated to
}

// revision is the name of the revision that the pod was made of.
func (m *member) revision() string { return m.pod.Labels[appsv1.StatefulSetRevisionLabel] }

// isGoing reports whether the pod is being deleted: it may run still, and its place is not free.
func (m *member) isGoing() bool { return m.deleted || m.terminating }

// isHealthy reports whether the pod is available and stays: others need not wait for it.
func (m *member) isHealthy() bool { return m.available && !m.isGoing() }

// reader reads the pods of a view.
type reader struct {
	set      *appsv1.StatefulSet
	owner    owners.Owner
	selector labels.Selector
	past     past
	pending  plan.Pending
	now      time.Time
}

// count counts the pods of a view. Nearly every view lists each pod once, and nothing was issued that it does not show: such a
// view is read as it is, and no pod fetched from memory twice.
func (r *reader) count(view []*corev1.Pod) census {
	if len(r.pending.Outcomes) == 0 {
		if seen := r.sort(view); !seen.odd {
			return seen
		}
	}
	return r.sort(plan.Overlay(view, r.pending, r.now))
}

// sort sorts the pods of the view. Whatever bears a name of the set's with an ordinal that is not spelled as Kubernetes
// spells it is let be.
func (r *reader) sort(view []*corev1.Pod) census {
	seen := census{occupants: map[int]*corev1.Pod{}}
	places := newPlaces(r.set, len(view))
	refused := r.pending.Failures()
	read := ahead.Pods
	if len(r.set.Spec.VolumeClaimTemplates) > 0 {
		read = readMounts
	}
	for pod := range ahead.Of(view, read) {
		if pod == nil {
			seen.odd = true
			continue
		}
		verdict := r.owner.Judge(pod, r.selector)
		ordinal, numbered, named := ordinalOf(r.set.Name, pod.Name)
		named = named && ordinal <= math.MaxInt32 // Kubernetes reads no larger ordinal
		if verdict == owners.Ours && !numbered && r.set.DeletionTimestamp == nil {
			verdict = owners.Leaver
		}
		if verdict == owners.Leaver && pod.DeletionTimestamp == nil {
			seen.leavers = append(seen.leavers, pod)
		}
		if verdict == owners.Orphan && named {
			seen.orphans = append(seen.orphans, pod)
		}
		switch {
		case !named || pod.Namespace != r.set.Namespace:
		case verdict == owners.Ours || verdict == owners.Orphan && !isRefused(pod, refused): // what was refused is asked again, and not counted on
			m := member{pod: pod, ordinal: ordinal, orphan: verdict == owners.Orphan}
			r.look(&m, &seen)
			places.put(m)
		default:
			if before := seen.occupants[ordinal]; before == nil || byLife(stranger(pod), stranger(before)) < 0 {
				seen.occupants[ordinal] = pod
			}
		}
	}
	seen.members = places.members()
	seen.odd = seen.odd || places.twice || len(seen.leavers)+len(seen.orphans)+len(seen.occupants) > 0
	slices.SortFunc(seen.orphans, byName)
	slices.SortFunc(seen.leavers, byName)
	return seen
}

// readMounts touches what will be asked of pods, the names of their claims included.
//
//go:noinline
func readMounts(pods []*corev1.Pod) int {
	sum := ahead.Pods(pods)
	for _, pod := range pods {
		if pod == nil {
			continue
		}
		for i := range pod.Spec.Volumes {
			if claim := pod.Spec.Volumes[i].PersistentVolumeClaim; claim != nil {
				sum += len(claim.ClaimName)
			}
		}
	}
	return sum
}

// look reads a pod once: it is not to be fetched from memory a second time.
func (r *reader) look(m *member, seen *census) {
	pod, revision := m.pod, m.revision()
	m.terminating = pod.DeletionTimestamp != nil
	m.finished = pods.IsTerminal(pod)
	m.pending = pod.Status.Phase == corev1.PodPending || pod.Status.Phase == ""
	m.intact = isIntact(pod, r.set)
	m.unanswered = pod.UID == "" && !r.pending.AnswerBy(pod).IsZero()
	m.current, m.updated = revision == r.past.current.Name, revision == r.past.update.Name
	m.ready = pod.Status.Phase == corev1.PodRunning && pods.IsReady(pod)
	m.available = m.ready && (r.set.Spec.MinReadySeconds == 0 || pods.IsAvailable(pod, r.set.Spec.MinReadySeconds, r.now))
	if m.ready && !m.available {
		seen.nextAvailable = plan.Earliest(seen.nextAvailable, pods.AvailableAt(pod, r.set.Spec.MinReadySeconds))
	}
}

// places puts members in order: those in range have a place each, others are rare.
type places struct {
	start   int
	inRange []member
	filled  int // of these
	others  []member
	twice   bool // two pods of one name
}

func newPlaces(set *appsv1.StatefulSet, pods int) places {
	p := places{inRange: make([]member, min(pods, int(orElse(set.Spec.Replicas, 1))))}
	if set.Spec.Ordinals != nil {
		p.start = int(set.Spec.Ordinals.Start)
	}
	return p
}

func (p *places) put(m member) {
	if at := m.ordinal - p.start; 0 <= at && at < len(p.inRange) && p.inRange[at].pod == nil {
		p.inRange[at] = m
		p.filled++
	} else {
		p.others = append(p.others, m)
	}
}

// members gives one member of each ordinal, ascending.
func (p *places) members() []member {
	members := p.inRange
	if p.filled < len(members) {
		members = slices.DeleteFunc(members, func(m member) bool { return m.pod == nil })
	}
	if len(p.others) == 0 {
		return members
	}
	members = append(members, p.others...)
	slices.SortFunc(members, func(a, b member) int { return cmp.Or(cmp.Compare(a.ordinal, b.ordinal), byLife(&a, &b)) })
	listed := len(members)
	members = slices.CompactFunc(members, func(a, b member) bool { return a.ordinal == b.ordinal })
	p.twice = len(members) < listed
	return members
}

// byLife puts first, of two pods that a view shows under one name, the one that lives, and then the younger.
func byLife(a, b *member) int {
	if a.isGoing() != b.isGoing() {
		if a.isGoing() {
			return 1
		}
		return -1
	}
	return cmp.Or(b.pod.CreationTimestamp.Compare(a.pod.CreationTimestamp.Time), cmp.Compare(a.pod.UID, b.pod.UID))
}

func stranger(pod *corev1.Pod) *member {
	return &member{pod: pod, terminating: pod.DeletionTimestamp != nil}
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
