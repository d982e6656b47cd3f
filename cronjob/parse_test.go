package cronjob_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kubeplan/kubeplan/cronjob"
)

func TestParseSchedule(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) // a Friday
	for _, tc := range []struct {
		name, spec string
		next       string // after start; empty: never
	}{
		{"every minute", "* * * * *", "2026-01-02T03:05:00Z"},
		{"a question mark is a star", "? ? ? ? ?", "2026-01-02T03:05:00Z"},
		{"a step of one is a star", "*/1 * * * *", "2026-01-02T03:05:00Z"},
		{"a step from the minimum", "*/15 * * * *", "2026-01-02T03:15:00Z"},
		{"a step within a range", "10-40/20 * * * *", "2026-01-02T03:10:00Z"},
		{"a step from a value on", "7/10 * * * *", "2026-01-02T03:07:00Z"},
		{"a step beyond the range leaves its first value", "30/90 * * * *", "2026-01-02T03:30:00Z"},
		{"a step that is enormous", "30/9223372036854775807 * * * *", "2026-01-02T03:30:00Z"},
		{"a list", "50,20,30 4 * * *", "2026-01-02T04:20:00Z"},
		{"empty items of a list are passed over", "20,,30 4 * * *", "2026-01-02T04:20:00Z"},
		{"a list of nothing is never due", ", * * * *", ""},
		{"leading zeros and plus signs are numbers", "007 +4 * * *", "2026-01-02T04:07:00Z"},
		{"months by name, in any case", "0 0 1 Mar-aPR *", "2026-03-01T00:00:00Z"},
		{"weekdays by name", "0 0 * * MON", "2026-01-05T00:00:00Z"},
		{"a weekday by name with a step", "0 0 * * mon/3", "2026-01-05T00:00:00Z"},
		{"a dotted I is an i in lower case", "0 0 * * FRİ", "2026-01-09T00:00:00Z"},
		{"a range that begins with a star ends where the field does", "*-3 * * * *", "2026-01-02T03:05:00Z"},
		{"whatever follows a star and a hyphen is passed over", "*-x-y * * * *", "2026-01-02T03:05:00Z"},
		{"two restricted days: either is due, the date first", "0 0 3 * 1", "2026-01-03T00:00:00Z"},
		{"two restricted days: either is due, the weekday first", "0 0 13 * 1", "2026-01-05T00:00:00Z"},
		{"an open weekday: only the date counts", "0 0 13 * *", "2026-01-13T00:00:00Z"},
		{"a weekday with a step is restricted", "0 0 13 * */6", "2026-01-03T00:00:00Z"},
		{"a date with a step is restricted", "0 0 */30 * 1", "2026-01-05T00:00:00Z"},
		{"a star in a list leaves the field open", "0 0 13 * *,1", "2026-01-13T00:00:00Z"},
		{"a full range restricts", "0 0 13 * 0-6", "2026-01-03T00:00:00Z"},
		{"any white space separates", "\t0  4\n* * *\u2003", "2026-01-02T04:00:00Z"},
		{"29 February", "0 0 29 2 *", "2028-02-29T00:00:00Z"},
		{"31 February is never due", "0 0 31 2 *", ""},
		{"31 February or a Monday in it", "0 0 31 2 1", "2026-02-02T00:00:00Z"},
		{"@yearly", "@yearly", "2027-01-01T00:00:00Z"},
		{"@annually", "@annually", "2027-01-01T00:00:00Z"},
		{"@monthly", "@monthly", "2026-02-01T00:00:00Z"},
		{"@weekly", "@weekly", "2026-01-04T00:00:00Z"},
		{"@daily", "@daily", "2026-01-03T00:00:00Z"},
		{"@midnight", "@midnight", "2026-01-03T00:00:00Z"},
		{"@hourly", "@hourly", "2026-01-02T04:00:00Z"},
		{"@every counts from the second", "@every 1h30m", "2026-01-02T04:34:05Z"},
		{"@every is cut to seconds", "@every 2999ms", "2026-01-02T03:04:07Z"},
		{"@every takes a second at least", "@every 1ms", "2026-01-02T03:04:06Z"},
		{"@every of the past takes a second", "@every -1h", "2026-01-02T03:04:06Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			schedule, err := cronjob.ParseSchedule(tc.spec)
			if err != nil {
				t.Fatal(err)
			}
			next := schedule.Next(start)
			if tc.next == "" {
				if !next.IsZero() || schedule != (cronjob.Schedule{}) {
					t.Errorf("next is %v, want never", next)
				}
			} else if got := next.Format(time.RFC3339Nano); got != tc.next {
				t.Errorf("next is %s, want %s", got, tc.next)
			}
		})
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for _, tc := range []struct{ name, spec, err string }{
		{"nothing", "", "0 fields instead of 5: minute, hour, day of month, month, day of week"},
		{"four fields", "* * * *", "4 fields instead of 5: minute, hour, day of month, month, day of week"},
		{"seconds", "0 * * * * *", "6 fields instead of 5: minute, hour, day of month, month, day of week"},
		{"minute 60", "60 * * * *", `column 1, minute "60": 60 is above 59`},
		{"hour 24 in a list", "0 1,24 * * *", `column 3, hour "1,24": 24 is above 23`},
		{"columns are characters", "\u2003\u2003* x * * *", `column 5, hour "x": "x" is not a number`},
		{"date 0", "0 0 0 * *", `column 5, day of month "0": 0 is below 1`},
		{"month 13", "0 0 1 13 *", `column 7, month "13": 13 is above 12`},
		{"month by its full name", "0 0 1 january *", `column 7, month "january": "january" is not a number`},
		{"the name of a month for a weekday", "0 0 * * jan", `column 9, day of week "jan": "jan" is not a number`},
		{"letters across two names", "0 0 * * unm", `column 9, day of week "unm": "unm" is not a number`},
		{"a name for a date", "0 0 mon * *", `column 5, day of month "mon": "mon" is not a number`},
		{"7 is not Sunday", "0 0 * * 7", `column 9, day of week "7": 7 is above 6: Sunday is 0`},
		{"L", "0 0 L * *", `column 5, day of month "L": "L" is not a number`},
		{"W", "0 0 15W * *", `column 5, day of month "15W": "15W" is not a number`},
		{"#", "0 0 * * 1#2", `column 9, day of week "1#2": "1#2" is not a number`},
		{"a step of 0", "*/0 * * * *", `column 1, minute "*/0": a step is at least 1`},
		{"a step of nothing", "*/ * * * *", `column 1, minute "*/": "" is not a number`},
		{"a negative step", "*/-2 * * * *", `column 1, minute "*/-2": "-2" is negative`},
		{"two steps", "1/2/3 * * * *", `column 1, minute "1/2/3": "2/3" is not a number`},
		{"a range backwards", "30-10 * * * *", `column 1, minute "30-10": the range ends with 10 before it begins with 30`},
		{"a range of three", "1-2-3 * * * *", `column 1, minute "1-2-3": a range has one hyphen`},
		{"a range with a minus", "0--0 * * * *", `column 1, minute "0--0": a range has one hyphen`},
		{"a range to nowhere", "1- * * * *", `column 1, minute "1-": "" is not a number`},
		{"too large for any number", "99999999999999999999 * * * *", `column 1, minute "99999999999999999999": "99999999999999999999" is too large`},
		{"a descriptor nobody knows", "@often", `column 1: "@often" is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every <duration>`},
		{"a descriptor in capitals", "@Daily", `column 1: "@Daily" is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every <duration>`},
		{"a descriptor behind a blank", " @daily", "1 fields instead of 5: minute, hour, day of month, month, day of week"},
		{"@every without a unit", "@every 5", `column 8: "5" is not a duration as "1h30m" is`},
		{"@every with two blanks", "@every  5m", `column 8: " 5m" is not a duration as "1h30m" is`},
		{"@every of days", "@every 1d", `column 8: "1d" is not a duration as "1h30m" is`},
		{"TZ", "TZ=Europe/Berlin 0 5 * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"},
		{"CRON_TZ", "CRON_TZ=UTC @daily", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"},
		{"TZ without a blank", "TZ=x", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"},
		{"TZ anywhere", "*-TZ * * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			schedule, err := cronjob.ParseSchedule(tc.spec)
			if err == nil || err.Error() != tc.err {
				t.Errorf("got %v\nwant %s", err, tc.err)
			}
			if schedule != (cronjob.Schedule{}) {
				t.Errorf("the schedule is not empty: %v", schedule)
			}
		})
	}
}

