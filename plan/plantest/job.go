package plantest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
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

// errand is what the formulas of a Job are about, counted in the plainest way.
type errand struct {
	job     *batchv1.Job // with defaults
	active  []*corev1.Pod
	members []*corev1.Pod // all that are ours, or to be ours
	leavers int           // controlled and not selected, and held by the finalizer or not yet going
	orphans int
	going   int // terminating

	succeeded map[types.UID]bool // by counted or countable pods; of an Indexed Job none
	indexes   map[int]bool       // completed, and to be completed
	failed    int                // counted, listed and countable
	doomed    int                // active and tracked: the failure of the Job would make them failed
}

func countErrand(s Snapshot) errand {
	e := errand{job: defaultJob(s.Workload).(*batchv1.Job), succeeded: map[types.UID]bool{}}
	selector, _ := metav1.LabelSelectorAsSelector(e.job.Spec.Selector)
	refused := refusedUpdates(s.Pending)
	deleting := e.job.DeletionTimestamp != nil
	for _, pod := range All[*corev1.Pod](s.consistent()) {
		if pod.Namespace != e.job.Namespace || refused[pod.UID] {
			continue
		}
		selected, orphan := selector.Matches(labels.Set(pod.Labels)), metav1.GetControllerOf(pod) == nil
		switch {
		case s.controls(pod) && selected:
			e.add(pod)
		case s.controls(pod) && (pod.DeletionTimestamp == nil && !deleting || pod.DeletionTimestamp != nil && isTracked(pod)):
			e.leavers++
		case orphan && selected && pod.DeletionTimestamp == nil && !deleting:
			tracked := pod.DeepCopy()
			if !isTracked(pod) {
				tracked.Finalizers = append(tracked.Finalizers, batchv1.JobTrackingFinalizer)
			}
			e.add(tracked)
			e.orphans++
		}
	}
	e.tally()
	return e
}

func (e *errand) add(pod *corev1.Pod) {
	e.members = append(e.members, pod)
	switch finished := isFinished(pod); {
	case pod.DeletionTimestamp == nil && !finished:
		e.active = append(e.active, pod)
	case !finished:
		e.going++
	}
}

// tally counts what is counted, what is listed, and what bears the finalizer and is not.
func (e *errand) tally() {
	status := &e.job.Status
	listed := map[types.UID]bool{}
	if u := status.UncountedTerminatedPods; u != nil {
		for _, uid := range u.Failed {
			listed[uid] = true
		}
		e.failed += len(u.Failed)
		for _, uid := range u.Succeeded {
			listed[uid] = !isIndexed(e.job)
			e.succeeded[uid] = true
		}
	}
	e.failed += int(status.Failed)
	e.indexes = completed(e.job)
	for _, pod := range e.members {
		if !isTracked(pod) || pod.UID == "" || listed[pod.UID] || (isIndexed(e.job) && indexOf(e.job, pod) < 0) {
			continue
		}
		switch {
		case pod.Status.Phase == corev1.PodSucceeded && isIndexed(e.job):
			e.indexes[indexOf(e.job, pod)] = true
		case pod.Status.Phase == corev1.PodSucceeded:
			e.succeeded[pod.UID] = true
		case e.fails(pod):
			e.failed++
		case pod.DeletionTimestamp == nil || e.onlyFailed():
			e.doomed++
		}
	}
}

// fails reports whether a pod counts as failed while the Job goes on.
func (e *errand) fails(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodFailed && (pod.DeletionTimestamp == nil || e.onlyFailed()) {
		return false
	}
	policy := e.job.Spec.PodFailurePolicy
	if policy == nil || policy.Rules[0].Action != batchv1.PodFailurePolicyActionIgnore {
		return true
	}
	return !slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Terminated != nil && c.State.Terminated.ExitCode == 3
	})
}

func (e *errand) onlyFailed() bool { return *e.job.Spec.PodReplacementPolicy == batchv1.Failed }

// wins is how many pods have succeeded, or indexes.
func (e *errand) wins() int {
	if isIndexed(e.job) {
		return len(e.indexes)
	}
	return int(e.job.Status.Succeeded) + len(e.succeeded)
}

