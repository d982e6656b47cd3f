package conformance

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/controller"

	"github.com/kubeplan/kubeplan/plan"
)

func setRows() []row {
	return []row{
		{
			Deviation: Deviation{
				Row: "an adopted ReplicaSet written from its former copy",
				Snapshot: func() *Snapshot {
					orphan := told(2, 3, shopSet(0, 2, 1, 1, 1))
					orphan.OwnerReferences = nil
					return shopSnapshot(rolling(4, 1, 1), orphan, told(2, 3, shopSet(1, 1, 2, 2, 2)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					if !slices.ContainsFunc(upstream.Rounds, breaksOff) || slices.ContainsFunc(ours.Rounds, breaksOff) {
						t.Error("upstream does not break off, or ours does")
					}
				},
			},
			shows:   breaksOff,
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "a released ReplicaSet is taken for the new one",
				Snapshot: func() *Snapshot {
					template := shopTemplate(1)
					leaver := shopSet(0, 1, 1, 1, 1)
					leaver.Name = "shop-" + controller.ComputeHash(&template, nil)
					leaver.Labels = map[string]string{"app": "other"}
					return shopSnapshot(rolling(1, 1, 1), leaver)
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					if !slices.ContainsFunc(upstream.Rounds, takesReleased) || slices.ContainsFunc(ours.Rounds, takesReleased) {
						t.Error("upstream does not ask for what it has just released, or ours does")
					}
				},
			},
			shows:   takesReleased,
			excuses: append(slices.Clone(anything), inAsked), // a rollback, too, and with it which ReplicaSet is the new one
		},
		{
			Deviation: Deviation{
				Row: "a name that is taken",
				Snapshot: func() *Snapshot {
					template := shopTemplate(1)
					other := told(1, 2, shopSet(0, 2, 1, 1, 1))
					other.Name = "shop-" + controller.ComputeHash(&template, nil)
					return shopSnapshot(newDeployment(1), other)
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					if !slices.ContainsFunc(upstream.Rounds, triesTaken) || slices.ContainsFunc(ours.Rounds, triesTaken) {
						t.Error("upstream does not ask for a name that is taken, or ours does")
					}
					for _, run := range []*Run{upstream, ours} {
						last := run.Rounds[len(run.Rounds)-1]
						if d, _ := find[*appsv1.Deployment](last.Before, shop.Name); collisionsOf(d) != 1 {
							t.Errorf("collisionCount %d, want 1", collisionsOf(d))
						}
					}
				},
			},
			shows:   triesTaken,
			excuses: []facet{inTaken},
		},
		{
			Deviation: Deviation{
				Row: "a deleted ReplicaSet is released",
				Snapshot: func() *Snapshot {
					leaver := shopSet(0, 2, 0, 0, 0)
					leaver.Labels = map[string]string{"app": "other"}
					Deleting(leaver, Instant, true)
					return shopSnapshot(newDeployment(1), leaver, told(1, 2, shopSet(1, 1, 1, 1, 1)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Did(), "update ReplicaSet default/shop-h0")
					same(t, "ours", ours.Did())
				},
			},
		},
		{
			Deviation: Deviation{
				Row: "revisions that cannot be read",
				Snapshot: func() *Snapshot {
					d := newDeployment(1)
					d.Spec.Paused = true
					*d.Spec.RevisionHistoryLimit = 1
					return shopSnapshot(d, withRevision("2", shopSet(0, 2, 0, 0, 0)), withRevision("x", shopSet(1, 3, 0, 0, 0)), told(1, 2, withRevision("3", shopSet(2, 1, 1, 1, 1))))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Did(), "delete ReplicaSet default/shop-h0")
					same(t, "ours", ours.Did(), "delete ReplicaSet default/shop-h1")
				},
			},
			shows:   hasUnreadable,
			excuses: append([]facet{inNotes, inRevision}, forgetting...),
		},
	}
}

// breaksOff reports whether a sync ended at a ReplicaSet that it had just adopted, with a part of the sizes written.
func breaksOff(r Round) bool {
	return scales(r) && slices.ContainsFunc(r.Writes, func(w Write) bool {
		return w.Err != nil && w.Ref.Kind == "ReplicaSet" && strings.Contains(w.Err.Error(), "the object has been modified")
	})
}

func scales(r Round) bool {
	return slices.ContainsFunc(r.Events, func(e plan.Event) bool { return e.Reason == "ScalingReplicaSet" })
}

// takesReleased reports whether a sync let a ReplicaSet go and then asked for it to be created.
func takesReleased(r Round) bool {
	released := map[string]bool{}
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		if rs, ok := w.After.(*appsv1.ReplicaSet); ok && w.Verb == "update" && w.Err == nil && metav1.GetControllerOf(rs) == nil {
			released[w.Ref.Name] = true
		}
		return w.Verb == "create" && w.Err != nil && released[w.Ref.Name]
	})
}

// triesTaken reports whether a ReplicaSet was asked for whose name another one had.
func triesTaken(r Round) bool {
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		return w.Verb == "create" && w.Err != nil && strings.Contains(w.Err.Error(), "already exists")
	})
}

// hasUnreadable reports whether a ReplicaSet bears a revision that cannot be read: see "revisions that cannot be read".
func hasUnreadable(r Round) bool { return slices.ContainsFunc(membersOf(r), unreadable) }

func unreadable(m member) bool {
	_, err := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/revision"])
	return err != nil
}
