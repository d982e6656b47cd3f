package explore

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// key stands for all states that differ only by what is arbitrary: the names and UIDs that were generated, numbers of versions and
// generations, what time it is, the order in which pods alike in all else were created. Ordinals, indexes and names that
// are not generated are never arbitrary.
type key struct {
	body [16]byte
	left [5]int8 // of the budget
}

// horizon is the age from which on things are equally old: longer than anything is waited for in these scopes.
const horizon = time.Hour

// part is one thing of which a state consists.
type part struct {
	place int
	owner int // the number of the object, if it is one
	group int // the number of the workload in whose ledger it stands, and where
	turn  int
	text  text
}

// parts gives all parts of a state, in an order of no meaning among objects of one place.
func (s *search) parts(at *state, each func(part)) {
	for kind, shelf := range at.shelves {
		for _, it := range shelf {
			each(part{place: kind, owner: it.number, text: it.text})
		}
	}
	for h, host := range at.hosts {
		for i, v := range host.views {
			if v == nil {
				continue
			}
			place := 1<<20 | h<<8 | i<<1
			for _, it := range v.shelf {
				each(part{place: place, owner: it.number, text: it.text})
			}
			if v.foreign {
				place |= 1
			}
			each(part{place: place | 1<<19, text: text{literal: -1, marks: []mark{{what: aTime, value: v.since.UnixNano()}}}})
		}
		for _, l := range host.ledgers {
			place := 2<<20 | h<<8
			for i, e := range l.outcomes {
				each(part{place: place, group: l.workload, turn: i, text: e.text})
			}
			if l.memory != nil {
				each(part{place: place | 1, group: l.workload, text: l.memory.text})
			}
		}
	}
}

// keyOf computes the key of a state: the numbers of objects are replaced by their rank in an order that does not depend on them.
func (s *search) keyOf(at *state) key {
	k := &s.scratch
	k.reset()
	k.now, k.calendar = at.now, s.Calendar
	s.parts(at, k.add)
	k.evaluate()
	k.colour()
	return k.digest(s, at)
}

// scratch is the memory in which keys are computed.
type scratch struct {
	parts    []part
	values   []int64             // of the marks of all parts, one after the other: an age, or a rank
	numbers  []int               // of the objects that occur
	colours  [mostObjects]uint64 // by number
	fresh    [mostObjects]uint64
	ranks    [mostObjects]int
	seen     [mostObjects]bool
	versions []uint64 // all that occur, packed and sorted
	order    []int
	first    []int // of each part: where its values begin
	buffer   []byte
	now      time.Time
	calendar bool
}

func (k *scratch) reset() {
	for _, n := range k.numbers {
		k.seen[n] = false
	}
	k.parts, k.numbers, k.versions = k.parts[:0], k.numbers[:0], k.versions[:0]
}

func (k *scratch) add(p part) {
	k.parts = append(k.parts, p)
	k.note(p.owner)
	k.note(p.group)
	for _, m := range p.text.marks {
		switch m.what {
		case anObject:
			k.note(m.object)
		case aVersion, aGeneration:
			k.versions = append(k.versions, m.packed())
		}
	}
}

func (k *scratch) note(n int) {
	if !k.seen[n] {
		k.seen[n] = true
		k.numbers = append(k.numbers, n)
		k.colours[n] = 1
	}
}

// packed sorts by object, then by version.
func (m mark) packed() uint64 { return uint64(m.what)<<56 | uint64(m.object)<<32 | uint64(m.value) }

// evaluate gives the marks values that do not depend on when a state is reached: ages, and the rank of a version among those of its
// object that occur.
func (k *scratch) evaluate() {
	slices.Sort(k.versions)
	k.versions = slices.Compact(k.versions)
	k.values, k.first = k.values[:0], k.first[:0]
	for _, p := range k.parts {
		k.first = append(k.first, len(k.values))
		for _, m := range p.text.marks {
			k.values = append(k.values, k.value(m))
		}
	}
}

