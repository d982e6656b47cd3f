package cronjob

import (
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// understand reads the schedule, and lists what the API server would refuse and what the policy cannot mean. The paths of
// fields are made only where something is wrong: they would be half of what a plan allocates.
func understand(cronJob *batchv1.CronJob, zone *time.Location, policy Policy) (Schedule, field.ErrorList) {
	spec := &cronJob.Spec
	schedule, errs := readSchedule(cronJob)
	if window := spec.StartingDeadlineSeconds; window != nil && *window < 0 {
		errs = append(errs, apivalidation.ValidateNonnegativeField(*window, inSpec("startingDeadlineSeconds"))...)
	}
	errs = append(errs, validate.Name(cronJob)...)
	errs = append(errs, invalidZone(cronJob, zone)...)
	switch spec.ConcurrencyPolicy {
	case "", batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent:
	default:
		errs = append(errs, field.NotSupported(inSpec("concurrencyPolicy"), spec.ConcurrencyPolicy,
			[]batchv1.ConcurrencyPolicy{batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent}))
	}
	errs = append(errs, invalidTemplate(&spec.JobTemplate)...)
	errs = append(errs, invalidLimit(spec.SuccessfulJobsHistoryLimit, "successfulJobsHistoryLimit")...)
	errs = append(errs, invalidLimit(spec.FailedJobsHistoryLimit, "failedJobsHistoryLimit")...)
	if isNew(cronJob) && len(cronJob.Name) > maxNewName {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), cronJob.Name, fmt.Sprintf("must be no more than %d characters", maxNewName)))
	}
	if policy.Owner != (metav1.TypeMeta{}) {
		errs = append(errs, validate.Owner(policy.Owner, field.NewPath("policy", "owner"))...)
	}
	if saving := policy.DaylightSaving; saving != EveryMatch && saving != OncePerSlot {
		errs = append(errs, field.NotSupported(field.NewPath("policy", "daylightSaving"), saving, []DaylightSaving{EveryMatch, OncePerSlot}))
	}
	return schedule.In(zone, policy.DaylightSaving), errs
}

func inSpec(names ...string) *field.Path { return field.NewPath("spec", names...) }

func invalidLimit(limit *int32, name string) field.ErrorList {
	if limit == nil || *limit >= 0 {
		return nil
	}
	return validate.NonNegative(limit, inSpec(name))
}

// isNew reports whether no API server has stored the CronJob yet: some rules are for new ones only.
func isNew(cronJob *batchv1.CronJob) bool {
	return cronJob.UID == ""
}

func readSchedule(cronJob *batchv1.CronJob) (schedule Schedule, errs field.ErrorList) {
	text := cronJob.Spec.Schedule
	if text == "" {
		return schedule, field.ErrorList{field.Required(inSpec("schedule"), "")}
	}
	_, fields, zoned := cutZone(text)
	var err error
	if isNew(cronJob) {
		schedule, err = ParseSchedule(text)
	} else {
		schedule, err = parse(fields)
	}
	why := ""
	switch {
	case err != nil && zoned && !isNew(cronJob):
		why = "behind the time zone: " + err.Error()
	case err != nil:
		why = err.Error()
	case zoned && cronJob.Spec.TimeZone != nil:
		why = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
	default:
		return schedule, nil
	}
	return schedule, field.ErrorList{field.Invalid(inSpec("schedule"), text, why)}
}

// invalidZone refuses a name that cannot be one of a time zone, and one that the host has not loaded.
func invalidZone(cronJob *batchv1.CronJob, zone *time.Location) field.ErrorList {
	name, why := TimeZone(cronJob), ""
	switch named := cronJob.Spec.TimeZone; {
	case named != nil && *named == "":
		name, why = "", "timeZone must be nil or non-empty string"
	case name == "":
	case strings.EqualFold(name, "Local"):
		why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
	case !isZoneName(name):
		why = "unknown time zone " + name
	case name == "UTC" && zone == nil, zone != nil && zone.String() == name:
		// It is known, or loaded.
	case name == "UTC":
		why = "the host has loaded " + zone.String()
	default:
		why = "unknown time zone " + name + ": the host has not loaded it; a program that imports time/tzdata knows all zones"
	}
	if why == "" {
		return nil
	}
	return field.ErrorList{field.Invalid(inSpec("timeZone"), name, why)}
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
func invalidTemplate(template *batchv1.JobTemplateSpec) (errs field.ErrorList) {
	in := func(names ...string) *field.Path { return inSpec("jobTemplate", "spec").Child(names[0], names[1:]...) }
	switch policy := template.Spec.Template.Spec.RestartPolicy; policy {
	case corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever:
	case "", corev1.RestartPolicyAlways:
		errs = append(errs, field.Required(in("template", "spec", "restartPolicy"), fmt.Sprintf("valid values: %q, %q", corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)))
	default:
		errs = append(errs, field.NotSupported(in("template", "spec", "restartPolicy"), policy, []corev1.RestartPolicy{corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}))
	}
	if template.Spec.Selector != nil {
		errs = append(errs, field.Invalid(in("selector"), template.Spec.Selector, "`selector` will be auto-generated"))
	}
	if manual := template.Spec.ManualSelector; manual != nil && *manual {
		errs = append(errs, field.NotSupported(in("manualSelector"), *manual, []string{"nil", "false"}))
	}
	return errs
}
