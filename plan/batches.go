package plan

import "reflect"

// Batches groups actions for a host that carries out several at once. The batches must be carried out one after
// the other, the actions of one batch in any order or at the same time; if one of them fails, no
// further batch is begun.
//
// Neighbours of one type and one kind of object share batches of at most 1, 2, 4, 8, ... actions: if the
// first fails, as with an exhausted quota, little has been asked in vain. A change of type or kind begins
// anew with 1, so whatever the list puts first is done first: a claim before its pod. Waits, which ask for
// nothing, are left out.
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
