package cronjob_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests mean the same zones wherever they run

	"github.com/kubeplan/kubeplan/cronjob"
)

// slow is a schedule as a list of the values of each field, and the text that means the same.
type slow struct {
	text                                   string
	minutes, hours, days, months, weekdays []int
	eitherDay                              bool
}

// randomSchedule makes a schedule of values, lists, ranges, steps and stars.
func randomSchedule(r *rand.Rand) slow {
	var s slow
	var texts []string
	field := func(values *[]int, min, max int) (open bool) {
		var items []string
		for range 1 + r.IntN(2)*r.IntN(3) {
			low := min + r.IntN(max-min+1)
			high := low + r.IntN(max-low+1)
			step := 1 + r.IntN(max-min+3)
			item := fmt.Sprint(low)
			switch r.IntN(6) {
			case 0, 1:
				item, low, high, step, open = "*", min, max, 1, true
			case 2:
				item, low, high = fmt.Sprintf("*/%d", step), min, max
				open = open || step == 1
			case 3:
				item = fmt.Sprintf("%d-%d/%d", low, high, step)
			case 4:
				item, high = fmt.Sprintf("%d/%d", low, step), max
			default:
				high = low
			}
			for value := low; value <= high; value += step {
				*values = append(*values, value)
			}
			items = append(items, item)
		}
		texts = append(texts, strings.Join(items, ","))
		return open
	}
	field(&s.minutes, 0, 59)
	field(&s.hours, 0, 23)
	anyDay := field(&s.days, 1, 31)
	field(&s.months, 1, 12)
	anyWeekday := field(&s.weekdays, 0, 6)
	s.eitherDay = !anyDay && !anyWeekday
	s.text = strings.Join(texts, " ")
	return s
}

// names reports whether a wall clock that shows t shows a time of the schedule.
func (s slow) names(t time.Time) bool {
	day, weekday := slices.Contains(s.days, t.Day()), slices.Contains(s.weekdays, int(t.Weekday()))
	return t.Second() == 0 && slices.Contains(s.minutes, t.Minute()) && slices.Contains(s.hours, t.Hour()) &&
		slices.Contains(s.months, int(t.Month())) && (day && weekday || s.eitherDay && (day || weekday))
}

// due enumerates the instants between the two, minute by minute.
func (s slow) due(after, until time.Time, saving cronjob.DaylightSaving) []time.Time {
	if saving == cronjob.EveryMatch {
		return s.matches(after, until)
	}
	var due []time.Time
	for _, wall := range s.matches(after.Add(-48*time.Hour).UTC(), until.Add(48*time.Hour).UTC()) {
		at := firstShown(wall, after.Location())
		if at.After(after) && !at.After(until) {
			due = append(due, at)
		}
	}
	slices.SortFunc(due, time.Time.Compare)
	return slices.CompactFunc(due, time.Time.Equal)
}

func (s slow) matches(after, until time.Time) []time.Time {
	var due []time.Time
	for t := after.Truncate(time.Minute); !t.After(until); t = t.Add(time.Minute) {
		if t.After(after) && s.names(t) {
			due = append(due, t)
		}
	}
	return due
}

// firstShown is when a clock of the zone first shows what a clock of UTC shows at wall; if it never does, when it would
// have without the change that left it out.
func firstShown(wall time.Time, zone *time.Location) time.Time {
	for t := wall.Add(-15 * time.Hour); t.Before(wall.Add(15 * time.Hour)); t = t.Add(15 * time.Minute) {
		if shown := t.In(zone); shown.Format(time.DateTime) == wall.Format(time.DateTime) {
			return shown
		}
	}
	for t := wall.Add(-48 * time.Hour).In(zone); ; {
		_, offset := t.Zone()
		_, change := t.ZoneBounds()
		if at := wall.Add(-time.Duration(offset) * time.Second); change.IsZero() || !at.Before(change) && at.Before(change.Add(24*time.Hour)) {
			return at.In(zone)
		}
		t = change
	}
}

// Next, Latest and Count against an enumeration of every minute, around real changes of clocks and away from them.
func TestScheduleAgainstEnumeration(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Beirut", "Asia/Tehran", "America/Havana", "Australia/Lord_Howe"} {
		zone := load(t, name)
		for range 25 {
			s := randomSchedule(r)
			parsed, err := cronjob.ParseSchedule(s.text)
			if err != nil {
				t.Fatal(err)
			}
			after := time.Unix(946684800+r.Int64N(946684800), r.Int64N(2)*r.Int64N(1e9)).In(zone)
			if _, change := after.ZoneBounds(); !change.IsZero() && r.IntN(4) > 0 {
				after = change.Add(-time.Duration(r.Int64N(int64(40 * time.Hour))))
			}
			until := after.Add(80 * time.Hour)
			for _, saving := range []cronjob.DaylightSaving{cronjob.EveryMatch, cronjob.OncePerSlot} {
				due := s.due(after, until, saving)
				for _, problem := range contradictions(parsed.In(zone, saving), due, after, until) {
					t.Errorf("%q in %s, %q, from %v to %v: %s", s.text, name, saving, after, until, problem)
				}
			}
		}
	}
}

