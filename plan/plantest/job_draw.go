package plantest

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/job"
)

// jobSnapshot draws a Job at any point of its life, and up to six pods around it.
func jobSnapshot(t *rapid.T) Snapshot {
	policy := job.Policy{Burst: pick(t, "burst", 0, 0, 1, 2)}
	kind := metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
	if rarely(t, "own kind", 6) {
		kind = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Errand"}
		policy.Owner = kind
	}
	j := drawJob(t)
	drawJobStatus(t, j)
	j.TypeMeta = kind
	s := Snapshot{Now: Epoch(), Workload: j, Policy: policy, Memory: job.Memory{}, Version: 1000}
	if rarely(t, "remembers", 3) {
		s.Memory = job.Memory{Job: j.UID, Failures: pick[int32](t, "failures", 1, 2, 9), LastFailure: Past(t, "last failure", s.Now).Time}
	}
	pods := Pods{
		Metadata: Metadata{
			Now:    s.Now,
			Owner:  *metav1.NewControllerRef(j, kind.GroupVersionKind()),
			Labels: map[string]string{"app": "train"},
			Odd:    true,
		},
		Prefix:   "train",
		Template: j.Spec.Template.Spec,
		Vary:     varyJobPod(j, s),
	}
	if !*j.Spec.ManualSelector {
		pods.Labels = jobLabels(j)
	}
	s = With(s, pods.Draw(t, 6)...)
	return Disturbed(t, s, older)
}

// drawJob draws the spec.
func drawJob(t *rapid.T) *batchv1.Job {
	manual := rapid.Bool().Draw(t, "manual selector")
	j := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "train", UID: "train-uid", ResourceVersion: "900", Generation: 1},
		Spec: batchv1.JobSpec{
			ManualSelector: &manual,
			Parallelism:    pick(t, "parallelism", new(int32(2)), new(int32(3)), new(int32(1)), nil, new(int32(0))),
			Completions:    pick(t, "completions", new(int32(3)), new(int32(2)), new(int32(5)), nil, new(int32(0))),
			BackoffLimit:   pick(t, "backoffLimit", nil, new(int32(1)), new(int32(0)), new(int32(3))),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "train"}},
				Spec: corev1.PodSpec{
					RestartPolicy: pick(t, "restartPolicy", corev1.RestartPolicyNever, corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure),
					Containers:    []corev1.Container{{Name: "main", Image: "train:1"}},
				},
			},
		},
	}
	if manual {
		j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "train"}}
	}
	if j.Spec.Completions != nil && rapid.Bool().Draw(t, "indexed") {
		drawIndexes(t, j)
	}
	if j.Spec.Template.Spec.RestartPolicy == corev1.RestartPolicyNever && rarely(t, "failure policy", 4) {
		drawFailurePolicy(t, j)
	}
	if rarely(t, "only failed", 4) {
		j.Spec.PodReplacementPolicy = new(batchv1.Failed)
	}
	if rarely(t, "suspended", 5) {
		j.Spec.Suspend = new(true)
	}
	if rarely(t, "deadline", 5) {
		j.Spec.ActiveDeadlineSeconds = pick(t, "activeDeadlineSeconds", new(int64(60)), new(int64(5)), new(int64(0)))
	}
	if rarely(t, "ttl", 4) {
		j.Spec.TTLSecondsAfterFinished = pick(t, "ttlSecondsAfterFinished", new(int32(10)), new(int32(0)))
	}
	return j
}

func drawIndexes(t *rapid.T, j *batchv1.Job) {
	j.Spec.CompletionMode = new(batchv1.IndexedCompletion)
	if rapid.Bool().Draw(t, "limit per index") {
		j.Spec.BackoffLimitPerIndex = pick(t, "backoffLimitPerIndex", new(int32(1)), new(int32(0)), new(int32(2)))
	}
	if *j.Spec.Completions > 1 && rarely(t, "success policy", 4) {
		j.Spec.SuccessPolicy = &batchv1.SuccessPolicy{Rules: []batchv1.SuccessPolicyRule{pick(t, "rule",
			batchv1.SuccessPolicyRule{SucceededCount: new(int32(1))},
			batchv1.SuccessPolicyRule{SucceededIndexes: new("0-1")},
		)}}
	}
}

func drawFailurePolicy(t *rapid.T, j *batchv1.Job) {
	actions := []batchv1.PodFailurePolicyAction{batchv1.PodFailurePolicyActionIgnore, batchv1.PodFailurePolicyActionFailJob, batchv1.PodFailurePolicyActionCount}
	if j.Spec.BackoffLimitPerIndex != nil {
		actions = append(actions, batchv1.PodFailurePolicyActionFailIndex)
	}
	j.Spec.PodFailurePolicy = &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
		Action:      pick(t, "action", actions...),
		OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{3}},
	}}}
}

