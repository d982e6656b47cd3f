package cronjob

import (
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/internal/validate"
)

// TimeZone names the time zone that a host has to load for Observed.Zone: spec.timeZone, or the one that a schedule stored
// in the days of old holds itself. It is empty for UTC. With
//
//	zone, err := time.LoadLocation(cronjob.TimeZone(cronJob))
//
// a host need not look at err: without the zone, Plan returns an error that says so. A program that may run where no
// time zones are installed imports time/tzdata.
func TimeZone(cronJob *batchv1.CronJob) string {
	if zone, _, found := cutZone(cronJob.Spec.Schedule); found {
		return zone
	}
	if cronJob.Spec.TimeZone != nil {
		return *cronJob.Spec.TimeZone
	}
	return ""
}

// maxNewName is how long the name of a new CronJob may be: its Jobs add 11 characters, and have 63.
const maxNewName = 52

// understand reads the schedule, and lists what the API server would refuse and what the policy cannot mean.
func understand(cronJob *batchv1.CronJob, zone *time.Location, policy Policy) (Schedule, field.ErrorList) {
	spec, path := &cronJob.Spec, field.NewPath("spec")
	schedule, errs := readSchedule(cronJob, path.Child("schedule"))
	if spec.StartingDeadlineSeconds != nil {
		errs = append(errs, apivalidation.ValidateNonnegativeField(*spec.StartingDeadlineSeconds, path.Child("startingDeadlineSeconds"))...)
	}
	errs = append(errs, invalidZone(cronJob, zone, path)...)
	switch spec.ConcurrencyPolicy {
	case "", batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent:
	default:
		errs = append(errs, field.NotSupported(path.Child("concurrencyPolicy"), spec.ConcurrencyPolicy,
			[]batchv1.ConcurrencyPolicy{batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent}))
	}
	errs = append(errs, invalidTemplate(&spec.JobTemplate, path.Child("jobTemplate", "spec"))...)
	errs = append(errs, validate.NonNegative(spec.SuccessfulJobsHistoryLimit, path.Child("successfulJobsHistoryLimit"))...)
	errs = append(errs, validate.NonNegative(spec.FailedJobsHistoryLimit, path.Child("failedJobsHistoryLimit"))...)
	if isNew(cronJob) && len(cronJob.Name) > maxNewName {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), cronJob.Name, fmt.Sprintf("must be no more than %d characters", maxNewName)))
	}
	errs = append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
	if saving := policy.DaylightSaving; saving != EveryMatch && saving != OncePerSlot {
		errs = append(errs, field.NotSupported(field.NewPath("policy", "daylightSaving"), saving, []DaylightSaving{EveryMatch, OncePerSlot}))
	}
	return schedule.In(zone, policy.DaylightSaving), errs
}

// isNew reports whether no API server has stored the CronJob yet: some rules are for new ones only.
func isNew(cronJob *batchv1.CronJob) bool {
	return cronJob.UID == ""
}

func readSchedule(cronJob *batchv1.CronJob, path *field.Path) (Schedule, field.ErrorList) {
	text := cronJob.Spec.Schedule
	if text == "" {
		return Schedule{}, field.ErrorList{field.Required(path, "")}
	}
	if isNew(cronJob) {
		schedule, err := ParseSchedule(text)
		if err != nil {
			return schedule, field.ErrorList{field.Invalid(path, text, err.Error())}
		}
		return schedule, nil
	}
	_, fields, zoned := cutZone(text)
	schedule, err := parse(fields)
	switch {
	case err != nil && zoned:
		return schedule, field.ErrorList{field.Invalid(path, text, "behind the time zone: "+err.Error())}
	case err != nil:
		return schedule, field.ErrorList{field.Invalid(path, text, err.Error())}
	case zoned && cronJob.Spec.TimeZone != nil:
		return schedule, field.ErrorList{field.Invalid(path, text, "cannot use both timeZone field and TZ or CRON_TZ in schedule")}
	}
	return schedule, nil
}

// invalidZone refuses a name that cannot be one of a time zone, and one that the host has not loaded.
func invalidZone(cronJob *batchv1.CronJob, zone *time.Location, path *field.Path) field.ErrorList {
	name, path := TimeZone(cronJob), path.Child("timeZone")
	if cronJob.Spec.TimeZone != nil && *cronJob.Spec.TimeZone == "" {
		return field.ErrorList{field.Invalid(path, "", "timeZone must be nil or non-empty string")}
	}
	switch {
	case name == "" || name == "UTC":
		return nil
	case strings.EqualFold(name, "Local"):
		return field.ErrorList{field.Invalid(path, name, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")}
	case !isZoneName(name):
		return field.ErrorList{field.Invalid(path, name, "unknown time zone "+name)}
	case zone == nil || zone.String() != name:
		return field.ErrorList{field.Invalid(path, name, "unknown time zone "+name+": the host has not loaded it; a program that imports time/tzdata knows all zones")}
	}
	return nil
}

// isZoneName reports whether a name is made as those of time zones are: parts of up to 14 letters, digits, '.', '-', '_'
// and '+', between slashes.
func isZoneName(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		foreign := strings.IndexFunc(part, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_+", r))
		})
		if part == "" || part == "." || part == ".." || part[0] == '-' || len(part) > 14 || foreign >= 0 {
			return false
		}
	}
	return true
}

// invalidTemplate refuses what no Job of a CronJob may have. The rest of the Job is judged when it is created.
func invalidTemplate(template *batchv1.JobTemplateSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	pod := path.Child("template", "spec", "restartPolicy")
	switch policy := template.Spec.Template.Spec.RestartPolicy; policy {
	case corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever:
	case "", corev1.RestartPolicyAlways:
		errs = append(errs, field.Required(pod, fmt.Sprintf("valid values: %q, %q", corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)))
	default:
		errs = append(errs, field.NotSupported(pod, policy, []corev1.RestartPolicy{corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}))
	}
	if template.Spec.Selector != nil {
		errs = append(errs, field.Invalid(path.Child("selector"), template.Spec.Selector, "`selector` will be auto-generated"))
	}
	if manual := template.Spec.ManualSelector; manual != nil && *manual {
		errs = append(errs, field.NotSupported(path.Child("manualSelector"), *manual, []string{"nil", "false"}))
	}
	return errs
}
