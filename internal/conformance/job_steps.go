package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

// drawJobStep draws what happens to a Job; what ends is noticed some time after.
func drawJobStep(t *rapid.T, j *batchv1.Job, after time.Duration) Step {
	scale := int32(Upto(t, "scale", 4))
	steps := []Step{
		PodsReady(), finishPods("all pods succeed", corev1.PodSucceeded, 0, 0, after), finishPods("all pods fail", corev1.PodFailed, 1, 0, after),
		finishPods("the first pod succeeds", corev1.PodSucceeded, 0, 1, after), finishPods("the first pod fails", corev1.PodFailed, 42, 1, after),
		Pass(10 * time.Second), Pass(time.Minute), Pass(time.Hour), endTerminating(after), PodsGone(), NoRefusals(), deleteFirstPod(after), restartContainers(),
		suspendTrain(true), suspendTrain(false),
		Change(fmt.Sprintf("parallelism %d", scale), train, func(j *batchv1.Job) { *j.Spec.Parallelism = scale }),
	}
	if isIndexedJob(j) && j.Spec.SuccessPolicy == nil && j.Spec.MaxFailedIndexes == nil {
		steps = append(steps, Change(fmt.Sprintf("completions %d", scale), train, func(j *batchv1.Job) {
			*j.Spec.Completions, *j.Spec.Parallelism = scale, scale
		}))
	}
	return OneOf(t, "step", steps...)
}

func suspendTrain(suspend bool) Step {
	name := map[bool]string{true: "suspended", false: "resumed"}[suspend]
	return Change(name, train, func(j *batchv1.Job) { *j.Spec.Suspend = suspend })
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
