package conformance

import (
	"slices"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func sizeRows() []row {
	return []row{
		{
			Deviation: Deviation{
				Row: "a size that was reached another way",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(3, 1, 1), told(5, 6, shopSet(0, 2, 3, 3, 3)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Did())
					sized(t, "upstream", upstream, 3)
					sized(t, "ours", ours, 2, 2)
				},
			},
			shows:   awaitsScaling,
			excuses: anything,
		},
		{
			Deviation: Deviation{
				Row: "a ReplicaSet scaled twice",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(3, 1, 1), shopSet(0, 2, 3, 2, 2), shopSet(1, 1, 1, 1, 1))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Told()[:2],
						"Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 3 to 2", "Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 2 to 1")
					same(t, "ours", ours.Told()[:1], "Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 3 to 1")
				},
			},
			shows:   scalesTwice,
			excuses: []facet{inSteps},
		},
		{
			Deviation: Deviation{
				Row: "a ReplicaSet scaled and deleted at once",
				Snapshot: func() *Snapshot {
					d := rolling(1, 1, 1)
					d.Spec.Paused = true
					*d.Spec.RevisionHistoryLimit = 0
					return shopSnapshot(d, shopSet(0, 2, 0, 0, 0))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Did(), "delete ReplicaSet default/shop-h0", "update ReplicaSet default/shop-h0")
					same(t, "ours", ours.Did(), "update ReplicaSet default/shop-h0")
				},
			},
			shows:   scalesAndDeletes,
			excuses: moving,
		},
	}
}

// awaitsScaling reports whether a sync did nothing although it found a ReplicaSet with pods that was told of another D.
func awaitsScaling(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	return ok && !r.changed() && slices.ContainsFunc(membersOf(r), func(m member) bool {
		told, err := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/desired-replicas"])
		return m.size > 0 && err == nil && told >= 0 && told != int(*d.Spec.Replicas)
	})
}

// scalesTwice reports whether a sync scaled a ReplicaSet twice.
func scalesTwice(r Round) bool {
	told := map[string]bool{}
	return slices.ContainsFunc(r.Events, func(e plan.Event) bool {
		verb, _, _, ok := scaling(e)
		twice := ok && told[verb]
		told[verb] = told[verb] || ok
		return twice
	})
}

// scalesAndDeletes reports whether a sync wrote a ReplicaSet and deleted it.
func scalesAndDeletes(r Round) bool {
	written := map[string]bool{}
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		written[w.Ref.Name] = written[w.Ref.Name] || w.Verb == "update" && w.Err == nil
		return w.Verb == "delete" && written[w.Ref.Name]
	})
}
