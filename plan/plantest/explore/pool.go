package explore

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// pool keeps one copy of everything that occurs in states, so that a state is little more than a few pointers, and what
// was found out about a thing once need not be found out again.
type pool struct {
	kinds    []string
	items    map[string]*item
	stored   map[plan.Object]*item // by their address
	made     map[recipe]*item
	acts     map[actKey]*act
	entries  map[entryKey]*entry
	memories map[string]*memory
	literals map[string]int
	serials  uint64
}

// item is an object in one version.
type item struct {
	plan.Object
	serial  uint64 // among all that the pool keeps
	kind    int
	number  int // of its UID
	version int
	content int // of one content are those that are alike in all but the version
	text    text
}

// recipe is how an object comes to be: from what, if from any, what is done to it, when, and the version that it gets.
type recipe struct {
	from    *item
	what    any
	now     int64
	version int
}

// act is an action of a plan that asks for something.
type act struct {
	plan.Action
	actKey
	serial uint64
	target plan.Ref
	text   text
}

// actKey tells any two actions apart.
type actKey struct {
	verb          string
	before, after *item // of what is written. A creation has nothing before
	rest          string
}

// entry is an outcome in a ledger.
type entry struct {
	plan.Outcome
	entryKey
	serial uint64
	text   text
}

// entryKey tells any two outcomes apart.
type entryKey struct {
	act   *act
	reply *item
	err   string
	at    int64
}

// memory is what a planner handed back.
type memory struct {
	value  any
	serial uint64
	text   text
}

func newPool() *pool {
	return &pool{
		items: map[string]*item{}, stored: map[plan.Object]*item{}, made: map[recipe]*item{}, acts: map[actKey]*act{},
		entries: map[entryKey]*entry{}, memories: map[string]*memory{}, literals: map[string]int{},
	}
}

func (p *pool) serial() uint64 {
	p.serials++
	return p.serials
}

// kind gives the number of a kind.
func (p *pool) kind(name string) int {
	if at := slices.Index(p.kinds, name); at >= 0 {
		return at
	}
	p.kinds = append(p.kinds, name)
	return len(p.kinds) - 1
}

// item gives the one copy of an object. The object belongs to the pool from here on.
func (p *pool) item(obj plan.Object) *item {
	if known := p.stored[obj]; known != nil {
		return known
	}
	kind := plan.KindOf(obj).Kind
	key := kind + string(bytesOf(obj))
	if known := p.items[key]; known != nil {
		return known
	}
	version, _ := strconv.Atoi(obj.GetResourceVersion())
	it := &item{Object: obj, serial: p.serial(), kind: p.kind(kind), number: numberIn(string(obj.GetUID())), version: version, text: p.text(obj)}
	it.content = p.content(it.text)
	p.items[key], p.stored[obj] = it, it
	return it
}

// make gives what comes of a recipe, each time the same: nil if that is nothing.
func (p *pool) make(r recipe, object func() plan.Object) *item {
	known, ok := p.made[r]
	if !ok {
		if obj := object(); obj != nil {
			known = p.item(obj)
		}
		p.made[r] = known
	}
	return known
}

// act gives the one copy of an action.
func (p *pool) act(action plan.Action) *act {
	var key actKey
	switch a := action.(type) {
	case plan.Create:
		key = actKey{verb: "create", after: p.item(a.Object)}
	case plan.Update:
		key = actKey{verb: "update", before: p.item(a.Before), after: p.item(a.After)}
		if a.Live != nil {
			key.rest = string(mustJSON(a.Live))
		}
	case plan.UpdateStatus:
		key = actKey{verb: "update-status", before: p.item(a.Before), after: p.item(a.After)}
	case plan.Delete:
		key = actKey{verb: "delete", rest: string(mustJSON(a))}
	case plan.Bind:
		key = actKey{verb: "bind", rest: string(mustJSON(a))}
	}
	return p.actOf(key, action)
}

// actOf gives the one copy of an action that is like another in all that its key does not tell.
func (p *pool) actOf(key actKey, like plan.Action) *act {
	if known := p.acts[key]; known != nil {
		return known
	}
	texts := []text{p.textOf([]byte(key.rest))}
	for _, it := range []*item{key.before, key.after} {
		if it != nil {
			texts = append(texts, it.text)
		}
	}
	switch a := like.(type) {
	case plan.Create:
		like = plan.Create{Object: key.after.Object}
	case plan.Update:
		like = plan.Update{Before: key.before.Object, After: key.after.Object, Live: a.Live}
	case plan.UpdateStatus:
		like = plan.UpdateStatus{Before: key.before.Object, After: key.after.Object}
	}
	a := &act{Action: like, actKey: key, serial: p.serial(), target: like.Target(), text: p.join(key.verb, texts...)}
	p.acts[key] = a
	return a
}

// entry gives the one copy of what became of an action.
func (p *pool) entry(a *act, reply *item, err error, at time.Time) *entry {
	key := entryKey{act: a, reply: reply, at: at.UnixNano()}
	outcome := plan.OutcomeOf(a.Action, nil, err, at)
	if outcome.Err != nil {
		key.err = string(mustJSON(outcome.Err))
	}
	return p.entryOf(key, outcome)
}

// entryOf gives the one copy of an outcome that is like another in all that its key does not tell.
func (p *pool) entryOf(key entryKey, like plan.Outcome) *entry {
	if known := p.entries[key]; known != nil {
		return known
	}
	texts := []text{key.act.text, {literal: -1, marks: []mark{{what: aTime, value: key.at}}}, p.textOf([]byte(key.err))}
	like.Action = key.act.Action
	if key.reply != nil {
		like.Reply = key.reply.Object
		texts = append(texts, key.reply.text)
	}
	e := &entry{Outcome: like, entryKey: key, serial: p.serial(), text: p.join("outcome", texts...)}
	p.entries[key] = e
	return e
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
