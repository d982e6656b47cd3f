package plantest

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// JobWorld is a Job of up to three pods at a time and its hosts.
func JobWorld() World {
	return World{
		Name:  "Job",
		Hosts: []sim.Host{sim.Jobs(job.Policy{}), sim.LostPods(job.Policy{})},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			j := drawJob(t)
			j.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
			j.ObjectMeta = metav1.ObjectMeta{Namespace: j.Namespace, Name: j.Name}
			j.Spec.TTLSecondsAfterFinished, j.Spec.ActiveDeadlineSeconds = nil, nil // what ends by itself is not at rest
			return j
		}),
		Edits: []Edit{
			{"parallelism", changeParallelism},
			{"completions", func(t *rapid.T, obj plan.Object) string {
				spec := &obj.(*batchv1.Job).Spec
				if !isIndexed(obj.(*batchv1.Job)) || spec.SuccessPolicy != nil {
					return changeParallelism(t, obj) // its completions may not be changed
				}
				completions := rapid.Int32Range(0, 4).Draw(t, "completions")
				spec.Completions, spec.Parallelism = &completions, &completions
				return fmt.Sprintf(`kubectl patch job train -p '{"spec":{"completions":%d,"parallelism":%d}}'`, completions, completions)
			}},
			{"suspend", func(t *rapid.T, obj plan.Object) string {
				suspend := rapid.Bool().Draw(t, "suspend")
				obj.(*batchv1.Job).Spec.Suspend = &suspend
				return fmt.Sprintf(`kubectl patch job train -p '{"spec":{"suspend":%t}}'`, suspend)
			}},
		},
		Always: countsOnce,
		Step:   jobStep,
		Goal:   jobRests,
		Policy: job.Policy{},
	}
}

// jobRests: where a Job can be left alone: suspended or without parallelism it waits for somebody.
func jobRests(s Snapshot) error {
	e := countErrand(s)
	if *e.job.Spec.Suspend || *e.job.Spec.Parallelism == 0 {
		if stays := e.job.Spec.Completions == nil && e.wins() > 0 && !*e.job.Spec.Suspend; len(e.active) > 0 && !stays {
			return fmt.Errorf("%d pods are active, and none is wanted", len(e.active))
		}
		return nil
	}
	return jobGoal(s)
}

func changeParallelism(t *rapid.T, obj plan.Object) string {
	parallelism := rapid.Int32Range(0, 3).Draw(t, "parallelism")
	obj.(*batchv1.Job).Spec.Parallelism = &parallelism
	return fmt.Sprintf(`kubectl patch job train -p '{"spec":{"parallelism":%d}}'`, parallelism)
}
