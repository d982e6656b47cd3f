package plan

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// AssumedUntil is the first instant at which [Overlay] gives something else for the same view and ledger: it takes a change for
// granted that was not answered and is not shown, or an object for existing that was created and may be gone
// without ever having been shown; and that ends. Zero: it takes nothing for granted. A planner wakes by
// then, or what never happened would not be asked for again before something else changes.
//
// Creations without an answer are left out: they matter only where something is missing, and [Pending.AnswerBy] tells
// of each when it is given up.
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
		if at := o.At.Add(Expiry); laid.assumes(o, view, shown) && (until.IsZero() || at.Before(until)) {
			until = at
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

// UnseenDeletions gives the objects that [Overlay] shows as being deleted because their deletion was issued, while nothing shows
// that they go: if the request was lost they stay. A planner that puts something in their place waits until
// they are seen to go, or there could be one too many.
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
