package job_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

var now = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// train is a Job that began an hour ago, with the status of one that has no pods.
func train(edits ...func(*batchv1.Job)) *batchv1.Job {
	j := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "train", UID: "train", ResourceVersion: "10", Generation: 1},
		Spec: batchv1.JobSpec{
			Completions: new(int32(3)),
			Parallelism: new(int32(2)),
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever,
				Containers:    []corev1.Container{{Name: "main", Image: "train:1"}},
			}},
		},
		Status: batchv1.JobStatus{
			StartTime: ago(time.Hour), Ready: new(int32(0)), Terminating: new(int32(0)),
			UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{},
		},
	}
	for _, edit := range edits {
		edit(j)
	}
	return j
}

func ago(d time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(-d))) }

func wants(completions, parallelism int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Spec.Completions, j.Spec.Parallelism = &completions, &parallelism }
}

func queue(parallelism int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Spec.Completions, j.Spec.Parallelism = nil, &parallelism }
}

func indexed(completions, parallelism int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		wants(completions, parallelism)(j)
		j.Spec.CompletionMode = new(batchv1.IndexedCompletion)
	}
}

func perIndex(limit int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Spec.BackoffLimitPerIndex = &limit
		j.Status.FailedIndexes = new("")
	}
}

func backoffLimit(limit int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Spec.BackoffLimit = &limit }
}

func counted(succeeded, failed int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Status.Succeeded, j.Status.Failed = succeeded, failed }
}

func completed(text string, n int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Status.CompletedIndexes, j.Status.Succeeded = text, n }
}

func listed(succeeded, failed []types.UID) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{Succeeded: succeeded, Failed: failed}
	}
}

func onlyFailed(j *batchv1.Job) { j.Spec.PodReplacementPolicy = new(batchv1.Failed) }
func onFailure(j *batchv1.Job)  { j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure }
func suspended(j *batchv1.Job)  { j.Spec.Suspend = new(true) }
func beingDeleted(j *batchv1.Job) {
	j.DeletionTimestamp, j.Finalizers = ago(0), []string{metav1.FinalizerDeleteDependents}
}

func deadline(seconds int64) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Spec.ActiveDeadlineSeconds = &seconds }
}

func ttl(seconds int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Spec.TTLSecondsAfterFinished = &seconds }
}

// has gives the Job conditions that became true a minute ago.
func has(kinds ...batchv1.JobConditionType) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		for _, kind := range kinds {
			j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{
				Type: kind, Status: corev1.ConditionTrue, Reason: "Before", Message: "as before", LastTransitionTime: *ago(time.Minute),
			})
		}
	}
}

func failurePolicy(action batchv1.PodFailurePolicyAction, codes ...int32) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		if j.Spec.PodFailurePolicy == nil {
			j.Spec.PodFailurePolicy = &batchv1.PodFailurePolicy{}
		}
		j.Spec.PodFailurePolicy.Rules = append(j.Spec.PodFailurePolicy.Rules, batchv1.PodFailurePolicyRule{
			Action:      action,
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: codes},
		})
	}
}

func podConditions(action batchv1.PodFailurePolicyAction, status corev1.ConditionStatus) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Spec.PodFailurePolicy = &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
			Action:          action,
			OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: status}},
		}}}
	}
}

func successPolicy(rules ...batchv1.SuccessPolicyRule) func(*batchv1.Job) {
	return func(j *batchv1.Job) { j.Spec.SuccessPolicy = &batchv1.SuccessPolicy{Rules: rules} }
}

// pod is one of train's, tracked and running.
func pod(name string, edits ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: types.UID(name), ResourceVersion: "5", CreationTimestamp: *ago(time.Hour),
			Labels:          map[string]string{batchv1.ControllerUidLabel: "train"},
			Finalizers:      []string{batchv1.JobTrackingFinalizer},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: "train", UID: "train", Controller: new(true)}},
		},
		Spec:   corev1.PodSpec{NodeName: "node-1"},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, edit := range edits {
		edit(p)
	}
	return p
}

func at(index int) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Annotations = map[string]string{batchv1.JobCompletionIndexAnnotation: strconv.Itoa(index)}
	}
}

// failedBefore is how often the pod's index had failed before it.
func failedBefore(counted, overlooked string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Annotations[batchv1.JobIndexFailureCountAnnotation] = counted
		p.Annotations[batchv1.JobIndexIgnoredFailureCountAnnotation] = overlooked
	}
}

func succeeded(p *corev1.Pod) { exits(0, time.Hour)(p) }
func failed(p *corev1.Pod)    { exits(1, time.Hour)(p) }

// exits ends the pod some time ago.
func exits(code int32, since time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodSucceeded
		if code != 0 {
			p.Status.Phase = corev1.PodFailed
		}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: *ago(since)},
		}}}
	}
}

// disrupted fails the pod through no fault of its own.
func disrupted(p *corev1.Pod) {
	failed(p)
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
}

func restarted(times int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: times}}
	}
}

func terminating(p *corev1.Pod) { p.DeletionTimestamp = ago(time.Hour) }
func untracked(p *corev1.Pod)   { p.Finalizers = nil }
func orphan(p *corev1.Pod)      { p.OwnerReferences = nil }
func relabelled(p *corev1.Pod)  { p.Labels = nil }
func ready(p *corev1.Pod) {
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: *ago(time.Hour)}}
}

func mustPlan(t *testing.T, j *batchv1.Job, observed job.Observed, policy job.Policy) job.Result {
	t.Helper()
	if observed.Now.IsZero() {
		observed.Now = now
	}
	result, err := job.Plan(j, observed, policy)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// steps are the lines of a plan but the status and the waits; of a created pod the index is told.
func steps(result job.Result) []string {
	var lines []string
	for _, a := range result.Actions {
		switch a.(type) {
		case plan.UpdateStatus, plan.Wait:
		default:
			lines = append(lines, a.String())
		}
	}
	return lines
}

// waits are what the plan waits for, without the Job's name.
func waits(result job.Result) []string {
	var lines []string
	for _, a := range result.Actions {
		if w, ok := a.(plan.Wait); ok {
			line := string(w.For)
			if !w.Until.IsZero() {
				line += " until " + w.Until.Format(time.TimeOnly)
			}
			lines = append(lines, line+": "+w.Reason)
		}
	}
	return lines
}

func strip(name string) string {
	return fmt.Sprintf("update Pod default/%s: metadata.finalizers", name)
}
func remove(name string) string { return "delete Pod default/" + name }

const create = "create Pod default/train-*"

func createAt(index int) string { return fmt.Sprintf("create Pod default/train-%d-*", index) }

// expect compares lines; one that ends where another goes on with a colon is as good as it.
func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	short := slices.Clone(got)
	for i, line := range short {
		if i < len(want) && strings.HasPrefix(line, want[i]+":") {
			short[i] = want[i]
		}
	}
	if d := cmp.Diff(want, short); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
