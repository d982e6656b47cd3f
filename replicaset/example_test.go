package replicaset_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

func ExamplePlan() {
	replicas := int32(2)
	labels := map[string]string{"app": "web"}
	web := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "5a1f", Generation: 1},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	orphan := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-x7k2p", UID: "90c2", Labels: labels}}

	result, err := replicaset.Plan(web, replicaset.Observed{Now: time.Now(), Pods: []*corev1.Pod{orphan}}, replicaset.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions {
		fmt.Println(action)
	}
	// Output:
	// update-status ReplicaSet default/web: status.observedGeneration none -> 1, status.terminatingReplicas none -> 0
	// update Pod default/web-x7k2p: metadata.ownerReferences
	// create Pod default/web-*
}

func ExamplePlan_invalid() {
	negative := int32(-1)
	_, err := replicaset.Plan(&appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &negative,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}, replicaset.Observed{}, replicaset.Policy{})
	fmt.Println(err)
	// Output:
	// [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`]
}

// A custom resource that keeps pods as a ReplicaSet does: the pods are owned by its kind.
func ExamplePolicy_owner() {
	replicas := int32(1)
	labels := map[string]string{"fleet": "red"}
	red := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "red", UID: "77e0"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	policy := replicaset.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Fleet"}}

	result, err := replicaset.Plan(red, replicaset.Observed{Now: time.Now()}, policy)
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions {
		if create, ok := action.(plan.Create); ok {
			owner := create.Object.GetOwnerReferences()[0]
			fmt.Println(create, "owned by", owner.Kind, owner.Name)
		}
	}
	// Output:
	// create Pod default/red-* owned by Fleet red
}
