package daemonset

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

// changeCause is the annotation in which people note why they changed a DaemonSet.
const changeCause = "kubernetes.io/change-cause"

// restartedAt is the annotation of a template by which a restart makes it a new one.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Revision is one entry of a DaemonSet's history.
type Revision struct {
	Number             int64
	ChangeCause        string // empty: nobody noted one
	ControllerRevision string // its name
	Template           corev1.PodTemplateSpec
}

// History lists the revisions of ds, oldest first, as "kubectl rollout history" does. Revisions that are not ds's are left out,
// those that hold no template too.
func History(ds *appsv1.DaemonSet, view []*appsv1.ControllerRevision) []Revision {
	var history []Revision
	for _, revision := range owned(ds, view) {
		if template, err := revisions.Template(revision); err == nil {
			history = append(history, Revision{
				Number: revision.Revision, ChangeCause: revision.Annotations[changeCause],
				ControllerRevision: revision.Name, Template: *template,
			})
		}
	}
	return history
}

// Undo returns ds with the template of an earlier revision: the one before the newest if to is 0, else that very one. The
// revision that it restores moves to the top of the history once ds is planned. Undo refuses revisions that do not
// exist, and returns ds unchanged if it already has the template.
func Undo(ds *appsv1.DaemonSet, view []*appsv1.ControllerRevision, to int64) (*appsv1.DaemonSet, error) {
	history := owned(ds, view)
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
	undone := ds.DeepCopy()
	if patch, err := revisions.Patch(&ds.Spec.Template); err == nil && bytes.Equal(patch, restored.Data.Raw) {
		return undone, nil
	}
	template, err := revisions.Template(restored)
	if err != nil {
		return nil, fmt.Errorf("failed restoring revision %d: %w", restored.Revision, err)
	}
	undone.Spec.Template = *template
	return undone, nil
}

// owned are the revisions that ds controls and selects, oldest first.
func owned(ds *appsv1.DaemonSet, view []*appsv1.ControllerRevision) revisions.History {
	selector, err := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	if err != nil {
		return nil
	}
	owner := owners.New(ds, metav1.TypeMeta{}, plan.KindOf(ds))
	own := slices.DeleteFunc(slices.Clone(view), func(r *appsv1.ControllerRevision) bool {
		return r == nil || !owner.Owns(r) || !selector.Matches(labels.Set(r.Labels))
	})
	return revisions.Claim(own, owner, selector).History
}

// Restart returns ds with a template that differs from its own in nothing but the time of the restart, in whole seconds:
// every pod is replaced.
func Restart(ds *appsv1.DaemonSet, now time.Time) *appsv1.DaemonSet {
	restarted := ds.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, restartedAt, now.Format(time.RFC3339))
	return restarted
}

// Status tells how far the rollout of ds is, in the sentence of "kubectl rollout status", and whether it is done. The error says
// that nobody rolls anything out: pods are replaced as people delete them.
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
