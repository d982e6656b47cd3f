package statefulset

import (
	"slices"

	"github.com/kubeplan/kubeplan/plan"
)

// unit is what is to be done about one pod, or about one other object. Units do not depend on each other.
type unit struct {
	before []plan.Action // the claims that the pod needs
	pod    []plan.Action // one at the most
	after  []plan.Action // the owners of the claims that it has
}

// arrange puts units in the order in which they are carried out. Those that hold something that was refused last time go
// last, so that it cannot starve the others. Then the claims of 1, 2, 4, ... units, up to batch, are put ahead of these
// units' pods: so claims can be created at the same time, and if one is refused few pods have to wait for it.
func arrange(units []unit, failures []plan.Outcome, batch int) []plan.Action {
	units = refusedLast(units, failures)
	var actions []plan.Action
	for size := 1; len(units) > 0; size = min(2*size, batch) {
		now := units[:min(size, len(units))]
		units = units[len(now):]
		for _, part := range []func(unit) []plan.Action{
			func(u unit) []plan.Action { return u.before },
			func(u unit) []plan.Action { return u.pod },
			func(u unit) []plan.Action { return u.after },
		} {
			for _, u := range now {
				actions = append(actions, part(u)...)
			}
		}
	}
	return actions
}

func refusedLast(units []unit, failures []plan.Outcome) []unit {
	if len(failures) == 0 {
		return units
	}
	var first, last []unit
	for _, u := range units {
		wasRefused := func(a plan.Action) bool {
			return slices.ContainsFunc(failures, func(o plan.Outcome) bool { return sameName(o.Action.Target(), a.Target()) })
		}
		if slices.ContainsFunc(slices.Concat(u.before, u.pod, u.after), wasRefused) {
			last = append(last, u)
		} else {
			first = append(first, u)
		}
	}
	return append(first, last...)
}

func sameName(a, b plan.Ref) bool {
	return a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}
