package explore_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/statefulset"
)

// statefulSet is a StatefulSet of two pods with a claim each, whose image changes and which is scaled.
func statefulSet() explore.Scope {
	subject := plantest.StatefulSets()
	scale := func(to int32) explore.Edit {
		return explore.EditOf(fmt.Sprintf("kubectl scale sts web --replicas %d", to), "StatefulSet", "web", func(set *appsv1.StatefulSet) { set.Spec.Replicas = &to })
	}
	return explore.Scope{
		Name:  "StatefulSet",
		Hosts: []sim.Host{sim.StatefulSets(statefulset.Policy{})},
		Start: []plan.Object{&appsv1.StatefulSet{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
			ObjectMeta: meta("web"),
			Spec: appsv1.StatefulSetSpec{
				Replicas: new(int32(2)), Selector: selector(), Template: template("web:1"), ServiceName: "web",
				VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{
					ObjectMeta: metav1.ObjectMeta{Name: "data"},
					Spec: corev1.PersistentVolumeClaimSpec{
						AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
						Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
					},
				}},
			},
		}},
		Workload: plan.Ref{Kind: "StatefulSet", Name: "web"},
		Policy:   statefulset.Policy{},
		Edits: []explore.Edit{
			explore.EditOf("kubectl set image sts web main=web:2", "StatefulSet", "web", func(set *appsv1.StatefulSet) {
				set.Spec.Template.Spec.Containers[0].Image = "web:2"
			}),
			scale(1), scale(3),
		},
		Faults:  []explore.Fault{explore.Crash, explore.LoseAnswer, explore.PodFails, explore.PodDeleted},
		Budget:  explore.Budget{Faults: 1, Edits: 2, Lags: 1},
		Lagging: []string{"statefulset pod"},
		Always:  claimsStay,
		Step:    subject.Step,
		Goal:    subject.Goal,
	}
}

func statefulSetControls() []control {
	return []control{
		{
			name: "a planner that does not wait",
			why:  "It creates all pods at once, and with OrderedReady each has to wait for those before it.",
			scope: spoil(statefulSet(), spoilInput(func(set *appsv1.StatefulSet, _ *sim.Seen) {
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
			})),
		},
		{
			name: "a planner that creates a pod before its claim",
			why:  "A host that crashes in between leaves a pod without its storage.",
			scope: spoil(statefulSet(), spoilPlan(func(_ plan.Object, _ sim.Seen, p *sim.Planned) {
				inOrder(p, func(a plan.Action) int {
					if a.Target().Kind == "PersistentVolumeClaim" {
						return 1
					}
					return 0
				})
			})),
		},
	}
}