func (k *scratch) value(m mark) int64 {
	switch m.what {
	case anObject:
		return 0
	case aTime:
		age := k.now.UnixNano() - m.value
		if k.calendar {
			return age
		}
		return min(age, int64(horizon))
	}
	at, _ := slices.BinarySearch(k.versions, m.packed())
	first, _ := slices.BinarySearch(k.versions, mark{what: m.what, object: m.object}.packed())
	return int64(at - first)
}

// colour tells the objects apart by what they are and by what they are to each other, in up to three rounds. Those that get one colour
// are alike, or so nearly that no harm is done: they keep the order of their numbers, and a state may be visited twice.
func (k *scratch) colour() {
	for range 3 {
		k.refine()
		slices.SortFunc(k.numbers, func(a, b int) int {
			return cmp.Or(cmp.Compare(k.colours[a], k.colours[b]), cmp.Compare(a, b))
		})
		if k.distinct() {
			break
		}
	}
	for rank, n := range k.numbers {
		k.ranks[n] = rank
	}
}

// distinct reports whether no two objects have one colour.
func (k *scratch) distinct() bool {
	for i := 1; i < len(k.numbers); i++ {
		if k.colours[k.numbers[i-1]] == k.colours[k.numbers[i]] {
			return false
		}
	}
	return true
}

// refine gives each object a colour that tells what it had, and what those have that it stands with.
func (k *scratch) refine() {
	for _, n := range k.numbers {
		k.fresh[n] = k.colours[n] * 31
	}
	for at, p := range k.parts {
		values := k.values[k.first[at]:]
		hash := mix(uint64(p.place)<<32|uint64(uint32(p.text.literal)), k.colours[p.owner])
		hash = mix(mix(hash, k.colours[p.group]), uint64(p.turn))
		for i, m := range p.text.marks {
			switch {
			case m.what != anObject:
				hash = mix(hash, uint64(values[i]))
			case m.object == p.owner:
				hash = mix(hash, 7)
			default:
				hash = mix(hash, k.colours[m.object])
			}
		}
		k.fresh[p.owner] += mix(hash, 1)
		for i, m := range p.text.marks {
			if m.what == anObject && m.object != p.owner {
				k.fresh[m.object] += mix(hash, uint64(i+2))
			}
		}
	}
	for _, n := range k.numbers {
		k.colours[n] = k.fresh[n]
	}
}

func mix(a, b uint64) uint64 {
	h := (a ^ b*0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9
	h ^= h >> 29
	h *= 0x94D049BB133111EB
	return h ^ h>>32
}

func (k *scratch) digest(s *search, at *state) key {
	k.order = k.order[:0]
	for i := range k.parts {
		k.order = append(k.order, i)
	}
	slices.SortFunc(k.order, func(a, b int) int {
		x, y := k.parts[a], k.parts[b]
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(k.ranks[x.group], k.ranks[y.group]),
			cmp.Compare(k.ranks[x.owner], k.ranks[y.owner]), cmp.Compare(a, b))
	})
	b := k.buffer[:0]
	put := func(n int64) { b = binary.AppendVarint(b, n) }
	for _, i := range k.order {
		p := k.parts[i]
		put(int64(p.place))
		put(int64(p.text.literal))
		put(int64(k.ranks[p.owner]))
		put(int64(k.ranks[p.group]))
		for j, m := range p.text.marks {
			if m.what == anObject {
				put(int64(k.ranks[m.object]))
			} else {
				put(k.values[k.first[i]+j])
			}
		}
	}
	if s.Calendar {
		put(at.now.UnixNano())
	}
	k.buffer = b
	sum := sha256.Sum256(b)
	left := at.left
	return key{
		body: [16]byte(sum[:16]),
		left: [5]int8{int8(left.Faults), int8(left.Edits), int8(left.Lags), int8(left.Haste), int8(left.Ticks)},
	}
}
