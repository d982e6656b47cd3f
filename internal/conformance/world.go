package conformance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// World is an API server as far as controllers can tell: names and UIDs are given, versions compared, status kept
// apart from the rest, pods deleted gracefully, finalizers waited for. Its clock is time.Now, which is virtual in the
// bubble that every comparison runs in.
type World struct {
	mu       sync.Mutex
	objects  map[key]plan.Object
	version  int64
	born     int // numbers the names and UIDs that were given
	refusals []Refusal
	writes   []Write
	watched  []change

	forgetful bool // answers and does nothing: for benchmarks
}

// key is how an API server finds an object.
type key struct{ kind, namespace, name string }

func keyOf(obj plan.Object) key {
	return key{plan.KindOf(obj).Kind, obj.GetNamespace(), obj.GetName()}
}

// Write is a request that was not a read, and what became of it.
type Write struct {
	Verb string // create, update, update-status, delete, bind
	Ref  plan.Ref
	// After is the object as the write left it, nil if it is gone or the write was refused.
	After plan.Object
	// Changed is false for a write that changed nothing.
	Changed bool
	// Err is the refusal.
	Err error
}

// change is what a watch tells of one write: the object before it and after it, nil where there was or is none.
type change struct{ before, after plan.Object }

// set stores obj, or takes it away if it is nil, and lets the watchers know.
func (w *World) set(at key, obj plan.Object) {
	before := w.objects[at]
	if obj == nil {
		delete(w.objects, at)
	} else {
		w.objects[at] = obj
	}
	if before != nil || obj != nil {
		w.watched = append(w.watched, change{before, obj})
	}
}

// Refusal makes the World refuse writes.
type Refusal struct {
	Verb string // as in Write
	Kind string
	Name string // empty: any
	// Times is how often it refuses; 0: always.
	Times int
	// Status is the answer. A %s in its message becomes the object's name.
	Status metav1.Status
}

// NewWorld holds copies of the objects. Those without a UID get one made of kind and name.
func NewWorld(objects []plan.Object, refusals []Refusal) *World {
	w := &World{objects: map[key]plan.Object{}, version: 1000, refusals: slices.Clone(refusals)}
	for _, obj := range objects {
		obj = obj.DeepCopyObject().(plan.Object)
		kind := plan.KindOf(obj).Kind
		obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		if obj.GetUID() == "" {
			obj.SetUID(types.UID("uid-" + kind + "-" + obj.GetName()))
		}
		obj.SetResourceVersion(w.nextVersion())
		w.set(keyOf(obj), obj)
	}
	return w
}

func (w *World) nextVersion() string {
	w.version++
	return strconv.FormatInt(w.version, 10)
}

// givenPattern matches what given returns: names and UIDs that depend on the order of writes.
const givenPattern = `x7\d{5}z`

func (w *World) given() string {
	w.born++
	return fmt.Sprintf("x7%05dz", w.born)
}

// Objects gives copies of all objects of T's kind, by namespace and name.
func Objects[T plan.Object](w *World) []T {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []T
	for _, obj := range w.objects {
		if t, ok := obj.(T); ok {
			found = append(found, t.DeepCopyObject().(T))
		}
	}
	slices.SortFunc(found, func(a, b T) int { return byName(a, b) })
	return found
}

// Get gives a copy of one object.
func Get[T plan.Object](w *World, namespace, name string) (T, bool) {
	for _, obj := range Objects[T](w) {
		if obj.GetNamespace() == namespace && obj.GetName() == name {
			return obj, true
		}
	}
	var none T
	return none, false
}

// Edit changes one object behind the controllers' backs, as a kubelet or a user would; a changed spec gets a new
// generation. An object that is gone is left alone.
func Edit[T plan.Object](w *World, namespace, name string, edit func(T)) {
	obj, ok := Get[T](w, namespace, name)
	if !ok {
		return
	}
	before := obj.DeepCopyObject().(plan.Object)
	edit(obj)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !equality.Semantic.DeepEqual(part(before, "Spec"), part(obj, "Spec")) {
		obj.SetGeneration(before.GetGeneration() + 1)
	}
	if equality.Semantic.DeepEqual(before, obj) {
		return
	}
	obj.SetResourceVersion(w.nextVersion())
	w.set(keyOf(obj), obj)
}

