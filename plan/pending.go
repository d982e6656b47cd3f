package plan

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// Expiry is how long, from Outcome.At, a write without an answer counts as done while the view does not show it: longer
// than any request can stay on its way.
const Expiry = 5 * time.Minute

// Pending is the ledger of a host for one workload: the writes that it has issued and its view may not show yet. It is a
// value: the host keeps it, and may keep it over a restart as JSON; a planner looks at the view through it. The zero
// Pending says that nothing was issued: a host that starts with it must plan from a consistent list first.
type Pending struct {
	// Seen is how far the view has come: by kind ("Pod"), the resourceVersion of the list or watch that it was taken from
	// (metadata.resourceVersion of a list; LastStoreSyncResourceVersion of an informer's store, read before the
	// objects are). A write answered at or before it is visible, even if its object is gone again. It may be too old, but
	// never too new.
	//
	// A kind may be left out. Then the newest object shown of a namespace stands for the view of that namespace, and a
	// write that is not seen by that counts for [Expiry].
	Seen map[string]string `json:"seen,omitempty"`
	// Outcomes are the writes issued, in the order in which they were. The host adds to them, [Settle] removes.
	Outcomes []Outcome `json:"outcomes,omitempty"`
}

// Outcome is what became of one action. [OutcomeOf] makes it.
type Outcome struct {
	// Action is what was sent: if the host chose the name of a new object, with that name.
	Action Action
	// Reply is the object as the API server answered, of the Go type that the planner takes: for a kind of your own that
	// goes through the ReplicaSet planner, an *appsv1.ReplicaSet. A Delete or a Bind may succeed without a Reply; any
	// other write without Reply and Err was not answered.
	Reply Object
	// Err is the refusal, nil if there was none.
	Err *metav1.Status
	// At is the time just before the action was sent, by the clock that Observed.Now is read from.
	At time.Time
}

// OutcomeOf is the Outcome of a request that was sent at a time and returned reply and err, as the Kubernetes clients
// return them. With an error, reply is ignored. NotFound is success for a Delete. An unstructured reply gets its Go type
// if it is of the groups core, apps or batch.
//
// An error that does not come from the API server (the connection broke, the context ended), or that says that time ran
// out there, leaves open whether the write took effect: the Outcome has neither Reply nor Err. So do not pass
// an error of your own for a request that was not sent.
func OutcomeOf(action Action, reply Object, err error, at time.Time) Outcome {
	outcome := Outcome{Action: action, At: at}
	if err == nil {
		if v := reflect.ValueOf(reply); v.IsValid() && !v.IsNil() { // a typed nil is no answer
			outcome.Reply = typed(reply)
		}
		return outcome
	}
	var refusal apierrors.APIStatus
	if !errors.As(err, &refusal) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) {
		return outcome
	}
	if _, deletes := action.(Delete); deletes && apierrors.IsNotFound(err) {
		return outcome
	}
	status := refusal.Status()
	outcome.Err = &status
	return outcome
}

// typed gives an answer of a dynamic client the Go type that the planners know it by, if there is one.
func typed(reply Object) Object {
	if generic, ok := reply.(*unstructured.Unstructured); ok {
		if data, err := generic.MarshalJSON(); err == nil {
			if obj, err := Decode(data); err == nil {
				return obj
			}
		}
	}
	return reply
}

// Failures gives the outcomes that were refused, for planners to report in conditions. Those without an answer are not
// among them.
func (p Pending) Failures() []Outcome {
	var failures []Outcome
	for _, o := range p.Outcomes {
		if o.Err != nil {
			failures = append(failures, o)
		}
	}
	return failures
}

// RefusedLast moves the actions on objects that the API server refused to write last time to the end, and keeps the order
// otherwise: a host stops at the first failure, so one object that is always refused would starve those after it.
// Planners apply it within a group of actions that do not rely on each other.
func (p Pending) RefusedLast(actions []Action) []Action {
	failures := p.Failures()
	if len(failures) == 0 {
		return actions
	}
	var first, last []Action
	for _, a := range actions {
		refused := slices.ContainsFunc(failures, func(o Outcome) bool { return same(o.Action.Target(), a.Target()) })
		if refused {
			last = append(last, a)
		} else {
			first = append(first, a)
		}
	}
	return append(first, last...)
}

// same reports whether two Refs name one object. Objects whose name is still to be generated are never the same.
func same(a, b Ref) bool {
	if a.UID != "" && b.UID != "" {
		return a.UID == b.UID
	}
	return a.Name != "" && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}

