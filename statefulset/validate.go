package statefulset

import (
	"fmt"
	"math"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/validate"
	"github.com/kubeplan/kubeplan/plan"
)

// invalid lists what the API server would refuse, and what the policy cannot mean.
func invalid(set *appsv1.StatefulSet, policy Policy) field.ErrorList {
	if set == nil {
		return field.ErrorList{field.Required(field.NewPath("statefulSet"), "")}
	}
	spec := field.NewPath("spec")
	errs := validate.Name(set)
	if set.UID == "" {
		errs = append(errs, invalidToCreate(set, spec)...)
	}
	if management := set.Spec.PodManagementPolicy; management != "" && management != appsv1.OrderedReadyPodManagement && management != appsv1.ParallelPodManagement {
		errs = append(errs, field.Invalid(spec.Child("podManagementPolicy"), management,
			fmt.Sprintf("must be '%s' or '%s'", appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement)))
	}
	errs = append(errs, invalidStrategy(&set.Spec.UpdateStrategy, policy, spec.Child("updateStrategy"))...)
	errs = append(errs, invalidRetention(set.Spec.PersistentVolumeClaimRetentionPolicy, spec.Child("persistentVolumeClaimRetentionPolicy"))...)
	errs = append(errs, validate.NonNegative(set.Spec.Replicas, spec.Child("replicas"))...)
	errs = append(errs, validate.NonNegative(&set.Spec.MinReadySeconds, spec.Child("minReadySeconds"))...)
	if set.Spec.Ordinals != nil {
		start, replicas := set.Spec.Ordinals.Start, orElse(set.Spec.Replicas, 1)
		errs = append(errs, validate.NonNegative(&start, spec.Child("ordinals.start"))...)
		if int64(start)+int64(replicas)-1 > math.MaxInt32 { // such pods would be created, and not known again
			errs = append(errs, field.Invalid(spec.Child("ordinals.start"), start, fmt.Sprintf("the ordinals must not exceed %d", math.MaxInt32)))
		}
	}
	errs = append(errs, validate.Selector(set.Spec.Selector, spec.Child("selector"))...)
	errs = append(errs, validate.Template(&set.Spec.Template, set.Spec.Selector, spec.Child("template"))...)
	errs = append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
	errs = append(errs, validate.Burst(policy.Batch, field.NewPath("policy", "batch"))...)
	return errs
}

// invalidToCreate lists what the API server refuses in a new set alone. What it has once accepted can never be changed, and older
// servers accepted more: whatever they hold is planned.
func invalidToCreate(set *appsv1.StatefulSet, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	if set.Name != "" {
		errs = append(errs, invalidName(set.Name, field.NewPath("metadata", "name"), validation.IsDNS1123Label)...)
	}
	if set.Spec.ServiceName != "" {
		errs = append(errs, invalidName(set.Spec.ServiceName, spec.Child("serviceName"), validation.IsDNS1123Label)...)
	}
	for i := range set.Spec.VolumeClaimTemplates {
		errs = append(errs, invalidClaim(&set.Spec.VolumeClaimTemplates[i].Spec, spec.Child("volumeClaimTemplates").Index(i).Child("spec"))...)
	}
	return errs
}

func invalidName(name string, path *field.Path, check func(string) []string) field.ErrorList {
	var errs field.ErrorList
	for _, message := range check(name) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	return errs
}

