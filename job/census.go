package job

import (
	"cmp"
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/ahead"
	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// none is the index of a pod without a valid one.
const none = -1

// member is a pod of the Job and what is read from it once.
type member struct {
	pod     *corev1.Pod
	index   int  // none: of a Job that is not Indexed, or missing, malformed, out of range
	tracked bool // has the finalizer: it is not counted yet
	failed  bool // counts as failed, if the pod failure policy does not object
}

func (m member) succeeded() bool { return m.pod.Status.Phase == corev1.PodSucceeded }

// census is what the view holds for one Job.
type census struct {
	active     []member      // at work
	inactive   []member      // finished or being deleted, as far as that still matters
	unanswered []member      // created, as far as we know: nobody answered, and the view does not show them
	orphans    []*corev1.Pod // to be adopted
	leavers    []*corev1.Pod // controlled and no longer selected: to be released

	ready, terminating int32
	restarts           int64 // of the containers of pods that restart on failure and have not finished
}

func takeCensus(view []*corev1.Pod, job *batchv1.Job, owner owners.Owner, selector labels.Selector, pending plan.Pending) census {
	var seen census
	lost := pending.Unanswered()
	for pod := range ahead.OfPods(view) {
		switch verdict := owner.Judge(pod, selector); {
		case verdict == owners.Ours && !lost.AnswerBy(pod).IsZero():
			seen.unanswered = append(seen.unanswered, memberOf(pod, job))
		case verdict == owners.Ours:
			seen.add(pod, job)
		case verdict == owners.Orphan:
			seen.orphans = append(seen.orphans, pod)
		case verdict == owners.Leaver || owner.Owns(pod): // the latter while the Job is being deleted
			seen.leavers = append(seen.leavers, pod)
		}
	}
	slices.SortFunc(seen.orphans, byName)
	slices.SortFunc(seen.leavers, byName)
	slices.SortFunc(seen.inactive, byIndex)
	return seen
}

func memberOf(pod *corev1.Pod, job *batchv1.Job) member {
	m := member{pod: pod, index: none, tracked: isTracked(pod), failed: isFailed(pod, job)}
	if isIndexed(job) {
		m.index = indexOf(pod, int(*job.Spec.Completions))
	}
	return m
}

// isTracked reports whether a server has stored the pod with the finalizer: nothing else can be counted.
func isTracked(pod *corev1.Pod) bool {
	return pod.UID != "" && slices.Contains(pod.Finalizers, finalizer)
}

// add sorts in a pod of the Job. One that is finished and counted matters no more, but to a pod failure policy.
func (seen *census) add(pod *corev1.Pod, job *batchv1.Job) {
	active, terminating := pods.IsActive(pod), pods.IsTerminating(pod)
	switch {
	case active:
		seen.active = append(seen.active, memberOf(pod, job))
		if pods.IsReady(pod) {
			seen.ready++
		}
	case terminating || isTracked(pod) || job.Spec.PodFailurePolicy != nil:
		seen.inactive = append(seen.inactive, memberOf(pod, job))
	}
	if terminating {
		seen.terminating++
	}
	if (active || terminating) && job.Spec.Template.Spec.RestartPolicy == corev1.RestartPolicyOnFailure {
		seen.restarts += restarts(pod)
	}
}

// isFailed reports whether the pod counts as failed: it is, or it is being deleted, which takes from it the chance to
// say how it ended, unless the Job waits for just that.
func isFailed(pod *corev1.Pod, job *batchv1.Job) bool {
	return pod.Status.Phase == corev1.PodFailed || (pods.IsTerminating(pod) && !replacesOnlyFailed(job))
}

func restarts(pod *corev1.Pod) (sum int64) {
	if pod.Status.Phase != corev1.PodRunning && pod.Status.Phase != corev1.PodPending {
		return 0
	}
	for i := range pod.Status.InitContainerStatuses {
		sum += int64(pod.Status.InitContainerStatuses[i].RestartCount)
	}
	for i := range pod.Status.ContainerStatuses {
		sum += int64(pod.Status.ContainerStatuses[i].RestartCount)
	}
	return sum
}

// indexOf reads the completion index of a pod: none unless it is from 0 to completions-1.
func indexOf(pod *corev1.Pod, completions int) int {
	if index := writtenIndex(pod); index < completions {
		return index
	}
	return none
}

// writtenIndex is the index that a pod says it has, valid or not.
func writtenIndex(pod *corev1.Pod) int {
	index, err := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
	if err != nil || index < 0 {
		return none
	}
	return index
}

// claims releases the pods that no longer match and adopts those that do and are nobody's; a Job that is being deleted
// does neither. A pod that no longer matches and is being deleted is only let go. Those that the API server has refused
// stand apart, to be tried again behind all others, in turn: nothing waits for them.
func (r *round) claims() (first, refused []plan.Action) {
	before := map[types.UID]bool{}
	for _, uid := range r.memory.Refused {
		before[uid] = true
	}
	for _, o := range r.pending.Failures() {
		before[o.Action.Target().UID] = true
	}
	r.memory.Refused = nil
	for _, claim := range r.allClaims() {
		if uid := claim.Target().UID; before[uid] {
			refused = append(refused, claim)
			r.memory.Refused = append(r.memory.Refused, uid)
		} else {
			first = append(first, claim)
		}
	}
	slices.Sort(r.memory.Refused)
	return first, r.pending.RefusedLast(refused)
}

func (r *round) allClaims() []plan.Action {
	var claims []plan.Action
	for _, pod := range r.seen.leavers {
		switch {
		case pod.DeletionTimestamp != nil && slices.Contains(pod.Finalizers, finalizer):
			claims = append(claims, untrack(pod))
		case pod.DeletionTimestamp == nil && !r.isDeleting():
			claims = append(claims, r.owner.Release(pod, finalizer))
		}
	}
	for _, pod := range r.seen.orphans {
		if pods.IsActive(pod) && !r.isEnding() {
			claims = append(claims, r.owner.Adopt(pod, finalizer))
		} else {
			claims = append(claims, r.owner.Adopt(pod)) // it may have been counted before it was taken away
		}
	}
	return claims
}

// indexes gives the valid indexes of members.
func indexes(members []member) []int {
	found := make([]int, 0, len(members))
	for i := range members {
		if members[i].index != none {
			found = append(found, members[i].index)
		}
	}
	return found
}

func byIndex(a, b member) int {
	return cmp.Or(cmp.Compare(a.index, b.index), byName(a.pod, b.pod))
}

func byName(a, b *corev1.Pod) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}
