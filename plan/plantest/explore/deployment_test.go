package explore_test

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
	"github.com/kubeplan/kubeplan/rollout"
)

// deployment is a Deployment of two pods, surge 1 and none unavailable, that gets another image, and then a third or the first again in
// the middle of it. Its ReplicaSets have a host of their own. Either host may crash.
func deployment() explore.Scope {
	image := func(image string) explore.Edit {
		return explore.EditOf("kubectl set image deploy web main="+image, "Deployment", "web", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Image = image
		})
	}
	world := plantest.DeploymentWorld()
	return explore.Scope{
		Name:  "Deployment and ReplicaSet",
		Hosts: []sim.Host{sim.Deployments(rollout.Policy{}), sim.ReplicaSets(replicaset.Policy{})},
		Start: []plan.Object{&appsv1.Deployment{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
			ObjectMeta: meta("web"),
			Spec: appsv1.DeploymentSpec{
				Replicas: new(int32(2)), Selector: selector(), Template: template("web:1"), ProgressDeadlineSeconds: new(int32(2147483647)),
				Strategy: appsv1.DeploymentStrategy{
					Type:          appsv1.RollingUpdateDeploymentStrategyType,
					RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromInt32(1)), MaxUnavailable: new(intstr.FromInt32(0))},
				},
			},
		}},
		Workload: plan.Ref{Kind: "Deployment", Name: "web"},
		Policy:   rollout.Policy{},
		Edits:    []explore.Edit{image("web:2"), image("web:1")},
		Faults:   []explore.Fault{explore.Crash},
		Budget:   explore.Budget{Faults: 1, Edits: 2, Lags: 1},
		Lagging:  []string{"deployment replicaset"},
		Always:   atMostReplicas(3),
		Step:     world.Step,
		Goal:     world.Goal,
	}
}

// troubledDeployment has pods that fail, too. A ReplicaSet that has been told to shrink does so although another's pod has failed
// since: so what may be relied on is all that a Deployment can see to.
func troubledDeployment() explore.Scope {
	scope := deployment()
	scope.Step = plantest.Deployments().Step
	return scope
}

func deploymentControls() []control {
	return []control{{
		name: "upstream's rule for old ReplicaSets",
		why: "It trusts status.availableReplicas, without regard for the pods among them that have already been told to go. " +
			"With a second edit in mid-rollout, fewer are available than replicas - maxUnavailable.",
		scope: within(spoil(deployment(), spoilPlan(shrinkAsUpstream)), explore.Budget{Edits: 2}),
	}, {
		name: "a planner that allows itself one pod more",
		why:  "It plans with a surge of two where one is allowed.",
		scope: spoil(deployment(), spoilInput(func(d *appsv1.Deployment, _ *sim.Seen) {
			d.Spec.Strategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(2))
		})),
	}}
}

// shrinkAsUpstream takes from the old ReplicaSets as many replicas as there are available pods above D - U, as their status tells.
func shrinkAsUpstream(workload plan.Object, seen sim.Seen, p *sim.Planned) {
	d := workload.(*appsv1.Deployment)
	sets := plan.Overlay(sim.Read[*appsv1.ReplicaSet](seen), seen.Pending, seen.Now)
	if slices.ContainsFunc(p.Actions, func(a plan.Action) bool { return a.Target().Kind == "ReplicaSet" }) {
		return
	}
	isNew := func(rs *appsv1.ReplicaSet) bool {
		return rs.Spec.Template.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image
	}
	budget, limit := -int(*d.Spec.Replicas), -int(*d.Spec.Replicas)
	for _, rs := range sets {
		budget += int(rs.Status.AvailableReplicas)
		limit += int(*rs.Spec.Replicas)
		if isNew(rs) {
			limit -= int(*rs.Spec.Replicas) - int(rs.Status.AvailableReplicas)
		}
	}
	if limit <= 0 {
		return
	}
	for _, rs := range sets {
		if taken := min(budget, int(*rs.Spec.Replicas)); !isNew(rs) && taken > 0 {
			after := rs.DeepCopy()
			*after.Spec.Replicas -= int32(taken)
			budget -= taken
			p.Actions = slices.Insert(slices.Clone(p.Actions), writes(p.Actions), plan.Action(plan.Update{Before: rs, After: after}))
		}
	}
}
