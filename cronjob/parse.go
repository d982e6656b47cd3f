package cronjob

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// ParseSchedule reads spec.schedule of a CronJob. It accepts and refuses what the Kubernetes API server does for
// a new CronJob:
//
//   - five fields: minute 0-59, hour 0-23, day of month 1-31, month 1-12 or jan-dec, day of week 0-6 or sun-sat, each
//     a list of values, ranges "1-5" and steps "*/15", "10-40/5", "7/10" (from 7 on); "?" is "*". Where
//     both the day of month and the day of week are restricted, a day that is in either is due;
//   - @yearly or @annually, @monthly, @weekly, @daily or @midnight, @hourly;
//   - @every with a Go duration, as "@every 1h30m": cut to whole seconds, and at least one.
//
// 7 is not Sunday, and neither seconds nor L, W or # are understood. A time zone in the schedule ("TZ=", "CRON_TZ=") is
// refused: it belongs in spec.timeZone. The error names the field and the column in which it begins, counted
// in characters from 1.
func ParseSchedule(spec string) (Schedule, error) {
	if strings.Contains(spec, "TZ") {
		return Schedule{}, errors.New(zoneInSchedule)
	}
	return parse(spec)
}

// zoneInSchedule is how the API server refuses one.
const zoneInSchedule = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"

// cutZone takes the time zone off a schedule that was stored when the API server still accepted one.
func cutZone(spec string) (zone, schedule string, found bool) {
	value, found := strings.CutPrefix(spec, "TZ=")
	if !found {
		value, found = strings.CutPrefix(spec, "CRON_TZ=")
	}
	if !found {
		return "", spec, false
	}
	zone, schedule, _ = strings.Cut(value, " ")
	return zone, strings.TrimSpace(schedule), true
}

func parse(spec string) (Schedule, error) {
	s, err := Schedule{}, error(nil)
	if strings.HasPrefix(spec, "@") {
		s, err = descriptor(spec)
	} else {
		s, err = fromFields(spec)
	}
	if err != nil || !s.possible() {
		return Schedule{}, err
	}
	return s, nil
}

// possible reports whether there is an instant at which the schedule is due: a leap year holds every day there is.
func (s Schedule) possible() bool {
	leap := 2000 * 12
	days := s.daysFrom(firstOf(leap), firstOf(leap+12), 1)
	return s.every > 0 || (s.minutes != 0 && s.hours != 0 && days > 0)
}

// descriptor reads a schedule that has a name.
func descriptor(spec string) (Schedule, error) {
	switch spec {
	case "@yearly", "@annually":
		return fromFields("0 0 1 1 *")
	case "@monthly":
		return fromFields("0 0 1 * *")
	case "@weekly":
		return fromFields("0 0 * * 0")
	case "@daily", "@midnight":
		return fromFields("0 0 * * *")
	case "@hourly":
		return fromFields("0 * * * *")
	}
	interval, every := strings.CutPrefix(spec, "@every ")
	if !every {
		return Schedule{}, fmt.Errorf("column 1: %q is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every <duration>", spec)
	}
	duration, err := time.ParseDuration(interval)
	if err != nil {
		return Schedule{}, fmt.Errorf("column %d: %q is not a duration as \"1h30m\" is", len("@every ")+1, interval)
	}
	return Schedule{every: int64(max(duration, time.Second) / time.Second)}, nil
}

// fieldOf is one of the five fields: its name, its values, and the names that these have.
type fieldOf struct {
	name     string
	min, max int
	names    string // three letters a value, from min on
}

func fromFields(spec string) (Schedule, error) {
	words, columns := words(spec)
	if len(words) != 5 {
		return Schedule{}, fmt.Errorf("%d fields instead of 5: minute, hour, day of month, month, day of week", len(words))
	}
	var s Schedule
	var anyDay, anyWeekday, any bool
	for i, field := range []struct {
		fieldOf
		set *uint64
		any *bool
	}{
		{fieldOf{"minute", 0, 59, ""}, &s.minutes, &any},
		{fieldOf{"hour", 0, 23, ""}, &s.hours, &any},
		{fieldOf{"day of month", 1, 31, ""}, &s.days, &anyDay},
		{fieldOf{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"}, &s.months, &any},
		{fieldOf{"day of week", 0, 6, "sunmontuewedthufrisat"}, &s.weekdays, &anyWeekday},
	} {
		var err error
		if *field.set, *field.any, err = field.list(words[i]); err != nil {
			return Schedule{}, fmt.Errorf("column %d, %s %q: %w", columns[i], field.name, words[i], err)
		}
	}
	s.eitherDay = !anyDay && !anyWeekday
	return s, nil
}

// words splits a schedule at white space, and gives the column in which each word begins.
func words(spec string) (words []string, columns []int) {
	column, inside := 0, false
	for _, r := range spec {
		column++
		if !unicode.IsSpace(r) && !inside {
			columns = append(columns, column)
		}
		inside = !unicode.IsSpace(r)
	}
	return strings.Fields(spec), columns
}

// list reads the values of one field, and reports whether it is left open: any value is. Empty items are passed
// over, and a list of nothing else is empty, as Kubernetes has it.
func (f fieldOf) list(text string) (set uint64, open bool, err error) {
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			continue
		}
		values, all, err := f.item(item)
		if err != nil {
			return 0, false, err
		}
		set, open = set|values, open || all
	}
	return set, open, nil
}

// item reads "*", "n", "n-m", each with or without "/step".
func (f fieldOf) item(text string) (set uint64, open bool, err error) {
	span, rest, stepped := strings.Cut(text, "/")
	step := 1
	if stepped {
		if step, err = number(rest); err != nil {
			return 0, false, err
		}
		if step < 1 {
			return 0, false, errors.New("a step is at least 1")
		}
	}
	low, high, ranged := strings.Cut(span, "-")
	if low == "*" || low == "?" { // Kubernetes passes over what follows a hyphen here
		return f.values(f.min, f.max, step), step == 1, nil
	}
	first, err := f.value(low)
	if err != nil {
		return 0, false, err
	}
	last := first
	switch {
	case strings.Contains(high, "-"):
		return 0, false, errors.New("a range has one hyphen")
	case ranged:
		if last, err = f.value(high); err != nil {
			return 0, false, err
		}
	case stepped:
		last = f.max
	}
	if first > last {
		return 0, false, fmt.Errorf("the range ends with %d before it begins with %d", last, first)
	}
	return f.values(first, last, step), false, nil
}

func (f fieldOf) values(first, last, step int) (set uint64) {
	for value := first; value <= last; value += min(step, f.max+1) {
		set |= 1 << value
	}
	return set
}

// value reads a number or a name, and keeps it within the bounds of the field.
func (f fieldOf) value(text string) (int, error) {
	name := strings.ToLower(text)
	if at := strings.Index(f.names, name); len(name) == 3 && at >= 0 && at%3 == 0 {
		return f.min + at/3, nil
	}
	value, err := number(text)
	switch {
	case err != nil:
		return 0, err
	case value == 7 && f.max == 6:
		return 0, errors.New("7 is above 6: Sunday is 0")
	case value < f.min:
		return 0, fmt.Errorf("%d is below %d", value, f.min)
	case value > f.max:
		return 0, fmt.Errorf("%d is above %d", value, f.max)
	}
	return value, nil
}

func number(text string) (int, error) {
	value, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q is too large", text)
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", text)
	case value < 0:
		return 0, fmt.Errorf("%q is negative", text)
	}
	return value, nil
}
