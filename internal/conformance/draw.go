package conformance

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// The generators that every kind needs. Domains are small, so that things coincide; values shrink towards the first.

// Instant is the time of most snapshots.
var Instant = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// OneOf draws one of the values.
func OneOf[T any](t *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, label)
}

// Seldom is true once in n times or so.
func Seldom(t *rapid.T, label string, n int) bool {
	return rapid.IntRange(0, n-1).Draw(t, label) == n-1
}

// Upto draws a number from 0 to n, both included.
func Upto(t *rapid.T, label string, n int) int {
	return rapid.IntRange(0, n).Draw(t, label)
}

// ages lie on both sides of the bounds between powers of two of nanoseconds (2^36 ns is 68.7 s), and repeat.
var ages = []time.Duration{
	time.Hour, time.Hour + time.Second, 2 * time.Hour, 100 * time.Hour,
	68 * time.Second, 69 * time.Second, 40 * time.Second, 30 * time.Second, 10 * time.Second, 9 * time.Second, 2 * time.Second, time.Second,
	0, -5 * time.Second,
}

// Past draws an instant: most lie before now, one in the future.
func Past(t *rapid.T, label string, now time.Time) metav1.Time {
	return metav1.NewTime(now.Add(-OneOf(t, label, ages...)).Truncate(time.Second))
}

// ControllerRef is a reference to a controller.
func ControllerRef(apiVersion, kind, name string, uid types.UID) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: uid, Controller: &yes, BlockOwnerDeletion: &yes}
}

// PodStates fills in what happens to a pod after it was made: phase, node, readiness, restarts, deletion. i makes
// its name and UID unique; the two orders differ.
func PodStates(t *rapid.T, i int, now time.Time) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Namespace = "default"
	pod.Name = "pod-" + strconv.Itoa(i)
	pod.UID = types.UID(fmt.Sprintf("uid-%d-%d", Upto(t, "uid", 4), i))
	pod.CreationTimestamp = Past(t, "created", now)
	pod.Spec.NodeName = OneOf(t, "node", "node-1", "node-2", "")
	pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	pod.Status.Phase = OneOf(t, "phase", corev1.PodRunning, corev1.PodRunning, corev1.PodRunning, corev1.PodRunning,
		corev1.PodPending, corev1.PodUnknown, corev1.PodSucceeded, corev1.PodFailed, "")
	switch Upto(t, "ready", 4) {
	case 0, 1, 2:
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: Past(t, "readySince", now)}}
		if Seldom(t, "readySinceUnknown", 20) {
			pod.Status.Conditions[0].LastTransitionTime = metav1.Time{}
		}
	case 3:
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: OneOf(t, "notReady", corev1.ConditionFalse, corev1.ConditionUnknown), LastTransitionTime: Past(t, "notReadySince", now)}}
	}
	if restarts := Upto(t, "restarts", 2); restarts > 0 {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: int32(restarts)}}
	}
	if Seldom(t, "initContainer", 4) {
		init := corev1.Container{Name: "side", Image: "side:1"}
		if !Seldom(t, "plainInit", 3) {
			always := corev1.ContainerRestartPolicyAlways
			init.RestartPolicy = &always
		}
		pod.Spec.InitContainers = []corev1.Container{init}
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "side", RestartCount: int32(Upto(t, "initRestarts", 2))}}
	}
	if Seldom(t, "deletionCost", 4) {
		pod.Annotations = map[string]string{corev1.PodDeletionCost: OneOf(t, "cost", "0", "5", "-5", "+3", "007", "-0", "x", "", "99999999999")}
	}
	if Seldom(t, "podDeleted", 6) {
		Deleting(pod, now, Seldom(t, "podFinalizer", 2))
	}
	return pod
}

// Deleting marks obj as being deleted, kept by its grace period or by a finalizer.
func Deleting(obj plan.Object, now time.Time, finalizer bool) {
	grace := int64(30)
	if finalizer {
		grace = 0
		obj.SetFinalizers(append(obj.GetFinalizers(), "example.com/hold"))
	}
	obj.SetDeletionTimestamp(&metav1.Time{Time: now.Truncate(time.Second)})
	obj.SetDeletionGracePeriodSeconds(&grace)
}

// The steps that every kind with pods needs.

// Pass lets time pass.
func Pass(d time.Duration) Step { return Step{Name: "time passes", After: d} }

// PodsReady makes the kubelets run every pod that is neither finished nor being deleted.
func PodsReady() Step {
	return Step{Name: "all pods become ready", After: time.Second, Do: func(w *World) {
		EditAll(w, func(pod *corev1.Pod) {
			if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
				return
			}
			if pod.Spec.NodeName == "" {
				pod.Spec.NodeName = "node-1"
			}
			pod.Status.Phase = corev1.PodRunning
			setReady(pod, corev1.ConditionTrue)
		})
	}}
}

// PodsUnready makes every running pod fail its probe.
func PodsUnready() Step {
	return Step{Name: "all pods become unready", After: time.Second, Do: func(w *World) {
		EditAll(w, func(pod *corev1.Pod) {
			if pod.Status.Phase == corev1.PodRunning {
				setReady(pod, corev1.ConditionFalse)
			}
		})
	}}
}

// PodsFail ends every pod that runs.
func PodsFail() Step {
	return Step{Name: "all pods fail", After: time.Second, Do: func(w *World) {
		EditAll(w, func(pod *corev1.Pod) {
			if pod.Status.Phase == corev1.PodRunning {
				pod.Status.Phase = corev1.PodFailed
				setReady(pod, corev1.ConditionFalse)
			}
		})
	}}
}

// PodsGone takes away the pods that are being deleted and held by no finalizer.
func PodsGone() Step {
	return Step{Name: "deleted pods are gone", After: 30 * time.Second, Do: func(w *World) {
		for _, pod := range Objects[*corev1.Pod](w) {
			if pod.DeletionTimestamp != nil && len(pod.Finalizers) == 0 {
				w.Remove(pod)
			}
		}
	}}
}

// NoRefusals lets every write through from now on.
func NoRefusals() Step {
	return Step{Name: "nothing is refused any more", After: time.Second, Do: func(w *World) { w.Refuse() }}
}

// Change edits the workload.
func Change[T plan.Object](name string, workload plan.Ref, edit func(T)) Step {
	return Step{Name: name, After: time.Second, Do: func(w *World) {
		Edit(w, workload.Namespace, workload.Name, edit)
	}}
}

func setReady(pod *corev1.Pod, status corev1.ConditionStatus) {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.PodReady {
			if c.Status != status {
				c.Status, c.LastTransitionTime = status, now
			}
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: status, LastTransitionTime: now})
}
