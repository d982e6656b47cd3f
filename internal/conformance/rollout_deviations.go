package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/controller"

	"github.com/kubeplan/kubeplan/plan"
)

func deploymentDeviations() []Deviation {
	return []Deviation{
		{
			Row: "more available than asked for",
			Snapshot: func() *Snapshot {
				d := rolling(2, 1, 0)
				return shopSnapshot(d, shopSet(0, 1, 1, 2, 2), shopSet(1, 2, 2, 1, 1))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				sized(t, "upstream", upstream, 2, 0)
				sized(t, "ours", ours, 2, 1)
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, trusts(tooMany)) && movesOtherwise(c)
			},
		},
		{
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
			Explains: func(c *Case) bool { return slices.ContainsFunc(c.Upstream.Rounds, trusts(behind)) && movesOtherwise(c) },
		},
		{
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
			Explains: func(c *Case) bool { return slices.ContainsFunc(c.Upstream.Rounds, trusts(goes)) && movesOtherwise(c) },
		},
		{
			Row: "Ready pods as credit",
			Snapshot: func() *Snapshot {
				return shopSnapshot(rolling(4, 1, 1), shopSet(0, 2, 4, 4, 3), shopSet(1, 1, 1, 0, 0))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				sized(t, "upstream", upstream, 3, 2)
				sized(t, "ours", ours, 4, 1)
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool { return drops(r) == "ready" }) && movesOtherwise(c)
			},
		},
		{
			Row: "shares below the bound",
			Snapshot: func() *Snapshot {
				return shopSnapshot(rolling(5, 1, 1), told(10, 11, shopSet(0, 2, 6, 6, 6)), told(10, 11, shopSet(1, 1, 5, 0, 0)))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				sized(t, "upstream", upstream, 3, 3)
				sized(t, "ours", ours, 4, 2)
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool { return drops(r) == "available" }) && movesOtherwise(c)
			},
		},
		{
			Row: "a share that grows where all shrink",
			Snapshot: func() *Snapshot {
				return shopSnapshot(rolling(2, 1, 0), told(2, 3, shopSet(0, 2, 2, 2, 2)), told(1, 1, shopSet(1, 1, 2, 0, 0)))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Told()[:2],
					"Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 2 to 0", "Normal ScalingReplicaSet: Scaled up replica set shop-h1 from 2 to 6")
				same(t, "ours", ours.Told(), "Normal ScalingReplicaSet: Scaled down replica set shop-h1 from 2 to 1")
			},
			Explains: func(c *Case) bool { return slices.ContainsFunc(c.Upstream.Rounds, exceeds) && movesOtherwise(c) },
		},
		{
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
		{
			Row: "growth beside shrinking",
			Snapshot: func() *Snapshot {
				return shopSnapshot(rolling(5, 1, 1), told(9, 9, shopSet(0, 2, 4, 4, 4)), told(1, 1, shopSet(1, 1, 1, 1, 1)))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !slices.ContainsFunc(upstream.Rounds, bothWays) || slices.ContainsFunc(ours.Rounds, bothWays) {
					t.Errorf("upstream %q, ours %q", upstream.Told(), ours.Told())
				}
			},
			Explains: func(c *Case) bool { return slices.ContainsFunc(c.Upstream.Rounds, bothWays) && movesOtherwise(c) },
		},
		{
			Row: "a size that was reached another way",
			Snapshot: func() *Snapshot {
				return shopSnapshot(rolling(3, 1, 1), told(5, 6, shopSet(0, 2, 3, 3, 3)))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				sized(t, "upstream", upstream, 3)
				sized(t, "ours", ours, 2, 2)
			},
			Explains: func(c *Case) bool {
				return awaitsScaling(c.Upstream.Rounds[len(c.Upstream.Rounds)-1]) &&
					differsIn(c, append(inRollout, inSets, inNotes, inRevision, inFailure, inCollisions, inRefused, inEvents)...)
			},
		},
		{
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
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, disregardsOldPods) &&
					differsIn(c, append(inRollout, inSets, inNotes, inRevision, inFailure, inCollisions, inRefused, inEvents)...)
			},
		},
		{
			Row: "a ReplicaSet scaled twice",
			Snapshot: func() *Snapshot {
				return shopSnapshot(rolling(3, 1, 1), shopSet(0, 2, 3, 2, 2), shopSet(1, 1, 1, 1, 1))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Told()[:2],
					"Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 3 to 2", "Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 2 to 1")
				same(t, "ours", ours.Told()[:1], "Normal ScalingReplicaSet: Scaled down replica set shop-h0 from 3 to 1")
			},
			Explains: func(c *Case) bool {
				return !maps.Equal(events(c.Upstream.Rounds), events(c.Ours.Rounds)) && differsIn(c)
			},
		},
		{
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
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, scalesAndDeletes) && movesOtherwise(c)
			},
		},
		{
			Row: "an adopted ReplicaSet written from its former copy",
			Snapshot: func() *Snapshot {
				orphan := told(2, 3, shopSet(1, 2, 1, 1, 1))
				orphan.OwnerReferences = nil
				return shopSnapshot(rolling(4, 1, 1), told(2, 3, shopSet(0, 1, 2, 2, 2)), orphan)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !slices.ContainsFunc(upstream.Rounds, breaksOff) || slices.ContainsFunc(ours.Rounds, breaksOff) {
					t.Error("upstream does not meet itself, or ours does")
				}
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool { return breaksOff(r) && scales(r) }) && movesOtherwise(c) ||
					slices.ContainsFunc(c.Upstream.Rounds, breaksOff) && (differsIn(c, inNotes, inProgress, inAvailable) || judgesOtherwise(c))
			},
		},
		{
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
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, takesReleased) && differsIn(c, append(inRollout, inSets, inCollisions, inRevision, inRefused)...)
			},
		},
		{
			Row: "a name that is taken",
			Snapshot: func() *Snapshot {
				template := shopTemplate(1)
				other := told(1, 2, shopSet(0, 2, 1, 1, 1))
				other.Name = "shop-" + controller.ComputeHash(&template, nil)
				return shopSnapshot(newDeployment(1), other)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !triesTaken(refused(upstream.Rounds)) || triesTaken(refused(ours.Rounds)) {
					t.Error("upstream does not ask for a name that is taken, or ours does")
				}
				for _, run := range []*Run{upstream, ours} {
					last := run.Rounds[len(run.Rounds)-1]
					if d, _ := find[*appsv1.Deployment](last.Before, shop.Name); collisionsOf(d) != 1 {
						t.Errorf("collisionCount %d, want 1", collisionsOf(d))
					}
				}
			},
			Explains: func(c *Case) bool { return triesTaken(c.Upstream.Refused) && differsIn(c) },
		},
		{
			Row: "a status that is not written",
			Snapshot: func() *Snapshot {
				s := shopSnapshot(newDeployment(1))
				s.Refusals = []Refusal{NamespaceTerminating("ReplicaSet")}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", statusWrites(upstream))
				same(t, "ours", statusWrites(ours), "update-status Deployment default/shop")
			},
			Explains: func(c *Case) bool {
				refused := slices.ContainsFunc(slices.Collect(maps.Keys(c.Upstream.Refused)), func(text string) bool {
					return strings.HasPrefix(text, "create ReplicaSet")
				})
				return refused && differsIn(c, inNumbers, inAvailable, inProgress)
			},
		},
		{
			Row:      "a status written twice",
			Snapshot: func() *Snapshot { return shopSnapshot(newDeployment(1), told(1, 2, shopSet(0, 1, 1, 1, 1))) },
			Check: func(t testing.TB, upstream, ours *Run) {
				if !meetsItself(refused(upstream.Rounds)) || meetsItself(refused(ours.Rounds)) {
					t.Error("upstream does not meet itself, or ours does")
				}
			},
			Explains: func(c *Case) bool {
				return (meetsItself(c.Upstream.Refused) || creates(c.Upstream)) && judgesOtherwise(c)
			},
		},
		{
			Row: "a creation that was not told",
			Snapshot: func() *Snapshot {
				d := newDeployment(1)
				d.Status.Conditions = []appsv1.DeploymentCondition{{
					Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable", LastUpdateTime: metav1.NewTime(Instant.Add(-time.Hour)),
				}}
				fresh := told(1, 2, shopSet(1, 1, 0, 0, 0))
				fresh.CreationTimestamp = metav1.NewTime(Instant)
				return shopSnapshot(d, told(1, 2, shopSet(0, 2, 1, 1, 1)), fresh)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				for _, text := range []string{createdBy(upstream), createdBy(ours)} {
					if (text == "") != (text == createdBy(upstream)) {
						t.Errorf("upstream %q, ours %q", createdBy(upstream), createdBy(ours))
					}
				}
			},
			Explains: func(c *Case) bool { return bornUntold(c.Snapshot) && differsIn(c, inProgress) },
		},
		{
			Row: "the annotations of a deleted Deployment",
			Snapshot: func() *Snapshot {
				d := newDeployment(1)
				Deleting(d, Instant, true)
				return shopSnapshot(d, shopSet(0, 2, 0, 0, 0), told(1, 2, withRevision("1", shopSet(1, 1, 1, 1, 1))))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "update ReplicaSet default/shop-h1")
				same(t, "ours", ours.Did())
			},
			Explains: func(c *Case) bool {
				d, ok := find[*appsv1.Deployment](c.Ours.Rounds[0].Before, shop.Name)
				return ok && d.DeletionTimestamp != nil && len(c.Ours.Did()) == 0 && len(c.Upstream.Did()) > 0 && differsIn(c, inNotes, inRevision, inProgress, inSizes, inNumbers)
			},
		},
		{
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
		{
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
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, hasUnreadable) && differsIn(c, inSets, inNotes, inRevision)
			},
		},
	}
}

