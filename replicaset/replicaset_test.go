package replicaset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// web wants n pods and has reported nothing yet.
func web(n int32, mutate ...func(*appsv1.ReplicaSet)) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "web", Generation: 1, ResourceVersion: "10"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &n,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      map[string]string{"app": "web", "tier": "front"},
					Annotations: map[string]string{"note": "x"},
					Finalizers:  []string{"example.com/keep"},
				},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
			},
		},
	}
	for _, m := range mutate {
		m(rs)
	}
	return rs
}

// pod is one of web's, Running and Ready for an hour on a node of its own.
func pod(name string, mutate ...func(*corev1.Pod)) *corev1.Pod {
	controller := true
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: types.UID(name), ResourceVersion: "5",
			CreationTimestamp: metav1.NewTime(now.Add(-time.Hour)),
			Labels:            map[string]string{"app": "web", "tier": "front"},
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "web", Controller: &controller}},
		},
		Spec: corev1.PodSpec{NodeName: "node-" + name},
	}
	p.Status.Phase = corev1.PodRunning
	ready(time.Hour)(p)
	for _, m := range mutate {
		m(p)
	}
	return p
}

func ready(since time.Duration) func(*corev1.Pod) {
	return condition(corev1.ConditionTrue, metav1.NewTime(now.Add(-since)))
}

func condition(status corev1.ConditionStatus, since metav1.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: since}}
	}
}

func unready(p *corev1.Pod)   { p.Status.Conditions = nil }
func orphan(p *corev1.Pod)    { p.OwnerReferences = nil }
func relabel(p *corev1.Pod)   { p.Labels["app"] = "other" }
func elsewhere(p *corev1.Pod) { p.Namespace = "other" }
func deleting(p *corev1.Pod)  { p.DeletionTimestamp = &metav1.Time{Time: now} }
func phase(phase corev1.PodPhase) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase = phase }
}

func being(deleted *appsv1.ReplicaSet) { deleted.DeletionTimestamp = &metav1.Time{Time: now} }

func pods(list ...*corev1.Pod) []*corev1.Pod { return list }

// lines prints the plan without the status write, a line each.
func lines(actions []plan.Action) string {
	var list []string
	for _, a := range actions {
		if _, ok := a.(plan.UpdateStatus); !ok {
			list = append(list, a.String())
		}
	}
	return strings.Join(list, "\n")
}

