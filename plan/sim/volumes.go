package sim

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// volumes is the volume controller and the provisioners, and what is stored on the volumes.
type volumes struct {
	off   bool              // claims are bound by others
	files map[string]string // by the directory that backs the volume, and the path in it
}

const (
	byVolumes = "persistentvolume-controller"

	claimProtection  = "kubernetes.io/pvc-protection"
	volumeProtection = "kubernetes.io/pv-protection"

	annBindCompleted = "pv.kubernetes.io/bind-completed"
	annBound         = "pv.kubernetes.io/bound-by-controller"
	annProvisionedBy = "pv.kubernetes.io/provisioned-by"
	annSelectedNode  = "volume.kubernetes.io/selected-node"
	annDefaultClass  = "storageclass.kubernetes.io/is-default-class"

	// noProvisioner stands in classes whose volumes people make.
	noProvisioner = "kubernetes.io/no-provisioner"
	// provisionDelay is how long a provisioner takes to make a volume.
	provisionDelay = time.Second
)

func (c *Cluster) startVolumes() func(Write) {
	c.volumes.files = map[string]string{}
	return func(w Write) {
		switch obj := w.Object().(type) {
		case *corev1.PersistentVolumeClaim:
			c.lookAtClaim(obj)
			if volume := stored[*corev1.PersistentVolume](c, "", obj.Spec.VolumeName); volume != nil && w.After == nil {
				c.lookAtVolume(volume)
			}
		case *corev1.PersistentVolume:
			c.lookAtVolume(obj)
			c.lookAtUnbound(obj.Name)
		case *storagev1.StorageClass:
			c.lookAtUnbound("")
		case *corev1.Pod:
			for _, claim := range c.claimsOf(obj) {
				if claim != nil && claim.DeletionTimestamp != nil {
					c.lookAtClaim(claim)
				}
			}
		}
	}
}

func (c *Cluster) lookAtClaim(claim *corev1.PersistentVolumeClaim) {
	uid := claim.UID
	c.after(0, "claim "+string(uid), func() { c.syncClaim(uid) })
}

func (c *Cluster) lookAtVolume(volume *corev1.PersistentVolume) {
	uid := volume.UID
	c.after(0, "volume "+string(uid), func() { c.syncVolume(uid) })
}

// lookAtUnbound looks at the claims that wait for a volume, and at the one bound to the named volume.
func (c *Cluster) lookAtUnbound(volume string) {
	for _, claim := range objects[*corev1.PersistentVolumeClaim](c, "") {
		if claim.Status.Phase != corev1.ClaimBound || claim.Spec.VolumeName == volume {
			c.lookAtClaim(claim)
		}
	}
}

// completeClaim names the default class in a new claim that names none, and protects it while pods use it.
func (c *Cluster) completeClaim(claim *corev1.PersistentVolumeClaim) {
	claim.Status.Phase = corev1.ClaimPending
	if !hasFinalizer(claim, claimProtection) {
		claim.Finalizers = append(claim.Finalizers, claimProtection)
	}
	if claim.Spec.StorageClassName != nil {
		return
	}
	for _, class := range objects[*storagev1.StorageClass](c, "") {
		if class.Annotations[annDefaultClass] == "true" {
			claim.Spec.StorageClassName = &class.Name
			return
		}
	}
}

func completeVolume(volume *corev1.PersistentVolume) {
	volume.Status.Phase = corev1.VolumePending
	if !hasFinalizer(volume, volumeProtection) {
		volume.Finalizers = append(volume.Finalizers, volumeProtection)
	}
}

