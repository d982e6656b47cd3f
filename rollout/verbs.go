package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/revisions"
)

// Revision is one entry of a Deployment's history.
type Revision struct {
	Number      int64
	ChangeCause string // empty: nobody noted one
	ReplicaSet  string // its name
	Template    corev1.PodTemplateSpec
}

// History lists the revisions of d that its ReplicaSets still hold, oldest first, as "kubectl rollout history" does: that of a
// ReplicaSet without a revision, which was adopted and not planned yet, is 0. ReplicaSets that d does not control are left out, by UID and
// name whatever d's kind, and those whose revision is no number. replicaSets may be those of all namespaces.
func History(d *appsv1.Deployment, replicaSets []*appsv1.ReplicaSet) []Revision {
	var history []Revision
	for _, rs := range owned(d, replicaSets) {
		if number, ok := revisionOf(rs.Annotations); ok {
			history = append(history, Revision{Number: number, ChangeCause: rs.Annotations[revisions.ChangeCause], ReplicaSet: rs.Name, Template: *rs.Spec.Template.DeepCopy()})
		}
	}
	slices.SortStableFunc(history, func(a, b Revision) int { return cmp.Compare(a.Number, b.Number) })
	return history
}

// Undo returns d with the template and the annotations of an earlier revision: that of the number to or, if to is 0, the one
// before the newest that is recorded. An edit that no plan has recorded yet does not count: undone at once, it takes d back to
// the revision before the one that runs. The revision that it restores moves to the top of the history once it is rolled out. Undo
// refuses a paused Deployment and revisions that do not exist, and returns d unchanged if it already has the template.
func Undo(d *appsv1.Deployment, replicaSets []*appsv1.ReplicaSet, to int64) (*appsv1.Deployment, error) {
	rs, err := target(d, replicaSets, to)
	switch {
	case err != nil:
		return nil, err
	case d.Spec.Paused:
		return nil, errors.New("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
	}
	undone := d.DeepCopy()
	if !sameTemplate(&rs.Spec.Template, &d.Spec.Template) {
		restore(undone, rs)
	}
	return undone, nil
}

// target is the ReplicaSet that an undo goes back to.
func target(d *appsv1.Deployment, replicaSets []*appsv1.ReplicaSet, to int64) (*appsv1.ReplicaSet, error) {
	sets := owned(d, replicaSets)
	slices.SortStableFunc(sets, func(a, b *appsv1.ReplicaSet) int {
		x, _ := revisionOf(a.Annotations)
		y, _ := revisionOf(b.Annotations)
		return cmp.Compare(y, x) // newest first
	})
	sets = slices.DeleteFunc(sets, func(rs *appsv1.ReplicaSet) bool {
		number, ok := revisionOf(rs.Annotations)
		return !ok || number == 0
	})
	if to == 0 {
		if len(sets) < 2 {
			return nil, fmt.Errorf("no rollout history found for deployment %q", d.Name)
		}
		return sets[1], nil
	}
	for _, rs := range sets {
		if number, _ := revisionOf(rs.Annotations); number == to {
			return rs, nil
		}
	}
	return nil, fmt.Errorf("unable to find specified revision %d in history", to)
}

// owned are the ReplicaSets that d controls, oldest first.
func owned(d *appsv1.Deployment, replicaSets []*appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	sets := slices.DeleteFunc(slices.Clone(replicaSets), func(rs *appsv1.ReplicaSet) bool { return rs == nil || !owners.Controls(d, rs) })
	slices.SortFunc(sets, byAge)
	return sets
}

// Pause returns d paused: its sizes still follow, but a change of the template is not rolled out. One that is paused is an error, in the
// words that kubectl puts behind the name.
func Pause(d *appsv1.Deployment) (*appsv1.Deployment, error) {
	if d.Spec.Paused {
		return nil, errors.New("is already paused")
	}
	paused := d.DeepCopy()
	paused.Spec.Paused = true
	return paused, nil
}

// Resume returns d no longer paused. One that is not paused is an error, in the words that kubectl puts behind the name.
func Resume(d *appsv1.Deployment) (*appsv1.Deployment, error) {
	if !d.Spec.Paused {
		return nil, errors.New("is not paused")
	}
	resumed := d.DeepCopy()
	resumed.Spec.Paused = false
	return resumed, nil
}

// Restart returns d with a template that differs from its own in nothing but the time of the restart, in whole seconds:
// every pod is replaced. A paused Deployment is an error.
func Restart(d *appsv1.Deployment, now time.Time) (*appsv1.Deployment, error) {
	if d.Spec.Paused {
		return nil, errors.New("can't restart paused deployment (run rollout resume first)")
	}
	restarted := d.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, revisions.RestartedAt, now.Format(time.RFC3339))
	return restarted, nil
}

// Scale returns d with another number of replicas. It is not checked: [Plan] refuses a negative one.
func Scale(d *appsv1.Deployment, replicas int32) *appsv1.Deployment {
	scaled := d.DeepCopy()
	scaled.Spec.Replicas = &replicas
	return scaled
}

// SetImage returns d with another image in the container of that name, or in all if the name is "*"; init containers
// count. No container of that name is an error.
func SetImage(d *appsv1.Deployment, container, image string) (*appsv1.Deployment, error) {
	changed := d.DeepCopy()
	found := false
	for _, list := range [][]corev1.Container{changed.Spec.Template.Spec.InitContainers, changed.Spec.Template.Spec.Containers} {
		for i := range list {
			if container == "*" || list[i].Name == container {
				list[i].Image = image
				found = true
			}
		}
	}
	if !found {
		return nil, fmt.Errorf("unable to find container named %q", container)
	}
	return changed, nil
}

// Status tells how far the rollout of d is, in the sentence of "kubectl rollout status", and whether it is done. It reads
// d.Status as stored, so ask with the object that the API server answered: before it has raised the generation for an edit, the
// rollout before is told of. The error says that the rollout made no progress within its deadline; there is no sentence then. The
// deadline counts from the first progress: a rollout back to a ReplicaSet that exists, and that gets no pod at all, never misses it.
func Status(d *appsv1.Deployment) (sentence string, done bool, err error) {
	if d.Generation > d.Status.ObservedGeneration {
		return "Waiting for deployment spec update to be observed...", false, nil
	}
	status, desired := d.Status, or(d.Spec.Replicas, 1)
	if c := find(&status, appsv1.DeploymentProgressing); c != nil && c.Reason == reasonTimedOut {
		return "", false, fmt.Errorf("deployment %q exceeded its progress deadline", d.Name)
	}
	unfinished := fmt.Sprintf("Waiting for deployment %q rollout to finish: ", d.Name)
	switch {
	case status.UpdatedReplicas < desired:
		return unfinished + fmt.Sprintf("%d out of %d new replicas have been updated...", status.UpdatedReplicas, desired), false, nil
	case status.Replicas > status.UpdatedReplicas:
		return unfinished + fmt.Sprintf("%d old replicas are pending termination...", status.Replicas-status.UpdatedReplicas), false, nil
	case status.AvailableReplicas < status.UpdatedReplicas:
		return unfinished + fmt.Sprintf("%d of %d updated replicas are available...", status.AvailableReplicas, status.UpdatedReplicas), false, nil
	}
	return fmt.Sprintf("deployment %q successfully rolled out", d.Name), true, nil
}
