package daemonset

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// census is what the view holds for one DaemonSet, by node.
type census struct {
	places   []place
	orphans  []*corev1.Pod // to be adopted
	leavers  []*corev1.Pod // to be released
	finished []*corev1.Pod // finished and being deleted: of no concern, but the history keeps their revision
	homeless int           // pods that do not say which node they are for
}

// place is a node and the pods that are there or are made for it: the scheduled before the others, then the oldest first.
type place struct {
	name string
	node *corev1.Node // nil: the node is gone
	fit
	pods []member
}

// member is a pod of the DaemonSet, with what is asked about it again and again: a pod is large, and of thousands each look at one
// waits for memory.
type member struct {
	pod        *corev1.Pod
	failed     bool
	succeeded  bool
	nodeless   bool // it has no node yet
	going      bool // it is being deleted
	orphan     bool // it is still to be adopted
	unanswered bool // it was created, as far as we know: nobody answered, and the view does not show it
	relabelled bool // it gets the label of the current revision: no pod is written twice in a plan
	deleted    bool // by this plan
	bound      bool // by this plan
	hashed     bool // it bears the hash of the current revision
	updated    bool // it does, or the generation of the current template
	ready      bool
	available  bool
}

// counter counts what the view holds.
type counter struct {
	ds         *appsv1.DaemonSet
	owner      owners.Owner
	selector   labels.Selector
	past       past
	pending    plan.Pending
	refused    func(*corev1.Pod) bool // whose adoption was refused last time: it is asked for again, but not counted on
	generation string
	now        time.Time
}

// count looks once at each node and each pod.
func (c *counter) count(nodes []*corev1.Node, view []*corev1.Pod) census {
	var seen census
	index := make(map[string]int, len(nodes))
	seen.places = make([]place, 0, len(nodes))
	placement := NewPlacement(c.ds)
	for _, node := range nodes {
		if node == nil || node.Name == "" { // no pod could say that it is for it
			continue
		}
		at, twice := index[node.Name]
		switch {
		case !twice:
			index[node.Name] = len(seen.places)
			seen.places = append(seen.places, place{name: node.Name, node: node, fit: placement.judge(node)})
		case supersedes(node, seen.places[at].node):
			seen.places[at] = place{name: node.Name, node: node, fit: placement.judge(node)}
		}
	}

	// Sort the pods into their places as one would sort letters: count, lay out, fill in.
	ours := make([]member, 0, len(nodes))
	where := make([]int, 0, len(nodes))
	sizes := make([]int, len(seen.places), len(seen.places)+8)
	for _, pod := range view {
		m, ok := c.judge(pod, &seen)
		if !ok {
			continue
		}
		name := target(pod)
		if name == "" {
			if !m.going {
				seen.homeless++
			}
			continue
		}
		at, known := index[name]
		if !known {
			at = len(seen.places)
			index[name] = at
			seen.places = append(seen.places, place{name: name})
			sizes = append(sizes, 0)
		}
		ours, where = append(ours, m), append(where, at)
		sizes[at]++
	}
	room := make([]member, len(ours))
	for at, size := range sizes {
		seen.places[at].pods, room = room[:0:size], room[size:]
	}
	for i, at := range where {
		seen.places[at].pods = append(seen.places[at].pods, ours[i])
	}
	for at := range seen.places {
		if list := seen.places[at].pods; len(list) > 1 {
			slices.SortFunc(list, scheduledThenOldest)
		}
	}
	slices.SortFunc(seen.orphans, byName)
	slices.SortFunc(seen.leavers, byName)
	return seen
}

// judge finds out what a pod is to the DaemonSet: ok if it counts on its node.
func (c *counter) judge(pod *corev1.Pod, seen *census) (m member, ok bool) {
	m = member{pod: pod, going: pod.DeletionTimestamp != nil}
	switch c.owner.Judge(pod, c.selector) {
	case owners.Stranger:
		return m, false
	case owners.Leaver:
		if !m.going { // else it will soon be nobody's anyway
			seen.leavers = append(seen.leavers, pod)
		}
		return m, false
	case owners.Orphan:
		seen.orphans = append(seen.orphans, pod)
		if c.refused(pod) {
			return m, false
		}
		m.orphan = true
	}
	if m.going && pods.IsTerminal(pod) {
		seen.finished = append(seen.finished, pod)
		return m, false
	}
	hash := pod.Labels[hashLabel]
	m.unanswered = pod.UID == "" && !c.pending.AnswerBy(pod).IsZero()
	m.hashed = hash != "" && slices.Contains(c.past.hashes, hash)
	m.updated = m.hashed || c.generation != "" && pod.Labels[generationLabel] == c.generation
	m.failed, m.succeeded = pod.Status.Phase == corev1.PodFailed, pod.Status.Phase == corev1.PodSucceeded
	m.nodeless = pod.Spec.NodeName == ""
	m.ready = !m.failed && !m.succeeded && pods.IsReady(pod) // whatever a finished pod says
	m.available = m.ready && pods.IsAvailable(pod, c.ds.Spec.MinReadySeconds, c.now)
	return m, true
}

// supersedes reports whether a node is to be looked at instead of another of the same name.
func supersedes(a, b *corev1.Node) bool {
	order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	if order == 0 {
		order, _ = resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	}
	return cmp.Or(order, cmp.Compare(a.UID, b.UID)) > 0
}

// scheduledThenOldest is the order in which Kubernetes keeps one of several pods on a node. A pod of which it is not known
// whether it exists comes last.
func scheduledThenOldest(a, b member) int {
	return cmp.Or(
		falseFirst(a.unanswered, b.unanswered),
		falseFirst(a.nodeless, b.nodeless),
		a.pod.CreationTimestamp.Compare(b.pod.CreationTimestamp.Time),
		byName(a.pod, b.pod),
	)
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func byName(a, b *corev1.Pod) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}
