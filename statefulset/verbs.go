package statefulset

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/revisions"
)

// Revision is one entry of a StatefulSet's history.
type Revision struct {
	Number             int64
	ChangeCause        string // empty: nobody noted one
	ControllerRevision string // its name
	Template           corev1.PodTemplateSpec
}

// History lists the revisions of the set, oldest first, as "kubectl rollout history" does. Revisions that the set does not control
// are left out, by UID and name whatever its kind, and those that hold no template. view may be that of all namespaces.
func History(set *appsv1.StatefulSet, view []*appsv1.ControllerRevision) []Revision {
	var history []Revision
	for _, revision := range revisions.Owned(set, set.Spec.Selector, view) {
		if template, err := revisions.Template(revision); err == nil {
			history = append(history, Revision{
				Number: revision.Revision, ChangeCause: revision.Annotations[revisions.ChangeCause],
				ControllerRevision: revision.Name, Template: *template,
			})
		}
	}
	return history
}

// Undo returns the set with the template of an earlier revision: that of the number to or, if to is 0, the one before the newest
// that is recorded; an edit that no plan has recorded yet does not count. The revision that it restores moves to the top of the history once the set is planned. Undo refuses revisions that do not
// exist, and returns the set unchanged if it already has the template.
func Undo(set *appsv1.StatefulSet, view []*appsv1.ControllerRevision, to int64) (*appsv1.StatefulSet, error) {
	template, err := revisions.Owned(set, set.Spec.Selector, view).Earlier(to, &set.Spec.Template)
	if err != nil {
		return nil, err
	}
	undone := set.DeepCopy()
	if template != nil {
		undone.Spec.Template = *template
	}
	return undone, nil
}

// Restart returns the set with a template that differs from its own in nothing but the time of the restart, in whole seconds:
// every pod is replaced.
func Restart(set *appsv1.StatefulSet, now time.Time) *appsv1.StatefulSet {
	restarted := set.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, revisions.RestartedAt, now.Format(time.RFC3339))
	return restarted
}

// Status tells how far the rollout of the set is, in the sentence of "kubectl rollout status", and whether it is done. It reads
// set.Status as stored, so ask with the object that the API server answered: before it has raised the generation for an edit, the
// rollout before is told of. The error says that nobody rolls anything out, since pods are replaced as people delete them: there is
// no sentence then, and no more to wait for.
func Status(set *appsv1.StatefulSet) (sentence string, done bool, err error) {
	status, strategy, replicas := set.Status, set.Spec.UpdateStrategy, orElse(set.Spec.Replicas, 1)
	switch {
	case strategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		return "", true, fmt.Errorf("rollout status is only available for %s strategy type", appsv1.RollingUpdateStatefulSetStrategyType)
	case status.ObservedGeneration == 0 || set.Generation > status.ObservedGeneration:
		return "Waiting for statefulset spec update to be observed...", false, nil
	case status.ReadyReplicas < replicas:
		return fmt.Sprintf("Waiting for %d pods to be ready...", replicas-status.ReadyReplicas), false, nil
	}
	if strategy.RollingUpdate != nil || strategy.Type == "" {
		wanted := replicas
		if strategy.RollingUpdate != nil {
			wanted -= orElse(strategy.RollingUpdate.Partition, 0)
		}
		if status.UpdatedReplicas < wanted {
			return fmt.Sprintf("Waiting for partitioned roll out to finish: %d out of %d new pods have been updated...", status.UpdatedReplicas, wanted), false, nil
		}
		return fmt.Sprintf("partitioned roll out complete: %d new pods have been updated...", status.UpdatedReplicas), true, nil
	}
	if status.UpdateRevision != status.CurrentRevision {
		return fmt.Sprintf("waiting for statefulset rolling update to complete %d pods at revision %s...", status.UpdatedReplicas, status.UpdateRevision), false, nil
	}
	return fmt.Sprintf("statefulset rolling update complete %d pods at revision %s...", status.CurrentReplicas, status.CurrentRevision), true, nil
}
