package conformance

import (
	"context"
	_ "unsafe" // for go:linkname

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	upstreamdeployment "k8s.io/kubernetes/pkg/controller/deployment"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

//go:linkname syncDeployment k8s.io/kubernetes/pkg/controller/deployment.(*DeploymentController).syncDeployment
func syncDeployment(dc *upstreamdeployment.DeploymentController, ctx context.Context, key string) error

// Deployment is how Deployments are judged.
func Deployment() Kind {
	followers := map[*World]func(*World){} // both sides may work on one World, one after the other
	follow := func(w *World) {
		if followers[w] == nil {
			followers[w] = quickSets()
		}
		followers[w](w)
	}
	return Kind{
		Name:       "Deployment",
		Upstream:   upstreamDeployment(follow),
		Ours:       ourDeployment(follow),
		Snapshot:   deploymentSnapshot,
		History:    deploymentHistory,
		MeetWithin: -1, // upstream writes a ReplicaSet twice in a sync, once for its annotations and once for its size
		Sound:      unsound,
		Deviations: deploymentDeviations(),
		Bench:      deploymentBench(),
	}
}

func upstreamDeployment(follow func(*World)) func(*Upstream, *Snapshot) func(context.Context, string) error {
	return func(u *Upstream, _ *Snapshot) func(context.Context, string) error {
		dc, err := upstreamdeployment.NewDeploymentController(context.Background(),
			u.Informers.Apps().V1().Deployments(), u.Informers.Apps().V1().ReplicaSets(), u.Informers.Core().V1().Pods(), u.Client)
		if err != nil {
			panic(err)
		}
		u.Tame(dc)
		return func(ctx context.Context, key string) error {
			follow(u.World) // what the side that was here before has left to do
			u.Informers.Sync()
			err := syncDeployment(dc, ctx, key)
			follow(u.World)
			return err
		}
	}
}

func ourDeployment(follow func(*World)) func() Planner {
	return func() Planner {
		return func(view *View) (plan.Result, error) {
			follow(view.world)
			d, ok := ShowWorkload[*appsv1.Deployment](view)
			if !ok {
				return plan.Result{}, nil
			}
			result, err := rollout.Plan(d, rollout.Observed{
				Now:         view.Now,
				ReplicaSets: Show[*appsv1.ReplicaSet](view),
				Pods:        Show[*corev1.Pod](view),
				Pending:     view.Pending,
			}, rollout.Policy{})
			return result.Result, err
		}
	}
}

// quickSets is the ReplicaSets' controller as far as this comparison needs it: it notes at once what either side asks for,
// and deletes pods at once, those that are not Ready first; pods that it creates stay unready. A ReplicaSet that is behind
// its spec in the snapshot stays so. Generations stand still: in how many writes a size is reached is no matter.
func quickSets() func(*World) {
	type spec struct {
		generation int64
		size       int32
	}
	noted := map[types.UID]spec{}
	started := false
	return func(w *World) {
		EditAll(w, func(rs *appsv1.ReplicaSet) {
			last, known := noted[rs.UID]
			size := *rs.Spec.Replicas
			switch {
			case !known && !started, known && rs.Generation <= last.generation:
				noted[rs.UID] = spec{rs.Generation, size}
				return
			case !known:
				last = spec{rs.Generation, size}
			case rs.Status.ObservedGeneration < last.generation:
				rs.Generation = last.generation
				return
			}
			noted[rs.UID] = spec{last.generation, size}
			rs.Generation, rs.Status.ObservedGeneration = last.generation, last.generation
			rs.Status.Replicas = size
			rs.Status.ReadyReplicas = min(rs.Status.ReadyReplicas, size, last.size)
			rs.Status.AvailableReplicas = min(rs.Status.AvailableReplicas, size, last.size)
		})
		started = true
	}
}
