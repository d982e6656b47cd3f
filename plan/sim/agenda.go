package sim

import (
	"cmp"
	"container/heap"
	"time"
)

// agenda is what is due and when. Each appointment has a key; what is due at one instant happens in the order in
// which it was entered, so a history has one order.
type agenda struct {
	due   appointments
	byKey map[string]*appointment
	taken uint64
}

type appointment struct {
	key   string
	at    time.Time
	order uint64
	run   func()
	index int
}

// enter puts an appointment on the agenda. Of two with the same key the earlier stands; the later is forgotten.
func (a *agenda) enter(key string, at time.Time, run func()) {
	if entered := a.byKey[key]; entered != nil {
		if !at.Before(entered.at) {
			return
		}
		a.strike(key)
	}
	a.taken++
	entry := &appointment{key: key, at: at, order: a.taken, run: run}
	a.byKey[key] = entry
	heap.Push(&a.due, entry)
}

// move is enter that replaces an appointment of the same key even by a later one.
func (a *agenda) move(key string, at time.Time, run func()) {
	if entered := a.byKey[key]; entered != nil && entered.at.Equal(at) {
		return
	}
	a.strike(key)
	a.enter(key, at, run)
}

func (a *agenda) strike(key string) {
	if entry := a.byKey[key]; entry != nil {
		delete(a.byKey, key)
		heap.Remove(&a.due, entry.index)
	}
}

// next is when the next appointment is due; ok is false if there is none.
func (a *agenda) next() (at time.Time, ok bool) {
	if len(a.due) == 0 {
		return time.Time{}, false
	}
	return a.due[0].at, true
}

func (a *agenda) pop() *appointment {
	entry := heap.Pop(&a.due).(*appointment)
	delete(a.byKey, entry.key)
	return entry
}

// appointments is a heap by time, then by the order of entry.
type appointments []*appointment

func (s appointments) Len() int { return len(s) }

func (s appointments) Less(i, j int) bool {
	return cmp.Or(s[i].at.Compare(s[j].at), cmp.Compare(s[i].order, s[j].order)) < 0
}

func (s appointments) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

func (s *appointments) Push(x any) {
	entry := x.(*appointment)
	entry.index = len(*s)
	*s = append(*s, entry)
}

func (s *appointments) Pop() any {
	last := len(*s) - 1
	entry := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return entry
}
