package plantest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// ranks is what the formulas of a StatefulSet are about, counted in the plainest way.
type ranks struct {
	set        *appsv1.StatefulSet
	start, end int
	members    map[int]*corev1.Pod // controlled and selected, or selected orphans that may be adopted
	orphans    int                 // of the members
	leavers    int
	others     map[int]*corev1.Pod // pods that bear a member's name
	claims     map[string]*corev1.PersistentVolumeClaim
	volumes    map[string]*corev1.PersistentVolume
	now        time.Time
}

func countRanks(s Snapshot) ranks {
	set := s.Workload.(*appsv1.StatefulSet)
	r := ranks{set: set, now: s.Now, members: map[int]*corev1.Pod{}, others: map[int]*corev1.Pod{}, claims: map[string]*corev1.PersistentVolumeClaim{}, volumes: map[string]*corev1.PersistentVolume{}}
	if set.Spec.Ordinals != nil {
		r.start = int(set.Spec.Ordinals.Start)
	}
	r.end = r.start + int(orOne(set.Spec.Replicas))
	selector, _ := metav1.LabelSelectorAsSelector(set.Spec.Selector)
	unadoptable := refusedUpdates(s.Pending)
	deleting := set.DeletionTimestamp != nil
	for _, pod := range All[*corev1.Pod](s.consistent()) {
		digits, numbered := strings.CutPrefix(pod.Name, set.Name+"-")
		numbered = numbered && strings.Trim(digits, "0123456789") == ""
		ordinal, err := strconv.Atoi(digits)
		named := numbered && err == nil && strconv.Itoa(ordinal) == digits
		selected, ours := selector.Matches(labels.Set(pod.Labels)), s.controls(pod)
		orphan := metav1.GetControllerOf(pod) == nil && pod.DeletionTimestamp == nil && !deleting && !unadoptable[pod.UID]
		switch {
		case pod.Namespace != set.Namespace:
		case named && selected && (ours || orphan):
			r.members[ordinal] = pod
			if !ours {
				r.orphans++
			}
		default:
			if named {
				r.others[ordinal] = pod
			}
			if ours && (!selected || !numbered) && pod.DeletionTimestamp == nil && !deleting {
				r.leavers++
			}
		}
	}
	for _, claim := range All[*corev1.PersistentVolumeClaim](s.consistent()) {
		if claim.Namespace == set.Namespace {
			r.claims[claim.Name] = claim
		}
	}
	for _, volume := range All[*corev1.PersistentVolume](s.consistent()) {
		r.volumes[volume.Name] = volume
	}
	return r
}

func (r ranks) isReady(pod *corev1.Pod) (since time.Time, ready bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionTrue
		}
	}
	return time.Time{}, false
}

// isHealthy: it runs, Ready for long enough, and is not being deleted.
func (r ranks) isHealthy(ordinal int) bool {
	pod := r.members[ordinal]
	return pod != nil && pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning && r.isAvailable(pod)
}

// isAvailable: Ready for long enough.
func (r ranks) isAvailable(pod *corev1.Pod) bool {
	since, ready := r.isReady(pod)
	wait := r.set.Spec.MinReadySeconds
	return ready && (wait == 0 || !since.IsZero() && r.now.Sub(since).Seconds() >= float64(wait))
}

func (r ranks) isOrdered() bool {
	return r.set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement
}

func (r ranks) inRange(ordinal int) bool { return r.start <= ordinal && ordinal < r.end }

func (r ranks) available() int {
	available := 0
	for ordinal := r.start; ordinal < r.end; ordinal++ {
		if r.isHealthy(ordinal) {
			available++
		}
	}
	return available
}

func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// partition is the first ordinal that an update reaches.
func (r ranks) partition() int {
	if rolling := r.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		return r.start + int(*rolling.Partition)
	}
	return r.start
}

// disruptions is how many pods the policy allows to be unavailable in an update.
func (r ranks) disruptions(policy statefulset.Policy) int {
	rolling := r.set.Spec.UpdateStrategy.RollingUpdate
	if !policy.MaxUnavailable || rolling == nil || rolling.MaxUnavailable == nil {
		return 1
	}
	scaled, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, r.end-r.start, false)
	return max(1, scaled)
}

