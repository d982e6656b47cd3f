package conformance

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/controller"

	"github.com/kubeplan/kubeplan/plan"
)

// Undetermined reports whether the pods that upstream deleted are only one of several answers of its comparison, of
// which ours is another; circle tells whether the comparison contradicts itself there, or says nothing (a tie).
func Undetermined(pods []*corev1.Pod, less func(a, b *corev1.Pod) bool, upstream, ours []string) (undetermined, circle bool) {
	if len(upstream) != len(ours) || !Possible(pods, less, upstream) || !Possible(pods, less, ours) {
		return false, false
	}
	left := len(ours)
	for _, group := range groups(pods, less) {
		if left < len(group) {
			return left > 0, circular(group, less)
		}
		left -= len(group)
	}
	return false, false
}

// Possible reports whether victims are an answer of the comparison: all pods that come before the others for certain, none
// that come after, and whichever of those between, among which it says nothing or contradicts itself.
//
// The comparison is a Less of upstream's: with sort.Sort, any order in which no neighbours are the wrong way round is
// a possible answer.
func Possible(pods []*corev1.Pod, less func(a, b *corev1.Pod) bool, victims []string) bool {
	left := len(victims)
	for _, group := range groups(pods, less) {
		want := min(left, len(group))
		taken := 0
		for _, pod := range group {
			if slices.Contains(victims, pod.Name) {
				taken++
			}
		}
		if taken != want {
			return false
		}
		left -= want
	}
	return left == 0
}

// groups splits pods into those among which the order is open, the groups in the order that is certain: the
// strongly connected components of "may come before".
func groups(pods []*corev1.Pod, less func(a, b *corev1.Pod) bool) [][]*corev1.Pod {
	n := len(pods)
	reaches := make([][]bool, n)
	for i := range pods {
		reaches[i] = make([]bool, n)
		for j := range pods {
			reaches[i][j] = i == j || !less(pods[j], pods[i])
		}
	}
	for k := range n {
		for i := range n {
			for j := range n {
				reaches[i][j] = reaches[i][j] || (reaches[i][k] && reaches[k][j])
			}
		}
	}
	behind := func(i int) int { // how many it reaches: more for earlier groups
		count := 0
		for j := range n {
			if reaches[i][j] {
				count++
			}
		}
		return count
	}
	byReach := map[int][]*corev1.Pod{}
	for i := range pods {
		byReach[behind(i)] = append(byReach[behind(i)], pods[i])
	}
	var sorted [][]*corev1.Pod
	for count := n; count > 0; count-- {
		if group := byReach[count]; len(group) > 0 {
			sorted = append(sorted, group)
		}
	}
	return sorted
}

// circular reports whether a group holds a contradiction: three pods each of which comes before the next.
func circular(group []*corev1.Pod, less func(a, b *corev1.Pod) bool) bool {
	for _, a := range group {
		for _, b := range group {
			for _, c := range group {
				if less(a, b) && less(b, c) && !less(a, c) {
					return true
				}
			}
		}
	}
	return false
}

// lessByRank is the comparison of pods to delete that ReplicaSets use.
func lessByRank(ranked controller.ActivePodsWithRanks, now metav1.Time) func(a, b *corev1.Pod) bool {
	ranked.Now = now
	return func(a, b *corev1.Pod) bool {
		return ranked.Less(slices.Index(ranked.Pods, a), slices.Index(ranked.Pods, b))
	}
}

// deleted are the names of the pods that a round chose to delete, whether or not it got that far.
func (r Round) deleted() []string {
	var names []string
	for _, w := range r.Writes {
		if w.Verb == "delete" && w.Ref.Kind == "Pod" {
			names = append(names, w.Ref.Name)
		}
	}
	for _, action := range r.Actions {
		if a, ok := action.(plan.Delete); ok && a.Object.Kind == "Pod" {
			names = append(names, a.Object.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// deletions are the rounds that deleted pods.
func deletions(rounds []Round) []Round {
	return slices.DeleteFunc(slices.Clone(rounds), func(r Round) bool { return len(r.deleted()) == 0 })
}
