package conformance

import (
	"context"
	"time"
	_ "unsafe" // for go:linkname

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	upstreamstatefulset "k8s.io/kubernetes/pkg/controller/statefulset"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

//go:linkname syncStatefulSet k8s.io/kubernetes/pkg/controller/statefulset.(*StatefulSetController).sync
func syncStatefulSet(ssc *upstreamstatefulset.StatefulSetController, ctx context.Context, key string) error

// StatefulSet is how StatefulSets are judged.
func StatefulSet() Kind {
	return Kind{
		Name:     "StatefulSet",
		Upstream: upstreamStatefulSet,
		Ours:     ourStatefulSet(statefulset.Policy{}),
		Snapshot: statefulSetSnapshot,
		History:  statefulSetHistory,
		// A pod that is adopted goes in the next plan, in which another may come.
		MeetWithin: 2,
		Deviations: statefulSetDeviations(),
		Bench:      statefulSetBench(),
	}
}

// StatefulSetMaxUnavailable is how StatefulSets are judged with the feature gate MaxUnavailableStatefulSet, which the caller
// switches on, and our policy of that name.
func StatefulSetMaxUnavailable() Kind {
	kind := StatefulSet()
	kind.Name = "StatefulSet with the gate MaxUnavailableStatefulSet"
	kind.Ours = ourStatefulSet(statefulset.Policy{MaxUnavailable: true})
	kind.Snapshot = mostlyAvailable
	kind.Deviations = append(statefulSetMaxUnavailableDeviations(), kind.Deviations...)
	return kind
}

// mostlyAvailable is statefulSetSnapshot, but that few pods of sets under Parallel are broken: upstream replaces none of these.
func mostlyAvailable(t *rapid.T) *Snapshot {
	s := statefulSetSnapshot(t)
	set, _ := find[*appsv1.StatefulSet](s.Objects, db.Name)
	if set.Spec.PodManagementPolicy == appsv1.OrderedReadyPodManagement {
		return s
	}
	for _, pod := range ObjectsOf[*corev1.Pod](s.Objects) {
		if !isFinished(pod) && !Seldom(t, "broken", 8) {
			pod.Status.Phase = corev1.PodRunning
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.Now.Add(-time.Hour).Truncate(time.Second)),
			}}
		}
	}
	return s
}

func upstreamStatefulSet(u *Upstream, _ *Snapshot) func(context.Context, string) error {
	ssc := upstreamstatefulset.NewStatefulSetController(context.Background(),
		u.Informers.Core().V1().Pods(), u.Informers.Apps().V1().StatefulSets(),
		u.Informers.Core().V1().PersistentVolumeClaims(), u.Informers.Apps().V1().ControllerRevisions(), u.Client)
	u.Tame(ssc)
	return func(ctx context.Context, key string) error { return syncStatefulSet(ssc, ctx, key) }
}

func ourStatefulSet(policy statefulset.Policy) func() Planner {
	return func() Planner {
		return func(view *View) (plan.Result, error) {
			set, ok := ShowWorkload[*appsv1.StatefulSet](view)
			if !ok {
				return plan.Result{}, nil
			}
			result, err := statefulset.Plan(set, statefulset.Observed{
				Now:       view.Now,
				Pods:      Show[*corev1.Pod](view),
				Claims:    Show[*corev1.PersistentVolumeClaim](view),
				Revisions: Show[*appsv1.ControllerRevision](view),
				Pending:   view.Pending,
			}, policy)
			return result.Result, err
		}
	}
}
