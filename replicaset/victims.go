package replicaset

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/pods"
)

// victims returns the first count of the pods in the order in which Kubernetes deletes them. Only the pods that can
// be among them are ordered, not all.
//
// Kubernetes compares two Ready pods that are alike so far by the power of two of the time they have been Ready, and
// within one power by UID; but if they became Ready at the same instant, by restarts and age. Taken together that
// is not an order: of three pods each can come before the next. Here the pods of one class are ordered by
// how many of their class they come before, which is Kubernetes' order wherever it has one, and a strict
// total order everywhere.
func victims(ours []*corev1.Pod, count int, crowd map[string]int, now time.Time) []*corev1.Pod {
	keys, candidates := make([]candidate, len(ours)), make([]*candidate, len(ours))
	for i, pod := range ours {
		keys[i] = newCandidate(pod, crowd, now)
		candidates[i] = &keys[i]
	}
	candidates = firstClasses(candidates, count)
	slices.SortFunc(candidates, byClass)
	for start, end := 0, 0; start < count; start = end {
		for end = start + 1; end < len(candidates) && byClass(candidates[start], candidates[end]) == 0; end++ {
		}
		orderClass(candidates[start:end])
	}
	victims := make([]*corev1.Pod, count)
	for i := range victims {
		victims[i] = candidates[i].pod
	}
	return victims
}

// candidate is a pod with the keys by which it is compared.
type candidate struct {
	pod *corev1.Pod

	// The class, in order of weight.
	assigned bool
	phase    int
	ready    bool
	cost     int32
	crowd    int
	readyAge int

	// The order within a class.
	readySince         time.Time
	restarts, sidecars int32
	age                int
	beats              int // how many of its class it comes before
}

func newCandidate(pod *corev1.Pod, crowd map[string]int, now time.Time) candidate {
	c := candidate{
		pod:      pod,
		assigned: pod.Spec.NodeName != "",
		phase:    pods.Progress(pod),
		ready:    pods.IsReady(pod),
		cost:     deletionCost(pod),
		crowd:    crowd[pod.Spec.NodeName],
		age:      magnitude(pod.CreationTimestamp.Time, now),
	}
	if c.ready {
		c.readySince = pods.ReadySince(pod)
		c.readyAge = magnitude(c.readySince, now)
	}
	c.restarts, c.sidecars = pods.Restarts(pod)
	return c
}

func byClass(a, b *candidate) int {
	return cmp.Or(
		falseFirst(a.assigned, b.assigned),
		cmp.Compare(a.phase, b.phase),
		falseFirst(a.ready, b.ready),
		cmp.Compare(a.cost, b.cost),
		cmp.Compare(b.crowd, a.crowd),
		cmp.Compare(a.readyAge, b.readyAge),
	)
}

func byUID(a, b *candidate) int {
	if order := cmp.Compare(a.pod.UID, b.pod.UID); order != 0 {
		return order
	}
	return cmp.Compare(a.pod.Name, b.pod.Name)
}

// byWear orders pods of one class that became Ready at the same instant, or are not Ready at all.
func byWear(a, b *candidate) int {
	if order := cmp.Or(
		cmp.Compare(b.restarts, a.restarts),
		cmp.Compare(b.sidecars, a.sidecars),
		cmp.Compare(a.age, b.age),
	); order != 0 {
		return order
	}
	return byUID(a, b)
}

// firstClasses returns, in no order, the classes that hold the first count candidates: a quickselect that keeps the
// last class whole.
func firstClasses(all []*candidate, count int) []*candidate {
	for low, high := 0, len(all); high-low > 1; {
		pivot := all[low+(high-low)/2]
		below, same := low, low // all[low:below] < pivot, all[below:same] = pivot
		for i := low; i < high; i++ {
			switch order := byClass(all[i], pivot); {
			case order < 0:
				all[i], all[same] = all[same], all[i]
				all[same], all[below] = all[below], all[same]
				below++
				same++
			case order == 0:
				all[i], all[same] = all[same], all[i]
				same++
			}
		}
		switch {
		case count <= below:
			high = below
		case count <= same:
			return all[:same]
		default:
			low = same
		}
	}
	return all[:count]
}

// orderClass puts the candidates of one class in order. A candidate at place i by UID comes before all behind it, but
// for those of its own instant, among which its place by wear counts.
func orderClass(class []*candidate) {
	slices.SortFunc(class, byUID)
	instants := map[int64][]*candidate{}
	for i, c := range class {
		c.beats = len(class) - 1 - i
		instant := c.readySince.UnixNano()
		instants[instant] = append(instants[instant], c)
	}
	for _, alike := range instants {
		for i, c := range alike {
			c.beats += i
		}
		slices.SortFunc(alike, byWear)
		for i, c := range alike {
			c.beats -= i
		}
	}
	slices.SortStableFunc(class, func(a, b *candidate) int { return cmp.Compare(b.beats, a.beats) })
}

// deletionCost reads the annotation as Kubernetes does: an int32 without a plus sign or leading zeros, else 0.
func deletionCost(pod *corev1.Pod) int32 {
	value := pod.Annotations[corev1.PodDeletionCost]
	if value == "" {
		return 0
	}
	cost, err := strconv.ParseInt(value, 10, 32)
	if err != nil || value[0] == '+' || (value[0] == '0' && value != "0") {
		return 0
	}
	return int32(cost)
}

// magnitude is the power of two in which the nanoseconds since an instant fall; -1 for an instant that is not past. An
// instant that is not known comes before all others.
func magnitude(since, now time.Time) int {
	switch age := now.Sub(since); {
	case since.IsZero():
		return math.MinInt
	case age <= 0:
		return -1
	default:
		return int(math.Log2(float64(age)))
	}
}

// crowds counts, node by node, the active pods that the siblings and rs itself select: the more of them share
// a node, the sooner one goes. A ReplicaSet without a controller has no siblings, and no node is crowded.
func crowds(view []*corev1.Pod, rs *appsv1.ReplicaSet, siblings []*appsv1.ReplicaSet) map[string]int {
	controller := metav1.GetControllerOfNoCopy(rs)
	if controller == nil {
		return nil
	}
	var selectors []labels.Selector
	for _, sibling := range append([]*appsv1.ReplicaSet{rs}, siblings...) {
		if sibling == nil || sibling.Namespace != rs.Namespace || !isControlledBy(sibling, controller) {
			continue
		}
		if selector, err := metav1.LabelSelectorAsSelector(sibling.Spec.Selector); err == nil {
			selectors = append(selectors, selector)
		}
	}
	crowd := map[string]int{}
	for _, pod := range view {
		selected := func(s labels.Selector) bool { return s.Matches(labels.Set(pod.Labels)) }
		if pod.Namespace == rs.Namespace && pods.IsActive(pod) && slices.ContainsFunc(selectors, selected) {
			crowd[pod.Spec.NodeName]++
		}
	}
	return crowd
}

func isControlledBy(obj metav1.Object, controller *metav1.OwnerReference) bool {
	ref := metav1.GetControllerOfNoCopy(obj)
	return ref != nil && ref.UID == controller.UID
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
