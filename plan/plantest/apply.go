package plantest

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// Apply carries out one action as an API server would and gives its answer. What is refused (AlreadyExists, NotFound,
// Conflict) changes nothing. The ledger is not written: that is the host's part.
func (s Snapshot) Apply(a plan.Action) (Snapshot, plan.Outcome) {
	s.Objects = slices.Clone(s.Objects)
	reply, err := s.carryOut(a)
	return s, plan.OutcomeOf(a, reply, err, s.Now)
}

func (s *Snapshot) carryOut(a plan.Action) (plan.Object, error) {
	switch a := a.(type) {
	case plan.Create:
		return s.create(a.Object)
	case plan.Update:
		return s.update(a)
	case plan.UpdateStatus:
		return s.updateStatus(a)
	case plan.Delete:
		return s.delete(a)
	case plan.Bind:
		return nil, s.bind(a)
	}
	return nil, nil // a Wait asks for nothing
}

func (s *Snapshot) create(object plan.Object) (plan.Object, error) {
	created := object.DeepCopyObject().(plan.Object)
	if created.GetName() == "" {
		created.SetName(s.generatedName(created))
	}
	for _, obj := range s.Objects {
		if plan.KindOf(obj).Kind == plan.KindOf(created).Kind && obj.GetNamespace() == created.GetNamespace() && obj.GetName() == created.GetName() {
			return nil, apierrors.NewAlreadyExists(resource(created), created.GetName())
		}
	}
	s.stamp(created)
	created.SetUID(types.UID(fmt.Sprintf("new-%d", s.Version)))
	created.SetCreationTimestamp(metav1.NewTime(s.Now.Truncate(time.Second)))
	created.SetGeneration(1)
	s.Objects = append(s.Objects, created)
	return created.DeepCopyObject().(plan.Object), nil
}

// generatedName is what a server, or a host in its stead, makes of a generateName.
func (s *Snapshot) generatedName(obj plan.Object) string {
	return fmt.Sprintf("%s%05d", obj.GetGenerateName(), s.Version+1)
}

func (s *Snapshot) update(a plan.Update) (plan.Object, error) {
	if a.Live != nil && (!s.isWorkload(*a.Live) || s.Workload.GetDeletionTimestamp() != nil) {
		return nil, apierrors.NewConflict(resource(a.After), a.After.GetName(), fmt.Errorf("%s is gone or being deleted", a.Live))
	}
	return s.replace(a.After, func(current, updated plan.Object) {
		copyField(current, updated, "Status")
		updated.SetGeneration(current.GetGeneration())
		if !equalField(current, updated, "Spec") {
			updated.SetGeneration(current.GetGeneration() + 1)
		}
	})
}

func (s *Snapshot) updateStatus(a plan.UpdateStatus) (plan.Object, error) {
	return s.replace(a.After, func(current, updated plan.Object) {
		copyField(current, updated, "Spec")
		updated.SetGeneration(current.GetGeneration())
	})
}

// replace puts a new version of an object in place of the current one. A version other than the current
// one is a conflict: within a snapshot nobody but the planner writes, so it never has to occur.
func (s *Snapshot) replace(after plan.Object, keep func(current, updated plan.Object)) (plan.Object, error) {
	slot := s.slot(plan.RefTo(after))
	if slot == nil {
		return nil, apierrors.NewNotFound(resource(after), after.GetName())
	}
	current := *slot
	if after.GetResourceVersion() != current.GetResourceVersion() {
		return nil, apierrors.NewConflict(resource(after), after.GetName(), fmt.Errorf("version %q was planned with, %q is current", after.GetResourceVersion(), current.GetResourceVersion()))
	}
	updated := after.DeepCopyObject().(plan.Object)
	updated.SetCreationTimestamp(current.GetCreationTimestamp())
	updated.SetDeletionTimestamp(current.GetDeletionTimestamp())
	keep(current, updated)
	s.stamp(updated)
	if updated.GetDeletionTimestamp() != nil && len(updated.GetFinalizers()) == 0 && len(current.GetFinalizers()) > 0 && !s.Lingers {
		s.remove(updated)
	} else {
		*slot = updated
	}
	return updated.DeepCopyObject().(plan.Object), nil
}

