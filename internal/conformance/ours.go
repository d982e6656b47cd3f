package conformance

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeplan/kubeplan/plan"
)

// View is what a planner is shown: copies of what the World holds, in an order of no meaning.
type View struct {
	Now      time.Time
	Workload plan.Ref
	Pending  plan.Pending
	Burst    int

	world  *World
	random *rand.Rand
	shown  []shown
	lists  []func() bool // whether a list that was shown is as it was
}

// shown is an object that was shown, and a copy of it that was not.
type shown struct{ object, original plan.Object }

// Show gives the view's objects of one type. What is shown must not be changed: it is compared after the plan.
func Show[T plan.Object](v *View) []T {
	objects := Objects[T](v.world)
	v.random.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	for _, obj := range objects {
		v.show(obj)
	}
	original := slices.Clone(objects)
	v.lists = append(v.lists, func() bool {
		return slices.EqualFunc(objects, original, func(a, b T) bool { return any(a) == any(b) })
	})
	return objects
}

func (v *View) show(obj plan.Object) {
	v.shown = append(v.shown, shown{obj, obj.DeepCopyObject().(plan.Object)})
}

// showPending notes what the planner reads through Pending.
func (v *View) showPending() {
	for _, o := range v.Pending.Outcomes {
		if o.Reply != nil {
			v.show(o.Reply)
		}
		switch a := o.Action.(type) {
		case plan.Create:
			v.show(a.Object)
		case plan.Update:
			v.show(a.Before)
			v.show(a.After)
		case plan.UpdateStatus:
			v.show(a.Before)
			v.show(a.After)
		}
	}
}

// ShowWorkload gives the workload itself; ok is false if it is gone.
func ShowWorkload[T plan.Object](v *View) (workload T, ok bool) {
	for _, obj := range Show[T](v) {
		if obj.GetNamespace() == v.Workload.Namespace && obj.GetName() == v.Workload.Name {
			return obj, true
		}
	}
	return workload, false
}

// touched tells which input the planner changed: "" if none.
func (v *View) touched() string {
	for _, s := range v.shown {
		if !reflect.DeepEqual(s.object, s.original) {
			return fmt.Sprintf("the planner changed its input %s:\n%s", plan.RefTo(s.original), cmp.Diff(s.original, s.object))
		}
	}
	for _, same := range v.lists {
		if !same() {
			return "the planner changed the order of a list that it was shown"
		}
	}
	return ""
}

// Ours is a host with one of our planners at work on a World. Its view never lags.
type Ours struct {
	World *World

	plan     Planner
	workload plan.Ref
	burst    int
	pending  plan.Pending
	random   *rand.Rand
	// Touched tells of the first input that a plan changed.
	Touched string
}

func newOurs(kind Kind, w *World, snapshot *Snapshot) *Ours {
	return &Ours{
		World:    w,
		plan:     kind.Ours(),
		workload: snapshot.Workload,
		burst:    snapshot.Burst,
		random:   rand.New(rand.NewPCG(1, uint64(snapshot.Shuffle))),
	}
}

// Round plans once on the World as it is and carries the plan out, to the batch in which something is refused.
func (o *Ours) Round() Round {
	o.World.drain()
	now := time.Now()
	o.pending.Seen = o.World.seen()
	view := &View{Now: now, Workload: o.workload, Pending: o.pending, Burst: o.burst, world: o.World, random: o.random}
	view.showPending()
	result, err := o.plan(view)
	if o.Touched == "" {
		o.Touched = view.touched()
	}
	round := Round{At: now, Before: o.World.all(), Err: err, Events: result.Events, Actions: result.Actions}
	refused := slices.ContainsFunc(o.pending.Outcomes, func(outcome plan.Outcome) bool { return outcome.Err != nil })
	o.pending = plan.Settle(o.pending, now)
	for _, batch := range plan.Batches(result.Actions) {
		failed := false
		for _, action := range batch {
			reply, sent, err := o.carryOut(action)
			if !sent {
				continue
			}
			outcome := plan.OutcomeOf(action, reply, err, now)
			o.pending.Outcomes = append(o.pending.Outcomes, outcome)
			if event, ok := plan.EventFor(o.workload, outcome); ok {
				round.Events = append(round.Events, event)
			}
			failed = failed || outcome.Err != nil
		}
		if failed {
			break
		}
	}
	round.Writes = o.World.drain()
	round.Held = refused && len(round.Writes) == 0
	return round
}

func (o *Ours) carryOut(action plan.Action) (reply plan.Object, sent bool, err error) {
	o.World.mu.Lock()
	defer o.World.mu.Unlock()
	switch a := action.(type) {
	case plan.Create:
		reply, err = o.World.create(a.Object)
	case plan.Update:
		if a.Live != nil && !o.World.lives(*a.Live) {
			return nil, false, nil
		}
		reply, err = o.World.update(a.After, false)
	case plan.UpdateStatus:
		reply, err = o.World.update(a.After, true)
	case plan.Delete:
		reply, err = o.World.remove(a.Object, a.Propagation)
	case plan.Bind:
		reply, err = o.World.bind(a.Object, a.To.Name)
	}
	return reply, true, err
}

// lives reports whether an owner still exists and is not being deleted.
func (w *World) lives(owner plan.Ref) bool {
	obj, ok := w.objects[key{owner.Kind, owner.Namespace, owner.Name}]
	return ok && obj.GetUID() == owner.UID && obj.GetDeletionTimestamp() == nil
}

// seen is how far a view that never lags has come.
func (w *World) seen() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	version := strconv.FormatInt(w.version, 10)
	seen := map[string]string{}
	for gvk := range kinds() {
		seen[gvk.Kind] = version
	}
	return seen
}
