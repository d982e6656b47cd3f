package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/validate"
)

// invalid lists what the API server would refuse, and what the policy cannot mean.
func invalid(d *appsv1.Deployment, policy Policy) field.ErrorList {
	if d == nil {
		return field.ErrorList{field.Required(field.NewPath("deployment"), "")}
	}
	spec := field.NewPath("spec")
	errs := validate.Name(d)
	errs = append(errs, validate.NonNegative(d.Spec.Replicas, spec.Child("replicas"))...)
	errs = append(errs, validate.Selector(d.Spec.Selector, spec.Child("selector"))...)
	errs = append(errs, validate.Template(&d.Spec.Template, d.Spec.Selector, spec.Child("template"))...)
	errs = append(errs, invalidStrategy(d.Spec.Strategy, spec.Child("strategy"))...)
	errs = append(errs, validate.NonNegative(&d.Spec.MinReadySeconds, spec.Child("minReadySeconds"))...)
	errs = append(errs, validate.NonNegative(d.Spec.RevisionHistoryLimit, spec.Child("revisionHistoryLimit"))...)
	if deadline := d.Spec.ProgressDeadlineSeconds; deadline != nil {
		path := spec.Child("progressDeadlineSeconds")
		errs = append(errs, validate.NonNegative(deadline, path)...)
		if *deadline <= d.Spec.MinReadySeconds {
			errs = append(errs, field.Invalid(path, *deadline, "must be greater than minReadySeconds"))
		}
	}
	return append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
}

func invalidStrategy(strategy appsv1.DeploymentStrategy, path *field.Path) field.ErrorList {
	rolling := strategy.RollingUpdate
	switch strategy.Type {
	case appsv1.RecreateDeploymentStrategyType:
		if rolling != nil {
			return field.ErrorList{field.Forbidden(path.Child("rollingUpdate"), "may not be specified when strategy `type` is 'Recreate'")}
		}
		return nil
	case appsv1.RollingUpdateDeploymentStrategyType, "":
		if rolling == nil {
			return nil
		}
	default:
		supported := []appsv1.DeploymentStrategyType{appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType}
		return field.ErrorList{field.NotSupported(path.Child("type"), strategy.Type, supported)}
	}
	path = path.Child("rollingUpdate")
	errs := validate.IntOrPercent(rolling.MaxUnavailable, path.Child("maxUnavailable"))
	errs = append(errs, validate.IntOrPercent(rolling.MaxSurge, path.Child("maxSurge"))...)
	if isZero(rolling.MaxUnavailable) && isZero(rolling.MaxSurge) {
		errs = append(errs, field.Invalid(path.Child("maxUnavailable"), rolling.MaxUnavailable.String(), "may not be 0 when `maxSurge` is 0"))
	}
	return append(errs, validate.NotMoreThan100Percent(rolling.MaxUnavailable, path.Child("maxUnavailable"))...)
}

// isZero reports whether a number or percentage is given and 0.
func isZero(value *intstr.IntOrString) bool {
	if value == nil {
		return false
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(value, 100, true)
	return err == nil && n == 0
}