// EditAll changes every object of T's kind.
func EditAll[T plan.Object](w *World, edit func(T)) {
	for _, obj := range Objects[T](w) {
		Edit(w, obj.GetNamespace(), obj.GetName(), edit)
	}
}

// Put adds an object behind the controllers' backs, or replaces it.
func (w *World) Put(obj plan.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	obj = obj.DeepCopyObject().(plan.Object)
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	obj.SetResourceVersion(w.nextVersion())
	w.set(keyOf(obj), obj)
}

// Remove takes an object away behind the controllers' backs.
func (w *World) Remove(obj plan.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set(keyOf(obj), nil)
	w.version++
}

// Refuse replaces what is refused from now on.
func (w *World) Refuse(refusals ...Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusals = slices.Clone(refusals)
}

// all gives the objects themselves, sorted by kind, namespace and name.
func (w *World) all() []plan.Object {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]plan.Object, 0, len(w.objects))
	for _, obj := range w.objects {
		all = append(all, obj)
	}
	slices.SortFunc(all, func(a, b plan.Object) int {
		return cmp.Or(cmp.Compare(plan.KindOf(a).Kind, plan.KindOf(b).Kind), byName(a, b))
	})
	return all
}

// drain gives the writes since it was last called.
func (w *World) drain() []Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	writes := w.writes
	w.writes = nil
	return writes
}

// The requests. Each gives a copy of the object as it is then.

func (w *World) get(kind, namespace, name string) (plan.Object, error) {
	obj, ok := w.objects[key{kind, namespace, name}]
	if !ok {
		return nil, apierrors.NewNotFound(resourceOf(kind), name)
	}
	return obj.DeepCopyObject().(plan.Object), nil
}

func (w *World) create(obj plan.Object) (plan.Object, error) {
	obj = obj.DeepCopyObject().(plan.Object)
	kind := plan.KindOf(obj).Kind
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	if obj.GetName() == "" && obj.GetGenerateName() != "" {
		obj.SetName(obj.GetGenerateName() + w.given())
	}
	write := Write{Verb: "create", Ref: plan.RefTo(obj)}
	if _, exists := w.objects[keyOf(obj)]; exists {
		return w.done(write, apierrors.NewAlreadyExists(resourceOf(kind), obj.GetName()))
	}
	if err := w.refuse(write); err != nil {
		return w.done(write, err)
	}
	obj.SetUID(types.UID("uid-" + w.given()))
	obj.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	obj.SetGeneration(1)
	obj.SetDeletionTimestamp(nil)
	clearStatus(obj)
	write.Ref = plan.RefTo(obj)
	write.After, write.Changed = obj, true
	return w.done(write, nil)
}

// update takes everything of obj but its status, or with status set the status and the annotations.
func (w *World) update(obj plan.Object, status bool) (plan.Object, error) {
	obj = obj.DeepCopyObject().(plan.Object)
	kind := plan.KindOf(obj).Kind
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	write := Write{Verb: "update", Ref: plan.RefTo(obj)}
	if status {
		write.Verb = "update-status"
	}
	old, exists := w.objects[keyOf(obj)]
	switch {
	case !exists:
		return w.done(write, apierrors.NewNotFound(resourceOf(kind), obj.GetName()))
	case obj.GetUID() != "" && obj.GetUID() != old.GetUID():
		return w.done(write, apierrors.NewConflict(resourceOf(kind), obj.GetName(), errors.New("the UID in the precondition does not match")))
	case obj.GetResourceVersion() != "" && obj.GetResourceVersion() != old.GetResourceVersion():
		return w.done(write, apierrors.NewConflict(resourceOf(kind), obj.GetName(), errors.New("the object has been modified")))
	}
	if err := w.refuse(write); err != nil {
		return w.done(write, err)
	}
	obj.SetUID(old.GetUID())
	obj.SetResourceVersion(old.GetResourceVersion())
	obj.SetCreationTimestamp(old.GetCreationTimestamp())
	obj.SetDeletionTimestamp(old.GetDeletionTimestamp())
	obj.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	obj.SetGeneration(old.GetGeneration())
	if status {
		carry(obj, old, "Spec")
		obj.SetLabels(old.GetLabels())
		obj.SetOwnerReferences(old.GetOwnerReferences())
		obj.SetFinalizers(old.GetFinalizers())
	} else {
		carry(obj, old, "Status")
		if !equality.Semantic.DeepEqual(part(old, "Spec"), part(obj, "Spec")) {
			obj.SetGeneration(old.GetGeneration() + 1)
		}
	}
	write.After, write.Changed = obj, !equality.Semantic.DeepEqual(old, obj)
	return w.done(write, nil)
}

