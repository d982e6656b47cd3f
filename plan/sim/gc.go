package sim

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// collector is the garbage collector: it deletes what has lost its last owner, and carries out how an owner wants its
// dependents to be treated when it is deleted. Owners are told by UID.
type collector struct {
	dependents map[types.UID][]types.UID // in the order in which they came
}

const byCollector = "garbage-collector"

func (c *Cluster) startCollector() func(Write) {
	c.collector.dependents = map[types.UID][]types.UID{}
	return func(w Write) {
		uid := w.Object().GetUID()
		c.collector.reindex(uid, w.Before, w.After)
		c.look(uid)
		for _, owner := range owners(w.Before) { // which may wait for its dependents
			c.look(owner.UID)
		}
		if w.After == nil {
			for _, dependent := range c.collector.dependents[uid] {
				c.look(dependent)
			}
		}
	}
}

func owners(obj plan.Object) []metav1.OwnerReference {
	if obj == nil {
		return nil
	}
	return obj.GetOwnerReferences()
}

func (g *collector) reindex(dependent types.UID, before, after plan.Object) {
	if before != nil && after != nil && equality.Semantic.DeepEqual(owners(before), owners(after)) {
		return
	}
	for _, owner := range owners(before) {
		g.dependents[owner.UID] = slices.DeleteFunc(g.dependents[owner.UID], func(uid types.UID) bool { return uid == dependent })
		if len(g.dependents[owner.UID]) == 0 {
			delete(g.dependents, owner.UID)
		}
	}
	for _, owner := range owners(after) {
		g.dependents[owner.UID] = append(g.dependents[owner.UID], dependent)
	}
}

// look has the collector look at an object, if there is anything in it for the collector.
func (c *Cluster) look(uid types.UID) {
	obj := c.store.byUID[uid]
	if obj == nil {
		return
	}
	leaves := obj.GetDeletionTimestamp() != nil && (hasFinalizer(obj, metav1.FinalizerOrphanDependents) || waitsForDependents(obj))
	if leaves || len(obj.GetOwnerReferences()) > 0 {
		c.after(0, "collect "+string(uid), func() { c.collect(uid) })
	}
}

func waitsForDependents(obj plan.Object) bool {
	return obj.GetDeletionTimestamp() != nil && hasFinalizer(obj, metav1.FinalizerDeleteDependents)
}

func (c *Cluster) collect(uid types.UID) {
	obj := c.store.byUID[uid]
	switch {
	case obj == nil:
	case obj.GetDeletionTimestamp() == nil:
		c.collectDependent(obj)
	case hasFinalizer(obj, metav1.FinalizerOrphanDependents):
		c.orphanDependents(obj)
	case waitsForDependents(obj):
		c.deleteDependents(obj)
	}
}

// collectDependent deletes an object none of whose owners remains. One that has another owner only loses the
// references to those that are gone.
func (c *Cluster) collectDependent(obj plan.Object) {
	var remaining []metav1.OwnerReference
	foreground := false
	for _, ref := range obj.GetOwnerReferences() {
		owner := c.store.byUID[ref.UID]
		switch {
		case owner == nil || !reaches(owner, ref, obj):
		case waitsForDependents(owner) && ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion:
			foreground = true
		default:
			remaining = append(remaining, ref)
		}
	}
	switch {
	case len(remaining) == len(obj.GetOwnerReferences()):
	case len(remaining) > 0:
		next := clone(obj)
		next.SetOwnerReferences(remaining)
		c.replace(byCollector, verbUpdate, obj, next)
	default:
		policy := metav1.DeletePropagationBackground
		switch {
		case hasFinalizer(obj, metav1.FinalizerOrphanDependents):
			policy = metav1.DeletePropagationOrphan
		case hasFinalizer(obj, metav1.FinalizerDeleteDependents), foreground && len(c.collector.dependents[obj.GetUID()]) > 0:
			policy = metav1.DeletePropagationForeground
		}
		c.remove(byCollector, obj, metav1.DeleteOptions{PropagationPolicy: &policy})
	}
}

// reaches reports whether the reference of a dependent names this owner. One into another namespace names nobody.
func reaches(owner plan.Object, ref metav1.OwnerReference, dependent plan.Object) bool {
	return kindName(owner) == ref.Kind && owner.GetName() == ref.Name &&
		(owner.GetNamespace() == "" || owner.GetNamespace() == dependent.GetNamespace())
}

// deleteDependents ends a deletion in the foreground: the dependents go first, and the owner waits for those that ask it to.
func (c *Cluster) deleteDependents(owner plan.Object) {
	waits := false
	for _, uid := range c.collector.dependents[owner.GetUID()] {
		if dependent := c.store.byUID[uid]; blocks(dependent, owner) {
			waits = true
			c.look(uid)
		}
	}
	if !waits {
		c.finish(owner, metav1.FinalizerDeleteDependents)
	}
}

func blocks(dependent, owner plan.Object) bool {
	return slices.ContainsFunc(dependent.GetOwnerReferences(), func(ref metav1.OwnerReference) bool {
		return ref.UID == owner.GetUID() && ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion
	})
}

// orphanDependents takes the owner's name off its dependents and lets it go.
func (c *Cluster) orphanDependents(owner plan.Object) {
	for _, uid := range slices.Clone(c.collector.dependents[owner.GetUID()]) {
		dependent := c.store.byUID[uid]
		next := clone(dependent)
		next.SetOwnerReferences(slices.DeleteFunc(next.GetOwnerReferences(), func(ref metav1.OwnerReference) bool {
			return ref.UID == owner.GetUID()
		}))
		c.replace(byCollector, verbUpdate, dependent, next)
	}
	c.finish(owner, metav1.FinalizerOrphanDependents)
}

// finish takes a finalizer off an object: its work is done.
func (c *Cluster) finish(obj plan.Object, finalizer string) {
	next := clone(obj)
	dropFinalizer(next, finalizer)
	c.replace(byCollector, verbUpdate, obj, next)
}

// remove is the deletion of an object by one of the cluster's own parts, which has just looked at it.
func (c *Cluster) remove(by string, obj plan.Object, opts metav1.DeleteOptions) {
	if err := c.delete(by, plan.RefTo(obj), opts); err != nil {
		panic(err) // the object was looked at in this very instant
	}
}