// invalidClaim lists what the API server would refuse in a claim, but for its data sources.
func invalidClaim(claim *corev1.PersistentVolumeClaimSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	modes := []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOnce, corev1.ReadWriteOncePod}
	if len(claim.AccessModes) == 0 {
		errs = append(errs, field.Required(path.Child("accessModes"), "at least 1 access mode is required"))
	}
	if claim.Selector != nil {
		errs = append(errs, validate.Selector(claim.Selector, path.Child("selector"))...)
	}
	var alone, shared bool
	for _, mode := range claim.AccessModes {
		if !slices.Contains(modes, mode) {
			errs = append(errs, field.NotSupported(path.Child("accessModes"), mode, modes))
			continue
		}
		alone, shared = alone || mode == corev1.ReadWriteOncePod, shared || mode != corev1.ReadWriteOncePod
	}
	if alone && shared {
		errs = append(errs, field.Forbidden(path.Child("accessModes"), "may not use ReadWriteOncePod with other access modes"))
	}
	size := path.Child("resources").Key(string(corev1.ResourceStorage))
	if storage, ok := claim.Resources.Requests[corev1.ResourceStorage]; !ok {
		errs = append(errs, field.Required(size, ""))
	} else if storage.Sign() <= 0 {
		errs = append(errs, field.Invalid(size, storage.String(), "must be greater than zero"))
	}
	if class := valueOf(claim.StorageClassName); class != "" {
		errs = append(errs, invalidName(class, path.Child("storageClassName"), validation.IsDNS1123Subdomain)...)
	}
	if class := valueOf(claim.VolumeAttributesClassName); class != "" {
		errs = append(errs, invalidName(class, path.Child("volumeAttributesClassName"), validation.IsDNS1123Subdomain)...)
	}
	if volume := claim.VolumeMode; volume != nil && *volume != corev1.PersistentVolumeBlock && *volume != corev1.PersistentVolumeFilesystem {
		errs = append(errs, field.NotSupported(path.Child("volumeMode"), *volume,
			[]corev1.PersistentVolumeMode{corev1.PersistentVolumeBlock, corev1.PersistentVolumeFilesystem}))
	}
	return errs
}

func invalidStrategy(strategy *appsv1.StatefulSetUpdateStrategy, policy Policy, path *field.Path) field.ErrorList {
	rolling, rollingPath := strategy.RollingUpdate, path.Child("rollingUpdate")
	switch strategy.Type {
	case "", appsv1.RollingUpdateStatefulSetStrategyType:
	case appsv1.OnDeleteStatefulSetStrategyType:
		if rolling == nil {
			return nil
		}
		return field.ErrorList{field.Invalid(rollingPath, rolling,
			fmt.Sprintf("only allowed for updateStrategy '%s'", appsv1.RollingUpdateStatefulSetStrategyType))}
	default:
		return field.ErrorList{field.Invalid(path, *strategy, fmt.Sprintf("must be '%s' or '%s'",
			appsv1.RollingUpdateStatefulSetStrategyType, appsv1.OnDeleteStatefulSetStrategyType))}
	}
	if rolling == nil {
		return nil
	}
	errs := validate.NonNegative(rolling.Partition, rollingPath.Child("partition"))
	if policy.MaxUnavailable {
		errs = append(errs, invalidMaxUnavailable(rolling.MaxUnavailable, rollingPath.Child("maxUnavailable"))...)
	}
	return errs
}

func invalidMaxUnavailable(value *intstr.IntOrString, path *field.Path) field.ErrorList {
	errs := validate.IntOrPercent(value, path)
	if value != nil && (*value == intstr.FromInt32(0) || *value == intstr.FromString("0%")) {
		errs = append(errs, field.Invalid(path, *value, "cannot be 0"))
	}
	return append(errs, validate.NotMoreThan100Percent(value, path)...)
}

func invalidRetention(retention *appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy, path *field.Path) field.ErrorList {
	if retention == nil {
		return nil
	}
	var errs field.ErrorList
	check := func(value appsv1.PersistentVolumeClaimRetentionPolicyType, path *field.Path) {
		switch value {
		case "", appsv1.RetainPersistentVolumeClaimRetentionPolicyType, appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
		default:
			errs = append(errs, field.NotSupported(path, value, []appsv1.PersistentVolumeClaimRetentionPolicyType{
				appsv1.RetainPersistentVolumeClaimRetentionPolicyType, appsv1.DeletePersistentVolumeClaimRetentionPolicyType,
			}))
		}
	}
	check(retention.WhenDeleted, path.Child("whenDeleted"))
	check(retention.WhenScaled, path.Child("whenScaled"))
	return errs
}

// selectingAll is the plan of a set with an empty selector, which a server would refuse: it must not take every pod
// of its namespace that bears one of its names.
func selectingAll(set *appsv1.StatefulSet, owner owners.Owner) Result {
	result := Result{Status: *set.Status.DeepCopy()}
	result.Events = []plan.Event{{
		Type:    corev1.EventTypeWarning,
		Reason:  "SelectingAll",
		Message: "This stateful set is selecting all pods. A non-empty selector is required.",
	}}
	result.Add(plan.Wait{For: plan.WaitPerson, Object: owner.Ref(), Reason: "the selector is empty"})
	return result
}
