package validate

import (
	"strconv"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// IntOrPercent refuses what is neither a number from 0 nor a percentage; nil stands for a default and is accepted.
func IntOrPercent(value *intstr.IntOrString, path *field.Path) field.ErrorList {
	switch {
	case value == nil:
		return nil
	case value.Type == intstr.Int:
		return apivalidation.ValidateNonnegativeField(int64(value.IntVal), path)
	case value.Type != intstr.String:
		return field.ErrorList{field.Invalid(path, value.String(), "must be an integer or percentage (e.g '5%')")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsValidPercent(value.StrVal) {
		errs = append(errs, field.Invalid(path, value.StrVal, message))
	}
	return errs
}

// NotMoreThan100Percent refuses a larger percentage.
func NotMoreThan100Percent(value *intstr.IntOrString, path *field.Path) field.ErrorList {
	if value == nil || value.Type != intstr.String || len(validation.IsValidPercent(value.StrVal)) > 0 {
		return nil
	}
	if percent, err := strconv.Atoi(strings.TrimSuffix(value.StrVal, "%")); err == nil && percent <= 100 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value.StrVal, "must not be greater than 100%")}
}
