package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func boundRows() []row {
	return []row{
		{
			Deviation: Deviation{
				Row: "more available than asked for",
				Snapshot: func() *Snapshot {
					d := rolling(2, 1, 0)
					return shopSnapshot(d, shopSet(0, 1, 1, 2, 2), shopSet(1, 2, 2, 1, 1))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					sized(t, "upstream", upstream, 2, 0)
					sized(t, "ours", ours, 2, 1)
				},
			},
			shows:   trusts(tooMany),
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "a status that is behind",
				Snapshot: func() *Snapshot {
					raised := shopSet(1, 1, 2, 2, 2)
					raised.Status.ObservedGeneration = 1
					return shopSnapshot(rolling(2, 1, 0), shopSet(0, 2, 1, 1, 1), raised)
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					sized(t, "upstream", upstream, 0, 2)
					sized(t, "ours", ours, 1, 2)
				},
			},
			shows:   trusts(behind),
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "a ReplicaSet that goes",
				Snapshot: func() *Snapshot {
					going := shopSet(1, 1, 1, 1, 1)
					Deleting(going, Instant, true)
					return shopSnapshot(rolling(3, 1, 1), shopSet(0, 2, 3, 3, 3), going)
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					sized(t, "upstream", upstream, 1, 3)
					sized(t, "ours", ours, 2, 2)
				},
			},
			shows:   trusts(goes),
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "Ready pods as credit",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(4, 1, 1), shopSet(0, 2, 4, 4, 3), shopSet(1, 1, 1, 0, 0))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					sized(t, "upstream", upstream, 3, 2)
					sized(t, "ours", ours, 4, 1)
				},
			},
			shows:   func(r Round) bool { return drops(r) == "ready" },
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "shares below the bound",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(5, 1, 1), told(10, 11, shopSet(0, 2, 6, 6, 6)), told(10, 11, shopSet(1, 1, 5, 0, 0)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					sized(t, "upstream", upstream, 3, 3)
					sized(t, "ours", ours, 4, 2)
				},
			},
			shows:   func(r Round) bool { return drops(r) == "available" },
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "a share that grows where all shrink",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(2, 1, 0), told(2, 3, shopSet(0, 2, 2, 2, 2)), told(1, 1, shopSet(1, 1, 2, 0, 0)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Told()[:2],
						"Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 2 to 0", "Normal ScalingReplicaSet: Scaled up replica set shop-h1 from 2 to 6")
					same(t, "ours", ours.Told(), "Normal ScalingReplicaSet: Scaled down replica set shop-h1 from 2 to 1")
				},
			},
			shows:   exceeds,
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "products in 32 bits",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(90000, 0, 90000), told(80000, 80000, shopSet(0, 2, 40000, 40000, 40000)), told(80000, 80000, shopSet(1, 1, 40000, 40000, 40000)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					if first := upstream.Told()[0]; strings.Contains(first, "45000") {
						t.Errorf("upstream: %s", first)
					}
					for i, run := range []int{0, 1} {
						if want := fmt.Sprintf("Normal ScalingReplicaSet: Scaled up replica set shop-h%d from 40000 to 45000", run); ours.Told()[i] != want {
							t.Errorf("ours: %s, want %s", ours.Told()[i], want)
						}
					}
				},
			},
		},
		{
			Deviation: Deviation{
				Row: "growth beside shrinking",
				Snapshot: func() *Snapshot {
					return shopSnapshot(rolling(5, 1, 1), told(9, 9, shopSet(0, 2, 4, 4, 4)), told(1, 1, shopSet(1, 1, 1, 1, 1)))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					if !slices.ContainsFunc(upstream.Rounds, bothWays) || slices.ContainsFunc(ours.Rounds, bothWays) {
						t.Errorf("upstream %q, ours %q", upstream.Told(), ours.Told())
					}
				},
			},
			shows:   bothWays,
			excuses: moving,
		},
		{
			Deviation: Deviation{
				Row: "Recreate beside old pods",
				Snapshot: func() *Snapshot {
					d := rolling(2, 0, 0)
					d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
					d.Spec.Paused = true
					old := shopSet(0, 2, 0, 0, 0)
					pod := &corev1.Pod{}
					pod.Namespace, pod.Name, pod.Labels = shop.Namespace, "pod-0", old.Spec.Template.Labels
					pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "ReplicaSet", old.Name, old.UID)}
					pod.Spec.NodeName, pod.Status.Phase = "node-1", corev1.PodRunning
					Deleting(pod, Instant, false)
					return shopSnapshot(d, old, shopSet(1, 1, 0, 0, 0), pod)
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					sized(t, "upstream", upstream, 0, 2)
					sized(t, "ours", ours, 0, 0)
				},
			},
			shows:   disregardsOldPods,
			excuses: anything,
		},
	}
}

