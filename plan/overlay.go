package plan

import (
	"cmp"
	"encoding/json"
	"math/bits"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// Overlay gives the view as a planner must see it: each object once, in its newest version, with the host's own writes
// laid over what the view does not show yet. Planners call it; a host passes its plain view.
//
//   - A created object is added, as it was answered, until the view has reached it. Without an answer it is added as it
//     was sent, until the view or a later answer tells of an object of its name, but for [Expiry] at most: see
//     [Pending.AnswerBy].
//   - An answered update replaces any older version. One without an answer replaces the very version that it was made
//     from.
//   - An object whose deletion was issued has a deletionTimestamp.
//   - A pod or claim whose binding was issued is bound.
//
// The view and its objects are not modified. If there is nothing to lay over, Overlay returns the view itself. Nil objects
// are left out. Added objects come last, in the order in which they were issued.
func Overlay[T Object](view []T, p Pending, now time.Time) []T {
	laid := newLayer[T](p, now)
	view = distinct(view)
	if laid == nil {
		return view
	}
	shown := make([]T, 0, len(view)+len(laid.created))
	for _, obj := range view {
		shown = append(shown, laid.over(obj))
	}
	return append(shown, laid.unseen(view, p)...)
}

// Latest is [Overlay] for one object that is known to exist: the workload itself. Writes to an object of the same name
// but another UID do not count.
func Latest[T Object](obj T, p Pending, now time.Time) T {
	if laid := newLayer[T](p, now); laid != nil {
		return laid.over(obj)
	}
	return obj
}

// layer is what the ledger says about the objects of one type.
type layer[T Object] struct {
	created []Outcome               // successful or unanswered, in order
	replies map[types.UID]T         // the newest answer
	assumed map[types.UID]Outcome   // the last update that was not answered
	deleted map[types.UID]time.Time // when the deletion was issued
	bound   map[types.UID]string    // the node or the volume
	shown   map[types.UID]bool      // what the view shows
	names   map[types.UID]bool      // the same, by name
	leaving []T                     // what is shown as being deleted on the strength of the ledger alone
}

func newLayer[T Object](p Pending, now time.Time) *layer[T] {
	if len(p.Outcomes) == 0 {
		return nil
	}
	l := &layer[T]{
		replies: map[types.UID]T{},
		assumed: map[types.UID]Outcome{},
		deleted: map[types.UID]time.Time{},
		bound:   map[types.UID]string{},
		shown:   map[types.UID]bool{},
		names:   map[types.UID]bool{},
	}
	for _, o := range p.Outcomes {
		if o.Err != nil || o.Action == nil {
			continue
		}
		if _, known := p.visible(o); !known && expired(o, now) {
			continue
		}
		if reply, ok := o.Reply.(T); ok {
			if last, found := l.replies[identity(reply)]; !found || newer(reply, last) {
				l.replies[identity(reply)] = reply
			}
		}
		switch a := o.Action.(type) {
		case Create:
			if _, ok := a.Object.(T); ok {
				l.created = append(l.created, o)
			}
		case Update:
			l.assume(a.After, o)
		case UpdateStatus:
			l.assume(a.After, o)
		case Delete:
			l.deleted[a.Object.identity()] = o.At
		case Bind:
			l.bound[a.Object.identity()] = a.To.Name
		}
	}
	return l
}

// assume notes an update without an answer. Any later answer about the object makes it moot.
func (l *layer[T]) assume(after Object, o Outcome) {
	if o.Reply != nil {
		delete(l.assumed, identity(after))
	} else if _, ok := after.(T); ok {
		l.assumed[identity(after)] = o
	}
}

// over gives obj as the ledger knows it, noting that the view shows it.
func (l *layer[T]) over(obj T) T {
	uid := identity(obj)
	l.shown[uid] = true
	l.names[name(obj)] = true
	if reply, ok := l.replies[uid]; ok && newer(reply, obj) {
		obj = reply
	}
	if o, ok := l.assumed[uid]; ok {
		before, after := beforeAndAfter(o.Action)
		if before.GetResourceVersion() == obj.GetResourceVersion() {
			obj = after.(T)
		}
	}
	if at, ok := l.deleted[uid]; ok && obj.GetDeletionTimestamp() == nil {
		l.leaving = append(l.leaving, obj)
		obj = obj.DeepCopyObject().(T)
		obj.SetDeletionTimestamp(&metav1.Time{Time: at})
	}
	if to, ok := l.bound[uid]; ok {
		obj = bind(obj, to)
	}
	return obj
}

// unseen gives the created objects that the view has not reached.
func (l *layer[T]) unseen(view []T, p Pending) []T {
	var unseen []T
	for _, o := range l.created {
		if o.Reply == nil {
			object := o.Action.(Create).Object
			if object.GetName() == "" || !l.names[name(object)] && !p.knows(object) {
				unseen = append(unseen, object.(T))
			}
			continue
		}
		reply, ok := o.Reply.(T)
		if !ok || l.shown[identity(reply)] {
			continue
		}
		if visible, known := p.visible(o); visible || (!known && reaches(view, reply)) {
			continue // seen and gone again
		}
		unseen = append(unseen, l.over(reply))
	}
	return unseen
}

// knows reports whether a later outcome tells that an object of this name came to be: it was answered about, or acted upon.
func (p Pending) knows(requested Object) bool {
	return slices.ContainsFunc(p.Outcomes, func(o Outcome) bool {
		_, creates := o.Action.(Create)
		if o.Err != nil || creates && o.Reply == nil {
			return false
		}
		at := o.Action.Target()
		return at.Kind == KindOf(requested).Kind && at.Namespace == requested.GetNamespace() && at.Name == requested.GetName()
	})
}

// reaches reports whether any object shown of the same namespace is at or past reply: if so, the view as a whole is. (Views of
// several namespaces may be taken from as many watches.)
func reaches[T Object](view []T, reply T) bool {
	for _, obj := range view {
		if obj.GetNamespace() != reply.GetNamespace() {
			continue
		}
		if reached, known := atOrPast(obj.GetResourceVersion(), reply.GetResourceVersion()); reached && known {
			return true
		}
	}
	return false
}

// newer reports whether a is a later version of the object than b. Versions that cannot be compared are not.
func newer(a, b metav1.Object) bool {
	reached, known := atOrPast(b.GetResourceVersion(), a.GetResourceVersion())
	return known && !reached
}

// distinct gives each object of the view once, the newest where it is listed twice. Nil objects are left out.
func distinct[T Object](view []T) []T {
	if clean(view) {
		return view
	}
	var none T
	index := make(map[types.UID]int, len(view))
	kept := make([]T, 0, len(view))
	for _, obj := range view {
		if any(obj) == any(none) {
			continue
		}
		uid := identity(obj)
		at, twice := index[uid]
		switch {
		case !twice:
			index[uid] = len(kept)
			kept = append(kept, obj)
		case later(obj, kept[at]):
			kept[at] = obj
		}
	}
	return kept
}

// later is newer with an order of its own where versions cannot be compared, so that it makes no difference which of two
// listings comes first.
func later(a, b Object) bool {
	if order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion()); err == nil {
		return order > 0
	}
	whole := func(obj Object) string {
		data, _ := json.Marshal(obj)
		return string(data)
	}
	return cmp.Or(cmp.Compare(a.GetResourceVersion(), b.GetResourceVersion()), cmp.Compare(whole(a), whole(b))) > 0
}

