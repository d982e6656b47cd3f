package sim

import (
	"encoding/json"
	"fmt"
	"reflect"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubeplan/kubeplan/plan"
)

// kindOf is plan.KindOf, which knows the groups that planners write, and the storage classes that the volume
// controller reads.
func kindOf(obj plan.Object) metav1.TypeMeta {
	kind := plan.KindOf(obj)
	if _, ok := obj.(*storagev1.StorageClass); ok && kind.Kind == "" {
		return metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"}
	}
	return kind
}

func kindName(obj plan.Object) string {
	return kindOf(obj).Kind
}

// kindFor is the kind of a Go type.
func kindFor[T plan.Object]() string {
	return kindName(reflect.New(reflect.TypeFor[T]().Elem()).Interface().(T))
}

// onTheWire gives obj as it would arrive: of its Go type if it has one, its kind filled in, times in whole seconds, empty
// lists and maps gone, and sharing no memory with obj.
func onTheWire(obj plan.Object) (plan.Object, error) {
	kind := kindOf(obj)
	if kind.Kind == "" || kind.APIVersion == "" {
		return nil, fmt.Errorf("%T: apiVersion and kind are required", obj)
	}
	data, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	var arrived plan.Object
	switch obj.(type) {
	case *unstructured.Unstructured:
		arrived, err = plan.Decode(data)
	default:
		arrived = reflect.New(reflect.TypeOf(obj).Elem()).Interface().(plan.Object)
		err = json.Unmarshal(data, arrived)
	}
	if err != nil {
		return nil, err
	}
	if kind.Kind == "StorageClass" {
		class := &storagev1.StorageClass{}
		if err := json.Unmarshal(data, class); err != nil {
			return nil, err
		}
		arrived = class
	}
	arrived.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind())
	return arrived, nil
}

// hasNamespaces reports whether the objects of a kind live in namespaces.
func hasNamespaces(kind string) bool {
	switch kind {
	case "Node", "Namespace", "PersistentVolume", "StorageClass", "VolumeAttachment", "CSIDriver", "CSINode",
		"PriorityClass", "RuntimeClass", "IngressClass", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition",
		"APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
		return false
	}
	return true
}

// countsGenerations reports whether the server counts the changes of an object's spec.
func countsGenerations(obj plan.Object) bool {
	switch kindName(obj) {
	case "Pod", "ReplicaSet", "Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob", "ReplicationController":
		return true
	}
	u, ok := obj.(*unstructured.Unstructured)
	return ok && u.Object["spec"] != nil
}

// groupResource is how errors name a kind: "replicasets.apps".
func groupResource(kind metav1.TypeMeta) schema.GroupResource {
	plural, _ := meta.UnsafeGuessKindToResource(kind.GroupVersionKind())
	return plural.GroupResource()
}

// status gives the status of obj, nil if it has none.
func status(obj plan.Object) any {
	if u, ok := obj.(*unstructured.Unstructured); ok {
		return u.Object["status"]
	}
	if field := reflect.ValueOf(obj).Elem().FieldByName("Status"); field.IsValid() {
		return field.Interface()
	}
	return nil
}

// setStatus gives obj the status of another object of its type; nil empties it.
func setStatus(obj, from plan.Object) {
	if u, ok := obj.(*unstructured.Unstructured); ok {
		delete(u.Object, "status")
		if from != nil {
			if s := status(clone(from)); s != nil {
				u.Object["status"] = s
			}
		}
		return
	}
	field := reflect.ValueOf(obj).Elem().FieldByName("Status")
	if !field.IsValid() {
		return
	}
	field.SetZero()
	if from != nil {
		field.Set(reflect.ValueOf(status(clone(from))))
	}
}

// spec gives the spec of obj: for kinds without one, nil.
func spec(obj plan.Object) any {
	if u, ok := obj.(*unstructured.Unstructured); ok {
		return u.Object["spec"]
	}
	if field := reflect.ValueOf(obj).Elem().FieldByName("Spec"); field.IsValid() {
		return field.Interface()
	}
	return nil
}

// orphansByDefault: deleting a Job through its API leaves its pods, unless the request says otherwise.
func orphansByDefault(obj plan.Object) bool {
	_, isJob := obj.(*batchv1.Job)
	return isJob
}

// gracePeriod is how many seconds a pod is given to end; 0 for one that does not run, and for everything else.
func gracePeriod(obj plan.Object, asked *int64) int64 {
	pod, ok := obj.(*corev1.Pod)
	if !ok || pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return 0
	}
	for _, period := range []*int64{asked, pod.Spec.TerminationGracePeriodSeconds} {
		if period != nil {
			return max(*period, 0)
		}
	}
	return defaultGracePeriod
}

// defaultGracePeriod is the grace period of a pod that names none, in seconds.
const defaultGracePeriod = 30
