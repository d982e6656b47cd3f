package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// train is the Job that all snapshots are about.
var train = plan.Ref{APIVersion: "batch/v1", Kind: "Job", Namespace: "default", Name: "train", UID: "uid-train"}

// anotherLife is the UID of a Job of that name that is no more.
const anotherLife = "uid-of-another-life"

func jobSnapshot(t *rapid.T) *Snapshot {
	now := Instant.Add(OneOf(t, "fraction", 500*time.Millisecond, 0))
	j := drawJob(t, now)
	s := &Snapshot{
		Workload: train,
		Now:      now,
		Objects:  []plan.Object{j},
		Burst:    OneOf(t, "burst", 0, 0, 1, 2, 3),
		Shuffle:  Upto(t, "shuffle", 9),
	}
	for i := range Upto(t, "pods", 9) {
		s.Objects = append(s.Objects, drawPodOfJob(t, i, j, now))
	}
	s.Refusals = drawRefusals(t)
	if Seldom(t, "paused", 8) {
		s.Steps = append(s.Steps, suspendTrain(true), suspendTrain(false))
	}
	for range Upto(t, "steps", 4) {
		s.Steps = append(s.Steps, drawJobStep(t, j, 0))
	}
	return s
}

// jobHistory lets pods fail an hour before anybody sees it: a controller that takes over does not know of failures that were
// counted before, so it would not wait as long as the one before it.
func jobHistory(t *rapid.T) *Snapshot {
	j := drawJobSpec(t)
	s := &Snapshot{Workload: train, Now: Instant, Objects: []plan.Object{j}}
	for range 2 + Upto(t, "steps", 5) {
		s.Steps = append(s.Steps, drawJobStep(t, j, time.Hour))
	}
	return s
}

// drawJobSpec draws a Job that has not begun, as a server stores it.
func drawJobSpec(t *rapid.T) *batchv1.Job {
	j := newTrain(3)
	j.Spec.Completions = nil
	j.Status = batchv1.JobStatus{}
	if Seldom(t, "moreInTemplate", 6) {
		j.Spec.Template.Annotations = map[string]string{"note": "kept"}
		j.Spec.Template.Finalizers = []string{"example.com/hold"}
		j.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "init:1", Env: []corev1.EnvVar{{Name: "JOB_COMPLETION_INDEX", Value: "mine"}}}}
	}
	parallelism := OneOf[int32](t, "parallelism", 2, 1, 3, 0)
	j.Spec.Parallelism = &parallelism
	limit := OneOf[int32](t, "backoffLimit", 6, 1, 0, 2, 100)
	j.Spec.BackoffLimit = &limit
	if !Seldom(t, "workQueue", 5) {
		completions := OneOf[int32](t, "completions", 3, 1, 2, 5, 0)
		j.Spec.Completions = &completions
		if rapid.Bool().Draw(t, "indexed") {
			drawIndexedSpec(t, j)
		}
	}
	if Seldom(t, "onFailure", 4) {
		j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	} else if Seldom(t, "failurePolicy", 3) {
		j.Spec.PodFailurePolicy = drawFailurePolicy(t, j.Spec.BackoffLimitPerIndex != nil)
	}
	replacement := batchv1.TerminatingOrFailed
	if j.Spec.PodFailurePolicy != nil || Seldom(t, "onlyFailed", 4) {
		replacement = batchv1.Failed
	}
	j.Spec.PodReplacementPolicy = &replacement
	if Seldom(t, "deadline", 4) {
		deadline := OneOf[int64](t, "activeDeadlineSeconds", 60, 3600, 0)
		j.Spec.ActiveDeadlineSeconds = &deadline
	}
	if Seldom(t, "ttl", 4) {
		ttl := OneOf[int32](t, "ttlSecondsAfterFinished", 0, 60)
		j.Spec.TTLSecondsAfterFinished = &ttl
	}
	if Seldom(t, "suspended", 6) {
		yes := true
		j.Spec.Suspend = &yes
	}
	if Seldom(t, "managedBy", 20) {
		manager := OneOf(t, "manager", "example.com/queue", batchv1.JobControllerName)
		j.Spec.ManagedBy = &manager
	}
	return j
}

