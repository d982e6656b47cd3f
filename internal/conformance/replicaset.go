package conformance

import (
	"context"
	_ "unsafe" // for go:linkname

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	upstreamreplicaset "k8s.io/kubernetes/pkg/controller/replicaset"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

//go:linkname syncReplicaSet k8s.io/kubernetes/pkg/controller/replicaset.(*ReplicaSetController).syncReplicaSet
func syncReplicaSet(rsc *upstreamreplicaset.ReplicaSetController, ctx context.Context, key string) error

// ReplicaSet is how ReplicaSets are judged.
func ReplicaSet() Kind {
	return Kind{
		Name:       "ReplicaSet",
		Upstream:   upstreamReplicaSet,
		Ours:       ourReplicaSet,
		Snapshot:   replicaSetSnapshot,
		History:    replicaSetHistory,
		Deviations: replicaSetDeviations(),
		Bench:      replicaSetBench(),
	}
}

func upstreamReplicaSet(u *Upstream, snapshot *Snapshot) func(context.Context, string) error {
	rsc := newReplicaSetController(u, snapshot)
	expectations := *Field[*controller.UIDTrackingControllerExpectations](rsc, "expectations")
	u.Forget = func() { expectations.DeleteExpectations(klog.Background(), u.key) }
	return func(ctx context.Context, key string) error { return syncReplicaSet(rsc, ctx, key) }
}

func newReplicaSetController(u *Upstream, snapshot *Snapshot) *upstreamreplicaset.ReplicaSetController {
	burst := upstreamreplicaset.BurstReplicas
	if snapshot.Burst > 0 {
		burst = snapshot.Burst
	}
	rsc := upstreamreplicaset.NewReplicaSetController(context.Background(),
		u.Informers.Apps().V1().ReplicaSets(), u.Informers.Core().V1().Pods(), u.Client, burst)
	u.Tame(rsc)
	return rsc
}

func ourReplicaSet() Planner {
	return func(view *View) (plan.Result, error) {
		rs, ok := ShowWorkload[*appsv1.ReplicaSet](view)
		if !ok {
			return plan.Result{}, nil
		}
		result, err := replicaset.Plan(rs, replicaset.Observed{
			Now:      view.Now,
			Pods:     Show[*corev1.Pod](view),
			Siblings: Show[*appsv1.ReplicaSet](view),
			Pending:  view.Pending,
		}, replicaset.Policy{Burst: view.Burst})
		return result.Result, err
	}
}
