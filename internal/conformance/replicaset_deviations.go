package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	upstreamreplicaset "k8s.io/kubernetes/pkg/controller/replicaset"

	"github.com/kubeplan/kubeplan/plan"
)

func replicaSetDeviations() []Deviation {
	return []Deviation{
		{
			Row: "the empty selector",
			Snapshot: func() *Snapshot {
				rs := newReplicaSet(0)
				rs.Spec.Selector = &metav1.LabelSelector{}
				bystander := readyPod("bystander", "uid-1", Instant.Add(-time.Minute))
				bystander.OwnerReferences, bystander.Labels = nil, map[string]string{"app": "database"}
				return webSnapshot(rs, bystander)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/bystander", "update Pod default/bystander")
				same(t, "ours", ours.Did())
			},
			Explains: func(c *Case) bool {
				rs, ok := find[*appsv1.ReplicaSet](c.Ours.Rounds[0].Before, web.Name)
				return ok && metav1.FormatLabelSelector(rs.Spec.Selector) == "<none>" && len(c.Ours.Did()) == 0
			},
		},
		{
			Row: "a pod that cannot be adopted",
			Snapshot: func() *Snapshot {
				orphan := readyPod("pod-0", "uid-1", Instant.Add(-time.Minute))
				orphan.OwnerReferences = nil
				s := webSnapshot(newReplicaSet(2), orphan)
				s.Refusals = []Refusal{Denied("update", "Pod", "pod-0", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Pod default/web-*", "create Pod default/web-*")
			},
			Explains: func(c *Case) bool {
				return !slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool { return !endedByRefusedUpdate(r) })
			},
		},
		{
			Row: "five idle minutes in a terminating namespace",
			Snapshot: func() *Snapshot {
				s := webSnapshot(newReplicaSet(2), readyPod("pod-0", "uid-1", Instant.Add(-time.Minute)))
				s.Refusals = []Refusal{NamespaceTerminating("Pod")}
				s.Steps = []Step{scaleReplicaSet(0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: func(c *Case) bool {
				terminating := NamespaceTerminating("Pod").Status.Message
				return c.Stage > 0 && len(c.Snapshot.Refusals) > 0 && c.Snapshot.Refusals[0].Status.Message == terminating &&
					!slices.ContainsFunc(c.Upstream.Did(), func(write string) bool { return !strings.HasPrefix(write, "update ") })
			},
		},
		{
			Row: "a failure between two bursts",
			Snapshot: func() *Snapshot {
				rs := newReplicaSet(0)
				rs.Status.Conditions = []appsv1.ReplicaSetCondition{{
					Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedDelete",
					LastTransitionTime: metav1.NewTime(Instant.Add(-time.Hour)),
				}}
				easy := readyPod("pod-0", "uid-1", Instant.Add(-time.Minute))
				easy.Status.Conditions = nil
				s := webSnapshot(rs, easy, readyPod("pod-1", "uid-2", Instant.Add(-time.Minute)))
				s.Refusals = []Refusal{Denied("delete", "Pod", "pod-1", 0)}
				s.Burst = 1
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", failingSince(upstream), "2026-03-01T12:00:00Z")
				same(t, "ours", failingSince(ours), "2026-03-01T11:00:00Z")
			},
			Explains: func(c *Case) bool {
				return cmp.Equal(failureForgotten(c.Upstream.State), failureForgotten(c.Ours.State)) &&
					cmp.Equal(events(c.Upstream.Rounds), events(c.Ours.Rounds)) && cmp.Equal(c.Upstream.Refused, c.Ours.Refused)
			},
		},
		{
			Row: "a victim that cannot be deleted",
			Snapshot: func() *Snapshot {
				rs := newReplicaSet(1)
				rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", "web", "uid-deployment")}
				var pods []*corev1.Pod
				for i := range 5 {
					pod := readyPod(fmt.Sprintf("pod-%d", i), types.UID(fmt.Sprintf("uid-%d", i)), Instant.Add(-time.Minute))
					if i > 2 { // two on a node that is less crowded, Ready for longer
						pod.Spec.NodeName = "node-2"
						pod.Status.Conditions[0].LastTransitionTime = metav1.NewTime(Instant.Add(-time.Hour))
					}
					pods = append(pods, pod)
				}
				s := webSnapshot(rs, pods...)
				s.Refusals = []Refusal{Denied("delete", "Pod", "pod-1", 1)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/pod-0", "delete Pod default/pod-1", "delete Pod default/pod-2", "delete Pod default/pod-3")
				same(t, "ours", ours.Did(), "delete Pod default/pod-0", "delete Pod default/pod-2", "delete Pod default/pod-3", "delete Pod default/pod-4")
			},
			Explains: func(c *Case) bool {
				upstream, ours := deletions(c.Upstream.Rounds), deletions(c.Ours.Rounds)
				return len(upstream) > 0 && len(ours) > 0 && len(refused(upstream)) > 0 && len(refused(ours)) > 0 &&
					slices.Equal(upstream[0].deleted(), ours[0].deleted()) && len(gone(c.Upstream)) == len(gone(c.Ours))
			},
		},
		{
			Row: "a burst spent on a refusal",
			Snapshot: func() *Snapshot {
				s := webSnapshot(newReplicaSet(0),
					readyPod("pod-0", "uid-1", Instant.Add(-time.Hour)), readyPod("pod-1", "uid-2", Instant.Add(-time.Minute)))
				s.Refusals = []Refusal{Denied("delete", "Pod", "pod-1", 0)}
				s.Burst = 1
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: func(c *Case) bool {
				// Upstream tries the same victims in every sync; ours deletes more, and among these all that upstream does.
				return c.Snapshot.Burst > 0 && len(refused(c.Upstream.Rounds)) > 0 && len(gone(c.Ours)) > len(gone(c.Upstream)) &&
					len(c.Ours.Did()) <= len(gone(c.Ours))
			},
		},
		{
			Row: "a sibling of another namespace",
			Snapshot: func() *Snapshot {
				deployment := []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", "web", "uid-deployment")}
				rs, sibling := newReplicaSet(1), newReplicaSet(1)
				rs.OwnerReferences, sibling.OwnerReferences = deployment, deployment
				sibling.Namespace, sibling.UID = "elsewhere", "uid-sibling"
				younger := readyPod("pod-0", "uid-1", Instant.Add(-time.Minute))
				older := readyPod("pod-1", "uid-2", Instant.Add(-time.Hour))
				neighbour := readyPod("pod-2", "uid-3", Instant.Add(-time.Hour))
				neighbour.Namespace = "elsewhere"
				older.Spec.NodeName, neighbour.Spec.NodeName = "node-2", "node-2"
				s := webSnapshot(rs, younger, older, neighbour)
				s.Objects = append(s.Objects, sibling)
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/pod-1")
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Snapshot.Objects, isForeignSibling) && ownNamespaceDecides(c)
			},
		},
		{
			Row: "a pod created in this millisecond",
			Snapshot: func() *Snapshot {
				young := readyPod("pod-0", "uid-1", Instant)
				return webSnapshot(newReplicaSet(1), young, readyPod("pod-1", "uid-2", Instant.Add(-time.Minute)))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				if err := upstream.Rounds[0].Err; err == nil || !strings.Contains(err.Error(), dividedByZero) {
					t.Errorf("upstream does not panic: %v", err)
				}
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool {
					return r.Err != nil && strings.Contains(r.Err.Error(), dividedByZero)
				})
			},
		},
		{
			Row: "victims in a circle",
			Snapshot: func() *Snapshot {
				b := readyPod("pod-0", "uid-3", Instant.Add(-time.Minute)) // before a: more restarts
				b.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: 1}}
				a := readyPod("pod-1", "uid-1", Instant.Add(-time.Minute))    // before c by UID
				c := readyPod("pod-2", "uid-2", Instant.Add(-40*time.Second)) // before b by UID: 40 s and 60 s are between 2^35 and 2^36 ns
				return webSnapshot(newReplicaSet(2), a, b, c)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/pod-0")
				same(t, "ours", ours.Did(), "delete Pod default/pod-1")
			},
			Explains: func(c *Case) bool {
				undetermined, circle := undeterminedVictims(c)
				return undetermined && circle
			},
		},
		{
			Row: "victims that tie",
			Snapshot: func() *Snapshot {
				return webSnapshot(newReplicaSet(1),
					readyPod("pod-0", "uid-2", Instant.Add(-time.Minute)), readyPod("pod-1", "uid-1", Instant.Add(-time.Minute)))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/pod-0") // the first that the informer lists
				same(t, "ours", ours.Did(), "delete Pod default/pod-1")
			},
			Explains: func(c *Case) bool {
				undetermined, circle := undeterminedVictims(c)
				return undetermined && !circle
			},
		},
	}
}

const dividedByZero = "panic: runtime error: integer divide by zero"

func webSnapshot(rs *appsv1.ReplicaSet, pods ...*corev1.Pod) *Snapshot {
	s := &Snapshot{Workload: web, Now: Instant, Objects: []plan.Object{rs}}
	for _, pod := range pods {
		s.Objects = append(s.Objects, pod)
	}
	return s
}

// readyPod is a pod of the ReplicaSet web that was created and became Ready at one instant.
func readyPod(name string, uid types.UID, since time.Time) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.UID = web.Namespace, name, uid
	pod.Labels = map[string]string{"app": "web", "tier": "front"}
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "ReplicaSet", web.Name, web.UID)}
	pod.CreationTimestamp = metav1.NewTime(since)
	pod.Spec.NodeName = "node-1"
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(since)}}
	return pod
}

