package plantest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// Snapshot is one moment of a cluster, as a host shows it to a planner of any kind. It is a value: [Snapshot.Apply]
// returns another one and leaves this one as it is.
type Snapshot struct {
	Now      time.Time
	Workload plan.Object
	// Objects is everything else that the view holds, in no order: it may list an object twice, and hold strangers and nil.
	Objects []plan.Object
	Pending plan.Pending
	// Policy is a value of the planner's Policy type.
	Policy any
	// Memory is what the last plan returned for the next one, if the planner has such a thing.
	Memory any

	// Version is the newest resourceVersion given out so far.
	Version int
	// Lingers says that what is deleted stays, being deleted, as a running pod does. Otherwise it is gone at once.
	Lingers bool
}

// All gives the objects of one type in the order in which the snapshot lists them, nil ones included.
func All[T plan.Object](s Snapshot) []T {
	var all []T
	for _, obj := range s.Objects {
		if typed, ok := obj.(T); ok {
			all = append(all, typed)
		}
	}
	return all
}

// With returns the snapshot with more objects in it.
func With[T plan.Object](s Snapshot, objects ...T) Snapshot {
	s.Objects = slices.Clone(s.Objects)
	for _, obj := range objects {
		s.Objects = append(s.Objects, obj)
	}
	return s
}

// consistent returns the snapshot as a fresh list shows it: each object once, in its newest version, and none that is nil.
func (s Snapshot) consistent() Snapshot {
	present := slices.DeleteFunc(slices.Clone(s.Objects), func(obj plan.Object) bool {
		return reflect.ValueOf(obj).IsNil()
	})
	kinds := map[string][]plan.Object{}
	for _, obj := range present { // an object is known by its UID, or by its name among those of its kind
		kind := plan.KindOf(obj).Kind
		kinds[kind] = append(kinds[kind], obj)
	}
	s.Objects = nil
	for _, kind := range sortedKeys(kinds) {
		s.Objects = append(s.Objects, plan.Overlay(kinds[kind], plan.Pending{}, s.Now)...)
	}
	return s
}

// find gives the place of the object that ref names, -1 if there is none. Without a UID the name decides.
func (s Snapshot) find(ref plan.Ref) int {
	return slices.IndexFunc(s.Objects, func(obj plan.Object) bool {
		return plan.KindOf(obj).Kind == ref.Kind && names(ref, obj)
	})
}

func names(ref plan.Ref, obj metav1.Object) bool {
	if ref.UID != "" || obj.GetUID() != "" {
		return ref.UID == obj.GetUID()
	}
	return ref.Namespace == obj.GetNamespace() && ref.Name == obj.GetName()
}

// isWorkload reports whether ref names the workload. The kind is not compared: a policy may have named another.
func (s Snapshot) isWorkload(ref plan.Ref) bool {
	return names(ref, s.Workload) && ref.Name == s.Workload.GetName()
}

// GoString tells the snapshot in lines for people: it is what a failed property prints.
func (s Snapshot) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "snapshot at %s\n", s.Now.Format(time.RFC3339Nano))
	fmt.Fprintf(&b, "  workload %s\n", compact(s.Workload))
	for _, obj := range s.Objects {
		fmt.Fprintf(&b, "  %s\n", s.line(obj))
	}
	if len(s.Pending.Seen) > 0 {
		fmt.Fprintf(&b, "  seen %s\n", compact(s.Pending.Seen))
	}
	for _, o := range s.Pending.Outcomes {
		fmt.Fprintf(&b, "  issued %s\n", outcomeLine(o))
	}
	fmt.Fprintf(&b, "  policy %s", compact(s.Policy))
	if s.Memory != nil {
		fmt.Fprintf(&b, "\n  memory %s", compact(s.Memory))
	}
	if s.Lingers {
		b.WriteString("\n  what is deleted lingers")
	}
	return b.String()
}

func (s Snapshot) line(obj plan.Object) string {
	switch obj := obj.(type) {
	case *corev1.Pod:
		if obj == nil {
			return "Pod <nil>"
		}
		return s.podLine(obj)
	}
	if reflect.ValueOf(obj).IsNil() {
		return "<nil>"
	}
	return compact(obj)
}

// podLine tells a pod by what planners look at.
func (s Snapshot) podLine(pod *corev1.Pod) string {
	words := []string{fmt.Sprintf("Pod %s/%s uid=%q v%s", pod.Namespace, pod.Name, pod.UID, pod.ResourceVersion)}
	word := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	ago := func(at metav1.Time) string { return s.Now.Sub(at.Time).String() }
	if owner := metav1.GetControllerOf(pod); owner != nil {
		word("of %s %s uid=%q", owner.Kind, owner.Name, owner.UID)
	}
	word("labels %s", compact(pod.Labels))
	word("phase %q", pod.Status.Phase)
	for _, c := range pod.Status.Conditions {
		word("%s=%s for %s", c.Type, c.Status, ago(c.LastTransitionTime))
	}
	if pod.Spec.NodeName != "" {
		word("on %s", pod.Spec.NodeName)
	}
	if len(pod.Annotations) > 0 {
		word("annotations %s", compact(pod.Annotations))
	}
	if len(pod.Finalizers) > 0 {
		word("finalizers %s", compact(pod.Finalizers))
	}
	if len(pod.Status.ContainerStatuses) > 0 {
		word("containers %s", compact(pod.Status.ContainerStatuses))
	}
	word("age %s", ago(pod.CreationTimestamp))
	if pod.DeletionTimestamp != nil {
		word("deleted %s ago", ago(*pod.DeletionTimestamp))
	}
	return strings.Join(words, ", ")
}

func outcomeLine(o plan.Outcome) string {
	switch {
	case o.Err != nil:
		return fmt.Sprintf("%s: refused: %s", o.Action, o.Err.Message)
	case o.Reply != nil:
		return fmt.Sprintf("%s: answered v%s", o.Action, o.Reply.GetResourceVersion())
	}
	return fmt.Sprintf("%s: no answer", o.Action)
}

// compact is JSON in one line; what cannot be put so is shown as Go does.
func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%#v", v)
	}
	return string(data)
}
