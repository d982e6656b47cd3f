package plantest

import (
	"errors"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/internal/templates"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

// DeploymentInput is what rollout.Plan takes.
type DeploymentInput struct {
	Deployment *appsv1.Deployment
	Observed   rollout.Observed
	Policy     rollout.Policy
}

// Deployments is the planner of package rollout as a subject.
func Deployments() Subject[DeploymentInput] {
	return Subject[DeploymentInput]{
		Name:      "Deployment",
		Snapshots: rapid.Custom(deploymentSnapshot),
		Input: func(s Snapshot) DeploymentInput {
			d, _ := s.Workload.(*appsv1.Deployment)
			return DeploymentInput{
				Deployment: d,
				Observed: rollout.Observed{
					Now:         s.Now,
					ReplicaSets: All[*appsv1.ReplicaSet](s),
					Pods:        All[*corev1.Pod](s),
					Pending:     s.Pending,
				},
				Policy: s.Policy.(rollout.Policy),
			}
		},
		Plan: func(in DeploymentInput) (Answer, error) {
			result, err := rollout.Plan(in.Deployment, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result}, err
		},
		Break:    breakDeployment,
		Defaults: defaultDeployment,
		Step:     deploymentStep,
		Whole:    deploymentPlan,
		Goal:     deploymentGoal,
		Rounds:   20, // adopt, roll back, make, share, shrink and grow, forget, and the status in between
	}
}

// deploymentSnapshot draws a Deployment, up to four ReplicaSets around it in any state, and a few of their pods.
func deploymentSnapshot(t *rapid.T) Snapshot {
	policy := rollout.Policy{}
	kind := metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	if rarely(t, "own kind", 6) {
		kind = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Service"}
		policy.Owner = kind
	}
	d := drawDeployment(t)
	d.TypeMeta = kind
	s := Snapshot{Now: Epoch(), Workload: d, Policy: policy, Version: 1000}
	metadata := Metadata{
		Now:    s.Now,
		Owner:  *metav1.NewControllerRef(d, kind.GroupVersionKind()),
		Labels: map[string]string{"app": "web"},
		Odd:    true,
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "replicaSets") {
		meta := metadata.Draw(t, "web", i)
		if !rarely(t, "odd", 4) {
			meta.Namespace, meta.Labels, meta.OwnerReferences, meta.DeletionTimestamp = Namespace, map[string]string{"app": "web"}, []metav1.OwnerReference{metadata.Owner}, nil
		}
		if i > 0 && rarely(t, "bears the name that a template would get", 6) {
			version := d.Spec.Template
			version.Spec.Containers = []corev1.Container{{Name: "main", Image: fmt.Sprintf("web:%d", i)}}
			meta.Name = "web-" + templates.Hash(&version, d.Status.CollisionCount)
		}
		rs := drawMember(t, meta)
		s = With(s, rs)
		owner := *metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
		s = With(s, Pods{
			Metadata: Metadata{Now: s.Now, Owner: owner, Labels: map[string]string{"app": "web"}},
			Prefix:   rs.Name,
			Template: rs.Spec.Template.Spec,
		}.Draw(t, 1)...)
	}
	return Disturbed(t, s, func(rs *appsv1.ReplicaSet) { rs.Spec.Replicas = new(int32(9)) })
}

func drawDeployment(t *rapid.T) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: Namespace, Name: "web", UID: "web-uid", ResourceVersion: "900", Generation: 3,
			Annotations: map[string]string{"deployment.kubernetes.io/revision": pick(t, "revision", "1", "2", "x")},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas:                pick(t, "replicas", new(int32(2)), new(int32(3)), new(int32(5)), new(int32(1)), new(int32(0)), nil),
			MinReadySeconds:         pick[int32](t, "minReadySeconds", 0, 0, 5),
			Selector:                pick(t, "selector", selectors()...),
			Template:                versionOf(t),
			Paused:                  rarely(t, "paused", 6),
			RevisionHistoryLimit:    pick(t, "history", nil, new(int32(0)), new(int32(1))),
			ProgressDeadlineSeconds: pick(t, "deadline", nil, new(int32(60)), new(int32(2147483647))),
		},
	}
	switch pick(t, "strategy", "bare", "rolling", "rolling", "rolling", "recreate") {
	case "rolling":
		d.Spec.Strategy.Type = appsv1.RollingUpdateDeploymentStrategyType
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{
			MaxSurge:       pick(t, "surge", nil, new(intstr.FromInt32(1)), new(intstr.FromInt32(3)), new(intstr.FromString("50%"))),
			MaxUnavailable: pick(t, "unavailable", nil, new(intstr.FromInt32(0)), new(intstr.FromInt32(1)), new(intstr.FromString("50%"))),
		}
	case "recreate":
		d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	}
	if rarely(t, "rollback asked for", 10) {
		d.Annotations[appsv1.DeprecatedRollbackTo] = pick(t, "rollback to", "0", "1", "9", "x")
	}
	if rarely(t, "deleted", 10) {
		d.DeletionTimestamp, d.Finalizers = new(Past(t, "deleted", Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	if rapid.Bool().Draw(t, "status") {
		count := func(label string) int32 { return rapid.Int32Range(0, 5).Draw(t, label) }
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: pick[int64](t, "status.observedGeneration", 3, 2), Replicas: count("status.replicas"), UpdatedReplicas: count("status.updated"),
			ReadyReplicas: count("status.ready"), AvailableReplicas: count("status.available"), CollisionCount: pick(t, "collisions", nil, new(int32(1))),
		}
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, LastUpdateTime: Past(t, "updated", Epoch()), LastTransitionTime: Past(t, "since", Epoch()),
			Reason: pick(t, "reason", "ReplicaSetUpdated", "NewReplicaSetAvailable", "DeploymentPaused", "ProgressDeadlineExceeded"),
		}}
	}
	return d
}

