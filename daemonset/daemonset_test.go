package daemonset_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

func TestPlan(t *testing.T) {
	const wait = "wait for %s of DaemonSet default/agent: %s"
	current := []*appsv1.ControllerRevision{revision("v1", 1), revision("v2", 2)}
	deletion := func(name, reason string) string { return "delete Pod default/" + name + ": " + reason }
	twoFailures := daemonset.Memory{DaemonSet: "agent", Nodes: []daemonset.NodeFailures{
		{Node: "n1", Failures: 2, Last: now.Add(-time.Second), Pods: []types.UID{"gone"}},
	}}
	for _, tt := range []struct {
		name      string
		ds        *appsv1.DaemonSet
		nodes     []*corev1.Node
		pods      []*corev1.Pod
		revisions []*appsv1.ControllerRevision // nil: v1 and v2
		memory    daemonset.Memory
		pending   []plan.Outcome
		policy    daemonset.Policy
		want      []string
	}{
		{name: "a pod on each node", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n1"), pod("n2"))},
		{name: "missing pods are created in the order of the nodes", ds: agent(), nodes: nodes("n3", "n1", "n2"), pods: pods(pod("n2")), want: []string{"create on n1", "create on n3"}},
		{name: "a node listed twice counts once", ds: agent(), nodes: nodes("n1", "n1"), want: []string{"create on n1"}},
		{name: "nil nodes and pods are passed over", ds: agent(), nodes: []*corev1.Node{nil, node("n1")}, pods: pods(nil), want: []string{"create on n1"}},
		{name: "no more creations than the burst", ds: agent(), nodes: nodes("n1", "n2", "n3"), policy: daemonset.Policy{Burst: 2}, want: []string{"create on n1", "create on n2"}},
		{name: "no more deletions than the burst, and as many creations", ds: agent(), nodes: append(nodes("n4"), node("n1", tainted("x", "NoExecute")), node("n2", tainted("x", "NoExecute"))),
			pods: pods(pod("n2"), pod("n1")), policy: daemonset.Policy{Burst: 1}, want: []string{deletion("pod-n1", "it does not belong on node n1"), "create on n4"}},
		{name: "a node removed loses nothing elsewhere", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1"), pod("n2")),
			want: []string{fmt.Sprintf(wait, "PodGone", "1 pods are left of nodes that are gone")}},
		{name: "unscheduled pods of a node that is gone are deleted", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1"), pod("n2", unscheduled)),
			want: []string{deletion("pod-n2", "node n2 is gone")}},
		{name: "a running pod stays on a node with NoSchedule", ds: agent(), nodes: []*corev1.Node{node("n1", tainted("x", "NoSchedule"))}, pods: pods(pod("n1"))},
		{name: "and none is created there", ds: agent(), nodes: []*corev1.Node{node("n1", tainted("x", "NoSchedule"))}},
		{name: "a running pod goes from a node with NoExecute", ds: agent(), nodes: []*corev1.Node{node("n1", tainted("x", "NoExecute"))}, pods: pods(pod("n1")),
			want: []string{deletion("pod-n1", "it does not belong on node n1")}},
		{name: "of several the scheduled stays, then the oldest", ds: agent(), nodes: nodes("n1", "n2"),
			pods: pods(pod("n1", called("a"), created(time.Minute)), pod("n1", called("b"), created(time.Hour)), pod("n1", called("c"), unscheduled, created(2*time.Hour)),
				pod("n2", called("e")), pod("n2", called("d"))),
			want: []string{deletion("a", "node n1 has more than one pod"), deletion("c", "node n1 has more than one pod"), deletion("e", "node n2 has more than one pod")}},
		{name: "a pod that is being deleted keeps its place", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", deleting)),
			want: []string{fmt.Sprintf(wait, "PodGone", "on 1 nodes a pod is being deleted")}},
		{name: "unless it is finished", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", deleting, failed)), want: []string{"create on n1"}},
		{name: "a succeeded pod is deleted at once", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", succeeded)), want: []string{deletion("pod-n1", "it has succeeded")}},
		{name: "a first failed pod is deleted at once", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", failed)), want: []string{deletion("pod-n1", "it has failed")}},
		{name: "a third one waits for 2 s from the second", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", failed)), memory: twoFailures,
			want: []string{"wait for Backoff of DaemonSet default/agent until 2026-01-02T03:04:06Z: 1 failed pods are deleted after a delay"}},
		{name: "but on its own node alone", ds: agent(), nodes: nodes("n2"), pods: pods(pod("n2", failed)), memory: twoFailures, want: []string{deletion("pod-n2", "it has failed")}},
		{name: "an edit forgives", ds: agent(func(ds *appsv1.DaemonSet) { ds.Status.ObservedGeneration = 1 }), nodes: nodes("n1"), pods: pods(pod("n1", failed)), memory: twoFailures,
			want: []string{deletion("pod-n1", "it has failed")}},
		{name: "another's memory is ignored", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", failed)),
			memory: daemonset.Memory{DaemonSet: "other", Nodes: twoFailures.Nodes}, want: []string{deletion("pod-n1", "it has failed")}},
		{name: "with surge too a node in backoff gets no pod", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("n1", failed)), memory: twoFailures,
			want: []string{"wait for Backoff of DaemonSet default/agent until 2026-01-02T03:04:06Z: 1 failed pods are deleted after a delay"}},

		{name: "orphans that match are adopted and count", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", orphan)), want: []string{"update Pod default/pod-n1: metadata.ownerReferences"}},
		{name: "a pod that no longer matches is released and replaced", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", relabel)),
			want: []string{"update Pod default/pod-n1: metadata.ownerReferences", "create on n1"}},
		{name: "strangers are left alone", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1"), pod("n1", called("other"), func(p *corev1.Pod) { p.OwnerReferences[0].UID = "before" }),
			pod("n1", called("elsewhere"), func(p *corev1.Pod) { p.Namespace = "other" }))},
		{name: "a pod that is being deleted is not released", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", relabel, deleting)), want: []string{"create on n1"}},
		{name: "a revision that was refused comes behind what does not rely on it, and nothing is updated meanwhile", ds: agent(), nodes: append(nodes("n2"), node("n1", tainted("x", "NoExecute"))),
			pods: pods(pod("n1")), revisions: []*appsv1.ControllerRevision{}, pending: []plan.Outcome{{Action: plan.Create{Object: revision("v2", 1)}, Err: &metav1.Status{Message: "exceeded quota"}, At: now}},
			want: []string{deletion("pod-n1", "it does not belong on node n1"), "create ControllerRevision default/agent-85688477c5", "create on n2"}},
		{name: "an orphan that cannot be adopted is not counted on", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", orphan)),
			pending: []plan.Outcome{{Action: plan.Update{Before: pod("n1", orphan), After: pod("n1")}, Err: &metav1.Status{Message: "denied"}, At: now}},
			want:    []string{"create on n1", "update Pod default/pod-n1: metadata.ownerReferences"}},
		{name: "while it is being deleted it is only reported on", ds: agent(func(ds *appsv1.DaemonSet) { ds.DeletionTimestamp = &metav1.Time{Time: now} }), nodes: nodes("n1"),
			want: []string{fmt.Sprintf(wait, "Deletion", "the DaemonSet is being deleted")}},
		{name: "the empty selector selects nothing", ds: agent(func(ds *appsv1.DaemonSet) { ds.Spec.Selector = &metav1.LabelSelector{} }), nodes: nodes("n1"), pods: pods(pod("n2", orphan)),
			want: []string{fmt.Sprintf(wait, "Person", "the selector is empty")}},
		{name: "a kind of one's own", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Fleet" })),
			policy: daemonset.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Fleet"}}, revisions: []*appsv1.ControllerRevision{},
			want: []string{"create ControllerRevision default/agent-85688477c5", deletion("pod-n1", "it is not of revision 85688477c5")}},

		{name: "an available old pod is replaced within the budget, the first node first", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n2", old), pod("n1", old)),
			want: []string{deletion("pod-n1", "it is not of revision v2")}},
		{name: "an unavailable new pod costs the budget", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n1", unready), pod("n2", old)),
			want: []string{fmt.Sprintf(wait, "PodReady", "1 pods are not ready")}},
		{name: "a pod that is being deleted costs the budget", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n1", deleting), pod("n2", old)),
			want: []string{fmt.Sprintf(wait, "PodGone", "on 1 nodes a pod is being deleted")}},
		{name: "unavailable old pods go in any case", ds: agent(), nodes: nodes("n1", "n2", "n3"), pods: pods(pod("n1", old), pod("n2", old, unready), pod("n3", old, unready)),
			want: []string{deletion("pod-n2", "it is not of revision v2, and not available"), deletion("pod-n3", "it is not of revision v2, and not available")}},
		{name: "an old pod that failed does not wait for its backoff", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", old, failed)), memory: twoFailures,
			want: []string{deletion("pod-n1", "it is not of revision v2, and not available")}},
		{name: "a percentage rounds up", ds: agent(rolling("34%", "0")), nodes: nodes("n1", "n2", "n3"), pods: pods(pod("n1", old), pod("n2", old), pod("n3", old)),
			want: []string{deletion("pod-n1", "it is not of revision v2"), deletion("pod-n2", "it is not of revision v2")}},
		{name: "ready is not available before minReadySeconds", ds: agent(minReady(30)), nodes: nodes("n1", "n2"), pods: pods(pod("n1", ready(20*time.Second)), pod("n2", old)),
			want: []string{"wait for PodAvailable of DaemonSet default/agent until 2026-01-02T03:04:15Z: 1 pods are ready, but not yet for 30 s"}},
		{name: "nothing is updated while a pod is missing", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n1", old)), want: []string{"create on n2"}},
		{name: "OnDelete leaves it to people", ds: agent(onDelete), nodes: nodes("n1", "n2"), pods: pods(pod("n1", old), pod("n2")),
			want: []string{fmt.Sprintf(wait, "Person", "1 pods are not of revision v2, they are replaced once they are deleted")}},
		{name: "the generation of the template counts as well", ds: agent(func(ds *appsv1.DaemonSet) {
			ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "7"}
		}), nodes: nodes("n1"), pods: pods(pod("n1", old, func(p *corev1.Pod) { p.Labels["pod-template-generation"] = "7" }))},

		{name: "surge creates beside as many old pods as allowed", ds: agent(rolling("0", "1")), nodes: nodes("n2", "n1"), pods: pods(pod("n1", old), pod("n2", old)), want: []string{"create on n1"}},
		{name: "surge creates beside each unavailable old pod", ds: agent(rolling("0", "1")), nodes: nodes("n1", "n2", "n3"), pods: pods(pod("n1", old), pod("n2", old, unready), pod("n3", old, unready)),
			want: []string{"create on n2", "create on n3", "create on n1", fmt.Sprintf(wait, "PodReady", "2 pods are not ready")}},
		{name: "both stay while the new pod is not available", ds: agent(rolling("0", "1")), nodes: nodes("n1", "n2"), pods: pods(pod("n1", old), pod("n1", called("new"), unready), pod("n2", old)),
			want: []string{fmt.Sprintf(wait, "PodReady", "1 pods are not ready")}},
		{name: "the old pod goes once the new is available", ds: agent(rolling("0", "1")), nodes: nodes("n1", "n2"), pods: pods(pod("n1", old), pod("n1", called("new")), pod("n2", old)),
			want: []string{deletion("pod-n1", "pod new has replaced it")}},
		{name: "or is not ready itself", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("n1", old, unready), pod("n1", called("new"), unready)),
			want: []string{deletion("pod-n1", "pod new replaces it, and it is not ready"), fmt.Sprintf(wait, "PodReady", "1 pods are not ready")}},
		{name: "two of one revision are too many even with surge", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("n1"), pod("n1", called("young"), created(time.Minute))),
			want: []string{deletion("young", "node n1 has more than one pod of its revision")}},
		{name: "with surge a successor starts beside a pod that is being deleted", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("n1", deleting)),
			want: []string{"create on n1", fmt.Sprintf(wait, "PodGone", "on 1 nodes a pod is being deleted")}},
		{name: "with surge a misplaced old pod goes once enough others are available", ds: agent(rolling("0", "1")), nodes: []*corev1.Node{node("n1", tainted("x", "NoSchedule")), node("n2")},
			pods: pods(pod("n1", old), pod("n2")), want: []string{deletion("pod-n1", "it does not belong on node n1, and enough others are available")}},
		{name: "and not before", ds: agent(rolling("0", "1")), nodes: []*corev1.Node{node("n1", tainted("x", "NoSchedule")), node("n2")},
			pods: pods(pod("n1", old), pod("n2", unready)), want: []string{fmt.Sprintf(wait, "PodReady", "1 pods are not ready")}},
		{name: "a misplaced old pod that is not available goes at once", ds: agent(rolling("0", "1")), nodes: []*corev1.Node{node("n1", tainted("x", "NoSchedule")), node("n2")},
			pods: pods(pod("n1", old, unready), pod("n2", unready)), want: []string{deletion("pod-n1", "it does not belong on node n1, and is not available"), fmt.Sprintf(wait, "PodReady", "1 pods are not ready")}},
		{name: "an old pod on a node that is gone does not stop the surge", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("gone", old, unready), pod("n1", old)),
			want: []string{deletion("pod-gone", "it does not belong on node gone, and is not available"), "create on n1"}},

		{name: "pods without a node wait for the scheduler", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", unscheduled)),
			want: []string{fmt.Sprintf(wait, "PodScheduled", "1 pods have no node yet")}},
		{name: "or are bound by policy", ds: agent(), nodes: nodes("n2", "n1"), pods: pods(pod("n2", unscheduled), pod("n1", unscheduled)), policy: daemonset.Policy{BindPods: true},
			want: []string{"bind Pod default/pod-n1 to Node n1", "bind Pod default/pod-n2 to Node n2"}},
		{name: "but not where a new pod does not belong", ds: agent(), nodes: []*corev1.Node{node("n1", tainted("x", "NoSchedule"))}, pods: pods(pod("n1", unscheduled)), policy: daemonset.Policy{BindPods: true},
			want: []string{fmt.Sprintf(wait, "PodScheduled", "1 pods have no node yet")}},
		{name: "nor while it has scheduling gates", ds: agent(), nodes: nodes("n1"), policy: daemonset.Policy{BindPods: true},
			pods: pods(pod("n1", unscheduled, func(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "x"}} })),
			want: []string{fmt.Sprintf(wait, "PodScheduled", "1 pods have scheduling gates")}},
		{name: "a pod that does not say its node waits for the scheduler", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1"), pod("", called("lost"))),
			want: []string{fmt.Sprintf(wait, "PodScheduled", "1 pods have no node yet")}},

		{name: "the revision comes before its first pods", ds: agent(), nodes: nodes("n1"), revisions: []*appsv1.ControllerRevision{revision("v1", 3)},
			want: []string{"create ControllerRevision default/agent-85688477c5", "create on n1"}},
		{name: "an old revision that holds the template moves to the end", ds: agent(), nodes: nil, revisions: []*appsv1.ControllerRevision{revision("v1", 3), revision("v2", 1)},
			want: []string{"update ControllerRevision default/agent-v2: revision 1 -> 4"}},
		{name: "the bytes of older servers count as equal", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1")),
			revisions: []*appsv1.ControllerRevision{revision("v2", 1, func(r *appsv1.ControllerRevision) {
				r.Data.Raw = []byte(strings.Replace(string(r.Data.Raw), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1))
			})}},
		{name: "pods of a duplicate are relabelled, before it goes", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n1"), pod("n2", of("twin"))),
			revisions: []*appsv1.ControllerRevision{revision("v2", 2), revision("v2", 1, named("twin"))},
			want:      []string{"update Pod default/pod-n2: metadata.labels.controller-revision-hash twin -> v2"}},
		{name: "a duplicate without pods goes", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1")),
			revisions: []*appsv1.ControllerRevision{revision("v2", 2), revision("v2", 1, named("twin"))},
			want:      []string{"delete ControllerRevision default/agent-twin: revision agent-v2 holds the same"}},
		{name: "of several old pods each has its turn in the budget", ds: agent(), nodes: nodes("n1", "n2", "n3"), pods: pods(pod("n1", old), pod("n2", old), pod("n3", old)),
			pending: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(pod("n2"))}, Err: &metav1.Status{Message: "denied"}, At: now}},
			want:    []string{deletion("pod-n3", "it is not of revision v2")}},
		{name: "and in a burst", ds: agent(), nodes: nodes("n1", "n2"), pods: pods(pod("n1", succeeded), pod("n2", succeeded)), policy: daemonset.Policy{Burst: 1},
			pending: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(pod("n1"))}, Err: &metav1.Status{Message: "denied"}, At: now}},
			want:    []string{deletion("pod-n2", "it has succeeded")}},
		{name: "with surge each node has", ds: agent(rolling("0", "1")), nodes: nodes("n1", "n2"), pods: pods(pod("n1", old), pod("n2", old)),
			pending: []plan.Outcome{{Action: plan.Create{Object: pod("n1", unscheduled)}, Err: &metav1.Status{Message: "denied"}, At: now}},
			want:    []string{"create on n2"}},
		{name: "a revision without a hash gets its name as one", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", of("agent-v2"))),
			revisions: []*appsv1.ControllerRevision{revision("v2", 1, func(r *appsv1.ControllerRevision) { delete(r.Labels, "controller-revision-hash") })},
			want:      []string{"update ControllerRevision default/agent-v2: metadata.labels.controller-revision-hash none -> agent-v2"}},
		{name: "revisions beyond the limit go, the oldest first, those with pods stay and count", ds: agent(onDelete, historyLimit(1)), nodes: nodes("n1"), pods: pods(pod("n1", of("v0"))),
			revisions: []*appsv1.ControllerRevision{revision("v2", 9), revision("v0", 1), revision("va", 2), revision("vb", 3), revision("vc", 4)},
			want: []string{"delete ControllerRevision default/agent-va: the history is full", "delete ControllerRevision default/agent-vb: the history is full", "delete ControllerRevision default/agent-vc: the history is full",
				fmt.Sprintf(wait, "Person", "1 pods are not of revision v2, they are replaced once they are deleted")}},
		{name: "a finished pod that is being deleted keeps its revision", ds: agent(historyLimit(0)), nodes: nodes("n1"), pods: pods(pod("n1"), pod("n1", called("gone"), old, failed, deleting))},
		{name: "orphaned revisions are adopted, others released", ds: agent(), nodes: nil,
			revisions: []*appsv1.ControllerRevision{revision("v2", 2, func(r *appsv1.ControllerRevision) { r.OwnerReferences = nil }), revision("v1", 1, func(r *appsv1.ControllerRevision) { r.Labels["app"] = "other" })},
			want:      []string{"update ControllerRevision default/agent-v1: metadata.ownerReferences", "update ControllerRevision default/agent-v2: metadata.ownerReferences"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			history := tt.revisions
			if history == nil {
				history = current
			}
			result := mustPlan(t, tt.ds, daemonset.Observed{
				Nodes: tt.nodes, Pods: tt.pods, Revisions: history, Memory: tt.memory, Pending: plan.Pending{Outcomes: tt.pending},
			}, tt.policy)
			if diff := cmp.Diff(tt.want, lines(result.Actions)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewPod(t *testing.T) {
	ds := agent(func(ds *appsv1.DaemonSet) {
		ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "3", "note": "x"}
		ds.Spec.Template.Spec.HostNetwork = true
		seconds := int64(60)
		ds.Spec.Template.Spec.Tolerations = []corev1.Toleration{
			{Key: "mine", Operator: corev1.TolerationOpExists},
			{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds},
		}
		ds.Spec.Template.Spec.Affinity = &corev1.Affinity{
			PodAntiAffinity: &corev1.PodAntiAffinity{},
			NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
				{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "kubernetes.io/hostname", Operator: corev1.NodeSelectorOpExists}}},
			}}},
		}
	})
	result := mustPlan(t, ds, daemonset.Observed{Nodes: nodes("n1")}, daemonset.Policy{})
	var history *appsv1.ControllerRevision
	var made *corev1.Pod
	for _, a := range result.Actions {
		if create, ok := a.(plan.Create); ok {
			switch object := create.Object.(type) {
			case *appsv1.ControllerRevision:
				history = object
			case *corev1.Pod:
				made = object
			}
		}
	}
	hash := strings.TrimPrefix(history.Name, "agent-")
	if want := map[string]string{"app": "agent", "controller-revision-hash": hash}; !cmp.Equal(want, history.Labels) || history.Revision != 1 || history.Annotations["note"] != "x" {
		t.Errorf("revision %d with labels %v, annotations %v", history.Revision, history.Labels, history.Annotations)
	}
	if want := map[string]string{"app": "agent", "controller-revision-hash": hash, "pod-template-generation": "3"}; !cmp.Equal(want, made.Labels) {
		t.Errorf("labels %v", made.Labels)
	}
	var keys []string
	for _, toleration := range made.Spec.Tolerations {
		if toleration.TolerationSeconds != nil {
			t.Errorf("%s is tolerated for %d s only", toleration.Key, *toleration.TolerationSeconds)
		}
		keys = append(keys, strings.TrimPrefix(toleration.Key, "node.kubernetes.io/")+":"+string(toleration.Effect))
	}
	if want := []string{"mine:", "unreachable:NoExecute", "not-ready:NoExecute", "disk-pressure:NoSchedule", "memory-pressure:NoSchedule", "pid-pressure:NoSchedule",
		"unschedulable:NoSchedule", "network-unavailable:NoSchedule"}; !slices.Equal(keys, want) {
		t.Errorf("tolerations %q", keys)
	}
	if made.Spec.Affinity.PodAntiAffinity == nil {
		t.Error("the rest of the affinity is gone")
	}
	data, _ := json.Marshal(made.Spec.Affinity.NodeAffinity)
	if want := `{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]}]}}`; string(data) != want {
		t.Errorf("node affinity %s", data)
	}
	if got := ds.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields; got != nil {
		t.Error("the template was changed")
	}
}

