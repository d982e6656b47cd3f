package plantest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// ReplicaSetInput is what replicaset.Plan takes.
type ReplicaSetInput struct {
	ReplicaSet *appsv1.ReplicaSet
	Observed   replicaset.Observed
	Policy     replicaset.Policy
}

// ReplicaSets is the planner of package replicaset as a subject.
func ReplicaSets() Subject[ReplicaSetInput] {
	return Subject[ReplicaSetInput]{
		Name:      "ReplicaSet",
		Snapshots: rapid.Custom(replicaSetSnapshot),
		Input: func(s Snapshot) ReplicaSetInput {
			rs, _ := s.Workload.(*appsv1.ReplicaSet)
			return ReplicaSetInput{
				ReplicaSet: rs,
				Observed: replicaset.Observed{
					Now:      s.Now,
					Pods:     All[*corev1.Pod](s),
					Siblings: All[*appsv1.ReplicaSet](s),
					Pending:  s.Pending,
				},
				Policy: s.Policy.(replicaset.Policy),
			}
		},
		Plan: func(in ReplicaSetInput) (Answer, error) {
			result, err := replicaset.Plan(in.ReplicaSet, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result}, err
		},
		Break:    breakReplicaSet,
		Defaults: defaultReplicaSet,
		Step:     replicaSetStep,
		Whole:    replicaSetPlan,
		Goal:     replicaSetGoal,
		Rounds:   12, // with a burst of 1: the most pods, and the status before and after
	}
}

// replicaSetSnapshot draws a ReplicaSet, up to six pods around it, and its siblings under one Deployment.
func replicaSetSnapshot(t *rapid.T) Snapshot {
	policy := replicaset.Policy{Burst: pick(t, "burst", 0, 0, 1, 2)}
	kind := metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}
	if rarely(t, "own kind", 6) {
		kind = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Fleet"}
		policy.Owner = kind
	}
	rs := drawReplicaSet(t)
	rs.TypeMeta = kind
	s := Snapshot{Now: Epoch(), Workload: rs, Policy: policy, Version: 1000}

	pods := Pods{
		Metadata: Metadata{
			Now:    s.Now,
			Owner:  *metav1.NewControllerRef(rs, kind.GroupVersionKind()),
			Labels: map[string]string{"app": "web"},
			Odd:    true,
		},
		Prefix:   "web",
		Template: rs.Spec.Template.Spec,
	}
	s = With(s, pods.Draw(t, 6)...)
	if rs.OwnerReferences != nil && rapid.Bool().Draw(t, "sibling") {
		s = With(s, sibling(rs))
	}
	return Disturbed(t, s, older)
}

func drawReplicaSet(t *rapid.T) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web", UID: "web-uid", ResourceVersion: "900", Generation: 3},
		Spec: appsv1.ReplicaSetSpec{
			Replicas:        pick(t, "replicas", new(int32(2)), new(int32(3)), new(int32(4)), new(int32(1)), new(int32(0)), nil),
			MinReadySeconds: pick[int32](t, "minReadySeconds", 0, 0, 5, 10),
			Selector:        pick(t, "selector", selectors()...),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:1"}}},
			},
		},
	}
	if rarely(t, "more labels in the template", 4) {
		rs.Spec.Template.Labels["extra"] = "yes"
	}
	if rarely(t, "no uid yet", 15) {
		rs.UID = ""
	}
	if rarely(t, "deleted", 10) {
		rs.DeletionTimestamp, rs.Finalizers = new(Past(t, "deleted", Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	if rapid.Bool().Draw(t, "of a deployment") {
		rs.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "deployment-uid", Controller: new(true)}}
	}
	if rapid.Bool().Draw(t, "status") {
		rs.Status = drawReplicaSetStatus(t)
	}
	return rs
}

// selectors say the same in every way they can be written, and the last one, which a server refuses, nothing at all.
func selectors() []*metav1.LabelSelector {
	byLabels := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	byExpression := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"web", "site"}},
	}}
	return []*metav1.LabelSelector{byLabels, byLabels, byLabels, byLabels, byLabels, byLabels, byExpression, byExpression, {}}
}

