package replicaset_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

func unscheduled(p *corev1.Pod) { p.Spec.NodeName = "" }

func on(node string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = node } }

func costing(cost string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.PodDeletionCost: cost} }
}

func restarted(n int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.ContainerStatuses = []corev1.ContainerStatus{{}, {RestartCount: n}} }
}

// initRestarted has an init container restarted n times, a sidecar if it restarts always.
func initRestarted(n int32, policy corev1.ContainerRestartPolicy) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "init", RestartPolicy: &policy}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", RestartCount: n}}
	}
}

func aged(age time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(now.Add(-age)) }
}

// deletions names the pods that a plan deletes, in order.
func deletions(result replicaset.Result) (names []string) {
	for _, a := range result.Actions {
		if d, ok := a.(plan.Delete); ok {
			names = append(names, d.Object.Name)
		}
	}
	return names
}

// Of two pods the one called "victim" goes, whatever their names say: it is called "victim" and the other "a" or "z".
func TestVictimOfTwo(t *testing.T) {
	unborn := func(p *corev1.Pod) { p.CreationTimestamp = metav1.Time{} }
	always, never := corev1.ContainerRestartPolicyAlways, corev1.ContainerRestartPolicy("Never")
	type mutations []func(*corev1.Pod)
	for _, tt := range []struct {
		name           string
		victim, spared mutations
	}{
		{"without a node, though it is running and the other is not", mutations{unscheduled}, mutations{phase(corev1.PodPending), unready}},
		{"pending before unknown", mutations{phase(corev1.PodPending), unready}, mutations{phase(corev1.PodUnknown), unready}},
		{"unknown before running", mutations{phase(corev1.PodUnknown)}, mutations{unready}},
		{"no phase is pending", mutations{phase("")}, mutations{phase(corev1.PodUnknown)}},
		{"not ready, though it costs more", mutations{unready, costing("10")}, nil},
		{"the cheaper, though it is ready for longer", mutations{costing("-1"), ready(9 * time.Hour)}, mutations{ready(time.Second)}},
		{"a cost of zero is none", mutations{ready(time.Second)}, mutations{costing("1")}},
		{"a cost that is no number is none", mutations{costing("-lots"), ready(time.Second)}, nil},
		{"a cost with a plus sign is none", mutations{costing("-1")}, mutations{costing("+5")}},
		{"a cost with leading zeros is none", mutations{costing("1")}, mutations{costing("2"), costing("3")}},
		{"a cost beyond 32 bits is none", mutations{costing("-9999999999"), ready(time.Second)}, nil},
		{"ready for less time", mutations{ready(time.Minute), restarted(0)}, mutations{restarted(9)}},
		{"ready since it is not known when", mutations{condition(corev1.ConditionTrue, metav1.Time{})}, mutations{ready(time.Second)}},
		{"ready in the future", mutations{ready(-time.Minute)}, mutations{ready(time.Minute)}},
		{"restarted more often, though it is older", mutations{restarted(2), aged(9 * time.Hour)}, mutations{restarted(1)}},
		{"with a sidecar restarted more often", mutations{initRestarted(2, always), aged(9 * time.Hour)}, mutations{initRestarted(1, always)}},
		{"init containers that are no sidecars do not matter", mutations{aged(time.Minute)}, mutations{initRestarted(5, never)}},
		{"containers weigh more than sidecars", mutations{restarted(1)}, mutations{initRestarted(5, always)}},
		{"younger", mutations{aged(time.Minute)}, mutations{aged(time.Hour)}},
		{"of unknown age", mutations{unborn}, mutations{aged(time.Second)}},
	} {
		for _, other := range []string{"a", "z"} {
			t.Run(tt.name+", against "+other, func(t *testing.T) {
				victim, spared := pod("victim", tt.victim...), pod(other, tt.spared...)
				result := mustPlan(t, web(1), replicaset.Observed{Pods: pods(spared, victim)}, replicaset.Policy{})
				if got := deletions(result); len(got) != 1 || got[0] != "victim" {
					t.Errorf("deleted %v", got)
				}
			})
		}
	}
}

