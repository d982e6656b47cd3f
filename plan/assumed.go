package plan

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// AssumedUntil is for planners: it is the first time at which [Overlay] stops to assume something about this view. It
// assumes that a write without an answer took effect, and that an object that was created still exists though the
// view never showed it; each for [Expiry]. Zero: it assumes nothing. A planner must wake by then: if a write never
// happened, it has to be asked for again even if nothing changes.
//
// Creations without an answer are left out: they matter only to a planner that misses an object, and
// [Pending.AnswerBy] tells when each is given up.
func AssumedUntil[T Object](view []T, p Pending, now time.Time) (until time.Time) {
	laid := newLayer[T](p, now)
	if laid == nil {
		return until
	}
	shown := map[types.UID]T{}
	for _, obj := range distinct(view) {
		shown[identity(obj)] = obj
	}
	for _, o := range p.Outcomes {
		if _, known := p.visible(o); known || o.Err != nil || expired(o, now) {
			continue
		}
		if laid.assumes(o, view, shown) {
			until = Earliest(until, o.At.Add(Expiry))
		}
	}
	return until
}

// assumes reports whether the view would look different without the outcome.
func (l *layer[T]) assumes(o Outcome, view []T, shown map[types.UID]T) bool {
	id := o.Action.Target().identity()
	if created, ok := o.Reply.(T); ok {
		id = identity(created)
	}
	obj, isShown := shown[id]
	if !isShown {
		_, creates := o.Action.(Create)
		created, answered := o.Reply.(T)
		return creates && answered && !reaches(view, created)
	}
	if o.Reply != nil {
		return false // it is so, and the view will come to show it
	}
	if reply, ok := l.replies[id]; ok && newer(reply, obj) {
		obj = reply
	}
	switch o.Action.(type) {
	case Update, UpdateStatus:
		last, ok := l.assumed[id]
		before, _ := beforeAndAfter(o.Action)
		return ok && last.At.Equal(o.At) && before.GetResourceVersion() == obj.GetResourceVersion()
	case Delete:
		return obj.GetDeletionTimestamp() == nil
	case Bind:
		return !isBound(obj)
	}
	return false
}

func isBound(obj Object) bool {
	switch obj := obj.(type) {
	case *corev1.Pod:
		return obj.Spec.NodeName != ""
	case *corev1.PersistentVolumeClaim:
		return obj.Spec.VolumeName != ""
	}
	return true
}

// UnseenDeletions is for planners: it gives the objects that [Overlay] shows as being deleted only because their deletion
// was issued. If the request was lost, they stay. So a planner creates nothing in their place until the view shows that
// they go, or there could be one too many.
func UnseenDeletions[T Object](view []T, p Pending, now time.Time) []T {
	laid := newLayer[T](p, now)
	if laid == nil || len(laid.deleted) == 0 {
		return nil
	}
	shown := distinct(view)
	for _, obj := range shown {
		laid.over(obj)
	}
	laid.unseen(shown, p)
	return laid.leaving
}
