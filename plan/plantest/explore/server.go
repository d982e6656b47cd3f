package explore

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// do carries out one action as an API server would, and returns its answer.
func (s *search) do(c *cluster, a *act) (*item, error) {
	switch action := a.Action.(type) {
	case plan.Create:
		return s.create(c, a.after)
	case plan.Update:
		if action.Live != nil && !s.lives(c, *action.Live) {
			return nil, conflict(a.target)
		}
		return s.update(c, a, "Spec", "Status")
	case plan.UpdateStatus:
		return s.update(c, a, "Status", "Spec")
	case plan.Delete:
		current := c.find(s.pool.kind(a.target.Kind), a.target.UID)
		if current == nil {
			return nil, apierrors.NewNotFound(resource(a.target), a.target.Name)
		}
		return s.delete(c, current, action.Propagation), nil
	case plan.Bind:
		return nil, s.bind(c, a, action.To.Name)
	}
	panic("explore: a Wait asks for nothing")
}

// create stores a new object. Its name is chosen: see named.
func (s *search) create(c *cluster, object *item) (*item, error) {
	s.room(c, object.kind)
	if c.named(object.kind, object.GetNamespace(), object.GetName()) != nil {
		return nil, apierrors.NewAlreadyExists(resource(plan.RefTo(object.Object)), object.GetName())
	}
	n := numberIn(object.GetName())
	if n == anUnknownOne {
		n = s.unused()
	}
	return s.stamp(c, object, n, func(created plan.Object) {
		created.SetUID(types.UID(uid(n)))
		created.SetCreationTimestamp(metav1.NewTime(c.now.Truncate(time.Second)))
		created.SetGeneration(1)
	}), nil
}

// room makes a shelf for a kind that was not there before.
func (s *search) room(c *cluster, kind int) {
	for len(c.shelves) <= kind {
		c.shelves = append(slices.Clip(c.shelves), nil)
	}
}

// update stores the part of an object that is written, and leaves the other as it is.
func (s *search) update(c *cluster, a *act, written, kept string) (*item, error) {
	current := c.find(a.after.kind, a.target.UID)
	if current == nil {
		return nil, apierrors.NewNotFound(resource(a.target), a.target.Name)
	}
	if a.after.version != current.version {
		return nil, conflict(a.target)
	}
	type updated struct {
		current *item
		part    string
	}
	return s.stamp(c, a.after, updated{current, written}, func(after plan.Object) {
		if from := section(current.DeepCopyObject(), kept); from.IsValid() {
			section(after, kept).Set(from)
		}
		after.SetGeneration(current.GetGeneration())
		after.SetCreationTimestamp(current.GetCreationTimestamp())
		after.SetDeletionTimestamp(current.GetDeletionTimestamp())
		if written == "Spec" && changes(current.Object, after) {
			after.SetGeneration(current.GetGeneration() + 1)
		}
	}), nil
}

// delete removes an object, or marks it as going: a pod that runs, and what has finalizers, stays for a while. It returns
// what stays.
func (s *search) delete(c *cluster, current *item, how metav1.DeletionPropagation) *item {
	pod, isPod := current.Object.(*corev1.Pod)
	waits := isPod && pod.Spec.NodeName != "" && !isFinished(pod)
	if !waits && len(current.GetFinalizers()) == 0 && how != metav1.DeletePropagationForeground {
		c.remove(current)
		return nil
	}
	if current.GetDeletionTimestamp() != nil {
		return current
	}
	return s.stamp(c, current, how, func(going plan.Object) {
		going.SetDeletionTimestamp(&metav1.Time{Time: c.now.Truncate(time.Second)})
		if how == metav1.DeletePropagationForeground {
			going.SetFinalizers(append(going.GetFinalizers(), metav1.FinalizerDeleteDependents))
		}
	})
}

func (s *search) bind(c *cluster, a *act, to string) error {
	current := c.find(s.pool.kind(a.target.Kind), a.target.UID)
	if current == nil {
		return apierrors.NewNotFound(resource(a.target), a.target.Name)
	}
	s.stamp(c, current, a, func(bound plan.Object) {
		switch obj := bound.(type) {
		case *corev1.Pod:
			obj.Spec.NodeName = to
		case *corev1.PersistentVolumeClaim:
			obj.Spec.VolumeName = to
		}
	})
	return nil
}

// lives reports whether the very object exists and is not being deleted.
func (s *search) lives(c *cluster, ref plan.Ref) bool {
	it := c.find(s.pool.kind(ref.Kind), ref.UID)
	return it != nil && it.GetDeletionTimestamp() == nil
}

// section is Spec or Status of an object, not valid if its type has none.
func section(obj any, name string) reflect.Value {
	return reflect.ValueOf(obj).Elem().FieldByName(name)
}

// changes reports whether the spec of an object changes.
func changes(before, after plan.Object) bool {
	spec := section(before, "Spec")
	return spec.IsValid() && !reflect.DeepEqual(spec.Interface(), section(after, "Spec").Interface())
}

func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func resource(ref plan.Ref) schema.GroupResource { return schema.GroupResource{Resource: ref.Kind} }

func conflict(ref plan.Ref) error {
	return apierrors.NewConflict(resource(ref), ref.Name, fmt.Errorf("it has been modified"))
}

// refusal is the answer to what exceeds a quota.
func refusal(a *act) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusForbidden,
		Reason:  metav1.StatusReasonForbidden,
		Message: fmt.Sprintf("%s is forbidden: exceeded quota", a.target.Kind),
	}}
}