func drawIndexedSpec(t *rapid.T, j *batchv1.Job) {
	mode := batchv1.IndexedCompletion
	j.Spec.CompletionMode = &mode
	if Seldom(t, "perIndex", 2) {
		limit := OneOf[int32](t, "backoffLimitPerIndex", 1, 5, 0, 2, 9)
		j.Spec.BackoffLimitPerIndex = &limit
		many := int32(1<<31 - 1)
		j.Spec.BackoffLimit = &many
		if Seldom(t, "maxFailed", 3) {
			most := min(*j.Spec.Completions, OneOf[int32](t, "maxFailedIndexes", 1, 0))
			j.Spec.MaxFailedIndexes = &most
		}
	}
	if Seldom(t, "successPolicy", 4) && *j.Spec.Completions > 1 {
		one, first, all := int32(1), "0", "0-1"
		j.Spec.SuccessPolicy = &batchv1.SuccessPolicy{Rules: []batchv1.SuccessPolicyRule{OneOf(t, "rule",
			batchv1.SuccessPolicyRule{SucceededCount: &one},
			batchv1.SuccessPolicyRule{SucceededIndexes: &first},
			batchv1.SuccessPolicyRule{SucceededIndexes: &all},
			batchv1.SuccessPolicyRule{SucceededIndexes: &all, SucceededCount: &one},
		)}}
	}
}

func drawFailurePolicy(t *rapid.T, perIndex bool) *batchv1.PodFailurePolicy {
	actions := []batchv1.PodFailurePolicyAction{batchv1.PodFailurePolicyActionIgnore, batchv1.PodFailurePolicyActionFailJob, batchv1.PodFailurePolicyActionCount}
	if perIndex {
		actions = append(actions, batchv1.PodFailurePolicyActionFailIndex, batchv1.PodFailurePolicyActionFailIndex)
	}
	policy := &batchv1.PodFailurePolicy{}
	if perIndex && Seldom(t, "ignores", 3) { // the ordinary failures, so that an index goes on after one that does not count
		policy.Rules = append(policy.Rules, batchv1.PodFailurePolicyRule{
			Action:      batchv1.PodFailurePolicyActionIgnore,
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{1, 42}},
		})
	}
	for range 1 + Upto(t, "failureRules", 2) {
		rule := batchv1.PodFailurePolicyRule{Action: OneOf(t, "action", actions...)}
		if Seldom(t, "onCondition", 3) {
			rule.OnPodConditions = []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
		} else {
			main := OneOf(t, "container", "main", "")
			rule.OnExitCodes = &batchv1.PodFailurePolicyOnExitCodesRequirement{
				Operator: OneOf(t, "operator", batchv1.PodFailurePolicyOnExitCodesOpIn, batchv1.PodFailurePolicyOnExitCodesOpNotIn),
				Values:   OneOf(t, "codes", []int32{42}, []int32{1, 3}),
			}
			if main != "" {
				rule.OnExitCodes.ContainerName = &main
			}
		}
		policy.Rules = append(policy.Rules, rule)
	}
	return policy
}

// jobLabels are what the API server puts on the template.
func jobLabels() map[string]string {
	return map[string]string{
		batchv1.ControllerUidLabel: string(train.UID), "controller-uid": string(train.UID),
		batchv1.JobNameLabel: train.Name, "job-name": train.Name,
	}
}

