package conformance

import (
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/features"
)

// scene is the cluster before one of our plans, read in the plainest way: whatever row explains a difference, each write of ours
// must be one that the documentation of StatefulSets allows here.
type scene struct {
	round      Round
	set        *appsv1.StatefulSet
	start, end int
	update     string // the revision that the set is updated to
}

// oursIsDue reports whether every write of ours is.
func oursIsDue(c *Case) bool {
	for _, r := range c.Ours.Rounds {
		if s, ok := newScene(r); ok && !s.isDue() {
			return false
		}
	}
	return true
}

// oursIsReported reports whether the status at rest is of the set's generation and counts its pods: all that it owns, that is, for at rest
// it owns none that it does not select.
func oursIsReported(c *Case) bool {
	set, ok := c.Ours.State[db.String()].(map[string]any)
	if !ok {
		return true
	}
	generation, _, _ := unstructured.NestedFloat64(set, "metadata", "generation")
	observed, _, _ := unstructured.NestedFloat64(set, "status", "observedGeneration")
	reported, _, _ := unstructured.NestedFloat64(set, "status", "replicas")
	owned := 0
	for name, object := range c.Ours.State {
		if fields, ok := object.(map[string]any); ok && strings.HasPrefix(name, "Pod ") {
			pod := &unstructured.Unstructured{Object: fields}
			if controller := metav1.GetControllerOfNoCopy(pod); controller != nil && controller.UID == db.UID && pod.GetLabels()["app"] == "db" {
				owned++
			}
		}
	}
	return observed >= generation && int(reported) == owned
}

func newScene(r Round) (scene, bool) {
	set, ok := find[*appsv1.StatefulSet](r.Before, db.Name)
	if !ok {
		return scene{}, false
	}
	s := scene{round: r, set: set, update: set.Status.UpdateRevision}
	if set.Spec.Ordinals != nil {
		s.start = int(set.Spec.Ordinals.Start)
	}
	s.end = s.start + int(*set.Spec.Replicas)
	for _, w := range r.Writes {
		if after, ok := w.After.(*appsv1.StatefulSet); ok {
			s.update = after.Status.UpdateRevision
		}
	}
	return s, true
}

func (s scene) isDue() bool {
	pods, updates, available := 0, 0, 0
	for i, w := range s.round.Writes {
		due := true
		switch {
		case w.Verb == "update-status":
		case s.set.DeletionTimestamp != nil:
			due = false
		case w.Verb == "create" && w.Ref.Kind == "Pod":
			pods++
			due = s.mayCreate(w.Ref.Name, s.round.Writes[:i])
		case w.Verb == "create" && w.Ref.Kind == "PersistentVolumeClaim":
			_, exists := find[*corev1.PersistentVolumeClaim](s.round.Before, w.Ref.Name)
			due = !exists
		case w.Verb == "update" && w.Ref.Kind == "PersistentVolumeClaim":
			due = s.mayChangeHands(w)
		case w.Verb == "delete" && w.Ref.Kind == "PersistentVolumeClaim":
			due = false
		case w.Verb == "delete" && w.Ref.Kind == "ControllerRevision":
			due = !s.isLive(w.Ref.Name)
		case w.Verb == "delete" && w.Ref.Kind == "Pod":
			pods++
			forUpdate := s.isForUpdate(ordinalIn(w.Ref.Name))
			if forUpdate {
				updates++
			}
			if forUpdate && s.isAvailable(ordinalIn(w.Ref.Name)) {
				available++
			}
			due = s.mayDelete(ordinalIn(w.Ref.Name))
		}
		if !due {
			return false
		}
	}
	if !s.isGated() {
		return updates <= 1 && (s.isParallel() || pods <= 1)
	}
	return available <= max(0, s.disruptions()-s.unavailable()) && (s.isParallel() || pods <= 1 || pods == updates)
}

// mayCreate: in range, no pod of the name, its claims there, and under OrderedReady all before it healthy.
func (s scene) mayCreate(name string, earlier []Write) bool {
	if _, exists := find[*corev1.Pod](s.round.Before, name); exists || !s.inRange(ordinalIn(name)) {
		return false
	}
	for _, template := range s.set.Spec.VolumeClaimTemplates {
		claim, exists := find[*corev1.PersistentVolumeClaim](s.round.Before, template.Name+"-"+name)
		created := slices.ContainsFunc(earlier, func(w Write) bool {
			return w.Verb == "create" && w.Err == nil && w.Ref.Name == template.Name+"-"+name
		})
		if exists && claim.DeletionTimestamp != nil || !exists && !created {
			return false
		}
	}
	return s.isParallel() || s.areHealthy(s.start, ordinalIn(name))
}

// mayDelete: what is finished, surplus or outdated, in its turn.
func (s scene) mayDelete(ordinal int) bool {
	pod := s.member(ordinal)
	switch {
	case pod == nil || pod.DeletionTimestamp != nil:
		return false
	case !s.inRange(ordinal) && s.isParallel():
		return true
	case !s.inRange(ordinal):
		return s.areHealthy(s.start, s.end) && ordinal == slices.Max(s.surplus())
	case s.takesClaims(pod):
		return false
	case isFinished(pod):
		return s.isParallel() || s.areHealthy(s.start, ordinal)
	case !s.isForUpdate(ordinal):
		return false
	case !s.isParallel() && (!s.areHealthy(s.start, s.end) || len(s.surplus()) > 0):
		return false
	}
	for higher := ordinal + 1; higher < s.end; higher++ {
		if !s.isGated() && !s.isAvailable(higher) {
			return false
		}
		if s.isGated() && s.isAvailable(ordinal) && s.isAvailable(higher) && s.isForUpdate(higher) && !s.deletes(higher) {
			return false
		}
	}
	return true
}

