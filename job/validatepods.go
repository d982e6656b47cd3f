package job

import (
	"fmt"
	"math"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/validate"
)

// invalidNames refuses a name that is none, and what contradicts a selector and labels that an API server generates.
func invalidNames(job *batchv1.Job) field.ErrorList {
	errs := validate.Name(job)
	if job.Name != "" {
		for _, message := range apivalidation.NameIsDNSSubdomain(job.Name, false) {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), job.Name, message))
		}
	}
	if isTrue(job.Spec.ManualSelector) {
		return errs
	}
	generated, given := labels.Set{}, job.Spec.Template.Labels
	for _, l := range []struct{ key, value string }{
		{"controller-uid", string(job.UID)},
		{"job-name", job.Name},
		{batchv1.ControllerUidLabel, string(job.UID)},
		{batchv1.JobNameLabel, job.Name},
	} {
		generated[l.key] = l.value
		// Jobs from before labels had prefixes bear two of the four.
		if value, found := given[l.key]; found && value != l.value {
			errs = append(errs, field.Invalid(field.NewPath("spec", "template", "metadata", "labels").Key(l.key), given, fmt.Sprintf("must be '%s'", l.value)))
		}
	}
	if selector, err := metav1.LabelSelectorAsSelector(job.Spec.Selector); err == nil && !selector.Matches(generated) {
		errs = append(errs, field.Invalid(field.NewPath("spec", "selector"), job.Spec.Selector, "`selector` not auto-generated"))
	}
	return errs
}

// invalidTemplate refuses labels and annotations that no pod could bear, and what every pod must have.
func invalidTemplate(template *corev1.PodTemplateSpec, path *field.Path) field.ErrorList {
	errs := metavalidation.ValidateLabels(template.Labels, path.Child("labels"))
	errs = append(errs, apivalidation.ValidateAnnotations(template.Annotations, path.Child("annotations"))...)
	if len(template.Spec.Containers) == 0 {
		errs = append(errs, field.Required(path.Child("spec", "containers"), ""))
	}
	if seconds := template.Spec.ActiveDeadlineSeconds; seconds != nil && (*seconds < 1 || *seconds > math.MaxInt32) {
		errs = append(errs, field.Invalid(path.Child("spec", "activeDeadlineSeconds"), *seconds, validation.InclusiveRangeError(1, math.MaxInt32)))
	}
	return errs
}
