package statefulset

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/revisions"
	"github.com/kubeplan/kubeplan/plan"
)

// changeCause is the annotation in which people note why they changed a StatefulSet.
const changeCause = "kubernetes.io/change-cause"

// restartedAt is the annotation of a template by which a restart makes it a new one.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Revision is one entry of a StatefulSet's history.
type Revision struct {
	Number             int64
	ChangeCause        string // empty: nobody noted one
	ControllerRevision string // its name
	Template           corev1.PodTemplateSpec
}

// History lists the revisions of set, oldest first, as "kubectl rollout history" does. Revisions that are not set's are left
// out, those that hold no template too.
func History(set *appsv1.StatefulSet, view []*appsv1.ControllerRevision) []Revision {
	var history []Revision
	for _, revision := range controlled(set, view) {
		if template, err := revisions.Template(revision); err == nil {
			history = append(history, Revision{
				Number: revision.Revision, ChangeCause: revision.Annotations[changeCause],
				ControllerRevision: revision.Name, Template: *template,
			})
		}
	}
	return history
}

// Undo returns set with the template of an earlier revision: the one before the newest if to is 0, else that very one. The
// revision that it restores moves to the top of the history once set is planned. Undo refuses revisions that do not
// exist, and returns set unchanged if it already has the template.
func Undo(set *appsv1.StatefulSet, view []*appsv1.ControllerRevision, to int64) (*appsv1.StatefulSet, error) {
	history := controlled(set, view)
	var restored *appsv1.ControllerRevision
	if to == 0 {
		if len(history) < 2 {
			return nil, errors.New("no last revision to roll back to")
		}
		restored = history[len(history)-2]
	} else if at := slices.IndexFunc(history, func(r *appsv1.ControllerRevision) bool { return r.Revision == to }); at >= 0 {
		restored = history[at]
	} else {
		return nil, fmt.Errorf("unable to find specified revision %d in history", to)
	}
	undone := set.DeepCopy()
	if patch, err := revisions.Patch(&set.Spec.Template); err == nil && bytes.Equal(patch, restored.Data.Raw) {
		return undone, nil
	}
	template, err := revisions.Template(restored)
	if err != nil {
		return nil, fmt.Errorf("failed restoring revision %d: %w", restored.Revision, err)
	}
	undone.Spec.Template = *template
	return undone, nil
}

// controlled are the revisions that set controls and selects, oldest first.
func controlled(set *appsv1.StatefulSet, view []*appsv1.ControllerRevision) revisions.History {
	selector, err := metav1.LabelSelectorAsSelector(set.Spec.Selector)
	if err != nil {
		return nil
	}
	owner := owners.New(set, metav1.TypeMeta{}, plan.KindOf(set))
	own := slices.DeleteFunc(slices.Clone(view), func(r *appsv1.ControllerRevision) bool {
		return r == nil || !owner.Owns(r) || !selector.Matches(labels.Set(r.Labels))
	})
	return revisions.Claim(own, owner, selector).History
}

// Restart returns set with a template that differs from its own in nothing but the time of the restart, in whole seconds:
// every pod is replaced.
func Restart(set *appsv1.StatefulSet, now time.Time) *appsv1.StatefulSet {
	restarted := set.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, restartedAt, now.Format(time.RFC3339))
	return restarted
}

// Status tells how far the rollout of set is, in the sentence of "kubectl rollout status", and whether it is done. The error says
// that nobody rolls anything out: pods are replaced as people delete them. A nil partition counts as 0, and as none if
// spec.updateStrategy.rollingUpdate is nil too.
func Status(set *appsv1.StatefulSet) (sentence string, done bool, err error) {
	status, desired := set.Status, int32(1)
	if set.Spec.Replicas != nil {
		desired = *set.Spec.Replicas
	}
	strategy := set.Spec.UpdateStrategy
	switch {
	case strategy.Type != appsv1.RollingUpdateStatefulSetStrategyType && strategy.Type != "":
		return "", true, fmt.Errorf("rollout status is only available for %s strategy type", appsv1.RollingUpdateStatefulSetStrategyType)
	case status.ObservedGeneration == 0 || set.Generation > status.ObservedGeneration:
		return "Waiting for statefulset spec update to be observed...", false, nil
	case status.ReadyReplicas < desired:
		return fmt.Sprintf("Waiting for %d pods to be ready...", desired-status.ReadyReplicas), false, nil
	case strategy.RollingUpdate != nil:
		partition := int32(0)
		if strategy.RollingUpdate.Partition != nil {
			partition = *strategy.RollingUpdate.Partition
		}
		if status.UpdatedReplicas < desired-partition {
			return fmt.Sprintf("Waiting for partitioned roll out to finish: %d out of %d new pods have been updated...", status.UpdatedReplicas, desired-partition), false, nil
		}
		return fmt.Sprintf("partitioned roll out complete: %d new pods have been updated...", status.UpdatedReplicas), true, nil
	case status.UpdateRevision != status.CurrentRevision:
		return fmt.Sprintf("waiting for statefulset rolling update to complete %d pods at revision %s...", status.UpdatedReplicas, status.UpdateRevision), false, nil
	}
	return fmt.Sprintf("statefulset rolling update complete %d pods at revision %s...", status.CurrentReplicas, status.CurrentRevision), true, nil
}
