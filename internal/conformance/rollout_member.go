package conformance

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// member is a ReplicaSet of the shop before and after a sync.
type member struct {
	before *appsv1.ReplicaSet
	size   int // after
}

func (m member) ready() int {
	return int(max(m.before.Status.ReadyReplicas, m.before.Status.AvailableReplicas))
}
func (m member) available() int { return int(m.before.Status.AvailableReplicas) }
func (m member) keeps(size int) int {
	return m.available() - min(m.available(), max(0, m.ready()-min(size, int(*m.before.Spec.Replicas))))
}

// membersOf gives the ReplicaSets of the shop that a round found, those that it adopts included.
func membersOf(r Round) []member {
	var members []member
	for _, rs := range ObjectsOf[*appsv1.ReplicaSet](r.Before) {
		ref := metav1.GetControllerOf(rs)
		if ref == nil && rs.DeletionTimestamp != nil || ref != nil && ref.UID != shop.UID || rs.Labels["app"] != "shop" {
			continue
		}
		m := member{before: rs, size: int(*rs.Spec.Replicas)}
		for _, w := range r.Writes {
			if after, ok := w.After.(*appsv1.ReplicaSet); ok && after.Name == rs.Name {
				m.size = int(*after.Spec.Replicas)
			}
		}
		members = append(members, m)
	}
	return members
}

// mayHavePods reports whether a ReplicaSet has pods, those included that are being deleted, or may have some that its status does not know.
func mayHavePods(r Round, rs *appsv1.ReplicaSet) bool {
	terminating := rs.Status.TerminatingReplicas
	return rs.Status.Replicas > 0 || terminating != nil && *terminating > 0 || rs.Status.ObservedGeneration < rs.Generation ||
		slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
			return metav1.IsControlledBy(pod, rs) && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
		})
}

func leastAvailable(d *appsv1.Deployment) int {
	rolling, desired := d.Spec.Strategy.RollingUpdate, int(*d.Spec.Replicas)
	if rolling == nil {
		return desired
	}
	surge, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxSurge, desired, true)
	unavailable, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, desired, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return desired - min(unavailable, desired)
}

// freshOf is the oldest of the Deployment's ReplicaSets that has its template, nil if none has.
func freshOf(d *appsv1.Deployment, members []member) *appsv1.ReplicaSet {
	var fresh *appsv1.ReplicaSet
	for _, m := range members {
		rs := m.before
		if !metav1.IsControlledBy(rs, d) || rs.Spec.Template.Spec.Containers[0].Image != d.Spec.Template.Spec.Containers[0].Image {
			continue
		}
		if fresh == nil || rs.CreationTimestamp.Before(&fresh.CreationTimestamp) || rs.CreationTimestamp.Equal(&fresh.CreationTimestamp) && rs.Name < fresh.Name {
			fresh = rs
		}
	}
	return fresh
}

func total(members []member) int {
	sum := 0
	for _, m := range members {
		sum += int(*m.before.Spec.Replicas)
	}
	return sum
}

// mostOf is D + S.
func mostOf(d *appsv1.Deployment) int {
	desired := int(*d.Spec.Replicas)
	if d.Spec.Strategy.RollingUpdate == nil {
		return desired
	}
	surge, _ := intstr.GetScaledValueFromIntOrPercent(d.Spec.Strategy.RollingUpdate.MaxSurge, desired, true)
	return desired + surge
}
