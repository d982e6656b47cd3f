package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// GroupByController splits objects by the UID of their controller and gives apart those that have none. A host that
// plans many workloads from one list groups it once and passes each planner its own objects and the
// orphans of its namespace, so that nobody reads strangers twice. Within a group the order of the list is kept.
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
