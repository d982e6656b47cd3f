package plantest

import (
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// JobInput is what job.Plan takes.
type JobInput struct {
	Job      *batchv1.Job
	Observed job.Observed
	Policy   job.Policy
}

// Jobs is the planner of package job as a subject.
func Jobs() Subject[JobInput] {
	return Subject[JobInput]{
		Name:      "Job",
		Snapshots: rapid.Custom(jobSnapshot),
		Input: func(s Snapshot) JobInput {
			j, _ := s.Workload.(*batchv1.Job)
			memory, _ := s.Memory.(job.Memory)
			return JobInput{
				Job:      j,
				Observed: job.Observed{Now: s.Now, Pods: All[*corev1.Pod](s), Pending: s.Pending, Memory: memory},
				Policy:   s.Policy.(job.Policy),
			}
		},
		Plan: func(in JobInput) (Answer, error) {
			result, err := job.Plan(in.Job, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result, Memory: result.Memory}, err
		},
		Break:    breakJob,
		Defaults: defaultJob,
		Step:     jobStep,
		Whole:    jobPlan,
		Goal:     jobGoal,
		Rounds:   25, // with a burst of 1: the most pods, each stage of counting, the announcement and the end
	}
}

func breakJob(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(job.Policy)
	j := s.Workload.(*batchv1.Job).DeepCopy()
	s.Workload = j
	spec := &j.Spec
	breaks := map[string]func(){
		"job":                        func() { s.Workload = nil },
		"spec.parallelism":           func() { spec.Parallelism = new(int32(-1)) },
		"spec.completions":           func() { spec.Completions = new(int32(-1)) },
		"spec.backoffLimit":          func() { spec.BackoffLimit = new(int32(-1)) },
		"spec.activeDeadlineSeconds": func() { spec.ActiveDeadlineSeconds = new(int64(-1)) },
		"spec.ttlSecondsAfterFinished": func() {
			spec.TTLSecondsAfterFinished = new(int32(-1))
		},
		"spec.completionMode":              func() { spec.CompletionMode = new(batchv1.CompletionMode("Sorted")) },
		"spec.managedBy":                   func() { spec.ManagedBy = new("somebody") },
		"spec.podReplacementPolicy":        func() { spec.PodReplacementPolicy = new(batchv1.PodReplacementPolicy("Never")) },
		"spec.template.spec.restartPolicy": func() { spec.Template.Spec.RestartPolicy = "" },
		"spec.selector": func() {
			spec.ManualSelector, spec.Selector = new(true), nil
		},
		"spec.template.metadata.labels": func() {
			spec.ManualSelector, spec.Selector = new(true), &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}}
		},
		"spec.backoffLimitPerIndex": func() {
			spec.CompletionMode, spec.BackoffLimitPerIndex = nil, new(int32(1))
		},
		"spec.maxFailedIndexes": func() {
			spec.CompletionMode, spec.MaxFailedIndexes = nil, new(int32(1))
		},
		"spec.successPolicy": func() {
			spec.CompletionMode, spec.SuccessPolicy = nil, &batchv1.SuccessPolicy{}
		},
		"spec.podFailurePolicy.rules[0].action": func() {
			spec.PodFailurePolicy = &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{Action: "Retry"}}}
		},
		"policy.burst":            func() { policy.Burst = -1 },
		"policy.owner.apiVersion": func() { policy.Owner = metav1.TypeMeta{Kind: "Errand"} },
		"policy.owner.kind":       func() { policy.Owner = metav1.TypeMeta{APIVersion: "example.com/v1"} },
	}
	wrong := pick(t, "wrong", slices.Sorted(maps.Keys(breaks))...)
	breaks[wrong]()
	s.Policy = policy
	return s, wrong
}

// defaultJob fills in what the API server would, labels and selector included.
func defaultJob(obj plan.Object) plan.Object {
	j := obj.(*batchv1.Job).DeepCopy()
	spec := &j.Spec
	if spec.Completions == nil && spec.Parallelism == nil {
		spec.Completions = new(int32(1))
	}
	if spec.Parallelism == nil {
		spec.Parallelism = new(int32(1))
	}
	if spec.BackoffLimit == nil {
		spec.BackoffLimit = new(int32(6))
		if spec.BackoffLimitPerIndex != nil {
			spec.BackoffLimit = new(int32(1<<31 - 1))
		}
	}
	if spec.CompletionMode == nil {
		spec.CompletionMode = new(batchv1.NonIndexedCompletion)
	}
	if spec.Suspend == nil {
		spec.Suspend = new(false)
	}
	if spec.PodReplacementPolicy == nil {
		spec.PodReplacementPolicy = new(batchv1.TerminatingOrFailed)
		if spec.PodFailurePolicy != nil {
			spec.PodReplacementPolicy = new(batchv1.Failed)
		}
	}
	if !*spec.ManualSelector {
		spec.Template.Labels = jobLabels(j)
		spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: string(j.UID)}}
	}
	return j
}
