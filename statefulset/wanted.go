package statefulset

import (
	"cmp"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// wanted is what the set and the policy ask for, defaults filled in.
type wanted struct {
	start, end int // the ordinals start <= o < end
	minReady   int32
	ordered    bool // OrderedReady
	onDelete   bool // else RollingUpdate
	// updateFrom is the first ordinal that the update reaches.
	updateFrom int
	// keepsCurrent: as many ordinals as there are pods of the current revision are created from it, although the update
	// reaches them. Without it, those below updateFrom are.
	keepsCurrent bool
	// disruptions is how many pods the update may make unavailable; 0: one pod at a time, whatever is unavailable.
	disruptions int
	// history is how many old revisions are kept; negative: all.
	history int
	// deleteWithSet and deleteWithPod are the retention policy of the claims.
	deleteWithSet, deleteWithPod bool
	// unblock is the policy's.
	unblock bool
	batch   int
}

// defaultBatch is the number of pods that Kubernetes works on at the same time under Parallel.
const defaultBatch = 500

func read(set *appsv1.StatefulSet, policy Policy) wanted {
	spec := &set.Spec
	want := wanted{
		minReady: spec.MinReadySeconds,
		ordered:  spec.PodManagementPolicy != appsv1.ParallelPodManagement,
		onDelete: spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType,
		history:  int(orElse(spec.RevisionHistoryLimit, 10)),
		unblock:  policy.Unblock,
		batch:    cmp.Or(policy.Batch, defaultBatch),
	}
	if spec.Ordinals != nil {
		want.start = int(spec.Ordinals.Start)
	}
	replicas := int(orElse(spec.Replicas, 1))
	want.end = want.start + replicas

	rolling := spec.UpdateStrategy.RollingUpdate
	want.updateFrom = want.start
	if rolling != nil {
		want.updateFrom += int(orElse(rolling.Partition, 0))
	}
	// The API server fills in the parameters of RollingUpdate only together with the type. A pod that was replaced because it blocked
	// the update, or although it was not available, must not come back as it was.
	want.keepsCurrent = rolling == nil && spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType && !policy.Unblock && !policy.MaxUnavailable
	if policy.MaxUnavailable {
		want.disruptions = 1
		if rolling != nil && rolling.MaxUnavailable != nil {
			scaled, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, replicas, false) // validated
			want.disruptions = max(1, scaled)
		}
	}
	if retention := spec.PersistentVolumeClaimRetentionPolicy; retention != nil {
		want.deleteWithSet = retention.WhenDeleted == appsv1.DeletePersistentVolumeClaimRetentionPolicyType
		want.deleteWithPod = retention.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	return want
}

// inRange reports whether the set has a pod of this ordinal.
func (want wanted) inRange(ordinal int) bool {
	return want.start <= ordinal && ordinal < want.end
}

func orElse(value *int32, otherwise int32) int32 {
	if value == nil {
		return otherwise
	}
	return *value
}
