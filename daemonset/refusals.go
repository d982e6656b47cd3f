package daemonset

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// outcomes is what the host reported of the last round.
type outcomes struct {
	// namespaceEnds: a creation was refused because the namespace is being deleted.
	namespaceEnds bool
	// nodes are those for which the API server refused a pod.
	nodes map[string]bool
	// objects are those, by identity, that it refused to change, to delete, or to create under their name.
	objects map[types.UID]bool
	// stopped: it refused anything but the status, so that the plan of that time was not carried out to its end.
	stopped bool
}

func recall(pending plan.Pending, owner owners.Owner) outcomes {
	last := outcomes{nodes: map[string]bool{}, objects: map[types.UID]bool{}}
	for _, failed := range pending.Failures() {
		if _, isStatus := failed.Action.(plan.UpdateStatus); isStatus {
			continue
		}
		last.stopped = true
		creation, ok := failed.Action.(plan.Create)
		if !ok {
			last.objects[identityOf(failed.Action.Target())] = true
			continue
		}
		if !owner.Owns(creation.Object) {
			continue
		}
		if pod, ok := creation.Object.(*corev1.Pod); ok {
			last.nodes[target(pod)] = true
		} else {
			last.objects[identityOf(creation.Target())] = true
		}
		last.namespaceEnds = last.namespaceEnds || plan.NamespaceTerminating(failed.Err)
	}
	return last
}

func identityOf(ref plan.Ref) types.UID {
	return cmp.Or(ref.UID, types.UID(ref.Kind+" "+ref.Namespace+"/"+ref.Name))
}

// inTurn begins behind what was refused last time, which comes last itself: a host stops at the first refusal, so each has
// its turn, even if some are always refused.
func inTurn[T any](list []T, refused func(T) bool) []T {
	turn := 0
	for i := range list {
		if refused(list[i]) {
			turn = i + 1
		}
	}
	if turn == 0 {
		return list
	}
	list = slices.Concat(list[turn:], list[:turn])
	slices.SortStableFunc(list, func(a, b T) int { return falseFirst(refused(a), refused(b)) })
	return list
}

// keepsPod reports whether the API server refused to change or to delete the pod last time.
func (o outcomes) keepsPod(pod *corev1.Pod) bool { return o.objects[identityOf(plan.RefTo(pod))] }
