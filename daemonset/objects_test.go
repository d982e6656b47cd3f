package daemonset_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// agent runs one pod a node, of image v2, and has reported nothing yet.
func agent(mutate ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "agent", Generation: 1, ResourceVersion: "10"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:v2"}}},
			},
		},
	}
	for _, m := range mutate {
		m(ds)
	}
	return ds
}

func onDelete(ds *appsv1.DaemonSet) {
	ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
}
func rolling(unavailable, surge string) func(*appsv1.DaemonSet) {
	u, s := intstr.Parse(unavailable), intstr.Parse(surge)
	return func(ds *appsv1.DaemonSet) {
		ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{
			Type:          appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &u, MaxSurge: &s},
		}
	}
}
func minReady(seconds int32) func(*appsv1.DaemonSet) {
	return func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = seconds }
}
func historyLimit(limit int32) func(*appsv1.DaemonSet) {
	return func(ds *appsv1.DaemonSet) { ds.Spec.RevisionHistoryLimit = &limit }
}

// revision is one of agent's, that holds the image.
func revision(image string, number int64, mutate ...func(*appsv1.ControllerRevision)) *appsv1.ControllerRevision {
	raw := fmt.Sprintf(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"agent"}},"spec":{"containers":[{"image":%q,"name":"agent","resources":{}}]}}}}`, "agent:"+image)
	r := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "agent-" + image, UID: types.UID("revision-" + image), ResourceVersion: "5",
			Labels:          map[string]string{"app": "agent", "controller-revision-hash": image},
			OwnerReferences: []metav1.OwnerReference{controller("agent")},
		},
		Revision: number,
	}
	r.Data.Raw = []byte(raw)
	for _, m := range mutate {
		m(r)
	}
	return r
}

func named(name string) func(*appsv1.ControllerRevision) {
	return func(r *appsv1.ControllerRevision) {
		r.Name, r.UID = "agent-"+name, types.UID("revision-"+name)
		r.Labels["controller-revision-hash"] = name
	}
}

func controller(uid types.UID) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent", UID: uid, Controller: &yes}
}

func node(name string, mutate ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Labels: map[string]string{"kubernetes.io/hostname": name}}}
	for _, m := range mutate {
		m(n)
	}
	return n
}

func nodes(names ...string) []*corev1.Node {
	var list []*corev1.Node
	for _, name := range names {
		list = append(list, node(name))
	}
	return list
}

func tainted(key string, effect corev1.TaintEffect) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: effect}) }
}

// pod is agent's on a node, of image v2, Ready for an hour.
func pod(nodeName string, mutate ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "pod-" + nodeName, UID: types.UID("pod-" + nodeName), ResourceVersion: "5",
			CreationTimestamp: metav1.NewTime(now.Add(-time.Hour)),
			Labels:            map[string]string{"app": "agent", "controller-revision-hash": "v2"},
			OwnerReferences:   []metav1.OwnerReference{controller("agent")},
		},
		Spec: corev1.PodSpec{NodeName: nodeName},
	}
	p.Status.Phase = corev1.PodRunning
	ready(time.Hour)(p)
	for _, m := range mutate {
		m(p)
	}
	return p
}

func ready(since time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-since))}}
	}
}

func unready(p *corev1.Pod)  { p.Status.Conditions = nil }
func deleting(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now} }
func orphan(p *corev1.Pod)   { p.OwnerReferences = nil }
func relabel(p *corev1.Pod)  { p.Labels["app"] = "other" }
func failed(p *corev1.Pod)   { p.Status.Phase = corev1.PodFailed; unready(p) }
func succeeded(p *corev1.Pod) {
	p.Status.Phase = corev1.PodSucceeded
	unready(p)
}
func of(hash string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels["controller-revision-hash"] = hash }
}
func old(p *corev1.Pod) { of("v1")(p) }
func called(name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Name, p.UID = name, types.UID(name) }
}
func created(ago time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(now.Add(-ago)) }
}

// unscheduled makes the pod one that requires its node and is not bound yet.
func unscheduled(p *corev1.Pod) {
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{
			Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{p.Spec.NodeName},
		}}}},
	}}}
	p.Spec.NodeName, p.Status.Phase = "", corev1.PodPending
	unready(p)
}

func pods(list ...*corev1.Pod) []*corev1.Pod { return list }

// describe prints a step; the creation of a pod with its node.
func describe(a plan.Action) string {
	if create, ok := a.(plan.Create); ok {
		if p, ok := create.Object.(*corev1.Pod); ok {
			return "create on " + p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0].Values[0]
		}
	}
	return a.String()
}

// lines prints the plan without the status write, a line each.
func lines(actions []plan.Action) []string {
	var list []string
	for _, a := range actions {
		if _, ok := a.(plan.UpdateStatus); !ok {
			list = append(list, describe(a))
		}
	}
	return list
}

func mustPlan(t testing.TB, ds *appsv1.DaemonSet, observed daemonset.Observed, policy daemonset.Policy) daemonset.Result {
	t.Helper()
	if observed.Now.IsZero() {
		observed.Now = now
	}
	result, err := daemonset.Plan(ds, observed, policy)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
