// Package revisions keeps the history of a workload's pod template: ControllerRevisions, numbered from the oldest to the
// newest, as StatefulSets and DaemonSets have them.
package revisions

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// History is the revisions of one workload, the oldest first: by number, then age, then name.
type History []*appsv1.ControllerRevision

// Claimed is what the view holds for one workload.
type Claimed struct {
	History History // ours, the orphans among them
	Orphans History // to be adopted
	Leavers History // controlled and no longer selected
}

// In gives the revisions of a namespace. Names are taken in a namespace: those of others are of no concern.
func In(namespace string, view []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	return slices.DeleteFunc(slices.Clone(view), func(r *appsv1.ControllerRevision) bool { return r.Namespace != namespace })
}

// Claim sorts the revisions of the view. Those that are being deleted are left out: they are as good as gone.
func Claim(view []*appsv1.ControllerRevision, owner owners.Owner, selector labels.Selector) Claimed {
	var claimed Claimed
	for _, revision := range view {
		if revision.DeletionTimestamp != nil {
			continue
		}
		switch owner.Judge(revision, selector) {
		case owners.Ours:
			claimed.History = append(claimed.History, revision)
		case owners.Orphan:
			claimed.History = append(claimed.History, revision)
			claimed.Orphans = append(claimed.Orphans, revision)
		case owners.Leaver:
			claimed.Leavers = append(claimed.Leavers, revision)
		}
	}
	for _, list := range []History{claimed.History, claimed.Orphans, claimed.Leavers} {
		slices.SortFunc(list, oldestFirst)
	}
	return claimed
}

func oldestFirst(a, b *appsv1.ControllerRevision) int {
	return cmp.Or(
		cmp.Compare(a.Revision, b.Revision),
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Name, b.Name),
	)
}

// Latest is the newest revision, nil if there is none.
func (h History) Latest() *appsv1.ControllerRevision {
	if len(h) == 0 {
		return nil
	}
	return h[len(h)-1]
}

// Next is the number behind the newest, 1 for the first. Behind the largest number there is none: it is given again.
func (h History) Next() int64 {
	if len(h) == 0 {
		return 1
	}
	if newest := h.Latest().Revision; newest < math.MaxInt64 {
		return newest + 1
	}
	return math.MaxInt64
}

// Holding gives the revisions that hold the patch.
func (h History) Holding(patch []byte) History {
	var equal History
	for _, revision := range h {
		if Holds(revision, patch) {
			equal = append(equal, revision)
		}
	}
	return equal
}

// Named is the revision of that name, nil if there is none.
func (h History) Named(name string) *appsv1.ControllerRevision {
	for _, revision := range h {
		if revision.Name == name {
			return revision
		}
	}
	return nil
}

// Surplus gives the oldest revisions that are to go for no more than limit to stay. Those that are live are passed over, and count.
func (h History) Surplus(limit int, live func(*appsv1.ControllerRevision) bool) History {
	var surplus History
	for _, revision := range h {
		if len(surplus) >= len(h)-limit {
			break
		}
		if !live(revision) {
			surplus = append(surplus, revision)
		}
	}
	return surplus
}

// New is a revision of the workload under a name that [Place] found.
func New(owner owners.Owner, name string, patch []byte, number int64, labels, annotations map[string]string) *appsv1.ControllerRevision {
	return &appsv1.ControllerRevision{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ControllerRevision"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       owner.Ref().Namespace,
			Name:            name,
			Labels:          labels,
			Annotations:     annotations,
			OwnerReferences: []metav1.OwnerReference{owner.Reference()},
		},
		Data:     runtime.RawExtension{Raw: slices.Clone(patch)},
		Revision: number,
	}
}

// Renumber moves the revision to another place in the history: behind the newest, in a rollback.
func Renumber(revision *appsv1.ControllerRevision, number int64) plan.Update {
	before, after := revision.DeepCopy(), revision.DeepCopy()
	after.Revision = number
	return plan.Update{Before: before, After: after}
}

// Relabel gives the revision a label.
func Relabel(revision *appsv1.ControllerRevision, key, value string) plan.Update {
	before, after := revision.DeepCopy(), revision.DeepCopy()
	metav1.SetMetaDataLabel(&after.ObjectMeta, key, value)
	return plan.Update{Before: before, After: after}
}

// Delete removes a revision that the history has no room for.
func Delete(revision *appsv1.ControllerRevision, reason string) plan.Delete {
	return plan.Delete{Object: plan.RefTo(revision), Reason: reason}
}

// Placement is the name of a new revision.
type Placement struct {
	Name string
	// Collisions is the count that led to the name: to be written into the status before the name is used.
	Collisions *int32
	// Existing is the object of the view that bears the name and holds the very patch, whoever owns it: nothing
	// is to be created while it is there.
	Existing *appsv1.ControllerRevision
}

// Place finds a name for a revision that holds the patch: "<workload>-<hash>", counting collisions up from count as long
// as the name is taken by something else, shown in the view or told by a refusal.
func Place(workload string, patch []byte, view []*appsv1.ControllerRevision, pending plan.Pending, count *int32, hash func(count *int32) string) Placement {
	return PlaceAs(func(count *int32) string { return Name(workload, hash(count)) }, patch, view, pending, count)
}

// PlaceAs is Place for revisions whose names are made in another way.
func PlaceAs(nameOf func(count *int32) string, patch []byte, view []*appsv1.ControllerRevision, pending plan.Pending, count *int32) Placement {
	for {
		name := nameOf(count)
		existing := History(view).Named(name)
		switch {
		case existing != nil && Holds(existing, patch):
			return Placement{Name: name, Collisions: count, Existing: existing}
		case existing == nil && !refused(name, pending):
			return Placement{Name: name, Collisions: count}
		}
		next := int32(1)
		if count != nil {
			next = *count + 1
		}
		count = &next
	}
}

// refused reports whether the last creation under this name met an object that the view does not show.
func refused(name string, pending plan.Pending) bool {
	return slices.ContainsFunc(pending.Failures(), func(o plan.Outcome) bool {
		creation, ok := o.Action.(plan.Create)
		if !ok || o.Err.Reason != metav1.StatusReasonAlreadyExists {
			return false
		}
		revision, ok := creation.Object.(*appsv1.ControllerRevision)
		return ok && revision.Name == name
	})
}

// maxPrefix leaves room for a dash and the hash in a name of 253 characters.
const maxPrefix = 223

// Name is "<workload>-<hash>", the workload's name cut where the whole would be too long.
func Name(workload, hash string) string {
	return workload[:min(len(workload), maxPrefix)] + "-" + hash
}

// PatchHash is the hash in the names of a StatefulSet's revisions: FNV-1 (32 bits) over the patch and the collision count
// in decimal. A DaemonSet's names hash the template instead, see package templates.
func PatchHash(patch []byte, count *int32) string {
	hasher := fnv.New32()
	hasher.Write(patch)
	if count != nil {
		hasher.Write([]byte(strconv.Itoa(int(*count))))
	}
	return rand.SafeEncodeString(strconv.FormatUint(uint64(hasher.Sum32()), 10))
}
