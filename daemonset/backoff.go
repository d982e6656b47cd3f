package daemonset

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Memory is what one plan for a DaemonSet hands to the next: on which nodes failed pods were deleted, how often in a row and
// when last. Kubernetes keeps this in its memory and loses it with every restart; here it is a value that can be
// stored. The first failed pod of a node is deleted, and so replaced, at once; the next ones no sooner than 1 s, 2 s, 4 s, ...
// 15 min after the deletion before. Half an hour without one, and it begins anew. Without a Memory every failed pod is deleted at once.
type Memory struct {
	// DaemonSet is the UID of the DaemonSet that is remembered. A memory of another one is ignored.
	DaemonSet types.UID `json:"daemonSet,omitempty"`
	// Generation is the status.observedGeneration of that time: with an edit of the spec all is forgiven.
	Generation int64 `json:"generation,omitempty"`
	// Nodes are sorted by name.
	Nodes []NodeFailures `json:"nodes,omitempty"`
}

// NodeFailures are the failures of daemon pods on one node.
type NodeFailures struct {
	Node string `json:"node"`
	// Failures is how often a failed pod was deleted, each time within half an hour after the last: counted up to 11, which
	// stands for the longest delay.
	Failures int32 `json:"failures"`
	// Last is when that was.
	Last time.Time `json:"last"`
	// Pods are the UIDs (the names, where there are none) of the failed pods that were deleted then, sorted. As long as they
	// are there they are not counted again.
	Pods []types.UID `json:"pods,omitempty"`
}

// The delay after the first failure, doubled with each, up to the longest; after twice the longest it begins anew.
const (
	firstDelay   = time.Second
	longestDelay = 15 * time.Minute
	forgivenIn   = 2 * longestDelay
	mostFailures = 11 // 1 s * 2^10 is over the longest
)

// of is the memory of ds, without what is too long ago: none if it is another's. It shares nothing with m.
func (m Memory) of(ds *appsv1.DaemonSet, now time.Time) Memory {
	own := Memory{DaemonSet: ds.UID, Generation: ds.Status.ObservedGeneration}
	if m.DaemonSet != own.DaemonSet || m.Generation != own.Generation {
		return own
	}
	own.Nodes = slices.DeleteFunc(m.copied().Nodes, func(f NodeFailures) bool { return now.Sub(f.Last) > forgivenIn })
	for i := range own.Nodes {
		f := &own.Nodes[i]
		f.Failures = min(max(f.Failures, 0), mostFailures)
		if now.Before(f.Last) {
			f.Last = now // a clock was put back: no pod waits for longer than the longest delay
		}
	}
	slices.SortFunc(own.Nodes, func(a, b NodeFailures) int { return cmp.Compare(a.Node, b.Node) })
	return own
}

// copied shares nothing with m.
func (m Memory) copied() Memory {
	m.Nodes = slices.Clone(m.Nodes)
	for i := range m.Nodes {
		m.Nodes[i].Pods = slices.Clone(m.Nodes[i].Pods)
	}
	return m
}

// retry says until when the failed pods of a node have to stay that were not counted before: zero if they may go now, which is
// noted.
func (m *Memory) retry(node string, failed []*corev1.Pod, now time.Time) (until time.Time) {
	at, known := slices.BinarySearchFunc(m.Nodes, node, func(f NodeFailures, node string) int { return cmp.Compare(f.Node, node) })
	if !known {
		m.Nodes = slices.Insert(m.Nodes, at, NodeFailures{Node: node})
	}
	f := &m.Nodes[at]
	f.Pods = slices.DeleteFunc(f.Pods, func(uid types.UID) bool { return !slices.ContainsFunc(failed, is(uid)) })
	switch fresh := len(failed) > len(f.Pods); {
	case fresh && known && now.Before(f.until()):
		return f.until()
	case fresh:
		f.Failures, f.Last = min(f.Failures+1, mostFailures), now
		f.Pods = f.Pods[:0]
		for _, pod := range failed {
			f.Pods = append(f.Pods, identity(pod))
		}
		slices.Sort(f.Pods)
	}
	return time.Time{}
}

// counted reports whether the deletion of the pod was planned before.
func (m *Memory) counted(node string, pod *corev1.Pod) bool {
	return slices.ContainsFunc(m.Nodes, func(f NodeFailures) bool { return f.Node == node && slices.Contains(f.Pods, identity(pod)) })
}

// until is the first instant at which the next failed pod may be deleted.
func (f *NodeFailures) until() time.Time {
	if f.Failures >= mostFailures {
		return f.Last.Add(longestDelay)
	}
	return f.Last.Add(firstDelay << max(0, f.Failures-1))
}

func is(uid types.UID) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool { return identity(pod) == uid }
}

func identity(pod *corev1.Pod) types.UID {
	return cmp.Or(pod.UID, types.UID(pod.Name))
}
