package sim

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// The verbs of writes.
const (
	verbCreate       = "create"
	verbUpdate       = "update"
	verbUpdateStatus = "update-status"
	verbDelete       = "delete"
	verbBind         = "bind"
)

// user is who writes through the Cluster's own methods.
const user = "user"

// Create stores a copy of obj and returns the stored object. A missing namespace becomes "default", a missing name is
// generated from generateName. The status is not stored, except that of a Node.
func (c *Cluster) Create(obj plan.Object) (plan.Object, error) {
	return answer(c.create(user, obj))
}

// Update replaces everything but the status. With a resourceVersion that is not the current one it conflicts; without
// one it overwrites. An object that is being deleted and loses its last finalizer is gone. An update that changes nothing
// is not a write.
func (c *Cluster) Update(obj plan.Object) (plan.Object, error) {
	return answer(c.update(user, obj))
}

// UpdateStatus replaces the status and the annotations, nothing else.
func (c *Cluster) UpdateStatus(obj plan.Object) (plan.Object, error) {
	return answer(c.updateStatus(user, obj))
}

// Delete deletes the object of ref's kind, namespace and name. A UID in ref is a precondition, as those in opts are.
// Without a propagation policy dependents are collected in the background, but the pods of a Job
// are orphaned, as on a real server: kubectl asks for Background.
func (c *Cluster) Delete(ref plan.Ref, opts metav1.DeleteOptions) error {
	return c.delete(user, ref, opts)
}

// Bind ties a pod to a node or a claim to a volume.
func (c *Cluster) Bind(object, to plan.Ref) error {
	return c.bind(user, object, to)
}

// Get returns a copy of one object. An empty namespace stands for "default" if the kind has namespaces.
func (c *Cluster) Get(kind, namespace, name string) (plan.Object, error) {
	return answer(c.find(plan.Ref{Kind: kind, Namespace: namespace, Name: name}))
}

// List returns copies of all objects of a kind in a namespace, or in all of them if namespace is "", sorted by namespace
// and name.
func (c *Cluster) List(kind, namespace string) []plan.Object {
	objects := c.Peek(kind, namespace)
	for i := range objects {
		objects[i] = clone(objects[i])
	}
	return objects
}

// Peek is List without the copies, for checks that look at the cluster after every write. What it gives is the cluster itself,
// and not to be modified.
func (c *Cluster) Peek(kind, namespace string) []plan.Object {
	return slices.Clone(c.store.shelf(kind).in(namespace))
}

// Get returns a copy of one object of type T. An empty namespace stands for "default" if T has namespaces.
func Get[T plan.Object](c *Cluster, namespace, name string) (T, error) {
	obj, err := c.Get(kindFor[T](), namespace, name)
	if err != nil {
		var none T
		return none, err
	}
	return obj.(T), nil
}

// List returns copies of all objects of type T in a namespace, or in all if it is "", sorted by namespace and name.
func List[T plan.Object](c *Cluster, namespace string) []T {
	return typed[T](c.List(kindFor[T](), namespace))
}

// Edit changes one object as kubectl edit does: it reads it, has change modify it, and updates it.
func Edit[T plan.Object](c *Cluster, namespace, name string, change func(T)) error {
	obj, err := Get[T](c, namespace, name)
	if err != nil {
		return err
	}
	change(obj)
	_, err = c.Update(obj)
	return err
}

func typed[T plan.Object](objects []plan.Object) []T {
	list := make([]T, len(objects))
	for i, obj := range objects {
		list[i] = obj.(T)
	}
	return list
}

// objects gives what is stored of type T, for the cluster's own parts: not to be modified.
func objects[T plan.Object](c *Cluster, namespace string) []T {
	return typed[T](c.store.shelf(kindFor[T]()).in(namespace))
}

// stored gives one object of type T as it is stored, nil if it does not exist.
func stored[T plan.Object](c *Cluster, namespace, name string) T {
	obj, _ := c.store.shelf(kindFor[T]()).get(namespace, name).(T)
	return obj
}

func answer(obj plan.Object, err error) (plan.Object, error) {
	if err != nil {
		return nil, err
	}
	return clone(obj), nil
}

// find gives the stored object that ref names, whatever its UID.
func (c *Cluster) find(ref plan.Ref) (plan.Object, error) {
	obj := c.store.shelf(ref.Kind).get(inNamespace(ref.Kind, ref.Namespace), ref.Name)
	if obj == nil {
		return nil, apierrors.NewNotFound(groupResource(metav1.TypeMeta{APIVersion: ref.APIVersion, Kind: ref.Kind}), ref.Name)
	}
	return obj, nil
}

// inNamespace is the namespace in which an object of a kind lies.
func inNamespace(kind, namespace string) string {
	switch {
	case !hasNamespaces(kind):
		return ""
	case namespace == "":
		return metav1.NamespaceDefault
	}
	return namespace
}

