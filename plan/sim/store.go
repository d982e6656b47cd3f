package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// Write is one write that took effect.
type Write struct {
	At              time.Time
	ResourceVersion int64
	Verb            string      // create, update, update-status, bind or delete
	By              string      // a host's name, user, scheduler, kubelet, garbage-collector, ...
	Plan            int         // the plan of a host that it is part of, counted from 1; 0 for what no plan asked for
	Before, After   plan.Object // not to be modified. Before is nil for a create, After once the object is gone
}

// Object is the object as it is after the write, or as it was if it is gone.
func (w Write) Object() plan.Object {
	if w.After != nil {
		return w.After
	}
	return w.Before
}

// Kind is the kind of the object.
func (w Write) Kind() string {
	return kindName(w.Object())
}

// String tells the write in one line.
func (w Write) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "%s %d %s: ", w.At.UTC().Format("2006-01-02T15:04:05.000Z"), w.ResourceVersion, w.By)
	event, isEvent := w.After.(*corev1.Event)
	switch {
	case isEvent:
		about := event.InvolvedObject
		object := plan.Ref{Kind: about.Kind, Namespace: about.Namespace, Name: about.Name}
		fmt.Fprintf(&line, "event about %s: %s %s (x%d): %s", object, event.Type, event.Reason, event.Count, event.Message)
	case w.Before == nil:
		line.WriteString(plan.Create{Object: w.After}.String())
	case w.After == nil && w.Verb == verbDelete:
		line.WriteString("delete " + plan.RefTo(w.Before).String())
	case w.After == nil:
		line.WriteString(w.Verb + " " + plan.RefTo(w.Before).String() + ": gone with its last finalizer")
	default:
		change := plan.Update{Before: unversioned(w.Before), After: unversioned(w.After)}.String()
		line.WriteString(w.Verb + strings.TrimPrefix(change, "update"))
	}
	return line.String()
}

// unversioned is obj without what changes with every write.
func unversioned(obj plan.Object) plan.Object {
	obj = clone(obj)
	obj.SetResourceVersion("")
	return obj
}

// store is the state of the cluster and how it came about. What is in it is never modified, only replaced, so the past stays
// what it was and views share it.
type store struct {
	version int64
	log     []Write
	kinds   map[string]*shelf
	byUID   map[types.UID]plan.Object
}

// shelf holds the objects of one kind, and the writes to them.
type shelf struct {
	collection
	log []Write
}

func newStore() store {
	return store{version: 1, kinds: map[string]*shelf{}, byUID: map[types.UID]plan.Object{}}
}

// shelf gives the objects of a kind. Kinds are told apart by name alone, as people do.
func (s *store) shelf(kind string) *shelf {
	if s.kinds[kind] == nil {
		s.kinds[kind] = &shelf{}
	}
	return s.kinds[kind]
}

func (s *store) write(w Write) {
	shelf := s.shelf(w.Kind())
	if w.Before != nil {
		delete(s.byUID, w.Before.GetUID())
	}
	if w.After != nil {
		s.byUID[w.After.GetUID()] = w.After
	}
	shelf.apply(w)
	shelf.log = append(shelf.log, w)
	s.log = append(s.log, w)
}

// collection is a list of objects sorted by namespace and name.
type collection []plan.Object

func (l collection) find(namespace, name string) (at int, found bool) {
	return slices.BinarySearchFunc(l, [2]string{namespace, name}, func(obj plan.Object, key [2]string) int {
		return cmp.Or(cmp.Compare(obj.GetNamespace(), key[0]), cmp.Compare(obj.GetName(), key[1]))
	})
}

func (l collection) get(namespace, name string) plan.Object {
	if at, found := l.find(namespace, name); found {
		return l[at]
	}
	return nil
}

// in gives the part of the list that lies in a namespace: all of it for "".
func (l collection) in(namespace string) collection {
	if namespace == "" {
		return l
	}
	from, _ := l.find(namespace, "")
	to, _ := l.find(namespace+"\x00", "")
	return l[from:to]
}

// apply brings the list from before a write to after it.
func (l *collection) apply(w Write) {
	at, found := l.find(w.Object().GetNamespace(), w.Object().GetName())
	switch {
	case w.After == nil:
		*l = slices.Delete(*l, at, at+1)
	case found:
		(*l)[at] = w.After
	default:
		*l = slices.Insert(*l, at, w.After)
	}
}

func clone[T plan.Object](obj T) T {
	return obj.DeepCopyObject().(T)
}
