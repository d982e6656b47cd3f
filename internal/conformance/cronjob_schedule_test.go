package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/kubernetes/pkg/util/parsers"

	"github.com/kubeplan/kubeplan/cronjob"
)

// Schedules against robfig/cron/v3, with which the API server reads them and the controller finds the next run.

// accepts is what the API server makes of the schedule of a new CronJob.
func accepts(spec string) bool {
	_, err := parsers.ParseCronScheduleWithPanicRecovery(spec)
	return err == nil && spec != "" && !strings.Contains(spec, "TZ")
}

// randomSpec makes a schedule that can mostly be read.
func randomSpec(r *rand.Rand) string {
	bounds := [][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}
	var fields []string
	for _, b := range bounds {
		value := func() int { return b[0] + r.IntN(b[1]-b[0]+1) }
		var items []string
		for range 1 + r.IntN(2)*r.IntN(3) {
			items = append(items, []string{
				"*", "?", fmt.Sprint(value()), fmt.Sprintf("%d-%d", min(value(), value()), value()),
				fmt.Sprintf("*/%d", value()+1), fmt.Sprintf("%d/%d", value(), value()+1), "*",
			}[r.IntN(7)])
		}
		fields = append(fields, strings.Join(items, ","))
	}
	return strings.Join(fields, " ")
}

// garble changes a few characters.
func garble(r *rand.Rand, spec string) string {
	const letters = "0123456789*?-/,, @LW#janMONsunTZ=+\t"
	text := []byte(spec)
	for range r.IntN(4) {
		at := r.IntN(len(text))
		text = slices.Replace(text, at, at+r.IntN(2), letters[r.IntN(len(letters))])
	}
	return string(text)
}

func TestScheduleParse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 100 * *snapshots {
		spec := garble(r, randomSpec(r))
		_, err := cronjob.ParseSchedule(spec)
		if accepts(spec) != (err == nil) {
			t.Errorf("%q: upstream accepts %v, ours: %v", spec, accepts(spec), err)
		}
		if err == nil {
			accepted++
		}
	}
	t.Logf("%d of %d were accepted", accepted, 100**snapshots)
}

