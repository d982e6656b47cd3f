package conformance

import (
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
)

// shop is the Deployment that all snapshots are about.
var shop = plan.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "shop", UID: "uid-shop"}

func newDeployment(replicas int32) *appsv1.Deployment {
	d := &appsv1.Deployment{}
	d.Namespace, d.Name, d.UID, d.Generation = shop.Namespace, shop.Name, shop.UID, 1
	d.CreationTimestamp = metav1.NewTime(Instant.Add(-200 * time.Hour))
	d.Annotations = map[string]string{"deployment.kubernetes.io/revision": "1"}
	d.Spec.Replicas = &replicas
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	d.Spec.Template = shopTemplate(1)
	surge, unavailable := intstr.FromInt32(1), intstr.FromInt32(1)
	d.Spec.Strategy = appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable},
	}
	history, deadline := int32(10), int32(600)
	d.Spec.RevisionHistoryLimit, d.Spec.ProgressDeadlineSeconds = &history, &deadline
	return d
}

func shopTemplate(version int) corev1.PodTemplateSpec {
	var template corev1.PodTemplateSpec
	template.Labels = map[string]string{"app": "shop"}
	template.Spec.Containers = []corev1.Container{{Name: "main", Image: "shop:" + strconv.Itoa(version)}}
	return template
}

// rolling is the shop with D, S and U.
func rolling(replicas, surge, unavailable int32) *appsv1.Deployment {
	d := newDeployment(replicas)
	maxSurge, maxUnavailable := intstr.FromInt32(surge), intstr.FromInt32(unavailable)
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &maxSurge, MaxUnavailable: &maxUnavailable}
	return d
}

func shopSnapshot(objects ...plan.Object) *Snapshot {
	return &Snapshot{Workload: shop, Now: Instant, Objects: objects}
}

// told is a ReplicaSet that was last told of these D and D + S.
func told(desired, most int, rs *appsv1.ReplicaSet) *appsv1.ReplicaSet {
	rs.Annotations["deployment.kubernetes.io/desired-replicas"] = strconv.Itoa(desired)
	rs.Annotations["deployment.kubernetes.io/max-replicas"] = strconv.Itoa(most)
	return rs
}

func withRevision(revision string, rs *appsv1.ReplicaSet) *appsv1.ReplicaSet {
	rs.Annotations["deployment.kubernetes.io/revision"] = revision
	return rs
}

// shopSet is the i-th ReplicaSet of the shop, the older the lower, with a version of its template.
func shopSet(i, version int, size, ready, available int32) *appsv1.ReplicaSet {
	hash, none := "h"+strconv.Itoa(i), int32(0)
	rs := &appsv1.ReplicaSet{}
	rs.Namespace, rs.Name, rs.UID, rs.Generation = shop.Namespace, "shop-"+hash, types.UID("uid-set-"+strconv.Itoa(i)), 2
	rs.CreationTimestamp = metav1.NewTime(Instant.Add(time.Duration(i-100) * time.Hour))
	rs.Spec.Replicas = &size
	rs.Spec.Template = shopTemplate(version)
	rs.Spec.Template.Labels["pod-template-hash"] = hash
	rs.Labels = map[string]string{"app": "shop", "pod-template-hash": hash}
	rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: rs.Labels}
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": strconv.Itoa(i + 1)}
	rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", shop.Name, shop.UID)}
	rs.Status = appsv1.ReplicaSetStatus{Replicas: size, ReadyReplicas: ready, AvailableReplicas: available, ObservedGeneration: 2, TerminatingReplicas: &none}
	return rs
}