func drawReplicaSetStatus(t *rapid.T) appsv1.ReplicaSetStatus {
	count := func(label string) int32 { return rapid.Int32Range(0, 4).Draw(t, label) }
	status := appsv1.ReplicaSetStatus{
		Replicas:             count("status.replicas"),
		FullyLabeledReplicas: count("status.fullyLabeledReplicas"),
		ReadyReplicas:        count("status.readyReplicas"),
		AvailableReplicas:    count("status.availableReplicas"),
		ObservedGeneration:   pick[int64](t, "status.observedGeneration", 3, 2, 0),
	}
	if rapid.Bool().Draw(t, "terminating known") {
		status.TerminatingReplicas = new(count("status.terminatingReplicas"))
	}
	if rarely(t, "failure told", 3) {
		status.Conditions = append(status.Conditions, appsv1.ReplicaSetCondition{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "quota",
			LastTransitionTime: Past(t, "failed", Epoch()),
		})
	}
	if rarely(t, "another condition", 4) {
		status.Conditions = append(status.Conditions, appsv1.ReplicaSetCondition{Type: "Inspected", Status: corev1.ConditionTrue})
	}
	return status
}

func sibling(rs *appsv1.ReplicaSet) *appsv1.ReplicaSet {
	old := rs.DeepCopy()
	old.Name, old.UID, old.ResourceVersion = "web-old", "web-old-uid", "890"
	old.DeletionTimestamp, old.Finalizers = nil, nil
	return old
}

func breakReplicaSet(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(replicaset.Policy)
	rs := s.Workload.(*appsv1.ReplicaSet).DeepCopy()
	s.Workload = rs
	what := pick(t, "wrong", "replicaSet", "spec.replicas", "spec.minReadySeconds", "spec.selector", "spec.selector.matchExpressions[0].operator",
		"spec.template.metadata.labels", "spec.template.spec.restartPolicy", "spec.template.spec.activeDeadlineSeconds",
		"policy.burst", "policy.owner.apiVersion", "policy.owner.kind")
	switch what {
	case "replicaSet":
		s.Workload = nil
	case "spec.replicas":
		rs.Spec.Replicas = new(int32(-1))
	case "spec.minReadySeconds":
		rs.Spec.MinReadySeconds = -1
	case "spec.selector":
		rs.Spec.Selector = nil
	case "spec.selector.matchExpressions[0].operator":
		rs.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Near"}}}
	case "spec.template.metadata.labels":
		rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
		rs.Spec.Template.Labels = map[string]string{"app": "site"}
	case "spec.template.spec.restartPolicy":
		rs.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	case "spec.template.spec.activeDeadlineSeconds":
		rs.Spec.Template.Spec.ActiveDeadlineSeconds = new(int64(1))
	case "policy.burst":
		policy.Burst = -1
	case "policy.owner.apiVersion":
		policy.Owner = metav1.TypeMeta{Kind: "Fleet"}
	case "policy.owner.kind":
		policy.Owner = metav1.TypeMeta{APIVersion: "example.com/v1"}
	}
	s.Policy = policy
	return s, what
}

func defaultReplicaSet(obj plan.Object) plan.Object {
	rs := obj.(*appsv1.ReplicaSet).DeepCopy()
	if rs.Spec.Replicas == nil {
		rs.Spec.Replicas = new(int32(1))
	}
	return rs
}

// fleet is what the formulas of a ReplicaSet are about, counted in the plainest way.
type fleet struct {
	rs                                     *appsv1.ReplicaSet
	wanted                                 int
	members                                []*corev1.Pod // at work, and ours or to be ours: controlled and selected, or selected orphans
	leavers                                int           // controlled and not selected
	orphans                                int           // of the members
	ready, available, labelled, terminated int32
}

func countFleet(s Snapshot) fleet {
	rs := s.Workload.(*appsv1.ReplicaSet)
	f := fleet{rs: rs, wanted: int(orOne(rs.Spec.Replicas))}
	selector, _ := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	unadoptable := refusedUpdates(s.Pending)
	for _, pod := range All[*corev1.Pod](s.consistent()) {
		finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if finished || unadoptable[pod.UID] || selector.Empty() || pod.Namespace != rs.Namespace {
			continue
		}
		selected, ours, going := selector.Matches(labels.Set(pod.Labels)), s.controls(pod), pod.DeletionTimestamp != nil
		orphan := metav1.GetControllerOf(pod) == nil
		switch {
		case ours && selected && going:
			f.terminated++
		case ours && selected:
			f.members = append(f.members, pod)
			f.count(pod, s)
		case ours && !going && rs.DeletionTimestamp == nil:
			f.leavers++
		case orphan && selected && !going && rs.DeletionTimestamp == nil:
			f.members = append(f.members, pod)
			f.orphans++
		}
	}
	return f
}

func (f *fleet) count(pod *corev1.Pod, s Snapshot) {
	if labels.SelectorFromSet(f.rs.Spec.Template.Labels).Matches(labels.Set(pod.Labels)) {
		f.labelled++
	}
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.PodReady || c.Status != corev1.ConditionTrue {
			continue
		}
		f.ready++
		since := c.LastTransitionTime
		if wait := f.rs.Spec.MinReadySeconds; wait == 0 || !since.IsZero() && s.Now.Sub(since.Time).Seconds() >= float64(wait) {
			f.available++
		}
	}
}

