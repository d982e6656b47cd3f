package plantest

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// respectsOwners carries a plan out action by action and looks each time whose the object is by then: a pod adopted by one action
// may be deleted by the next.
func (s Subject[I]) respectsOwners(t *rapid.T) {
	at := s.current(t)
	answer := s.mustPlan(t, at)
	for i, a := range answer.writes() {
		if err := at.permits(a); err != nil {
			t.Fatalf("action %d %v, in the plan\n%s", i+1, err, answer)
		}
		at, _ = at.Apply(a)
	}
}

// permits says why the workload has no right to an action.
func (s Snapshot) permits(a plan.Action) error {
	deleting := s.Workload.GetDeletionTimestamp() != nil
	if s.isWorkload(a.Target()) {
		return nil
	}
	if creation, creates := a.(plan.Create); creates {
		switch controller := metav1.GetControllerOf(creation.Object); {
		case deleting:
			return errors.New("creates something for a workload that is being deleted")
		case creation.Object.GetNamespace() != s.Workload.GetNamespace():
			return errors.New("creates something in another namespace")
		case controller == nil && plan.KindOf(creation.Object).Kind != "PersistentVolumeClaim": // claims outlive their set by default
			return errors.New("creates something that nobody controls")
		case controller != nil && !s.controls(creation.Object):
			return errors.New("creates something for somebody else")
		}
		return nil
	}
	slot := s.slot(a.Target())
	if slot == nil {
		return errors.New("is about something that does not exist")
	}
	object := *slot
	controller := metav1.GetControllerOf(object)
	switch {
	case controller != nil && !s.controls(object) && !s.controlsPod(controller.UID): // a claim that goes with its pod
		return fmt.Errorf("touches what %s %s controls", controller.Kind, controller.Name)
	case object.GetNamespace() != s.Workload.GetNamespace() && object.GetNamespace() != "":
		return errors.New("touches an object of another namespace")
	}
	switch a := a.(type) {
	case plan.Delete:
		switch {
		case deleting:
			return errors.New("deletes something for a workload that is being deleted, which is for the garbage collector")
		case controller == nil:
			return errors.New("deletes what nobody controls")
		}
	case plan.Update:
		return s.permitsUpdate(a, object, deleting)
	}
	return nil
}

// controlsPod reports whether the workload controls the pod of that UID.
func (s Snapshot) controlsPod(uid types.UID) bool {
	return slices.ContainsFunc(All[*corev1.Pod](s), func(pod *corev1.Pod) bool { return pod.UID == uid && s.controls(pod) })
}

func (s Snapshot) permitsUpdate(a plan.Update, object plan.Object, deleting bool) error {
	was, will := s.controls(object), s.controls(a.After)
	switch {
	case was == will:
		return nil
	case deleting:
		return errors.New("adopts or releases for a workload that is being deleted")
	case was: // an owned pod that is being deleted will soon be nobody's anyway
		if object.GetDeletionTimestamp() != nil {
			return errors.New("releases what is being deleted")
		}
	case object.GetDeletionTimestamp() != nil:
		return errors.New("adopts what is being deleted")
	case a.Live == nil:
		return errors.New("adopts without asking whether the workload still lives")
	case !s.isWorkload(*a.Live):
		return fmt.Errorf("adopts and asks for %s", a.Live)
	}
	return nil
}

// controls reports whether the workload is the controller of obj.
func (s Snapshot) controls(obj plan.Object) bool {
	controller := metav1.GetControllerOf(obj)
	return controller != nil && controller.UID == s.Workload.GetUID() && controller.Name == s.Workload.GetName() &&
		obj.GetNamespace() == s.Workload.GetNamespace()
}
