package rollout

import "math"

// available is the number of pods that are Ready for long enough, as rs reports it.
func (rs *set) available() int { return max(0, int(rs.Status.AvailableReplicas)) }

// ready is the number of Ready pods, the available ones among them.
func (rs *set) ready() int { return max(rs.available(), int(rs.Status.ReadyReplicas)) }

// keeps is how many available pods are sure to remain when rs is scaled to size. The ReplicaSet removes pods that are not
// Ready first; after those, since pods can be given a deletion cost, it may take an available one each time. With
// r Ready and a available pods:
//
//	keeps(size) = a - min(a, max(0, r - min(size, spec.replicas)))
//
// Growing keeps no more than spec.replicas does: what is above it has already been told to go.
func (rs *set) keeps(size int) int {
	return rs.available() - min(rs.available(), max(0, rs.ready()-min(size, observed(rs))))
}

// lowest is the smallest size that costs no more than budget of the available pods that rs keeps now.
func (rs *set) lowest(budget int) int {
	leaving := rs.available() - rs.keeps(observed(rs)) + budget
	if leaving >= rs.available() {
		return 0
	}
	return min(observed(rs), rs.ready()-leaving)
}

// vouches is how many available pods rs can be relied on to have. A status that does not know the current spec yet says
// nothing: since it was written, rs may have been told to be smaller, and larger again. The pods of one that is being deleted
// go with it.
func (rs *set) vouches() int {
	if rs.Status.ObservedGeneration < rs.Generation || rs.DeletionTimestamp != nil {
		return 0
	}
	return rs.keeps(observed(rs))
}

// budget is how many available pods may go: those that are vouched for above D - U, or any if D - U is 0.
func budget(a aim, s sets) int {
	if a.least() == 0 {
		return math.MaxInt32
	}
	return max(0, sum(s.all(), (*set).vouches)-a.least())
}

// grow gives the new ReplicaSet as many replicas as D + S leaves it.
func grow(a aim, s sets) {
	room := a.most() - sum(s.all(), planned)
	s.fresh.size += max(0, min(room, a.desired-s.fresh.size))
}

// shrink takes replicas from the old ReplicaSets, oldest first: first those that are not Ready, which nobody misses, as long as
// the others could make D - U together with what the new one has; then as many as the budget allows.
func shrink(a aim, s sets) {
	missing := s.fresh.size - s.fresh.vouches()
	limit := sum(s.all(), planned) - a.least() - missing
	for _, rs := range s.old {
		unready := max(0, rs.size-rs.ready())
		taken := max(0, min(limit, unready))
		rs.size -= taken
		limit -= taken
	}
	left := budget(a, s)
	for _, rs := range s.old {
		taken := min(left, rs.size)
		rs.size -= taken
		left -= taken
	}
}
