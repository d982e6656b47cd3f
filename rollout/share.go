package rollout

import (
	"cmp"
	"math"
	"slices"
)

// share gives all ReplicaSets their part when D changes in the middle of a rollout, or while it is paused: a single
// active one, or the newest if none is, takes D; old ones give way to a saturated new one; else each grows or shrinks
// in proportion to its size. Whoever gets a part notes D, even if it stays as it is: D has been answered with that.
func share(a aim, s sets, statusReplicas int32) {
	active := s.active()
	proportional := false
	switch {
	case len(active) == 0:
		if newest := s.newest(); newest != nil {
			newest.size = a.desired
		}
		return
	case len(active) == 1:
		active[0].size = a.desired
	case saturated(a, s.fresh):
		for _, rs := range s.old {
			rs.size = 0
		}
	case !a.recreate:
		apportion(a, active, int(max(0, statusReplicas)))
		proportional = true
	}
	if !a.recreate {
		spare(active, budget(a, s))
	}
	oneWay(active)
	for _, rs := range active {
		if !rs.waits && (proportional || !knows(a, rs)) {
			note(rs, a)
		}
	}
}

// knows reports whether rs was told of no other D.
func knows(a aim, rs *set) bool {
	told, ok := number(rs.Annotations, desiredReplicasAnnotation)
	return !ok || told == a.desired
}

// saturated reports whether the new ReplicaSet holds all of the Deployment, and knows it.
func saturated(a aim, fresh *set) bool {
	if fresh == nil {
		return false
	}
	told, ok := number(fresh.Annotations, desiredReplicasAnnotation)
	return ok && told == a.desired && fresh.size == a.desired && fresh.available() == a.desired
}

// apportion lets the active ReplicaSets grow or shrink to D + S together, the largest first; it takes what rounding leaves
// over. Of equals, the newer grows first and the older shrinks first.
func apportion(a aim, active []*set, statusReplicas int) {
	allowed := 0
	if a.desired > 0 {
		allowed = a.most()
	}
	left := allowed - sum(active, planned)
	if left == 0 {
		return
	}
	grows := left > 0
	slices.SortStableFunc(active, func(x, y *set) int {
		age := byAge(x.ReplicaSet, y.ReplicaSet)
		if grows {
			age = -age
		}
		return cmp.Or(cmp.Compare(y.size, x.size), age)
	})
	for _, rs := range active {
		if left == 0 {
			break
		}
		part := max(left, min(0, fraction(a, rs, statusReplicas))) // growth here would have to be made up for by others
		if grows {
			part = min(left, fraction(a, rs, statusReplicas))
		}
		rs.size += part
		left -= part
	}
	active[0].size = min(math.MaxInt32, max(0, active[0].size+left))
}

// fraction is by how much rs grows with the Deployment, from the D + S that it was last told to the one of now. Products
// are exact, however large.
func fraction(a aim, rs *set, statusReplicas int) int {
	if a.desired == 0 {
		return -rs.size
	}
	base, ok := number(rs.Annotations, maxReplicasAnnotation)
	if !ok || base == 0 {
		base = statusReplicas // somebody removed the annotation: go by the size of now
	}
	if base == 0 {
		return 0
	}
	twice := 2 * int64(rs.size) * int64(a.most()) / int64(base) // no factor is above the largest int32
	return int(min((twice+1)/2, math.MaxInt32)) - rs.size
}

// spare corrects shares that would cost more available pods than there are above D - U, which proportions know nothing about.
// The budget goes to the older ones first; a ReplicaSet keeps what is beyond it, and those that lose nothing by it give up as
// much, so that the sum stays as it was shared out. Where they have too little it stays larger for a while, but not
// larger than it is.
func spare(active []*set, budget int) {
	slices.SortFunc(active, func(x, y *set) int { return byAge(x.ReplicaSet, y.ReplicaSet) })
	wanted := sum(active, planned)
	for _, rs := range active {
		rs.size = max(rs.size, min(observed(rs), rs.lowest(budget)))
		budget -= rs.keeps(observed(rs)) - rs.keeps(rs.size)
	}
	surplus := sum(active, planned) - wanted
	for _, rs := range slices.Backward(active) {
		given := max(0, min(surplus, rs.size-rs.lowest(0)))
		rs.size -= given
		surplus -= given
	}
}

// oneWay holds growth back while anything shrinks: what grows relies on the room that the others make, and of what a host
// carries out at the same time any part may be done first. The next plan gives it.
func oneWay(active []*set) {
	if !slices.ContainsFunc(active, func(rs *set) bool { return rs.size < observed(rs) }) {
		return
	}
	for _, rs := range active {
		if rs.size > observed(rs) {
			rs.size, rs.waits = observed(rs), true
		}
	}
}
