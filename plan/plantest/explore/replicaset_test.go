package explore_test

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
)

// template is that of all pods.
func template(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
	}
}

func selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name}
}

// replicaSet is a ReplicaSet of two pods that is scaled to three, to one and back.
func replicaSet() explore.Scope {
	scale := func(to int32, command string) explore.Edit {
		return explore.EditOf(command, "ReplicaSet", "web", func(rs *appsv1.ReplicaSet) { rs.Spec.Replicas = &to })
	}
	subject := plantest.ReplicaSets()
	return explore.Scope{
		Name:  "ReplicaSet",
		Hosts: []sim.Host{sim.ReplicaSets(replicaset.Policy{})},
		Start: []plan.Object{&appsv1.ReplicaSet{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
			ObjectMeta: meta("web"),
			Spec:       appsv1.ReplicaSetSpec{Replicas: new(int32(2)), Selector: selector(), Template: template("web:1")},
		}},
		Workload: plan.Ref{Kind: "ReplicaSet", Name: "web"},
		Policy:   replicaset.Policy{},
		Edits: []explore.Edit{
			scale(3, "kubectl scale rs web --replicas 3"),
			scale(1, "kubectl scale rs web --replicas 1"),
		},
		Faults: []explore.Fault{
			explore.Crash, explore.LoseAnswer, explore.PodFails,
		},
		Budget: explore.Budget{Faults: 1, Edits: 2, Lags: 1},
		Always: atMostPods(3),
		Step:   subject.Step,
		Goal:   subject.Goal,
	}
}

// troubledReplicaSet has everything go wrong that the checker knows of.
func troubledReplicaSet() explore.Scope {
	scope := troubled(within(replicaSet(), explore.Budget{Faults: 2, Edits: 1}))
	scope.Name += ", troubled"
	return scope
}

// troubled gives a scope the faults that it does not have.
func troubled(scope explore.Scope) explore.Scope {
	every := []explore.Fault{explore.Crash, explore.Interrupt, explore.LoseAnswer, explore.Refuse, explore.PodFails, explore.PodUnready, explore.PodDeleted}
	if scope.Outage > 0 {
		every = append(every, explore.Outage)
	}
	return withFaults(scope, every...)
}

func replicaSetControls() []control {
	return []control{
		{
			name:  "a host without Pending",
			why:   "It plans from what it sees, and does not see what it has just created.",
			scope: spoil(replicaSet(), spoilInput(func(_ *appsv1.ReplicaSet, seen *sim.Seen) { seen.Pending = plan.Pending{} })),
		},
		{
			name: "a host that forgets what nobody answered",
			why:  "It takes a write without an answer for one that was not done, and makes it once more.",
			scope: withFaults(within(spoil(replicaSet(), spoilInput(func(_ *appsv1.ReplicaSet, seen *sim.Seen) {
				seen.Pending.Outcomes = slices.DeleteFunc(slices.Clone(seen.Pending.Outcomes), func(o plan.Outcome) bool {
					return o.Reply == nil && o.Err == nil
				})
			})), explore.Budget{Faults: 1, Lags: 1}), explore.LoseAnswer),
		},
		{
			name:  "a ledger that waits until each new UID has shown up",
			why:   "Kubernetes' controllers keep such expectations. A pod that comes and goes between two looks never shows up, and nothing comes in its place.",
			scope: withFaults(spoil(replicaSet(), expecting), explore.PodDeleted),
		},
		{
			name: "a planner that goes back and forth",
			why:  "At rest it writes a wrong status, and then the right one again.",
			scope: within(spoil(replicaSet(), spoilPlan(func(workload plan.Object, _ sim.Seen, p *sim.Planned) {
				if rs := workload.(*appsv1.ReplicaSet); len(p.Actions) == 0 {
					after := rs.DeepCopy()
					after.Status.Replicas++
					p.Actions = []plan.Action{plan.UpdateStatus{Before: rs, After: after}}
				}
			})), explore.Budget{}),
		},
		{
			name: "a planner that replaces what is not ready",
			why:  "It deletes a new pod for not being ready yet, and creates the next: this never ends.",
			scope: spoil(replicaSet(), spoilPlan(func(_ plan.Object, seen sim.Seen, p *sim.Planned) {
				for _, pod := range sim.Read[*corev1.Pod](seen) {
					if pod.Status.Phase == "" && pod.DeletionTimestamp == nil {
						p.Actions = append(slices.Clone(p.Actions), plan.Delete{Object: plan.RefTo(pod)})
					}
				}
			})),
		},
	}
}

func withFaults(scope explore.Scope, faults ...explore.Fault) explore.Scope {
	scope.Faults = faults
	return scope
}

// expecting is a host that keeps in its memory which pods it has created and not seen yet, and does nothing meanwhile.
func expecting(healthy hostPlan) hostPlan {
	return func(rs plan.Object, seen sim.Seen) (sim.Planned, error) {
		expected := map[types.UID]bool{}
		before, _ := seen.Memory.(map[types.UID]bool)
		maps.Copy(expected, before)
		for _, o := range seen.Pending.Outcomes {
			if isCreate(o.Action) && o.Reply != nil {
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