// drawJobStatus draws what the Job has come to, each part of it as likely as none.
func drawJobStatus(t *rapid.T, j *batchv1.Job) {
	if rarely(t, "no uid yet", 15) {
		j.UID = ""
	}
	if rarely(t, "deleted", 10) {
		j.DeletionTimestamp, j.Finalizers = new(Past(t, "deleted", Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	if rapid.Bool().Draw(t, "has not begun") {
		return
	}
	began := Past(t, "began", Epoch())
	j.Status.StartTime = &began
	j.Status.Active = rapid.Int32Range(0, 2).Draw(t, "status.active")
	j.Status.Failed = rapid.Int32Range(0, 2).Draw(t, "status.failed")
	if isIndexed(j) {
		j.Status.CompletedIndexes = pick(t, "completedIndexes", "", "0", "0-1", "1,4")
		j.Status.Succeeded = int32(len(completed(j)))
	} else {
		j.Status.Succeeded = rapid.Int32Range(0, 2).Draw(t, "status.succeeded")
	}
	announce := func(kind batchv1.JobConditionType, reason string) {
		since := Past(t, "since", Epoch())
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: "as announced", LastProbeTime: since, LastTransitionTime: since,
		})
	}
	switch pick(t, "ends", "", "", "", "", "", "", "fails", "succeeds", "failed", "succeeded") {
	case "fails":
		announce(batchv1.JobFailureTarget, batchv1.JobReasonDeadlineExceeded)
	case "failed":
		announce(batchv1.JobFailureTarget, batchv1.JobReasonDeadlineExceeded)
		announce(batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)
	case "succeeds":
		announce(batchv1.JobSuccessCriteriaMet, batchv1.JobReasonCompletionsReached)
	case "succeeded":
		announce(batchv1.JobSuccessCriteriaMet, batchv1.JobReasonCompletionsReached)
		announce(batchv1.JobComplete, batchv1.JobReasonCompletionsReached)
		j.Status.CompletionTime = new(j.Status.Conditions[1].LastTransitionTime)
	}
	if rarely(t, "was suspended", 5) {
		announce(batchv1.JobSuspended, "JobSuspended")
	}
}

// varyJobPod gives a pod what the pods of this Job have: the finalizer, an index, exit codes; some are already listed as
// to be counted.
func varyJobPod(j *batchv1.Job, s Snapshot) func(*rapid.T, int, *corev1.Pod) {
	return func(t *rapid.T, _ int, pod *corev1.Pod) {
		if !rarely(t, "not tracked", 5) {
			pod.Finalizers = append(pod.Finalizers, batchv1.JobTrackingFinalizer)
		}
		if isIndexed(j) {
			index := pick(t, "index", "0", "1", "2", "0", "1", "2", "7", "")
			pod.Annotations = map[string]string{batchv1.JobCompletionIndexAnnotation: index}
			if j.Spec.BackoffLimitPerIndex != nil {
				pod.Annotations[batchv1.JobIndexFailureCountAnnotation] = pick(t, "failures of the index", "0", "0", "1")
			}
		}
		phase := pick(t, "of a job", pod.Status.Phase, corev1.PodSucceeded, corev1.PodFailed)
		if pod.Status.Phase = phase; phase != corev1.PodSucceeded && phase != corev1.PodFailed {
			return
		}
		pod.Status.Conditions = nil
		code := int32(0)
		if phase == corev1.PodFailed {
			code = pick[int32](t, "exit code", 1, 3)
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: Past(t, "finished", s.Now)},
		}}}
		if pod.UID != "" && j.Status.StartTime != nil && !finishedJob(j) && rarely(t, "listed", 4) {
			uncounted := &batchv1.UncountedTerminatedPods{}
			if j.Status.UncountedTerminatedPods != nil {
				uncounted = j.Status.UncountedTerminatedPods
			}
			switch {
			case phase == corev1.PodFailed:
				uncounted.Failed = append(uncounted.Failed, pod.UID)
			case !isIndexed(j):
				uncounted.Succeeded = append(uncounted.Succeeded, pod.UID)
			}
			j.Status.UncountedTerminatedPods = uncounted
		}
	}
}

func jobLabels(j *batchv1.Job) map[string]string {
	return map[string]string{
		batchv1.ControllerUidLabel: string(j.UID), batchv1.JobNameLabel: j.Name,
		"controller-uid": string(j.UID), "job-name": j.Name, "app": "train",
	}
}
