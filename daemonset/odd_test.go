package daemonset_test

import (
	"math"
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

// Views, ledgers and memories that are rare, or wrong.
func TestOdd(t *testing.T) {
	const created = "create ControllerRevision default/agent-85688477c5"
	two := []*appsv1.ControllerRevision{revision("v1", 1), revision("v2", 2)}
	unlabelled := func(r *appsv1.ControllerRevision) { r.Labels["controller-revision-hash"] = "" }
	dying := func(r *appsv1.ControllerRevision) { r.DeletionTimestamp = &metav1.Time{Time: now} }
	unanswered := pod("n1", unscheduled, func(p *corev1.Pod) { p.Name, p.GenerateName, p.UID = "", "agent-", "" })
	unseen := revision("v3", 3, func(r *appsv1.ControllerRevision) { r.UID, r.ResourceVersion = "", "" })
	repelling := tainted("dedicated", corev1.TaintEffectNoSchedule)
	younger := func(n *corev1.Node) { n.CreationTimestamp = metav1.NewTime(now) }
	failures := func(f daemonset.NodeFailures) daemonset.Memory {
		f.Node = "n1"
		return daemonset.Memory{DaemonSet: "agent", Nodes: []daemonset.NodeFailures{f}}
	}
	for _, tt := range []struct {
		name      string
		ds        *appsv1.DaemonSet
		nodes     []*corev1.Node
		pods      []*corev1.Pod
		revisions []*appsv1.ControllerRevision
		memory    daemonset.Memory
		pending   []plan.Outcome
		want      []string
	}{
		{name: "a revision of the same name in another namespace is a stranger", ds: agent(), nodes: nodes("n1"),
			revisions: []*appsv1.ControllerRevision{revision("v2", 1, named("85688477c5"), func(r *appsv1.ControllerRevision) { r.Namespace = "other" })},
			want:      []string{created, "create on n1"}},
		{name: "a long name of a revision is not cut", ds: agent(func(ds *appsv1.DaemonSet) { ds.Name = strings.Repeat("a", 230) }),
			want: []string{"create ControllerRevision default/" + strings.Repeat("a", 230) + "-85688477c5"}},
		{name: "with surge no old pod goes for one of which nobody knows whether it exists", ds: agent(rolling("0", "1")), nodes: nodes("n1"), pods: pods(pod("n1", old, unready)), revisions: two,
			pending: []plan.Outcome{{Action: plan.Create{Object: unanswered}, At: now}},
			want: []string{"wait for Answer of DaemonSet default/agent until 2026-01-02T03:09:05Z: the creation of 1 pods was not answered",
				"wait for PodReady of DaemonSet default/agent: 1 pods are not ready"}},
		{name: "of two nodes of a name the younger counts", ds: agent(), revisions: two,
			nodes: []*corev1.Node{node("n2", younger), node("n1"), node("n2", repelling), node("n1", younger, repelling)},
			want:  []string{"create on n2"}},
		{name: "a node without a name gets no pod", ds: agent(), nodes: nodes(""), revisions: two},
		{name: "the empty label of a revision is no hash", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", of(""))), revisions: []*appsv1.ControllerRevision{revision("v2", 1, unlabelled)},
			want: []string{"delete Pod default/pod-n1: it is not of revision "}},
		{name: "a pod without labels is nobody's twin", ds: agent(func(ds *appsv1.DaemonSet) {
			ds.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "foo", Operator: metav1.LabelSelectorOpDoesNotExist}}}
		}), nodes: nodes("n1"), pods: pods(pod("n1", func(p *corev1.Pod) { p.Labels = nil })),
			revisions: []*appsv1.ControllerRevision{revision("v2", 2), revision("v2", 1, named("twin"), unlabelled)},
			want:      []string{"delete Pod default/pod-n1: it is not of revision v2"}},
		{name: "a revision that may not exist is not deleted", ds: agent(historyLimit(0)), nodes: nodes("n1"), pods: pods(pod("n1")), revisions: two[1:],
			pending: []plan.Outcome{{Action: plan.Create{Object: unseen}, At: now}},
			want:    []string{"update ControllerRevision default/agent-v2: revision 2 -> 4"}},
		{name: "a revision that is being deleted still tells what its pods are of", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1")),
			revisions: []*appsv1.ControllerRevision{revision("v2", 2, dying)},
			want:      []string{created, "update Pod default/pod-n1: metadata.labels.controller-revision-hash v2 -> 85688477c5"}},
		{name: "the number of a revision that is being deleted is taken", ds: agent(), revisions: []*appsv1.ControllerRevision{revision("v1", 3, dying), revision("v2", 2)},
			want: []string{"update ControllerRevision default/agent-v2: revision 2 -> 4"}},

		{name: "a clock that was put back makes no pod wait for longer than the longest delay", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", failed)), revisions: two,
			memory: failures(daemonset.NodeFailures{Failures: 3, Last: now.Add(10 * time.Hour)}),
			want:   []string{"wait for Backoff of DaemonSet default/agent until 2026-01-02T03:04:09Z: 1 failed pods are deleted after a delay"}},
		{name: "a count of failures that is too high is the longest delay", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", failed)), revisions: two,
			memory: failures(daemonset.NodeFailures{Failures: math.MaxInt32, Last: now}),
			want:   []string{"wait for Backoff of DaemonSet default/agent until 2026-01-02T03:19:05Z: 1 failed pods are deleted after a delay"}},
		{name: "a failed pod that was counted does not wait with one that was not", ds: agent(), nodes: nodes("n1"), pods: pods(pod("n1", failed), pod("n1", failed, called("b"))), revisions: two,
			memory: failures(daemonset.NodeFailures{Failures: 4, Last: now, Pods: []types.UID{"pod-n1"}}),
			want: []string{"delete Pod default/pod-n1: it has failed",
				"wait for Backoff of DaemonSet default/agent until 2026-01-02T03:04:13Z: 1 failed pods are deleted after a delay"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.ds, daemonset.Observed{
				Nodes: tt.nodes, Pods: tt.pods, Revisions: tt.revisions, Memory: tt.memory, Pending: plan.Pending{Outcomes: tt.pending},
			}, daemonset.Policy{})
			if diff := cmp.Diff(tt.want, lines(result.Actions)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The automatic tolerations lift every limit in seconds on the same taint, also where the template tolerates it twice.
func TestTolerationsTwice(t *testing.T) {
	seconds := int64(30)
	forever := corev1.Toleration{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}
	limited := forever
	limited.TolerationSeconds = &seconds
	for _, list := range [][]corev1.Toleration{{limited, forever}, {forever, limited}} {
		ds := agent(func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Tolerations = list })
		for _, action := range mustPlan(t, ds, daemonset.Observed{Nodes: nodes("n1")}, daemonset.Policy{}).Actions {
			create, ok := action.(plan.Create)
			if !ok {
				continue
			}
			if p, ok := create.Object.(*corev1.Pod); ok {
				if diff := cmp.Diff([]corev1.Toleration{forever, forever}, p.Spec.Tolerations[:2]); diff != "" {
					t.Error(diff)
				}
			}
		}
	}
}