func TestStatusNumbers(t *testing.T) {
	list := []*corev1.Node{node("n1"), node("n2"), node("n3"), node("n4"), node("n5", tainted("x", "NoSchedule")), node("n6", tainted("x", "NoSchedule"))}
	ds := agent(minReady(30), func(ds *appsv1.DaemonSet) {
		ds.Status.Conditions = []appsv1.DaemonSetCondition{{Type: "Other"}}
	})
	result := mustPlan(t, ds, daemonset.Observed{
		Nodes:     list,
		Revisions: []*appsv1.ControllerRevision{revision("v2", 1)},
		Pods:      pods(pod("n1"), pod("n2", old, ready(time.Second)), pod("n3", deleting, unready), pod("n5"), pod("gone")),
	}, daemonset.Policy{})
	want := appsv1.DaemonSetStatus{
		ObservedGeneration: 1, DesiredNumberScheduled: 4, CurrentNumberScheduled: 3, NumberMisscheduled: 1,
		UpdatedNumberScheduled: 2, NumberReady: 2, NumberAvailable: 1, NumberUnavailable: 3,
		Conditions: ds.Status.Conditions,
	}
	if diff := cmp.Diff(want, result.Status); diff != "" {
		t.Error(diff)
	}
	if _, ok := result.Actions[0].(plan.UpdateStatus); !ok {
		t.Errorf("the status does not come first: %s", result.Actions[0])
	}
	ds.Status = want
	for _, a := range mustPlan(t, ds, daemonset.Observed{Nodes: list, Revisions: []*appsv1.ControllerRevision{revision("v2", 1)},
		Pods: pods(pod("n1"), pod("n2", old, ready(time.Second)), pod("n3", deleting, unready), pod("n5"), pod("gone"))}, daemonset.Policy{}).Actions {
		if _, ok := a.(plan.UpdateStatus); ok {
			t.Error("the status is written although it has not changed")
		}
	}
}

