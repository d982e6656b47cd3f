package conformance

import (
	"cmp"
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
		limit := OneOf[int32](t, "backoffLimitPerIndex", 1, 0, 2, 5)
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
		actions = append(actions, batchv1.PodFailurePolicyActionFailIndex)
	}
	policy := &batchv1.PodFailurePolicy{}
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
		add(batchv1.JobSuspended, OneOf(t, "wasSuspended", corev1.ConditionTrue, corev1.ConditionFalse), OneOf(t, "suspendReason", "JobSuspended", "JobResumed"), OneOf(t, "suspendMessage", "Job suspended", "Job resumed"))
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
	if !Seldom(t, "untracked", 5) && !lost {
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
	index := OneOf(t, "index", "0", "1", "2", "3", "4", "9", "", "x", "-1")
	if index != "" {
		pod.Annotations = map[string]string{batchv1.JobCompletionIndexAnnotation: index}
	}
	if pod.Labels != nil && index != "" {
		pod.Labels[batchv1.JobCompletionIndexAnnotation] = index
	}
	if j.Spec.BackoffLimitPerIndex != nil && index != "" {
		pod.Annotations[batchv1.JobIndexFailureCountAnnotation] = OneOf(t, "failureCount", "0", "1", "2", "x")
		if Seldom(t, "ignoredBefore", 4) {
			pod.Annotations[batchv1.JobIndexIgnoredFailureCountAnnotation] = "1"
		}
	}
}

// drawJobStep draws what happens to a Job; what ends is noticed some time after.
func drawJobStep(t *rapid.T, j *batchv1.Job, after time.Duration) Step {
	scale := int32(Upto(t, "scale", 4))
	steps := []Step{
		PodsReady(), finishPods("all pods succeed", corev1.PodSucceeded, 0, 0, after), finishPods("all pods fail", corev1.PodFailed, 1, 0, after),
		finishPods("the first pod succeeds", corev1.PodSucceeded, 0, 1, after), finishPods("the first pod fails", corev1.PodFailed, 42, 1, after),
		Pass(10 * time.Second), Pass(time.Minute), Pass(time.Hour), endTerminating(after), PodsGone(), NoRefusals(), deleteFirstPod(after), restartContainers(),
		Change("suspended", train, func(j *batchv1.Job) { *j.Spec.Suspend = true }),
		Change("resumed", train, func(j *batchv1.Job) { *j.Spec.Suspend = false }),
		Change(fmt.Sprintf("parallelism %d", scale), train, func(j *batchv1.Job) { *j.Spec.Parallelism = scale }),
	}
	if isIndexedJob(j) && j.Spec.SuccessPolicy == nil && j.Spec.MaxFailedIndexes == nil {
		steps = append(steps, Change(fmt.Sprintf("completions %d", scale), train, func(j *batchv1.Job) {
			*j.Spec.Completions, *j.Spec.Parallelism = scale, scale
		}))
	}
	return OneOf(t, "step", steps...)
}

// finishPods ends the pods that run and are not being deleted: the first few by index, else name; 0: all of them.
func finishPods(name string, phase corev1.PodPhase, code int32, first int, after time.Duration) Step {
	return Step{Name: name, After: time.Second, Do: func(w *World) {
		pods := slices.DeleteFunc(Objects[*corev1.Pod](w), func(pod *corev1.Pod) bool {
			return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		})
		inOrder(pods)
		for i, pod := range pods {
			if first > 0 && i >= first {
				break
			}
			Edit(w, pod.Namespace, pod.Name, func(pod *corev1.Pod) { finishPod(pod, phase, code, after) })
		}
	}}
}

// inOrder sorts pods without looking at given names, which differ between the two sides.
func inOrder(pods []*corev1.Pod) {
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(
			cmp.Compare(a.Annotations[batchv1.JobCompletionIndexAnnotation], b.Annotations[batchv1.JobCompletionIndexAnnotation]),
			cmp.Compare(anonymous(a.Name), anonymous(b.Name)),
		)
	})
}

func finishPod(pod *corev1.Pod, phase corev1.PodPhase, code int32, after time.Duration) {
	pod.Status.Phase = phase
	setReady(pod, corev1.ConditionFalse)
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: metav1.NewTime(time.Now().Add(-after).Truncate(time.Second))},
	}}}
}

// endTerminating lets the pods that are being deleted come to their end; what no finalizer holds is gone.
func endTerminating(after time.Duration) Step {
	return Step{Name: "terminating pods end", After: 30 * time.Second, Do: func(w *World) {
		for _, pod := range Objects[*corev1.Pod](w) {
			if pod.DeletionTimestamp == nil {
				continue
			}
			if len(pod.Finalizers) == 0 {
				w.Remove(pod)
				continue
			}
			Edit(w, pod.Namespace, pod.Name, func(pod *corev1.Pod) {
				none := int64(0)
				pod.DeletionGracePeriodSeconds = &none
				if pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodPending {
					finishPod(pod, corev1.PodFailed, 137, after)
				}
			})
		}
	}}
}

// deleteFirstPod is what a person or an eviction does.
func deleteFirstPod(after time.Duration) Step {
	return Step{Name: "the first running pod is deleted", After: time.Second, Do: func(w *World) {
		pods := Objects[*corev1.Pod](w)
		inOrder(pods)
		for _, pod := range pods {
			if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
				continue
			}
			Edit(w, pod.Namespace, pod.Name, func(pod *corev1.Pod) {
				if after > 0 {
					pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(time.Now().Add(-after).Truncate(time.Second))}}
				}
				grace := int64(30)
				pod.DeletionGracePeriodSeconds = &grace
				pod.DeletionTimestamp = &metav1.Time{Time: time.Now().Truncate(time.Second).Add(30 * time.Second)}
			})
			return
		}
	}}
}

func restartContainers() Step {
	return Step{Name: "containers restart", After: time.Second, Do: func(w *World) {
		EditAll(w, func(pod *corev1.Pod) {
			if pod.Status.Phase == corev1.PodRunning {
				restarts := int32(1)
				if len(pod.Status.ContainerStatuses) > 0 {
					restarts += pod.Status.ContainerStatuses[0].RestartCount
				}
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: restarts}}
			}
		})
	}}
}
