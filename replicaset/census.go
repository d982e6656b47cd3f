package replicaset

import (
	"cmp"
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

// census is what the view holds for one ReplicaSet.
type census struct {
	active     []*corev1.Pod // ours and at work
	orphans    []*corev1.Pod // to be adopted
	leavers    []*corev1.Pod // to be released
	unanswered []*corev1.Pod // created or adopted, as far as we know: nobody answered, and the view does not show it

	// The numbers of the status.
	labelled, ready, available, terminating int32

	// nextAvailable is when the next Ready pod will be available: zero if none is on its way.
	nextAvailable time.Time
}

// count sorts the pods of the view. Finished pods are nobody's concern: they are neither counted nor claimed.
func count(view []*corev1.Pod, rs *appsv1.ReplicaSet, owner owners.Owner, selector labels.Selector, pending plan.Pending, now time.Time) census {
	var seen census
	lost := pending.Unanswered()
	template := labels.SelectorFromSet(rs.Spec.Template.Labels)
	for pod := range ahead.OfPods(view) {
		if pods.IsTerminal(pod) {
			continue
		}
		switch owner.Judge(pod, selector) {
		case owners.Ours:
			switch {
			case pod.DeletionTimestamp != nil:
				seen.terminating++
			case !lost.AnswerBy(pod).IsZero():
				seen.unanswered = append(seen.unanswered, pod)
			default:
				seen.add(pod, template, rs.Spec.MinReadySeconds, now)
			}
		case owners.Orphan:
			seen.orphans = append(seen.orphans, pod)
		case owners.Leaver:
			if pod.DeletionTimestamp == nil {
				seen.leavers = append(seen.leavers, pod)
			}
		}
	}
	slices.SortFunc(seen.orphans, byName)
	slices.SortFunc(seen.leavers, byName)
	return seen
}

func (seen *census) add(pod *corev1.Pod, template labels.Selector, minReadySeconds int32, now time.Time) {
	seen.active = append(seen.active, pod)
	if template.Matches(labels.Set(pod.Labels)) {
		seen.labelled++
	}
	if !pods.IsReady(pod) {
		return
	}
	seen.ready++
	if pods.IsAvailable(pod, minReadySeconds, now) {
		seen.available++
		return
	}
	seen.nextAvailable = plan.Earliest(seen.nextAvailable, pods.AvailableAt(pod, minReadySeconds))
}

func byName(a, b *corev1.Pod) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}
