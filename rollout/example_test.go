package rollout_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/rollout"
)

// A new image: the template has no ReplicaSet yet, so one is made. It gets what D + S leaves beside the 10 old pods.
func ExamplePlan() {
	shop := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop", UID: "7d0e"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(10)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", Image: "shop:2"}}},
			},
		},
	}
	old := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "shop-5c689d88bb", UID: "c1a4", Labels: map[string]string{"app": "shop"},
			Annotations:     map[string]string{"deployment.kubernetes.io/revision": "1"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(shop, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(10)),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", Image: "shop:1"}}},
			},
		},
		Status: appsv1.ReplicaSetStatus{Replicas: 10, ReadyReplicas: 10, AvailableReplicas: 10},
	}
	observed := rollout.Observed{Now: time.Now(), ReplicaSets: []*appsv1.ReplicaSet{old}}

	result, err := rollout.Plan(shop, observed, rollout.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions {
		fmt.Println(action)
	}
	// Output:
	// create ReplicaSet default/shop-bf96d56f8
}

// Undo changes nothing in the cluster: it gives the Deployment to write.
func ExampleUndo() {
	shop := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop", UID: "7d0e"}}
	shop.Spec.Template.Spec.Containers = []corev1.Container{{Name: "shop", Image: "shop:2"}}
	var history []*appsv1.ReplicaSet
	for _, revision := range []string{"1", "2"} {
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "shop-" + revision,
			Annotations:     map[string]string{"deployment.kubernetes.io/revision": revision},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(shop, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		}}
		rs.Spec.Template.Spec.Containers = []corev1.Container{{Name: "shop", Image: "shop:" + revision}}
		history = append(history, rs)
	}

	undone, err := rollout.Undo(shop, history, 0)
	fmt.Println(undone.Spec.Template.Spec.Containers[0].Image, err)
	// Output:
	// shop:1 <nil>
}