// wanted is the most pods that may be at work.
func (e *errand) wanted() int {
	switch completions := e.job.Spec.Completions; {
	case completions != nil:
		lost := 0
		if indexes := e.job.Status.FailedIndexes; indexes != nil {
			lost = len(indexesIn(*indexes, e.job))
		}
		return max(0, min(int(*e.job.Spec.Parallelism), int(*completions)-e.wins()-lost))
	case e.wins() > 0: // those at work go on, and no other begins
		return len(e.active)
	}
	return int(*e.job.Spec.Parallelism)
}

// ends reports whether the status announces an end.
func (e *errand) ends() bool {
	return announces(e.job, batchv1.JobFailureTarget) || announces(e.job, batchv1.JobSuccessCriteriaMet)
}

func isTracked(pod *corev1.Pod) bool {
	return slices.Contains(pod.Finalizers, batchv1.JobTrackingFinalizer)
}

func isIndexed(j *batchv1.Job) bool {
	return j.Spec.CompletionMode != nil && *j.Spec.CompletionMode == batchv1.IndexedCompletion
}

func announces(j *batchv1.Job, kind batchv1.JobConditionType) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == kind && c.Status == corev1.ConditionTrue
	})
}

func finishedJob(j *batchv1.Job) bool {
	return announces(j, batchv1.JobFailed) || announces(j, batchv1.JobComplete)
}

// indexOf is the completion index of a pod, -1 if it has no valid one.
func indexOf(j *batchv1.Job, pod *corev1.Pod) int {
	index, err := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
	if err != nil || index < 0 || index >= int(*j.Spec.Completions) {
		return -1
	}
	return index
}

// completed are the indexes that the status says are done.
func completed(j *batchv1.Job) map[int]bool { return indexesIn(j.Status.CompletedIndexes, j) }

// indexesIn reads an index set one by one, as far as they are indexes of the Job.
func indexesIn(text string, j *batchv1.Job) map[int]bool {
	indexes := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		first, last, _ := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to, _ := strconv.Atoi(cmp.Or(last, first))
		for i := from; err == nil && i <= min(to, int(*j.Spec.Completions)-1); i++ {
			indexes[i] = true
		}
	}
	return indexes
}

// jobStep: there are never more pods at work than wanted, never more at one index, what ended stays ended; and whatever part of
// a plan is carried out, the sum of what is counted and what is still to be counted stays the same. Only the pods that a Job
// deletes because it fails are added to it.
func jobStep(before, after Snapshot) error {
	b, a := countErrand(before), countErrand(after)
	if finishedJob(b.job) {
		if !finishedJob(a.job) || a.job.Status.Failed != b.job.Status.Failed || a.job.Status.Succeeded != b.job.Status.Succeeded {
			return errors.New("a finished Job is changed")
		}
		return nil
	}
	if has, had, wanted := len(a.active), len(b.active), b.wanted(); has > max(had, wanted) {
		return fmt.Errorf("%d pods are active, where %d were and %d are wanted", has, had, wanted)
	}
	if b.onlyFailed() {
		if has, had := len(a.active)+a.going, len(b.active)+b.going; has > max(had, b.wanted()) {
			return fmt.Errorf("%d pods are active or terminating, where %d were and %d are wanted", has, had, b.wanted())
		}
	}
	if err := oneEach(b, a); err != nil {
		return err
	}
	return conserves(b, a, before, after)
}

func oneEach(b, a errand) error {
	if !isIndexed(a.job) {
		return nil
	}
	count := func(e errand) map[int]int {
		at := map[int]int{}
		for _, pod := range e.active {
			at[indexOf(e.job, pod)]++
		}
		return at
	}
	had := count(b)
	for index, has := range count(a) {
		if index >= 0 && has > max(1, had[index]) {
			return fmt.Errorf("%d pods work at index %d, where %d did", has, index, had[index])
		}
	}
	return nil
}

