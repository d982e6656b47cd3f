package pods

import (
	"iter"

	corev1 "k8s.io/api/core/v1"
)

// Ahead gives the pods of a view in their order, those that are nil too. also, which may be nil, reads what the caller asks of a pod beside
// its labels, its owner, its node and its conditions.
//
// Where there are thousands of pods, a plan spends its time waiting for memory: what is asked of one is spread over a
// dozen places of a heap that no cache holds. A processor that is asked for many of them in a row waits for all together; judging
// a pod takes so long that it would wait for each anew. So a few pods are read ahead, and found in the cache when their turn
// comes.
func Ahead(view []*corev1.Pod, also func(*corev1.Pod) int) iter.Seq[*corev1.Pod] {
	return func(yield func(*corev1.Pod) bool) {
		for from := 0; from < len(view); from += few {
			next := view[from:min(from+few, len(view))]
			read(next, also)
			for _, pod := range next {
				if !yield(pod) {
					return
				}
			}
		}
	}
}

// few is how many pods are read ahead.
const few = 32

// read touches what will be asked of the pods. It is not inlined, or the compiler would see that nobody needs the sum.
//
//go:noinline
func read(pods []*corev1.Pod, also func(*corev1.Pod) int) (sum int) {
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
		if also != nil {
			sum += also(pod)
		}
	}
	return sum
}
