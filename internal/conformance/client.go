package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubeplan/kubeplan/plan"
)

// kinds are the kinds of the groups that controllers of workloads touch, with their resources.
var kinds = sync.OnceValue(func() map[schema.GroupVersionKind]schema.GroupVersionResource {
	known := map[schema.GroupVersionKind]schema.GroupVersionResource{}
	for _, group := range []schema.GroupVersion{corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, batchv1.SchemeGroupVersion, policyv1.SchemeGroupVersion} {
		for kind := range scheme.Scheme.KnownTypes(group) {
			gvk := group.WithKind(kind)
			if obj, err := scheme.Scheme.New(gvk); err == nil {
				if _, ok := obj.(plan.Object); ok {
					known[gvk], _ = meta.UnsafeGuessKindToResource(gvk)
				}
			}
		}
	}
	return known
})

var kindsByResource = sync.OnceValue(func() map[schema.GroupVersionResource]schema.GroupVersionKind {
	byResource := map[schema.GroupVersionResource]schema.GroupVersionKind{}
	for gvk, gvr := range kinds() {
		byResource[gvr] = gvk
	}
	return byResource
})

// Client is a clientset whose requests the World answers.
func (w *World) Client() *fake.Clientset {
	client := &fake.Clientset{}
	client.AddReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		obj, err := w.answer(action)
		return true, obj, err
	})
	return client
}

func (w *World) answer(action clienttesting.Action) (runtime.Object, error) {
	gvk, ok := kindsByResource()[action.GetResource()]
	if !ok {
		return nil, fmt.Errorf("the world has no %v", action.GetResource())
	}
	if w.forgetful {
		return w.nod(gvk.Kind, action)
	}
	namespace, status := action.GetNamespace(), action.GetSubresource() == "status"
	switch a := action.(type) {
	case clienttesting.CreateActionImpl:
		switch obj := a.GetObject().(type) {
		case *corev1.Binding:
			return object(w.bind(plan.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: obj.Name}, obj.Target.Name))
		case plan.Object:
			obj = obj.DeepCopyObject().(plan.Object)
			obj.SetNamespace(namespace)
			return object(w.create(obj))
		}
	case clienttesting.UpdateActionImpl:
		return object(w.update(a.GetObject().(plan.Object), status))
	case clienttesting.PatchActionImpl:
		return object(w.patch(gvk.Kind, namespace, a, status))
	case clienttesting.DeleteActionImpl:
		ref := plan.Ref{Kind: gvk.Kind, Namespace: namespace, Name: a.GetName()}
		if p := a.DeleteOptions.Preconditions; p != nil && p.UID != nil {
			ref.UID = *p.UID
		}
		var propagation metav1.DeletionPropagation
		if p := a.DeleteOptions.PropagationPolicy; p != nil {
			propagation = *p
		}
		return object(w.remove(ref, propagation))
	case clienttesting.GetActionImpl:
		return object(w.get(gvk.Kind, namespace, a.GetName()))
	case clienttesting.ListActionImpl:
		return w.list(gvk, namespace)
	}
	return nil, fmt.Errorf("the world does not know how to %s %v", action.GetVerb(), action.GetResource())
}

// nod answers without doing anything, so that a benchmark measures the controller alone.
func (w *World) nod(kind string, action clienttesting.Action) (runtime.Object, error) {
	switch a := action.(type) {
	case clienttesting.CreateActionImpl:
		return a.GetObject(), nil
	case clienttesting.UpdateActionImpl:
		return a.GetObject(), nil
	case interface{ GetName() string }:
		return w.objects[key{kind, action.GetNamespace(), a.GetName()}], nil
	}
	return nil, fmt.Errorf("the world does not %s while it is measured", action.GetVerb())
}

// object keeps a nil Object from becoming a runtime.Object that is not nil.
func object(obj plan.Object, err error) (runtime.Object, error) {
	if err != nil {
		return nil, err
	}
	return obj, nil
}

// list gives all objects of a kind: the clientset itself filters by label.
func (w *World) list(gvk schema.GroupVersionKind, namespace string) (runtime.Object, error) {
	list, err := scheme.Scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		return nil, err
	}
	var items []runtime.Object
	for k, obj := range w.objects {
		if k.kind == gvk.Kind && (namespace == "" || k.namespace == namespace) {
			items = append(items, obj.DeepCopyObject())
		}
	}
	return list, meta.SetList(list, items)
}

func (w *World) patch(kind, namespace string, a clienttesting.PatchActionImpl, status bool) (plan.Object, error) {
	old, err := w.get(kind, namespace, a.GetName())
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	var after []byte
	switch a.GetPatchType() {
	case types.StrategicMergePatchType:
		after, err = strategicpatch.StrategicMergePatch(before, a.GetPatch(), old)
	case types.MergePatchType:
		after, err = jsonpatch.MergePatch(before, a.GetPatch())
	case types.JSONPatchType:
		var p jsonpatch.Patch
		if p, err = jsonpatch.DecodePatch(a.GetPatch()); err == nil {
			after, err = p.Apply(before)
		}
	default:
		err = fmt.Errorf("the world does not know patches of type %s", a.GetPatchType())
	}
	if err != nil {
		return nil, err
	}
	obj := zero(old)
	if err := json.Unmarshal(after, obj); err != nil {
		return nil, err
	}
	if !strings.Contains(string(a.GetPatch()), `"resourceVersion"`) {
		obj.SetResourceVersion("")
	}
	return w.update(obj, status)
}
