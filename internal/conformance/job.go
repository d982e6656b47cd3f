package conformance

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"unsafe" // for go:linkname, too

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	upstreamjob "k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/ttlafterfinished"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

//go:linkname syncJob k8s.io/kubernetes/pkg/controller/job.(*Controller).syncJob
func syncJob(jm *upstreamjob.Controller, ctx context.Context, key string) error

//go:linkname syncOrphanPodsBySelector k8s.io/kubernetes/pkg/controller/job.(*Controller).syncOrphanPodsBySelector
func syncOrphanPodsBySelector(jm *upstreamjob.Controller, ctx context.Context, namespace, selector string) error

//go:linkname handleSingleOrphanPod k8s.io/kubernetes/pkg/controller/job.(*Controller).handleSingleOrphanPod
func handleSingleOrphanPod(jm *upstreamjob.Controller, ctx context.Context, pod *corev1.Pod) error

// deleteRemovals takes a *uidTrackingExpectations, which is not exported.
//
//go:linkname deleteRemovals k8s.io/kubernetes/pkg/controller/job.(*uidTrackingExpectations).deleteExpectations
func deleteRemovals(expectations unsafe.Pointer, logger klog.Logger, key string)

//go:linkname processExpiredJob k8s.io/kubernetes/pkg/controller/ttlafterfinished.(*Controller).processJob
func processExpiredJob(tc *ttlafterfinished.Controller, ctx context.Context, key string) error

// Job is how Jobs are judged.
func Job() Kind {
	return Kind{
		Name:     "Job",
		Upstream: upstreamJobs,
		Ours:     ourJobs,
		Snapshot: jobSnapshot,
		History:  jobHistory,
		// A pod that finished passes through three of our plans, while upstream counts it in the very sync in which it
		// deletes others; the creations that it puts off until then come in the next.
		MeetWithin: 3,
		Deviations: jobDeviations(),
		Bench:      jobBench(),
	}
}

func hasCondition(j *batchv1.Job, kind batchv1.JobConditionType) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == kind && c.Status == corev1.ConditionTrue
	})
}

// upstreamJobs are the three parts that make up the work on a Job: the controller proper, its worker that lets go of pods that
// no Job will count, and the controller that deletes finished Jobs when their time is over.
func upstreamJobs(u *Upstream, snapshot *Snapshot) func(context.Context, string) error {
	upstreamjob.MaxPodCreateDeletePerSync = cmp.Or(snapshot.Burst, 500)
	jm, err := upstreamjob.NewController(context.Background(), u.Client, u.Informers.Core().V1().Pods(), u.Informers.Batch().V1().Jobs(), nil, nil)
	if err != nil {
		panic(err)
	}
	u.Tame(jm)
	started, stop := context.WithCancel(context.Background())
	tc := ttlafterfinished.New(started, u.Informers.Batch().V1().Jobs(), u.Client)
	stop() // its event broadcaster, which it does not keep
	u.Tame(tc)
	expectations := *Field[controller.ControllerExpectationsInterface](jm, "expectations")
	finished := Field[sync.Map](jm, "finishedJobExpectations")
	removals := reflect.ValueOf(jm).Elem().FieldByName("finalizerExpectations").UnsafePointer()
	u.Forget = func() {
		expectations.DeleteExpectations(klog.Background(), u.key)
		deleteRemovals(removals, klog.Background(), u.key)
		finished.Clear()
	}
	return func(ctx context.Context, key string) error {
		if u.World.forgetful { // a benchmark measures the sync alone
			return syncJob(jm, ctx, key)
		}
		if j, ok := Get[*batchv1.Job](u.World, snapshot.Workload.Namespace, snapshot.Workload.Name); ok && isOver(j) {
			if err := syncOrphanPodsBySelector(jm, ctx, j.Namespace, metav1.FormatLabelSelector(j.Spec.Selector)); err != nil {
				return err
			}
		}
		if err := processExpiredJob(tc, ctx, key); err != nil {
			return err
		}
		err := syncJob(jm, ctx, key)
		for _, pod := range Objects[*corev1.Pod](u.World) { // what the handlers of its events enqueue for its second worker
			if metav1.GetControllerOf(pod) == nil || pod.DeletionTimestamp != nil {
				err = errors.Join(err, handleSingleOrphanPod(jm, ctx, pod))
			}
		}
		return err
	}
}

func isOver(j *batchv1.Job) bool {
	return hasCondition(j, batchv1.JobComplete) || hasCondition(j, batchv1.JobFailed)
}

func ourJobs() Planner {
	var memory job.Memory
	return func(view *View) (plan.Result, error) {
		j, ok := ShowWorkload[*batchv1.Job](view)
		if !ok {
			return plan.Result{}, nil
		}
		observed := job.Observed{Now: view.Now, Pods: Show[*corev1.Pod](view), Pending: view.Pending, Memory: memory}
		policy := job.Policy{Burst: view.Burst}
		result, err := job.Plan(j, observed, policy)
		if err != nil {
			return result.Result, err
		}
		memory = result.Memory
		orphans, err := job.Untrack([]*batchv1.Job{j}, observed, policy)
		wasRefused := func(a plan.Action) bool {
			return slices.ContainsFunc(view.Pending.Failures(), func(o plan.Outcome) bool { return o.Action.Target().UID == a.Target().UID })
		}
		if slices.ContainsFunc(orphans.Actions, wasRefused) { // a host does one work beside the other, and here they are one
			result.Actions = slices.Concat(result.Actions, orphans.Actions)
		} else {
			result.Actions = slices.Concat(orphans.Actions, result.Actions)
		}
		return result.Result, err
	}
}
