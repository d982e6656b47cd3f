package cronjob

import "time"

// Schedule says at which instants a CronJob is due. It is a value that can be compared and shared. The zero Schedule is
// never due, and neither is a valid one that names no day there is, as "0 0 31 2 *" does.
//
// The fields of a schedule are matched against the wall clock of a time zone, UTC unless [Schedule.In] says
// otherwise; the zone of the times passed in and that of the process play no part. All instants are whole seconds, from
// the year 1 to the year 9999.
type Schedule struct {
	// Bit n stands for the value n: minutes 0-59, hours 0-23, days 1-31, months 1-12, weekdays 0-6 from Sunday.
	minutes, hours, days, months, weekdays uint64
	// eitherDay: days and weekdays are both restricted, and a date that is in one of them is enough.
	eitherDay bool
	// every is the number of seconds from one run of an @every to the next; 0 for all other schedules.
	every int64

	zone   *time.Location
	saving DaylightSaving
}

// DaylightSaving says which instants are due when a time zone sets its clocks forward or back.
type DaylightSaving string

const (
	// EveryMatch is what Kubernetes does: every instant is due at which the wall clock shows a time of the schedule. Where
	// clocks go forward from 2:00 to 3:00, nothing is due for 2:30; where they go back, 2:30 is due twice.
	EveryMatch DaylightSaving = ""
	// OncePerSlot makes each time on the wall clock due exactly once. One that is skipped is due as long after
	// the change as it would have been had the clocks not changed: 2:30 at 3:30. One that the clock
	// shows twice is due the first time; a schedule that is due all day long then pauses until the clock
	// shows a new time.
	OncePerSlot DaylightSaving = "OncePerSlot"
)

// In returns the schedule as the wall clock of zone shows it. A nil zone is UTC. It makes no difference to
// an @every, which has no wall clock.
func (s Schedule) In(zone *time.Location, saving DaylightSaving) Schedule {
	s.zone, s.saving = zone, saving
	return s
}

// Next returns the first instant after the given one at which the schedule is due, in the zone of the schedule; the zero
// time if there is none. An @every is due after its interval, counted from the whole second in which after lies.
func (s Schedule) Next(after time.Time) time.Time {
	from := unix(after)
	switch {
	case s.never():
		return time.Time{}
	case s.every > 0:
		return s.instant(from + s.every)
	}
	for from++; from <= lastSecond; {
		here := s.stretchAt(from)
		if at, due := s.firstIn(here, from); due {
			return s.instant(at)
		}
		from = here.to
	}
	return time.Time{}
}

// Latest returns the last instant after anchor, and not after now, at which the schedule is due; the zero time if there is
// none. An @every is due each time its interval has passed since the whole second in which anchor lies. How many
// runs there were in between makes no difference to the cost.
func (s Schedule) Latest(anchor, now time.Time) time.Time {
	first, at := unix(anchor)+1, unix(now)
	switch {
	case s.never():
		return time.Time{}
	case s.every > 0:
		if at < unix(anchor)+s.every {
			return time.Time{}
		}
		return s.instant(at - (at-unix(anchor))%s.every)
	}
	for at >= first {
		here := s.stretchAt(at)
		if run, due := s.lastIn(here, at); due {
			if run < first {
				return time.Time{}
			}
			return s.instant(run)
		}
		at = here.from - 1
	}
	return time.Time{}
}

// Count returns how many instants after the first and not after the second the schedule is due, but no more than
// limit. An @every is counted from the first.
func (s Schedule) Count(after, until time.Time, limit int) int {
	from, to := unix(after)+1, unix(until)+1
	switch {
	case s.never() || to <= from:
		return 0
	case s.every > 0:
		return int(min((unix(until)-unix(after))/s.every, int64(max(limit, 0))))
	}
	counted := 0
	for from < to && counted < limit {
		here := s.stretchAt(from)
		counted += s.countIn(here, from, min(to, here.to), limit-counted)
		from = here.to
	}
	return min(counted, limit)
}

// never reports whether there is no instant at all. ParseSchedule makes all such schedules alike.
func (s Schedule) never() bool {
	return s.months == 0 && s.every == 0
}

// instant is a second as the result of a question; the zero time if it is past the year 9999.
func (s Schedule) instant(second int64) time.Time {
	if second > lastSecond {
		return time.Time{}
	}
	return time.Unix(second, 0).In(s.location())
}

func (s Schedule) location() *time.Location {
	if s.zone == nil {
		return time.UTC
	}
	return s.zone
}

// The instants that RFC 3339, and so Kubernetes, can write down: the years 1 to 9999.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// unix is the whole second in which t lies, brought into the years that can be written down.
func unix(t time.Time) int64 {
	return min(max(t.Unix(), firstSecond), lastSecond)
}
