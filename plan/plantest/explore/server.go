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
func (s *search) do(c *cluster, action plan.Action) (plan.Object, error) {
	switch a := action.(type) {
	case plan.Create:
		return s.create(c, a.Object)
	case plan.Update:
		if a.Live != nil && !s.lives(c, *a.Live) {
			return nil, conflict(a.Target())
		}
		return s.update(c, a.After, "Spec", "Status")
	case plan.UpdateStatus:
		return s.update(c, a.After, "Status", "Spec")
	case plan.Delete:
		return s.delete(c, a)
	case plan.Bind:
		return s.bind(c, a)
	}
	return nil, nil // a Wait asks for nothing
}

// create stores a new object. Its name is chosen: see named.
func (s *search) create(c *cluster, object plan.Object) (plan.Object, error) {
	created := object.DeepCopyObject().(plan.Object)
	kind := s.pool.kind(plan.KindOf(created).Kind)
	s.room(c, kind)
	if c.named(kind, created.GetNamespace(), created.GetName()) != nil {
		return nil, apierrors.NewAlreadyExists(resource(plan.RefTo(created)), created.GetName())
	}
	n := numberIn(created.GetName())
	if n == anUnknownOne {
		n = s.unused()
	}
	created.SetUID(types.UID(uid(n)))
	created.SetCreationTimestamp(metav1.NewTime(c.now.Truncate(time.Second)))
	created.SetGeneration(1)
	it := s.stamp(c, created)
	c.put(it)
	return it.Object, nil
}

// room makes a shelf for a kind that was not there before.
func (s *search) room(c *cluster, kind int) {
	for len(c.shelves) <= kind {
		c.shelves = append(slices.Clip(c.shelves), nil)
	}
}

// update stores the part of an object that is written, and leaves the other as it is.
func (s *search) update(c *cluster, after plan.Object, written, kept string) (plan.Object, error) {
	ref := plan.RefTo(after)
	current := c.find(s.pool.kind(ref.Kind), ref.UID)
	if current == nil {
		return nil, apierrors.NewNotFound(resource(ref), ref.Name)
	}
	if after.GetResourceVersion() != current.GetResourceVersion() {
		return nil, conflict(ref)
	}
	updated := after.DeepCopyObject().(plan.Object)
	if from := field(current.DeepCopyObject(), kept); from.IsValid() {
		field(updated, kept).Set(from)
	}
	updated.SetGeneration(current.GetGeneration())
	updated.SetCreationTimestamp(current.GetCreationTimestamp())
	updated.SetDeletionTimestamp(current.GetDeletionTimestamp())
	if written == "Spec" && changes(current.Object, updated) {
		updated.SetGeneration(current.GetGeneration() + 1)
	}
	it := s.stamp(c, updated)
	c.put(it)
	return it.Object, nil
}

// delete removes an object, or marks it as going: a pod that runs, and what has finalizers, stays for a while.
func (s *search) delete(c *cluster, a plan.Delete) (plan.Object, error) {
	current := c.find(s.pool.kind(a.Object.Kind), a.Object.UID)
	if current == nil {
		return nil, apierrors.NewNotFound(resource(a.Object), a.Object.Name)
	}
	pod, isPod := current.Object.(*corev1.Pod)
	waits := isPod && pod.Spec.NodeName != "" && !isFinished(pod)
	if !waits && len(current.GetFinalizers()) == 0 && a.Propagation != metav1.DeletePropagationForeground {
		c.remove(current)
		return nil, nil
	}
	if current.GetDeletionTimestamp() != nil {
		return current.Object, nil
	}
	going := current.DeepCopyObject().(plan.Object)
	going.SetDeletionTimestamp(&metav1.Time{Time: c.now.Truncate(time.Second)})
	if a.Propagation == metav1.DeletePropagationForeground {
		going.SetFinalizers(append(going.GetFinalizers(), metav1.FinalizerDeleteDependents))
	}
	it := s.stamp(c, going)
	c.put(it)
	return it.Object, nil
}

func (s *search) bind(c *cluster, a plan.Bind) (plan.Object, error) {
	current := c.find(s.pool.kind(a.Object.Kind), a.Object.UID)
	if current == nil {
		return nil, apierrors.NewNotFound(resource(a.Object), a.Object.Name)
	}
	bound := current.DeepCopyObject().(plan.Object)
	switch obj := bound.(type) {
	case *corev1.Pod:
		obj.Spec.NodeName = a.To.Name
	case *corev1.PersistentVolumeClaim:
		obj.Spec.VolumeName = a.To.Name
	}
	c.put(s.stamp(c, bound))
	return nil, nil
}

// lives reports whether the very object exists and is not being deleted.
func (s *search) lives(c *cluster, ref plan.Ref) bool {
	it := c.find(s.pool.kind(ref.Kind), ref.UID)
	return it != nil && it.GetDeletionTimestamp() == nil
}

// field is Spec or Status of an object, not valid if its type has none.
func field(obj any, name string) reflect.Value {
	return reflect.ValueOf(obj).Elem().FieldByName(name)
}

// changes reports whether the spec of an object changes.
func changes(before, after plan.Object) bool {
	spec := field(before, "Spec")
	return spec.IsValid() && !reflect.DeepEqual(spec.Interface(), field(after, "Spec").Interface())
}

func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func resource(ref plan.Ref) schema.GroupResource { return schema.GroupResource{Resource: ref.Kind} }

func conflict(ref plan.Ref) error {
	return apierrors.NewConflict(resource(ref), ref.Name, fmt.Errorf("it has been modified"))
}

// refusal is the answer to what exceeds a quota.
func refusal(a plan.Action) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusForbidden,
		Reason:  metav1.StatusReasonForbidden,
		Message: fmt.Sprintf("%s is forbidden: exceeded quota", a.Target().Kind),
	}}
}
