package daemonset

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kubeplan/kubeplan/internal/ahead"
	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// census is what the view holds for one DaemonSet, by node.
type census struct {
	places   []place       // the nodes that are not settled
	settled  int           // those that have their pod and nothing else: the pod is of the current revision, and available
	orphans  []*corev1.Pod // to be adopted
	leavers  []*corev1.Pod // to be released
	finished []*corev1.Pod // finished and being deleted: of no concern, but the history keeps their revision
	homeless int           // pods that do not say which node they are for
}

// place is a node and the pods that are there or are made for it: the scheduled before the others, then the oldest first.
type place struct {
	name      string
	node      *corev1.Node // nil: the node is gone
	run, stay bool         // whether a pod should run there, and whether one that does may stay
	pods      []member
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
	current    bool // it bears the hash of the current revision
	hashed     bool // it does, or that of another revision that holds the same
	updated    bool // it is hashed, or bears the generation of the current template
	ready      bool
	available  bool
}

// isSettled reports whether nothing is to be done about the pod, if it is the only one where it belongs.
func (m *member) isSettled() bool {
	return m.current && m.available && !m.nodeless && !m.going && !m.orphan && !m.unanswered
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

	places  map[string]int32 // by the name of the node
	members []member
	at      []int32 // the place of each member
}

// count looks once at each node and each pod. Most nodes of a large cluster are settled: they are counted, and nobody looks at
// them again.
func (c *counter) count(nodes []*corev1.Node, view []*corev1.Pod) census {
	var seen census
	all := c.survey(nodes)
	most := min(len(view), len(nodes)+len(nodes)/8)
	c.members, c.at = make([]member, 0, most), make([]int32, 0, most)
	for pod := range ahead.OfPods(view) {
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
		at, known := c.places[name]
		if !known {
			at = int32(len(all))
			c.places[name] = at
			all = append(all, place{name: name})
		}
		c.members, c.at = append(c.members, m), append(c.at, at)
	}
	c.settle(all, &seen)
	slices.SortFunc(seen.orphans, byName)
	slices.SortFunc(seen.leavers, byName)
	return seen
}

// survey makes a place of each node.
func (c *counter) survey(nodes []*corev1.Node) []place {
	all := make([]place, 0, len(nodes)+8)
	c.places = make(map[string]int32, len(nodes))
	placement := NewPlacement(c.ds)
	for node := range ahead.Of(nodes, readNodes) {
		if node == nil || node.Name == "" { // no pod could say that it is for it
			continue
		}
		f := placement.judge(node)
		c.places[node.Name] = int32(len(all))
		all = append(all, place{name: node.Name, node: node, run: f.run, stay: f.stay})
	}
	if len(c.places) < len(all) {
		return c.survey(newest(nodes))
	}
	return all
}

// readNodes touches what will be asked of the nodes.
//
//go:noinline
func readNodes(nodes []*corev1.Node) (sum int) {
	for _, node := range nodes {
		if node != nil {
			sum += len(node.Name) + len(node.Labels) + len(node.Spec.Taints)
		}
	}
	return sum
}

// newest gives one node of each name.
func newest(nodes []*corev1.Node) []*corev1.Node {
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(node *corev1.Node) bool { return node == nil })
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), newerFirst(a, b)) })
	return slices.CompactFunc(nodes, func(a, b *corev1.Node) bool { return a.Name == b.Name })
}

// settle sorts the members into their places as one would sort letters: count, lay out, fill in.
func (c *counter) settle(all []place, seen *census) {
	sizes := make([]int32, len(all))
	for _, at := range c.at {
		sizes[at]++
	}
	const settled = -1
	for i, at := range c.at {
		if sizes[at] == 1 && all[at].run && c.members[i].isSettled() {
			sizes[at] = settled
			seen.settled++
		}
	}
	seen.places = all[:0]
	room := make([]member, len(c.members)-seen.settled)
	for at, size := range sizes {
		if size == settled {
			continue
		}
		p := all[at]
		p.pods, room = room[:0:size], room[size:]
		sizes[at] = int32(len(seen.places))
		seen.places = append(seen.places, p)
	}
	for i, at := range c.at {
		if sizes[at] != settled {
			place := &seen.places[sizes[at]]
			place.pods = append(place.pods, c.members[i])
		}
	}
	for i := range seen.places {
		if list := seen.places[i].pods; len(list) > 1 {
			slices.SortFunc(list, scheduledThenOldest)
		}
	}
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
	m.current = hash != "" && hash == c.past.hash
	m.hashed = m.current || hash != "" && slices.Contains(c.past.hashes, hash)
	m.updated = m.hashed || c.generation != "" && pod.Labels[generationLabel] == c.generation
	m.failed, m.succeeded = pod.Status.Phase == corev1.PodFailed, pod.Status.Phase == corev1.PodSucceeded
	m.nodeless = pod.Spec.NodeName == ""
	m.ready = !m.failed && !m.succeeded && pods.IsReady(pod) // whatever a finished pod says
	m.available = m.ready && pods.IsAvailable(pod, c.ds.Spec.MinReadySeconds, c.now)
	return m, true
}

// newerFirst puts first, of two nodes of a name, the one that is to be looked at.
func newerFirst(a, b *corev1.Node) int {
	order := b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	if order == 0 {
		order, _ = resourceversion.CompareResourceVersion(b.ResourceVersion, a.ResourceVersion)
	}
	return cmp.Or(order, cmp.Compare(b.UID, a.UID))
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
