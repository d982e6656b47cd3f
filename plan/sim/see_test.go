package sim_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
)

// A host's Plan, called without a cluster.
func ExampleSee() {
	web := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "web-uid"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}},
		},
	}
	pod := func(namespace, name string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: "pod-uid",
			Labels:          map[string]string{"app": "web"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(web, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
		}}
	}
	seen := sim.See(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), plan.Pending{}, nil, "default", map[string][]plan.Object{
		"ReplicaSet": {web},
		"Pod":        {pod("other", "web-2"), pod("default", "web-1")},
	})

	planned, err := sim.ReplicaSets(replicaset.Policy{}).Plan(web, seen)
	fmt.Println(planned.Actions[1], err)
	// Output: create Pod default/web-* <nil>
}