// statefulSetStep: a pod comes only in its place, with its claims, and in its turn; it goes only in its turn; and no claim goes.
func statefulSetStep(before, after Snapshot) error {
	b, a := countRanks(before), countRanks(after)
	policy := before.Policy.(statefulset.Policy)
	changed, deletedForUpdate := 0, 0
	for _, ordinal := range sortedKeys(a.members) {
		pod := a.members[ordinal]
		if was := b.members[ordinal]; was != nil || b.others[ordinal] != nil {
			if was != nil && was.UID != pod.UID {
				return fmt.Errorf("pod %s is another one", pod.Name)
			}
			continue
		}
		changed++
		if err := a.mayCome(ordinal, b); err != nil {
			return err
		}
	}
	for _, ordinal := range sortedKeys(b.members) {
		was, is := b.members[ordinal], a.members[ordinal]
		if is != nil && (is.DeletionTimestamp == nil || was.DeletionTimestamp != nil) || a.others[ordinal] != nil {
			continue
		}
		changed++
		if err := b.mayGo(ordinal, policy); err != nil {
			return err
		}
		if err := b.goesAlone(ordinal); err != nil {
			return err
		}
		if b.inRange(ordinal) && b.isHealthy(ordinal) {
			deletedForUpdate++
		}
	}
	if b.isOrdered() && changed > 1 && !policy.MaxUnavailable {
		return fmt.Errorf("OrderedReady, and %d pods come or go", changed)
	}
	unavailable := b.end - b.start - b.available()
	if allowed := max(1, b.disruptions(policy)-unavailable); deletedForUpdate > allowed {
		return fmt.Errorf("%d available pods go, %d may", deletedForUpdate, allowed)
	}
	if err := claimsStay(b, a); err != nil {
		return err
	}
	return bindingsFit(b, a, policy)
}

func (r ranks) mayCome(ordinal int, before ranks) error {
	name := r.members[ordinal].Name
	if !r.inRange(ordinal) {
		return fmt.Errorf("pod %s comes, which is out of range", name)
	}
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		if claim := r.claims[template.Name+"-"+name]; claim == nil || claim.DeletionTimestamp != nil {
			return fmt.Errorf("pod %s comes without its claim %s-%s", name, template.Name, name)
		}
	}
	for lower := r.start; r.isOrdered() && lower < ordinal; lower++ {
		if !before.isHealthy(lower) {
			return fmt.Errorf("OrderedReady, and pod %s comes while %s-%d is not available", name, r.set.Name, lower)
		}
	}
	return nil
}

func (r ranks) mayGo(ordinal int, policy statefulset.Policy) error {
	pod := r.members[ordinal]
	onDelete := r.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	switch {
	case r.inRange(ordinal) && isFinished(pod):
		return nil
	case r.inRange(ordinal) && onDelete:
		return fmt.Errorf("OnDelete, and pod %s goes", pod.Name)
	case r.inRange(ordinal) && ordinal < r.partition():
		return fmt.Errorf("pod %s goes, which is below the partition", pod.Name)
	}
	if !r.isOrdered() {
		return nil
	}
	if policy.Unblock && r.inRange(ordinal) && !r.isHealthy(ordinal) {
		return nil
	}
	unavailable, first := 0, 0
	for other := r.end - 1; other >= r.start; other-- {
		if !r.isHealthy(other) {
			unavailable, first = unavailable+1, other
		}
	}
	allowed := 0 // an update that may make several unavailable does so pod by pod
	if r.inRange(ordinal) {
		allowed = r.disruptions(policy) - 1
	}
	if unavailable > allowed {
		return fmt.Errorf("OrderedReady, and pod %s goes while %s-%d is not available", pod.Name, r.set.Name, first)
	}
	for higher := range r.members {
		if !r.inRange(higher) && higher > ordinal {
			return fmt.Errorf("OrderedReady, and pod %s goes before %s-%d", pod.Name, r.set.Name, higher)
		}
	}
	return nil
}

