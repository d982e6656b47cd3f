package sim

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// family is a ReplicaSet, a pod of its, and a pod that another owner has as well.
func family(t *testing.T, c *Cluster) *appsv1.ReplicaSet {
	t.Helper()
	rs := create(t, c, webSet(2))
	other := create(t, c, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "other"}})
	own, shared := podNamed("own"), podNamed("shared")
	own.OwnerReferences = []metav1.OwnerReference{reference(rs)}
	shared.OwnerReferences = []metav1.OwnerReference{reference(rs), {APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: other.UID}}
	create(t, c, own)
	create(t, c, shared)
	c.Advance(0)
	return rs
}

func reference(owner plan.Object) metav1.OwnerReference {
	return *metav1.NewControllerRef(owner, owner.GetObjectKind().GroupVersionKind())
}

func TestDependentsAreCollectedInTheBackground(t *testing.T) {
	c := New(Options{})
	rs := family(t, c)
	remove(t, c, rs)
	if got := names(c, "ReplicaSet"); len(got) > 0 {
		t.Error("the owner waits for its dependents")
	}
	c.Advance(0)
	if got := names(c, "Pod"); !slices.Equal(got, []string{"shared"}) {
		t.Errorf("pods %v", got)
	}
	if got := get[*corev1.Pod](t, c, "shared").OwnerReferences; len(got) != 1 || got[0].Kind != "ConfigMap" {
		t.Errorf("owners of the shared pod: %v", got)
	}
}

func TestDependentsAreCollectedInTheForeground(t *testing.T) {
	c := New(Options{Nodes: 1})
	rs := family(t, c)
	c.Advance(10 * time.Second) // the pods run, and take a second to stop
	remove(t, c, rs, metav1.DeletePropagationForeground)
	c.Advance(0)
	if marked := get[*appsv1.ReplicaSet](t, c, "web"); !slices.Equal(marked.Finalizers, []string{"foregroundDeletion"}) {
		t.Errorf("finalizers %v", marked.Finalizers)
	}
	if own := get[*corev1.Pod](t, c, "own"); own.DeletionTimestamp == nil {
		t.Error("the dependent is not being deleted")
	}
	quiet(t, c)
	if left := append(names(c, "ReplicaSet"), names(c, "Pod")...); !slices.Equal(left, []string{"shared"}) {
		t.Errorf("left: %v", left)
	}
}

// Deleted in the foreground, a grandparent goes last and the grandchild first.
func TestForegroundReachesGrandchildren(t *testing.T) {
	c := New(Options{Nodes: 1})
	top := create(t, c, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "top"}, Spec: appsv1.DeploymentSpec{
		Selector: webSet(1).Spec.Selector, Template: webSet(1).Spec.Template,
	}})
	middle := webSet(1)
	middle.OwnerReferences = []metav1.OwnerReference{reference(top)}
	pod := podNamed("pod")
	pod.OwnerReferences = []metav1.OwnerReference{reference(create(t, c, middle))}
	create(t, c, pod)
	quiet(t, c)
	remove(t, c, top, metav1.DeletePropagationForeground)
	c.Advance(0)
	if got := get[*appsv1.ReplicaSet](t, c, "web"); !slices.Equal(got.Finalizers, []string{"foregroundDeletion"}) {
		t.Errorf("finalizers of the ReplicaSet: %v", got.Finalizers)
	}
	var gone []string
	c.OnWrite(func(w Write) {
		if w.After == nil {
			gone = append(gone, w.Kind())
		}
	})
	quiet(t, c)
	if !slices.Equal(gone, []string{"Pod", "ReplicaSet", "Deployment"}) {
		t.Errorf("gone in the order %v", gone)
	}
}

func TestDependentsAreOrphaned(t *testing.T) {
	c := New(Options{})
	rs := family(t, c)
	remove(t, c, rs, metav1.DeletePropagationOrphan)
	c.Advance(0)
	if left := append(names(c, "ReplicaSet"), names(c, "Pod")...); !slices.Equal(left, []string{"own", "shared"}) {
		t.Errorf("left: %v", left)
	}
	if own := get[*corev1.Pod](t, c, "own"); len(own.OwnerReferences) > 0 {
		t.Errorf("owners %v", own.OwnerReferences)
	}
}

func TestJobsOrphanTheirPodsUnlessAsked(t *testing.T) {
	for policy, left := range map[metav1.DeletionPropagation]int{"": 1, metav1.DeletePropagationBackground: 0} {
		c := New(Options{})
		job := create(t, c, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "once"}})
		pod := podNamed("once-x")
		pod.OwnerReferences = []metav1.OwnerReference{reference(job)}
		create(t, c, pod)
		if policy == "" {
			remove(t, c, job)
		} else {
			remove(t, c, job, policy)
		}
		c.Advance(0)
		if got := names(c, "Pod"); len(got) != left {
			t.Errorf("policy %q: pods %v", policy, got)
		}
	}
}

func TestObjectsOfOwnersThatAreGoneAreCollected(t *testing.T) {
	c := New(Options{})
	rs := create(t, c, webSet(1))
	elsewhere := podNamed("elsewhere") // an owner in another namespace is none
	elsewhere.Namespace, elsewhere.OwnerReferences = "other", []metav1.OwnerReference{reference(rs)}
	create(t, c, elsewhere)
	c.Advance(0)
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("with an owner in another namespace: %v", got)
	}
	late := podNamed("late")
	late.OwnerReferences = []metav1.OwnerReference{reference(rs)}
	remove(t, c, rs)
	create(t, c, late)
	predecessor := podNamed("of-predecessor")
	predecessor.OwnerReferences = late.OwnerReferences
	create(t, c, webSet(1)) // the same name, another UID
	create(t, c, predecessor)
	c.Advance(0)
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}