// contradictions compares every answer of a schedule with the list of what is due.
func contradictions(s cronjob.Schedule, due []time.Time, after, until time.Time) (found []string) {
	last := after
	for i, want := range due {
		if got := s.Next(last); !got.Equal(want) {
			return append(found, fmt.Sprintf("after %v comes %v, not %v", last, got, want))
		}
		if got := s.Latest(after, want); !got.Equal(want) {
			found = append(found, fmt.Sprintf("at %v the latest is %v", want, got))
		}
		got := s.Latest(after, want.Add(-1))
		if i == 0 && !got.IsZero() || i > 0 && !got.Equal(last) {
			found = append(found, fmt.Sprintf("just before %v the latest is %v", want, got))
		}
		last = want
	}
	if got := s.Next(last); !got.IsZero() && !got.After(until) {
		found = append(found, fmt.Sprintf("after %v comes %v, not nothing", last, got))
	}
	for _, limit := range []int{0, 1, len(due) / 2, len(due), len(due) + 1} {
		if got, want := s.Count(after, until, limit), min(len(due), limit); got != want {
			found = append(found, fmt.Sprintf("counted %d of %d", got, want))
		}
	}
	return found
}

// What is due on the days on which real zones changed their clocks.
func TestDaylightSaving(t *testing.T) {
	for _, tc := range []struct {
		name, zone, spec, from, to string
		every, once                string // by the clock on the wall, and hours ahead of UTC
	}{
		{"Berlin leaves out an hour", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", "2026-03-30T12:00",
			"30 02:30+02", "29 03:30+02, 30 02:30+02"},
		{"Berlin leaves out many runs", "Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00", "2026-03-29T12:00",
			"", "29 03:00+02, 29 03:20+02, 29 03:40+02"},
		{"Berlin leaves out what is due anyway", "Europe/Berlin", "30 2,3 * * *", "2026-03-28T12:00", "2026-03-29T12:00",
			"29 03:30+02", "29 03:30+02"},
		{"Berlin has an hour twice", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", "2026-10-26T12:00",
			"25 02:30+02, 25 02:30+01, 26 02:30+01", "25 02:30+02, 26 02:30+01"},
		{"Berlin has an hour twice for an hourly run", "Europe/Berlin", "0 * * * *", "2026-10-25T00:30", "2026-10-25T04:30",
			"25 01:00+02, 25 02:00+02, 25 02:00+01, 25 03:00+01, 25 04:00+01", "25 01:00+02, 25 02:00+02, 25 03:00+01, 25 04:00+01"},
		{"New York leaves out an hour", "America/New_York", "0,30 2 * * 0", "2026-03-07T12:00", "2026-03-08T12:00",
			"", "08 03:00-04, 08 03:30-04"},
		{"New York has an hour twice", "America/New_York", "30 1 * * *", "2026-10-31T12:00", "2026-11-01T12:00",
			"01 01:30-04, 01 01:30-05", "01 01:30-04"},
		{"Cairo has no midnight", "Africa/Cairo", "0 0 * * *", "2026-04-23T12:00", "2026-04-25T12:00",
			"25 00:00+03", "24 01:00+03, 25 00:00+03"},
		{"Cairo has the rest of that day", "Africa/Cairo", "15 5 24 4 *", "2026-04-23T12:00", "2026-04-25T12:00",
			"24 05:15+03", "24 05:15+03"},
		{"Cairo has the last hour of a day twice", "Africa/Cairo", "30 23 * * *", "2026-10-28T12:00", "2026-10-30T12:00",
			"28 23:30+03, 29 23:30+03, 29 23:30+02", "28 23:30+03, 29 23:30+03"},
		{"Beirut has no midnight", "Asia/Beirut", "0 0,12 * * *", "2026-03-28T13:00", "2026-03-29T13:00",
			"29 12:00+03", "29 01:00+03, 29 12:00+03"},
		{"Tehran has no midnight", "Asia/Tehran", "0 0 * * *", "2021-03-21T12:00", "2021-03-23T12:00",
			"23 00:00+04:30", "22 01:00+04:30, 23 00:00+04:30"},
		{"Tehran has the last hour of a day twice", "Asia/Tehran", "45 23 * * 2", "2021-09-20T12:00", "2021-09-23T12:00",
			"21 23:45+04:30, 21 23:45+03:30", "21 23:45+04:30"},
		{"Lord Howe leaves out half an hour", "Australia/Lord_Howe", "*/15 2 * * *", "2026-10-03T12:00", "2026-10-04T12:00",
			"04 02:30+11, 04 02:45+11", "04 02:30+11, 04 02:45+11"},
		{"Lord Howe has half an hour twice", "Australia/Lord_Howe", "*/15 1 * * *", "2026-04-04T12:00", "2026-04-05T12:00",
			"05 01:00+11, 05 01:15+11, 05 01:30+11, 05 01:45+11, 05 01:30+10:30, 05 01:45+10:30",
			"05 01:00+11, 05 01:15+11, 05 01:30+11, 05 01:45+11"},
		{"Apia left out a day", "Pacific/Apia", "0 6 * * *", "2011-12-29T00:00", "2012-01-01T00:00",
			"29 06:00-10, 31 06:00+14", "29 06:00-10, 31 06:00+14"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			zone := load(t, tc.zone)
			schedule, err := cronjob.ParseSchedule(tc.spec)
			if err != nil {
				t.Fatal(err)
			}
			from, _ := time.ParseInLocation("2006-01-02T15:04", tc.from, zone)
			to, _ := time.ParseInLocation("2006-01-02T15:04", tc.to, zone)
			for saving, want := range map[cronjob.DaylightSaving]string{cronjob.EveryMatch: tc.every, cronjob.OncePerSlot: tc.once} {
				var due []string
				s := schedule.In(zone, saving)
				for at := s.Next(from); at.Before(to); at = s.Next(at) {
					due = append(due, strings.TrimSuffix(at.Format("02 15:04-07:00"), ":00"))
				}
				if got := strings.Join(due, ", "); got != want {
					t.Errorf("%q: got  %s\nwant %s", saving, got, want)
				}
				if got := s.Count(from, to, 1000); got != len(due) {
					t.Errorf("%q: counted %d of %d", saving, got, len(due))
				}
			}
		})
	}
}

