package explore

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
)

// state is one state of the search: a value. What is in it is never modified, and shared between states.
type state struct {
	cluster
	hosts []hostState
	left  Budget
	key   key
}

// cluster is what the API server stores.
type cluster struct {
	now     time.Time
	version int       // the newest resourceVersion
	shelves [][]*item // the objects by kind, sorted by namespace and name
}

// hostState is what a host knows.
type hostState struct {
	views   []*view // in the order of its kinds; nil: up to date
	ledgers []ledger
}

// view is what a host sees of a kind while its view does not move.
type view struct {
	shelf   []*item
	version int
	since   time.Time
	foreign bool // somebody else has written to the kind since
}

// ledger is what a host keeps for one workload, if there is anything to keep.
type ledger struct {
	workload int // its number
	outcomes []*entry
	memory   *memory
}

// clone returns a copy whose lists may be written to.
func (s *state) clone() *state {
	c := *s
	c.shelves = slices.Clone(s.shelves)
	c.hosts = slices.Clone(s.hosts)
	return &c
}

func (h hostState) ledgerOf(workload int) ledger {
	for _, l := range h.ledgers {
		if l.workload == workload {
			return l
		}
	}
	return ledger{workload: workload}
}

// with replaces a ledger.
func (h hostState) with(l ledger) hostState {
	h.ledgers = slices.DeleteFunc(slices.Clone(h.ledgers), func(old ledger) bool { return old.workload == l.workload })
	if len(l.outcomes) > 0 || l.memory != nil {
		h.ledgers = append(h.ledgers, l)
	}
	return h
}

// shelf gives the objects of a kind.
func (c *cluster) shelf(kind int) []*item {
	if kind < len(c.shelves) {
		return c.shelves[kind]
	}
	return nil // nothing of this kind was ever created
}

func compareItems(a, b *item) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}

// find gives the object of a UID.
func (c *cluster) find(kind int, uid types.UID) *item {
	for _, it := range c.shelf(kind) {
		if it.GetUID() == uid {
			return it
		}
	}
	return nil
}

func (c *cluster) named(kind int, namespace, name string) *item {
	for _, it := range c.shelf(kind) {
		if it.GetName() == name && it.GetNamespace() == namespace {
			return it
		}
	}
	return nil
}

// put stores an object in its newest version.
func (c *cluster) put(it *item) {
	shelf := slices.Clone(c.shelves[it.kind])
	at, found := slices.BinarySearchFunc(shelf, it, compareItems)
	if found {
		shelf[at] = it
	} else {
		shelf = slices.Insert(shelf, at, it)
	}
	c.shelves[it.kind] = shelf
}

func (c *cluster) remove(it *item) {
	c.version++
	c.shelves[it.kind] = slices.DeleteFunc(slices.Clone(c.shelves[it.kind]), func(o *item) bool { return o.GetUID() == it.GetUID() })
}

// stamp stores what becomes of an object by a change, under the next version. what names the change: of one object and one name there
// is one outcome at a time.
func (s *search) stamp(c *cluster, from *item, what any, change func(plan.Object)) *item {
	c.version++
	it := s.pool.make(recipe{from: from, what: what, now: c.now.UnixNano(), version: c.version}, func() plan.Object {
		changed := from.DeepCopyObject().(plan.Object)
		change(changed)
		changed.SetResourceVersion(strconv.Itoa(c.version))
		return changed
	})
	c.put(it)
	return it
}

// identify gives the number of a cluster: of one number are those that are the same in all but versions.
func (s *search) identify(c *cluster) int {
	b := binary.AppendVarint(s.identity[:0], c.now.UnixNano())
	for _, shelf := range c.shelves {
		b = append(b, 0)
		for _, it := range shelf {
			b = binary.AppendUvarint(b, uint64(it.content))
		}
	}
	s.identity = b
	known, ok := s.clusters[string(b)]
	if !ok {
		known = len(s.clusters) + 1
		s.clusters[string(b)] = known
	}
	return known
}

// snapshot is the cluster as the invariants see it.
func (s *search) snapshot(c *cluster) plantest.Snapshot {
	snapshot := plantest.Snapshot{Now: c.now, Policy: s.Policy, Version: c.version}
	for _, shelf := range c.shelves {
		for _, it := range shelf {
			if it.GetName() == s.Workload.Name && s.pool.kinds[it.kind] == s.Workload.Kind {
				snapshot.Workload = it.Object
				continue
			}
			snapshot.Objects = append(snapshot.Objects, it.Object)
		}
	}
	return snapshot
}
