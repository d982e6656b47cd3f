package job

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/validate"
)

// The limits that the API server keeps so that a Job's status stays of reasonable size.
const (
	maxParallelismIndexed  = 100_000
	maxFailedIndexes       = 100_000
	manyCompletions        = 100_000 // above it, with backoffLimitPerIndex, the two limits below hold
	maxParallelismOfMany   = 10_000
	maxFailedIndexesOfMany = 10_000
	maxFailureRules        = 20
	maxExitCodes           = 255
	maxConditionPatterns   = 20
	maxSuccessRules        = 20
	maxSucceededIndexes    = 64 * 1024 // characters
	maxManagedBy           = 63        // characters
)

// invalid lists what the API server would refuse in a completed Job, and what the policy cannot mean.
func invalid(job *batchv1.Job, policy Policy) field.ErrorList {
	path := field.NewPath("spec")
	spec := &job.Spec
	errs := invalidNames(job)
	errs = append(errs, invalidCounts(spec, path)...)
	errs = append(errs, validate.Selector(spec.Selector, path.Child("selector"))...)
	if s, err := metav1.LabelSelectorAsSelector(spec.Selector); err == nil && spec.Selector != nil && !s.Matches(labels.Set(spec.Template.Labels)) {
		errs = append(errs, field.Invalid(path.Child("template", "metadata", "labels"), spec.Template.Labels, "`selector` does not match template `labels`"))
	}
	if managedBy := spec.ManagedBy; managedBy != nil {
		errs = append(errs, validation.IsDomainPrefixedPath(path.Child("managedBy"), *managedBy)...)
		if len(*managedBy) > maxManagedBy {
			errs = append(errs, field.TooLong(path.Child("managedBy"), "", maxManagedBy))
		}
	}
	switch mode := *spec.CompletionMode; mode {
	case batchv1.IndexedCompletion:
		errs = append(errs, invalidIndexed(job, path)...)
	default:
		if mode != batchv1.NonIndexedCompletion {
			errs = append(errs, field.NotSupported(path.Child("completionMode"), mode, []batchv1.CompletionMode{batchv1.NonIndexedCompletion, batchv1.IndexedCompletion}))
		}
		errs = append(errs, invalidNonIndexed(spec, path)...)
	}
	errs = append(errs, invalidFailurePolicy(spec, path.Child("podFailurePolicy", "rules"))...)
	errs = append(errs, invalidReplacement(spec, path.Child("podReplacementPolicy"))...)
	errs = append(errs, invalidTemplate(&spec.Template, path.Child("template"))...)
	errs = append(errs, invalidRestarts(spec, path.Child("template", "spec", "restartPolicy"))...)
	errs = append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
	errs = append(errs, validate.Burst(policy.Burst, field.NewPath("policy", "burst"))...)
	return errs
}

func invalidCounts(spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	errs := validate.NonNegative(spec.Parallelism, path.Child("parallelism"))
	errs = append(errs, validate.NonNegative(spec.Completions, path.Child("completions"))...)
	if seconds := spec.ActiveDeadlineSeconds; seconds != nil {
		errs = append(errs, apivalidation.ValidateNonnegativeField(*seconds, path.Child("activeDeadlineSeconds"))...)
	}
	errs = append(errs, validate.NonNegative(spec.BackoffLimit, path.Child("backoffLimit"))...)
	errs = append(errs, validate.NonNegative(spec.TTLSecondsAfterFinished, path.Child("ttlSecondsAfterFinished"))...)
	errs = append(errs, validate.NonNegative(spec.BackoffLimitPerIndex, path.Child("backoffLimitPerIndex"))...)
	errs = append(errs, validate.NonNegative(spec.MaxFailedIndexes, path.Child("maxFailedIndexes"))...)
	if spec.MaxFailedIndexes != nil && spec.BackoffLimitPerIndex == nil {
		errs = append(errs, field.Required(path.Child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
	}
	return errs
}

func invalidNonIndexed(spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	const indexed = "requires indexed completion mode"
	if spec.BackoffLimitPerIndex != nil {
		errs = append(errs, field.Invalid(path.Child("backoffLimitPerIndex"), *spec.BackoffLimitPerIndex, indexed))
	}
	if spec.MaxFailedIndexes != nil {
		errs = append(errs, field.Invalid(path.Child("maxFailedIndexes"), *spec.MaxFailedIndexes, indexed))
	}
	if spec.SuccessPolicy != nil {
		errs = append(errs, field.Invalid(path.Child("successPolicy"), *spec.SuccessPolicy, indexed))
	}
	return errs
}

func invalidIndexed(job *batchv1.Job, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	spec := &job.Spec
	atMost := func(child string, value *int32, limit int32, when string) {
		if value != nil && *value > limit {
			errs = append(errs, field.Invalid(path.Child(child), *value, fmt.Sprintf("must be less than or equal to %d%s", limit, when)))
		}
	}
	atMost("parallelism", spec.Parallelism, maxParallelismIndexed, " when completion mode is Indexed")
	if spec.Completions == nil {
		return append(errs, field.Required(path.Child("completions"), "when completion mode is Indexed"))
	}
	completions := *spec.Completions
	if spec.MaxFailedIndexes != nil && *spec.MaxFailedIndexes > completions {
		errs = append(errs, field.Invalid(path.Child("maxFailedIndexes"), *spec.MaxFailedIndexes, "must be less than or equal to completions"))
	}
	atMost("maxFailedIndexes", spec.MaxFailedIndexes, maxFailedIndexes, "")
	if completions > manyCompletions && spec.BackoffLimitPerIndex != nil {
		if spec.MaxFailedIndexes == nil {
			errs = append(errs, field.Required(path.Child("maxFailedIndexes"), fmt.Sprintf("must be specified when completions is above %d", manyCompletions)))
		}
		when := fmt.Sprintf(" when completions are above %d and used with backoff limit per index", manyCompletions)
		atMost("parallelism", spec.Parallelism, maxParallelismOfMany, when)
		atMost("maxFailedIndexes", spec.MaxFailedIndexes, maxFailedIndexesOfMany, when)
	}
	if completions > 0 {
		if host := hostname(job, int(completions)-1); len(validation.IsDNS1123Label(host)) > 0 {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), job.Name, "will not able to create pod with invalid DNS label: "+host))
		}
	}
	if spec.SuccessPolicy != nil {
		errs = append(errs, invalidSuccessPolicy(spec, path.Child("successPolicy", "rules"))...)
	}
	return errs
}

