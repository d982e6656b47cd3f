package plantest

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// StatefulSetInput is what statefulset.Plan takes.
type StatefulSetInput struct {
	StatefulSet *appsv1.StatefulSet
	Observed    statefulset.Observed
	Policy      statefulset.Policy
}

// StatefulSets is the planner of package statefulset as a subject.
func StatefulSets() Subject[StatefulSetInput] {
	return Subject[StatefulSetInput]{
		Name:      "StatefulSet",
		Snapshots: rapid.Custom(statefulSetSnapshot),
		Input: func(s Snapshot) StatefulSetInput {
			set, _ := s.Workload.(*appsv1.StatefulSet)
			return StatefulSetInput{
				StatefulSet: set,
				Observed: statefulset.Observed{
					Now:       s.Now,
					Pods:      All[*corev1.Pod](s),
					Claims:    All[*corev1.PersistentVolumeClaim](s),
					Volumes:   All[*corev1.PersistentVolume](s),
					Revisions: All[*appsv1.ControllerRevision](s),
					Pending:   s.Pending,
				},
				Policy: s.Policy.(statefulset.Policy),
			}
		},
		Plan: func(in StatefulSetInput) (Answer, error) {
			result, err := statefulset.Plan(in.StatefulSet, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result}, err
		},
		Break:    breakStatefulSet,
		Defaults: defaultStatefulSet,
		Step:     statefulSetStep,
		Whole:    statefulSetPlan,
		Goal:     statefulSetGoal,
		Rounds:   40, // pod by pod: six go, four come, and the history
	}
}

func breakStatefulSet(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(statefulset.Policy)
	set := s.Workload.(*appsv1.StatefulSet).DeepCopy()
	s.Workload = set
	what := pick(t, "wrong", "statefulSet", "metadata.name", "spec.replicas", "spec.minReadySeconds", "spec.ordinals.start", "spec.podManagementPolicy",
		"spec.updateStrategy", "spec.updateStrategy.rollingUpdate", "spec.updateStrategy.rollingUpdate.partition",
		"spec.updateStrategy.rollingUpdate.maxUnavailable", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
		"spec.persistentVolumeClaimRetentionPolicy.whenScaled", "spec.selector", "spec.template.metadata.labels",
		"spec.template.spec.restartPolicy", "policy.batch", "policy.owner.apiVersion")
	rolling := func() *appsv1.RollingUpdateStatefulSetStrategy {
		set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{}}
		return set.Spec.UpdateStrategy.RollingUpdate
	}
	switch what {
	case "statefulSet":
		s.Workload = nil
	case "metadata.name":
		set.Name = ""
	case "spec.replicas":
		set.Spec.Replicas = new(int32(-1))
	case "spec.minReadySeconds":
		set.Spec.MinReadySeconds = -1
	case "spec.ordinals.start":
		set.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: -1}
	case "spec.podManagementPolicy":
		set.Spec.PodManagementPolicy = "Random"
	case "spec.updateStrategy":
		set.Spec.UpdateStrategy.Type = "Recreate"
	case "spec.updateStrategy.rollingUpdate":
		rolling()
		set.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	case "spec.updateStrategy.rollingUpdate.partition":
		rolling().Partition = new(int32(-1))
	case "spec.updateStrategy.rollingUpdate.maxUnavailable":
		rolling().MaxUnavailable = new(intstr.FromInt32(0))
		policy.MaxUnavailable = true
	case "spec.persistentVolumeClaimRetentionPolicy.whenDeleted":
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: "Keep"}
	case "spec.persistentVolumeClaimRetentionPolicy.whenScaled":
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenScaled: "Keep"}
	case "spec.selector":
		set.Spec.Selector = nil
	case "spec.template.metadata.labels":
		set.Spec.Selector, set.Spec.Template.Labels = selectors()[0], map[string]string{"app": "site"}
	case "spec.template.spec.restartPolicy":
		set.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	case "policy.batch":
		policy.Batch = -1
	case "policy.owner.apiVersion":
		policy.Owner = metav1.TypeMeta{Kind: "Database"}
	}
	s.Policy = policy
	return s, what
}

func defaultStatefulSet(obj plan.Object) plan.Object {
	set := obj.(*appsv1.StatefulSet).DeepCopy()
	if set.Spec.Replicas == nil {
		set.Spec.Replicas = new(int32(1))
	}
	if set.Spec.PodManagementPolicy == "" {
		set.Spec.PodManagementPolicy = appsv1.OrderedReadyPodManagement
	}
	strategy := &set.Spec.UpdateStrategy
	if strategy.Type == "" {
		strategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
		if strategy.RollingUpdate == nil {
			strategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
		}
	}
	if strategy.RollingUpdate != nil && strategy.RollingUpdate.Partition == nil {
		strategy.RollingUpdate.Partition = new(int32(0))
	}
	if set.Spec.PersistentVolumeClaimRetentionPolicy == nil {
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{}
	}
	for _, policy := range []*appsv1.PersistentVolumeClaimRetentionPolicyType{
		&set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted, &set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled,
	} {
		if *policy == "" {
			*policy = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
		}
	}
	if set.Spec.RevisionHistoryLimit == nil {
		set.Spec.RevisionHistoryLimit = new(int32(10))
	}
	return set
}
