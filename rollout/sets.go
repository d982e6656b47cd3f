package rollout

import (
	"cmp"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
)

// sets are the ReplicaSets of one Deployment.
type sets struct {
	fresh   *set   // the one whose template is the Deployment's; nil if there is none
	old     []*set // the others, oldest first
	orphans []*appsv1.ReplicaSet
	leavers []*appsv1.ReplicaSet
}

// set is a ReplicaSet as it is observed, and as the plan would have it.
type set struct {
	*appsv1.ReplicaSet
	size        int               // what spec.replicas is to be
	annotations map[string]string // what is to be set
	minReady    int32             // what spec.minReadySeconds is to be
	waits       bool              // it is to grow, but only once others have shrunk
	assumed     bool              // it was asked for, and nobody has said that it exists
	populated   bool              // it is an old one and may have pods; looked at for the strategy Recreate alone
}

// sortOut finds the ReplicaSets that belong to d, and among them the one to roll out to: the oldest of those whose
// template is d's, whatever their hash.
func sortOut(d *appsv1.Deployment, owner owners.Owner, selector labels.Selector, view []*appsv1.ReplicaSet) sets {
	var s sets
	var members []set
	for _, rs := range view {
		switch owner.Judge(rs, selector) {
		case owners.Ours:
			members = append(members, set{ReplicaSet: rs, size: sizeOf(rs), minReady: rs.Spec.MinReadySeconds})
		case owners.Orphan:
			s.orphans = append(s.orphans, rs)
		case owners.Leaver:
			if rs.DeletionTimestamp == nil {
				s.leavers = append(s.leavers, rs)
			}
		}
	}
	s.old = make([]*set, len(members))
	for i := range members {
		s.old[i] = &members[i]
	}
	slices.SortFunc(s.old, func(a, b *set) int { return byAge(a.ReplicaSet, b.ReplicaSet) })
	slices.SortFunc(s.orphans, byAge)
	slices.SortFunc(s.leavers, byAge)
	if i := slices.IndexFunc(s.old, func(rs *set) bool { return sameTemplate(&rs.Spec.Template, &d.Spec.Template) }); i >= 0 {
		s.fresh = s.old[i]
		s.old = slices.Delete(s.old, i, i+1)
	}
	return s
}

// taken reports whether a name is another ReplicaSet's.
func taken(view []*appsv1.ReplicaSet, rs *appsv1.ReplicaSet) bool {
	return slices.ContainsFunc(view, func(other *appsv1.ReplicaSet) bool { return other.Namespace == rs.Namespace && other.Name == rs.Name })
}

// annotate has an annotation written, if it is another than there is.
func (rs *set) annotate(key, value string) {
	if current, found := rs.Annotations[key]; found && current == value {
		return
	}
	if rs.annotations == nil {
		rs.annotations = map[string]string{}
	}
	rs.annotations[key] = value
}

// stands reports whether rs exists and is marked as it should be.
func (rs *set) stands() bool { return !rs.assumed && !rs.marked() }

// marked reports whether anything but the size is to be written.
func (rs *set) marked() bool {
	return len(rs.annotations) > 0 || rs.minReady != rs.Spec.MinReadySeconds
}

// all gives the old ReplicaSets, oldest first, and the new one.
func (s sets) all() []*set {
	if s.fresh == nil {
		return s.old
	}
	return append(slices.Clone(s.old), s.fresh)
}

// awaitsAdoption reports whether a ReplicaSet is about to be adopted: what it brings is known to the next plan. It is asked for again,
// and not waited for, if anything was refused: one that is always refused must not keep the others.
func (s sets) awaitsAdoption(last outcomes) bool {
	return len(s.orphans) > 0 && !last.refused
}

// brings reports whether one that is to be adopted has d's template: then none is made beside it, even if it cannot be had yet.
func (s sets) brings(d *appsv1.Deployment) bool {
	return slices.ContainsFunc(s.orphans, func(rs *appsv1.ReplicaSet) bool { return sameTemplate(&rs.Spec.Template, &d.Spec.Template) })
}

// newest is the new ReplicaSet, or the youngest if there is none; nil if there is none at all.
func (s sets) newest() *set {
	if s.fresh == nil && len(s.old) > 0 {
		return s.old[len(s.old)-1]
	}
	return s.fresh
}

// active gives those that have, or ought to have, pods.
func (s sets) active() []*set {
	return slices.DeleteFunc(slices.Clone(s.all()), func(rs *set) bool { return sizeOf(rs.ReplicaSet) == 0 })
}

// sum adds a number up over ReplicaSets.
func sum(list []*set, of func(*set) int) int {
	total := 0
	for _, rs := range list {
		total += of(rs)
	}
	return total
}

func planned(rs *set) int  { return rs.size }
func observed(rs *set) int { return sizeOf(rs.ReplicaSet) }

func sizeOf(rs *appsv1.ReplicaSet) int { return int(max(0, or(rs.Spec.Replicas, 1))) }

// byAge puts the oldest first.
func byAge(a, b *appsv1.ReplicaSet) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}

// sameTemplate reports whether two templates mean the same, whatever their pod-template-hash. Nothing is copied or
// hashed for it, and most that differ do so in an image, which is seen first.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	if !slices.EqualFunc(a.Spec.Containers, b.Spec.Containers, func(x, y corev1.Container) bool { return x.Image == y.Image }) {
		return false
	}
	if !maps.Equal(a.Labels, b.Labels) && !sameLabels(a.Labels, b.Labels) {
		return false
	}
	aMeta, bMeta := a.ObjectMeta, b.ObjectMeta
	aMeta.Labels, bMeta.Labels = nil, nil
	return apiequality.Semantic.DeepEqual(&a.Spec, &b.Spec) && apiequality.Semantic.DeepEqual(&aMeta, &bMeta)
}

func sameLabels(a, b map[string]string) bool {
	count := 0
	for key, value := range a {
		if key == appsv1.DefaultDeploymentUniqueLabelKey {
			continue
		}
		if other, ok := b[key]; !ok || other != value {
			return false
		}
		count++
	}
	if _, ok := b[appsv1.DefaultDeploymentUniqueLabelKey]; ok {
		count++
	}
	return count == len(b)
}