// endedByRefusedUpdate reports whether a sync ended with the refusal of an update.
func endedByRefusedUpdate(r Round) bool {
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		return w.Verb == "update" && w.Err != nil && r.Err != nil && w.Err.Error() == r.Err.Error()
	})
}

// failingSince are the times of the ReplicaFailure conditions at the end of a run.
func failingSince(run *Run) []string {
	var times []string
	conditions, _, _ := unstructured.NestedSlice(run.State, web.String(), "status", "conditions")
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == string(appsv1.ReplicaSetReplicaFailure) {
			times = append(times, c["lastTransitionTime"].(string))
		}
	}
	return times
}

//go:linkname getIndirectlyRelatedPods k8s.io/kubernetes/pkg/controller/replicaset.(*ReplicaSetController).getIndirectlyRelatedPods
func getIndirectlyRelatedPods(rsc *upstreamreplicaset.ReplicaSetController, logger klog.Logger, rs *appsv1.ReplicaSet) ([]*corev1.Pod, error)

//go:linkname getPodsRankedByRelatedPodsOnSameNode k8s.io/kubernetes/pkg/controller/replicaset.getPodsRankedByRelatedPodsOnSameNode
func getPodsRankedByRelatedPodsOnSameNode(podsToRank, relatedPods []*corev1.Pod) controller.ActivePodsWithRanks