// clean reports whether the view lists no object twice and none that is nil: what nearly every view is. It goes by digests: two
// objects that share one may be the same, and are for distinct to tell apart.
func clean[T Object](view []T) bool {
	var none T
	width := bits.Len(uint(2 * len(view)))
	shown := make([]uint64, 1<<width) // by digest; where two meet, the later stands behind the earlier
	for _, obj := range view {
		if any(obj) == any(none) {
			return false
		}
		d := digest(string(identity(obj)))
		at := int(d >> (64 - width))
		for ; shown[at] != 0; at = (at + 1) % len(shown) {
			if shown[at] == d {
				return false
			}
		}
		shown[at] = d
	}
	return true
}

// digest is a number other than 0 that two UIDs hardly ever share: it looks at both ends.
func digest(s string) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
	if len(s) < 8 {
		d := uint64(1)
		for i := range len(s) {
			d = d<<8 | uint64(s[i])
		}
		return d * odd
	}
	return (word(s)*odd^word(s[len(s)-8:]))*odd | 1
}

// word is the first eight bytes as a number.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// identity is the UID, or the name of an object that has none, as in a fake of an API server or a file.
func identity(obj metav1.Object) types.UID {
	if uid := obj.GetUID(); uid != "" {
		return uid
	}
	return name(obj)
}

func name(obj metav1.Object) types.UID {
	return types.UID(obj.GetNamespace() + "/" + obj.GetName())
}

func (r Ref) identity() types.UID {
	if r.UID != "" {
		return r.UID
	}
	return types.UID(r.Namespace + "/" + r.Name)
}

func bind[T Object](obj T, to string) T {
	switch bound := obj.DeepCopyObject().(type) {
	case *corev1.Pod:
		if bound.Spec.NodeName == "" {
			bound.Spec.NodeName = to
			return any(bound).(T)
		}
	case *corev1.PersistentVolumeClaim:
		if bound.Spec.VolumeName == "" {
			bound.Spec.VolumeName = to
			return any(bound).(T)
		}
	}
	return obj
}

func beforeAndAfter(a Action) (before, after Object) {
	switch a := a.(type) {
	case Update:
		return a.Before, a.After
	case UpdateStatus:
		return a.Before, a.After
	}
	return nil, nil
}
