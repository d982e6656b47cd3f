package plantest_test

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// Hosts and planners of DaemonSets with one thing wrong, each of which some history shows.
func TestDaemonSetHistoryMutants(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong func(healthy hostPlan) hostPlan
	}{
		{"a host without a ledger", shownOtherwise(func(_ plan.Object, seen *sim.Seen) { seen.Pending = plan.Pending{} })},
		{"a ledger that waits until each new UID has shown up", expectingHost},
		{"a planner that never wakes", planned(func(_ plan.Object, p *sim.Planned) { p.Wake = time.Time{} })},
		{"a planner that deletes no pod", planned(func(_ plan.Object, p *sim.Planned) {
			p.Actions = slices.DeleteFunc(slices.Clone(p.Actions), func(a plan.Action) bool {
				d, ok := a.(plan.Delete)
				return ok && d.Object.Kind == "Pod"
			})
		})},
		{"a planner that replaces pods of an OnDelete", otherwise(func(ds *appsv1.DaemonSet) {
			if ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
				ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{}
			}
		})},
		{"a planner that starts a second pod in every update", otherwise(func(ds *appsv1.DaemonSet) {
			none, all := intstr.FromInt32(0), intstr.FromString("100%")
			ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &none, MaxSurge: &all}}
		})},
		{"a planner that passes over new nodes", planned(func(_ plan.Object, p *sim.Planned) {
			p.Actions = slices.DeleteFunc(slices.Clone(p.Actions), func(a plan.Action) bool {
				pod, ok := created(a)
				return ok && nodeOf(pod) == "node3"
			})
		})},
	} {
		t.Run(test.name, func(t *testing.T) { shownByHistory(t, plantest.DaemonSetWorld(), test.wrong) })
	}
}

// The same of hosts that bind the pods.
func TestBindingDaemonSetHistoryMutants(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong func(*plan.Bind) (sent bool)
	}{
		{"a planner that binds nothing", func(*plan.Bind) bool { return false }},
		{"a planner that binds every pod to the first node", func(b *plan.Bind) bool {
			b.To.Name, b.To.UID = "node1", ""
			return true
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			shownByHistory(t, plantest.BindingDaemonSetWorld(), planned(func(_ plan.Object, p *sim.Planned) {
				var actions []plan.Action
				for _, a := range p.Actions {
					bind, ok := a.(plan.Bind)
					switch {
					case !ok:
						actions = append(actions, a)
					case test.wrong(&bind):
						actions = append(actions, bind)
					}
				}
				p.Actions = actions
			}))
		})
	}
}

func shownByHistory(t *testing.T, world plantest.World, wrong func(hostPlan) hostPlan) {
	world.Hosts[0].Plan = wrong(world.Hosts[0].Plan)
	message, caught := fails(t, plantest.Histories(world).Check)
	if !caught {
		t.Fatal("no history shows it")
	}
	t.Logf("caught: %s", message)
}

// shownOtherwise makes a planner that is not shown what there is.
func shownOtherwise(change func(plan.Object, *sim.Seen)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			change(workload, &seen)
			return healthy(workload, seen)
		}
	}
}

// otherwise makes a planner that takes the spec for another.
func otherwise(edit func(*appsv1.DaemonSet)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			ds := workload.DeepCopyObject().(*appsv1.DaemonSet)
			edit(ds)
			return healthy(ds, seen)
		}
	}
}