// conserves compares the sums. Where the Job itself or its pods are let go, none is owed.
func conserves(b, a errand, before, after Snapshot) error {
	if b.job.DeletionTimestamp != nil || b.leavers > 0 || len(refusedUpdates(before.Pending)) > 0 {
		return nil
	}
	if isIndexed(b.job) {
		if b.job.Spec.BackoffLimitPerIndex == nil && !maps.Equal(b.indexes, a.indexes) {
			return fmt.Errorf("indexes %v were completed, or were to be, and %v are", sortedKeys(b.indexes), sortedKeys(a.indexes))
		}
	} else if b.wins() != a.wins() {
		return fmt.Errorf("%d pods succeeded, counted or not, and now %d", b.wins(), a.wins())
	}
	most := b.failed
	if announces(a.job, batchv1.JobFailureTarget) {
		most += b.doomed
	}
	if a.failed < b.failed || a.failed > most {
		return fmt.Errorf("%d pods failed, counted or not, and now %d", b.failed, a.failed)
	}
	return nil
}

// jobPlan: creates = max(0, W - A), and less where something delays them, W = min(P, C - succeeded), with policy Failed less those that
// terminate; at indexes that are free; none for a Job that ends, waits or goes.
func jobPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	e := countErrand(s)
	creates, taken := 0, maps.Clone(e.indexes)
	for _, pod := range e.active {
		taken[indexOf(e.job, pod)] = true
	}
	for _, a := range answer.Actions {
		creation, ok := a.(plan.Create)
		if !ok {
			continue
		}
		creates++
		pod := creation.Object.(*corev1.Pod)
		if !isTracked(pod) {
			return errors.New("a pod is created that will not be counted")
		}
		if !isIndexed(e.job) {
			continue
		}
		index := indexOf(e.job, pod)
		if index < 0 || taken[index] {
			return fmt.Errorf("a pod is created at index %d", index)
		}
		taken[index] = true
	}
	room := e.wanted() - len(e.active)
	if e.onlyFailed() {
		room -= e.going
	}
	switch burst := cmp.Or(s.Policy.(job.Policy).Burst, 500); {
	case creates == 0:
	case creates > min(burst, room):
		return fmt.Errorf("%d pods are created, and %d are missing", creates, room)
	case e.ends() || finishedJob(e.job) || e.job.DeletionTimestamp != nil || *e.job.Spec.Suspend:
		return fmt.Errorf("%d pods are created for a Job that does not go on", creates)
	}
	return consistentEnd(answer.Whole.(*job.Result).Status)
}

// consistentEnd: what an API server requires of an end.
func consistentEnd(status batchv1.JobStatus) error {
	has := func(kind batchv1.JobConditionType) bool {
		return announces(&batchv1.Job{Status: status}, kind)
	}
	fails, succeeds := has(batchv1.JobFailureTarget), has(batchv1.JobSuccessCriteriaMet)
	switch {
	case fails && succeeds:
		return errors.New("the Job fails and succeeds")
	case has(batchv1.JobFailed) && !fails, has(batchv1.JobComplete) && !succeeds:
		return errors.New("the Job has ended without announcing it")
	}
	return nil
}

// jobGoal: finished, or as many pods at work as wanted; every finished pod counted; and a status that says so.
func jobGoal(s Snapshot) error {
	e := countErrand(s)
	status := e.job.Status
	for _, pod := range e.members {
		held := e.job.Spec.BackoffLimitPerIndex != nil && pod.Status.Phase == corev1.PodFailed && !finishedJob(e.job) // for its successor
		if s.controls(pod) && pod.UID != "" && isTracked(pod) && !held && (isFinished(pod) || finishedJob(e.job)) {
			return fmt.Errorf("pod %s still bears the finalizer", pod.Name)
		}
	}
	switch {
	case e.job.DeletionTimestamp != nil:
		return errors.New("the Job is being deleted")
	case finishedJob(e.job):
		return nil
	case e.orphans > 0 || e.leavers > 0:
		return fmt.Errorf("%d pods to adopt, %d to release", e.orphans, e.leavers)
	case e.ends():
		return errors.New("the Job ends")
	case *e.job.Spec.Suspend:
		return errors.New("the Job is suspended")
	case len(e.active) != e.wanted() || e.wanted() == 0:
		return fmt.Errorf("%d pods are active, %d wanted", len(e.active), e.wanted())
	case int(status.Active) != len(e.active):
		return fmt.Errorf("%d pods are active, the status says %d", len(e.active), status.Active)
	}
	return nil
}
