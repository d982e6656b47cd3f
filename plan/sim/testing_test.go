package sim

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// What the tests have in common.

var webLabels = map[string]string{"app": "web"}

func running(image string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}}
}

func podNamed(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: running("nginx")}
}

func webSet(replicas int32) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: webLabels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: webLabels}, Spec: running("nginx")},
		},
	}
}

// withWeb gives a cluster of two nodes with a host for ReplicaSets and one ReplicaSet, at rest.
func withWeb(t *testing.T, replicas int32) *Cluster {
	t.Helper()
	c := New(Options{Seed: 1, Nodes: 2})
	c.AddHost(ReplicaSets(replicaset.Policy{}))
	create(t, c, webSet(replicas))
	quiet(t, c)
	return c
}

func create[T plan.Object](t *testing.T, c *Cluster, obj T) T {
	t.Helper()
	stored, err := c.Create(obj)
	if err != nil {
		t.Fatal(err)
	}
	return stored.(T)
}

func get[T plan.Object](t *testing.T, c *Cluster, name string) T {
	t.Helper()
	obj, err := Get[T](c, "", name)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func edit[T plan.Object](t *testing.T, c *Cluster, name string, change func(T)) {
	t.Helper()
	if err := Edit(c, "", name, change); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c *Cluster, obj plan.Object, policies ...metav1.DeletionPropagation) {
	t.Helper()
	if err := c.Delete(plan.RefTo(obj), deleteOptions(policies...)); err != nil {
		t.Fatal(err)
	}
}

func quiet(t *testing.T, c *Cluster) {
	t.Helper()
	if !c.RunUntilQuiet(time.Hour) {
		t.Fatalf("no rest within an hour; the last writes:\n%s", c.tail(20))
	}
}

// names gives the names of the objects of a kind, sorted.
func names(c *Cluster, kind string) []string {
	list := []string{}
	for _, obj := range c.List(kind, "") {
		list = append(list, obj.GetName())
	}
	return list
}

func deleteOptions(policies ...metav1.DeletionPropagation) metav1.DeleteOptions {
	var opts metav1.DeleteOptions
	for i := range policies {
		opts.PropagationPolicy = &policies[i]
	}
	return opts
}