// remove deletes: pods that run get a deletionTimestamp and stay, and so does what has finalizers.
func (w *World) remove(ref plan.Ref, propagation metav1.DeletionPropagation) (plan.Object, error) {
	write := Write{Verb: "delete", Ref: ref}
	old, exists := w.objects[key{ref.Kind, ref.Namespace, ref.Name}]
	switch {
	case !exists:
		return w.done(write, apierrors.NewNotFound(resourceOf(ref.Kind), ref.Name))
	case ref.UID != "" && ref.UID != old.GetUID():
		return w.done(write, apierrors.NewConflict(resourceOf(ref.Kind), ref.Name, errors.New("the UID in the precondition does not match")))
	}
	write.Ref = plan.RefTo(old)
	if err := w.refuse(write); err != nil {
		return w.done(write, err)
	}
	obj := old.DeepCopyObject().(plan.Object)
	switch propagation {
	case metav1.DeletePropagationForeground:
		obj.SetFinalizers(append(obj.GetFinalizers(), metav1.FinalizerDeleteDependents))
	case metav1.DeletePropagationOrphan:
		obj.SetFinalizers(append(obj.GetFinalizers(), metav1.FinalizerOrphanDependents))
	}
	if obj.GetDeletionTimestamp() == nil {
		grace := gracePeriod(obj)
		obj.SetDeletionTimestamp(&metav1.Time{Time: time.Now().Truncate(time.Second).Add(time.Duration(grace) * time.Second)})
		obj.SetDeletionGracePeriodSeconds(&grace)
	}
	write.After, write.Changed = obj, !equality.Semantic.DeepEqual(old, obj)
	return w.done(write, nil)
}

func (w *World) bind(ref plan.Ref, to string) (plan.Object, error) {
	write := Write{Verb: "bind", Ref: ref, Changed: true}
	obj, err := w.get(ref.Kind, ref.Namespace, ref.Name)
	if err == nil {
		err = w.refuse(write)
	}
	switch bound := obj.(type) {
	case *corev1.Pod:
		bound.Spec.NodeName = to
	case *corev1.PersistentVolumeClaim:
		bound.Spec.VolumeName = to
	}
	write.After = obj
	return w.done(write, err)
}

// done stores what a write leaves, and notes the write.
func (w *World) done(write Write, err error) (plan.Object, error) {
	if err != nil {
		write.After, write.Changed, write.Err = nil, false, err
		w.writes = append(w.writes, write)
		return nil, err
	}
	obj := stored(write.After)
	if write.Changed {
		obj.SetResourceVersion(w.nextVersion())
	}
	write.After = obj
	if over(obj) {
		w.set(keyOf(obj), nil)
		write.After, write.Changed = nil, true
	} else {
		w.set(keyOf(obj), obj)
	}
	w.writes = append(w.writes, write)
	return obj.DeepCopyObject().(plan.Object), nil
}

// stored is obj as a server gives it back: times in whole seconds, empty values left out.
func stored(obj plan.Object) plan.Object {
	back := zero(obj)
	data, err := json.Marshal(obj)
	if err == nil {
		err = json.Unmarshal(data, back)
	}
	if err != nil {
		panic(err) // of the kinds that a World holds, every object is JSON
	}
	return back
}