func versionOf(t *rapid.T) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: pick(t, "image", images()...)}}},
	}
}

// drawMember makes a ReplicaSet in any state: its status may be behind, say more than spec.replicas, and count pods that are Ready
// and not available.
func drawMember(t *rapid.T, meta metav1.ObjectMeta) *appsv1.ReplicaSet {
	template := versionOf(t)
	template.Labels["pod-template-hash"] = meta.Name
	meta.Generation = 4
	meta.Annotations = map[string]string{}
	if !rarely(t, "no revision", 5) {
		meta.Annotations["deployment.kubernetes.io/revision"] = pick(t, "rs revision", "1", "2", "3", "x")
	}
	if rapid.Bool().Draw(t, "told") {
		meta.Annotations["deployment.kubernetes.io/desired-replicas"] = pick(t, "told D", "2", "3", "5", "1", "9", "x")
		meta.Annotations["deployment.kubernetes.io/max-replicas"] = pick(t, "told D+S", "3", "4", "6", "1", "0")
	}
	rs := &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{
		Replicas: pick(t, "rs replicas", new(int32(2)), new(int32(0)), new(int32(1)), new(int32(3)), new(int32(5)), nil),
		Selector: &metav1.LabelSelector{MatchLabels: template.Labels},
		Template: template,
	}}
	rs.Status.Replicas = rapid.Int32Range(0, 5).Draw(t, "rs pods")
	rs.Status.ReadyReplicas = rapid.Int32Range(0, rs.Status.Replicas).Draw(t, "rs ready")
	rs.Status.AvailableReplicas = pick(t, "rs available", rs.Status.ReadyReplicas, rs.Status.ReadyReplicas/2, 0)
	rs.Status.ObservedGeneration = pick[int64](t, "rs observed", 4, 4, 4, 3)
	rs.Status.TerminatingReplicas = pick(t, "rs terminating", new(int32(0)), nil, new(int32(1)))
	return rs
}

func breakDeployment(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(rollout.Policy)
	d := s.Workload.(*appsv1.Deployment).DeepCopy()
	s.Workload = d
	what := pick(t, "wrong", "deployment", "spec.replicas", "spec.minReadySeconds", "spec.selector", "spec.template.metadata.labels",
		"spec.template.spec.restartPolicy", "spec.strategy.type", "spec.strategy.rollingUpdate", "spec.strategy.rollingUpdate.maxSurge",
		"spec.strategy.rollingUpdate.maxUnavailable", "spec.revisionHistoryLimit", "spec.progressDeadlineSeconds", "policy.owner.kind")
	rolling := func(surge, unavailable intstr.IntOrString) {
		d.Spec.Strategy = appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable}}
	}
	switch what {
	case "deployment":
		s.Workload = nil
	case "spec.replicas":
		d.Spec.Replicas = new(int32(-1))
	case "spec.minReadySeconds":
		d.Spec.MinReadySeconds = -1
	case "spec.selector":
		d.Spec.Selector = nil
	case "spec.template.metadata.labels":
		d.Spec.Selector = selectors()[0]
		d.Spec.Template.Labels = nil
	case "spec.template.spec.restartPolicy":
		d.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	case "spec.strategy.type":
		d.Spec.Strategy.Type = "Blue"
	case "spec.strategy.rollingUpdate":
		rolling(intstr.FromInt32(1), intstr.FromInt32(1))
		d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	case "spec.strategy.rollingUpdate.maxSurge":
		rolling(intstr.FromString("x"), intstr.FromInt32(1))
	case "spec.strategy.rollingUpdate.maxUnavailable":
		rolling(intstr.FromInt32(0), intstr.FromString("0%"))
	case "spec.revisionHistoryLimit":
		d.Spec.RevisionHistoryLimit = new(int32(-1))
	case "spec.progressDeadlineSeconds":
		d.Spec.ProgressDeadlineSeconds = &d.Spec.MinReadySeconds
	case "policy.owner.kind":
		policy.Owner = metav1.TypeMeta{APIVersion: "example.com/v1"}
	}
	s.Policy = policy
	return s, what
}

