package rollout

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// rollback answers the legacy annotation deprecated.deployment.rollback.to: the template of that revision (0: the last but
// one) becomes the Deployment's, and the annotation goes, whatever comes of it.
func rollback(d *appsv1.Deployment, owner owners.Owner, s sets) (plan.Update, plan.Event) {
	before, after := d.DeepCopy(), d.DeepCopy()
	before.TypeMeta, after.TypeMeta = owner.Kind(), owner.Kind()
	revision, _ := strconv.ParseInt(d.Annotations[appsv1.DeprecatedRollbackTo], 10, 64)
	event := plan.Event{Type: corev1.EventTypeWarning, Reason: "DeploymentRollbackRevisionNotFound", Message: "Unable to find the revision to rollback to."}
	if revision == 0 {
		if revision = lastButOne(s.all()); revision == 0 {
			event.Message = "Unable to find last revision."
		}
	}
	if rs := ofRevision(s, revision); rs != nil && revision != 0 {
		if sameTemplate(&rs.Spec.Template, &d.Spec.Template) {
			event.Reason = "DeploymentRollbackTemplateUnchanged"
			event.Message = fmt.Sprintf("The rollback revision contains the same template as current deployment %q", d.Name)
		} else {
			restore(after, rs.ReplicaSet)
			event = plan.Event{Type: corev1.EventTypeNormal, Reason: "DeploymentRollback", Message: fmt.Sprintf("Rolled back deployment %q to revision %d", d.Name, revision)}
		}
	}
	delete(after.Annotations, appsv1.DeprecatedRollbackTo)
	return plan.Update{Before: before, After: after}, event
}

// restore gives d the template of rs, without its hash, and the annotations that rs was rolled out with.
func restore(d *appsv1.Deployment, rs *appsv1.ReplicaSet) {
	d.Spec.Template = *rs.Spec.Template.DeepCopy()
	delete(d.Spec.Template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	kept := map[string]string{}
	for key, value := range d.Annotations {
		if stays(key) {
			kept[key] = value
		}
	}
	for key, value := range rs.Annotations {
		if !stays(key) {
			kept[key] = value
		}
	}
	d.Annotations = kept
}

// ofRevision is the ReplicaSet of a revision: of several the oldest, the new one last.
func ofRevision(s sets, revision int64) *set {
	for _, rs := range s.all() {
		if r, ok := revisionOf(rs.Annotations); ok && r == revision {
			return rs
		}
	}
	return nil
}

// lastButOne is the second highest revision, 0 if there is none.
func lastButOne(all []*set) int64 {
	highest, second := int64(0), int64(0)
	for _, rs := range all {
		switch revision, ok := revisionOf(rs.Annotations); {
		case !ok:
		case revision >= highest:
			highest, second = revision, highest
		case revision > second:
			second = revision
		}
	}
	return second
}