// delete answers with the object if it stays, being deleted, as an API server does.
func (s *Snapshot) delete(a plan.Delete) (plan.Object, error) {
	if s.isWorkload(a.Object) { // it stays, being deleted, for as long as it is looked at
		obj := s.Workload.DeepCopyObject().(plan.Object)
		obj.SetDeletionTimestamp(&metav1.Time{Time: s.Now.Truncate(time.Second)})
		s.stamp(obj)
		s.Workload = obj
		return obj, nil
	}
	at := s.find(a.Object)
	if at < 0 {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: a.Object.Kind}, a.Object.Name)
	}
	obj := s.Objects[at].DeepCopyObject().(plan.Object)
	if a.Propagation == metav1.DeletePropagationForeground && !slices.Contains(obj.GetFinalizers(), metav1.FinalizerDeleteDependents) {
		obj.SetFinalizers(append(obj.GetFinalizers(), metav1.FinalizerDeleteDependents))
	}
	if len(obj.GetFinalizers()) == 0 && !s.Lingers {
		s.Version++
		s.remove(obj)
		return nil, nil
	}
	if obj.GetDeletionTimestamp() == nil {
		obj.SetDeletionTimestamp(&metav1.Time{Time: s.Now.Truncate(time.Second)})
	}
	s.stamp(obj)
	s.Objects[at] = obj
	return obj, nil
}

func (s *Snapshot) bind(a plan.Bind) error {
	at := s.find(a.Object)
	if at < 0 {
		return apierrors.NewNotFound(schema.GroupResource{Resource: a.Object.Kind}, a.Object.Name)
	}
	switch bound := s.Objects[at].DeepCopyObject().(type) {
	case *corev1.Pod:
		bound.Spec.NodeName = a.To.Name
		s.stamp(bound)
		s.Objects[at] = bound
	case *corev1.PersistentVolumeClaim:
		bound.Spec.VolumeName = a.To.Name
		s.stamp(bound)
		s.Objects[at] = bound
	default:
		return apierrors.NewMethodNotSupported(schema.GroupResource{Resource: a.Object.Kind}, "bind")
	}
	return nil
}

// slot is where the object that ref names is kept, nil if it is not.
func (s *Snapshot) slot(ref plan.Ref) *plan.Object {
	if s.isWorkload(ref) {
		return &s.Workload
	}
	if at := s.find(ref); at >= 0 {
		return &s.Objects[at]
	}
	return nil
}

func (s *Snapshot) remove(obj plan.Object) {
	ref := plan.RefTo(obj)
	s.Objects = slices.DeleteFunc(s.Objects, func(o plan.Object) bool {
		return plan.KindOf(o).Kind == ref.Kind && names(ref, o)
	})
}

func (s *Snapshot) stamp(obj plan.Object) {
	s.Version++
	obj.SetResourceVersion(strconv.Itoa(s.Version))
}

// refusal is the answer to what nobody will ever be allowed to do.
func refusal(a plan.Action) error {
	status := metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusForbidden,
		Reason:  metav1.StatusReasonForbidden,
		Message: fmt.Sprintf("%s is forbidden: exceeded quota", a.Target().Kind),
	}
	return &apierrors.StatusError{ErrStatus: status}
}

func resource(obj plan.Object) schema.GroupResource {
	return schema.GroupResource{Resource: plan.KindOf(obj).Kind}
}

// copyField takes Spec or Status from one object into another, whatever their type; a type without it has nothing to take.
func copyField(from, into plan.Object, name string) {
	switch into := into.(type) {
	case *unstructured.Unstructured:
		value, found, _ := unstructured.NestedFieldCopy(from.(*unstructured.Unstructured).Object, lowerFirst(name))
		if found {
			into.Object[lowerFirst(name)] = value
		}
		return
	}
	if target := reflect.ValueOf(into).Elem().FieldByName(name); target.IsValid() {
		source := from.DeepCopyObject()
		target.Set(reflect.ValueOf(source).Elem().FieldByName(name))
	}
}

func equalField(a, b plan.Object, name string) bool {
	if ua, ok := a.(*unstructured.Unstructured); ok {
		return reflect.DeepEqual(ua.Object[lowerFirst(name)], b.(*unstructured.Unstructured).Object[lowerFirst(name)])
	}
	va := reflect.ValueOf(a).Elem().FieldByName(name)
	vb := reflect.ValueOf(b).Elem().FieldByName(name)
	return !va.IsValid() || same(va.Interface(), vb.Interface())
}

func lowerFirst(name string) string {
	return string(name[0]|0x20) + name[1:]
}
