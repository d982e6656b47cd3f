package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

func TestCronJob(t *testing.T)           { Conform(t, CronJob()) }
func TestCronJobDeviations(t *testing.T) { Deviations(t, CronJob()) }
func TestCronJobTakeover(t *testing.T)   { Takeover(t, CronJob()) }
func BenchmarkCronJob(b *testing.B)      { Benchmark(b, CronJob()) }

// wakeSlack is what upstream adds to the next run, in case clocks differ.
const wakeSlack = 100 * time.Millisecond

// At rest, ours wakes for the run for which upstream queues the CronJob again; with Forbid and a Job that runs it need not:
// nothing starts before the Job ends. Nor need it if startingDeadlineSeconds is 0.
func TestCronJobWake(t *testing.T) {
	kind, compared := CronJob(), 0
	check(t, *snapshots, func(rt *rapid.T) {
		snapshot := kind.Snapshot(rt)
		snapshot.Refusals, snapshot.Steps = nil, nil
		c, _ := find[*batchv1.CronJob](snapshot.Objects, tick.Name)
		_, known := scheduleOf(c)
		if !known || (moment{cronJob: c}).isOddZone() || c.Spec.Schedule == "@every 30s" || difference(t, kind, snapshot) != nil {
			return // told elsewhere
		}
		theirs, ours := wakes(t, rt, kind, snapshot)
		if !ours.Equal(theirs) {
			rt.Fatalf("upstream wakes at %v, ours at %v\n%s", theirs, ours, snapshot)
		}
		if !ours.IsZero() {
			compared++
		}
	})
	t.Logf("%d of %d snapshots have a next run", compared, *snapshots)
}

// wakes gives when the two wake at rest: zero for never.
func wakes(t *testing.T, rt *rapid.T, kind Kind, snapshot *Snapshot) (theirs, ours time.Time) {
	var failure error
	bubble(t, snapshot.Now, func() {
		mine := newOurs(kind, NewWorld(snapshot.Objects, nil), snapshot)
		rest(mine)
		seen := plan.Pending{Seen: mine.World.seen()}
		result, err := kind.Ours()(&View{Now: time.Now(), Workload: tick, Pending: seen, world: mine.World, random: mine.random})
		u := newUpstream(kind, mine.World, snapshot)
		jm := newCronJobController(u)
		u.Informers.Sync()
		requeue, errUpstream := syncCronJob(jm, context.Background(), u.key)
		failure = errors.Join(err, errUpstream)
		c, _ := Get[*batchv1.CronJob](mine.World, tick.Namespace, tick.Name)
		window := c.Spec.StartingDeadlineSeconds
		if requeue != nil && (window == nil || *window > 0) && (c.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent || len(c.Status.Active) == 0) {
			theirs = time.Now().Add(*requeue - wakeSlack)
		}
		ours = result.Wake
	})
	if failure != nil {
		rt.Fatal(failure)
	}
	return theirs, ours
}
