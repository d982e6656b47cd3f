package rollout

import (
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/templates"
)

// newSet makes the ReplicaSet of a template that has none yet. Its name ends in the hash of the template, and so are
// its selector and its pods' labels extended.
func newSet(d *appsv1.Deployment, owner owners.Owner, a aim, s sets, oldPods bool) *appsv1.ReplicaSet {
	hash := templates.Hash(&d.Spec.Template, d.Status.CollisionCount)
	template := *d.Spec.Template.DeepCopy()
	if template.Labels == nil {
		template.Labels = map[string]string{}
	}
	template.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	selector := d.Spec.Selector.DeepCopy()
	if selector.MatchLabels == nil {
		selector.MatchLabels = map[string]string{}
	}
	selector.MatchLabels[appsv1.DefaultDeploymentUniqueLabelKey] = hash

	annotations := sizesNoted(a)
	for key, value := range d.Annotations {
		if !stays(key) {
			annotations[key] = value
		}
	}
	annotations[revisionAnnotation] = strconv.FormatInt(nextRevision(s.old), 10)
	replicas := int32(min(a.desired, max(0, a.most()-sum(s.old, observed))))
	if a.recreate && (oldPods || sum(s.old, observed) > 0) {
		replicas = 0 // made for the sake of the history; its pods wait until the old ones are gone
	}
	return &appsv1.ReplicaSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       d.Namespace,
			Name:            setName(d.Name, hash),
			Labels:          maps.Clone(template.Labels),
			Annotations:     annotations,
			OwnerReferences: []metav1.OwnerReference{owner.Reference()},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas:        &replicas,
			MinReadySeconds: d.Spec.MinReadySeconds,
			Selector:        selector,
			Template:        template,
		},
	}
}

// setName is "<deployment>-<hash>", the Deployment's name cut so that the whole is a valid name.
func setName(deployment, hash string) string {
	if most := validation.DNS1123SubdomainMaxLength - len(hash) - 1; len(deployment) > most {
		deployment = deployment[:most]
	}
	return deployment + "-" + hash
}