// tame are zones that do not change their clocks, or by whole hours and away from midnight: there the two agree.
var tame = []string{"UTC", "Asia/Kolkata", "Asia/Tokyo", "Etc/GMT+11", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Pacific/Auckland", "America/St_Johns"}

func TestScheduleNext(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 * *snapshots {
		zone, err := time.LoadLocation(tame[r.IntN(len(tame))])
		if err != nil {
			t.Fatal(err)
		}
		after := time.Unix(1325376000+r.Int64N(1<<31), r.Int64N(2)*r.Int64N(1e9)).In(zone) // from 2012 on: St. John's was not tame before
		if _, change := after.ZoneBounds(); !change.IsZero() && r.IntN(2) == 0 {
			after = change.Add(-time.Duration(r.Int64N(int64(40 * time.Hour))))
		}
		if d := scheduleDiffers(randomSpec(r), after); d != "" {
			t.Error(d)
		}
	}
}

// scheduleDiffers tells how the two differ about what comes next.
func scheduleDiffers(spec string, after time.Time) string {
	theirs, err := cron.ParseStandard(spec)
	if err != nil {
		return ""
	}
	ours, err := cronjob.ParseSchedule(spec)
	if err != nil {
		return fmt.Sprintf("%q: %v", spec, err)
	}
	want, got := theirs.Next(after), ours.In(after.Location(), cronjob.EveryMatch).Next(after)
	beyondHorizon := want.IsZero() && got.Year() > after.Year()+5
	if want.Equal(got) || beyondHorizon {
		return ""
	}
	return fmt.Sprintf("%q after %v: upstream %v, ours %v", spec, after, want, got)
}

func FuzzSchedule(f *testing.F) {
	f.Add("*/10 9-17 * * 1-5", int64(1767323045), 0)
	f.Add("30 2 * 3,10 0", int64(1774746000), 4)
	f.Add("0 0 29 2 *", int64(4070908800), 2)
	f.Add("TZ=x", int64(0), 0)
	f.Add("@every 1ms", int64(5), 1)
	f.Fuzz(func(t *testing.T, spec string, at int64, zone int) {
		if _, err := cronjob.ParseSchedule(spec); accepts(spec) != (err == nil) {
			t.Fatalf("%q: upstream accepts %v, ours: %v", spec, accepts(spec), err)
		}
		location, err := time.LoadLocation(tame[uint(zone)%uint(len(tame))])
		if err != nil {
			t.Fatal(err)
		}
		if at < 1325376000 || at > 1<<33 || !accepts(spec) {
			return
		}
		if d := scheduleDiffers(spec, time.Unix(at, 0).In(location)); d != "" {
			t.Error(d)
		}
	})
}

// Where robfig/cron is wrong, it still is.
func TestScheduleDeviations(t *testing.T) {
	var rows []string
	for _, d := range []struct{ row, zone, spec, after, theirs, ours string }{
		{"a day without midnight", "Africa/Cairo", "15 5 24 4 *", "2026-04-23T12:00:00+02:00", "2027-04-24T05:15:00+02:00", "2026-04-24T05:15:00+03:00"},
		{"a day without midnight", "Asia/Beirut", "0 12 * * 0", "2026-03-28T12:00:00+02:00", "2026-04-05T12:00:00+03:00", "2026-03-29T12:00:00+03:00"},
		{"a Monday run of a Sunday schedule", "Asia/Tehran", "0 12 * * 0", "2021-03-21T15:30:00+03:30", "2021-03-22T12:00:00+04:30", "2021-03-28T12:00:00+04:30"},
		{"half an hour", "Australia/Lord_Howe", "10 5 * * *", "2026-10-04T00:00:00+10:30", "2026-10-05T05:10:00+11:00", "2026-10-04T05:10:00+11:00"},
		{"the horizon of five years", "UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", "0001-01-01T00:00:00Z", "2104-02-29T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(d.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, d.after)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := cron.ParseStandard(d.spec)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := cronjob.ParseSchedule(d.spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := theirs.Next(at.In(zone)).Format(time.RFC3339); got != d.theirs {
			t.Errorf("%s, %s: upstream %s, not %s", d.row, d.zone, got, d.theirs)
		}
		if got := ours.In(zone, cronjob.EveryMatch).Next(at).Format(time.RFC3339); got != d.ours {
			t.Errorf("%s, %s: ours %s, not %s", d.row, d.zone, got, d.ours)
		}
		if !slices.Contains(rows, d.row) {
			rows = append(rows, d.row)
		}
	}
	rows = append(rows, "a time zone alone")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("upstream does not panic on TZ=x")
			}
		}()
		_, _ = cron.ParseStandard("TZ=x")
	}()
	if written := rowsOf(t, "CronJob schedules"); !slices.Equal(rows, written) {
		t.Errorf("DEVIATIONS.md has the rows %q, the test %q", written, rows)
	}
}

func BenchmarkSchedule(b *testing.B) {
	now := Instant.Add(30 * time.Second)
	for _, spec := range []string{"* * * * *", "*/10 9-17 * * 1-5", "0 0 29 2 *", ", * * * *"} {
		theirs, err := cron.ParseStandard(spec)
		if err != nil {
			b.Fatal(err)
		}
		ours, err := cronjob.ParseSchedule(spec)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.ReplaceAll(spec, "/", ":"), func(b *testing.B) {
			var mine float64
			b.Run("ours", func(b *testing.B) { mine = measure(b, 1, func() error { ours.Next(now); return nil }) })
			b.Run("upstream", func(b *testing.B) {
				b.ReportMetric(measure(b, 1, func() error { theirs.Next(now); return nil })/mine, "upstream/ours")
			})
		})
	}
}
