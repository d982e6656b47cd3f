package plantest_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
)

type hostPlan = func(plan.Object, sim.Seen) (sim.Planned, error)

// Hosts with one thing wrong, each of which some history shows.
func TestReplicaSetHistoryMutants(t *testing.T) {
	tests := []struct {
		name  string
		wrong func(healthy hostPlan) hostPlan
	}{
		{"a host without a ledger", func(healthy hostPlan) hostPlan {
			return func(rs plan.Object, seen sim.Seen) (sim.Planned, error) {
				seen.Pending = plan.Pending{}
				return healthy(rs, seen)
			}
		}},
		{"a ledger of answers only", func(healthy hostPlan) hostPlan {
			return func(rs plan.Object, seen sim.Seen) (sim.Planned, error) {
				seen.Pending.Outcomes = slices.DeleteFunc(slices.Clone(seen.Pending.Outcomes), func(o plan.Outcome) bool {
					return o.Reply == nil && o.Err == nil
				})
				return healthy(rs, seen)
			}
		}},
		{"a ledger that waits until each new UID has shown up", expectingHost},
		{"a planner that never wakes", planned(func(_ plan.Object, p *sim.Planned) { p.Wake = time.Time{} })},
		{"a planner that never adopts", planned(func(_ plan.Object, p *sim.Planned) {
			p.Actions = slices.DeleteFunc(slices.Clone(p.Actions), func(a plan.Action) bool {
				update, ok := a.(plan.Update)
				return ok && update.Live != nil
			})
		})},
		{"a planner that replaces a pod whenever it creates one", func(healthy hostPlan) hostPlan {
			return func(rs plan.Object, seen sim.Seen) (sim.Planned, error) {
				p, err := healthy(rs, seen)
				if slices.ContainsFunc(p.Actions, func(a plan.Action) bool { _, ok := a.(plan.Create); return ok }) {
					for _, pod := range sim.Read[*corev1.Pod](seen) {
						if pod.DeletionTimestamp == nil && len(pod.OwnerReferences) > 0 {
							p.Actions = append(slices.Clone(p.Actions), plan.Delete{Object: plan.RefTo(pod)})
							break
						}
					}
				}
				return p, err
			}
		}},
		{"a planner that goes back and forth", planned(func(rs plan.Object, p *sim.Planned) {
			if len(p.Actions) == 0 {
				before, after := rs.DeepCopyObject().(*appsv1.ReplicaSet), rs.DeepCopyObject().(*appsv1.ReplicaSet)
				after.Status.Replicas++
				p.Actions = []plan.Action{plan.UpdateStatus{Before: before, After: after}}
			}
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			world := plantest.ReplicaSetWorld()
			host := sim.ReplicaSets(replicaset.Policy{})
			host.Plan = test.wrong(host.Plan)
			world.Hosts = []sim.Host{host}
			message, caught := fails(t, plantest.Histories(world).Check)
			if !caught {
				t.Fatal("no history shows it")
			}
			t.Logf("caught: %s", message)
		})
	}
}

// planned spoils what a planner returns.
func planned(spoil func(plan.Object, *sim.Planned)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(rs plan.Object, seen sim.Seen) (sim.Planned, error) {
			p, err := healthy(rs, seen)
			if err == nil {
				spoil(rs, &p)
			}
			return p, err
		}
	}
}

// expectingHost keeps the expectations of Kubernetes' controllers in its memory: nothing is done until every pod that was created
// has been seen.
func expectingHost(healthy hostPlan) hostPlan {
	return func(rs plan.Object, seen sim.Seen) (sim.Planned, error) {
		expected := map[types.UID]bool{}
		if before, ok := seen.Memory.(map[types.UID]bool); ok {
			maps.Copy(expected, before)
		}
		for _, o := range seen.Pending.Outcomes {
			if _, creates := o.Action.(plan.Create); creates && o.Reply != nil {
				expected[o.Reply.GetUID()] = true
			}
		}
		for _, pod := range sim.Read[*corev1.Pod](seen) {
			delete(expected, pod.UID)
		}
		p, err := healthy(rs, seen)
		if len(expected) > 0 {
			p.Actions = nil
		}
		p.Memory = expected
		return p, err
	}
}
