package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// claim adopts the ReplicaSets that are nobody's and releases those that no longer match.
func claim(owner owners.Owner, s sets) []plan.Action {
	var steps []plan.Action
	for _, rs := range s.leavers {
		steps = append(steps, owner.Release(rs))
	}
	for _, rs := range s.orphans {
		steps = append(steps, owner.Adopt(rs))
	}
	return steps
}

// resize decides the sizes. A plan shrinks or grows, and never both: what it does first is seen before it does the other.
func resize(a aim, s sets, stage stage, statusReplicas int32, oldPods bool) {
	switch {
	case stage == paused || stage == sharing:
		share(a, s, statusReplicas)
	case stage == recreating:
		recreate(a, s, oldPods)
	case s.fresh != nil:
		roll(a, s)
	}
	if s.fresh != nil && oldPods {
		s.fresh.size = min(s.fresh.size, observed(s.fresh))
	}
}

// recreate takes the old ReplicaSets to nothing, and once their pods are gone the new one to D.
func recreate(a aim, s sets, oldPods bool) {
	switch {
	case sum(s.old, planned) > 0:
		for _, rs := range s.old {
			rs.size = 0
		}
	case s.fresh != nil && !oldPods:
		s.fresh.size = a.desired
	}
}

// roll moves replicas from the old ReplicaSets to the new one.
func roll(a aim, s sets) {
	if s.fresh.size > a.desired {
		s.fresh.size = min(s.fresh.size, max(a.desired, s.fresh.lowest(budget(a, s))))
	} else {
		grow(a, s)
	}
	if s.fresh.size == observed(s.fresh) {
		shrink(a, s)
	}
}

// updates are the writes to the ReplicaSets, one each. Those that were told of another D come last: while one is left, D is
// shared out again, so that what got lost before it is not forgotten.
func updates(a aim, s sets) []plan.Action {
	var steps, last []plan.Action
	for _, rs := range s.all() {
		if rs.size != observed(rs) {
			note(rs, a)
		}
		switch {
		case rs.size == observed(rs) && !rs.marked():
		case knows(a, rs):
			steps = append(steps, rs.update())
		default:
			last = append(last, rs.update())
		}
	}
	return append(steps, last...)
}

func (rs *set) update() plan.Update {
	before, after := rs.DeepCopy(), rs.DeepCopy()
	size := int32(rs.size)
	after.Spec.Replicas = &size
	after.Spec.MinReadySeconds = rs.minReady
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	maps.Copy(after.Annotations, rs.annotations)
	return plan.Update{Before: before, After: after}
}

// forget removes the oldest revisions that are past the history limit and have no pods left.
func forget(a aim, s sets) []plan.Action {
	old := slices.DeleteFunc(slices.Clone(s.old), func(rs *set) bool { return rs.DeletionTimestamp != nil })
	surplus := len(old) - a.history
	if a.history < 0 || surplus <= 0 {
		return nil
	}
	slices.SortStableFunc(old, byRevision)
	var steps []plan.Action
	for _, rs := range old[:surplus] {
		if rs.Status.Replicas == 0 && observed(rs) == 0 && rs.size == 0 && rs.Generation <= rs.Status.ObservedGeneration && !rs.populated {
			steps = append(steps, plan.Delete{Object: plan.RefTo(rs.ReplicaSet), Reason: fmt.Sprintf("%d old revisions, %d are kept", len(old), a.history)})
		}
	}
	return steps
}

// byRevision puts the oldest revision first. One that cannot be read counts as none.
func byRevision(x, y *set) int {
	xr, _ := revisionOf(x.Annotations)
	yr, _ := revisionOf(y.Annotations)
	return cmp.Or(cmp.Compare(xr, yr), byAge(x.ReplicaSet, y.ReplicaSet))
}

// explain says what a Deployment that is not complete waits for.
func explain(result *plan.Result, d *appsv1.Deployment, ref plan.Ref, a aim, stage stage, oldPods bool, status appsv1.DeploymentStatus, until time.Time) {
	if complete(d, a, status) {
		return
	}
	wait := plan.Wait{For: plan.WaitReplicas, Object: ref, Until: until}
	switch {
	case stage == paused:
		wait.For, wait.Reason = plan.WaitPerson, "the Deployment is paused"
	case oldPods:
		wait.For, wait.Reason = plan.WaitPodGone, "an old ReplicaSet may still have pods, new ones are started when it has none"
		if left := status.Replicas - status.UpdatedReplicas + or(status.TerminatingReplicas, 0); left > 0 {
			wait.Reason = fmt.Sprintf("%d old pods are left, new ones are started when none is", left)
		}
	default:
		wait.Reason = fmt.Sprintf("%d of %d pods are updated, %d old ones are left, %d are available, %d needed",
			status.UpdatedReplicas, a.desired, status.Replicas-status.UpdatedReplicas, status.AvailableReplicas, a.least())
	}
	result.Add(wait)
}
