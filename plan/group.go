package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// GroupByController splits objects by the UID of their controller, and gives apart those without one. A host that plans
// many workloads from one list groups the list once, and passes each planner its own objects and the orphans, so that
// no planner has to look through all. Some planners look at objects of others, too (a ReplicaSet's at the pods of its
// Siblings): pass those as well. Each group keeps the order of the list.
func GroupByController[T metav1.Object](objects []T) (owned map[types.UID][]T, orphans []T) {
	owned = map[types.UID][]T{}
	for _, obj := range objects {
		if controller := metav1.GetControllerOfNoCopy(obj); controller != nil {
			owned[controller.UID] = append(owned[controller.UID], obj)
		} else {
			orphans = append(orphans, obj)
		}
	}
	return owned, orphans
}
