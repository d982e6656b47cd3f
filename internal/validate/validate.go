// Package validate finds what the API server would refuse in a workload, in its words.
package validate

import (
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Name requires a name: what is created is named after the workload, and what it is asked for by name is found by it.
func Name(workload metav1.Object) field.ErrorList {
	if workload.GetName() == "" {
		return field.ErrorList{field.Required(field.NewPath("metadata", "name"), "name or generateName is required")}
	}
	return nil
}

// NonNegative refuses a number below zero; nil stands for a default and is accepted.
func NonNegative(value *int32, path *field.Path) field.ErrorList {
	if value == nil {
		return nil
	}
	return apivalidation.ValidateNonnegativeField(int64(*value), path)
}

// Selector refuses a selector that is missing or malformed. One that is empty is valid here: it selects nothing, and the
// planners say so in an event.
func Selector(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	if selector == nil {
		return field.ErrorList{field.Required(path, "")}
	}
	return metavalidation.ValidateLabelSelector(selector, metavalidation.LabelSelectorValidationOptions{}, path)
}

// Template refuses a pod template whose labels the selector does not match, or whose pods would not run for good.
func Template(template *corev1.PodTemplateSpec, selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s, err := metav1.LabelSelectorAsSelector(selector); err == nil && selector != nil && !s.Empty() && !s.Matches(labels.Set(template.Labels)) {
		errs = append(errs, field.Invalid(path.Child("metadata", "labels"), template.Labels, "`selector` does not match template `labels`"))
	}
	if policy := template.Spec.RestartPolicy; policy != "" && policy != corev1.RestartPolicyAlways {
		errs = append(errs, field.NotSupported(path.Child("spec", "restartPolicy"), policy, []corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	if template.Spec.ActiveDeadlineSeconds != nil {
		errs = append(errs, field.Forbidden(path.Child("spec", "activeDeadlineSeconds"), "the pods of this workload run until they are deleted"))
	}
	return errs
}

// Owner refuses an owner kind of which only one half is given.
func Owner(owner metav1.TypeMeta, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if owner.Kind == "" && owner.APIVersion != "" {
		errs = append(errs, field.Required(path.Child("kind"), ""))
	}
	if owner.APIVersion == "" && owner.Kind != "" {
		errs = append(errs, field.Required(path.Child("apiVersion"), ""))
	}
	return errs
}

// Burst refuses a negative number of steps.
func Burst(burst int, path *field.Path) field.ErrorList {
	return apivalidation.ValidateNonnegativeField(int64(burst), path)
}