// trusts reports whether a sync of a rolling Deployment found a ReplicaSet whose status tells of available pods and is not to be
// relied on.
func trusts(doubtful func(member) bool) func(Round) bool {
	return func(r Round) bool {
		d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
		return ok && d.Spec.Strategy.RollingUpdate != nil && slices.ContainsFunc(membersOf(r), func(m member) bool { return m.available() > 0 && doubtful(m) })
	}
}

func tooMany(m member) bool { return m.available() > int(*m.before.Spec.Replicas) }

func behind(m member) bool { return m.before.Status.ObservedGeneration < m.before.Generation }

func goes(m member) bool { return m.before.DeletionTimestamp != nil }

// drops tells by what a sync took the Deployment below D - U, or below what it had: "" if it did not.
func drops(r Round) string {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return ""
	}
	least, before, after := leastAvailable(d), 0, 0
	for _, m := range membersOf(r) {
		size := int(*m.before.Spec.Replicas)
		if m.size < min(size, m.ready()) && m.ready() > m.available() {
			return "ready"
		}
		if m.before.Status.ObservedGeneration < m.before.Generation && m.available() > 0 {
			before += m.keeps(size)
			continue // it vouches for nothing afterwards
		}
		before += m.keeps(size)
		after += m.keeps(m.size)
	}
	if after < min(before, least) {
		return "available"
	}
	return ""
}

// exceeds reports whether a sync asked for more pods than there were to be before, and than D + S.
func exceeds(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.Spec.Strategy.RollingUpdate == nil {
		return false
	}
	surge, _ := intstr.GetScaledValueFromIntOrPercent(d.Spec.Strategy.RollingUpdate.MaxSurge, int(*d.Spec.Replicas), true)
	before, after := 0, 0
	for _, m := range membersOf(r) {
		before += int(*m.before.Spec.Replicas)
		after += m.size
	}
	return after > max(before, int(*d.Spec.Replicas)+surge)
}

// bothWays reports whether a sync made one ReplicaSet larger and another smaller.
func bothWays(r Round) bool {
	up, down := false, false
	for _, m := range membersOf(r) {
		up = up || m.size > int(*m.before.Spec.Replicas)
		down = down || m.size < int(*m.before.Spec.Replicas)
	}
	return up && down
}

// disregardsOldPods reports whether a sync of a Deployment with the strategy Recreate made a ReplicaSet, or one larger, while another had
// pods, or could have for all that is known, or forgot one while any had.
func disregardsOldPods(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		return false
	}
	populated := map[string]bool{}
	members := membersOf(r)
	fresh := freshOf(d, members)
	for _, m := range members {
		if m.before != fresh && mayHavePods(r, m.before) {
			populated[m.before.Name] = true
		}
	}
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		others := maps.Clone(populated)
		delete(others, w.Ref.Name)
		switch before, _ := find[*appsv1.ReplicaSet](r.Before, w.Ref.Name); {
		case w.Ref.Kind != "ReplicaSet":
			return false
		case w.Verb == "delete":
			return len(populated) > 0
		case w.Verb == "create":
			return len(others) > 0
		default:
			after, stays := w.After.(*appsv1.ReplicaSet)
			if !stays || before == nil {
				return false
			}
			isNew := after.Spec.Template.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image
			change := *after.Spec.Replicas - *before.Spec.Replicas
			return len(others) > 0 && (change > 0 || isNew && change < 0) // the new one waits to shrink, too
		}
	})
}