func mustPlan(t *testing.T, rs *appsv1.ReplicaSet, observed replicaset.Observed, policy replicaset.Policy) replicaset.Result {
	t.Helper()
	if observed.Now.IsZero() {
		observed.Now = now
	}
	result, err := replicaset.Plan(rs, observed, policy)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestPlan(t *testing.T) {
	const (
		create = "create Pod default/web-*"
		adopt  = "update Pod default/%s: metadata.ownerReferences"
	)
	refusedCreate := plan.Outcome{
		Action: plan.Create{Object: pod("", func(p *corev1.Pod) { p.GenerateName, p.UID = "web-", "" })},
		Err:    &metav1.Status{Reason: metav1.StatusReasonForbidden, Message: "exceeded quota"}, At: now,
	}
	ending := refusedCreate
	ending.Err = &metav1.Status{Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}}
	lost := refusedCreate
	lost.Err, lost.At = nil, now.Add(-time.Minute)
	refused := func(a plan.Action) plan.Outcome {
		return plan.Outcome{Action: a, Err: &metav1.Status{Message: "denied by a webhook"}, At: now}
	}
	for _, tt := range []struct {
		name    string
		rs      *appsv1.ReplicaSet
		pods    []*corev1.Pod
		pending []plan.Outcome
		policy  replicaset.Policy
		want    []string
	}{
		{name: "as many as wanted", rs: web(2), pods: pods(pod("a"), pod("b"))},
		{name: "replicas default to 1", rs: web(0, func(rs *appsv1.ReplicaSet) { rs.Spec.Replicas = nil }), want: []string{create}},
		{name: "missing pods are created", rs: web(3), pods: pods(pod("a")), want: []string{create, create}},
		{name: "no more than the burst", rs: web(9), policy: replicaset.Policy{Burst: 2}, want: []string{create, create}},
		{name: "surplus pods are deleted", rs: web(1), pods: pods(pod("a", unready), pod("b"), pod("c", unready)),
			want: []string{"delete Pod default/a: 3 pods, 1 wanted", "delete Pod default/c: 3 pods, 1 wanted"}},
		{name: "no more than the burst at once", rs: web(0), pods: pods(pod("a"), pod("b"), pod("c")), policy: replicaset.Policy{Burst: 1},
			want: []string{"delete Pod default/a: 3 pods, 0 wanted"}},
		{name: "finished pods and those being deleted do not count", rs: web(1),
			pods: pods(pod("a", phase(corev1.PodFailed)), pod("b", phase(corev1.PodSucceeded)), pod("c", deleting)), want: []string{create}},
		{name: "a pod listed twice counts once", rs: web(2), pods: pods(pod("a"), pod("a")), want: []string{create}},
		{name: "strangers are left alone", rs: web(0), pods: pods(nil, &corev1.Pod{}, pod("ns", elsewhere),
			pod("uid", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "a predecessor" }),
			pod("kind", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Fleet" }),
			pod("labels", orphan, relabel))},
		{name: "orphans that match are adopted and count", rs: web(3), pods: pods(pod("b", orphan), pod("a", orphan)),
			want: []string{fmt.Sprintf(adopt, "a"), fmt.Sprintf(adopt, "b"), create}},
		{name: "an adopted pod can be a victim", rs: web(1), pods: pods(pod("a"), pod("b", orphan, unready)),
			want: []string{fmt.Sprintf(adopt, "b"), "delete Pod default/b: 2 pods, 1 wanted"}},
		{name: "neither finished orphans nor those being deleted are adopted", rs: web(0), pods: pods(pod("a", orphan, deleting), pod("b", orphan, phase(corev1.PodFailed)))},
		{name: "pods that no longer match are released and replaced", rs: web(1), pods: pods(pod("a", relabel)), want: []string{fmt.Sprintf(adopt, "a"), create}},
		{name: "neither finished pods nor those being deleted are released", rs: web(0), pods: pods(pod("a", relabel, deleting), pod("b", relabel, phase(corev1.PodFailed)))},
		{name: "while it is being deleted it is only reported on", rs: web(5, being), pods: pods(pod("a", relabel), pod("b", orphan), pod("c")),
			want: []string{"wait for Deletion of ReplicaSet default/web: the ReplicaSet is being deleted"}},
		{name: "pods of a kind of one's own", rs: web(0), pods: pods(pod("a"), pod("b", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Fleet" })),
			policy: replicaset.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Fleet"}}, want: []string{"delete Pod default/b: 1 pods, 0 wanted"}},
		{name: "pods that are not ready are waited for", rs: web(2), pods: pods(pod("a"), pod("b", unready)),
			want: []string{"wait for PodReady of ReplicaSet default/web: 1 of 2 pods are ready"}},
		{name: "an empty selector selects nothing", rs: web(3, func(rs *appsv1.ReplicaSet) { rs.Spec.Selector = &metav1.LabelSelector{} }), pods: pods(pod("a", orphan)),
			want: []string{"wait for Person of ReplicaSet default/web: the selector is empty"}},

		{name: "a refused creation is asked for again", rs: web(1), pending: []plan.Outcome{refusedCreate}, want: []string{create}},
		{name: "but not in a namespace that ends", rs: web(2), pods: pods(pod("a")), pending: []plan.Outcome{ending},
			want: []string{"wait for Namespace of ReplicaSet default/web: 1 of 2 pods exist, and the namespace is being terminated"}},
		{name: "a creation without an answer counts until it expires", rs: web(2), pods: pods(pod("a")), pending: []plan.Outcome{lost},
			want: []string{"wait for Answer of ReplicaSet default/web until 2026-01-02T03:08:05Z: 1 of 2 pods exist, nobody answered for 1 more"}},
		{name: "but nobody is deleted for its sake", rs: web(1), pods: pods(pod("a")), pending: []plan.Outcome{lost}},
		{name: "a victim that may not be deleted goes last", rs: web(0), pods: pods(pod("a"), pod("b")), pending: []plan.Outcome{refused(plan.Delete{Object: plan.RefTo(pod("a"))})},
			want: []string{"delete Pod default/b: 2 pods, 0 wanted", "delete Pod default/a: 2 pods, 0 wanted"}},
		{name: "an orphan that may not be adopted is not counted on", rs: web(1), pods: pods(pod("a", orphan)),
			pending: []plan.Outcome{refused(plan.Update{Before: pod("a", orphan), After: pod("a")})}, want: []string{create}},
		{name: "and is asked for again once nothing has to be created in its place", rs: web(1), pods: pods(pod("a", orphan), pod("b")),
			pending: []plan.Outcome{refused(plan.Update{Before: pod("a", orphan), After: pod("a")})}, want: []string{fmt.Sprintf(adopt, "a")}},
		{name: "a conflict is no refusal: the view was old", rs: web(1), pods: pods(pod("a", orphan)),
			pending: []plan.Outcome{{Action: plan.Update{Before: pod("a", orphan), After: pod("a")}, Err: &metav1.Status{Reason: metav1.StatusReasonConflict}, At: now}},
			want:    []string{fmt.Sprintf(adopt, "a")}},
		{name: "an adoption without an answer counts, but it is no victim", rs: web(1), pods: pods(pod("a"), pod("b", orphan, unready)),
			pending: []plan.Outcome{{Action: plan.Update{Before: pod("b", orphan, unready), After: pod("b", unready)}, At: now}},
			want:    []string{"wait for Answer of ReplicaSet default/web until 2026-01-02T03:09:05Z: a change was issued, and the view does not show it yet"}},
		{name: "a victim that may not be deleted does not take the place of others for ever", rs: web(1), pods: pods(pod("a", unready), pod("b", unready), pod("c")), policy: replicaset.Policy{Burst: 1},
			pending: []plan.Outcome{refused(plan.Delete{Object: plan.RefTo(pod("a"))})}, want: []string{"delete Pod default/b: 3 pods, 1 wanted"}},
		{name: "what strangers lose takes no place", rs: web(1), pods: pods(pod("s", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "other" })),
			pending: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(pod("s"))}, At: now}}, want: []string{create, "wait for Answer of ReplicaSet default/web until 2026-01-02T03:09:05Z: a change was issued, and the view does not show it yet"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.rs, replicaset.Observed{Pods: tt.pods, Pending: plan.Pending{Outcomes: tt.pending}}, tt.policy)
			if diff := cmp.Diff(strings.Join(tt.want, "\n"), lines(result.Actions)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreatedPod(t *testing.T) {
	result := mustPlan(t, web(1), replicaset.Observed{}, replicaset.Policy{})
	yes := true
	want := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:    "default",
			GenerateName: "web-",
			Labels:       map[string]string{"app": "web", "tier": "front"},
			Annotations:  map[string]string{"note": "x"},
			Finalizers:   []string{"example.com/keep"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "web", Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
	}
	for _, a := range result.Actions {
		if create, ok := a.(plan.Create); ok {
			if diff := cmp.Diff(plan.Object(want), create.Object); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			return
		}
	}
	t.Error("no pod was created")
}

func TestAdoptionAsksForALiveOwner(t *testing.T) {
	result := mustPlan(t, web(1), replicaset.Observed{Pods: pods(pod("a", orphan))}, replicaset.Policy{})
	update := result.Actions[1].(plan.Update)
	want := &plan.Ref{APIVersion: "apps/v1", Kind: "ReplicaSet", Namespace: "default", Name: "web", UID: "web"}
	if diff := cmp.Diff(want, update.Live); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := update.After.GetOwnerReferences(); len(got) != 1 || got[0].UID != "web" || !*got[0].Controller || !*got[0].BlockOwnerDeletion {
		t.Errorf("owners: %v", got)
	}
}

func TestStatus(t *testing.T) {
	count := func(n int32) *int32 { return &n }
	failure := func(reason, message string, at time.Time) appsv1.ReplicaSetCondition {
		return appsv1.ReplicaSetCondition{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(at)}
	}
	denied := &metav1.Status{Message: "denied"}
	failedCreate := plan.Outcome{Action: plan.Create{Object: pod("x")}, Err: denied}
	failedDelete := plan.Outcome{Action: plan.Delete{Object: plan.RefTo(pod("a"))}, Err: denied}
	foreign := plan.Outcome{Action: plan.Create{Object: pod("x", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "db" })}, Err: denied}
	old := failure("FailedCreate", "told long ago", now.Add(-time.Hour))
	zero := metav1.Time{}
	for _, tt := range []struct {
		name    string
		rs      *appsv1.ReplicaSet
		pods    []*corev1.Pod
		pending []plan.Outcome
		want    appsv1.ReplicaSetStatus
	}{
		{name: "nothing there", rs: web(0), want: appsv1.ReplicaSetStatus{ObservedGeneration: 1, TerminatingReplicas: count(0)}},
		{
			name: "ready, available, fully labelled, terminating", rs: web(9, func(rs *appsv1.ReplicaSet) { rs.Spec.MinReadySeconds = 30 }),
			pods: pods(pod("a"), pod("b", ready(29*time.Second)), pod("c", unready), pod("d", deleting), pod("e", deleting, phase(corev1.PodFailed)),
				pod("f", func(p *corev1.Pod) { delete(p.Labels, "tier") }), pod("g", orphan), pod("h", condition(corev1.ConditionTrue, zero))),
			want: appsv1.ReplicaSetStatus{Replicas: 5, FullyLabeledReplicas: 4, ReadyReplicas: 4, AvailableReplicas: 2, TerminatingReplicas: count(1), ObservedGeneration: 1},
		},
		{
			name: "available at the very second", rs: web(1, func(rs *appsv1.ReplicaSet) { rs.Spec.MinReadySeconds = 30 }), pods: pods(pod("a", ready(30*time.Second))),
			want: appsv1.ReplicaSetStatus{Replicas: 1, FullyLabeledReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, TerminatingReplicas: count(0), ObservedGeneration: 1},
		},
		{
			name: "ready is available at once without minReadySeconds, even if it is not known since when", rs: web(1), pods: pods(pod("a", condition(corev1.ConditionTrue, zero))),
			want: appsv1.ReplicaSetStatus{Replicas: 1, FullyLabeledReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, TerminatingReplicas: count(0), ObservedGeneration: 1},
		},
		{name: "a refused creation", rs: web(0), pending: []plan.Outcome{failedCreate},
			want: appsv1.ReplicaSetStatus{ObservedGeneration: 1, TerminatingReplicas: count(0), Conditions: []appsv1.ReplicaSetCondition{failure("FailedCreate", "denied", now)}}},
		{name: "a refused deletion", rs: web(0), pods: pods(pod("a", unready)), pending: []plan.Outcome{failedDelete},
			want: appsv1.ReplicaSetStatus{Replicas: 1, FullyLabeledReplicas: 1, ObservedGeneration: 1, TerminatingReplicas: count(0), Conditions: []appsv1.ReplicaSetCondition{failure("FailedDelete", "unable to delete pods: denied", now)}}},
		{name: "what was refused to others", rs: web(0), pending: []plan.Outcome{foreign},
			want: appsv1.ReplicaSetStatus{ObservedGeneration: 1, TerminatingReplicas: count(0)}},
		{name: "a failure that is told already", rs: web(0, func(rs *appsv1.ReplicaSet) { rs.Status.Conditions = []appsv1.ReplicaSetCondition{old} }), pending: []plan.Outcome{failedCreate},
			want: appsv1.ReplicaSetStatus{ObservedGeneration: 1, TerminatingReplicas: count(0), Conditions: []appsv1.ReplicaSetCondition{old}}},
		{name: "a failure that is over; conditions of others stay",
			rs:   web(0, func(rs *appsv1.ReplicaSet) { rs.Status.Conditions = []appsv1.ReplicaSetCondition{old, {Type: "Other"}} }),
			want: appsv1.ReplicaSetStatus{ObservedGeneration: 1, TerminatingReplicas: count(0), Conditions: []appsv1.ReplicaSetCondition{{Type: "Other"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.rs, replicaset.Observed{Pods: tt.pods, Pending: plan.Pending{Outcomes: tt.pending}}, replicaset.Policy{})
			if diff := cmp.Diff(tt.want, result.Status); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			write, ok := result.Actions[0].(plan.UpdateStatus)
			if !ok {
				t.Fatalf("the status is not the first write: %v", result.Actions)
			}
			if diff := cmp.Diff(tt.want, write.After.(*appsv1.ReplicaSet).Status); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}

			// Once it is written it is not written again.
			tt.rs.Status = result.Status
			again := mustPlan(t, tt.rs, replicaset.Observed{Pods: tt.pods, Pending: plan.Pending{Outcomes: tt.pending}}, replicaset.Policy{})
			for _, a := range again.Actions {
				if _, ok := a.(plan.UpdateStatus); ok {
					t.Errorf("written twice: %v", a)
				}
			}
		})
	}
}

func TestWake(t *testing.T) {
	slow := func(rs *appsv1.ReplicaSet) { rs.Spec.MinReadySeconds = 30 }
	for _, tt := range []struct {
		name string
		rs   *appsv1.ReplicaSet
		pods []*corev1.Pod
		want time.Time
	}{
		{"all available", web(1, slow), pods(pod("a")), time.Time{}},
		{"the next pod to be available", web(2, slow), pods(pod("a", ready(10*time.Second)), pod("b", ready(20*time.Second))), now.Add(10 * time.Second)},
		{"a pod that does not say since when it is ready will never be", web(1, slow), pods(pod("a", condition(corev1.ConditionTrue, metav1.Time{}))), time.Time{}},
		{"a pod that is not ready", web(1, slow), pods(pod("a", unready)), time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.rs, replicaset.Observed{Pods: tt.pods}, replicaset.Policy{})
			if !result.Wake.Equal(tt.want) {
				t.Errorf("got %v, want %v", result.Wake, tt.want)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	edit := func(mutate func(*appsv1.ReplicaSet)) *appsv1.ReplicaSet { return web(1, mutate) }
	for _, tt := range []struct {
		name   string
		rs     *appsv1.ReplicaSet
		policy replicaset.Policy
		want   string
	}{
		{"nothing", nil, replicaset.Policy{}, "replicaSet: Required value"},
		{"a negative number of replicas", web(-1), replicaset.Policy{}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
		{"negative minReadySeconds", edit(func(rs *appsv1.ReplicaSet) { rs.Spec.MinReadySeconds = -1 }), replicaset.Policy{}, "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"},
		{"no selector", edit(func(rs *appsv1.ReplicaSet) { rs.Spec.Selector = nil }), replicaset.Policy{}, "spec.selector: Required value"},
		{"a malformed selector", edit(func(rs *appsv1.ReplicaSet) {
			rs.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Near"}}
		}), replicaset.Policy{}, `spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator`},
		{"a template that the selector does not match", edit(func(rs *appsv1.ReplicaSet) { rs.Spec.Template.Labels = map[string]string{"app": "db"} }), replicaset.Policy{},
			"spec.template.metadata.labels: Invalid value: {\"app\":\"db\"}: `selector` does not match template `labels`"},
		{"pods that do not restart", edit(func(rs *appsv1.ReplicaSet) { rs.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever }), replicaset.Policy{},
			`spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`},
		{"pods with a deadline", edit(func(rs *appsv1.ReplicaSet) { n := int64(1); rs.Spec.Template.Spec.ActiveDeadlineSeconds = &n }), replicaset.Policy{},
			"spec.template.spec.activeDeadlineSeconds: Forbidden: "},
		{"a negative burst", web(1), replicaset.Policy{Burst: -1}, "policy.burst: Invalid value: -1: must be greater than or equal to 0"},
		{"half an owner", web(1), replicaset.Policy{Owner: metav1.TypeMeta{Kind: "Fleet"}}, "policy.owner.apiVersion: Required value"},
		{"the other half", web(1), replicaset.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1"}}, "policy.owner.kind: Required value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, err := replicaset.Plan(tt.rs, replicaset.Observed{Now: now}, tt.policy)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if len(result.Actions) > 0 {
				t.Errorf("planned all the same: %v", result.Actions)
			}
		})
	}
}