func TestScheduleFarAway(t *testing.T) {
	leapDay, _ := cronjob.ParseSchedule("0 0 29 2 *")
	everyMinute, _ := cronjob.ParseSchedule("* * * * *")
	hourly, _ := cronjob.ParseSchedule("@every 1h")
	for _, tc := range []struct{ name, got, want string }{
		{"there is no leap day in 2100", show(leapDay.Next(date(2096, 3, 1))), "2104-02-29T00:00:00Z"},
		{"nor was there one in 1900", show(leapDay.Latest(date(1, 1, 1), date(1903, 1, 1))), "1896-02-29T00:00:00Z"},
		{"time ends with the year 9999", show(everyMinute.Next(time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC))), "never"},
		{"for an interval too", show(hourly.Next(time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC))), "never"},
		{"time begins with the year 1", show(everyMinute.Next(time.Time{}.Add(-time.Hour))), "0001-01-01T00:01:00Z"},
		{"an instant is not its own successor", show(everyMinute.Next(date(2026, 1, 1))), "2026-01-01T00:01:00Z"},
		{"a fraction of a second before is", show(everyMinute.Next(date(2026, 1, 1).Add(-1))), "2026-01-01T00:00:00Z"},
		{"the latest may be now", show(everyMinute.Latest(time.Time{}, date(2026, 1, 1))), "2026-01-01T00:00:00Z"},
		{"the latest is not the anchor", show(everyMinute.Latest(date(2026, 1, 1), date(2026, 1, 1).Add(59*time.Second))), "never"},
		{"an interval counts from its anchor", show(hourly.Latest(date(2026, 1, 1).Add(90*time.Second), date(2026, 1, 2))), "2026-01-01T23:01:30Z"},
		{"the last day of a leap year whose changes are in no table", show(everyMinute.In(load(t, "Europe/Berlin"), cronjob.OncePerSlot).Next(date(2040, 12, 31))), "2040-12-31T01:01:00+01:00"},
		{"a year in which they are", show(leapDay.In(load(t, "Australia/Sydney"), cronjob.EveryMatch).Next(date(2040, 12, 31))), "2044-02-29T00:00:00+11:00"},
		{"a clock that went back", show(hourly.Latest(date(2026, 1, 2), date(2026, 1, 1))), "never"},
		{"the minutes of a millennium", fmt.Sprint(everyMinute.Count(date(1000, 1, 1), date(2000, 1, 1), 1<<40)), "525948480"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, tc.got, tc.want)
		}
	}
}

func date(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

func show(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339Nano)
}

func load(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// What was missed makes no difference to the cost.
func BenchmarkLatest(b *testing.B) {
	now := time.Date(2026, 7, 1, 12, 0, 30, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	for _, spec := range []string{"* * * * *", "*/10 9-17 * * 1-5", "0 0 29 2 *"} {
		schedule, err := cronjob.ParseSchedule(spec)
		if err != nil {
			b.Fatal(err)
		}
		for missed, anchor := range map[string]time.Time{"minute": now.Add(-time.Minute), "year": now.AddDate(-1, 0, 0), "decade": now.AddDate(-10, 0, 0)} {
			for _, zone := range []*time.Location{time.UTC, berlin} {
				b.Run(fmt.Sprintf("%s/%s/%s", strings.ReplaceAll(spec, "/", ":"), missed, strings.ReplaceAll(zone.String(), "/", "-")), func(b *testing.B) {
					s := schedule.In(zone, cronjob.EveryMatch)
					b.ReportAllocs()
					for b.Loop() {
						s.Latest(anchor, now)
						s.Count(anchor, now, 101)
						s.Next(now)
					}
				})
			}
		}
	}
}
