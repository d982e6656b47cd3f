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
func (p *planner) storage(volumes []*corev1.PersistentVolume, bind bool) {
	if len(volumes) == 0 || len(p.claims.templates) == 0 {
		return
	}
	volumes = slices.DeleteFunc(slices.Clone(volumes), func(v *corev1.PersistentVolume) bool { return v == nil })
	slices.SortFunc(volumes, smallestFirst)
	used := map[string]bool{} // by whichever claim
	for _, claim := range p.claims.view {
		used[claim.Spec.VolumeName] = true
	}
	if bind {
		p.bind(slices.DeleteFunc(slices.Clone(volumes), func(v *corev1.PersistentVolume) bool { return used[v.Name] }))
	}
	p.warnOfSharing(volumes)
}

// bind gives each claim of the set's pods that has no volume the one that is kept for it, or else the smallest that fits. A claim that
// is still to change hands is bound afterwards: no object is written twice in one plan, nor before a binding shows. One that goes with a
// former set or pod is not bound.
func (p *planner) bind(free []*corev1.PersistentVolume) {
	for i := range p.seen.members {
		m := &p.seen.members[i]
		if !p.want.inRange(m.ordinal) {
			continue
		}
		holder := p.holder(m.ordinal, m.pod)
		for i := range p.claims.templates {
			claim := p.claims.of(m.ordinal, i)
			if claim == nil || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || !p.pending.AnswerBy(claim).IsZero() ||
				!holder.isKept(claim) || holder.isFormer(claim) || holder.isAnothers(claim) {
				continue
			}
			suits := func(v *corev1.PersistentVolume) bool { return isFreeFor(v, claim) && fits(v, claim) }
			at := slices.IndexFunc(free, func(v *corev1.PersistentVolume) bool { return v.Spec.ClaimRef != nil && suits(v) }) // kept for it, whatever its size
			if at < 0 {
				at = slices.IndexFunc(free, suits)
			}
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
func fits(v *corev1.PersistentVolume, c *corev1.PersistentVolumeClaim) bool {
	claim := &c.Spec
	if capacity(v).Cmp(*claim.Resources.Requests.Storage()) < 0 ||
		classOf(v, v.Spec.StorageClassName) != classOf(c, valueOf(claim.StorageClassName)) ||
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

// classOf is the storage class of a claim or a volume: what the annotation of old says, which counts first, else the field.
func classOf(obj metav1.Object, field string) string {
	if class, ok := obj.GetAnnotations()[corev1.BetaStorageClassAnnotation]; ok {
		return class
	}
	return field
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
	for _, claim := range p.claims.wanted(p.want) {
		if claim.Spec.VolumeName != "" {
			ours[claim.Spec.VolumeName] = true
			bound++
		}
	}
	if more := (p.want.end-p.want.start)*len(p.claims.templates) > bound; more {
		for _, v := range volumes {
			asked := func(c corev1.PersistentVolumeClaim) bool { return isFree(v) && fits(v, &c) || p.isKeptFor(v, c.Name) }
			if slices.ContainsFunc(p.claims.templates, asked) {
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

// isKeptFor reports whether the volume is reserved for a claim that the set has, or will have, of a template.
func (p *planner) isKeptFor(v *corev1.PersistentVolume, template string) bool {
	ref := v.Spec.ClaimRef
	if ref == nil || ref.Namespace != p.set.Namespace || v.DeletionTimestamp != nil {
		return false
	}
	ordinal, ok := claimOrdinal(ref.Name, template, p.set.Name)
	return ok && p.want.inRange(ordinal)
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
	for i := range p.claims.templates {
		claim := p.claims.of(m.ordinal, i)
		if claim != nil && claim.Status.Phase != corev1.ClaimBound {
			size := claim.Spec.Resources.Requests.Storage()
			p.waits.add(plan.WaitClaimBound, plan.RefTo(claim), time.Time{}, "pod %s is not scheduled, and its claim %s (%s of class %q) is not bound",
				m.pod.Name, claim.Name, size.String(), classOf(claim, valueOf(claim.Spec.StorageClassName)))
			return
		}
	}
	p.waits.add(plan.WaitPodScheduled, plan.RefTo(m.pod), time.Time{}, "pod %s is not scheduled", m.pod.Name)
}
