package sim

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the claims of a pod mean to the scheduler and to the kubelet.

// missingClaim says which claim keeps a pod from every node; "" if none does.
func (c *Cluster) missingClaim(pod *corev1.Pod) string {
	for i, claim := range c.claimsOf(pod) {
		switch {
		case claim == nil:
			return fmt.Sprintf("persistentvolumeclaim %q not found", claimName(pod, i))
		case claim.DeletionTimestamp != nil:
			return fmt.Sprintf("persistentvolumeclaim %q is being deleted", claim.Name)
		case claim.Status.Phase == corev1.ClaimLost:
			return fmt.Sprintf("persistentvolumeclaim %q bound to non-existent persistentvolume %q", claim.Name, claim.Spec.VolumeName)
		case claim.Status.Phase != corev1.ClaimBound && (claim.Spec.VolumeName != "" || !waitsForConsumer(c.class(claim))):
			return "pod has unbound immediate PersistentVolumeClaims"
		}
	}
	return ""
}

// claimName is the name of the i-th claim that a pod mounts.
func claimName(pod *corev1.Pod, i int) string {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		if i == 0 {
			return volume.PersistentVolumeClaim.ClaimName
		}
		i--
	}
	return ""
}

// volumesUnsuitable says why the volumes of a pod cannot be had on a node; "" if they can.
func (c *Cluster) volumesUnsuitable(pod *corev1.Pod, node *corev1.Node) string {
	for _, claim := range c.claimsOf(pod) {
		if volume := stored[*corev1.PersistentVolume](c, "", claim.Spec.VolumeName); volume != nil {
			if !mountable(volume, node) {
				return "node(s) didn't match PersistentVolume's node affinity"
			}
			continue
		}
		if !provisions(c.class(claim)) && c.smallest(claim, node) == nil {
			return "node(s) didn't find available persistent volumes to bind"
		}
	}
	return ""
}

// choosesVolumes tells the claims that wait for their first consumer which node it will run on, and reports whether
// the pod must wait for them.
func (c *Cluster) choosesVolumes(pod *corev1.Pod, node *corev1.Node) (waits bool) {
	for _, claim := range c.claimsOf(pod) {
		if claim.Status.Phase == corev1.ClaimBound {
			continue
		}
		waits = true
		if claim.Annotations[annSelectedNode] == "" {
			next := clone(claim)
			metav1.SetMetaDataAnnotation(&next.ObjectMeta, annSelectedNode, node.Name)
			c.replace(byScheduler, verbUpdate, claim, next)
		}
	}
	return waits
}

// mounts reports whether all volumes of a pod can be mounted: a pod that was bound to its node without a scheduler may come
// before its claims are.
func (c *Cluster) mounts(pod *corev1.Pod) bool {
	for _, claim := range c.claimsOf(pod) {
		if claim == nil || claim.Status.Phase != corev1.ClaimBound {
			return false
		}
	}
	return true
}

// mountLate has the kubelet look again at the pods that wait for a claim.
func (c *Cluster) mountLate(claim *corev1.PersistentVolumeClaim) {
	if claim.Status.Phase != corev1.ClaimBound {
		return
	}
	for _, pod := range objects[*corev1.Pod](c, claim.Namespace) {
		for _, mounted := range c.claimsOf(pod) {
			if mounted == claim && pod.Spec.NodeName != "" {
				uid := pod.UID
				c.after(0, "sync "+string(uid), func() { c.syncPod(uid) })
			}
		}
	}
}
