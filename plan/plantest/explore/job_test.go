package explore_test

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
)

func jobTemplate() corev1.PodTemplateSpec {
	t := template("train:1")
	t.Spec.RestartPolicy = corev1.RestartPolicyNever
	return t
}

// jobScope is a Job of two pods, both at a time, of which one may fail and be repeated; its parallelism changes, and it is suspended.
func jobScope() explore.Scope {
	world := plantest.JobWorld()
	return explore.Scope{
		Name:  "Job",
		Hosts: []sim.Host{sim.Jobs(job.Policy{})},
		Start: []plan.Object{&batchv1.Job{
			TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
			ObjectMeta: meta("train"),
			Spec: batchv1.JobSpec{
				Parallelism: new(int32(2)), Completions: new(int32(2)), BackoffLimit: new(int32(1)),
				ManualSelector: new(true), Selector: selector(), Template: jobTemplate(),
			},
		}},
		Workload: plan.Ref{Kind: "Job", Name: "train"},
		Policy:   job.Policy{},
		Edits: []explore.Edit{
			explore.EditOf(`kubectl patch job train -p '{"spec":{"parallelism":1}}'`, "Job", "train", func(j *batchv1.Job) { j.Spec.Parallelism = new(int32(1)) }),
			explore.EditOf(`kubectl patch job train -p '{"spec":{"suspend":true}}'`, "Job", "train", func(j *batchv1.Job) { j.Spec.Suspend = new(true) }),
			explore.EditOf(`kubectl patch job train -p '{"spec":{"suspend":false}}'`, "Job", "train", func(j *batchv1.Job) { j.Spec.Suspend = new(false) }),
		},
		Faults:  []explore.Fault{explore.Crash, explore.PodFails},
		Finish:  true,
		Budget:  explore.Budget{Faults: 2, Edits: 2, Lags: 1},
		Lagging: []string{"job pod"},
		Always:  atMostPods(2),
		Step:    world.Step,
		Goal:    world.Goal,
	}
}

func jobControls() []control {
	return []control{
		{
			name: "a planner that lets pods go before it has written them down",
			why:  "It takes the finalizer of a pod that finished at once. If the pod is then gone, or its host crashes, the pod is never counted.",
			scope: spoil(jobScope(), spoilPlan(func(_ plan.Object, seen sim.Seen, p *sim.Planned) {
				for _, pod := range sim.Read[*corev1.Pod](seen) {
					if pod.Status.Phase == corev1.PodSucceeded && len(pod.Finalizers) > 0 && len(seen.Pending.Outcomes) == 0 {
						after := pod.DeepCopy()
						after.Finalizers = nil
						p.Actions = append([]plan.Action{plan.Update{Before: pod, After: after}}, p.Actions...)
					}
				}
			})),
		},
		{
			name:  "a planner that goes on with a suspended Job",
			why:   "It does not look whether the Job is suspended.",
			scope: spoil(jobScope(), spoilInput(func(j *batchv1.Job, _ *sim.Seen) { j.Spec.Suspend = nil })),
		},
		{
			name:  "a host without Pending",
			why:   "It plans from what it sees, and does not see what it has just created.",
			scope: spoil(jobScope(), spoilInput(func(_ *batchv1.Job, seen *sim.Seen) { seen.Pending = plan.Pending{} })),
		},
	}
}