// over reports whether an object that is being deleted has nothing left to wait for.
func over(obj plan.Object) bool {
	grace := obj.GetDeletionGracePeriodSeconds()
	return obj.GetDeletionTimestamp() != nil && len(obj.GetFinalizers()) == 0 && (grace == nil || *grace == 0)
}

// gracePeriod is how long a pod may take to stop: no time if no kubelet runs it.
func gracePeriod(obj plan.Object) int64 {
	pod, ok := obj.(*corev1.Pod)
	switch {
	case !ok || pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return 0
	case pod.Spec.TerminationGracePeriodSeconds != nil:
		return *pod.Spec.TerminationGracePeriodSeconds
	}
	return corev1.DefaultTerminationGracePeriodSeconds
}

func (w *World) refuse(write Write) error {
	for i := range w.refusals {
		r := &w.refusals[i]
		if r.Verb != write.Verb || r.Kind != write.Ref.Kind || (r.Name != "" && r.Name != write.Ref.Name) || r.Times < 0 {
			continue
		}
		if r.Times > 0 {
			if r.Times--; r.Times == 0 {
				r.Times = -1 // spent
			}
		}
		status := *r.Status.DeepCopy()
		status.Status = metav1.StatusFailure
		status.Message = fmt.Sprintf(status.Message, write.Ref.Name)
		return &apierrors.StatusError{ErrStatus: status}
	}
	return nil
}

// QuotaExceeded refuses the creation of objects of a kind as an exhausted quota does.
func QuotaExceeded(kind string, times int) Refusal {
	resource := resourceOf(kind)
	return Refusal{Verb: "create", Kind: kind, Times: times, Status: metav1.Status{
		Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: resource.String() + ` "%s" is forbidden: exceeded quota`,
	}}
}

// NamespaceTerminating refuses the creation of objects of a kind as a namespace that is being deleted does.
func NamespaceTerminating(kind string) Refusal {
	resource := resourceOf(kind)
	return Refusal{Verb: "create", Kind: kind, Status: metav1.Status{
		Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: resource.String() + ` "%s" is forbidden: unable to create new content because the namespace is being terminated`,
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}},
	}}
}

// Denied refuses any verb as an admission webhook does.
func Denied(verb, kind, name string, times int) Refusal {
	return Refusal{Verb: verb, Kind: kind, Name: name, Times: times, Status: metav1.Status{
		Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: `admission webhook "guard" denied the request on %s`,
	}}
}

func resourceOf(kind string) schema.GroupResource {
	for gvk := range kinds() {
		if gvk.Kind == kind {
			plural, _ := meta.UnsafeGuessKindToResource(gvk)
			return plural.GroupResource()
		}
	}
	return schema.GroupResource{Resource: kind}
}

func clearStatus(obj plan.Object) {
	if status := reflect.ValueOf(obj).Elem().FieldByName("Status"); status.IsValid() {
		status.SetZero()
	}
	switch obj := obj.(type) {
	case *corev1.Pod:
		obj.Status.Phase = corev1.PodPending
	case *corev1.PersistentVolumeClaim:
		obj.Status.Phase = corev1.ClaimPending
	}
}

// carry copies a field, if the type has it.
func carry(to, from plan.Object, field string) {
	if f := reflect.ValueOf(to).Elem().FieldByName(field); f.IsValid() {
		f.Set(reflect.ValueOf(from.DeepCopyObject()).Elem().FieldByName(field))
	}
}

// part is a field of obj, nil if the type does not have it.
func part(obj plan.Object, field string) any {
	if f := reflect.ValueOf(obj).Elem().FieldByName(field); f.IsValid() {
		return f.Interface()
	}
	return nil
}

func byName(a, b metav1.Object) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}

// zero is an empty object of the same type.
func zero(obj plan.Object) plan.Object {
	return reflect.New(reflect.TypeOf(obj).Elem()).Interface().(plan.Object)
}
