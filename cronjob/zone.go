package cronjob

import "time"

// stretch is a span of time in which the wall clock runs evenly.
type stretch struct {
	from, to int64 // in seconds since 1970, from the one to before the other
	// offsets are what the clocks that count are ahead of UTC, in seconds: one as a rule; none where every time that
	// the clock shows has been shown before; two where the times that the clock left out are due as well.
	offsets [2]int64
	clocks  int
}

// stretchAt returns the stretch around an instant.
func (s Schedule) stretchAt(at int64) stretch {
	from, to, offset := zoneAt(at, s.location())
	here := stretch{from: from, to: to, offsets: [2]int64{offset}, clocks: 1}
	if s.saving != OncePerSlot || from == beginning {
		return here
	}
	_, _, before := zoneAt(from-1, s.location())
	changed := from + max(offset-before, before-offset) // until here the change is felt
	switch {
	case at >= changed:
		here.from = changed
	case before > offset: // the clock went back
		here.to, here.clocks = min(to, changed), 0
	case before < offset: // the clock went forward
		here.to, here.offsets[1], here.clocks = min(to, changed), before, 2
	}
	return here
}

// The bounds of a zone that has always been in effect, or always will be. Nothing is asked of times beyond.
const (
	beginning = firstSecond - secondsPerYear
	end       = lastSecond + secondsPerYear
)

// zoneAt gives the span around an instant in which a zone keeps one offset from UTC.
func zoneAt(at int64, zone *time.Location) (from, to, offset int64) {
	t := time.Unix(at, 0).In(zone)
	_, ahead := t.Zone()
	from, to = beginning, end
	start, stop := t.ZoneBounds()
	if !start.IsZero() {
		from = start.Unix()
	}
	if !stop.IsZero() {
		to = stop.Unix()
	}
	if to <= at { // what Go says on the last day of a leap year that the zone has rules for, but no table
		to = (at/secondsPerDay + 1) * secondsPerDay
	}
	return from, to, int64(ahead)
}

// firstIn returns the first instant of a stretch, not before the given one, at which the schedule is due.
func (s Schedule) firstIn(here stretch, from int64) (first int64, due bool) {
	for _, offset := range here.offsets[:here.clocks] {
		at := s.onOrAfter(from+offset) - offset
		if at < here.to && (!due || at < first) {
			first, due = at, true
		}
	}
	return first, due
}

// lastIn returns the last instant of a stretch, not after the given one, at which the schedule is due.
func (s Schedule) lastIn(here stretch, upTo int64) (last int64, due bool) {
	for _, offset := range here.offsets[:here.clocks] {
		at := s.onOrBefore(upTo+offset) - offset
		if at >= here.from && (!due || at > last) {
			last, due = at, true
		}
	}
	return last, due
}

// countIn counts the instants of a stretch at which the schedule is due, from the one to before the other.
func (s Schedule) countIn(here stretch, from, to int64, limit int) int {
	if here.clocks == 1 {
		return s.count(from+here.offsets[0], to+here.offsets[0], limit)
	}
	counted := 0
	for counted < limit { // rarely more than an hour
		at, due := s.firstIn(here, from)
		if !due || at >= to {
			break
		}
		counted, from = counted+1, at+1
	}
	return counted
}