// statefulSetPlan: which pods are created and which may go, found by going through all ordinals, and the status that is there.
func statefulSetPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	r := countRanks(s)
	if len(r.set.Spec.Selector.MatchLabels)+len(r.set.Spec.Selector.MatchExpressions) == 0 {
		return nil
	}
	if err := compareStatefulSetStatus(s, r, answer.Whole.(*statefulset.Result).Status); err != nil {
		return err
	}
	if err := r.endsInTime(s, answer.Whole.(*statefulset.Result).Status); err != nil {
		return err
	}
	var creates []string
	for _, a := range answer.Actions {
		if create, ok := a.(plan.Create); ok {
			if pod, ok := create.Object.(*corev1.Pod); ok {
				creates = append(creates, pod.Name)
			}
		}
	}
	slices.Sort(creates)
	if want := r.wanting(); !slices.Equal(creates, want) {
		return fmt.Errorf("the pods %v are created, not %v", creates, want)
	}
	if err := r.inTurn(answer); err != nil {
		return err
	}
	return r.onlyIfHealthy(answer, s.Policy.(statefulset.Policy))
}

// endsInTime: the revision that the set came from, which it still has, is given up only once every pod is ready and of the other.
func (r ranks) endsInTime(s Snapshot, got appsv1.StatefulSetStatus) error {
	was := r.set.Status.CurrentRevision
	selector, _ := metav1.LabelSelectorAsSelector(r.set.Spec.Selector)
	kept := slices.ContainsFunc(All[*appsv1.ControllerRevision](s.consistent()), func(revision *appsv1.ControllerRevision) bool {
		return revision.Name == was && s.controls(revision) && selector.Matches(labels.Set(revision.Labels)) && revision.DeletionTimestamp == nil
	})
	if !kept || got.CurrentRevision == was {
		return nil
	}
	for ordinal := r.start; ordinal < r.end; ordinal++ {
		pod := r.members[ordinal]
		if pod == nil || pod.DeletionTimestamp != nil || pod.Labels[appsv1.StatefulSetRevisionLabel] != got.UpdateRevision {
			return fmt.Errorf("the update counts as complete, and %s-%d is not of revision %s", r.set.Name, ordinal, got.UpdateRevision)
		}
	}
	return nil
}

// onlyIfHealthy: under OrderedReady a plan deletes for the update only where nothing is missing before it, however many may be.
func (r ranks) onlyIfHealthy(answer Answer, policy statefulset.Policy) error {
	if !r.isOrdered() || r.available() == r.end-r.start {
		return nil
	}
	for _, a := range answer.Actions {
		deletion, ok := a.(plan.Delete)
		if !ok || deletion.Object.Kind != "Pod" {
			continue
		}
		for ordinal := r.start; ordinal < r.end; ordinal++ {
			pod := r.members[ordinal]
			if pod == nil || pod.Name != deletion.Object.Name || isFinished(pod) || policy.Unblock && !r.isHealthy(ordinal) {
				continue
			}
			return fmt.Errorf("OrderedReady, and pod %s goes while %d of %d are available", pod.Name, r.available(), r.end-r.start)
		}
	}
	return nil
}

// inTurn: of the pods in range that are not finished only those go that are not of the update's revision, and if they are
// available, from the highest ordinal to the lowest.
func (r ranks) inTurn(answer Answer) error {
	goes := map[string]bool{}
	for _, a := range answer.Actions {
		if deletion, ok := a.(plan.Delete); ok && deletion.Object.Kind == "Pod" {
			goes[deletion.Object.Name] = true
		}
	}
	update, passedOver := answer.Whole.(*statefulset.Result).Status.UpdateRevision, ""
	for ordinal := r.end - 1; ordinal >= r.start; ordinal-- {
		pod := r.members[ordinal]
		if pod == nil || isFinished(pod) || pod.DeletionTimestamp != nil {
			continue
		}
		outdated := pod.Labels[appsv1.StatefulSetRevisionLabel] != update
		switch {
		case goes[pod.Name] && !outdated:
			return fmt.Errorf("pod %s goes, and is of the revision that it should be of", pod.Name)
		case goes[pod.Name] && r.isHealthy(ordinal) && passedOver != "":
			return fmt.Errorf("pod %s goes before %s", pod.Name, passedOver)
		case !goes[pod.Name] && outdated && r.isHealthy(ordinal) && metav1.GetControllerOf(pod) != nil: // an orphan is adopted first
			passedOver = pod.Name
		}
	}
	return nil
}

