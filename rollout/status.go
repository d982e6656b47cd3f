package rollout

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// report is the status that the view shows, and the revision that the Deployment bears with it: that of the new
// ReplicaSet, once its own annotations are up to date. settled is false while a ReplicaSet is still to be created, confirmed or
// adopted: then only what happened is told, and the counts stay as stored, for progress is judged by how they move once it is there.
// judged is false as well while it cannot be created.
func report(d *appsv1.Deployment, a aim, s sets, stage stage, last outcomes, settled, judged bool, now time.Time) (status appsv1.DeploymentStatus, revision string) {
	status = *d.Status.DeepCopy()
	if settled {
		count(&status, d, s)
		tellAvailability(&status, a, now)
	}
	if stage != deleting && a.deadline > 0 {
		tellPause(&status, stage, now)
	}
	revision = d.Annotations[revisionAnnotation]
	if s.fresh != nil && s.fresh.stands() {
		revision = s.fresh.Annotations[revisionAnnotation]
	}
	if a.deadline > 0 {
		tellSet(&status, d, s, stage, last, now)
	}
	if judged {
		judge(d, a, s, &status, now)
		tellFailure(s, &status)
	}
	return status, revision
}

// count adds the statuses of the ReplicaSets up.
func count(status *appsv1.DeploymentStatus, d *appsv1.Deployment, s sets) {
	all := s.all()
	available := sum(all, func(rs *set) int { return int(rs.Status.AvailableReplicas) })
	status.ObservedGeneration = d.Generation
	status.Replicas = int32(sum(all, func(rs *set) int { return int(rs.Status.Replicas) }))
	status.ReadyReplicas = int32(sum(all, func(rs *set) int { return int(rs.Status.ReadyReplicas) }))
	status.AvailableReplicas = int32(available)
	status.UnavailableReplicas = int32(max(0, sum(all, observed)-available))
	status.TerminatingReplicas = terminating(all)
	status.UpdatedReplicas = 0
	if s.fresh != nil {
		status.UpdatedReplicas = s.fresh.Status.Replicas
	}
}

func tellAvailability(status *appsv1.DeploymentStatus, a aim, now time.Time) {
	if int(status.AvailableReplicas) >= a.least() {
		put(status, condition(appsv1.DeploymentAvailable, corev1.ConditionTrue, reasonAvailable, "Deployment has minimum availability.", now))
	} else {
		put(status, condition(appsv1.DeploymentAvailable, corev1.ConditionFalse, reasonUnavailable, "Deployment does not have minimum availability.", now))
	}
}

// tellPause keeps the time of a pause from counting as time without progress. A deadline that has passed stays told.
func tellPause(status *appsv1.DeploymentStatus, stage stage, now time.Time) {
	current := find(status, appsv1.DeploymentProgressing)
	told := current != nil && current.Reason == reasonPaused
	switch {
	case current != nil && current.Reason == reasonTimedOut:
	case stage == paused && !told:
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, reasonPaused, "Deployment is paused", now))
	case stage != paused && told:
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, reasonResumed, "Deployment is resumed", now))
	}
}

// tellSet says what became of the new ReplicaSet. While the Deployment is paused, that it is paused says more than that one was created
// before.
func tellSet(status *appsv1.DeploymentStatus, d *appsv1.Deployment, s sets, stage stage, last outcomes, now time.Time) {
	current := find(status, appsv1.DeploymentProgressing)
	switch {
	case last.failure != "":
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, reasonCreateError, last.failure, now))
	case s.fresh == nil || !s.fresh.stands() || stage == paused:
	case untold(s.fresh, d, current):
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonCreated, fmt.Sprintf("Created new replica set %q", s.fresh.Name), now))
	case current == nil:
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonFound, fmt.Sprintf("Found new replica set %q", s.fresh.Name), now))
	}
}

// untold reports whether the new ReplicaSet was created since progress was last told of. Its revision then travels with
// this status, so that it is told once.
func untold(fresh *set, d *appsv1.Deployment, current *appsv1.DeploymentCondition) bool {
	if told := d.Annotations[revisionAnnotation]; current == nil || told == fresh.Annotations[revisionAnnotation] {
		return told == ""
	}
	return !fresh.CreationTimestamp.Before(&current.LastUpdateTime)
}

// terminating adds up the pods that are being deleted; nil if a ReplicaSet that has been reported on does not say.
func terminating(all []*set) *int32 {
	total := int32(0)
	for _, rs := range all {
		switch {
		case rs.Status.TerminatingReplicas != nil:
			total += *rs.Status.TerminatingReplicas
		case rs.Status.ObservedGeneration != 0:
			return nil
		}
	}
	return &total
}

