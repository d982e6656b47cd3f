package job

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// manage decides which pods go and which are created: never both in one plan.
func (r *round) manage() {
	active := len(r.seen.active)
	switch {
	case r.isDeleting(): // what becomes of its pods is for the garbage collector
	case r.ending.fails():
		r.remove(slices.DeleteFunc(r.surplus(active), r.owes), "the Job fails: "+r.ending.message)
	case r.ending != nil:
		r.remove(r.surplus(active), "the Job succeeds: "+r.ending.message)
	case isSuspended(r.job):
		r.remove(r.surplus(active), "the Job is suspended")
	default:
		wanted := r.wanted()
		surplus := r.surplus(active - wanted)
		r.trackAgain(surplus)
		if len(surplus) > 0 {
			r.remove(surplus, fmt.Sprintf("%d pods are active, %d wanted", active, wanted))
			return
		}
		r.create(r.missing())
	}
}

// wanted is how many pods should be at work: no more than there are completions to reach. A work queue starts no pod
// any more once one has succeeded.
func (r *round) wanted() int {
	parallelism := int(*r.job.Spec.Parallelism)
	switch completions := r.job.Spec.Completions; {
	case completions != nil:
		return int(max(0, min(int64(parallelism), int64(*completions)-r.tally.succeeded)))
	case r.tally.succeeded > 0:
		return len(r.seen.active)
	}
	return parallelism
}

// vacancies is how many pods are wanted beside those at work, and those that may still be: their deletion was issued, but
// nothing shows it. If only failed pods are replaced, those that terminate keep their place.
func (r *round) vacancies() int {
	vacancies := r.wanted() - len(r.seen.active) - r.unseen
	if replacesOnlyFailed(r.job) {
		vacancies -= int(r.seen.terminating) - r.unseen
	}
	return vacancies
}

// missing is how many pods are to be created: those whose creation was not answered may exist.
func (r *round) missing() int { return max(0, r.vacancies()-len(r.seen.unanswered)) }

// trackAgain gives the finalizer to pods at work that stay, and have lost it: they were to be deleted, the host stopped
// before that, and now they are wanted again. Without it nobody would count them.
func (r *round) trackAgain(surplus []member) {
	for _, m := range r.seen.active {
		goes := func(other member) bool { return other.pod == m.pod }
		if !m.tracked && m.pod.UID != "" && !slices.ContainsFunc(surplus, goes) {
			r.tracks = append(r.tracks, track(m.pod))
		}
	}
	slices.SortFunc(r.tracks, func(a, b plan.Action) int { return cmp.Compare(a.Target().Name, b.Target().Name) })
}

// remove deletes pods that are at work. Their finalizers go first: those of a Job that fails are listed as failed by then,
// all others are never counted.
func (r *round) remove(members []member, reason string) {
	for _, m := range members[:min(len(members), r.burst)] {
		if m.tracked {
			r.strip(m)
		}
		r.deletes = append(r.deletes, plan.Delete{Object: plan.RefTo(m.pod), Reason: reason})
	}
}

// surplus are the active pods to remove, at least the given number, in order: of an Indexed Job first those without a valid index
// and all but the best of each index; then those that have come least far.
func (r *round) surplus(atLeast int) []member {
	var surplus []member
	rest := r.seen.active
	if isIndexed(r.job) && r.tally.running.size() < len(rest) {
		surplus, rest = duplicates(rest)
	}
	if more := atLeast - len(surplus); more > 0 {
		rest = slices.SortedFunc(slices.Values(rest), byProgress)
		surplus = append(surplus, rest[:more]...)
	}
	return surplus
}

func duplicates(active []member) (duplicates, rest []member) {
	active = slices.SortedFunc(slices.Values(active), func(a, b member) int {
		return cmp.Or(cmp.Compare(writtenIndex(a.pod), writtenIndex(b.pod)), byProgress(a, b))
	})
	for i, m := range active {
		if m.index != none && (i+1 == len(active) || active[i+1].index != m.index) {
			rest = append(rest, m)
		} else {
			duplicates = append(duplicates, m)
		}
	}
	return duplicates, rest
}

// byProgress orders pods by how little is lost with them: without a node; Pending, Unknown, Running; not Ready; Ready
// for less time; more restarts; the younger.
func byProgress(a, b member) int {
	aRestarts, aSidecars := pods.Restarts(a.pod)
	bRestarts, bSidecars := pods.Restarts(b.pod)
	return cmp.Or(
		cmp.Compare(oneIf(a.pod.Spec.NodeName != ""), oneIf(b.pod.Spec.NodeName != "")),
		cmp.Compare(pods.Progress(a.pod), pods.Progress(b.pod)),
		cmp.Compare(oneIf(pods.IsReady(a.pod)), oneIf(pods.IsReady(b.pod))),
		latestFirst(pods.ReadySince(a.pod), pods.ReadySince(b.pod)),
		cmp.Compare(bRestarts, aRestarts),
		cmp.Compare(bSidecars, aSidecars),
		latestFirst(a.pod.CreationTimestamp.Time, b.pod.CreationTimestamp.Time),
		byName(a.pod, b.pod),
	)
}

