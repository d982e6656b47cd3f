package statefulset

import (
	"slices"

	"github.com/kubeplan/kubeplan/plan"
)

// unit is what is to be done about one pod, or about one other object. Units do not depend on each other.
type unit struct {
	claims []plan.Action // what has to be done about the pod's claims before
	pod    []plan.Action // one at the most
	// needsRevision: the pod is made of the update's revision, which has to be recorded before.
	needsRevision bool
}

// arrange puts everything in the order in which it is carried out: the creation of the update's revision, then the units. What was
// refused last time goes last, so that it cannot starve the rest.
func arrange(creation []plan.Action, units []unit, failures []plan.Outcome, batch int) []plan.Action {
	if !wereRefused(creation, failures) {
		return append(creation, inBatches(refusedLast(units, failures), batch)...)
	}
	var free, bound []unit
	for _, u := range units {
		if u.needsRevision {
			bound = append(bound, u)
		} else {
			free = append(free, u)
		}
	}
	actions := append(inBatches(refusedLast(free, failures), batch), creation...)
	return append(actions, inBatches(refusedLast(bound, failures), batch)...)
}

// inBatches puts the claims of 1, 2, 4, ... units, up to batch, ahead of these units' pods: so claims can be created at the same
// time, and if one is refused few pods have to wait for it.
func inBatches(units []unit, batch int) []plan.Action {
	var actions []plan.Action
	for size := 1; len(units) > 0; size = min(2*size, batch) {
		now := units[:min(size, len(units))]
		units = units[len(now):]
		for _, u := range now {
			actions = append(actions, u.claims...)
		}
		for _, u := range now {
			actions = append(actions, u.pod...)
		}
	}
	return actions
}

// refusedLast puts what was refused behind the rest, and if that was a creation, the other creations between the two: a quota
// refuses one after the other.
func refusedLast(units []unit, failures []plan.Outcome) []unit {
	if len(failures) == 0 {
		return units
	}
	isCreation := func(a plan.Action) bool { _, ok := a.(plan.Create); return ok }
	creationFailed := slices.ContainsFunc(failures, func(o plan.Outcome) bool { return isCreation(o.Action) })
	var groups [3][]unit
	for _, u := range units {
		actions := slices.Concat(u.claims, u.pod)
		group := 0
		switch {
		case wereRefused(actions, failures):
			group = 2
		case creationFailed && slices.ContainsFunc(actions, isCreation):
			group = 1
		}
		groups[group] = append(groups[group], u)
	}
	return slices.Concat(groups[0], groups[1], groups[2])
}

// wereRefused reports whether one of the actions is on an object that the API server refused to write last time.
func wereRefused(actions []plan.Action, failures []plan.Outcome) bool {
	return slices.ContainsFunc(actions, func(a plan.Action) bool {
		return slices.ContainsFunc(failures, func(o plan.Outcome) bool { return sameName(o.Action.Target(), a.Target()) })
	})
}

func sameName(a, b plan.Ref) bool {
	return a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}
