package explore

import (
	"slices"
	"strconv"

	"github.com/kubeplan/kubeplan/plan"
)

// recount counts the versions of a state anew. All they tell is which of two versions of one object is the newer, and which of them a
// view has reached; so states are made of far fewer items, and what was once planned and found about them holds for far more. If
// anything tells a version in a place that the checker does not write to, all stays as it is.
func (s *search) recount(at *state) {
	c := &s.census
	c.take(s, at)
	if c.fixed {
		return
	}
	at.shelves, at.hosts = slices.Clone(at.shelves), slices.Clone(at.hosts)
	at.version = aStretch // behind all that no view has reached
	for h, host := range at.hosts {
		at.hosts[h].views, at.hosts[h].ledgers = slices.Clone(host.views), slices.Clone(host.ledgers)
		for i, v := range host.views {
			if v == nil {
				continue
			}
			kind := s.reads[h][i]
			still := *v
			still.shelf = s.recounted(v.shelf)
			still.version, _ = c.stretch(kind, v.version+1)
			at.version = max(at.version, still.version+aStretch)
			at.hosts[h].views[i] = &still
		}
		for i, l := range host.ledgers {
			outcomes := make([]*entry, len(l.outcomes))
			for j, e := range l.outcomes {
				outcomes[j] = s.recountedEntry(e)
			}
			at.hosts[h].ledgers[i].outcomes = outcomes
		}
	}
	for kind, shelf := range at.shelves {
		at.shelves[kind] = s.recounted(shelf)
	}
}

func (s *search) recounted(shelf []*item) []*item {
	recounted := make([]*item, len(shelf))
	for i, it := range shelf {
		recounted[i] = s.recountedItem(it)
	}
	return recounted
}

// recountedItem gives an object in its new version. What has none, as what is to be created, stays the same.
func (s *search) recountedItem(it *item) *item {
	if it == nil || it.version == 0 {
		return it
	}
	version := s.census.recounted(it)
	if version == it.version {
		return it
	}
	return s.pool.make(recipe{from: it, what: "recount", version: version}, func() plan.Object {
		obj := it.DeepCopyObject().(plan.Object)
		obj.SetResourceVersion(strconv.Itoa(version))
		return obj
	})
}

func (s *search) recountedEntry(e *entry) *entry {
	act, key := e.act.actKey, e.entryKey
	act.before, act.after = s.recountedItem(act.before), s.recountedItem(act.after)
	key.act, key.reply = s.pool.actOf(act, e.Action), s.recountedItem(e.reply)
	return s.pool.entryOf(key, e.Outcome)
}

// census is what versions there are in a state.
type census struct {
	versions []uint64 // packed and sorted
	cuts     []uint64 // how far views have come that do not move, packed and sorted
	fixed    bool     // there is a version that cannot be written anew
}

// aStretch is how many numbers there are for the versions up to the first view that does not move, and from each to the next.
const aStretch = 100

func pack(kind, object, version int) uint64 {
	return uint64(kind)<<48 | uint64(object)<<32 | uint64(version)
}

func (c *census) take(s *search, at *state) {
	c.versions, c.cuts, c.fixed = c.versions[:0], c.cuts[:0], false
	for _, shelf := range at.shelves {
		c.addAll(shelf)
	}
	for h, host := range at.hosts {
		for i, v := range host.views {
			if v != nil {
				c.addAll(v.shelf)
				c.cuts = append(c.cuts, pack(s.reads[h][i], 0, v.version))
			}
		}
		for _, l := range host.ledgers {
			for _, e := range l.outcomes {
				c.add(e.act.before)
				c.add(e.act.after)
				c.add(e.reply)
				c.fixed = c.fixed || e.text.refers
			}
			c.fixed = c.fixed || l.memory != nil && l.memory.text.refers
		}
	}
	slices.Sort(c.cuts)
	c.cuts = slices.Compact(c.cuts)
	slices.Sort(c.versions)
	c.versions = slices.Compact(c.versions)
}

func (c *census) addAll(shelf []*item) {
	for _, it := range shelf {
		c.add(it)
	}
}

func (c *census) add(it *item) {
	if it != nil && it.version > 0 {
		c.versions = append(c.versions, pack(it.kind, it.number, it.version))
		c.fixed = c.fixed || it.text.refers
	}
}

// stretch is where the new numbers of a stretch begin, and behind which old one: the stretch of a version of a kind.
func (c *census) stretch(kind, version int) (begins, behind int) {
	first, _ := slices.BinarySearch(c.cuts, pack(kind, 0, 0))
	next, _ := slices.BinarySearch(c.cuts, pack(kind, 0, version))
	if next > first {
		behind = int(uint32(c.cuts[next-1]))
	}
	return (next - first) * aStretch, behind
}

// recounted is the new version of an item: its place among those of the object in its stretch.
func (c *census) recounted(it *item) int {
	begins, behind := c.stretch(it.kind, it.version)
	first, _ := slices.BinarySearch(c.versions, pack(it.kind, it.number, behind+1))
	at, _ := slices.BinarySearch(c.versions, pack(it.kind, it.number, it.version))
	return begins + at - first + 1
}
