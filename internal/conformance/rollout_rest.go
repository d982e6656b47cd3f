package conformance

import (
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// atRest: nothing is left to be done that the bounds allow, and the conditions say where it stands.
func atRest(ours *Run) string {
	r := ours.Rounds[len(ours.Rounds)-1]
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.DeletionTimestamp != nil || d.Annotations[appsv1.DeprecatedRollbackTo] != "" || len(ours.Refused) > 0 {
		return ""
	}
	members := slices.DeleteFunc(membersOf(r), func(m member) bool { return !metav1.IsControlledBy(m.before, d) })
	active := slices.DeleteFunc(slices.Clone(members), func(m member) bool { return *m.before.Spec.Replicas == 0 })
	desired := int(*d.Spec.Replicas)
	fresh := freshOf(d, members)
	if wrong := progressAtRest(d, fresh); wrong != "" {
		return wrong
	}
	for _, m := range active {
		if told, err := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/desired-replicas"]); err == nil && told >= 0 && told != desired {
			return m.before.Name + " was not told of D"
		}
	}
	switch {
	case d.Spec.Paused && len(active) == 1 && total(active) < desired && d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType:
		return "it stays too small while it is paused"
	case d.Spec.Paused:
		return ""
	case d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType:
		for _, m := range active {
			if m.before != fresh {
				return m.before.Name + " keeps pods beside Recreate"
			}
		}
		return ""
	case fresh == nil:
		return "there is no new ReplicaSet"
	}
	size, all := int(*fresh.Spec.Replicas), total(members)
	if size < desired && all < mostOf(d) {
		return "the new ReplicaSet could grow"
	}
	least, vouched, vouchedNew := leastAvailable(d), 0, 0
	for _, m := range members {
		if behind(m) || goes(m) {
			continue
		}
		keeps := m.keeps(int(*m.before.Spec.Replicas))
		vouched += keeps
		if m.before == fresh {
			vouchedNew = keeps
		}
	}
	credit := all - least - (size - vouchedNew)
	for _, m := range active {
		if m.before != fresh && (least == 0 || vouched > least || credit > 0 && int(*m.before.Spec.Replicas) > m.ready()) {
			return m.before.Name + " could shrink"
		}
	}
	return ""
}

// progressAtRest: the condition Progressing fits what there is.
func progressAtRest(d *appsv1.Deployment, fresh *appsv1.ReplicaSet) string {
	if *d.Spec.ProgressDeadlineSeconds == 2147483647 {
		return ""
	}
	s := d.Status
	complete := s.UpdatedReplicas == *d.Spec.Replicas && s.Replicas == *d.Spec.Replicas && s.AvailableReplicas == *d.Spec.Replicas
	reason := ""
	for _, c := range s.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing:
			reason = c.Reason
		case c.Type == appsv1.DeploymentAvailable && (c.Status == corev1.ConditionTrue) != (int(s.AvailableReplicas) >= leastAvailable(d)):
			return "the condition Available is wrong"
		}
	}
	switch {
	case d.Spec.Paused && reason != "DeploymentPaused" && reason != "ProgressDeadlineExceeded":
		return "the pause is not told"
	case !d.Spec.Paused && reason == "DeploymentPaused":
		return "the end of the pause is not told"
	case !d.Spec.Paused && complete && reason != "NewReplicaSetAvailable":
		return "the end of the rollout is not told"
	case !d.Spec.Paused && reason == "" && fresh != nil: // nothing moves while Recreate waits for old pods
		return "no progress is told"
	}
	return ""
}
