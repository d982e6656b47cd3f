package replicaset

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/validate"
	"github.com/kubeplan/kubeplan/plan"
)

// invalid lists what the API server would refuse, and what the policy cannot mean.
func invalid(rs *appsv1.ReplicaSet, policy Policy) field.ErrorList {
	if rs == nil {
		return field.ErrorList{field.Required(field.NewPath("replicaSet"), "")}
	}
	spec := field.NewPath("spec")
	errs := validate.Name(rs)
	errs = append(errs, validate.NonNegative(rs.Spec.Replicas, spec.Child("replicas"))...)
	errs = append(errs, validate.NonNegative(&rs.Spec.MinReadySeconds, spec.Child("minReadySeconds"))...)
	errs = append(errs, validate.Selector(rs.Spec.Selector, spec.Child("selector"))...)
	errs = append(errs, validate.Template(&rs.Spec.Template, rs.Spec.Selector, spec.Child("template"))...)
	errs = append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
	errs = append(errs, validate.Burst(policy.Burst, field.NewPath("policy", "burst"))...)
	return errs
}

// replicas is the number of pods that rs wants, 1 if it does not say.
func replicas(rs *appsv1.ReplicaSet) int32 {
	if rs.Spec.Replicas == nil {
		return 1
	}
	return *rs.Spec.Replicas
}

// selectingAll is the plan of a ReplicaSet with an empty selector, which a server would refuse: it must not take
// every pod of its namespace.
func selectingAll(rs *appsv1.ReplicaSet, owner owners.Owner) Result {
	result := Result{Status: *rs.Status.DeepCopy()}
	result.Events = []plan.Event{{
		Type:    corev1.EventTypeWarning,
		Reason:  "SelectingAll",
		Message: "This replica set is selecting all pods. A non-empty selector is required.",
	}}
	result.Add(plan.Wait{For: plan.WaitPerson, Object: owner.Ref(), Reason: "the selector is empty"})
	return result
}
