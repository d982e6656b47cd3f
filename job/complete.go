package job

import (
	"maps"
	"math"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// complete fills in what an API server would: the defaults of the spec, and, unless the selector is the user's own,
// labels that only the pods of this Job bear and a selector for them. A Job that has a selector is left as
// it is. The result shares memory with job and is only read.
func complete(job *batchv1.Job) *batchv1.Job {
	completed := *job
	spec := &completed.Spec
	if spec.Completions == nil && spec.Parallelism == nil {
		spec.Completions = new(int32(1))
	}
	if spec.Parallelism == nil {
		spec.Parallelism = new(int32(1))
	}
	if spec.BackoffLimit == nil {
		spec.BackoffLimit = new(int32(6))
		if spec.BackoffLimitPerIndex != nil {
			spec.BackoffLimit = new(int32(math.MaxInt32))
		}
	}
	if spec.CompletionMode == nil {
		spec.CompletionMode = new(batchv1.NonIndexedCompletion)
	}
	if generatesSelector(job) {
		generateSelector(&completed)
	}
	return &completed
}

// generatesSelector: an empty selector is as good as none.
func generatesSelector(job *batchv1.Job) bool {
	selector := job.Spec.Selector
	return !isTrue(job.Spec.ManualSelector) &&
		(selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0)
}

func generateSelector(job *batchv1.Job) {
	template := maps.Clone(job.Spec.Template.Labels)
	if template == nil {
		template = map[string]string{}
	}
	for label, value := range map[string]string{
		batchv1.JobNameLabel:       job.Name,
		batchv1.ControllerUidLabel: string(job.UID),
		// The names from before labels had prefixes. The API does not name them.
		"job-name":       job.Name,
		"controller-uid": string(job.UID),
	} {
		if _, given := template[label]; !given {
			template[label] = value
		}
	}
	job.Spec.Template.Labels = template
	job.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{
		batchv1.ControllerUidLabel: string(job.UID),
	}}
}

func isIndexed(job *batchv1.Job) bool {
	return job.Spec.CompletionMode != nil && *job.Spec.CompletionMode == batchv1.IndexedCompletion
}

func isSuspended(job *batchv1.Job) bool { return isTrue(job.Spec.Suspend) }

// replacesOnlyFailed reports whether a pod is replaced only once it is Failed, and not while it still terminates. A
// pod failure policy implies it: it must see how the pod ended.
func replacesOnlyFailed(job *batchv1.Job) bool {
	policy := job.Spec.PodReplacementPolicy
	return job.Spec.PodFailurePolicy != nil || (policy != nil && *policy == batchv1.Failed)
}

// isManagedElsewhere reports whether the Job is another controller's, by spec.managedBy.
func isManagedElsewhere(job *batchv1.Job) bool {
	return job.Spec.ManagedBy != nil && *job.Spec.ManagedBy != batchv1.JobControllerName
}

func isTrue(b *bool) bool { return b != nil && *b }