// Unanswered gives the part of the ledger that has no answer, for planners: whether it happened is not known. Deletions
// and bindings that succeeded without a Reply are in it, too.
func (p Pending) Unanswered() Pending {
	open := Pending{Seen: p.Seen}
	for _, o := range p.Outcomes {
		if o.Reply == nil && o.Err == nil {
			open.Outcomes = append(open.Outcomes, o)
		}
	}
	return open
}

// AnswerBy is for planners. If [Overlay] shows an object, or a version of it, only because its creation or update was asked
// for without an answer, AnswerBy is when that ends: [Expiry] after Outcome.At. For any other object it is zero. obj must
// be the very pointer that Overlay returned. Count such an object where there could be too many, and do not count on it
// where there could be too few.
func (p Pending) AnswerBy(obj Object) time.Time {
	for _, o := range p.Outcomes {
		if o.Reply != nil || o.Err != nil {
			continue
		}
		switch a := o.Action.(type) {
		case Create:
			if a.Object == obj {
				return o.At.Add(Expiry)
			}
		case Update:
			if a.After == obj {
				return o.At.Add(Expiry)
			}
		}
	}
	return time.Time{}
}

// Settle gives the ledger to keep once a plan has been made with p at the time now. It leaves out the failures, which that
// plan has reported; the answered writes that the view shows by now; and, of all writes of which this cannot be told,
// those older than [Expiry]. Call it after each plan that was made without an error, before you add the outcomes of
// that plan. p is not modified.
func Settle(p Pending, now time.Time) Pending {
	settled := Pending{Seen: p.Seen}
	for _, o := range p.Outcomes {
		if o.Err != nil {
			continue
		}
		if visible, known := p.visible(o); visible || (!known && expired(o, now)) {
			continue
		}
		settled.Outcomes = append(settled.Outcomes, o)
	}
	return settled
}

// visible reports whether the view is at or past the write, and whether that can be told at all.
func (p Pending) visible(o Outcome) (visible, known bool) {
	if o.Reply == nil {
		return false, false
	}
	return atOrPast(p.Seen[o.Action.Target().Kind], o.Reply.GetResourceVersion())
}

// atOrPast compares two resource versions of one kind; known is false if either is missing or is not a number.
func atOrPast(seen, written string) (reached, known bool) {
	order, err := resourceversion.CompareResourceVersion(seen, written)
	return err == nil && order >= 0, err == nil
}

func expired(o Outcome, now time.Time) bool {
	return !now.Before(o.At.Add(Expiry))
}

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
	if laid == nil {
		return distinct(view)
	}
	shown := make([]T, 0, len(view)+len(laid.created))
	for _, obj := range distinct(view) {
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

// clean reports whether the view lists no object twice and none that is nil: what nearly every view is.
func clean[T Object](view []T) bool {
	var none T
	shown := make(map[types.UID]struct{}, len(view))
	for _, obj := range view {
		if any(obj) == any(none) {
			return false
		}
		shown[identity(obj)] = struct{}{}
	}
	return len(shown) == len(view)
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

// wireOutcome is the JSON form of an Outcome.
type wireOutcome struct {
	Action json.RawMessage `json:"action"`
	Reply  json.RawMessage `json:"reply,omitempty"`
	Err    *metav1.Status  `json:"error,omitempty"`
	At     time.Time       `json:"at"`
}

// MarshalJSON writes the fields action, reply, error and at, the time in UTC.
func (o Outcome) MarshalJSON() (_ []byte, err error) {
	w := wireOutcome{Err: o.Err, At: o.At.UTC()}
	if w.Action, err = json.Marshal(o.Action); err != nil {
		return nil, err
	}
	if o.Reply != nil {
		if w.Reply, err = json.Marshal(whole(o.Reply)); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes, objects as [Decode] does. An unknown field is an error.
func (o *Outcome) UnmarshalJSON(data []byte) error {
	var w wireOutcome
	if err := strictly(data, &w); err != nil {
		return err
	}
	if len(w.Action) == 0 {
		return errors.New("action: Required value")
	}
	action, err := UnmarshalAction(w.Action)
	if err != nil {
		return err
	}
	*o = Outcome{Action: action, Err: w.Err, At: w.At}
	if len(w.Reply) > 0 && string(w.Reply) != "null" {
		if o.Reply, err = Decode(w.Reply); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
	return nil
}
