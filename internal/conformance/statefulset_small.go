package conformance

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// What the smallest snapshots of StatefulSets are made of, and what is asked about them.

func dbSnapshot(set *appsv1.StatefulSet, objects ...plan.Object) *Snapshot {
	return &Snapshot{Workload: db, Now: Instant, Objects: append([]plan.Object{set}, objects...)}
}

// withClaims gives the set a claim template and a retention policy.
func withClaims(set *appsv1.StatefulSet, whenDeleted, whenScaled appsv1.PersistentVolumeClaimRetentionPolicyType) *appsv1.StatefulSet {
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claimTemplate("vol0")}
	set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = whenDeleted
	set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled = whenScaled
	return set
}

func claimOf(set *appsv1.StatefulSet, ordinal int) *corev1.PersistentVolumeClaim {
	claim := claimTemplate("vol0")
	claim.TypeMeta = metav1.TypeMeta{}
	claim.Namespace, claim.Name = set.Namespace, fmt.Sprintf("vol0-%s-%d", set.Name, ordinal)
	return &claim
}

// readyMember is a pod of the set that runs an image and has been ready for a minute.
func readyMember(set *appsv1.StatefulSet, ordinal int, image string) *corev1.Pod {
	name := fmt.Sprintf("%s-%d", set.Name, ordinal)
	pod := readyPod(name, types.UID("uid-"+name), Instant.Add(-time.Minute))
	pod.Labels = map[string]string{
		"app": "db", "tier": "back",
		appsv1.StatefulSetPodNameLabel: name, appsv1.PodIndexLabel: fmt.Sprint(ordinal),
		appsv1.StatefulSetRevisionLabel: revisionOf(set, image, 1).Name,
	}
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "StatefulSet", set.Name, set.UID)}
	pod.Spec.Hostname, pod.Spec.Subdomain = name, set.Spec.ServiceName
	for _, template := range set.Spec.VolumeClaimTemplates {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: template.Name + "-" + name},
		}})
	}
	return pod
}

// volumesOf names the volumes that a pod was created with.
func volumesOf(run *Run, pod string) []string {
	var names []string
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if created, ok := w.After.(*corev1.Pod); ok && w.Verb == "create" && created.Name == pod {
				for _, v := range created.Spec.Volumes {
					names = append(names, v.Name)
				}
			}
		}
	}
	return names
}

// numbersOf are the numbers of the revisions that a run created.
func numbersOf(run *Run) []string {
	var numbers []string
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if revision, ok := w.After.(*appsv1.ControllerRevision); ok && w.Verb == "create" {
				numbers = append(numbers, fmt.Sprint(revision.Revision))
			}
		}
	}
	return numbers
}