func defaultDeployment(obj plan.Object) plan.Object {
	d := obj.(*appsv1.Deployment).DeepCopy()
	fill := func(value **int32, number int32) {
		if *value == nil {
			*value = &number
		}
	}
	fill(&d.Spec.Replicas, 1)
	fill(&d.Spec.RevisionHistoryLimit, 10)
	fill(&d.Spec.ProgressDeadlineSeconds, 600)
	if d.Spec.Strategy.Type == "" {
		d.Spec.Strategy.Type = appsv1.RollingUpdateDeploymentStrategyType
	}
	if d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		if d.Spec.Strategy.RollingUpdate == nil {
			d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{}
		}
		for _, limit := range []**intstr.IntOrString{&d.Spec.Strategy.RollingUpdate.MaxSurge, &d.Spec.Strategy.RollingUpdate.MaxUnavailable} {
			if *limit == nil {
				*limit = new(intstr.FromString("25%"))
			}
		}
	}
	return d
}

// sizesOf are what the formulas of a Deployment are about: D, D + S and D - U.
func sizesOf(d *appsv1.Deployment) (desired, most, least int) {
	d = defaultDeployment(d).(*appsv1.Deployment)
	desired = int(*d.Spec.Replicas)
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return desired, desired, 0
	}
	surge, _ := intstr.GetScaledValueFromIntOrPercent(d.Spec.Strategy.RollingUpdate.MaxSurge, desired, true)
	unavailable, _ := intstr.GetScaledValueFromIntOrPercent(d.Spec.Strategy.RollingUpdate.MaxUnavailable, desired, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return desired, desired + surge, max(0, desired-unavailable)
}

// membersOf are the ReplicaSets that the Deployment controls and selects.
func membersOf(s Snapshot) []*appsv1.ReplicaSet {
	d := s.Workload.(*appsv1.Deployment)
	selector, _ := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	var members []*appsv1.ReplicaSet
	for _, rs := range All[*appsv1.ReplicaSet](s.consistent()) {
		if s.controls(rs) && selector.Matches(labels.Set(rs.Labels)) && rs.Namespace == d.Namespace {
			members = append(members, rs)
		}
	}
	return members
}

// keptAt is how many of the available pods that a status tells of are sure to be left with other spec.replicas.
func keptAt(rs *appsv1.ReplicaSet, size int) int {
	available, ready := int(rs.Status.AvailableReplicas), int(rs.Status.ReadyReplicas)
	lost := max(0, ready-min(size, int(orOne(rs.Spec.Replicas))))
	return available - min(available, lost)
}

// deploymentStep: there are never more pods asked for than D + S, and never fewer sure to stay than D - U, unless it was
// so before, and then it does not get worse. The statuses of before count: nobody has acted yet on what is asked for.
func deploymentStep(before, after Snapshot) error {
	d := before.Workload.(*appsv1.Deployment)
	if d.Spec.Selector == nil {
		return nil
	}
	_, most, least := sizesOf(d)
	size, sizes := map[types.UID]int{}, 0
	for _, rs := range membersOf(after) {
		size[identityOf(rs)] = int(orOne(rs.Spec.Replicas))
		sizes += int(orOne(rs.Spec.Replicas))
	}
	total, kept, keeps, relied, relies := 0, 0, 0, 0, 0
	adopted := len(size)
	for _, rs := range membersOf(before) {
		was := int(orOne(rs.Spec.Replicas))
		adopted--
		total += was
		kept += keptAt(rs, was)
		keeps += keptAt(rs, size[identityOf(rs)])
		if rs.Status.ObservedGeneration >= rs.Generation && rs.DeletionTimestamp == nil {
			relied += keptAt(rs, was)
			relies += keptAt(rs, size[identityOf(rs)])
		}
	}
	if sizes > max(total, most) && !adopts(before, after) {
		return fmt.Errorf("%d replicas are asked for, %d were, and D + S is %d", sizes, total, most)
	}
	if keeps < min(kept, least) {
		return fmt.Errorf("%d available pods are sure to stay, %d were, and D - U is %d", keeps, kept, least)
	}
	if relies < relied && relies < least {
		return fmt.Errorf("%d available pods can be relied on, %d could, and D - U is %d", relies, relied, least)
	}
	return nil
}