// hasUnreadable reports whether a ReplicaSet bears a revision that cannot be read: see "revisions that cannot be read".
func hasUnreadable(r Round) bool { return slices.ContainsFunc(membersOf(r), unreadable) }

// movesOtherwise reports whether the two rolled out in other steps, and nothing else differs: sizes, what follows from them, and which
// revisions were without pods long enough to be forgotten, with the failure that one of them told of.
func movesOtherwise(c *Case) bool {
	facets := append(inRollout, inSets)
	if !maps.Equal(facetsOf(c.Upstream, c.Ours)[inSets], facetsOf(c.Ours, c.Upstream)[inSets]) {
		facets = append(facets, inFailure)
	}
	if slices.ContainsFunc(c.Upstream.Rounds, breaksOff) {
		facets = append(facets, inNotes)
	}
	return differsIn(c, facets...)
}

// judgesOtherwise reports whether the progress was judged by another status, and nothing else differs but what follows where it counted
// as complete, and old revisions were forgotten.
func judgesOtherwise(c *Case) bool {
	if differsIn(c, inProgress, inAvailable) {
		return true
	}
	return !maps.Equal(facetsOf(c.Upstream, c.Ours)[inSets], facetsOf(c.Ours, c.Upstream)[inSets]) && differsIn(c, inProgress, inAvailable, inSets, inNumbers, inFailure)
}

