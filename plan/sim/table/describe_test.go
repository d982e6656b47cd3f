package table_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan/sim/table"
)

func TestDescribeReplicaSet(t *testing.T) {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: meta("web", time.Minute),
		Spec:       appsv1.ReplicaSetSpec{Replicas: ptr(int32(3)), Selector: selector(), Template: template()},
		Status: appsv1.ReplicaSetStatus{Replicas: 2, Conditions: []appsv1.ReplicaSetCondition{
			{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate"},
		}},
	}
	rs.Labels = map[string]string{"tier": "front", "app": "web"}
	rs.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "{}"}
	rs.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "env1", Value: "value1"}}
	rs.Spec.Template.Spec.Containers[1].VolumeMounts = []corev1.VolumeMount{{Name: "logs", MountPath: "/var/log", ReadOnly: true}}
	got := table.Describe(rs, table.Around{
		Now:  now,
		Pods: []*corev1.Pod{pod(corev1.PodRunning), pod(corev1.PodPending)},
		Events: []*corev1.Event{
			event("b", time.Second, time.Minute, 4, "FailedCreate", "Error creating: no more"),
			event("a", 9*time.Second, 9*time.Second, 0, "SuccessfulCreate", "Created pod: web-x7k2p"),
		},
	})
	check(t, got,
		"Name:         web",
		"Namespace:    default",
		"Selector:     app=web",
		"Labels:       app=web",
		"              tier=front",
		"Annotations:  <none>",
		"Replicas:     2 current / 3 desired",
		"Pods Status:  1 Running / 1 Waiting / 0 Succeeded / 0 Failed",
		"Pod Template:",
		"  Labels:  app=web",
		"  Containers:",
		"   nginx:",
		"    Image:  nginx:1.9.1",
		"    Environment:",
		"      env1:  value1",
		"    Mounts:  <none>",
		"   log:",
		"    Image:        fluentd",
		"    Environment:  <none>",
		"    Mounts:",
		"      /var/log from logs (ro)",
		"  Node-Selectors:  <none>",
		"Conditions:",
		"  Type            Status  Reason",
		"  ----            ------  ------",
		"  ReplicaFailure  True    FailedCreate",
		"Events:",
		"  Type    Reason            Age               From                   Message",
		"  ----    ------            ----              ----                   -------",
		"  Normal  SuccessfulCreate  9s                replicaset-controller  Created pod: web-x7k2p",
		"  Normal  FailedCreate      1s (x4 over 60s)  replicaset-controller  Error creating: no more",
	)
}

func TestDescribePod(t *testing.T) {
	p := with(pod(corev1.PodRunning, status(running())), func(p *corev1.Pod) {
		p.Spec.NodeName = "node1"
		p.Spec.Containers[0] = corev1.Container{Name: "nginx", Image: "nginx"}
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", Controller: ptr(true)}}
		condition(corev1.PodReady, corev1.ConditionTrue, "")(p)
	})
	check(t, table.Describe(p, table.Around{Now: now}),
		"Name:           p",
		"Namespace:      default",
		"Node:           node1",
		"Labels:         <none>",
		"Annotations:    <none>",
		"Status:         Running",
		"Controlled By:  ReplicaSet/web",
		"Containers:",
		" nginx:",
		"  Image:         nginx",
		"  Environment:   <none>",
		"  Mounts:        <none>",
		"Node-Selectors:  <none>",
		"Conditions:",
		"  Type   Status",
		"  Ready  True",
		"Events:  <none>",
	)
}
