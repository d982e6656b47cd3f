package daemonset

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
)

// hashLabel carries the hash of the revision that a pod was made from, and of a revision itself.
const hashLabel = appsv1.DefaultDaemonSetUniqueLabelKey

// generationLabel carries the generation of the template that a pod was made from. It is older than revisions; a pod
// that bears the current one still counts as up to date.
const generationLabel = "pod-template-generation"

// templateGeneration is the DaemonSet's, empty if it has none that can be read.
func templateGeneration(ds *appsv1.DaemonSet) string {
	generation, err := strconv.ParseInt(ds.Annotations[appsv1.DeprecatedTemplateGeneration], 10, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(generation, 10)
}

// template is what all pods of the current revision are made of.
func template(ds *appsv1.DaemonSet, hash string) *corev1.PodTemplateSpec {
	made := ds.Spec.Template.DeepCopy()
	made.Spec.Tolerations = tolerations(&made.Spec)
	if generation := templateGeneration(ds); generation != "" {
		metav1.SetMetaDataLabel(&made.ObjectMeta, generationLabel, generation)
	}
	metav1.SetMetaDataLabel(&made.ObjectMeta, hashLabel, hash)
	return made
}

// newPod makes the pod for a node. The scheduler binds it there: the node's name replaces what the template requires of
// nodes, which this node meets.
func newPod(template *corev1.PodTemplateSpec, ds *appsv1.DaemonSet, owner owners.Owner, node string) *corev1.Pod {
	pod := pods.FromTemplate(template, ds, owner.Reference())
	if pod.Spec.Affinity == nil {
		pod.Spec.Affinity = &corev1.Affinity{}
	}
	if pod.Spec.Affinity.NodeAffinity == nil {
		pod.Spec.Affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchFields: []corev1.NodeSelectorRequirement{{
				Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
			}},
		}},
	}
	return pod
}

// target is the node that a pod is on or was made for: empty if it does not say.
func target(pod *corev1.Pod) string {
	if pod.Spec.NodeName != "" {
		return pod.Spec.NodeName
	}
	a := pod.Spec.Affinity
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, r := range term.MatchFields {
			if r.Key != metav1.ObjectNameField || r.Operator != corev1.NodeSelectorOpIn {
				continue
			}
			if len(r.Values) != 1 {
				return ""
			}
			return r.Values[0]
		}
	}
	return ""
}