// adopts reports whether a ReplicaSet was adopted: what it asks for comes on top.
func adopts(before, after Snapshot) bool {
	were := map[types.UID]bool{}
	for _, rs := range membersOf(before) {
		were[identityOf(rs)] = true
	}
	for _, rs := range membersOf(after) {
		for _, old := range All[*appsv1.ReplicaSet](before) {
			if old != nil && identityOf(old) == identityOf(rs) && !were[identityOf(rs)] {
				return true
			}
		}
	}
	return false
}

func identityOf(rs *appsv1.ReplicaSet) types.UID {
	if rs.UID != "" {
		return rs.UID
	}
	return types.UID(rs.Namespace + "/" + rs.Name)
}

// deploymentPlan: a plan shrinks or grows; with the strategy Recreate nothing new grows beside old pods; and only pods that are not
// Ready, or are above D - U, are taken from old ReplicaSets in a rollout.
func deploymentPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	d := s.Workload.(*appsv1.Deployment)
	up, down := 0, 0
	for _, a := range answer.Actions {
		switch a := a.(type) {
		case plan.Create:
			up += int(orOne(a.Object.(*appsv1.ReplicaSet).Spec.Replicas))
		case plan.Update:
			before, ok := a.Before.(*appsv1.ReplicaSet)
			if after, isSet := a.After.(*appsv1.ReplicaSet); ok && isSet {
				change := int(orOne(after.Spec.Replicas)) - int(orOne(before.Spec.Replicas))
				up, down = up+max(0, change), down+max(0, -change)
			}
		}
	}
	if up > 0 && down > 0 {
		return fmt.Errorf("%d replicas more and %d fewer in one plan", up, down)
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType && !d.Spec.Paused && up > 0 && len(runningBeside(s, answer)) > 0 {
		return fmt.Errorf("%d replicas more beside the pods %v", up, runningBeside(s, answer))
	}
	return nil
}

// runningBeside are the pods of ReplicaSets that do not grow in a plan.
func runningBeside(s Snapshot, answer Answer) []string {
	grows := map[string]bool{}
	for _, a := range answer.Actions {
		grows[a.Target().Name] = true
	}
	var running []string
	for _, rs := range membersOf(s) {
		for _, pod := range All[*corev1.Pod](s.consistent()) {
			ref := metav1.GetControllerOf(pod)
			finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
			if ref != nil && ref.UID == rs.UID && ref.Name == rs.Name && !finished && !grows[rs.Name] {
				running = append(running, pod.Name)
			}
		}
	}
	return running
}

// deploymentGoal: D pods, all updated and available, no others, and a status that says so; or as much of that as a pause allows.
func deploymentGoal(s Snapshot) error {
	d := s.Workload.(*appsv1.Deployment)
	desired, _, _ := sizesOf(d)
	status := d.Status
	switch {
	case d.DeletionTimestamp != nil:
		return errors.New("the Deployment is being deleted")
	case selectsNone(d.Spec.Selector):
		return errors.New("the selector is empty")
	case status.ObservedGeneration != d.Generation:
		return errors.New("the status is behind")
	case d.Spec.Paused:
		return nil
	}
	if got := []int32{status.Replicas, status.UpdatedReplicas, status.AvailableReplicas}; got[0] != int32(desired) || got[1] != got[0] || got[2] != got[0] {
		return fmt.Errorf("%d pods, %d updated, %d available, and %s wanted", got[0], got[1], got[2], strconv.Itoa(desired))
	}
	return nil
}

func selectsNone(selector *metav1.LabelSelector) bool {
	return len(selector.MatchLabels) == 0 && len(selector.MatchExpressions) == 0
}
