package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/kubeplan/kubeplan/plan"
)

func daemonSetDeviations() []Deviation {
	deviations := append(daemonSetRows(), daemonRevisionRows()...)
	for i, d := range deviations {
		deviations[i].Explains = func(c *Case) bool { return d.Explains(c) && soundDaemons(c) }
	}
	return deviations
}

func daemonSetRows() []Deviation {
	return []Deviation{
		{
			Row: "an old pod on a node that is gone",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				ds.Spec.UpdateStrategy.RollingUpdate = surging(1)
				return agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 2), oldDaemonPod(0, "node-1"), oldDaemonPod(1, "node-9"))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Pod default/agent-*", "delete Pod default/pod-1")
			},
			Explains: surgeOnGoneNode,
		},
		{
			Row: "a pod that cannot be adopted",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				orphan := daemonPod(0, "node-1")
				orphan.OwnerReferences = nil
				s := agentSnapshot(ds, newNode(0), newNode(1), daemonRevision(ds, "app:1", 1), orphan)
				s.Refusals = []Refusal{Denied("update", "Pod", "pod-0", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Pod default/agent-*", "create Pod default/agent-*")
			},
			Explains: func(c *Case) bool { return slices.ContainsFunc(c.Upstream.Rounds, stoppedByRefusedUpdate) },
		},
		{
			Row: "two failed pods on one node",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				return agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 1), failedDaemonPod(0, "node-1"), failedDaemonPod(1, "node-1"))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if did := upstream.Did(); len(did) != 1 || !strings.HasPrefix(did[0], "delete Pod") {
					t.Errorf("upstream: %q", did)
				}
				same(t, "ours", ours.Did(), "create Pod default/agent-*", "delete Pod default/pod-0", "delete Pod default/pod-1")
			},
			Explains: twoFailed,
		},
		{
			Row: "a surge passes over the backoff",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				ds.Spec.UpdateStrategy.RollingUpdate = surging(1)
				s := agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 1), failedDaemonPod(0, "node-1"))
				s.Steps = []Step{daemonPodsCrash()}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create Pod default/agent-*", "create Pod default/agent-*", "delete Pod default/pod-0")
				same(t, "ours", ours.Did(), "create Pod default/agent-*", "delete Pod default/pod-0")
			},
			Explains: surgeInBackoff,
		},
		{
			Row: "two meanings of up to date",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "7"}
				ds.Spec.UpdateStrategy.RollingUpdate = surging(1)
				byGeneration, old := oldDaemonPod(0, "node-1"), oldDaemonPod(1, "node-1")
				byGeneration.Labels["pod-template-generation"] = "7"
				old.CreationTimestamp = metav1.NewTime(Instant.Add(-2 * time.Hour))
				old.Status.Conditions = nil
				return agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 1), byGeneration, old)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !slices.Contains(upstream.Did(), "delete Pod default/pod-0") {
					t.Errorf("upstream: %q", upstream.Did())
				}
				same(t, "ours", ours.Did(), "delete Pod default/pod-1")
			},
			Explains: func(c *Case) bool {
				ds, ok := find[*appsv1.DaemonSet](c.Upstream.Rounds[0].Before, agent.Name)
				return ok && util.AllowsSurge(ds) && slices.ContainsFunc(ObjectsOf[*corev1.Pod](c.Upstream.Rounds[0].Before), func(pod *corev1.Pod) bool {
					return pod.Labels["pod-template-generation"] != "" && pod.Labels["pod-template-generation"] == ds.Annotations[appsv1.DeprecatedTemplateGeneration]
				})
			},
		},
		{
			Row: "a failure that is only counted",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				s := agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 1), failedDaemonPod(0, "node-1"))
				s.Refusals = []Refusal{Denied("delete", "Pod", "pod-0", 1)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Pod default/agent-*", "delete Pod default/pod-0")
			},
			Explains: countedOnly,
		},
		{
			Row: "a deleted pod is deleted again",
			Snapshot: func() *Snapshot {
				ds, pod := newDaemonSet(), daemonPod(0, "node-9")
				pod.Spec.NodeName, pod.Spec.Affinity = "", util.ReplaceDaemonSetPodNodeNameNodeAffinity(nil, "node-9")
				Deleting(pod, Instant, true)
				return agentSnapshot(ds, daemonRevision(ds, "app:1", 1), pod)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if told := upstream.Told(); len(told) == 0 || told[0] != "Normal SuccessfulDelete: Deleted pod: pod-0" {
					t.Errorf("upstream: %q", told)
				}
				same(t, "ours", ours.Told())
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool {
					return slices.ContainsFunc(r.Writes, func(w Write) bool {
						return w.Ref.Kind == "Pod" && w.Verb == "delete" && !w.Changed && w.Err == nil
					})
				})
			},
		},
		{
			Row: "a deleted pod is released",
			Snapshot: func() *Snapshot {
				ds, pod := newDaemonSet(), daemonPod(0, "node-1")
				pod.Labels["app"] = "other"
				Deleting(pod, Instant, true)
				return agentSnapshot(ds, daemonRevision(ds, "app:1", 1), pod)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "update Pod default/pod-0")
				same(t, "ours", ours.Did())
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool {
					return slices.ContainsFunc(r.Writes, func(w Write) bool {
						return w.Ref.Kind == "Pod" && w.Verb == "update" && w.Changed && w.After != nil && w.After.GetDeletionTimestamp() != nil &&
							len(w.After.GetOwnerReferences()) == 0
					})
				})
			},
		},
		{
			Row: "five idle minutes in a terminating namespace",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				s := agentSnapshot(ds, newNode(0), newNode(1), daemonRevision(ds, "app:1", 1), daemonPod(0, "node-1"))
				s.Refusals = []Refusal{NamespaceTerminating("Pod")}
				s.Steps = []Step{{Name: "node-1 drives pods away", Do: func(w *World) {
					Edit(w, "", "node-1", func(node *corev1.Node) {
						node.Spec.Taints = []corev1.Taint{{Key: "dedicated", Effect: corev1.TaintEffectNoExecute}}
					})
				}}}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: idleInTerminatingNamespace,
		},
		{
			Row: "an update beside what is refused",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				two := intstr.FromInt32(2)
				ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &two}
				s := agentSnapshot(ds, newNode(0), newNode(1), daemonRevision(ds, "app:1", 2), oldDaemonPod(0, "node-1"))
				s.Refusals = []Refusal{QuotaExceeded("Pod", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: updatesBeside,
		},
		{
			Row: "an orphan that is one too many",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				ds.Spec.UpdateStrategy.RollingUpdate = surging(1)
				oldest, orphan, next := oldDaemonPod(0, "node-1"), oldDaemonPod(1, "node-1"), daemonPod(2, "node-1")
				oldest.CreationTimestamp = metav1.NewTime(Instant.Add(-2 * time.Hour))
				oldest.Status.Conditions, next.Status.Conditions = nil, nil
				orphan.OwnerReferences = nil
				return agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 1), oldest, orphan, next)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/pod-0", "delete Pod default/pod-1", "update Pod default/pod-1")
				same(t, "ours", ours.Did(), "delete Pod default/pod-0", "update Pod default/pod-1")
			},
			Explains: orphanStays,
		},
		{
			Row: "a deletion that is announced again",
			Snapshot: func() *Snapshot {
				ds, pod := newDaemonSet(), daemonPod(0, "node-1")
				pod.Status.Phase = corev1.PodSucceeded
				s := agentSnapshot(ds, newNode(0), pod)
				s.Refusals = []Refusal{QuotaExceeded("ControllerRevision", 1)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				const event = "Normal SucceededDaemonPod: Found succeeded daemon pod default/pod-0 on node node-1, will try to delete it"
				same(t, "upstream", announced(upstream), event)
				same(t, "ours", announced(ours), event, event)
			},
			Explains: func(c *Case) bool {
				theirs, mine := announced(c.Upstream), announced(c.Ours)
				return len(c.Ours.Refused) > 0 && len(mine) > len(theirs) && slices.Equal(slices.Compact(slices.Sorted(slices.Values(theirs))), slices.Compact(slices.Sorted(slices.Values(mine))))
			},
		},
		{
			Row: "finished pods that say they are ready",
			Snapshot: func() *Snapshot {
				ds, pod := newDaemonSet(), daemonPod(0, "node-1")
				pod.Status.Phase = corev1.PodFailed
				s := agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 1), pod)
				s.Refusals = []Refusal{Denied("delete", "Pod", "pod-0", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if theirs, mine := readyNumber(upstream), readyNumber(ours); theirs != 1 || mine != 0 {
					t.Errorf("upstream counts %d, ours %d", theirs, mine)
				}
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(ObjectsOf[*corev1.Pod](c.Upstream.Rounds[0].Before), func(pod *corev1.Pod) bool {
					return podutil.IsPodTerminal(pod) && podutil.IsPodReady(pod)
				})
			},
		},
		{
			Row: "which nodes come first",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				return agentSnapshot(ds, newNode(0), newNode(1), newNode(2), daemonRevision(ds, "app:1", 2),
					oldDaemonPod(2, "node-3"), oldDaemonPod(1, "node-2"), oldDaemonPod(0, "node-1"))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if did := upstream.Did(); len(did) != 1 || !strings.HasPrefix(did[0], "delete Pod default/pod-") {
					t.Errorf("upstream: %q", did)
				}
				same(t, "ours", ours.Did(), "delete Pod default/pod-0")
			},
			Explains: func(c *Case) bool { return openChoice(c) || openBurst(c) || openRefusal(c) },
		},
	}
}