// syncClaim binds a claim to a volume: the one that it names, the one that is reserved for it, else the smallest that
// fits, else one made for it by the provisioner of its class.
func (c *Cluster) syncClaim(uid types.UID) {
	claim, _ := c.store.byUID[uid].(*corev1.PersistentVolumeClaim)
	switch {
	case claim == nil:
		return
	case claim.DeletionTimestamp != nil:
		if !c.isUsed(claim) && hasFinalizer(claim, claimProtection) {
			c.finish(claim, claimProtection)
		}
		return
	case claim.Status.Phase == corev1.ClaimBound || claim.Status.Phase == corev1.ClaimLost:
		c.checkBound(claim)
		return
	}
	class := c.class(claim)
	if volume := c.namedVolume(claim); volume != nil {
		c.bindVolume(claim, volume)
		return
	}
	if claim.Spec.VolumeName != "" || c.volumes.off {
		return // the volume that it names is not there, or another's
	}
	node := claim.Annotations[annSelectedNode]
	if waitsForConsumer(class) && node == "" {
		c.note(byVolumes, claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
		return
	}
	if volume := c.smallest(claim, stored[*corev1.Node](c, "", node)); volume != nil {
		c.bindVolume(claim, volume)
		return
	}
	if !provisions(class) {
		c.note(byVolumes, claim, "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
		return
	}
	c.after(provisionDelay, "provision "+string(uid), func() { c.provision(uid) })
}

// checkBound notices when the volume of a claim is gone.
func (c *Cluster) checkBound(claim *corev1.PersistentVolumeClaim) {
	next := clone(claim)
	next.Status.Phase = corev1.ClaimBound
	if stored[*corev1.PersistentVolume](c, "", claim.Spec.VolumeName) == nil {
		next.Status.Phase = corev1.ClaimLost
	}
	c.replace(byVolumes, verbUpdateStatus, claim, next)
}

// isUsed reports whether a pod that has a node mounts the claim, finished or not.
func (c *Cluster) isUsed(claim *corev1.PersistentVolumeClaim) bool {
	return slices.ContainsFunc(objects[*corev1.Pod](c, claim.Namespace), func(pod *corev1.Pod) bool {
		return pod.Spec.NodeName != "" && slices.Contains(c.claimsOf(pod), claim)
	})
}

// claimsOf gives the claims that a pod mounts, nil for one that does not exist.
func (c *Cluster) claimsOf(pod *corev1.Pod) []*corev1.PersistentVolumeClaim {
	var claims []*corev1.PersistentVolumeClaim
	for i := range pod.Spec.Volumes {
		if source := pod.Spec.Volumes[i].PersistentVolumeClaim; source != nil {
			claims = append(claims, stored[*corev1.PersistentVolumeClaim](c, pod.Namespace, source.ClaimName))
		}
	}
	return claims
}

// class is the storage class of a claim, nil if it has none or it does not exist.
func (c *Cluster) class(claim *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	return stored[*storagev1.StorageClass](c, "", className(claim))
}

func className(claim *corev1.PersistentVolumeClaim) string {
	if claim.Spec.StorageClassName == nil {
		return ""
	}
	return *claim.Spec.StorageClassName
}

func waitsForConsumer(class *storagev1.StorageClass) bool {
	return class != nil && class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

func provisions(class *storagev1.StorageClass) bool {
	return class != nil && class.Provisioner != noProvisioner
}

// namedVolume is the volume that a claim names, or that names the claim, if the other side agrees.
func (c *Cluster) namedVolume(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	if name := claim.Spec.VolumeName; name != "" {
		volume := stored[*corev1.PersistentVolume](c, "", name)
		if volume != nil && (volume.Spec.ClaimRef == nil || reservedFor(volume, claim)) {
			return volume
		}
		return nil
	}
	for _, volume := range objects[*corev1.PersistentVolume](c, "") {
		if reservedFor(volume, claim) && volume.DeletionTimestamp == nil {
			return volume
		}
	}
	return nil
}

func reservedFor(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	ref := volume.Spec.ClaimRef
	return ref != nil && ref.Namespace == claim.Namespace && ref.Name == claim.Name && (ref.UID == "" || ref.UID == claim.UID)
}

// smallest is the smallest free volume that fits, by name among equals; a node, if given, must be able to mount it.
func (c *Cluster) smallest(claim *corev1.PersistentVolumeClaim, node *corev1.Node) *corev1.PersistentVolume {
	fitting := slices.DeleteFunc(objects[*corev1.PersistentVolume](c, ""), func(volume *corev1.PersistentVolume) bool {
		return !fits(volume, claim) || node != nil && !mountable(volume, node)
	})
	if len(fitting) == 0 {
		return nil
	}
	return slices.MinFunc(fitting, func(a, b *corev1.PersistentVolume) int {
		x, y := a.Spec.Capacity[corev1.ResourceStorage], b.Spec.Capacity[corev1.ResourceStorage]
		return cmp.Or(x.Cmp(y), cmp.Compare(a.Name, b.Name))
	})
}

func fits(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	if volume.Spec.ClaimRef != nil || volume.DeletionTimestamp != nil || volume.Spec.StorageClassName != className(claim) {
		return false
	}
	for _, mode := range claim.Spec.AccessModes {
		if !slices.Contains(volume.Spec.AccessModes, mode) {
			return false
		}
	}
	if claim.Spec.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(volume.Labels)) {
			return false
		}
	}
	capacity, request := volume.Spec.Capacity[corev1.ResourceStorage], claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return volumeMode(volume.Spec.VolumeMode) == volumeMode(claim.Spec.VolumeMode) && capacity.Cmp(request) >= 0
}

func volumeMode(mode *corev1.PersistentVolumeMode) corev1.PersistentVolumeMode {
	if mode == nil {
		return corev1.PersistentVolumeFilesystem
	}
	return *mode
}

func mountable(volume *corev1.PersistentVolume, node *corev1.Node) bool {
	return volume.Spec.NodeAffinity == nil || nodeMatches(volume.Spec.NodeAffinity.Required, node)
}

// bindVolume ties volume and claim to each other: the volume first, so that no other claim gets it.
func (c *Cluster) bindVolume(claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) {
	tied := clone(volume)
	if tied.Spec.ClaimRef == nil {
		metav1.SetMetaDataAnnotation(&tied.ObjectMeta, annBound, "yes")
	}
	tied.Spec.ClaimRef = &corev1.ObjectReference{
		APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
	}
	volume = c.replace(byVolumes, verbUpdate, volume, tied).(*corev1.PersistentVolume)
	c.setVolumePhase(volume, corev1.VolumeBound)

	bound := clone(claim)
	if bound.Spec.VolumeName == "" {
		bound.Spec.VolumeName = volume.Name
		metav1.SetMetaDataAnnotation(&bound.ObjectMeta, annBound, "yes")
	}
	metav1.SetMetaDataAnnotation(&bound.ObjectMeta, annBindCompleted, "yes")
	claim = c.replace(byVolumes, verbUpdate, claim, bound).(*corev1.PersistentVolumeClaim)
	bound = clone(claim)
	bound.Status.Phase = corev1.ClaimBound
	bound.Status.AccessModes = volume.Spec.AccessModes
	bound.Status.Capacity = volume.Spec.Capacity
	c.replace(byVolumes, verbUpdateStatus, claim, bound)
}

func (c *Cluster) setVolumePhase(volume *corev1.PersistentVolume, phase corev1.PersistentVolumePhase) *corev1.PersistentVolume {
	next := clone(volume)
	next.Status.Phase = phase
	return c.replace(byVolumes, verbUpdateStatus, volume, next).(*corev1.PersistentVolume)
}

// provision makes a volume for a claim that still waits for one.
func (c *Cluster) provision(uid types.UID) {
	claim, _ := c.store.byUID[uid].(*corev1.PersistentVolumeClaim)
	if claim == nil || claim.DeletionTimestamp != nil || claim.Spec.VolumeName != "" {
		return
	}
	class := c.class(claim)
	if !provisions(class) || c.namedVolume(claim) != nil {
		return
	}
	reclaim := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	name := "pvc-" + string(claim.UID)
	volume := &corev1.PersistentVolume{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{annProvisionedBy: class.Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      claim.Spec.Resources.Requests,
			AccessModes:                   claim.Spec.AccessModes,
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: reclaim,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: class.Provisioner, VolumeHandle: name},
			},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
	if _, err := c.create(class.Provisioner, volume); err == nil {
		c.note(class.Provisioner, claim, "ProvisioningSucceeded", "Successfully provisioned volume %s", name)
	}
}

// syncVolume keeps the phase of a volume, and gives up one whose claim is gone as its reclaim policy says.
func (c *Cluster) syncVolume(uid types.UID) {
	volume, _ := c.store.byUID[uid].(*corev1.PersistentVolume)
	if volume == nil {
		return
	}
	phase := corev1.VolumeAvailable
	if ref := volume.Spec.ClaimRef; ref != nil && ref.UID != "" {
		phase = corev1.VolumeBound
		if c.store.byUID[ref.UID] == nil {
			phase = corev1.VolumeReleased
		}
	}
	volume = c.setVolumePhase(volume, phase)
	reclaim := volume.Spec.PersistentVolumeReclaimPolicy
	if phase == corev1.VolumeReleased && reclaim == corev1.PersistentVolumeReclaimDelete && volume.DeletionTimestamp == nil {
		c.remove(byVolumes, volume, metav1.DeleteOptions{})
		return // and comes back here, marked
	}
	if volume.DeletionTimestamp != nil && phase != corev1.VolumeBound && hasFinalizer(volume, volumeProtection) {
		c.finish(volume, volumeProtection)
	}
}
