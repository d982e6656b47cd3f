package conformance

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// BenchPod is a Ready pod as large as they are in clusters: about 10 KB in 57 heap objects.
func BenchPod(name string, owner metav1.OwnerReference, labels map[string]string, node string, now time.Time) *corev1.Pod {
	hash := fnv.New32a()
	hash.Write([]byte(name))
	within := time.Duration(hash.Sum32()%300) * time.Second // of the five minutes of a rollout
	created := metav1.NewTime(now.Add(-24*time.Hour + within).Truncate(time.Second))
	ready := metav1.NewTime(created.Add(30 * time.Second))
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.UID = "default", name, types.UID("uid-"+name)
	pod.GenerateName = owner.Name + "-"
	pod.ResourceVersion = "1000"
	pod.CreationTimestamp = created
	pod.OwnerReferences = []metav1.OwnerReference{owner}
	pod.Labels = map[string]string{}
	for key, value := range labels {
		pod.Labels[key] = value
	}
	pod.Labels["pod-template-hash"] = "5d4f8c7b9d"
	pod.Annotations = map[string]string{"example.com/checksum": fmt.Sprintf("%064x", len(name)), "example.com/inject": "true"}
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &created,
		FieldsType: "FieldsV1", FieldsV1: managedFields("spec"),
	}, {
		Manager: "kubelet", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &ready, Subresource: "status",
		FieldsType: "FieldsV1", FieldsV1: managedFields("status"),
	}}
	pod.Spec.NodeName = node
	pod.Spec.ServiceAccountName = "default"
	pod.Spec.RestartPolicy = corev1.RestartPolicyAlways
	seconds := int64(300)
	pod.Spec.Tolerations = []corev1.Toleration{
		{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds},
		{Key: "node.kubernetes.io/unreachable", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds},
	}
	pod.Spec.Volumes = []corev1.Volume{{Name: "config"}, {Name: "token"}}
	pod.Spec.Volumes[0].ConfigMap = &corev1.ConfigMapVolumeSource{}
	pod.Spec.Volumes[1].Projected = &corev1.ProjectedVolumeSource{Sources: make([]corev1.VolumeProjection, 3)}
	yes := true
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: &yes}
	for _, container := range []string{"main", "proxy"} {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{
			Name:  container,
			Image: "registry.example.com/team/" + container + ":1.2.3",
			Args:  []string{"--verbose", "--name=" + name},
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			Env: []corev1.EnvVar{
				{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
				{Name: "LEVEL", Value: "info"},
			},
			VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/config"}, {Name: "token", MountPath: "/var/run/token"}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
			},
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(8080)}}},
		})
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container, Ready: true, Started: &yes, ContainerID: fmt.Sprintf("containerd://%064x", len(container)),
			Image: "registry.example.com/team/" + container + ":1.2.3", ImageID: "sha256:" + container,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: created}},
		})
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.PodIP, pod.Status.HostIP = "10.0.0.1", "192.168.0.1"
	pod.Status.PodIPs = []corev1.PodIP{{IP: "10.0.0.1"}}
	pod.Status.StartTime = &metav1.Time{Time: created.Time}
	for _, kind := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: ready})
	}
	return pod
}

// managedFields is as long as what servers note about who set which field.
func managedFields(of string) *metav1.FieldsV1 {
	fields := &metav1.FieldsV1{}
	fields.SetRawString(`{"f:` + of + `":"` + strings.Repeat("x", 400) + `"}`)
	return fields
}
