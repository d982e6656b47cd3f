package conformance

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Takeover hands clusters from one side to the other in the middle of their history. At rest, the newcomer must not
// write anything. In mid-work, what it makes of the cluster must be what upstream makes of it alone. Either way
// the history goes on with the newcomer, and each stage must end as it does with upstream alone.
func Takeover(t *testing.T, kind Kind) {
	check(t, max(1, *snapshots/3), func(rt *rapid.T) {
		h := handover{
			snapshot:  kind.History(rt),
			oursFirst: rapid.Bool().Draw(rt, "oursFirst"),
			midway:    rapid.Bool().Draw(rt, "midway"),
		}
		h.stage = Upto(rt, "handover", len(h.snapshot.Steps))
		if found := h.run(t, kind); found != nil {
			for _, d := range kind.Deviations {
				if d.Explains != nil && d.Explains(found) {
					return
				}
			}
			rt.Fatalf("%s\n%s", h, found)
		}
	})
}

type handover struct {
	snapshot  *Snapshot
	stage     int  // in which the newcomer takes over
	midway    bool // after one round of it, not at rest
	oursFirst bool
}

func (h handover) String() string {
	first, second := "upstream", "ours"
	if h.oursFirst {
		first, second = second, first
	}
	when := "at rest"
	if h.midway {
		when = "after one round"
	}
	return fmt.Sprintf("%s takes over from %s in stage %d, %s:", second, first, h.stage, when)
}

// run gives the first difference from a history that upstream runs alone.
func (h handover) run(t *testing.T, kind Kind) (found *Case) {
	snapshot := h.snapshot
	bubble(t, snapshot.Now, func() {
		alone, shared := NewWorld(snapshot.Objects, snapshot.Refusals), NewWorld(snapshot.Objects, snapshot.Refusals)
		upstream := newUpstream(kind, alone, snapshot)
		newcomer := func(ours bool) side {
			if ours {
				return newOurs(kind, shared, snapshot)
			}
			return newUpstream(kind, shared, snapshot)
		}
		inCharge := newcomer(h.oursFirst)
		for stage := range len(snapshot.Steps) + 1 {
			if stage > 0 {
				snapshot.Steps[stage-1].take(alone, shared)
			}
			want, got := rest(upstream), &Run{}
			if stage == h.stage && h.midway {
				got.Rounds = []Round{inCharge.Round()}
				inCharge = newcomer(!h.oursFirst)
			}
			got.follow(rest(inCharge))
			difference := cmp.Diff(want.State, got.State)
			if stage == h.stage && !h.midway {
				inCharge = newcomer(!h.oursFirst)
				if after := rest(inCharge); len(after.Rounds[0].Writes) > 0 {
					difference += "the newcomer does not leave a cluster at rest alone:\n" + after.describe()
				}
			}
			if difference != "" {
				found = &Case{Snapshot: snapshot, Stage: stage, Upstream: want, Ours: got, Handed: rest(newUpstream(kind, shared, snapshot)), Difference: "alone and shared (-alone +shared):\n" + difference}
				return
			}
		}
	})
	return found
}