// mayChangeHands: an owner that comes is the set, or the surplus pod, and the policy says so; one that goes is either of them.
func (s scene) mayChangeHands(w Write) bool {
	if w.Err != nil {
		return true
	}
	before, ok := find[*corev1.PersistentVolumeClaim](s.round.Before, w.Ref.Name)
	if !ok {
		return false
	}
	ordinal, retention := ordinalIn(w.Ref.Name), s.set.Spec.PersistentVolumeClaimRetentionPolicy
	has := func(refs []metav1.OwnerReference, r metav1.OwnerReference) bool {
		return slices.ContainsFunc(refs, func(o metav1.OwnerReference) bool { return o.UID == r.UID })
	}
	for _, r := range w.After.GetOwnerReferences() {
		switch {
		case has(before.OwnerReferences, r):
		case r.UID == s.set.UID && retention.WhenDeleted == appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
		case s.member(ordinal) != nil && r.UID == s.member(ordinal).UID && !s.inRange(ordinal) && retention.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
		default:
			return false
		}
	}
	return !slices.ContainsFunc(before.OwnerReferences, func(r metav1.OwnerReference) bool {
		return !has(w.After.GetOwnerReferences(), r) && r.Name != s.set.Name && r.Name != s.set.Name+"-"+strconv.Itoa(ordinal)
	})
}

// isLive: some pod is of the revision, or will be.
func (s scene) isLive(revision string) bool {
	return revision == s.update || slices.ContainsFunc(ObjectsOf[*corev1.Pod](s.round.Before), func(pod *corev1.Pod) bool {
		return metav1.IsControlledBy(pod, s.set) && s.selects(pod) && pod.Labels[appsv1.StatefulSetRevisionLabel] == revision
	})
}

func (s scene) selects(pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(s.set.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}

// member is the pod of an ordinal, nil if it is missing or another's.
func (s scene) member(ordinal int) *corev1.Pod {
	pod, ok := find[*corev1.Pod](s.round.Before, s.set.Name+"-"+strconv.Itoa(ordinal))
	if !ok || !s.selects(pod) {
		return nil
	}
	switch controller := metav1.GetControllerOf(pod); {
	case controller == nil && pod.DeletionTimestamp != nil: // it is never adopted
		return nil
	case controller != nil && controller.UID != s.set.UID:
		return nil
	}
	return pod
}

func (s scene) surplus() []int {
	var surplus []int
	for _, pod := range ObjectsOf[*corev1.Pod](s.round.Before) {
		if ordinal := ordinalIn(pod.Name); !s.inRange(ordinal) && s.member(ordinal) != nil {
			surplus = append(surplus, ordinal)
		}
	}
	return surplus
}

func (s scene) isAvailable(ordinal int) bool {
	pod := s.member(ordinal)
	return pod != nil && pod.DeletionTimestamp == nil && !isFinished(pod) && podutil.IsPodAvailable(pod, s.set.Spec.MinReadySeconds, metav1.NewTime(s.round.At))
}

func (s scene) areHealthy(from, to int) bool {
	for ordinal := from; ordinal < to; ordinal++ {
		if !s.isAvailable(ordinal) || s.member(ordinal).Status.Phase != corev1.PodRunning {
			return false
		}
	}
	return true
}

func (s scene) unavailable() int {
	unavailable := 0
	for ordinal := s.start; ordinal < s.end; ordinal++ {
		if !s.isAvailable(ordinal) {
			unavailable++
		}
	}
	return unavailable
}

// isForUpdate: the update reaches the pod, which is of another revision, and does not end by itself.
func (s scene) isForUpdate(ordinal int) bool {
	pod, from := s.member(ordinal), s.start
	if rolling := s.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil {
		from += int(*rolling.Partition)
	}
	return pod != nil && s.inRange(ordinal) && ordinal >= from && !isFinished(pod) && pod.Labels[appsv1.StatefulSetRevisionLabel] != s.update &&
		s.set.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType
}

// takesClaims: the garbage collector would delete a claim behind the pod, and nobody else waits for that already.
func (s scene) takesClaims(pod *corev1.Pod) bool {
	return slices.ContainsFunc(s.set.Spec.VolumeClaimTemplates, func(template corev1.PersistentVolumeClaim) bool {
		claim, ok := find[*corev1.PersistentVolumeClaim](s.round.Before, template.Name+"-"+pod.Name)
		return ok && claim.DeletionTimestamp == nil && len(claim.OwnerReferences) == 1 && claim.OwnerReferences[0].UID == pod.UID
	})
}

func (s scene) deletes(ordinal int) bool {
	return slices.ContainsFunc(s.round.Writes, func(w Write) bool {
		return w.Verb == "delete" && w.Ref.Kind == "Pod" && ordinalIn(w.Ref.Name) == ordinal
	})
}

func (s scene) disruptions() int {
	rolling := s.set.Spec.UpdateStrategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil {
		return 1
	}
	scaled, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, s.end-s.start, false)
	return max(1, scaled)
}

func (s scene) inRange(ordinal int) bool { return s.start <= ordinal && ordinal < s.end }

func (s scene) isParallel() bool {
	return s.set.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
}

func (s scene) isGated() bool {
	return utilfeature.DefaultFeatureGate.Enabled(features.MaxUnavailableStatefulSet)
}

func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// ordinalIn reads the ordinal off the end of a name, -1 if there is none.
func ordinalIn(name string) int {
	ordinal, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return -1
	}
	return ordinal
}
