package plan

import "reflect"

// Batches groups the actions of a plan for a host that carries out several at once. Carry out the batches one after the
// other, the actions of one batch in any order or at the same time. If any of them fails, let the others of its batch
// end, and begin no further batch.
//
// Neighbours of one type and one kind of object share batches of at most 1, 2, 4, 8, ... actions: if the first fails, as
// with an exceeded quota, few requests were in vain. A change of type or kind begins a new batch, at 1 again, so that
// whatever comes first in the plan is done first: a claim before its pod. Waits are left out.
func Batches(actions []Action) [][]Action {
	var batches [][]Action
	size := 1
	for i, a := range actions {
		if _, waits := a.(Wait); waits {
			continue
		}
		last := len(batches) - 1
		switch {
		case i == 0 || !alike(actions[i-1], a):
			size = 1
			batches = append(batches, []Action{a})
		case len(batches[last]) == size:
			size *= 2
			batches = append(batches, []Action{a})
		default:
			batches[last] = append(batches[last], a)
		}
	}
	return batches
}

func alike(a, b Action) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && a.Target().Kind == b.Target().Kind
}
