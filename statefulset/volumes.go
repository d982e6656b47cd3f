package statefulset

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/plan"
)

// storage looks after the volumes behind the claims, if any volumes are shown.
func (p *planner) storage(volumes []*corev1.PersistentVolume, view []*corev1.PersistentVolumeClaim, bind bool) {
	volumes = slices.DeleteFunc(slices.Clone(volumes), func(v *corev1.PersistentVolume) bool { return v == nil })
	slices.SortFunc(volumes, smallestFirst)
	used := map[string]bool{} // by whichever claim
	for _, claim := range view {
		used[claim.Spec.VolumeName] = true
	}
	if bind {
		p.bind(slices.DeleteFunc(slices.Clone(volumes), func(v *corev1.PersistentVolume) bool { return used[v.Name] }))
	}
	p.warnOfSharing(volumes)
}

// bind gives each claim of the set's pods that has no volume the first of the free volumes that fits it: the smallest. A claim that
// is still to change hands is bound afterwards: no object is written twice in one plan, nor before a binding shows.
func (p *planner) bind(free []*corev1.PersistentVolume) {
	for i := range p.seen.members {
		m := &p.seen.members[i]
		if !p.want.inRange(m.ordinal) {
			continue
		}
		for _, claim := range p.claimsOf(m.pod.Name) {
			if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || p.isUnanswered(claim) ||
				!p.holder(m.ordinal, m.pod.Name, m.pod.UID).isKept(claim) || isAnothers(claim, p.owner, m.pod.Name) {
				continue
			}
			at := slices.IndexFunc(free, func(v *corev1.PersistentVolume) bool { return isFreeFor(v, claim) && fits(v, &claim.Spec) })
			if at >= 0 {
				p.addEach([]plan.Action{plan.Bind{Object: plan.RefTo(claim), To: plan.RefTo(free[at])}})
				free = slices.Delete(free, at, at+1)
			}
		}
	}
}

// smallestFirst orders volumes by capacity, then by name.
func smallestFirst(a, b *corev1.PersistentVolume) int {
	return cmp.Or(capacity(a).Cmp(*capacity(b)), cmp.Compare(a.Name, b.Name))
}

func capacity(v *corev1.PersistentVolume) *resource.Quantity { return v.Spec.Capacity.Storage() }

// isFreeFor reports whether no other claim has the volume, and nobody is about to delete it.
func isFreeFor(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	if ref := v.Spec.ClaimRef; ref != nil {
		return v.DeletionTimestamp == nil && ref.Namespace == claim.Namespace && ref.Name == claim.Name && (ref.UID == "" || ref.UID == claim.UID)
	}
	return isFree(v)
}

func isFree(v *corev1.PersistentVolume) bool {
	return v.DeletionTimestamp == nil && v.Spec.ClaimRef == nil && (v.Status.Phase == corev1.VolumeAvailable || v.Status.Phase == "")
}

// fits reports whether the volume is what a claim asks for: large enough, with all its access modes, of its mode, its classes
// and its selector.
func fits(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaimSpec) bool {
	if capacity(v).Cmp(*claim.Resources.Requests.Storage()) < 0 ||
		v.Spec.StorageClassName != valueOf(claim.StorageClassName) ||
		valueOf(v.Spec.VolumeAttributesClassName) != valueOf(claim.VolumeAttributesClassName) ||
		cmp.Or(valueOf(v.Spec.VolumeMode), corev1.PersistentVolumeFilesystem) != cmp.Or(valueOf(claim.VolumeMode), corev1.PersistentVolumeFilesystem) {
		return false
	}
	for _, mode := range claim.AccessModes {
		if !slices.Contains(v.Spec.AccessModes, mode) {
			return false
		}
	}
	if claim.Selector == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(claim.Selector)
	return err == nil && selector.Matches(labels.Set(v.Labels))
}

func valueOf[T any](pointer *T) T {
	if pointer == nil {
		var none T
		return none
	}
	return *pointer
}

// warnOfSharing tells of volumes that are one directory although different claims of the set keep their files in them, or
// will: what one pod writes there another overwrites.
func (p *planner) warnOfSharing(volumes []*corev1.PersistentVolume) {
	ours, bound := map[string]bool{}, 0
	for mark, claim := range p.claims {
		ordinal, _, _ := ordinalOf(p.set.Name, mark.pod)
		if claim.Spec.VolumeName != "" && p.want.inRange(ordinal) {
			ours[claim.Spec.VolumeName] = true
			bound++
		}
	}
	if more := (p.want.end-p.want.start)*len(p.set.Spec.VolumeClaimTemplates) > bound; more {
		for _, v := range volumes {
			asked := func(c corev1.PersistentVolumeClaim) bool { return fits(v, &c.Spec) }
			if isFree(v) && slices.ContainsFunc(p.set.Spec.VolumeClaimTemplates, asked) {
				ours[v.Name] = true
			}
		}
	}
	directories := map[string][]string{}
	for _, v := range volumes {
		if where := directory(v); where != "" && ours[v.Name] {
			directories[where] = append(directories[where], v.Name)
		}
	}
	for _, where := range slices.Sorted(maps.Keys(directories)) {
		if names := directories[where]; len(names) > 1 {
			p.events = append(p.events, plan.Event{
				Type:   corev1.EventTypeWarning,
				Reason: "SharedDirectory",
				Message: fmt.Sprintf("PersistentVolumes %s are one directory, %s: pods that claim one each overwrite each other's files",
					strings.Join(names, " and "), where),
			})
		}
	}
}

// directory names the place that a volume keeps its files in, if two volumes can have the same.
func directory(v *corev1.PersistentVolume) string {
	switch source := v.Spec.PersistentVolumeSource; {
	case source.NFS != nil:
		return "nfs " + source.NFS.Server + ":" + path.Clean(source.NFS.Path)
	case source.CSI != nil:
		return "csi " + source.CSI.Driver + " " + source.CSI.VolumeHandle
	case source.HostPath != nil:
		return "hostPath " + path.Clean(source.HostPath.Path) + onNodes(v)
	case source.Local != nil:
		return "local " + path.Clean(source.Local.Path) + onNodes(v)
	}
	return ""
}

// onNodes tells the nodes that a volume is tied to: on different nodes one path is different directories.
func onNodes(v *corev1.PersistentVolume) string {
	if v.Spec.NodeAffinity == nil {
		return ""
	}
	nodes, _ := json.Marshal(v.Spec.NodeAffinity) // a struct of strings
	return " on " + string(nodes)
}

// explainUnscheduled says what a pod without a node lacks: volumes for its claims, or only the scheduler's decision.
func (p *planner) explainUnscheduled(m *member) {
	for _, claim := range p.claimsOf(m.pod.Name) {
		if claim.Status.Phase != corev1.ClaimBound {
			size := claim.Spec.Resources.Requests.Storage()
			p.waits.add(plan.WaitClaimBound, plan.RefTo(claim), time.Time{}, "pod %s is not scheduled, and its claim %s (%s of class %q) is not bound",
				m.pod.Name, claim.Name, size.String(), valueOf(claim.Spec.StorageClassName))
			return
		}
	}
	p.waits.add(plan.WaitPodScheduled, plan.RefTo(m.pod), time.Time{}, "pod %s is not scheduled", m.pod.Name)
}