// FuzzSchedule asks everything of whatever can be parsed: no answer may contradict another.
func FuzzSchedule(f *testing.F) {
	f.Add("*/10 9-17 * * 1-5", int64(1767323045), int64(86400*365), "")
	f.Add("30 2 * * *", int64(1774746000), int64(86400*2), "Europe/Berlin")
	f.Add("0 0 29 2 *", int64(4070908800), int64(86400*365*9), "Australia/Lord_Howe")
	f.Add("@every 7s", int64(-1), int64(1<<62), "")
	f.Add(", 1 * * *", int64(-1<<62), int64(1<<62), "")
	f.Fuzz(func(t *testing.T, spec string, at, span int64, name string) {
		schedule, err := cronjob.ParseSchedule(spec)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("the error says nothing")
			}
			return
		}
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			zone = time.UTC
		}
		after := time.Unix(at, 0)
		until := time.Unix(at+max(span, -span, 0)/2, 0)
		for _, saving := range []cronjob.DaylightSaving{cronjob.EveryMatch, cronjob.OncePerSlot} {
			s := schedule.In(zone, saving)
			next, latest, count := s.Next(after), s.Latest(after, until), s.Count(after, until, 3)
			if !next.IsZero() && !next.After(after) && after.Year() > 0 {
				t.Errorf("%q after %v: %v is next", spec, after, next)
			}
			if !latest.IsZero() && (latest.After(until) || !latest.After(after) && after.Year() > 0) {
				t.Errorf("%q from %v to %v: %v is the latest", spec, after, until, latest)
			}
			if (count > 0) == latest.IsZero() || (count > 0) != (!next.IsZero() && !next.After(until)) || count == 1 && !next.Equal(latest) {
				t.Errorf("%q from %v to %v: next %v, latest %v, counted %d", spec, after, until, next, latest, count)
			}
		}
	})
}
