package daemonset

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/revisions"
)

// Revision is one entry of a DaemonSet's history.
type Revision struct {
	Number             int64
	ChangeCause        string // empty: nobody noted one
	ControllerRevision string // its name
	Template           corev1.PodTemplateSpec
}

// History lists the revisions of ds, oldest first, as "kubectl rollout history" does. Revisions that ds does not control are left
// out, by UID and name whatever ds's kind, and those that hold no template. view may be that of all namespaces.
func History(ds *appsv1.DaemonSet, view []*appsv1.ControllerRevision) []Revision {
	var history []Revision
	for _, revision := range revisions.Owned(ds, ds.Spec.Selector, view) {
		if template, err := revisions.Template(revision); err == nil {
			history = append(history, Revision{
				Number: revision.Revision, ChangeCause: revision.Annotations[revisions.ChangeCause],
				ControllerRevision: revision.Name, Template: *template,
			})
		}
	}
	return history
}

// Undo returns ds with the template of an earlier revision: that of the number to or, if to is 0, the one before the newest that is
// recorded; an edit that no plan has recorded yet does not count. The revision that it restores moves to the top of the history once ds is planned. Undo refuses revisions that do not
// exist, and returns ds unchanged if it already has the template.
func Undo(ds *appsv1.DaemonSet, view []*appsv1.ControllerRevision, to int64) (*appsv1.DaemonSet, error) {
	template, err := revisions.Owned(ds, ds.Spec.Selector, view).Earlier(to, &ds.Spec.Template)
	if err != nil {
		return nil, err
	}
	undone := ds.DeepCopy()
	if template != nil {
		undone.Spec.Template = *template
	}
	return undone, nil
}

// Restart returns ds with a template that differs from its own in nothing but the time of the restart, in whole seconds:
// every pod is replaced.
func Restart(ds *appsv1.DaemonSet, now time.Time) *appsv1.DaemonSet {
	restarted := ds.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, revisions.RestartedAt, now.Format(time.RFC3339))
	return restarted
}

// Status tells how far the rollout of ds is, in the sentence of "kubectl rollout status", and whether it is done. It reads ds.Status
// as stored, so ask with the object that the API server answered: before it has raised the generation for an edit, the rollout before
// is told of. The error says that nobody rolls anything out, since pods are replaced as people delete them: there is no sentence
// then, and no more to wait for.
func Status(ds *appsv1.DaemonSet) (sentence string, done bool, err error) {
	status := ds.Status
	unfinished := fmt.Sprintf("Waiting for daemon set %q rollout to finish: ", ds.Name)
	switch {
	case isOnDelete(ds):
		return "", true, fmt.Errorf("rollout status is only available for %s strategy type", appsv1.RollingUpdateDaemonSetStrategyType)
	case ds.Generation > status.ObservedGeneration:
		return "Waiting for daemon set spec update to be observed...", false, nil
	case status.UpdatedNumberScheduled < status.DesiredNumberScheduled:
		return unfinished + fmt.Sprintf("%d out of %d new pods have been updated...", status.UpdatedNumberScheduled, status.DesiredNumberScheduled), false, nil
	case status.NumberAvailable < status.DesiredNumberScheduled:
		return unfinished + fmt.Sprintf("%d of %d updated pods are available...", status.NumberAvailable, status.DesiredNumberScheduled), false, nil
	}
	return fmt.Sprintf("daemon set %q successfully rolled out", ds.Name), true, nil
}
