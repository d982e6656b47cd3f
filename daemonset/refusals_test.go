package daemonset_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

var denied = &metav1.Status{Reason: metav1.StatusReasonForbidden, Message: "denied"}

func refusedUpdate(after *corev1.Pod) plan.Outcome {
	return plan.Outcome{Action: plan.Update{Before: after, After: after}, Err: denied, At: now}
}
func refusedDelete(p *corev1.Pod) plan.Outcome {
	return plan.Outcome{Action: plan.Delete{Object: plan.RefTo(p)}, Err: denied, At: now}
}
func refusedCreate(node string) plan.Outcome {
	return plan.Outcome{Action: plan.Create{Object: pod(node, unscheduled)}, Err: denied, At: now}
}

// What is refused must keep nothing else from being done, and must not be relied on.
func TestRefusals(t *testing.T) {
	twins := []*appsv1.ControllerRevision{revision("v2", 2), revision("v2", 1, named("twin"))}
	two := []*appsv1.ControllerRevision{revision("v1", 1), revision("v2", 2)}
	evicting := []*corev1.Node{node("n1", tainted("x", "NoExecute"))}
	ending := &metav1.Status{Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}}
	for _, tt := range []struct {
		name      string
		ds        *appsv1.DaemonSet
		nodes     []*corev1.Node
		pods      []*corev1.Pod
		revisions []*appsv1.ControllerRevision
		refused   plan.Outcome
		want      []string
	}{
		{"an orphan is adopted before it is deleted, also after a refusal", agent(), nodes("n1", "n2"),
			pods(pod("n1"), pod("n1", called("o1"), orphan, created(time.Minute)), pod("n2", called("o2"), orphan)), two, refusedUpdate(pod("n2", called("o2"))),
			[]string{"create on n2", "update Pod default/o1: metadata.ownerReferences", "update Pod default/o2: metadata.ownerReferences"}},
		{"a younger pod stays until an orphan beside it is adopted", agent(), nodes("n1"),
			pods(pod("n1", created(time.Minute)), pod("n1", called("o1"), orphan)), two, plan.Outcome{},
			[]string{"update Pod default/o1: metadata.ownerReferences"}},
		{"and nothing is updated meanwhile", agent(rolling("0", "1")), nodes("n1", "n2"),
			pods(pod("n1", created(time.Minute)), pod("n1", called("o1"), orphan), pod("n2", old)), two, plan.Outcome{},
			[]string{"update Pod default/o1: metadata.ownerReferences"}},
		{"a misplaced pod goes even if nobody may relabel it", agent(), evicting, pods(pod("n1", of("twin"))), twins, refusedUpdate(pod("n1")),
			[]string{"delete Pod default/pod-n1: it does not belong on node n1"}},
		{"a failed one too", agent(), nodes("n1"), pods(pod("n1", of("twin"), failed)), twins, refusedUpdate(pod("n1")),
			[]string{"delete Pod default/pod-n1: it has failed"}},
		{"a namespace that ends is told in a surge", agent(rolling("0", "1")), nodes("n1"), pods(pod("n1", old)), two,
			plan.Outcome{Action: plan.Create{Object: pod("n1", unscheduled)}, Err: ending, At: now},
			[]string{"wait for Namespace of DaemonSet default/agent: 0 nodes lack their pod, and the namespace is being terminated"}},
		{"one node that takes no pod does not stop the update of others", agent(rolling("2", "0")), nodes("n1", "n2", "n3"), pods(pod("n2", old), pod("n3", old)), two, refusedCreate("n1"),
			[]string{"delete Pod default/pod-n2: it is not of revision v2", "create on n1"}},
		{"one pod that nobody may delete does not either", agent(), append(evicting, nodes("n2", "n3")...), pods(pod("n1"), pod("n2", old), pod("n3", old)), two, refusedDelete(pod("n1")),
			[]string{"delete Pod default/pod-n2: it is not of revision v2", "delete Pod default/pod-n1: it does not belong on node n1"}},
		{"nor a surge", agent(rolling("0", "1")), append(evicting, nodes("n2", "n3")...), pods(pod("n1"), pod("n2", old), pod("n3", old)), two, refusedDelete(pod("n1")),
			[]string{"create on n2", "delete Pod default/pod-n1: it does not belong on node n1"}},
		{"but a node with a pod too many gets no third", agent(rolling("0", "1")), nodes("n1"), pods(pod("n1", old), pod("n1", old, called("b"))), two, refusedDelete(pod("n1")),
			[]string{"delete Pod default/pod-n1: node n1 has more than one pod of its revision"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			observed := daemonset.Observed{Nodes: tt.nodes, Pods: tt.pods, Revisions: tt.revisions}
			if tt.refused.Action != nil {
				observed.Pending.Outcomes = []plan.Outcome{tt.refused}
			}
			if diff := cmp.Diff(tt.want, lines(mustPlan(t, tt.ds, observed, daemonset.Policy{}).Actions)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Two steps of whatever kind that are always refused hide no third: a host that stops at each refusal gets to everything else.
func TestTwoRefusalsHideNoThird(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ds      *appsv1.DaemonSet
		pods    []*corev1.Pod
		burst   int
		refuses []string
		wants   string
	}{
		{"a deletion and a creation, in a surge", agent(rolling("0", "1")), pods(pod("n1", failed)), 0, []string{"delete Pod default/pod-n1: it has failed", "create on n2"}, "create on n3"},
		{"a deletion and a creation", agent(), pods(pod("n1", succeeded), pod("n2", succeeded)), 0, []string{"delete Pod default/pod-n1: it has succeeded", "create on n3"}, "delete Pod default/pod-n2: it has succeeded"},
		{"more deletions than the burst", agent(), pods(pod("n1", succeeded), pod("n2", succeeded)), 1, []string{"delete Pod default/pod-n1: it has succeeded", "delete Pod default/pod-n2: it has succeeded"}, "create on n3"},
		{"more deletions than an update may do", agent(rolling("2", "0")), pods(pod("n1", of("old")), pod("n2", of("old"))), 0, []string{"delete Pod default/pod-n1: it is not of revision v2", "delete Pod default/pod-n2: it is not of revision v2"}, "create on n3"},
		{"deletions, and a revision that is missing", agent(func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Hostname = "new" }), pods(pod("n1", succeeded), pod("n2", succeeded)), 0,
			[]string{"delete Pod default/pod-n1: it has succeeded", "delete Pod default/pod-n2: it has succeeded"}, "create on n3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			observed := daemonset.Observed{Nodes: nodes("n1", "n2", "n3"), Pods: tt.pods, Revisions: []*appsv1.ControllerRevision{revision("v2", 2)}}
			observed.Pending.Outcomes = []plan.Outcome{refusedDelete(pod("n1"))} // so it was when the third node was added
			for range 4 {
				result := mustPlan(t, tt.ds, observed, daemonset.Policy{Burst: tt.burst})
				observed.Pending.Outcomes = nil
				for _, action := range result.Actions {
					if describe(action) == tt.wants {
						return
					}
					if slices.Contains(tt.refuses, describe(action)) {
						observed.Pending.Outcomes = []plan.Outcome{{Action: action, Err: denied, At: now}}
						break
					}
				}
			}
			t.Errorf("%q is never reached", tt.wants)
		})
	}
}

// A change without an answer is planned ahead for a few times, not for each of hundreds.
func TestManyUnansweredDeletions(t *testing.T) {
	var outcomes []plan.Outcome
	var names []string
	var list []*corev1.Pod
	for i := range 100 {
		name := fmt.Sprintf("n%03d", i)
		names, list = append(names, name), append(list, pod(name))
		outcomes = append(outcomes, plan.Outcome{Action: plan.Delete{Object: plan.RefTo(pod(name))}, At: now.Add(-time.Duration(i) * time.Millisecond)})
	}
	observed := daemonset.Observed{Now: now, Nodes: nodes(names...), Pods: list, Revisions: []*appsv1.ControllerRevision{revision("v2", 1)}, Pending: plan.Pending{Outcomes: outcomes}}
	ds := agent()
	ds.Status = mustPlan(t, ds, observed, daemonset.Policy{}).Status
	many := testing.AllocsPerRun(1, func() { mustPlan(t, ds, observed, daemonset.Policy{}) })
	observed.Pending.Outcomes = outcomes[:10]
	if few := testing.AllocsPerRun(1, func() { mustPlan(t, ds, observed, daemonset.Policy{}) }); many > 12*few {
		t.Errorf("%v allocations for 100 deletions, %v for 10", many, few)
	}
}