// drawJob draws a Job in the middle of its life, or where no life leads.
func drawJob(t *rapid.T, now time.Time) *batchv1.Job {
	j := drawJobSpec(t)
	if Seldom(t, "deleted", 12) {
		Deleting(j, now, true)
	}
	if Seldom(t, "notBegun", 4) {
		return j
	}
	start := Past(t, "startTime", now)
	j.Status.StartTime = &start
	j.Status.Active = int32(Upto(t, "status.active", 2))
	j.Status.Failed = int32(Upto(t, "status.failed", 2))
	zero := int32(0)
	if !Seldom(t, "readyUnknown", 4) {
		j.Status.Ready, j.Status.Terminating = &zero, &zero
	}
	j.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	if isIndexedJob(j) {
		texts := []string{"", "0", "1", "0,1", "0-2", "1,3-4"}
		j.Status.CompletedIndexes = OneOf(t, "completedIndexes", texts...)
		beyond := func(index int) bool { return index >= int(*j.Spec.Completions) }
		if *j.Spec.Completions != *j.Spec.Parallelism && slices.ContainsFunc(spread(j.Status.CompletedIndexes), beyond) {
			j.Status.CompletedIndexes = "" // such a status deviates, and would hide all else
		}
		j.Status.Succeeded = int32(len(spread(j.Status.CompletedIndexes)))
		if j.Spec.BackoffLimitPerIndex != nil {
			failed := OneOf(t, "failedIndexes", "", "", "2", "0")
			if !slices.ContainsFunc(spread(failed), func(i int) bool { return slices.Contains(spread(j.Status.CompletedIndexes), i) }) {
				j.Status.FailedIndexes = &failed
			}
		}
	} else {
		j.Status.Succeeded = int32(Upto(t, "status.succeeded", 2))
	}
	drawJobConditions(t, j, now)
	return j
}