// rolling is the shop with D, S and U.
func rolling(replicas, surge, unavailable int32) *appsv1.Deployment {
	d := newDeployment(replicas)
	maxSurge, maxUnavailable := intstr.FromInt32(surge), intstr.FromInt32(unavailable)
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &maxSurge, MaxUnavailable: &maxUnavailable}
	return d
}

func shopSnapshot(objects ...plan.Object) *Snapshot {
	return &Snapshot{Workload: shop, Now: Instant, Objects: objects}
}

// told is a ReplicaSet that was last told of these D and D + S.
func told(desired, most int, rs *appsv1.ReplicaSet) *appsv1.ReplicaSet {
	rs.Annotations["deployment.kubernetes.io/desired-replicas"] = strconv.Itoa(desired)
	rs.Annotations["deployment.kubernetes.io/max-replicas"] = strconv.Itoa(most)
	return rs
}

func withRevision(revision string, rs *appsv1.ReplicaSet) *appsv1.ReplicaSet {
	rs.Annotations["deployment.kubernetes.io/revision"] = revision
	return rs
}

// sized compares the sizes of the ReplicaSets at rest, in the order of their age.
func sized(t testing.TB, side string, run *Run, want ...int) {
	t.Helper()
	var got []int
	for _, r := range run.Rounds[len(run.Rounds)-1:] {
		for _, m := range membersOf(r) {
			got = append(got, m.size)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", side, got, want)
	}
}

// meetsItself reports whether a write of the Deployment met another one that was made from the same copy.
func meetsItself(refused map[string]bool) bool {
	for text := range refused {
		if strings.Contains(text, " Deployment ") && strings.Contains(text, "the object has been modified") {
			return true
		}
	}
	return false
}

// triesTaken reports whether a ReplicaSet was asked for whose name another one had.
func triesTaken(refused map[string]bool) bool {
	for text := range refused {
		if strings.HasPrefix(text, "create ReplicaSet") && strings.Contains(text, "already exists") {
			return true
		}
	}
	return false
}

// createdBy is the message by which a side tells of a new ReplicaSet that it did not make.
func createdBy(run *Run) string {
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if d, ok := w.After.(*appsv1.Deployment); ok {
				for _, c := range d.Status.Conditions {
					if c.Reason == "NewReplicaSetCreated" {
						return c.Message
					}
				}
			}
		}
	}
	return ""
}

