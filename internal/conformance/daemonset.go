package conformance

import (
	"context"
	"time"
	_ "unsafe" // for go:linkname

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	upstreamdaemonset "k8s.io/kubernetes/pkg/controller/daemon"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

//go:linkname syncDaemonSet k8s.io/kubernetes/pkg/controller/daemon.(*DaemonSetsController).syncDaemonSet
func syncDaemonSet(dsc *upstreamdaemonset.DaemonSetsController, ctx context.Context, key string) error

// DaemonSet is how DaemonSets are judged.
func DaemonSet() Kind {
	return Kind{
		Name:     "DaemonSet",
		Upstream: upstreamDaemonSet,
		Ours:     ourDaemonSet,
		Snapshot: daemonSetSnapshot,
		History:  daemonSetHistory,
		// A revision or a pod is written once in a plan, where upstream writes it twice in a sync.
		MeetWithin: 2,
		Deviations: daemonSetDeviations(),
		Bench:      daemonSetBench(),
	}
}

func upstreamDaemonSet(u *Upstream, snapshot *Snapshot) func(context.Context, string) error {
	dsc, err := upstreamdaemonset.NewDaemonSetsController(context.Background(),
		u.Informers.Apps().V1().DaemonSets(), u.Informers.Apps().V1().ControllerRevisions(),
		u.Informers.Core().V1().Pods(), u.Informers.Core().V1().Nodes(), u.Client,
		flowcontrol.NewBackOff(time.Second, 15*time.Minute)) // as kube-controller-manager has it
	if err != nil {
		panic(err)
	}
	u.Tame(dsc)
	if snapshot.Burst > 0 {
		*Field[int](dsc, "burstReplicas") = snapshot.Burst
	}
	expectations := *Field[controller.ControllerExpectationsInterface](dsc, "expectations")
	u.Forget = func() { expectations.DeleteExpectations(klog.Background(), u.key) }
	return func(ctx context.Context, key string) error { return syncDaemonSet(dsc, ctx, key) }
}

func ourDaemonSet() Planner {
	var memory daemonset.Memory
	return func(view *View) (plan.Result, error) {
		ds, ok := ShowWorkload[*appsv1.DaemonSet](view)
		if !ok {
			return plan.Result{}, nil
		}
		result, err := daemonset.Plan(ds, daemonset.Observed{
			Now:       view.Now,
			Nodes:     Show[*corev1.Node](view),
			Pods:      Show[*corev1.Pod](view),
			Revisions: Show[*appsv1.ControllerRevision](view),
			Pending:   view.Pending,
			Memory:    memory,
		}, daemonset.Policy{Burst: view.Burst})
		memory = result.Memory
		return result.Result, err
	}
}
