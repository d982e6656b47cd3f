package plantest

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/statefulset"
)

// goesAlone: the garbage collector deletes no claim behind a pod, unless the pod is surplus and the retention policy says so. A claim of a
// former set or pod is for it to deal with.
func (r ranks) goesAlone(ordinal int) error {
	pod, policy := r.members[ordinal], r.set.Spec.PersistentVolumeClaimRetentionPolicy
	if !r.inRange(ordinal) && policy != nil && policy.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType {
		return nil
	}
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		claim := r.claims[template.Name+"-"+pod.Name]
		if claim == nil || claim.DeletionTimestamp != nil {
			continue
		}
		taken, former := false, false
		for _, ref := range claim.OwnerReferences {
			taken = taken || ref.Kind == "Pod" && ref.UID == pod.UID
			former = former || ref.Name == r.set.Name && ref.UID != r.set.UID || ref.Name == pod.Name && ref.UID != pod.UID
		}
		if taken && !former {
			return fmt.Errorf("pod %s goes, and takes claim %s along", pod.Name, claim.Name)
		}
	}
	return nil
}

// claimsStay: no claim goes, and its owners change only as the retention policy says: to the set, to a surplus pod, to nobody.
func claimsStay(b, a ranks) error {
	for name, was := range b.claims {
		is := a.claims[name]
		if is == nil || is.UID != was.UID || (is.DeletionTimestamp == nil) != (was.DeletionTimestamp == nil) {
			return fmt.Errorf("claim %s goes", name)
		}
		for _, r := range is.OwnerReferences {
			had := slices.ContainsFunc(was.OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == r.UID })
			policy := b.set.Spec.PersistentVolumeClaimRetentionPolicy
			switch {
			case had:
			case policy == nil:
				return fmt.Errorf("claim %s gets an owner although it is to be retained", name)
			case r.UID == b.set.UID && policy.WhenDeleted != appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
				return fmt.Errorf("claim %s is to go with the set, which is to leave it", name)
			case r.Kind == "Pod" && policy.WhenScaled != appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
				return fmt.Errorf("claim %s is to go with its pod, which is to leave it", name)
			}
		}
	}
	return nil
}

// bindingsFit: a claim is bound only if the policy says so, to a volume that is large enough, and no two claims to one.
func bindingsFit(b, a ranks, policy statefulset.Policy) error {
	taken := map[string]string{}
	for _, name := range sortedKeys(b.claims) {
		taken[b.claims[name].Spec.VolumeName] = name
	}
	for _, name := range sortedKeys(a.claims) {
		was, is := b.claims[name], a.claims[name]
		if was == nil || was.Spec.VolumeName == is.Spec.VolumeName {
			continue
		}
		to := is.Spec.VolumeName
		volume := b.volumes[to]
		switch {
		case !policy.BindClaims:
			return fmt.Errorf("claim %s is bound, and nobody asked for it", name)
		case was.Spec.VolumeName != "":
			return fmt.Errorf("claim %s is bound again", name)
		case volume == nil || volume.Spec.Capacity.Storage().Cmp(*is.Spec.Resources.Requests.Storage()) < 0:
			return fmt.Errorf("claim %s is bound to %s, which does not fit", name, to)
		case taken[to] != "":
			return fmt.Errorf("claims %s and %s are bound to one volume", taken[to], name)
		}
		taken[to] = name
	}
	return nil
}