// A name taken by another template counts a collision, and the count is written before the next name is used.
func TestCollision(t *testing.T) {
	taken := revision("v1", 1, named("85688477c5"))
	result := mustPlan(t, agent(), daemonset.Observed{Revisions: []*appsv1.ControllerRevision{taken}}, daemonset.Policy{})
	if count := result.Status.CollisionCount; count == nil || *count != 1 {
		t.Errorf("collisions %v", count)
	}
	if _, ok := result.Actions[0].(plan.UpdateStatus); !ok || len(result.Actions) != 2 {
		t.Errorf("%v", result.Actions)
	}
}

// The delays between failures are 1 s, 2 s, 4 s, ... 15 min, for a host that restarts after each with nothing but the memory that it
// stored; and a plan made twice counts once.
func TestBackoff(t *testing.T) {
	var memory daemonset.Memory
	at := now
	history := []*appsv1.ControllerRevision{revision("v2", 1)}
	var delays []time.Duration
	for i := range 13 {
		observed := daemonset.Observed{Now: at, Nodes: nodes("n1"), Revisions: history, Pods: pods(pod("n1", failed, called(fmt.Sprint("pod-", i)))), Memory: memory}
		result := mustPlan(t, agent(), observed, daemonset.Policy{})
		if i > 0 {
			if len(result.Events) > 0 || result.Wake.IsZero() {
				t.Fatalf("failure %d is not delayed: %v", i, result.Actions)
			}
			delays = append(delays, result.Wake.Sub(at))
			observed.Now, observed.Memory = result.Wake.Add(-1), result.Memory
			if early := mustPlan(t, agent(), observed, daemonset.Policy{}); len(early.Events) > 0 {
				t.Fatalf("failure %d is deleted before its time", i)
			}
			at, observed.Now = result.Wake, result.Wake
			result = mustPlan(t, agent(), observed, daemonset.Policy{})
		}
		want := plan.Event{Type: "Warning", Reason: "FailedDaemonPod", Message: fmt.Sprintf("Found failed daemon pod default/pod-%d on node n1, will try to kill it", i)}
		if !cmp.Equal(result.Events, []plan.Event{want}) {
			t.Fatalf("events %v", result.Events)
		}
		observed.Memory = result.Memory
		if again := mustPlan(t, agent(), observed, daemonset.Policy{}); !cmp.Equal(again.Memory, result.Memory) || !cmp.Equal(again.Events, result.Events) {
			t.Fatalf("planned again: %v", again.Memory)
		}
		data, err := json.Marshal(result.Memory)
		if err != nil {
			t.Fatal(err)
		}
		memory = daemonset.Memory{}
		if err := json.Unmarshal(data, &memory); err != nil {
			t.Fatal(err)
		}
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(delays, want) {
		t.Errorf("delays %v", delays)
	}
	result := mustPlan(t, agent(), daemonset.Observed{Now: at.Add(31 * time.Minute), Nodes: nodes("n1"), Revisions: history, Pods: pods(pod("n1", failed)), Memory: memory}, daemonset.Policy{})
	if f := result.Memory.Nodes[0].Failures; f != 1 {
		t.Errorf("after half an hour it is failure %d", f)
	}
}

func TestPending(t *testing.T) {
	history := []*appsv1.ControllerRevision{revision("v2", 1)}
	made := func(nodeName string) *corev1.Pod {
		p := pod(nodeName, unscheduled, func(p *corev1.Pod) { p.Status = corev1.PodStatus{}; p.UID = "" })
		return p
	}
	quota := &metav1.Status{Reason: metav1.StatusReasonForbidden, Message: "exceeded quota"}
	ending := &metav1.Status{Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}}
	for _, tt := range []struct {
		name     string
		ds       *appsv1.DaemonSet
		nodes    []*corev1.Node
		pods     []*corev1.Pod
		outcomes []plan.Outcome
		want     []string
	}{
		{name: "an unanswered creation counts until it expires", ds: agent(), nodes: nodes("n1"), outcomes: []plan.Outcome{{Action: plan.Create{Object: made("n1")}, At: now}},
			want: []string{"wait for Answer of DaemonSet default/agent until 2026-01-02T03:09:05Z: the creation of 1 pods was not answered"}},
		{name: "it is asked for again then", ds: agent(), nodes: nodes("n1"), outcomes: []plan.Outcome{{Action: plan.Create{Object: made("n1")}, At: now.Add(-plan.Expiry)}}, want: []string{"create on n1"}},
		{name: "a refused node comes last, and the others begin behind it", ds: agent(), nodes: nodes("n1", "n2", "n3"), outcomes: []plan.Outcome{{Action: plan.Create{Object: made("n2")}, Err: quota, At: now}},
			want: []string{"create on n3", "create on n1", "create on n2"}},
		{name: "a terminating namespace takes no pods", ds: agent(), nodes: nodes("n1"), outcomes: []plan.Outcome{{Action: plan.Create{Object: made("n1")}, Err: ending, At: now}},
			want: []string{"wait for Namespace of DaemonSet default/agent: 1 nodes lack their pod, and the namespace is being terminated"}},
		{name: "a pod whose deletion is not seen may run on: with surge no other starts beside it", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("n1")),
			outcomes: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(pod("n1"))}, At: now}},
			want: []string{"wait for Answer of DaemonSet default/agent until 2026-01-02T03:09:05Z: a change was issued, and the view does not show it yet",
				"wait for PodGone of DaemonSet default/agent: on 1 nodes a pod is being deleted"}},
		{name: "a pod bound already is not bound again", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", unscheduled)),
			outcomes: []plan.Outcome{{Action: plan.Bind{Object: plan.RefTo(pod("n1")), To: plan.Ref{Kind: "Node", Name: "n1"}}, At: now}},
			want: []string{"wait for Answer of DaemonSet default/agent until 2026-01-02T03:09:05Z: a change was issued, and the view does not show it yet",
				"wait for PodReady of DaemonSet default/agent: 1 pods are not ready"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.ds, daemonset.Observed{Nodes: tt.nodes, Pods: tt.pods, Revisions: history, Pending: plan.Pending{Outcomes: tt.outcomes}}, daemonset.Policy{BindPods: true})
			if diff := cmp.Diff(tt.want, lines(result.Actions)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	_, err := daemonset.Plan(agent(rolling("1", "1"), minReady(-1), historyLimit(-1), func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Labels = nil
	}), daemonset.Observed{}, daemonset.Policy{Burst: -1, Owner: metav1.TypeMeta{Kind: "Fleet"}})
	want := []string{
		"spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
		"spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
		"spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
		"spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
		"policy.owner.apiVersion: Required value",
		"policy.burst: Invalid value: -1: must be greater than or equal to 0",
	}
	if got := strings.Split(strings.Trim(err.Error(), "[]"), ", "); !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	for _, tt := range []struct{ unavailable, surge, want string }{
		{"0", "0%", "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"},
		{"101%", "0", `spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%`},
		{"x", "0", `spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "x": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`},
	} {
		if _, err := daemonset.Plan(agent(rolling(tt.unavailable, tt.surge)), daemonset.Observed{}, daemonset.Policy{}); err == nil || err.Error() != tt.want {
			t.Errorf("%s and %s: %v", tt.unavailable, tt.surge, err)
		}
	}
	if _, err := daemonset.Plan(nil, daemonset.Observed{}, daemonset.Policy{}); err == nil {
		t.Error("nil is planned")
	}
	if _, err := daemonset.Plan(agent(func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = "Recreate" }), daemonset.Observed{}, daemonset.Policy{}); err == nil {
		t.Error("Recreate is planned")
	}
}