// wanting are the names of the pods that a plan has to create.
func (r ranks) wanting() []string {
	var names []string
	for ordinal := r.start; ordinal < r.end && r.set.DeletionTimestamp == nil; ordinal++ {
		name := r.set.Name + "-" + strconv.Itoa(ordinal)
		if r.members[ordinal] == nil && r.others[ordinal] == nil && r.claimsAllow(name) {
			names = append(names, name)
		}
		if r.isOrdered() && !r.isHealthy(ordinal) {
			break
		}
		if pod := r.members[ordinal]; r.isOrdered() && pod != nil && r.mustMount(pod) {
			break
		}
	}
	return names
}

// mustMount: a pod that does not mount a claim that is being deleted cannot be mended, and blocks.
func (r ranks) mustMount(pod *corev1.Pod) bool {
	mounted, goes := true, false
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		name := template.Name + "-" + pod.Name
		mounted = mounted && slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.Name == template.Name && v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == name
		})
		goes = goes || r.claims[name] != nil && r.claims[name].DeletionTimestamp != nil
	}
	return !mounted && goes
}

// claimsAllow: a claim that is being deleted, or goes with a former pod of the name, keeps the pod from coming.
func (r ranks) claimsAllow(pod string) bool {
	policy := r.set.Spec.PersistentVolumeClaimRetentionPolicy
	goWithPods := policy != nil && policy.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		claim := r.claims[template.Name+"-"+pod]
		if claim == nil {
			continue
		}
		ofFormer := slices.ContainsFunc(claim.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "Pod" && o.Name == pod })
		if claim.DeletionTimestamp != nil || goWithPods && ofFormer {
			return false
		}
	}
	return true
}

// compareStatefulSetStatus compares a status with what is there. Orphans count from their adoption on.
func compareStatefulSetStatus(s Snapshot, r ranks, got appsv1.StatefulSetStatus) error {
	want := appsv1.StatefulSetStatus{
		ObservedGeneration: r.set.Generation,
		CurrentRevision:    got.CurrentRevision,
		UpdateRevision:     got.UpdateRevision,
		CurrentReplicas:    got.CurrentReplicas,
		CollisionCount:     got.CollisionCount,
		Conditions:         r.set.Status.Conditions,
	}
	for _, pod := range r.members {
		if !s.controls(pod) {
			continue
		}
		want.Replicas++
		if _, ready := r.isReady(pod); ready && pod.Status.Phase == corev1.PodRunning {
			want.ReadyReplicas++
			if r.isAvailable(pod) { // even while it is being deleted
				want.AvailableReplicas++
			}
		}
		if pod.DeletionTimestamp == nil && pod.Labels[appsv1.StatefulSetRevisionLabel] == got.UpdateRevision {
			want.UpdatedReplicas++
		}
	}
	if !same(want, got) {
		return fmt.Errorf("the status is behind:\n%s", difference(want, got))
	}
	return nil
}

// statefulSetGoal: a pod for each ordinal, available and of the revision that it is to have, no other, and a status that says so.
func statefulSetGoal(s Snapshot) error {
	r := countRanks(s)
	switch {
	case r.set.DeletionTimestamp != nil:
		return errors.New("the StatefulSet is being deleted")
	case len(r.set.Spec.Selector.MatchLabels)+len(r.set.Spec.Selector.MatchExpressions) == 0:
		return errors.New("the selector is empty")
	case r.orphans > 0 || r.leavers > 0:
		return fmt.Errorf("%d pods to adopt, %d to release", r.orphans, r.leavers)
	}
	onDelete := r.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	for ordinal := r.start; ordinal < r.end; ordinal++ {
		if !r.isHealthy(ordinal) {
			return fmt.Errorf("%s-%d is not available", r.set.Name, ordinal)
		}
		revision := r.members[ordinal].Labels[appsv1.StatefulSetRevisionLabel]
		if ordinal >= r.partition() && revision != r.set.Status.UpdateRevision && !onDelete {
			return fmt.Errorf("%s-%d is of revision %q, not %q", r.set.Name, ordinal, revision, r.set.Status.UpdateRevision)
		}
	}
	for ordinal := range r.members {
		if !r.inRange(ordinal) {
			return fmt.Errorf("%s-%d is surplus", r.set.Name, ordinal)
		}
	}
	return compareStatefulSetStatus(s, r, r.set.Status)
}