// latestFirst: a time that is not known comes before any other.
func latestFirst(a, b time.Time) int {
	switch {
	case a.IsZero() == b.IsZero():
		return b.Compare(a)
	case a.IsZero():
		return -1
	}
	return 1
}

func oneIf(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

// create starts pods: of an Indexed Job at the lowest indexes at which there is work.
func (r *round) create(missing int) {
	if missing == 0 || r.namespaceEnds() || r.now.Before(r.memory.readyAt()) {
		return
	}
	if !isIndexed(r.job) {
		for range min(missing, r.burst) {
			r.creates = append(r.creates, plan.Create{Object: r.newPod()})
		}
		return
	}
	for _, index := range r.vacant(min(missing, r.burst)) {
		if !r.now.Before(r.tally.retryAt(index)) {
			r.creates = append(r.creates, plan.Create{Object: r.newPodAt(index)})
		}
	}
}

// vacant are the lowest count indexes at which there is work and nobody does it. Indexes whose pods were refused last time
// come last, so that they keep no other from its turn.
func (r *round) vacant(count int) []int {
	taken := r.tally.completed.union(r.tally.lost).union(r.tally.running).union(indexesOf(indexes(r.seen.unanswered)))
	if replacesOnlyFailed(r.job) {
		var terminating []member
		for _, m := range r.seen.inactive {
			if pods.IsTerminating(m.pod) {
				terminating = append(terminating, m)
			}
		}
		taken = taken.union(indexesOf(indexes(terminating)))
	}
	completions := int(*r.job.Spec.Completions)
	refused := indexesOf(r.refusedIndexes()).minus(taken)
	vacant := taken.union(refused).missing(count, completions)
	for _, part := range refused {
		for index := part.first; index <= part.last && len(vacant) < count; index++ {
			vacant = append(vacant, index)
		}
	}
	isDue := func(index int) bool { return !r.now.Before(r.tally.retryAt(index)) }
	if !slices.ContainsFunc(vacant, isDue) {
		return taken.missing(count, completions) // nobody gives way to what has to wait
	}
	return vacant
}

func (r *round) refusedIndexes() []int {
	var refused []int
	for _, o := range r.pending.Failures() {
		create, ok := o.Action.(plan.Create)
		if !ok || !r.owner.Owns(create.Object) {
			continue
		}
		if pod, ok := create.Object.(*corev1.Pod); ok {
			if index := indexOf(pod, int(*r.job.Spec.Completions)); index != none {
				refused = append(refused, index)
			}
		}
	}
	return refused
}

// namespaceEnds reports whether a creation was refused because the namespace is being deleted: so will be all others.
func (r *round) namespaceEnds() bool {
	return slices.ContainsFunc(r.pending.Failures(), func(o plan.Outcome) bool {
		create, ok := o.Action.(plan.Create)
		return ok && r.owner.Owns(create.Object) && plan.NamespaceTerminating(o.Err)
	})
}

// newPod makes a pod that is tracked until it is counted.
func (r *round) newPod() *corev1.Pod {
	pod := pods.FromTemplate(&r.job.Spec.Template, r.job, r.owner.Reference())
	if !slices.Contains(pod.Finalizers, finalizer) {
		pod.Finalizers = append(pod.Finalizers, finalizer)
	}
	return pod
}

// newPodAt makes the pod of one index, which knows it by name, hostname, label, annotation and environment.
func (r *round) newPodAt(index int) *corev1.Pod {
	pod := r.newPod()
	number := strconv.Itoa(index)
	pod.GenerateName = namePrefix(r.job.Name, number)
	pod.Spec.Hostname = hostname(r.job, index)
	pod.Labels = with(pod.Labels, batchv1.JobCompletionIndexAnnotation, number)
	pod.Annotations = with(pod.Annotations, batchv1.JobCompletionIndexAnnotation, number)
	if r.job.Spec.BackoffLimitPerIndex != nil {
		r.countAttempts(pod, index)
	}
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			tellIndex(&containers[i])
		}
	}
	return pod
}

func tellIndex(container *corev1.Container) {
	const name = "JOB_COMPLETION_INDEX"
	if slices.ContainsFunc(container.Env, func(v corev1.EnvVar) bool { return v.Name == name }) {
		return
	}
	path := fmt.Sprintf("metadata.labels['%s']", batchv1.JobCompletionIndexAnnotation)
	container.Env = append(container.Env, corev1.EnvVar{
		Name:      name,
		ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}},
	})
}

func hostname(job *batchv1.Job, index int) string { return fmt.Sprintf("%s-%d", job.Name, index) }

// namePrefix is "<job>-<index>-", the Job's name cut so that the five characters that the API server adds still fit.
func namePrefix(job, index string) string {
	const longest = 63 - 5
	suffix := "-" + index + "-"
	return job[:min(len(job), longest-len(suffix))] + suffix
}

func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