func (c *Cluster) create(by string, sent plan.Object) (plan.Object, error) {
	obj, err := onTheWire(sent)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if obj.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	kind := kindOf(obj)
	obj.SetNamespace(inNamespace(kind.Kind, obj.GetNamespace()))
	if err := c.admits(obj); err != nil {
		return nil, err
	}
	shelf := c.store.shelf(kind.Kind)
	if obj.GetName() == "" && obj.GetGenerateName() != "" {
		for taken := true; taken; _, taken = shelf.find(obj.GetNamespace(), obj.GetName()) {
			obj.SetName(c.generateName(obj.GetGenerateName()))
		}
	}
	if errs := invalid(obj); len(errs) > 0 {
		return nil, apierrors.NewInvalid(obj.GetObjectKind().GroupVersionKind().GroupKind(), obj.GetName(), errs)
	}
	if _, exists := shelf.find(obj.GetNamespace(), obj.GetName()); exists {
		return nil, apierrors.NewAlreadyExists(groupResource(kind), obj.GetName())
	}
	obj.SetUID(c.newUID())
	obj.SetCreationTimestamp(c.timestamp())
	obj.SetDeletionTimestamp(nil)
	obj.SetDeletionGracePeriodSeconds(nil)
	obj.SetGeneration(0)
	if countsGenerations(obj) {
		obj.SetGeneration(1)
	}
	c.complete(obj)
	c.commit(by, verbCreate, nil, obj)
	return obj, nil
}

func (c *Cluster) generateName(prefix string) string {
	const longest = 63 - 5
	return prefix[:min(len(prefix), longest)] + c.suffix()
}

// complete fills in what the server fills in before it stores a new object.
func (c *Cluster) complete(obj plan.Object) {
	if _, isNode := obj.(*corev1.Node); !isNode {
		setStatus(obj, nil)
	}
	switch obj := obj.(type) {
	case *corev1.Pod:
		obj.Status.Phase = corev1.PodPending
	case *corev1.PersistentVolumeClaim:
		c.completeClaim(obj)
	case *corev1.PersistentVolume:
		completeVolume(obj)
	case *corev1.Namespace:
		completeNamespace(obj)
	}
}

func (c *Cluster) update(by string, sent plan.Object) (plan.Object, error) {
	next, current, err := c.arrive(sent)
	if err != nil {
		return nil, err
	}
	next.SetGeneration(current.GetGeneration())
	next.SetGenerateName(current.GetGenerateName())
	setStatus(next, current)
	if errs := invalidChange(next, current); len(errs) > 0 {
		return nil, apierrors.NewInvalid(next.GetObjectKind().GroupVersionKind().GroupKind(), next.GetName(), errs)
	}
	if next.GetGeneration() > 0 && !equality.Semantic.DeepEqual(spec(next), spec(current)) {
		next.SetGeneration(next.GetGeneration() + 1)
	}
	return c.replace(by, verbUpdate, current, next), nil
}

func (c *Cluster) updateStatus(by string, sent plan.Object) (plan.Object, error) {
	arrived, current, err := c.arrive(sent)
	if err != nil {
		return nil, err
	}
	next := clone(current)
	setStatus(next, arrived)
	next.SetAnnotations(arrived.GetAnnotations())
	return c.replace(by, verbUpdateStatus, current, next), nil
}

// arrive reads an object that is to replace the stored one, and checks that it is the one that was read.
func (c *Cluster) arrive(sent plan.Object) (next, current plan.Object, err error) {
	if next, err = onTheWire(sent); err != nil {
		return nil, nil, apierrors.NewBadRequest(err.Error())
	}
	ref := plan.RefTo(next)
	next.SetNamespace(inNamespace(ref.Kind, ref.Namespace))
	if current, err = c.find(ref); err != nil {
		return nil, nil, err
	}
	uid, version := next.GetUID(), next.GetResourceVersion()
	switch {
	case uid != "" && uid != current.GetUID():
		return nil, nil, wrongUID(current, uid)
	case version != "" && version != current.GetResourceVersion():
		return nil, nil, modified(current)
	}
	next.SetUID(current.GetUID())
	next.SetResourceVersion(current.GetResourceVersion())
	next.SetCreationTimestamp(current.GetCreationTimestamp())
	next.SetDeletionTimestamp(current.GetDeletionTimestamp())
	next.SetDeletionGracePeriodSeconds(current.GetDeletionGracePeriodSeconds())
	return next, current, nil
}

// replace stores the next version of an object, unless it says the same. What is being deleted and has nothing left to
// wait for is gone.
func (c *Cluster) replace(by, verb string, current, next plan.Object) plan.Object {
	if equality.Semantic.DeepEqual(current, next) {
		return current
	}
	if next.GetDeletionTimestamp() != nil && !lingers(next) {
		c.commit(by, verb, current, nil)
		next.SetResourceVersion(fmt.Sprint(c.store.version))
		return next
	}
	c.commit(by, verb, current, next)
	return next
}