// bornUntold reports whether a snapshot shows a ReplicaSet that is younger than the last word about progress, with a revision
// that the Deployment does not bear.
func bornUntold(s *Snapshot) bool {
	d, _ := find[*appsv1.Deployment](s.Objects, shop.Name)
	revision := d.Annotations["deployment.kubernetes.io/revision"]
	for _, rs := range ObjectsOf[*appsv1.ReplicaSet](s.Objects) {
		younger := revision == ""
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentProgressing {
				younger = !rs.CreationTimestamp.Before(&c.LastUpdateTime)
			}
		}
		if younger {
			return true
		}
	}
	return false
}

func unreadable(m member) bool {
	_, err := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/revision"])
	return err != nil
}

func tooMany(m member) bool { return m.available() > int(*m.before.Spec.Replicas) }
func behind(m member) bool  { return m.before.Status.ObservedGeneration < m.before.Generation }

func goes(m member) bool { return m.before.DeletionTimestamp != nil }

// trusts reports whether a sync found a ReplicaSet whose status tells of available pods and is not to be relied on.
func trusts(doubtful func(member) bool) func(Round) bool {
	return func(r Round) bool {
		return slices.ContainsFunc(membersOf(r), func(m member) bool { return m.available() > 0 && doubtful(m) })
	}
}

// breaksOff reports whether a sync ended at a ReplicaSet that it had just adopted.
func breaksOff(r Round) bool {
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		return w.Err != nil && w.Ref.Kind == "ReplicaSet" && strings.Contains(w.Err.Error(), "the object has been modified")
	})
}

func scales(r Round) bool {
	return slices.ContainsFunc(r.Events, func(e plan.Event) bool { return e.Reason == "ScalingReplicaSet" })
}

// scalings counts the events, those that scale one ReplicaSet twice in a sync taken together.
func scalings(run *Run) map[string]int {
	count := map[string]int{}
	for _, round := range run.Rounds {
		from, to := map[string]string{}, map[string]string{}
		for _, event := range round.Events {
			if verb, before, after, ok := scaling(event); ok {
				if _, twice := from[verb]; !twice {
					from[verb] = before
				}
				to[verb] = after
			}
		}
		for verb := range from {
			count[verb+" from "+from[verb]+" to "+to[verb]]++
		}
	}
	return count
}

// scaling takes "Scaled down replica set web from 3 to 1" apart.
func scaling(event plan.Event) (verb, from, to string, ok bool) {
	verb, sizes, ok := strings.Cut(event.Message, " from ")
	from, to, sized := strings.Cut(sizes, " to ")
	return verb, from, to, ok && sized && event.Reason == "ScalingReplicaSet"
}

// awaitsScaling reports whether a sync did nothing although it found a ReplicaSet with pods that was told of another D.
func awaitsScaling(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	return ok && !r.changed() && slices.ContainsFunc(membersOf(r), func(m member) bool {
		told, err := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/desired-replicas"])
		return m.size > 0 && err == nil && told >= 0 && told != int(*d.Spec.Replicas)
	})
}

