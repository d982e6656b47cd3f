package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// Object is any Kubernetes object, typed or unstructured: what controller-runtime calls client.Object.
type Object interface {
	metav1.Object
	runtime.Object
}

// Ref names one object. With a UID it names that very object, never a successor of the same name. Namespace is empty for
// a cluster-wide object.
type Ref struct {
	APIVersion string    `json:"apiVersion,omitempty"`
	Kind       string    `json:"kind,omitempty"`
	Namespace  string    `json:"namespace,omitempty"`
	Name       string    `json:"name,omitempty"`
	UID        types.UID `json:"uid,omitempty"`
}

// String gives the Ref as people write it: "Pod default/web-0", or "Node node1" for a cluster-wide object.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// RefTo gives the Ref of obj, with the apiVersion and kind that [KindOf] gives. Set those of a kind of your own before you
// call it: typed clients leave them empty.
func RefTo(obj Object) Ref {
	kind := KindOf(obj)
	return Ref{
		APIVersion: kind.APIVersion,
		Kind:       kind.Kind,
		Namespace:  obj.GetNamespace(),
		Name:       obj.GetName(),
		UID:        obj.GetUID(),
	}
}

// KindOf gives the apiVersion and kind of obj: those that it carries, else those of its Go type if that is of the groups
// core, apps or batch. Otherwise both are empty.
func KindOf(obj Object) metav1.TypeMeta {
	gvk := obj.GetObjectKind().GroupVersionKind()
	if gvk.Kind == "" || gvk.Version == "" {
		if kinds, _, err := scheme().ObjectKinds(obj); err == nil {
			gvk = kinds[0]
		}
	}
	apiVersion, kind := gvk.ToAPIVersionAndKind()
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

// Decode reads one object from JSON. Kinds of core/v1, apps/v1 and batch/v1 become their Go types, which drop fields that
// they do not know; any other kind becomes an *unstructured.Unstructured. The error names the fields that cannot be read.
// A list is an error.
func Decode(data []byte) (Object, error) {
	var kind metav1.TypeMeta
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, explained(err, data, &kind)
	}
	switch {
	case kind.Kind == "":
		return nil, errors.New("kind: Required value")
	case kind.APIVersion == "":
		return nil, errors.New("apiVersion: Required value")
	}
	typed, err := scheme().New(kind.GroupVersionKind())
	if runtime.IsNotRegisteredError(err) {
		obj := &unstructured.Unstructured{}
		return obj, obj.UnmarshalJSON(data)
	}
	if err != nil {
		return nil, err
	}
	obj, ok := typed.(Object)
	if !ok { // a list, or an option of a request
		return nil, fmt.Errorf("kind: Invalid value: %q: not an object", kind.Kind)
	}
	if err := json.Unmarshal(data, obj); err != nil {
		return nil, explained(err, data, obj)
	}
	return obj, nil
}

// scheme maps the Go types of the groups that the planners read and write to their kinds. It is built once,
// when first asked for, and never changes.
var scheme = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(s))
	utilruntime.Must(appsv1.AddToScheme(s))
	utilruntime.Must(batchv1.AddToScheme(s))
	return s
})

// whole returns obj with its apiVersion and kind filled in, a copy if they were missing.
func whole(obj Object) Object {
	kind := KindOf(obj)
	if obj.GetObjectKind().GroupVersionKind() == kind.GroupVersionKind() {
		return obj
	}
	copied := obj.DeepCopyObject().(Object)
	copied.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind())
	return copied
}

// describe names an object that may not have its name yet: "Pod default/web-*" for a generated one.
func describe(obj Object) string {
	ref := RefTo(obj)
	if ref.Name == "" && obj.GetGenerateName() != "" {
		ref.Name = obj.GetGenerateName() + "*"
	}
	return ref.String()
}
