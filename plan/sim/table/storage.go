package table

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func volumeRow(pv *corev1.PersistentVolume, now time.Time) []cell {
	status, claim := string(pv.Status.Phase), ""
	if pv.DeletionTimestamp != nil {
		status = "Terminating"
	}
	if ref := pv.Spec.ClaimRef; ref != nil {
		claim = ref.Namespace + "/" + ref.Name
	}
	return []cell{
		{header: "NAME", text: pv.Name},
		{header: "CAPACITY", text: size(pv.Spec.Capacity)},
		{header: "ACCESS MODES", text: modes(pv.Spec.AccessModes)},
		{header: "RECLAIM POLICY", text: cmp.Or(string(pv.Spec.PersistentVolumeReclaimPolicy), "Retain")},
		{header: "STATUS", text: status},
		{header: "CLAIM", text: claim},
		{header: "STORAGECLASS", text: cmp.Or(pv.Annotations[corev1.BetaStorageClassAnnotation], pv.Spec.StorageClassName)},
		{header: "VOLUMEATTRIBUTESCLASS", text: orDefault(pv.Spec.VolumeAttributesClassName, "<unset>")},
		{header: "REASON", text: pv.Status.Reason},
		age(pv, now),
		{header: "VOLUMEMODE", text: string(orDefault(pv.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)), wide: true},
	}
}

func claimRow(claim *corev1.PersistentVolumeClaim, now time.Time) []cell {
	status, capacity, accessModes := string(claim.Status.Phase), "", ""
	if claim.DeletionTimestamp != nil {
		status = "Terminating"
	}
	if claim.Spec.VolumeName != "" {
		capacity, accessModes = size(claim.Status.Capacity), modes(claim.Status.AccessModes)
	}
	class := cmp.Or(claim.Annotations[corev1.BetaStorageClassAnnotation], orDefault(claim.Spec.StorageClassName, ""))
	return []cell{
		{header: "NAME", text: claim.Name},
		{header: "STATUS", text: status},
		{header: "VOLUME", text: claim.Spec.VolumeName},
		{header: "CAPACITY", text: capacity},
		{header: "ACCESS MODES", text: accessModes},
		{header: "STORAGECLASS", text: class},
		{header: "VOLUMEATTRIBUTESCLASS", text: orDefault(claim.Spec.VolumeAttributesClassName, "<unset>")},
		age(claim, now),
		{header: "VOLUMEMODE", text: string(orDefault(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)), wide: true},
	}
}

func size(list corev1.ResourceList) string {
	storage := list[corev1.ResourceStorage]
	return storage.String()
}

// modes abbreviates access modes, in a fixed order and each once: "RWO,RWX".
func modes(list []corev1.PersistentVolumeAccessMode) string {
	var short []string
	for _, mode := range []struct {
		name  corev1.PersistentVolumeAccessMode
		short string
	}{
		{corev1.ReadWriteOnce, "RWO"},
		{corev1.ReadOnlyMany, "ROX"},
		{corev1.ReadWriteMany, "RWX"},
		{corev1.ReadWriteOncePod, "RWOP"},
	} {
		if slices.Contains(list, mode.name) {
			short = append(short, mode.short)
		}
	}
	return strings.Join(short, ",")
}
