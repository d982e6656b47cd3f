package rollout_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const prefix = "deployment.kubernetes.io/"

// web wants n pods of version 2, with a surge of 1 and 1 unavailable, and has observed its spec.
func web(n int32, mutate ...func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "web", UID: "web", Generation: 1, ResourceVersion: "10",
			Annotations: map[string]string{prefix + "revision": "2"},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: &n,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: template("v2"),
		},
	}
	bounds(1, 1)(d)
	for _, m := range mutate {
		m(d)
	}
	return d
}

func template(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
	}
}

func bounds(surge, unavailable int32) func(*appsv1.Deployment) {
	return limits(intstr.FromInt32(surge), intstr.FromInt32(unavailable))
}

func limits(surge, unavailable intstr.IntOrString) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Strategy = appsv1.DeploymentStrategy{
			Type:          appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable},
		}
	}
}

func recreate(d *appsv1.Deployment) {
	d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
}

func paused(d *appsv1.Deployment)  { d.Spec.Paused = true }
func deleted(d *appsv1.Deployment) { d.DeletionTimestamp = &metav1.Time{Time: now} }

func annotated(key, value string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Annotations[key] = value }
}

// set is a ReplicaSet of web: "v1 5/4/3" has 5 replicas, 4 Ready and 3 available pods. Its number is its revision and its
// place by age.
func set(text string, mutate ...func(*appsv1.ReplicaSet)) *appsv1.ReplicaSet {
	image, sizes, _ := strings.Cut(text, " ")
	revision := strings.TrimPrefix(image, "v")
	var size, ready, available int32
	if _, err := fmt.Sscanf(sizes, "%d/%d/%d", &size, &ready, &available); err != nil {
		panic(err)
	}
	age, _ := strconv.Atoi(revision)
	terminating, controller := int32(0), true
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "web-" + image, UID: types.UID("web-" + image), Generation: 7, ResourceVersion: "5",
			CreationTimestamp: metav1.NewTime(now.Add(time.Duration(age-100) * time.Hour)),
			Labels:            map[string]string{"app": "web", "pod-template-hash": image},
			Annotations:       map[string]string{prefix + "revision": revision},
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "web", Controller: &controller}},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &size,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web", "pod-template-hash": image}},
			Template: template(image),
		},
		Status: appsv1.ReplicaSetStatus{
			Replicas: size, ReadyReplicas: ready, AvailableReplicas: available, ObservedGeneration: 7, TerminatingReplicas: &terminating,
		},
	}
	rs.Spec.Template.Labels["pod-template-hash"] = image
	for _, m := range mutate {
		m(rs)
	}
	return rs
}

func told(desired, most string) func(*appsv1.ReplicaSet) {
	return func(rs *appsv1.ReplicaSet) {
		rs.Annotations[prefix+"desired-replicas"], rs.Annotations[prefix+"max-replicas"] = desired, most
	}
}

func behind(rs *appsv1.ReplicaSet)    { rs.Status.ObservedGeneration-- }
func orphan(rs *appsv1.ReplicaSet)    { rs.OwnerReferences = nil }
func relabel(rs *appsv1.ReplicaSet)   { rs.Labels["app"] = "other" }
func elsewhere(rs *appsv1.ReplicaSet) { rs.Namespace = "other" }
func lags(n int32) func(*appsv1.ReplicaSet) {
	return func(rs *appsv1.ReplicaSet) { rs.Status.Replicas = n }
}

func sets(list ...*appsv1.ReplicaSet) []*appsv1.ReplicaSet { return list }

func podOf(name string, rs *appsv1.ReplicaSet, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: types.UID(name), DeletionTimestamp: &metav1.Time{Time: now},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
		},
		Status: corev1.PodStatus{Phase: phase},
	}
}

