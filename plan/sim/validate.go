package sim

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/plan"
)

// invalid lists what the server refuses in a new object: in its metadata, and in a workload what would let it run
// away. What a planner must refuse is tested on planners, which see objects that no server has checked.
func invalid(obj plan.Object) field.ErrorList {
	requiresNamespace := hasNamespaces(kindName(obj))
	errs := apivalidation.ValidateObjectMetaAccessor(obj, requiresNamespace, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	if w, ok := workloadOf(obj); ok {
		errs = append(errs, invalidWorkload(w)...)
	}
	if pod, ok := obj.(*corev1.Pod); ok && len(pod.Spec.Containers) == 0 {
		errs = append(errs, field.Required(field.NewPath("spec", "containers"), ""))
	}
	return errs
}

// workload is what the apps kinds have in common.
type workload struct {
	replicas *int32
	selector *metav1.LabelSelector
	template *corev1.PodTemplateSpec
}

func workloadOf(obj plan.Object) (workload, bool) {
	switch obj := obj.(type) {
	case *appsv1.ReplicaSet:
		return workload{obj.Spec.Replicas, obj.Spec.Selector, &obj.Spec.Template}, true
	case *appsv1.Deployment:
		return workload{obj.Spec.Replicas, obj.Spec.Selector, &obj.Spec.Template}, true
	case *appsv1.StatefulSet:
		return workload{obj.Spec.Replicas, obj.Spec.Selector, &obj.Spec.Template}, true
	case *appsv1.DaemonSet:
		return workload{nil, obj.Spec.Selector, &obj.Spec.Template}, true
	}
	return workload{}, false
}

func invalidWorkload(w workload) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	if w.replicas != nil {
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(*w.replicas), spec.Child("replicas"))...)
	}
	if w.selector == nil {
		return append(errs, field.Required(spec.Child("selector"), ""))
	}
	errs = append(errs, validation.ValidateLabelSelector(w.selector, validation.LabelSelectorValidationOptions{}, spec.Child("selector"))...)
	if selector, err := metav1.LabelSelectorAsSelector(w.selector); err == nil {
		switch {
		case selector.Empty():
			errs = append(errs, field.Invalid(spec.Child("selector"), w.selector, "empty selector is invalid for this workload"))
		case !selector.Matches(labels.Set(w.template.Labels)):
			errs = append(errs, field.Invalid(spec.Child("template", "metadata", "labels"), w.template.Labels, "`selector` does not match template `labels`"))
		}
	}
	return errs
}

// invalidChange lists what the server refuses in an update: the planners must not ask for it.
func invalidChange(next, current plan.Object) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaAccessorUpdate(next, current, field.NewPath("metadata"))
	if w, ok := workloadOf(next); ok {
		before, _ := workloadOf(current)
		errs = append(errs, invalidWorkload(w)...)
		errs = append(errs, fixed(w.selector, before.selector, "selector")...)
	}
	switch next := next.(type) {
	case *corev1.Pod:
		errs = append(errs, invalidPodChange(next, current.(*corev1.Pod))...)
	case *corev1.PersistentVolumeClaim:
		errs = append(errs, invalidClaimChange(next, current.(*corev1.PersistentVolumeClaim))...)
	case *appsv1.StatefulSet:
		errs = append(errs, invalidSetChange(next, current.(*appsv1.StatefulSet))...)
	case *appsv1.ControllerRevision:
		errs = append(errs, fixed(next.Data.Raw, current.(*appsv1.ControllerRevision).Data.Raw, "data")...)
	case *batchv1.Job:
		errs = append(errs, invalidJobChange(next, current.(*batchv1.Job))...)
	}
	return errs
}

// fixed refuses the change of a field that never changes.
func fixed(next, current any, name string) field.ErrorList {
	if equality.Semantic.DeepEqual(next, current) {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("spec", name), next, apivalidation.FieldImmutableErrorMsg)}
}

// invalidPodChange: of a pod's spec only images, deadline, tolerations and gates change, and its grace period to 1.
func invalidPodChange(next, current *corev1.Pod) field.ErrorList {
	allowed := clone(next)
	allowed.Spec.ActiveDeadlineSeconds = current.Spec.ActiveDeadlineSeconds
	allowed.Spec.Tolerations = current.Spec.Tolerations
	allowed.Spec.SchedulingGates = current.Spec.SchedulingGates
	allowed.Spec.TerminationGracePeriodSeconds = current.Spec.TerminationGracePeriodSeconds
	keepImages(allowed.Spec.Containers, current.Spec.Containers)
	keepImages(allowed.Spec.InitContainers, current.Spec.InitContainers)
	if equality.Semantic.DeepEqual(allowed.Spec, current.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec"), "pod updates may not change fields other than `spec.containers[*].image`,"+
		"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"+
		"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)")}
}

func keepImages(containers, current []corev1.Container) {
	for i := range min(len(containers), len(current)) {
		containers[i].Image = current[i].Image
	}
}

// invalidClaimChange: a claim's volume is named once, and it only grows.
func invalidClaimChange(next, current *corev1.PersistentVolumeClaim) field.ErrorList {
	allowed := clone(next)
	allowed.Spec.Resources = current.Spec.Resources
	if current.Spec.VolumeName == "" {
		allowed.Spec.VolumeName = ""
	}
	if equality.Semantic.DeepEqual(allowed.Spec, current.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec"),
		"spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims")}
}

func invalidSetChange(next, current *appsv1.StatefulSet) field.ErrorList {
	allowed := clone(next)
	from := &current.Spec
	allowed.Spec.Replicas, allowed.Spec.Ordinals, allowed.Spec.Template = from.Replicas, from.Ordinals, from.Template
	allowed.Spec.UpdateStrategy, allowed.Spec.RevisionHistoryLimit = from.UpdateStrategy, from.RevisionHistoryLimit
	allowed.Spec.PersistentVolumeClaimRetentionPolicy, allowed.Spec.MinReadySeconds = from.PersistentVolumeClaimRetentionPolicy, from.MinReadySeconds
	if equality.Semantic.DeepEqual(allowed.Spec, current.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec"), "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "+
		"'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")}
}

// invalidJobChange: the pods of a Job stay alike; its template may change only while it is suspended and has not started.
func invalidJobChange(next, current *batchv1.Job) field.ErrorList {
	errs := fixed(next.Spec.Selector, current.Spec.Selector, "selector")
	errs = append(errs, fixed(next.Spec.CompletionMode, current.Spec.CompletionMode, "completionMode")...)
	errs = append(errs, fixed(next.Spec.PodFailurePolicy, current.Spec.PodFailurePolicy, "podFailurePolicy")...)
	errs = append(errs, fixed(next.Spec.BackoffLimitPerIndex, current.Spec.BackoffLimitPerIndex, "backoffLimitPerIndex")...)
	errs = append(errs, fixed(next.Spec.ManagedBy, current.Spec.ManagedBy, "managedBy")...)
	errs = append(errs, fixed(next.Spec.SuccessPolicy, current.Spec.SuccessPolicy, "successPolicy")...)
	suspended := current.Spec.Suspend != nil && *current.Spec.Suspend && current.Status.StartTime == nil
	if !suspended {
		errs = append(errs, fixed(next.Spec.Template, current.Spec.Template, "template")...)
	}
	elastic := next.Spec.CompletionMode != nil && *next.Spec.CompletionMode == batchv1.IndexedCompletion &&
		equality.Semantic.DeepEqual(next.Spec.Completions, next.Spec.Parallelism)
	if !elastic {
		errs = append(errs, fixed(next.Spec.Completions, current.Spec.Completions, "completions")...)
	}
	return errs
}
