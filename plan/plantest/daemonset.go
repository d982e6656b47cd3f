package plantest

import (
	"cmp"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

// DaemonSetInput is what daemonset.Plan takes.
type DaemonSetInput struct {
	DaemonSet *appsv1.DaemonSet
	Observed  daemonset.Observed
	Policy    daemonset.Policy
}

// DaemonSets is the planner of package daemonset as a subject.
func DaemonSets() Subject[DaemonSetInput] {
	return Subject[DaemonSetInput]{
		Name:      "DaemonSet",
		Snapshots: rapid.Custom(daemonSetSnapshot),
		Input: func(s Snapshot) DaemonSetInput {
			ds, _ := s.Workload.(*appsv1.DaemonSet)
			memory, _ := s.Memory.(daemonset.Memory)
			return DaemonSetInput{
				DaemonSet: ds,
				Observed: daemonset.Observed{
					Now:       s.Now,
					Nodes:     All[*corev1.Node](s),
					Pods:      All[*corev1.Pod](s),
					Revisions: All[*appsv1.ControllerRevision](s),
					Pending:   s.Pending,
					Memory:    memory,
				},
				Policy: s.Policy.(daemonset.Policy),
			}
		},
		Plan: func(in DaemonSetInput) (Answer, error) {
			result, err := daemonset.Plan(in.DaemonSet, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result, Memory: result.Memory}, err
		},
		Break:    breakDaemonSet,
		Defaults: defaultDaemonSet,
		Step:     daemonSetStep,
		Whole:    daemonSetPlan,
		Goal:     daemonSetGoal,
		Rounds:   30, // with a burst of 1: seven pods go, four come, and the history
	}
}

func breakDaemonSet(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(daemonset.Policy)
	ds := s.Workload.(*appsv1.DaemonSet).DeepCopy()
	s.Workload = ds
	rolling := func(unavailable, surge intstr.IntOrString) {
		ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &unavailable, MaxSurge: &surge}}
	}
	zero, one := intstr.FromInt32(0), intstr.FromInt32(1)
	what := pick(t, "wrong", "daemonSet", "spec.minReadySeconds", "spec.selector", "spec.selector.matchExpressions[0].operator",
		"spec.template.metadata.labels", "spec.template.spec.restartPolicy", "spec.template.spec.activeDeadlineSeconds",
		"spec.updateStrategy", "spec.updateStrategy.rollingUpdate.maxUnavailable", "spec.updateStrategy.rollingUpdate.maxSurge",
		"spec.revisionHistoryLimit", "policy.burst", "policy.owner.apiVersion", "policy.owner.kind")
	switch what {
	case "daemonSet":
		s.Workload = nil
	case "spec.minReadySeconds":
		ds.Spec.MinReadySeconds = -1
	case "spec.selector":
		ds.Spec.Selector = nil
	case "spec.selector.matchExpressions[0].operator":
		ds.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Near"}}}
	case "spec.template.metadata.labels":
		ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
		ds.Spec.Template.Labels = map[string]string{"app": "site"}
	case "spec.template.spec.restartPolicy":
		ds.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	case "spec.template.spec.activeDeadlineSeconds":
		ds.Spec.Template.Spec.ActiveDeadlineSeconds = new(int64(1))
	case "spec.updateStrategy":
		ds.Spec.UpdateStrategy.Type = "Recreate"
	case "spec.updateStrategy.rollingUpdate.maxUnavailable":
		rolling(pick(t, "maxUnavailable", zero, intstr.FromInt32(-1), intstr.FromString("101%"), intstr.FromString("many")), zero)
	case "spec.updateStrategy.rollingUpdate.maxSurge":
		rolling(pick(t, "maxUnavailable", zero, one), pick(t, "maxSurge", intstr.FromInt32(-1), intstr.FromString("101%")))
	case "spec.revisionHistoryLimit":
		ds.Spec.RevisionHistoryLimit = new(int32(-1))
	case "policy.burst":
		policy.Burst = -1
	case "policy.owner.apiVersion":
		policy.Owner = metav1.TypeMeta{Kind: "Agent"}
	case "policy.owner.kind":
		policy.Owner = metav1.TypeMeta{APIVersion: "example.com/v1"}
	}
	s.Policy = policy
	return s, what
}

func defaultDaemonSet(obj plan.Object) plan.Object {
	ds := obj.(*appsv1.DaemonSet).DeepCopy()
	strategy := &ds.Spec.UpdateStrategy
	strategy.Type = cmp.Or(strategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if strategy.RollingUpdate == nil {
			strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		if strategy.RollingUpdate.MaxUnavailable == nil {
			strategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(1))
		}
		if strategy.RollingUpdate.MaxSurge == nil {
			strategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(0))
		}
	}
	if ds.Spec.RevisionHistoryLimit == nil {
		ds.Spec.RevisionHistoryLimit = new(int32(10))
	}
	return ds
}