// judge sets the Progressing condition of a rollout: complete, moving, or stuck.
func judge(d *appsv1.Deployment, a aim, s sets, status *appsv1.DeploymentStatus, now time.Time) {
	if a.deadline == 0 {
		remove(status, appsv1.DeploymentProgressing)
		return
	}
	current := find(status, appsv1.DeploymentProgressing)
	if current != nil && current.Reason == reasonComplete && status.Replicas == status.UpdatedReplicas {
		return
	}
	what := fmt.Sprintf("Deployment %q", d.Name)
	if s.fresh != nil {
		what = fmt.Sprintf("ReplicaSet %q", s.fresh.Name)
	}
	switch {
	case complete(d, a, *status):
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonComplete, what+" has successfully progressed.", now))
	case moved(d.Status, *status):
		moving := condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonUpdated, what+" is progressing.", now)
		if current != nil && current.Status == corev1.ConditionTrue {
			moving.LastTransitionTime = current.LastTransitionTime
		}
		remove(status, appsv1.DeploymentProgressing) // the time of the last progress is new even if the reason is not
		put(status, moving)
	case current != nil && stuck(a, current, lastMove(s, current), now):
		put(status, condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, reasonTimedOut, what+" has timed out progressing.", now))
	}
}

// complete reports whether all pods are updated and available and no old one is left.
func complete(d *appsv1.Deployment, a aim, status appsv1.DeploymentStatus) bool {
	return int(status.UpdatedReplicas) == a.desired &&
		int(status.Replicas) == a.desired &&
		int(status.AvailableReplicas) == a.desired &&
		status.ObservedGeneration >= d.Generation
}

// moved reports progress since the last status: more new pods, fewer old ones, more ready or available ones.
func moved(before, after appsv1.DeploymentStatus) bool {
	return after.UpdatedReplicas > before.UpdatedReplicas ||
		after.Replicas-after.UpdatedReplicas < before.Replicas-before.UpdatedReplicas ||
		after.ReadyReplicas > before.ReadyReplicas ||
		after.AvailableReplicas > before.AvailableReplicas
}

// stuck reports whether there was no progress for longer than the deadline.
func stuck(a aim, current *appsv1.DeploymentCondition, since, now time.Time) bool {
	switch current.Reason {
	case reasonComplete:
		return false
	case reasonTimedOut:
		return true
	}
	return now.After(since.Add(time.Duration(a.deadline) * time.Second))
}

// lastMove is when progress was last told of, or when the new ReplicaSet was created, if that was later: it is not told of if it got the
// revision that the Deployment bears already, for the last one of that revision is gone.
func lastMove(s sets, current *appsv1.DeploymentCondition) time.Time {
	if s.fresh != nil && current.LastUpdateTime.Before(&s.fresh.CreationTimestamp) {
		return s.fresh.CreationTimestamp.Time
	}
	return current.LastUpdateTime.Time
}

// deadline is the first instant at which a rollout that does not move is stuck: zero if it is complete, told already, or
// never judged.
func deadline(d *appsv1.Deployment, a aim, s sets, status appsv1.DeploymentStatus) time.Time {
	current := find(&status, appsv1.DeploymentProgressing)
	if a.deadline == 0 || current == nil || current.Reason == reasonTimedOut || current.Reason == reasonComplete || complete(d, a, status) {
		return time.Time{}
	}
	return lastMove(s, current).Add(time.Duration(a.deadline)*time.Second + 1)
}

// tellFailure passes on why a ReplicaSet cannot create or delete its pods: the new one's reason first.
func tellFailure(s sets, status *appsv1.DeploymentStatus) {
	list := s.old
	if s.fresh != nil {
		list = append([]*set{s.fresh}, list...)
	}
	for _, rs := range list {
		for _, c := range rs.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure {
				put(status, appsv1.DeploymentCondition{
					Type: appsv1.DeploymentReplicaFailure, Status: c.Status, Reason: c.Reason, Message: c.Message,
					LastTransitionTime: c.LastTransitionTime, LastUpdateTime: c.LastTransitionTime,
				})
				return
			}
		}
	}
	remove(status, appsv1.DeploymentReplicaFailure)
}

// writeStatus is the write of the status and of the revision that travels with it; nil if both are written already.
func writeStatus(d *appsv1.Deployment, owner owners.Owner, status appsv1.DeploymentStatus, revision string) *plan.UpdateStatus {
	if apiequality.Semantic.DeepEqual(d.Status, status) && (revision == "" || d.Annotations[revisionAnnotation] == revision) {
		return nil
	}
	write := owners.WriteStatus(owner, d, func(after *appsv1.Deployment) {
		after.Status = *status.DeepCopy()
		if revision != "" {
			metav1.SetMetaDataAnnotation(&after.ObjectMeta, revisionAnnotation, revision)
		}
	})
	return &write
}
