package cronjob

import (
	"math/bits"
	"time"
)

// The arithmetic of wall clocks. A time on the wall is the number of seconds since 1970 on a clock that is never
// changed: every day has 86,400 of them. What a zone does to its clocks is the concern of zone.go.

const (
	minutesPerDay  = 24 * 60
	secondsPerDay  = 86400
	secondsPerYear = 365 * secondsPerDay
)

// onOrAfter returns the first time on the wall, not before the given one, that the schedule names. There always is one: the
// schedule is not one that never comes.
func (s Schedule) onOrAfter(wall int64) int64 {
	day, minute := split(wall + 59)
	if next := s.nextDay(day); next > day {
		return s.join(next, s.nextMinute(0))
	}
	if minute := s.nextMinute(minute); minute < minutesPerDay {
		return s.join(day, minute)
	}
	return s.join(s.nextDay(day+1), s.nextMinute(0))
}

// onOrBefore returns the last time on the wall, not after the given one, that the schedule names.
func (s Schedule) onOrBefore(wall int64) int64 {
	day, minute := split(wall)
	if last := s.lastDay(day); last < day {
		return s.join(last, s.lastMinute(minutesPerDay-1))
	}
	if minute := s.lastMinute(minute); minute >= 0 {
		return s.join(day, minute)
	}
	return s.join(s.lastDay(day-1), s.lastMinute(minutesPerDay-1))
}

// count returns how many times on the wall the schedule names from the one to before the other, and gives up counting
// days once limit is reached.
func (s Schedule) count(from, to int64, limit int) int {
	first, start := split(from + 59)
	last, end := split(to + 59)
	perDay := s.minutesBefore(minutesPerDay)
	counted := -s.daysFrom(first, first+1, 1) * s.minutesBefore(start)
	counted += s.daysFrom(last, last+1, 1) * s.minutesBefore(end)
	return counted + perDay*s.daysFrom(first, last, limit/perDay+2)
}

// split gives the day and the minute of the day in which a time on the wall lies.
func split(wall int64) (day int64, minute int) {
	day = floor(wall, secondsPerDay)
	return day, int(wall-day*secondsPerDay) / 60
}

func (s Schedule) join(day int64, minute int) int64 {
	return day*secondsPerDay + int64(minute)*60
}

// nextMinute returns the first minute of a day, not before the given one, that the schedule names: minutesPerDay if the
// day is over.
func (s Schedule) nextMinute(minute int) int {
	hour := minute / 60
	if s.hours>>hour&1 == 1 {
		if later := s.minutes >> (minute % 60); later != 0 {
			return minute + bits.TrailingZeros64(later)
		}
	}
	later := s.hours >> hour >> 1 << hour << 1
	if later == 0 {
		return minutesPerDay
	}
	return bits.TrailingZeros64(later)*60 + bits.TrailingZeros64(s.minutes)
}

// lastMinute returns the last minute of a day, not after the given one, that the schedule names: -1 if there is none.
func (s Schedule) lastMinute(minute int) int {
	hour := minute / 60
	if s.hours>>hour&1 == 1 {
		if earlier := s.minutes & below(minute%60+1); earlier != 0 {
			return hour*60 + highest(earlier)
		}
	}
	earlier := s.hours & below(hour)
	if earlier == 0 {
		return -1
	}
	return highest(earlier)*60 + highest(s.minutes)
}

// minutesBefore counts the minutes of a day that the schedule names before the given one.
func (s Schedule) minutesBefore(minute int) int {
	hour := minute / 60
	counted := bits.OnesCount64(s.hours&below(hour)) * bits.OnesCount64(s.minutes)
	if s.hours>>hour&1 == 1 {
		counted += bits.OnesCount64(s.minutes & below(minute%60))
	}
	return counted
}

// nextDay returns the first day, not before the given one, that the schedule names. Days are counted from 1970. The
// rarest day, 29 February, comes after eight years at the latest.
func (s Schedule) nextDay(day int64) int64 {
	month, date := monthOf(day)
	for days := s.daysOf(month) &^ below(date); ; days = s.daysOf(month) {
		if days != 0 {
			return firstOf(month) + int64(bits.TrailingZeros64(days)) - 1
		}
		month++
	}
}

// lastDay returns the last day, not after the given one, that the schedule names.
func (s Schedule) lastDay(day int64) int64 {
	month, date := monthOf(day)
	for days := s.daysOf(month) & below(date+1); ; days = s.daysOf(month) {
		if days != 0 {
			return firstOf(month) + int64(highest(days)) - 1
		}
		month--
	}
}

// daysFrom counts the days that the schedule names from the one to before the other, and stops once limit is reached.
func (s Schedule) daysFrom(from, to int64, limit int) int {
	month, date := monthOf(from)
	last, end := monthOf(to)
	counted := -bits.OnesCount64(s.daysOf(month) & below(date))
	for ; month < last && counted < limit; month++ {
		counted += bits.OnesCount64(s.daysOf(month))
	}
	if month == last {
		counted += bits.OnesCount64(s.daysOf(last) & below(end))
	}
	return counted
}

// daysOf returns the dates of a month that the schedule names: bit n stands for the n-th.
func (s Schedule) daysOf(month int) uint64 {
	if s.months>>(floorMod(month, 12)+1)&1 == 0 {
		return 0
	}
	first := firstOf(month)
	all := below(int(firstOf(month+1)-first)+1) &^ 1
	weekday := floorMod(int(first)+4, 7) // 1 January 1970 was a Thursday
	byWeekday := s.weekdays * everySeventh >> weekday << 1
	if s.eitherDay {
		return all & (s.days | byWeekday)
	}
	return all & s.days & byWeekday
}

// everySeventh repeats a week of bits: six weeks hold any month.
const everySeventh = 1 | 1<<7 | 1<<14 | 1<<21 | 1<<28 | 1<<35

// monthOf gives the month in which a day lies, counted from January of the year 0, and the date in it.
func monthOf(day int64) (month, date int) {
	year, m, date := time.Unix(day*secondsPerDay, 0).UTC().Date()
	return year*12 + int(m) - 1, date
}

// firstOf is the day on which a month begins.
func firstOf(month int) int64 {
	return time.Date(0, time.January+time.Month(month), 1, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
}

// below is the set of all values less than n.
func below(n int) uint64 { return 1<<n - 1 }

// highest is the largest value of a set that is not empty.
func highest(set uint64) int { return bits.Len64(set) - 1 }

func floor(a, b int64) int64 {
	if a < 0 {
		a -= b - 1
	}
	return a / b
}

func floorMod(a, b int) int { return (a%b + b) % b }