func invalidSuccessPolicy(spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	rules := spec.SuccessPolicy.Rules
	if len(rules) == 0 {
		errs = append(errs, field.Required(path, "at least one rules must be specified when the successPolicy is specified"))
	}
	if len(rules) > maxSuccessRules {
		errs = append(errs, field.TooMany(path, len(rules), maxSuccessRules))
	}
	for i := range rules {
		errs = append(errs, invalidSuccessRule(&rules[i], *spec.Completions, path.Index(i))...)
	}
	return errs
}

func invalidSuccessRule(rule *batchv1.SuccessPolicyRule, completions int32, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if rule.SucceededCount == nil && rule.SucceededIndexes == nil {
		errs = append(errs, field.Required(path, "at least one of succeededCount or succeededIndexes must be specified"))
	}
	named := 0
	if indexes := rule.SucceededIndexes; indexes != nil {
		if len(*indexes) > maxSucceededIndexes {
			errs = append(errs, field.TooLong(path.Child("succeededIndexes"), "", maxSucceededIndexes))
		}
		var err error
		if named, err = countIndexes(*indexes, int(completions)); err != nil {
			errs = append(errs, field.Invalid(path.Child("succeededIndexes"), *indexes, fmt.Sprintf("error parsing succeededIndexes: %s", err)))
		}
	}
	if count := rule.SucceededCount; count != nil {
		path := path.Child("succeededCount")
		errs = append(errs, validate.NonNegative(count, path)...)
		if *count > completions {
			errs = append(errs, field.Invalid(path, *count, fmt.Sprintf("must be less than or equal to %d (the number of specified completions)", completions)))
		}
		if rule.SucceededIndexes != nil && int(*count) > named {
			errs = append(errs, field.Invalid(path, *count, fmt.Sprintf("must be less than or equal to %d (the number of indexes in the specified succeededIndexes field)", named)))
		}
	}
	return errs
}

// countIndexes is the strict reading of an index set that a person wrote: ascending, below completions.
func countIndexes(text string, completions int) (int, error) {
	count, last := 0, -1
	if text == "" {
		return 0, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		limits := strings.Split(part, "-")
		if len(limits) > 2 {
			return 0, fmt.Errorf("the fragment %q violates the requirement that an index interval can have at most two parts separated by '-'", part)
		}
		first := last
		for i, limit := range limits {
			index, err := strconv.Atoi(limit)
			switch {
			case err != nil:
				return 0, fmt.Errorf("cannot convert string to integer for index: %q", limit)
			case index >= completions:
				return 0, fmt.Errorf("too large index: %q", limit)
			case index <= last:
				return 0, fmt.Errorf("non-increasing order, previous: %d, current: %d", last, index)
			case i == 0:
				first = index
			}
			last = index
		}
		count += last - first + 1
	}
	return count, nil
}

func invalidFailurePolicy(spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	if spec.PodFailurePolicy == nil {
		return nil
	}
	var errs field.ErrorList
	rules := spec.PodFailurePolicy.Rules
	if len(rules) > maxFailureRules {
		errs = append(errs, field.TooMany(path, len(rules), maxFailureRules))
	}
	for i := range rules {
		errs = append(errs, invalidFailureRule(&rules[i], spec, path.Index(i))...)
	}
	return errs
}