func TestVictimByUID(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b func(*corev1.Pod)
	}{
		{"ready times within one power of two", ready(40 * time.Minute), ready(50 * time.Minute)},
		{"ages within one power of two", aged(40 * time.Minute), aged(50 * time.Minute)},
		{"alike in everything", func(*corev1.Pod) {}, func(*corev1.Pod) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, list := range [][]*corev1.Pod{pods(pod("a", tt.a), pod("b", tt.b)), pods(pod("b", tt.a), pod("a", tt.b))} {
				result := mustPlan(t, web(1), replicaset.Observed{Pods: list}, replicaset.Policy{})
				if got := deletions(result); len(got) != 1 || got[0] != "a" {
					t.Errorf("deleted %v", got)
				}
			}
		})
	}
}

func TestVictimOnCrowdedNode(t *testing.T) {
	owned := func(rs *appsv1.ReplicaSet) {
		yes := true
		rs.OwnerReferences = []metav1.OwnerReference{{Kind: "Deployment", Name: "web", UID: "deployment", Controller: &yes}}
	}
	sibling := web(1, owned, func(rs *appsv1.ReplicaSet) {
		rs.Name, rs.UID = "old", "old"
		rs.Spec.Selector.MatchLabels = map[string]string{"app": "old"}
	})
	ofSibling := func(p *corev1.Pod) {
		p.Labels = map[string]string{"app": "old"}
		p.OwnerReferences[0].Name, p.OwnerReferences[0].UID = "old", "old"
	}
	list := pods(pod("a", on("n1"), ready(time.Second)), pod("b", on("n2")), pod("x", on("n2"), ofSibling))
	for _, tt := range []struct {
		name     string
		rs       *appsv1.ReplicaSet
		siblings []*appsv1.ReplicaSet
		pods     []*corev1.Pod
		want     string
	}{
		{"a sibling's pod crowds the node", web(1, owned), []*appsv1.ReplicaSet{sibling, nil}, list, "b"},
		{"without the sibling it does not", web(1, owned), nil, list, "a"},
		{"without a controller there are no siblings", web(1), []*appsv1.ReplicaSet{sibling}, list, "a"},
		{"another controller's is no sibling", web(1, owned), []*appsv1.ReplicaSet{web(1)}, list, "a"},
		{"its own pods crowd the node", web(2, owned), nil, pods(pod("a", on("n1"), ready(time.Second)), pod("b", on("n2")), pod("c", on("n2"), ready(9*time.Hour))), "b"},
		{"finished pods do not", web(1, owned), []*appsv1.ReplicaSet{sibling}, append(list[:2:2], pod("x", on("n2"), ofSibling, phase(corev1.PodFailed))), "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.rs, replicaset.Observed{Pods: tt.pods, Siblings: tt.siblings}, replicaset.Policy{})
			if got := deletions(result); len(got) != 1 || got[0] != tt.want {
				t.Errorf("deleted %v, want %s", got, tt.want)
			}
		})
	}
}

// Whatever the number of victims, they are a prefix of the same list.
func TestVictimsAreAPrefixOfOneOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var list []*corev1.Pod
		for i := range 12 {
			p := pod(fmt.Sprintf("%c", 'a'+i), ready(time.Duration(1+r.IntN(4))*10*time.Minute), restarted(int32(r.IntN(3))), costing(fmt.Sprint(r.IntN(2))), aged(time.Duration(1+r.IntN(5))*20*time.Minute))
			if r.IntN(4) == 0 {
				unready(p)
			}
			list = append(list, p)
		}
		all := deletions(mustPlan(t, web(0), replicaset.Observed{Pods: list}, replicaset.Policy{}))
		for n := range len(list) {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			some := deletions(mustPlan(t, web(int32(n)), replicaset.Observed{Pods: list}, replicaset.Policy{}))
			if fmt.Sprint(some) != fmt.Sprint(all[:len(list)-n]) {
				t.Fatalf("seed %d: %v is not the beginning of %v", seed, some, all)
			}
		}
	}
}
