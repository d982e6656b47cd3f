package rollout

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
)

// stage says what there is to do about a Deployment. The first that applies, in the order below, counts.
type stage int

const (
	deleting    stage = iota // it is only reported on
	paused                   // sizes follow the Deployment's, nothing is rolled out
	rollingBack              // the legacy annotation asks for an older template
	sharing                  // D has changed since the sizes were decided
	recreating               // strategy Recreate
	rolling                  // strategy RollingUpdate
)

// With the strategy Recreate nothing is shared out among several: the old ones are on their way to nothing.
func stageOf(d *appsv1.Deployment, a aim, s sets) stage {
	switch {
	case d.DeletionTimestamp != nil:
		return deleting
	case d.Spec.Paused:
		return paused
	case asksForRollback(d):
		return rollingBack
	case rescaled(a, s) && !(a.recreate && len(s.active()) > 1 && !saturated(a, s.fresh)):
		return sharing
	case a.recreate:
		return recreating
	}
	return rolling
}

// rollsOut reports whether progress is expected, and judged.
func (s stage) rollsOut() bool { return s == recreating || s == rolling }

// needsSet reports whether the template is to get its ReplicaSet now.
func (s stage) needsSet(list sets, oldPods bool) bool {
	switch s {
	case rolling, rollingBack:
		return list.fresh == nil
	case recreating:
		return list.fresh == nil && sum(list.old, observed) == 0 && !oldPods
	}
	return false
}

func asksForRollback(d *appsv1.Deployment) bool {
	_, err := strconv.ParseInt(d.Annotations[appsv1.DeprecatedRollbackTo], 10, 64)
	return err == nil
}

// rescaled reports whether an active ReplicaSet was last told of another D.
func rescaled(a aim, s sets) bool {
	for _, rs := range s.active() {
		if told, ok := number(rs.Annotations, desiredReplicasAnnotation); ok && told != a.desired {
			return true
		}
	}
	return false
}

// seeOldPods notes which of the old ReplicaSets may still have a pod that runs, one that is being deleted included. While a status does
// not know its spec yet, there may be any.
func seeOldPods(s sets, view []*corev1.Pod) {
	type identity struct {
		name string
		uid  types.UID
	}
	old := map[identity]*set{}
	for _, rs := range s.old {
		rs.populated = rs.Status.Replicas > 0 || or(rs.Status.TerminatingReplicas, 0) > 0 || rs.Status.ObservedGeneration < rs.Generation
		old[identity{rs.Name, rs.UID}] = rs
	}
	for _, pod := range view {
		controller := metav1.GetControllerOfNoCopy(pod)
		if controller == nil || pods.IsTerminal(pod) {
			continue
		}
		if rs := old[identity{controller.Name, controller.UID}]; rs != nil {
			rs.populated = true
		}
	}
}

func populated(rs *set) bool { return rs.populated }