func invalidFailureRule(rule *batchv1.PodFailurePolicyRule, spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	actions := []batchv1.PodFailurePolicyAction{
		batchv1.PodFailurePolicyActionCount, batchv1.PodFailurePolicyActionFailIndex,
		batchv1.PodFailurePolicyActionFailJob, batchv1.PodFailurePolicyActionIgnore,
	}
	switch {
	case rule.Action == "":
		errs = append(errs, field.Required(path.Child("action"), fmt.Sprintf("valid values: %q", actions)))
	case !slices.Contains(actions, rule.Action):
		errs = append(errs, field.NotSupported(path.Child("action"), rule.Action, actions))
	case rule.Action == batchv1.PodFailurePolicyActionFailIndex && spec.BackoffLimitPerIndex == nil:
		errs = append(errs, field.Invalid(path.Child("action"), rule.Action, "requires the backoffLimitPerIndex to be set"))
	}
	if rule.OnExitCodes != nil {
		errs = append(errs, invalidExitCodes(rule.OnExitCodes, &spec.Template.Spec, path.Child("onExitCodes"))...)
	}
	errs = append(errs, invalidPatterns(rule.OnPodConditions, path.Child("onPodConditions"))...)
	switch exit, conditions := rule.OnExitCodes != nil, len(rule.OnPodConditions) > 0; {
	case exit && conditions:
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, "specifying both OnExitCodes and OnPodConditions is not supported"))
	case !exit && !conditions:
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, "specifying one of OnExitCodes and OnPodConditions is required"))
	}
	return errs
}

func invalidExitCodes(codes *batchv1.PodFailurePolicyOnExitCodesRequirement, pod *corev1.PodSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	operators := []batchv1.PodFailurePolicyOnExitCodesOperator{batchv1.PodFailurePolicyOnExitCodesOpIn, batchv1.PodFailurePolicyOnExitCodesOpNotIn}
	switch {
	case codes.Operator == "":
		errs = append(errs, field.Required(path.Child("operator"), fmt.Sprintf("valid values: %q", operators)))
	case !slices.Contains(operators, codes.Operator):
		errs = append(errs, field.NotSupported(path.Child("operator"), codes.Operator, operators))
	}
	if codes.ContainerName != nil {
		named := func(c corev1.Container) bool { return c.Name == *codes.ContainerName }
		if !slices.ContainsFunc(pod.Containers, named) && !slices.ContainsFunc(pod.InitContainers, named) {
			errs = append(errs, field.Invalid(path.Child("containerName"), *codes.ContainerName, "must be one of the container or initContainer names in the pod template"))
		}
	}
	values := path.Child("values")
	switch {
	case len(codes.Values) == 0:
		errs = append(errs, field.Invalid(values, codes.Values, "at least one value is required"))
	case len(codes.Values) > maxExitCodes:
		errs = append(errs, field.TooMany(values, len(codes.Values), maxExitCodes))
	}
	for i, code := range codes.Values {
		if code == 0 && codes.Operator == batchv1.PodFailurePolicyOnExitCodesOpIn {
			errs = append(errs, field.Invalid(values.Index(i), code, "must not be 0 for the In operator"))
		}
		if slices.Contains(codes.Values[:i], code) {
			errs = append(errs, field.Duplicate(values.Index(i), code))
		}
	}
	if !slices.IsSorted(codes.Values) {
		errs = append(errs, field.Invalid(values, codes.Values, "must be ordered"))
	}
	return errs
}

func invalidPatterns(patterns []batchv1.PodFailurePolicyOnPodConditionsPattern, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(patterns) > maxConditionPatterns {
		errs = append(errs, field.TooMany(path, len(patterns), maxConditionPatterns))
	}
	statuses := []corev1.ConditionStatus{corev1.ConditionFalse, corev1.ConditionTrue, corev1.ConditionUnknown}
	for i, pattern := range patterns {
		for _, message := range validation.IsQualifiedName(string(pattern.Type)) {
			errs = append(errs, field.Invalid(path.Index(i).Child("type"), string(pattern.Type), message))
		}
		if pattern.Status != "" && !slices.Contains(statuses, pattern.Status) { // none means True
			errs = append(errs, field.NotSupported(path.Index(i).Child("status"), pattern.Status, statuses))
		}
	}
	return errs
}

func invalidReplacement(spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	supported := []batchv1.PodReplacementPolicy{batchv1.Failed, batchv1.TerminatingOrFailed}
	if spec.PodFailurePolicy != nil {
		supported = supported[:1]
	}
	if policy := spec.PodReplacementPolicy; policy != nil && !slices.Contains(supported, *policy) {
		return field.ErrorList{field.NotSupported(path, *policy, supported)}
	}
	return nil
}

// invalidRestarts: the default of a pod, Always, would never let it finish.
func invalidRestarts(spec *batchv1.JobSpec, path *field.Path) field.ErrorList {
	supported := []corev1.RestartPolicy{corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}
	switch restart := spec.Template.Spec.RestartPolicy; {
	case restart == "" || restart == corev1.RestartPolicyAlways:
		return field.ErrorList{field.Required(path, fmt.Sprintf("valid values: %q, %q", supported[0], supported[1]))}
	case !slices.Contains(supported, restart):
		return field.ErrorList{field.NotSupported(path, restart, supported)}
	case spec.PodFailurePolicy != nil && restart != corev1.RestartPolicyNever:
		return field.ErrorList{field.Invalid(path, restart, `only "Never" is supported when podFailurePolicy is specified`)}
	}
	return nil
}