func agentSnapshot(ds *appsv1.DaemonSet, objects ...plan.Object) *Snapshot {
	return &Snapshot{Workload: agent, Now: Instant, Objects: append([]plan.Object{ds}, objects...)}
}

func surging(number int32) *appsv1.RollingUpdateDaemonSet {
	none, surge := intstr.FromInt32(0), intstr.FromInt32(number)
	return &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &none, MaxSurge: &surge}
}

// daemonPod is a pod of the image app:1 that has been Ready for an hour.
func daemonPod(i int, node string) *corev1.Pod {
	pod := readyPod(fmt.Sprintf("pod-%d", i), types.UID(fmt.Sprintf("uid-%d", i)), Instant.Add(-time.Hour))
	pod.Labels = map[string]string{"app": "agent", "tier": "node", appsv1.DefaultDaemonSetUniqueLabelKey: "76d58689db"}
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "DaemonSet", agent.Name, agent.UID)}
	pod.Spec.NodeName = node
	return pod
}

func oldDaemonPod(i int, node string) *corev1.Pod {
	pod := daemonPod(i, node)
	pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
	if node == "node-9" {
		pod.Status.Conditions = nil
	}
	return pod
}

func failedDaemonPod(i int, node string) *corev1.Pod {
	pod := daemonPod(i, node)
	pod.Status.Phase, pod.Status.Conditions = corev1.PodFailed, nil
	return pod
}