func mustPlan(t *testing.T, d *appsv1.Deployment, observed rollout.Observed) rollout.Result {
	t.Helper()
	if observed.Now.IsZero() {
		observed.Now = now
	}
	result, err := rollout.Plan(d, observed, rollout.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// sizes tells what a plan does to the ReplicaSets, sorted: "v1 5->3", "create 2", "adopt v1", "delete v1".
func sizes(actions []plan.Action) string {
	var steps []string
	for _, a := range actions {
		name := strings.TrimPrefix(a.Target().Name, "web-")
		switch a := a.(type) {
		case plan.Create:
			steps = append(steps, fmt.Sprintf("create %d", *a.Object.(*appsv1.ReplicaSet).Spec.Replicas))
		case plan.Delete:
			steps = append(steps, "delete "+name)
		case plan.Update:
			before, okBefore := a.Before.(*appsv1.ReplicaSet)
			after, okAfter := a.After.(*appsv1.ReplicaSet)
			switch {
			case !okBefore || !okAfter:
				steps = append(steps, "update "+a.Target().Kind)
			case len(before.OwnerReferences) < len(after.OwnerReferences):
				steps = append(steps, "adopt "+name)
			case len(before.OwnerReferences) > len(after.OwnerReferences):
				steps = append(steps, "release "+name)
			case *before.Spec.Replicas != *after.Spec.Replicas:
				steps = append(steps, fmt.Sprintf("%s %d->%d", name, *before.Spec.Replicas, *after.Spec.Replicas))
			default:
				steps = append(steps, "note "+name)
			}
		}
	}
	slices.SortFunc(steps, cmp.Compare)
	return strings.Join(steps, ", ")
}

func TestSizes(t *testing.T) {
	ten := func(d *appsv1.Deployment) { limits(intstr.FromString("25%"), intstr.FromString("25%"))(d) }
	for _, tt := range []struct {
		name string
		d    *appsv1.Deployment
		sets []*appsv1.ReplicaSet
		pods []*corev1.Pod
		want string
	}{
		// The new ReplicaSet is made, grows, and the old ones shrink.
		{name: "nothing yet", d: web(3), want: "create 3"},
		{name: "the defaults of a plain manifest", d: web(1, func(d *appsv1.Deployment) { d.Spec.Replicas, d.Spec.Strategy = nil, appsv1.DeploymentStrategy{} }), want: "create 1"},
		{name: "a new template gets what D + S leaves", d: web(10, ten), sets: sets(set("v1 10/10/10")), want: "create 3"},
		{name: "no room for the new one: it is made all the same", d: web(3), sets: sets(set("v1 4/4/4")), want: "create 0"},
		{name: "old ones shrink to D - U", d: web(10, ten), sets: sets(set("v1 10/10/10"), set("v2 3/0/0")), want: "v1 10->8"},
		{name: "the new one grows into the room", d: web(10, ten), sets: sets(set("v1 8/8/8"), set("v2 3/0/0")), want: "v2 3->5"},
		{name: "stuck at 8 and 5", d: web(10, ten), sets: sets(set("v1 8/8/8"), set("v2 5/0/0")), want: ""},
		{name: "each pod that is available lets an old one go", d: web(10, ten), sets: sets(set("v1 8/8/8"), set("v2 5/2/2")), want: "v1 8->6"},
		{name: "done", d: web(3), sets: sets(set("v1 0/0/0"), set("v2 3/3/3")), want: ""},
		{name: "too large", d: web(3), sets: sets(set("v2 5/5/5")), want: "v2 5->3"},
		{name: "too large, and two may be lost by it that are needed", d: web(3, bounds(1, 0)), sets: sets(set("v2 5/5/3")), want: ""},
		{name: "too large, and one may be lost by it", d: web(3), sets: sets(set("v2 5/5/3")), want: "v2 5->4"},

		// Old ones that are not Ready go first.
		{name: "unready old pods cost nothing", d: web(4), sets: sets(set("v1 4/1/1"), set("v2 1/1/1")), want: "v1 4->2"},
		{name: "the oldest first", d: web(4), sets: sets(set("v0 2/0/0"), set("v1 2/0/0"), set("v2 1/1/1")), want: "v0 2->0"},
		{name: "available ones of the oldest first", d: web(4), sets: sets(set("v0 2/2/2"), set("v1 2/2/2"), set("v2 1/1/1")), want: "v0 2->0"},
		{name: "Ready ones that are not available yet are no credit, for a deletion cost may take an available one", d: web(4, bounds(1, 1)),
			sets: sets(set("v1 4/4/3"), set("v2 1/0/0")), want: ""},
		{name: "all may go where nothing has to stay", d: web(1, bounds(1, 1)), sets: sets(set("v1 3/3/0"), set("v2 0/0/0")), want: "v1 3->0"},

		// A status that says more than is sure.
		{name: "more available than there are to be", d: web(2, bounds(1, 0), func(d *appsv1.Deployment) { d.Spec.Template = template("v1") }),
			sets: sets(set("v1 1/2/2"), set("v2 2/1/1")), want: "note v1, v2 2->1"},
		{name: "of more that are Ready than there are to be, an available one may be deleted", d: web(3, bounds(1, 0)), sets: sets(set("v1 1/1/1"), set("v2 3/4/3")), want: ""},
		{name: "a status behind its spec vouches for nothing", d: web(2, bounds(1, 0)), sets: sets(set("v1 1/1/1"), set("v2 2/2/2", behind)), want: ""},
		{name: "the pods of a ReplicaSet that is being deleted go with it", d: web(2, bounds(1, 0)), sets: sets(set("v1 1/1/1"), set("v2 2/2/2", func(rs *appsv1.ReplicaSet) { rs.DeletionTimestamp = &metav1.Time{Time: now} })), want: ""},
		{name: "the same when it has caught up", d: web(2, bounds(1, 0)), sets: sets(set("v1 1/1/1"), set("v2 2/2/2")), want: "v1 1->0"},

		// Fenceposts.
		{name: "0 and 0 by rounding is 1 unavailable", d: web(2, limits(intstr.FromInt32(0), intstr.FromString("25%"))), sets: sets(set("v1 2/2/2"), set("v2 0/0/0")), want: "v1 2->1"},
		{name: "more surge than can be counted", d: web(100, limits(intstr.FromString("9223372036854775807%"), intstr.FromInt32(0))), want: "create 100"},
		{name: "nearly as much", d: web(12800, limits(intstr.FromString("72057594037927928%"), intstr.FromInt32(0))), want: "create 12800"},
		{name: "a percentage that is no number of this machine", d: web(1, limits(intstr.FromString("99999999999999999999%"), intstr.FromInt32(0))), sets: sets(set("v1 1/1/1"), set("v2 0/0/0")), want: "v2 0->1"},
		{name: "more unavailable than there are", d: web(2, bounds(0, 9)), sets: sets(set("v1 2/2/2"), set("v2 0/0/0")), want: "v1 2->0"},

		// Recreate.
		{name: "Recreate takes the old away first", d: web(3, recreate), sets: sets(set("v1 3/3/3")), want: "v1 3->0"},
		{name: "Recreate waits while the old one counts pods", d: web(3, recreate), sets: sets(set("v1 0/0/0", lags(1))), want: ""},
		{name: "Recreate waits while a pod terminates", d: web(3, recreate), sets: sets(set("v1 0/0/0")), pods: []*corev1.Pod{podOf("a", set("v1 0/0/0"), corev1.PodRunning)}, want: ""},
		{name: "Recreate waits while pods are counted as terminating, whatever the pods' view shows", d: web(3, recreate), sets: sets(set("v1 0/0/0", func(rs *appsv1.ReplicaSet) { rs.Status.TerminatingReplicas = new(int32(1)) })), want: ""},
		{name: "Recreate waits until the old one knows that it is to have no pods", d: web(3, recreate), sets: sets(set("v1 0/0/0", behind)), want: ""},
		{name: "Recreate waits with a ReplicaSet that is there already", d: web(3, recreate), sets: sets(set("v1 0/0/0"), set("v2 0/0/0")), pods: []*corev1.Pod{podOf("a", set("v1 0/0/0"), corev1.PodUnknown)}, want: ""},
		{name: "Recreate does not shrink the new one either while it waits", d: web(3, recreate), sets: sets(set("v1 0/0/0", lags(1)), set("v2 5/5/5")), want: ""},
		{name: "Recreate does not wait for a pod that is finished", d: web(3, recreate), sets: sets(set("v1 0/0/0")), pods: []*corev1.Pod{podOf("a", set("v1 0/0/0"), corev1.PodFailed)}, want: "create 3"},
		{name: "Recreate does not wait for the new one's", d: web(3, recreate), sets: sets(set("v1 0/0/0"), set("v2 1/0/0")), pods: []*corev1.Pod{podOf("a", set("v2 1/0/0"), corev1.PodRunning)}, want: "v2 1->3"},
		{name: "paused, a Recreate does not grow beside old pods either", d: web(3, recreate, paused), sets: sets(set("v1 0/0/0"), set("v2 0/0/0")), pods: []*corev1.Pod{podOf("a", set("v1 0/0/0"), corev1.PodRunning)}, want: ""},

		// Sharing.
		{name: "the only active one takes D", d: web(5), sets: sets(set("v1 0/0/0"), set("v2 3/3/3", told("3", "4"))), want: "v2 3->5"},
		{name: "none is active: the new one takes D", d: web(5, paused), sets: sets(set("v1 0/0/0"), set("v2 0/0/0")), want: "v2 0->5"},
		{name: "none is active and none is new: the youngest takes D", d: web(5, paused), sets: sets(set("v0 0/0/0"), set("v1 0/0/0")), want: "v1 0->5"},
		{name: "a saturated new one drives the others out", d: web(3, paused), sets: sets(set("v1 2/2/2"), set("v2 3/3/3", told("3", "4"))), want: "v1 2->0"},
		{name: "in proportion up", d: web(20, ten), sets: sets(set("v1 8/8/8", told("10", "13")), set("v2 5/0/0", told("10", "13"))), want: "v1 8->15, v2 5->10"},
		{name: "in proportion down", d: web(5, ten), sets: sets(set("v1 8/8/8", told("10", "13")), set("v2 5/0/0", told("10", "13"))), want: "v1 8->4, v2 5->3"},
		{name: "in proportion down would leave 3 where 4 must stay", d: web(5), sets: sets(set("v1 6/6/6", told("10", "11")), set("v2 5/0/0", told("10", "11"))), want: "v1 6->4, v2 5->2"},
		{name: "rounding goes to the largest", d: web(4), sets: sets(set("v0 1/1/1", told("2", "3")), set("v1 1/1/1", told("2", "3")), set("v2 1/1/1", told("2", "3"))), want: "note v0, v1 1->2, v2 1->2"},
		{name: "without the annotation the size of now counts", d: web(6, func(d *appsv1.Deployment) { d.Status.Replicas = 4 }, paused), sets: sets(set("v1 2/2/2"), set("v2 2/2/2")), want: "v1 2->3, v2 2->4"},
		{name: "products that do not fit into 32 bits", d: web(90000, bounds(0, 90000)), sets: sets(set("v1 40000/40000/40000", told("80000", "80000")), set("v2 40000/40000/40000", told("80000", "80000"))), want: "v1 40000->45000, v2 40000->45000"},
		{name: "what grows waits for what shrinks", d: web(5), sets: sets(set("v1 4/4/4", told("9", "9")), set("v2 1/1/1", told("1", "1"))), want: "v1 4->3"},
		{name: "where all shrink together nothing grows, whatever it was told", d: web(2, bounds(1, 0)), sets: sets(set("v1 2/0/0", told("3", "1")), set("v2 2/2/1", told("2", "3"))), want: "v1 2->1"},
		{name: "a size that was reached another way is noted, or the rollout would never go on", d: web(5), sets: sets(set("v1 5/5/5", told("3", "4"))), want: "note v1"},
		{name: "all to nothing", d: web(0), sets: sets(set("v1 2/2/2", told("3", "4")), set("v2 2/0/0", told("3", "4"))), want: "v1 2->0, v2 2->0"},
		{name: "Recreate does not share", d: web(5, recreate), sets: sets(set("v1 2/2/2", told("3", "3")), set("v2 2/2/2", told("3", "3"))), want: "v1 2->0"},

		// Paused.
		{name: "paused, no new ReplicaSet is made", d: web(3, paused), sets: sets(set("v1 3/3/3")), want: ""},
		{name: "paused, the size follows", d: web(4, paused), sets: sets(set("v1 3/3/3")), want: "v1 3->4"},

		// What belongs to it.
		{name: "orphans are adopted, and then it is seen what they bring", d: web(3), sets: sets(set("v1 3/3/3", orphan), set("v2 1/1/1")), want: "adopt v1"},
		{name: "what no longer matches is released", d: web(3), sets: sets(set("v1 3/3/3", relabel), set("v2 3/3/3")), want: "release v1"},
		{name: "not if it is being deleted", d: web(3), sets: sets(set("v1 3/3/3", relabel, func(rs *appsv1.ReplicaSet) { rs.DeletionTimestamp = &metav1.Time{Time: now} }), set("v2 3/3/3")), want: ""},
		{name: "strangers", d: web(3), sets: sets(set("v1 3/3/3", elsewhere), nil, set("v0 3/3/3", func(rs *appsv1.ReplicaSet) { rs.OwnerReferences[0].UID = "another life" })), want: "create 3"},
		{name: "deleted", d: web(3, deleted), sets: sets(set("v1 3/3/3", orphan), set("v2 1/1/1")), want: ""},
		{name: "the oldest of equals is the new one", d: web(3), sets: sets(set("v2 1/1/1"), set("v3 2/2/2", func(rs *appsv1.ReplicaSet) { rs.Spec.Template = template("v2") })), want: "v2 1->2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sizes(mustPlan(t, tt.d, rollout.Observed{ReplicaSets: tt.sets, Pods: tt.pods}).Actions); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
