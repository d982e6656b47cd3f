package sim

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

const byNamespaces = "namespace-controller"

// startNamespaces empties namespaces that are being deleted. A namespace need not exist as an object to be used.
func (c *Cluster) startNamespaces() func(Write) {
	return func(w Write) {
		name := w.Object().GetNamespace()
		if namespace, ok := w.After.(*corev1.Namespace); ok {
			name = namespace.Name
		}
		if namespace := stored[*corev1.Namespace](c, "", name); namespace != nil && namespace.DeletionTimestamp != nil {
			c.after(0, "empty namespace "+name, func() { c.emptyNamespace(name) })
		}
	}
}

func completeNamespace(namespace *corev1.Namespace) {
	namespace.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
	namespace.Status.Phase = corev1.NamespaceActive
}

// markTerminating shows in the phase of a namespace that it is being deleted.
func markTerminating(obj plan.Object) {
	if namespace, ok := obj.(*corev1.Namespace); ok {
		namespace.Status.Phase = corev1.NamespaceTerminating
	}
}

// admits refuses new objects in a namespace that is being deleted.
func (c *Cluster) admits(obj plan.Object) error {
	namespace := stored[*corev1.Namespace](c, "", obj.GetNamespace())
	if namespace == nil || namespace.DeletionTimestamp == nil {
		return nil
	}
	err := apierrors.NewForbidden(groupResource(kindOf(obj)), obj.GetName(),
		fmt.Errorf("unable to create new content in namespace %s because it is being terminated", namespace.Name))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type:    corev1.NamespaceTerminatingCause,
		Message: fmt.Sprintf("namespace %s is being terminated", namespace.Name),
		Field:   "metadata.namespace",
	})
	return err
}

func (c *Cluster) emptyNamespace(name string) {
	namespace := stored[*corev1.Namespace](c, "", name)
	if namespace == nil || namespace.DeletionTimestamp == nil {
		return
	}
	background := metav1.DeletePropagationBackground
	for _, kind := range c.kindsInNamespaces() {
		for _, obj := range slices.Clone(c.store.shelf(kind).in(name)) {
			if obj.GetDeletionTimestamp() == nil {
				c.remove(byNamespaces, obj, metav1.DeleteOptions{PropagationPolicy: &background})
			}
		}
	}
	full := func(kind string) bool { return len(c.store.shelf(kind).in(name)) > 0 }
	if !slices.ContainsFunc(c.kindsInNamespaces(), full) {
		next := clone(namespace)
		next.Spec.Finalizers = nil
		c.replace(byNamespaces, verbUpdate, namespace, next)
	}
}

// kindsInNamespaces gives the kinds that live in namespaces and of which there ever was an object, sorted.
func (c *Cluster) kindsInNamespaces() []string {
	kinds := slices.Sorted(maps.Keys(c.store.kinds))
	return slices.DeleteFunc(kinds, func(kind string) bool { return !hasNamespaces(kind) })
}