func drawJobConditions(t *rapid.T, j *batchv1.Job, now time.Time) {
	since := Past(t, "conditionSince", now)
	add := func(kind batchv1.JobConditionType, status corev1.ConditionStatus, reason, message string) {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: status, Reason: reason, Message: message, LastProbeTime: since, LastTransitionTime: since,
		})
	}
	if Seldom(t, "suspendedBefore", 6) {
		add(batchv1.JobSuspended, corev1.ConditionTrue, OneOf(t, "suspendReason", "JobSuspended", "Other"), "Job suspended")
		if rapid.Bool().Draw(t, "resumedBefore") {
			c := &j.Status.Conditions[len(j.Status.Conditions)-1]
			c.Status, c.Reason, c.Message = corev1.ConditionFalse, "JobResumed", "Job resumed"
		}
		if *j.Spec.Suspend && rapid.Bool().Draw(t, "clockReset") {
			j.Status.StartTime = nil
		}
	}
	switch Upto(t, "announced", 12) {
	case 8:
		add(batchv1.JobFailureTarget, corev1.ConditionTrue, batchv1.JobReasonBackoffLimitExceeded, "Job has reached the specified backoff limit")
	case 9:
		add(batchv1.JobSuccessCriteriaMet, corev1.ConditionTrue, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods")
	case 10:
		add(batchv1.JobSuccessCriteriaMet, corev1.ConditionTrue, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods")
		add(batchv1.JobComplete, corev1.ConditionTrue, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods")
		j.Status.CompletionTime = &since
	case 11:
		add(batchv1.JobFailureTarget, corev1.ConditionTrue, batchv1.JobReasonBackoffLimitExceeded, "Job has reached the specified backoff limit")
		add(batchv1.JobFailed, corev1.ConditionTrue, batchv1.JobReasonBackoffLimitExceeded, "Job has reached the specified backoff limit")
	case 12:
		add("example.com/Blessed", corev1.ConditionTrue, "Ok", "before")
	}
}

func isIndexedJob(j *batchv1.Job) bool { return *j.Spec.CompletionMode == batchv1.IndexedCompletion }

// spread reads an index set in the plainest way.
func spread(text string) []int {
	var indexes []int
	for part := range strings.SplitSeq(text, ",") {
		var first, last int
		switch n, _ := fmt.Sscanf(part, "%d-%d", &first, &last); n {
		case 0:
			continue
		case 1:
			last = first
		}
		for i := first; i <= last; i++ {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

func drawPodOfJob(t *rapid.T, i int, j *batchv1.Job, now time.Time) *corev1.Pod {
	pod := PodStates(t, i, now)
	pod.Annotations = nil
	pod.CreationTimestamp = metav1.NewTime(pod.CreationTimestamp.Add(-time.Duration(i) * time.Second)) // no two tie as victims
	pod.Status.Phase = OneOf(t, "jobPhase", corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodPending, corev1.PodRunning, corev1.PodUnknown)
	if Seldom(t, "finishTimes", 2) && (pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed) {
		code := int32(0)
		if pod.Status.Phase == corev1.PodFailed {
			code = OneOf[int32](t, "exitCode", 1, 42, 7)
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: Past(t, "finishedAt", now)},
		}}}
	}
	if pod.Status.Phase == corev1.PodFailed && Seldom(t, "disrupted", 4) {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue})
	}
	pod.Labels = jobLabels()
	switch OneOf(t, "labels", "own", "own", "own", "own", "own", "own", "relabelled", "none") {
	case "relabelled":
		pod.Labels[batchv1.ControllerUidLabel] = "uid-other"
	case "none":
		pod.Labels = nil
	}
	if pod.Labels[batchv1.ControllerUidLabel] != string(train.UID) && !Seldom(t, "leavesAndGoes", 6) {
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = nil, nil // deviates, and would hide all else
	}
	if isIndexedJob(j) {
		drawIndex(t, pod, j)
	}
	mine := ControllerRef("batch/v1", "Job", train.Name, train.UID)
	switch OneOf(t, "owner", "job", "job", "job", "job", "job", "job", "job", "nobody", "another life", "another kind") {
	case "job":
		pod.OwnerReferences = []metav1.OwnerReference{mine}
	case "another life":
		pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("batch/v1", "Job", train.Name, anotherLife)}
	case "another kind":
		pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "ReplicaSet", train.Name, "uid-web")}
	}
	if Seldom(t, "elsewhere", 15) {
		pod.Namespace = "elsewhere"
	}
	ref := metav1.GetControllerOf(pod)
	lost := ref != nil && ref.UID == anotherLife && pod.DeletionTimestamp == nil // upstream lets it go when something selects it
	ends := hasCondition(j, batchv1.JobFailureTarget) || hasCondition(j, batchv1.JobSuccessCriteriaMet)
	// Tracked again, or not counted again: that deviates, and would hide all else.
	deviates := ref == nil && (isDone(pod) || ends) || isOwnPod(pod) && !isDone(pod) && pod.DeletionTimestamp == nil
	if (!Seldom(t, "untracked", 5) || deviates && !Seldom(t, "takenAway", 6)) && !lost {
		pod.Finalizers = append(pod.Finalizers, batchv1.JobTrackingFinalizer)
	}
	if Seldom(t, "uncounted", 5) && !hasCondition(j, batchv1.JobFailureTarget) && j.Status.UncountedTerminatedPods != nil {
		u := j.Status.UncountedTerminatedPods
		switch {
		case pod.Status.Phase == corev1.PodSucceeded && !isIndexedJob(j):
			u.Succeeded = append(u.Succeeded, pod.UID)
		case pod.Status.Phase == corev1.PodFailed:
			u.Failed = append(u.Failed, pod.UID)
		}
	}
	return pod
}

func drawIndex(t *rapid.T, pod *corev1.Pod, j *batchv1.Job) {
	index := OneOf(t, "index", "0", "1", "0", "1", "2", "3", "4", "9", "", "x", "-1")
	if index != "" {
		pod.Annotations = map[string]string{batchv1.JobCompletionIndexAnnotation: index}
	}
	if pod.Labels != nil && index != "" {
		pod.Labels[batchv1.JobCompletionIndexAnnotation] = index
	}
	if j.Spec.BackoffLimitPerIndex != nil && index != "" {
		pod.Annotations[batchv1.JobIndexFailureCountAnnotation] = OneOf(t, "failureCount", "0", "1", "2", "x", "7")
		if Seldom(t, "ignoredBefore", 4) {
			pod.Annotations[batchv1.JobIndexIgnoredFailureCountAnnotation] = OneOf(t, "ignoredCount", "1", "9")
		}
	}
}
