// Package ahead reads large objects from memory before their turn comes.
//
// Where there are thousands of pods, a plan spends its time waiting for memory: what is asked of one is spread over a
// dozen places of a heap that no cache holds. A processor that is asked for many of them in a row waits for all together; judging
// a pod takes so long that it would wait for each anew. So a few are read ahead, and found in the cache when their turn comes.
package ahead

import (
	"iter"

	corev1 "k8s.io/api/core/v1"
)

// few is how many objects are read ahead.
const few = 32

// Of gives the objects of a list in their order. read touches what will be asked of some of them, and returns something that
// depends on it. It must not be inlined, or the compiler would see that nobody needs that.
func Of[T any](list []T, read func([]T) int) iter.Seq[T] {
	return func(yield func(T) bool) {
		for from := 0; from < len(list); from += few {
			next := list[from:min(from+few, len(list))]
			read(next)
			for _, obj := range next {
				if !yield(obj) {
					return
				}
			}
		}
	}
}

// OfPods gives the pods of a view, those that are nil too: their names, labels, owners, nodes and conditions are read ahead.
func OfPods(view []*corev1.Pod) iter.Seq[*corev1.Pod] { return Of(view, Pods) }

// Pods touches what every planner asks of a pod.
//
//go:noinline
func Pods(pods []*corev1.Pod) (sum int) {
	for _, pod := range pods {
		if pod != nil {
			sum += len(pod.Name) + len(pod.Labels) + len(pod.OwnerReferences) + len(pod.Spec.NodeName) + len(pod.Status.Conditions)
		}
	}
	for _, pod := range pods {
		if pod == nil {
			continue
		}
		if pod.Name != "" {
			sum += int(pod.Name[0])
		}
		if pod.Spec.NodeName != "" {
			sum += int(pod.Spec.NodeName[0])
		}
		for i := range pod.OwnerReferences {
			sum += len(pod.OwnerReferences[i].UID)
		}
		for i := range pod.Status.Conditions {
			sum += len(pod.Status.Conditions[i].Type)
		}
	}
	return sum
}
