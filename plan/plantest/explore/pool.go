package explore

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// pool keeps one copy of everything that occurs in states, so that a state is little more than a few pointers.
type pool struct {
	kinds    []string
	items    map[string]*item
	entries  map[string]*entry
	memories map[string]*memory
	literals map[string]int
	serials  uint64
}

func (p *pool) serial() uint64 {
	p.serials++
	return p.serials
}

// item is an object in one version.
type item struct {
	plan.Object
	serial  uint64 // among all that the pool keeps
	kind    int
	number  int // of its UID
	version int
	text    text
}

// entry is an outcome in a ledger.
type entry struct {
	plan.Outcome
	serial uint64
	text   text
}

// memory is what a planner handed back.
type memory struct {
	value  any
	serial uint64
	text   text
}

// text is the JSON of something, with all that is arbitrary about it taken out and listed: numbers that stand for objects,
// versions, times.
type text struct {
	literal int
	marks   []mark
}

// mark is one thing taken out.
type mark struct {
	what   byte
	object int   // whose version it is, or which object is named
	value  int64 // a version, a generation; a time in nanoseconds
}

const (
	anObject     = 'o'
	aVersion     = 'v'
	aGeneration  = 'g'
	aTime        = 't'
	anUnknownOne = 0 // the number of an object without a UID
)

func newPool() *pool {
	return &pool{items: map[string]*item{}, entries: map[string]*entry{}, memories: map[string]*memory{}, literals: map[string]int{}}
}

// kind gives the number of a kind.
func (p *pool) kind(name string) int {
	if at := slices.Index(p.kinds, name); at >= 0 {
		return at
	}
	p.kinds = append(p.kinds, name)
	return len(p.kinds) - 1
}

// item gives the one copy of an object that is stored. The object belongs to the pool from here on.
func (p *pool) item(obj plan.Object) *item {
	kind := plan.KindOf(obj).Kind
	key := kind + string(bytesOf(obj))
	if known := p.items[key]; known != nil {
		return known
	}
	version, _ := strconv.Atoi(obj.GetResourceVersion())
	it := &item{Object: obj, serial: p.serial(), kind: p.kind(kind), number: numberIn(string(obj.GetUID())), version: version, text: p.text(obj)}
	p.items[key] = it
	return it
}

func (p *pool) entry(o plan.Outcome) *entry {
	key := string(outcomeBytes(o))
	if known := p.entries[key]; known != nil {
		return known
	}
	e := &entry{Outcome: o, serial: p.serial(), text: p.text(o)}
	p.entries[key] = e
	return e
}

// outcomeBytes tells any two outcomes apart.
func outcomeBytes(o plan.Outcome) []byte {
	key := o.At.AppendFormat(nil, time.RFC3339Nano)
	add := func(data ...byte) { key = append(binary.AppendUvarint(key, uint64(len(data))), data...) }
	switch a := o.Action.(type) {
	case plan.Create:
		add(bytesOf(a.Object)...)
	case plan.Update:
		add(bytesOf(a.Before)...)
		add(bytesOf(a.After)...)
	case plan.UpdateStatus:
		add('s')
		add(bytesOf(a.Before)...)
		add(bytesOf(a.After)...)
	default:
		add(mustJSON(a)...)
	}
	if o.Reply != nil {
		add('r')
		add(bytesOf(o.Reply)...)
	}
	if o.Err != nil {
		add('e')
		add(mustJSON(o.Err)...)
	}
	return key
}

func (p *pool) memory(value any) *memory {
	if value == nil {
		return nil
	}
	data := mustJSON(value)
	if known := p.memories[string(data)]; known != nil {
		return known
	}
	m := &memory{value: value, serial: p.serial(), text: p.textOf(data)}
	p.memories[string(data)] = m
	return m
}

func (p *pool) text(v any) text { return p.textOf(mustJSON(v)) }

// arbitrary finds what names objects, and what counts or dates their changes. The UID of an object itself stands right before
// its resourceVersion.
var arbitrary = regexp.MustCompile(`uid-(\d{3})(?:","resourceVersion":"(\d+))?` +
	`|-x(\d{3})\b` +
	`|"(?:generation|observedGeneration)":(\d+)` +
	`|"resourceVersion":"(\d+)` +
	`|\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)`)

func (p *pool) textOf(data []byte) text {
	var t text
	literal := []byte{}
	self, last, from := anUnknownOne, anUnknownOne, 0
	group := func(m []int, n int) (string, bool) {
		if m[2*n] < 0 {
			return "", false
		}
		return string(data[m[2*n]:m[2*n+1]]), true
	}
	for _, m := range arbitrary.FindAllSubmatchIndex(data, -1) {
		literal = append(append(literal, data[from:m[0]]...), 0)
		from = m[1]
		if uid, ok := group(m, 1); ok {
			last = number(uid)
			t.marks = append(t.marks, mark{what: anObject, object: number(uid)})
			if version, ok := group(m, 2); ok {
				self = number(uid)
				t.marks = append(t.marks, mark{what: aVersion, object: self, value: int64(number(version))})
			}
		} else if name, ok := group(m, 3); ok {
			t.marks = append(t.marks, mark{what: anObject, object: number(name)})
		} else if generation, ok := group(m, 4); ok {
			t.marks = append(t.marks, mark{what: aGeneration, object: self, value: int64(number(generation))})
		} else if version, ok := group(m, 5); ok { // of a reference
			t.marks = append(t.marks, mark{what: aVersion, object: last, value: int64(number(version))})
		} else if when, ok := group(m, 6); ok {
			at, _ := time.Parse(time.RFC3339Nano, when)
			t.marks = append(t.marks, mark{what: aTime, value: at.UnixNano()})
		}
	}
	literal = append(literal, data[from:]...)
	known, ok := p.literals[string(literal)]
	if !ok {
		known = len(p.literals)
		p.literals[string(literal)] = known
	}
	t.literal = known
	return t
}

// uid and suffix write the number of an object into its UID and, if its name is generated, into its name.
func uid(n int) string    { return fmt.Sprintf("uid-%03d", n) }
func suffix(n int) string { return fmt.Sprintf("x%03d", n) }

// numberIn reads what uid or suffix wrote at the end of a text; 0 if there is nothing.
func numberIn(text string) int {
	if m := trailing.FindStringSubmatch(text); m != nil {
		return number(m[1])
	}
	return anUnknownOne
}

var trailing = regexp.MustCompile(`(?:^uid-|-x)(\d{3})$`)

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// bytesOf tells any two objects of a type apart. The types of Kubernetes have a way that is faster than JSON.
func bytesOf(obj plan.Object) []byte {
	if fast, ok := obj.(interface{ Marshal() ([]byte, error) }); ok {
		if data, err := fast.Marshal(); err == nil {
			return data
		}
	}
	return mustJSON(obj)
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // objects, actions and memories are made to be written as JSON
	}
	return data
}
