package daemonset

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/validate"
	"github.com/kubeplan/kubeplan/plan"
)

// invalid lists what the API server would refuse, and what the policy cannot mean.
func invalid(ds *appsv1.DaemonSet, policy Policy) field.ErrorList {
	if ds == nil {
		return field.ErrorList{field.Required(field.NewPath("daemonSet"), "")}
	}
	spec := field.NewPath("spec")
	errs := validate.Name(ds)
	errs = append(errs, validate.Selector(ds.Spec.Selector, spec.Child("selector"))...)
	errs = append(errs, validate.Template(&ds.Spec.Template, ds.Spec.Selector, spec.Child("template"))...)
	errs = append(errs, validate.NonNegative(&ds.Spec.MinReadySeconds, spec.Child("minReadySeconds"))...)
	errs = append(errs, invalidStrategy(&ds.Spec.UpdateStrategy, spec.Child("updateStrategy"))...)
	errs = append(errs, validate.NonNegative(ds.Spec.RevisionHistoryLimit, spec.Child("revisionHistoryLimit"))...)
	errs = append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
	errs = append(errs, validate.Burst(policy.Burst, field.NewPath("policy", "burst"))...)
	return errs
}

func invalidStrategy(strategy *appsv1.DaemonSetUpdateStrategy, path *field.Path) field.ErrorList {
	switch strategy.Type {
	case "", appsv1.RollingUpdateDaemonSetStrategyType:
	case appsv1.OnDeleteDaemonSetStrategyType:
		return nil
	default:
		return field.ErrorList{field.NotSupported(path, *strategy, []appsv1.DaemonSetUpdateStrategyType{
			appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType,
		})}
	}
	rolling := strategy.RollingUpdate
	if rolling == nil {
		return nil
	}
	unavailable, surge := path.Child("rollingUpdate", "maxUnavailable"), path.Child("rollingUpdate", "maxSurge")
	errs := validate.IntOrPercent(rolling.MaxUnavailable, unavailable)
	errs = append(errs, validate.IntOrPercent(rolling.MaxSurge, surge)...)
	errs = append(errs, validate.NotMoreThan100Percent(rolling.MaxUnavailable, unavailable)...)
	errs = append(errs, validate.NotMoreThan100Percent(rolling.MaxSurge, surge)...)
	switch mayLack, mayHave := isSet(rolling.MaxUnavailable, true), isSet(rolling.MaxSurge, false); {
	case len(errs) > 0:
	case mayLack && mayHave:
		errs = append(errs, field.Invalid(surge, rolling.MaxSurge, "may not be set when maxUnavailable is non-zero"))
	case !mayLack && !mayHave:
		errs = append(errs, field.Required(unavailable, "cannot be 0 when maxSurge is 0"))
	}
	return errs
}

// isSet reports whether the value, or the default in its place, is not 0 or 0 %.
func isSet(value *intstr.IntOrString, byDefault bool) bool {
	if value == nil {
		return byDefault
	}
	return scaled(*value, 100) != 0
}

// selectingAll is the plan of a DaemonSet with an empty selector, which a server would refuse: it must not take every pod of
// its namespace.
func selectingAll(ds *appsv1.DaemonSet, owner owners.Owner, memory Memory) Result {
	result := Result{Status: *ds.Status.DeepCopy(), Memory: memory.copied()}
	result.Events = []plan.Event{{
		Type:    corev1.EventTypeWarning,
		Reason:  "SelectingAll",
		Message: "This daemon set is selecting all pods. A non-empty selector is required.",
	}}
	result.Add(plan.Wait{For: plan.WaitPerson, Object: owner.Ref(), Reason: "the selector is empty"})
	return result
}
