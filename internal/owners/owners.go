// Package owners decides what belongs to a workload: what it controls, adopts and releases.
package owners

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/plan"
)

// Owner is a workload as the controller of other objects.
type Owner struct {
	kind   metav1.TypeMeta
	object metav1.Object
}

// New returns the workload as an owner of the given kind: the built-in one, unless the policy names another.
func New(object metav1.Object, policy, builtIn metav1.TypeMeta) Owner {
	if policy.Kind == "" {
		policy = builtIn
	}
	return Owner{kind: policy, object: object}
}

// Kind is the apiVersion and kind under which the workload owns.
func (o Owner) Kind() metav1.TypeMeta { return o.kind }

// Ref names the workload in a plan.
func (o Owner) Ref() plan.Ref {
	return plan.Ref{
		APIVersion: o.kind.APIVersion,
		Kind:       o.kind.Kind,
		Namespace:  o.object.GetNamespace(),
		Name:       o.object.GetName(),
		UID:        o.object.GetUID(),
	}
}

// WriteStatus is the write of the workload's status: change puts the new one into what is returned as After, and shares no
// memory with it.
func WriteStatus[T plan.Object](o Owner, workload T, change func(after T)) plan.UpdateStatus {
	before, after := workload.DeepCopyObject().(T), workload.DeepCopyObject().(T)
	for _, obj := range []plan.Object{before, after} {
		obj.GetObjectKind().SetGroupVersionKind(o.kind.GroupVersionKind())
	}
	change(after)
	return plan.UpdateStatus{Before: before, After: after}
}

// Reference is the owner reference of what the workload controls.
func (o Owner) Reference() metav1.OwnerReference {
	return *metav1.NewControllerRef(o.object, o.kind.GroupVersionKind())
}

// Owns reports whether the workload is the controller of obj. A workload of the same name but another UID is a stranger.
func (o Owner) Owns(obj metav1.Object) bool {
	controller := metav1.GetControllerOfNoCopy(obj)
	return controller != nil && o.is(controller) && obj.GetNamespace() == o.object.GetNamespace()
}

// Controls reports whether the workload, of whatever kind it is, is the controller of obj: for those who do not know as which kind
// it was planned. The objects of typed clients bear no kind.
func Controls(workload, obj metav1.Object) bool {
	controller := metav1.GetControllerOfNoCopy(obj)
	return controller != nil && controller.UID == workload.GetUID() && controller.Name == workload.GetName() &&
		obj.GetNamespace() == workload.GetNamespace()
}

func (o Owner) is(controller *metav1.OwnerReference) bool {
	return controller.UID == o.object.GetUID() && controller.Name == o.object.GetName() && controller.Kind == o.kind.Kind
}

// Verdict is what an object is to a workload.
type Verdict int

const (
	Stranger Verdict = iota // another's, or nobody's and not selected
	Ours                    // controlled and selected
	Orphan                  // nobody's and selected: to be adopted
	Leaver                  // controlled and no longer selected: to be released
)

// Judge says what obj is to the workload. The UID is compared before the labels are looked at. While the
// workload is being deleted nothing is adopted or released; an object that is being deleted is not adopted.
func (o Owner) Judge(obj metav1.Object, selector labels.Selector) Verdict {
	if obj.GetNamespace() != o.object.GetNamespace() {
		return Stranger
	}
	controller := metav1.GetControllerOfNoCopy(obj)
	if controller != nil && !o.is(controller) {
		return Stranger
	}
	selected := selector.Matches(labels.Set(obj.GetLabels()))
	deleting := o.object.GetDeletionTimestamp() != nil
	switch {
	case controller != nil && selected:
		return Ours
	case controller != nil && !deleting:
		return Leaver
	case controller == nil && selected && !deleting && obj.GetDeletionTimestamp() == nil:
		return Orphan
	}
	return Stranger
}

// Adopt makes the workload the controller of obj. The host is asked to make sure first, uncached, that the workload
// still exists and is not being deleted. The finalizers are added with the reference.
func (o Owner) Adopt(obj plan.Object, finalizers ...string) plan.Update {
	live := o.Ref()
	before, after := copies(obj)
	after.SetOwnerReferences(append(o.others(after), o.Reference()))
	for _, f := range finalizers {
		if !slices.Contains(after.GetFinalizers(), f) {
			after.SetFinalizers(append(after.GetFinalizers(), f))
		}
	}
	return plan.Update{Before: before, After: after, Live: &live}
}

// Release gives up the control of obj, and removes the finalizers with the reference.
func (o Owner) Release(obj plan.Object, finalizers ...string) plan.Update {
	before, after := copies(obj)
	after.SetOwnerReferences(o.others(after))
	after.SetFinalizers(slices.DeleteFunc(after.GetFinalizers(), func(f string) bool {
		return slices.Contains(finalizers, f)
	}))
	return plan.Update{Before: before, After: after}
}

// others are the references of obj to anything but the workload.
func (o Owner) others(obj metav1.Object) []metav1.OwnerReference {
	return slices.DeleteFunc(obj.GetOwnerReferences(), func(r metav1.OwnerReference) bool {
		return r.UID == o.object.GetUID()
	})
}

func copies(obj plan.Object) (before, after plan.Object) {
	return obj.DeepCopyObject().(plan.Object), obj.DeepCopyObject().(plan.Object)
}
