package statefulset

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// unit is what is to be done about one pod, or about one other object. Units do not depend on each other.
type unit struct {
	claims []plan.Action // what has to be done about the pod's claims before
	pod    []plan.Action // one at the most
	// needsRevision: the pod is made of the update's revision, or makes room for one that is. That has to be recorded before.
	needsRevision bool
	// records: this is where it is recorded.
	records bool
}

// arrange puts everything in the order in which it is carried out: the creation of the update's revision, then the units; but
// what was refused last time goes last, so that it cannot starve the rest, and then what needs the revision goes behind it.
func arrange(creation []plan.Action, units []unit, failures []plan.Outcome, batch int) []plan.Action {
	if len(creation) == 0 {
		return inBatches(refusedLast(units, failures), batch)
	}
	units = refusedLast(append([]unit{{pod: creation, records: true}}, units...), failures)
	at := slices.IndexFunc(units, func(u unit) bool { return u.records })
	var free, bound []unit
	for _, u := range units[:at] {
		if u.needsRevision {
			bound = append(bound, u)
		} else {
			free = append(free, u)
		}
	}
	bound = slices.Concat(units[at+1:], bound)
	return slices.Concat(inBatches(free, batch), creation, inBatches(bound, batch))
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

// refusedLast begins behind what was refused and puts that last, as [plan.Pending.RefusedLast] does. If nothing can be created at
// present, for a quota or because the namespace goes, the other creations come just before it.
func refusedLast(units []unit, failures []plan.Outcome) []unit {
	if len(failures) == 0 {
		return units
	}
	isCreation := func(a plan.Action) bool { _, ok := a.(plan.Create); return ok }
	none := slices.ContainsFunc(failures, func(o plan.Outcome) bool { return isCreation(o.Action) && refusesAll(o.Err) })
	turn := 0
	refused := make([]bool, len(units))
	for i, u := range units {
		if refused[i] = wereRefused(u.claims, failures) || wereRefused(u.pod, failures); refused[i] {
			turn = i + 1
		}
	}
	var groups [3][]unit
	for i := range units {
		at := (turn + i) % len(units)
		u, group := units[at], 0
		switch {
		case refused[at]:
			group = 2
		case none && (slices.ContainsFunc(u.claims, isCreation) || slices.ContainsFunc(u.pod, isCreation)):
			group = 1
		}
		groups[group] = append(groups[group], u)
	}
	return slices.Concat(groups[0], groups[1], groups[2])
}

// refusesAll reports whether the next creation would be refused as well.
func refusesAll(refusal *metav1.Status) bool {
	return plan.NamespaceTerminating(refusal) ||
		refusal.Reason == metav1.StatusReasonForbidden && strings.Contains(refusal.Message, "exceeded quota")
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