// refusedUpdates are the pods that the API server would not let the host change: it asks again, and does not count on them.
func refusedUpdates(p plan.Pending) map[types.UID]bool {
	refused := map[types.UID]bool{}
	for _, o := range p.Failures() {
		if _, updates := o.Action.(plan.Update); updates {
			refused[o.Action.Target().UID] = true
		}
	}
	return refused
}

// replicaSetStep: the number of pods never moves away from the number wanted.
func replicaSetStep(before, after Snapshot) error {
	b, a := countFleet(before), countFleet(after)
	has, had := len(a.members), len(b.members)
	if has > max(had, b.wanted) {
		return fmt.Errorf("%d pods, where there were %d and %d are wanted", has, had, b.wanted)
	}
	if has < min(had, b.wanted) {
		return fmt.Errorf("only %d pods, where there were %d and %d are wanted", has, had, b.wanted)
	}
	return nil
}

// replicaSetPlan: creates = min(burst, max(0, R-A)), deletes = min(burst, max(0, A-R)), victims are a prefix of one order, and the
// status is what is there.
func replicaSetPlan(s Snapshot, answer Answer, replan func(Snapshot) Answer) error {
	f := countFleet(s)
	burst := cmp.Or(s.Policy.(replicaset.Policy).Burst, 500)
	creates, deletes := 0, victimsOf(answer)
	for _, a := range answer.Actions {
		if _, ok := a.(plan.Create); ok {
			creates++
		}
	}
	missing, surplus := f.wanted-len(f.members), len(f.members)-f.wanted
	if f.rs.DeletionTimestamp != nil || selectsNothing(f.rs) {
		missing, surplus = 0, 0
	}
	if want := min(burst, max(0, missing)); creates != want {
		return fmt.Errorf("%d pods are created, not %d", creates, want)
	}
	if want := min(burst, max(0, surplus)); len(deletes) != want {
		return fmt.Errorf("%d pods are deleted, not %d", len(deletes), want)
	}
	if err := compareStatus(f, answer.Whole.(*replicaset.Result).Status); err != nil {
		return err
	}
	if len(deletes) == 0 {
		return nil
	}
	fewer := s
	one := f.rs.DeepCopy()
	one.Spec.Replicas = new(int32(f.wanted + 1))
	fewer.Workload = one
	if first := victimsOf(replan(fewer)); !slices.Equal(first, deletes[:len(first)]) {
		return fmt.Errorf("with one more replica the victims are %v, which do not come first", first)
	}
	return nil
}

// selectsNothing holds for the empty selector, which would take every pod of the namespace.
func selectsNothing(rs *appsv1.ReplicaSet) bool {
	return len(rs.Spec.Selector.MatchLabels) == 0 && len(rs.Spec.Selector.MatchExpressions) == 0
}

func victimsOf(answer Answer) []types.UID {
	var victims []types.UID
	for _, a := range answer.Actions {
		if d, ok := a.(plan.Delete); ok {
			victims = append(victims, d.Object.UID)
		}
	}
	return victims
}

// compareStatus compares a status with what is there. Orphans count from their adoption on.
func compareStatus(f fleet, got appsv1.ReplicaSetStatus) error {
	if selectsNothing(f.rs) {
		return nil
	}
	want := appsv1.ReplicaSetStatus{
		Replicas:             int32(len(f.members) - f.orphans),
		FullyLabeledReplicas: f.labelled,
		ReadyReplicas:        f.ready,
		AvailableReplicas:    f.available,
		TerminatingReplicas:  &f.terminated,
		ObservedGeneration:   f.rs.Generation,
		Conditions:           got.Conditions,
	}
	if !same(want, got) {
		return fmt.Errorf("the status is behind:\n%s", difference(want, got))
	}
	return nil
}

// replicaSetGoal: all pods there and available, nothing to adopt or release, and a status that says so.
func replicaSetGoal(s Snapshot) error {
	f := countFleet(s)
	switch {
	case f.rs.DeletionTimestamp != nil:
		return errors.New("the ReplicaSet is being deleted")
	case selectsNothing(f.rs):
		return errors.New("the selector is empty")
	case len(f.members) != f.wanted:
		return fmt.Errorf("%d pods, %d wanted", len(f.members), f.wanted)
	case f.orphans > 0 || f.leavers > 0:
		return fmt.Errorf("%d pods to adopt, %d to release", f.orphans, f.leavers)
	case int(f.available) != f.wanted:
		return fmt.Errorf("%d of %d pods are available", f.available, f.wanted)
	}
	return compareStatus(f, f.rs.Status)
}
