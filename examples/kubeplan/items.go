package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/plan"
)

// item is one object of the input, or the reason why it cannot be read.
type item struct {
	where  string   // "web.yaml: document 2: items[0]"
	ref    plan.Ref // as far as it can be told
	object plan.Object
	err    error
	json   []byte
}

// isUnknown reports whether the object is of no kind that is known, though in a group whose kinds are.
func (i item) isUnknown() bool {
	obj, ok := i.object.(*unstructured.Unstructured)
	if !ok {
		return false
	}
	group := obj.GroupVersionKind().Group
	return group == appsv1.GroupName || group == batchv1.GroupName
}

// doubt is what may be a slip in an object that can be read: empty if there is nothing. A newer server has kinds and fields that
// are not known here, so it is no error.
func (i item) doubt() string {
	switch {
	case i.object == nil:
		return ""
	case i.isUnknown():
		return fmt.Sprintf("unknown kind %q of %s: the object is ignored", i.ref.Kind, i.ref.APIVersion)
	}
	strict := json.NewDecoder(bytes.NewReader(i.json))
	strict.DisallowUnknownFields()
	if err := strict.Decode(reflect.New(reflect.TypeOf(i.object).Elem()).Interface()); err != nil {
		return strings.TrimPrefix(err.Error(), "json: ") + ": the field is ignored"
	}
	return ""
}

// header is what is read of an object before its kind is known.
type header struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Items []json.RawMessage `json:"items"`
}

// readItems reads an object, or what a list holds, lists in lists included. The items of a list of one kind, such as a
// PodList, need not say their kind.
func readItems(where string, data []byte, inList metav1.TypeMeta) []item {
	var head header
	_ = json.Unmarshal(data, &head) // reads what it can: what is wrong is found again below
	if head.Kind == "" && head.APIVersion == "" && inList.Kind != "" {
		head.TypeMeta = inList
		data = withKind(data, inList)
	}
	if kind, isList := strings.CutSuffix(head.Kind, "List"); isList && (kind == "" || head.Items != nil) {
		element := metav1.TypeMeta{}
		if kind != "" {
			element = metav1.TypeMeta{APIVersion: head.APIVersion, Kind: kind}
		}
		var items []item
		for i, value := range head.Items {
			items = append(items, readItems(fmt.Sprintf("%s: items[%d]", where, i), value, element)...)
		}
		return items
	}
	return []item{readItem(where, data, head)}
}

// withKind puts the apiVersion and kind into an object that has none.
func withKind(data []byte, kind metav1.TypeMeta) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil || object == nil {
		return data // not an object: told when it is decoded
	}
	object["apiVersion"] = fmt.Appendf(nil, "%q", kind.APIVersion)
	object["kind"] = fmt.Appendf(nil, "%q", kind.Kind)
	whole, err := json.Marshal(object)
	if err != nil {
		return data
	}
	return whole
}

func readItem(where string, data []byte, head header) item {
	read := item{where: where, json: data, ref: plan.Ref{
		APIVersion: head.APIVersion,
		Kind:       head.Kind,
		Namespace:  head.Metadata.Namespace,
		Name:       head.Metadata.Name,
	}}
	if read.ref.Namespace == "" && !isClusterWide(head.Kind) {
		read.ref.Namespace = metav1.NamespaceDefault
	}
	if read.err = knownVersion(head.TypeMeta); read.err != nil {
		return read
	}
	object, err := plan.Decode(data)
	if err != nil {
		read.err = err
		return read
	}
	object.SetNamespace(read.ref.Namespace)
	read.object = object
	return read
}

// knownVersion refuses the versions of our kinds that clusters no longer serve or never did. The same kind in a
// group of somebody else is not ours.
func knownVersion(t metav1.TypeMeta) error {
	var served string
	switch t.Kind {
	case "Pod", "Node", "PersistentVolume", "PersistentVolumeClaim":
		served = "v1"
	case "ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet":
		served = "apps/v1"
	case "CronJob", "Job":
		served = "batch/v1"
	default:
		return nil
	}
	if t.APIVersion == "" || t.APIVersion == served || !ourGroup(t.APIVersion) {
		return nil
	}
	return field.Invalid(field.NewPath("apiVersion"), t.APIVersion, fmt.Sprintf("write %q for a %s", served, t.Kind))
}

// ourGroup reports whether an apiVersion is of a group in which our kinds are, or were.
func ourGroup(apiVersion string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	return !grouped || group == "apps" || group == "batch" || group == "extensions"
}

func isClusterWide(kind string) bool {
	return kind == "Node" || kind == "PersistentVolume" || kind == "Namespace"
}

// snapshot is what is observed, by namespace: the empty one holds what is cluster-wide.
type snapshot map[string][]plan.Object

func newSnapshot(items []item) snapshot {
	s := snapshot{}
	for _, i := range items {
		if i.err == nil {
			s[i.ref.Namespace] = append(s[i.ref.Namespace], i.object)
		}
	}
	return s
}

// observed gives the objects of one type in a namespace.
func observed[T plan.Object](s snapshot, namespace string) []T {
	var objects []T
	for _, object := range s[namespace] {
		if typed, ok := object.(T); ok {
			objects = append(objects, typed)
		}
	}
	return objects
}