// lingers reports whether an object that is being deleted still has something to wait for.
func lingers(obj plan.Object) bool {
	if namespace, ok := obj.(*corev1.Namespace); ok && len(namespace.Spec.Finalizers) > 0 {
		return true
	}
	grace := obj.GetDeletionGracePeriodSeconds()
	return len(obj.GetFinalizers()) > 0 || grace != nil && *grace > 0
}

func (c *Cluster) delete(by string, ref plan.Ref, opts metav1.DeleteOptions) error {
	current, err := c.find(ref)
	if err != nil {
		return err
	}
	if ref.UID != "" && ref.UID != current.GetUID() {
		return wrongUID(current, ref.UID)
	}
	if must := opts.Preconditions; must != nil {
		switch {
		case must.UID != nil && *must.UID != current.GetUID():
			return wrongUID(current, *must.UID)
		case must.ResourceVersion != nil && *must.ResourceVersion != current.GetResourceVersion():
			return conflict(current, fmt.Errorf("Precondition failed: ResourceVersion in precondition: %s, ResourceVersion in object meta: %s", //nolint:staticcheck // the server's words
				*must.ResourceVersion, current.GetResourceVersion()))
		}
	}
	next := clone(current)
	setPropagation(next, opts.PropagationPolicy)
	grace := gracePeriod(current, opts.GracePeriodSeconds)
	if before := current.GetDeletionGracePeriodSeconds(); before != nil {
		grace = min(grace, *before) // a second request can only hasten the first
	}
	ends := metav1.NewTime(c.timestamp().Add(seconds(grace)))
	if earlier := current.GetDeletionTimestamp(); earlier == nil {
		next.SetDeletionTimestamp(&ends)
		if next.GetGeneration() > 0 {
			next.SetGeneration(next.GetGeneration() + 1)
		}
		markTerminating(next)
	} else if ends.Before(earlier) {
		next.SetDeletionTimestamp(&ends)
	}
	next.SetDeletionGracePeriodSeconds(&grace)
	if !lingers(next) {
		c.commit(by, verbDelete, current, nil)
		return nil
	}
	c.replace(by, verbDelete, current, next)
	return nil
}

// setPropagation leaves word for the garbage collector, in the finalizers.
func setPropagation(obj plan.Object, policy *metav1.DeletionPropagation) {
	const orphan, foreground = metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents
	wanted := ""
	switch {
	case policy == nil && hasFinalizer(obj, foreground), policy != nil && *policy == metav1.DeletePropagationForeground:
		wanted = foreground
	case policy == nil && (hasFinalizer(obj, orphan) || orphansByDefault(obj)), policy != nil && *policy == metav1.DeletePropagationOrphan:
		wanted = orphan
	}
	dropFinalizer(obj, orphan, foreground)
	if wanted != "" {
		obj.SetFinalizers(append(obj.GetFinalizers(), wanted))
	}
}

func hasFinalizer(obj plan.Object, finalizer string) bool {
	return slices.Contains(obj.GetFinalizers(), finalizer)
}

func dropFinalizer(obj plan.Object, finalizers ...string) {
	kept := slices.DeleteFunc(slices.Clone(obj.GetFinalizers()), func(f string) bool { return slices.Contains(finalizers, f) })
	if len(kept) == 0 {
		kept = nil
	}
	obj.SetFinalizers(kept)
}

func (c *Cluster) bind(by string, object, to plan.Ref) error {
	current, err := c.find(object)
	if err != nil {
		return err
	}
	if object.UID != "" && object.UID != current.GetUID() {
		return wrongUID(current, object.UID)
	}
	next := clone(current)
	switch next := next.(type) {
	case *corev1.Pod:
		switch {
		case next.Spec.NodeName != "":
			return conflict(current, fmt.Errorf("pod %s is already assigned to node %q", next.Name, next.Spec.NodeName))
		case next.DeletionTimestamp != nil:
			return conflict(current, fmt.Errorf("pod %s is being deleted, cannot be assigned to a host", next.Name))
		}
		next.Spec.NodeName = to.Name
		c.setCondition(next, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue})
	case *corev1.PersistentVolumeClaim:
		if next.Spec.VolumeName != "" && next.Spec.VolumeName != to.Name {
			return conflict(current, fmt.Errorf("claim %s is already bound to volume %q", next.Name, next.Spec.VolumeName))
		}
		next.Spec.VolumeName = to.Name
	default:
		return apierrors.NewBadRequest(object.Kind + " cannot be bound")
	}
	c.replace(by, verbBind, current, next)
	return nil
}

// The server's conflicts, in its words.

func conflict(obj plan.Object, cause error) error {
	return apierrors.NewConflict(groupResource(kindOf(obj)), obj.GetName(), cause)
}

func modified(obj plan.Object) error {
	return conflict(obj, errModified)
}

var errModified = errors.New("the object has been modified; please apply your changes to the latest version and try again")

func wrongUID[UID ~string](obj plan.Object, asked UID) error {
	return conflict(obj, fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", asked, obj.GetUID())) //nolint:staticcheck // the server's words
}
