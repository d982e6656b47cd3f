package statefulset

import (
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// A pod is a member of the set by its name alone: "<set>-<ordinal>", the ordinal in its one canonical spelling. So no two
// names are of one ordinal.
func podName(set string, ordinal int) string {
	return set + "-" + strconv.Itoa(ordinal)
}

// maxDigits has room for any start and any number of replicas.
const maxDigits = 10

// ordinalOf reads the ordinal off a name. A name that continues the set's by digits but is not canonical ("web-01") or
// too large is numbered, and has no ordinal.
func ordinalOf(set, name string) (ordinal int, numbered, ok bool) {
	if len(name) <= len(set)+1 || name[len(set)] != '-' || name[:len(set)] != set {
		return 0, false, false
	}
	digits := name[len(set)+1:]
	for i := range len(digits) {
		digit := digits[i] - '0'
		if digit > 9 {
			return 0, false, false
		}
		ordinal = 10*ordinal + int(digit) // of no use if there are too many
	}
	return ordinal, true, len(digits) <= maxDigits && (digits[0] != '0' || digits == "0")
}

// newPod makes the pod of an ordinal: what the template says, and what makes it this very member: its name, its hostname
// under the set's service, the labels that tell name, ordinal and revision, and the claims as volumes.
func newPod(set *appsv1.StatefulSet, owner owners.Owner, template *corev1.PodTemplateSpec, revision string, ordinal int) *corev1.Pod {
	pod := pods.FromTemplate(template, set, owner.Reference())
	pod.Name = podName(set.Name, ordinal)
	pod.Spec.Hostname = pod.Name
	pod.Spec.Subdomain = set.Spec.ServiceName
	identify(pod, ordinal)
	pod.Labels[appsv1.StatefulSetRevisionLabel] = revision
	mountClaims(pod, set)
	return pod
}

func identify(pod *corev1.Pod, ordinal int) {
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[appsv1.StatefulSetPodNameLabel] = pod.Name
	pod.Labels[appsv1.PodIndexLabel] = strconv.Itoa(ordinal)
}

// mountClaims gives the pod the volumes of its claims, in place of any others of the same names. They stand first, in the
// order of the claim templates.
func mountClaims(pod *corev1.Pod, set *appsv1.StatefulSet) {
	var volumes []corev1.Volume
	named := map[string]bool{}
	for i := range set.Spec.VolumeClaimTemplates {
		template := set.Spec.VolumeClaimTemplates[i].Name
		if named[template] {
			continue
		}
		named[template] = true
		volumes = append(volumes, corev1.Volume{
			Name: template,
			VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claimName(template, pod.Name)},
			},
		})
	}
	pod.Spec.Volumes = append(volumes, slices.DeleteFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return named[v.Name] })...)
}

// isIntact reports whether what makes the pod this member is as it should be.
func isIntact(pod *corev1.Pod, set *appsv1.StatefulSet) bool {
	return pod.Labels[appsv1.StatefulSetPodNameLabel] == pod.Name && mountsClaims(pod, set.Spec.VolumeClaimTemplates)
}

func mountsClaims(pod *corev1.Pod, templates []corev1.PersistentVolumeClaim) bool {
	for i := range templates {
		volume := volumeOf(pod, templates[i].Name)
		if volume == nil || volume.PersistentVolumeClaim == nil || !isClaimName(volume.PersistentVolumeClaim.ClaimName, templates[i].Name, pod.Name) {
			return false
		}
	}
	return true
}

func volumeOf(pod *corev1.Pod, name string) *corev1.Volume {
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].Name == name {
			return &pod.Spec.Volumes[i]
		}
	}
	return nil
}

// repair restores what is amiss.
func repair(pod *corev1.Pod, set *appsv1.StatefulSet, ordinal int) plan.Update {
	after := pod.DeepCopy()
	if after.Labels[appsv1.StatefulSetPodNameLabel] != after.Name {
		identify(after, ordinal)
	}
	if !mountsClaims(after, set.Spec.VolumeClaimTemplates) {
		mountClaims(after, set)
	}
	return plan.Update{Before: pod.DeepCopy(), After: after}
}