// disregardsOldPods reports whether a sync of a Deployment with the strategy Recreate made a ReplicaSet, or one larger, or deleted one,
// while pods of another, or of this one, were still there, or could be for all that is known.
func disregardsOldPods(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		return false
	}
	populated := map[string]bool{}
	for _, m := range membersOf(r) {
		terminating := m.before.Status.TerminatingReplicas
		if m.before.Status.Replicas > 0 || terminating != nil && *terminating > 0 || behind(m) {
			populated[m.before.Name] = true
		}
	}
	for _, pod := range ObjectsOf[*corev1.Pod](r.Before) {
		if ref := metav1.GetControllerOf(pod); ref != nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			populated[ref.Name] = true
		}
	}
	for _, w := range r.Writes {
		before, _ := find[*appsv1.ReplicaSet](r.Before, w.Ref.Name)
		after, stays := w.After.(*appsv1.ReplicaSet)
		grows := stays && (before == nil || *after.Spec.Replicas > *before.Spec.Replicas)
		isNew := stays && after.Spec.Template.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image
		resized := grows || isNew && *after.Spec.Replicas != *before.Spec.Replicas // the new one waits to shrink, too
		others := len(populated)
		if populated[w.Ref.Name] {
			others--
		}
		asked := resized || w.Verb == "create" && w.Err != nil
		if w.Ref.Kind == "ReplicaSet" && (asked && others > 0 || w.Verb == "delete" && populated[w.Ref.Name]) {
			return true
		}
	}
	return false
}

// scalesAndDeletes reports whether a sync wrote a ReplicaSet and deleted it.
func scalesAndDeletes(r Round) bool {
	written := map[string]bool{}
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		written[w.Ref.Name] = written[w.Ref.Name] || w.Verb == "update" && w.Err == nil
		return w.Verb == "delete" && written[w.Ref.Name]
	})
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

// bothWays reports whether a sync made one ReplicaSet larger and another smaller.
func bothWays(r Round) bool {
	up, down := false, false
	for _, m := range membersOf(r) {
		up = up || m.size > int(*m.before.Spec.Replicas)
		down = down || m.size < int(*m.before.Spec.Replicas)
	}
	return up && down
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

// creates reports whether upstream made a ReplicaSet: it judges the progress in the same sync, by what it was before.
func creates(run *Run) bool {
	return slices.ContainsFunc(run.Did(), func(write string) bool { return strings.HasPrefix(write, "create ReplicaSet") })
}

// member is a ReplicaSet of the shop before and after a sync.
type member struct {
	before *appsv1.ReplicaSet
	size   int // after
}

func (m member) ready() int {
	return int(max(m.before.Status.ReadyReplicas, m.before.Status.AvailableReplicas))
}
func (m member) available() int { return int(m.before.Status.AvailableReplicas) }
func (m member) keeps(size int) int {
	return m.available() - min(m.available(), max(0, m.ready()-min(size, int(*m.before.Spec.Replicas))))
}

// membersOf gives the ReplicaSets of the shop that a round found, those that it adopts included.
func membersOf(r Round) []member {
	var members []member
	for _, rs := range ObjectsOf[*appsv1.ReplicaSet](r.Before) {
		ref := metav1.GetControllerOf(rs)
		if ref == nil && rs.DeletionTimestamp != nil || ref != nil && ref.UID != shop.UID || rs.Labels["app"] != "shop" {
			continue
		}
		m := member{before: rs, size: int(*rs.Spec.Replicas)}
		for _, w := range r.Writes {
			if after, ok := w.After.(*appsv1.ReplicaSet); ok && after.Name == rs.Name {
				m.size = int(*after.Spec.Replicas)
			}
		}
		members = append(members, m)
	}
	return members
}

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

func leastAvailable(d *appsv1.Deployment) int {
	rolling, desired := d.Spec.Strategy.RollingUpdate, int(*d.Spec.Replicas)
	if rolling == nil {
		return desired
	}
	surge, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxSurge, desired, true)
	unavailable, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, desired, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return desired - min(unavailable, desired)
}

// statusWrites are the writes to a status that changed it.
func statusWrites(run *Run) []string {
	var writes []string
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if w.Verb == "update-status" && w.Changed {
				writes = append(writes, w.Verb+" "+w.Ref.String())
			}
		}
	}
	return writes
}