// undeterminedVictims explains a difference in the first victims that are not the same, or in all of them together (where
// some could not be deleted at first), if upstream's comparison leaves them open.
func undeterminedVictims(c *Case) (undetermined, circle bool) {
	upstream, ours := deletions(c.Upstream.Rounds), deletions(c.Ours.Rounds)
	for i := range min(len(upstream), len(ours)) {
		theirs, mine := upstream[i].deleted(), ours[i].deleted()
		if slices.Equal(theirs, mine) {
			continue
		}
		pods, less := replicaSetVictims(c.Snapshot, upstream[i])
		if undetermined, circle = Undetermined(pods, less, theirs, mine); undetermined {
			return undetermined, circle
		}
		pods, less = replicaSetVictims(c.Snapshot, upstream[0])
		return Undetermined(pods, less, gone(c.Upstream), gone(c.Ours))
	}
	return false, false
}

func isForeignSibling(obj plan.Object) bool {
	rs, ok := obj.(*appsv1.ReplicaSet)
	return ok && rs.Namespace != web.Namespace
}

// ownNamespaceDecides reports whether the first victims of ours that are not upstream's are what upstream's comparison
// gives without the siblings of other namespaces.
func ownNamespaceDecides(c *Case) bool {
	upstream, ours := deletions(c.Upstream.Rounds), deletions(c.Ours.Rounds)
	for i := range min(len(upstream), len(ours)) {
		theirs, mine := upstream[i].deleted(), ours[i].deleted()
		if slices.Equal(theirs, mine) {
			continue
		}
		round := upstream[i]
		round.Before = slices.DeleteFunc(slices.Clone(round.Before), isForeignSibling)
		pods, less := replicaSetVictims(c.Snapshot, round)
		return len(theirs) == len(mine) && Possible(pods, less, mine)
	}
	return false
}

// gone are the names of the pods that a run deleted.
func gone(run *Run) []string {
	var names []string
	for _, r := range run.Rounds {
		for _, w := range r.Writes {
			if w.Verb == "delete" && w.Changed {
				names = append(names, w.Ref.Name)
			}
		}
	}
	return names
}

// replicaSetVictims are the pods that upstream chose from in a round, and its comparison.
func replicaSetVictims(s *Snapshot, r Round) ([]*corev1.Pod, func(a, b *corev1.Pod) bool) {
	w := NewWorld(r.Before, nil)
	u := &Upstream{World: w, Client: w.Client(), Recorder: &recorder{}}
	u.Informers = newInformers(w, u.Client)
	rsc := newReplicaSetController(u, s)
	u.Informers.Sync()
	rs, _ := Get[*appsv1.ReplicaSet](w, web.Namespace, web.Name)
	selector, _ := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	var pods []*corev1.Pod
	for _, pod := range Objects[*corev1.Pod](w) {
		ref := metav1.GetControllerOf(pod)
		if pod.Namespace == web.Namespace && controller.IsPodActive(pod) && selector.Matches(labels.Set(pod.Labels)) && (ref == nil || ref.UID == web.UID) {
			pods = append(pods, pod)
		}
	}
	related, _ := getIndirectlyRelatedPods(rsc, klog.Background(), rs)
	return pods, lessByRank(getPodsRankedByRelatedPodsOnSameNode(pods, related), metav1.NewTime(r.At))
}

// failureForgotten is a state without what may differ of the ReplicaFailure condition.
func failureForgotten(state map[string]any) map[string]any {
	state = runtime.DeepCopyJSON(state)
	conditions, _, _ := unstructured.NestedSlice(state, web.String(), "status", "conditions")
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == string(appsv1.ReplicaSetReplicaFailure) {
			delete(c, "lastTransitionTime")
			delete(c, "status")
			delete(c, "reason")
			delete(c, "message")
		}
	}
	if len(conditions) > 0 {
		_ = unstructured.SetNestedSlice(state, conditions, web.String(), "status", "conditions")
	}
	return state
}
