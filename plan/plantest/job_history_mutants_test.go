package plantest_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// Planners of Jobs with one thing wrong, each of which some history shows: by what it says every clause of [countsOnce], of the goal,
// and of the bound on the pods of a lifetime can fail.
func TestJobHistoryMutants(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong func(healthy hostPlan) hostPlan
		says  string
		such  func(*batchv1.JobSpec) // nil: any Job
	}{
		{"strips the finalizer first", spoiling(func(j *batchv1.Job, seen sim.Seen, p *sim.Planned) {
			p.Actions = slices.Concat(stripFinished(j, sim.Read[*corev1.Pod](seen)), withoutStrips(p.Actions))
		}), "loses its finalizer before it is counted", nil},
		{"counts first", spoiling(func(j *batchv1.Job, seen sim.Seen, p *sim.Planned) {
			countListed(p.Actions)
			p.Actions = append(withoutStrips(p.Actions), stripFinished(j, sim.Read[*corev1.Pod](seen))...)
		}), "0 pods are taken off the list, and ", nil},
		{"counts what bears the finalizer", spoiling(func(j *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			if listed := int32(len(uncounted(j).Failed)); listed > 0 {
				after := j.DeepCopy()
				after.Status.UncountedTerminatedPods.Failed = nil
				after.Status.Failed += listed
				p.Actions = slices.Insert(slices.DeleteFunc(p.Actions, isStatus), 0, plan.Action(plan.UpdateStatus{Before: j.DeepCopy(), After: after}))
			}
		}), "is counted, and bears the finalizer", fiveOfTwo},
		{"takes updates without an answer for done", func(healthy hostPlan) hostPlan {
			return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
				seen.Pending.Outcomes = slices.Clone(seen.Pending.Outcomes)
				for i := range seen.Pending.Outcomes {
					seen.Pending.Outcomes[i] = believed(seen.Pending.Outcomes[i])
				}
				return healthy(workload, seen)
			}
		}, "", nil},
		{"lists again what is counted", spoiling(func(j *batchv1.Job, seen sim.Seen, p *sim.Planned) {
			eachStatus(p.Actions, func(_, after *batchv1.JobStatus) {
				list := after.UncountedTerminatedPods.DeepCopy()
				if j.Status.Failed != 1 {
					return
				}
				for _, pod := range sim.Read[*corev1.Pod](seen) {
					if metav1.IsControlledBy(pod, j) && pod.Status.Phase == corev1.PodFailed && !bearsFinalizer(pod) && !slices.Contains(list.Failed, pod.UID) {
						list.Failed = append(list.Failed, pod.UID)
					}
				}
				after.UncountedTerminatedPods = list
			})
		}), "counted", nil},
		{"forgets the failures that were counted", spoiling(func(j *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			eachStatus(p.Actions, func(_, after *batchv1.JobStatus) {
				if len(uncounted(j).Failed) == 0 {
					after.Failed = 0
				}
			})
		}), "the counter of pods that failed falls", nil},
		{"forgets the successes that were counted", spoiling(func(j *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			eachStatus(p.Actions, func(_, after *batchv1.JobStatus) {
				if len(uncounted(j).Succeeded) == 0 {
					after.Succeeded = 0
				}
			})
		}), "the counter of pods that succeeded falls", fiveOfTwo},
		{"begins again", spoiling(func(j *batchv1.Job, seen sim.Seen, p *sim.Planned) {
			if len(j.Status.Conditions) < 2 {
				return
			}
			if p.Wake = j.Status.Conditions[1].LastTransitionTime.Add(time.Minute); !seen.Now.Before(p.Wake) {
				after := j.DeepCopy()
				after.Status.Conditions, after.Status.CompletionTime = nil, nil
				p.Actions = []plan.Action{plan.UpdateStatus{Before: j.DeepCopy(), After: after}}
			}
		}), "a finished Job goes on", nil},
		{"ends before all is counted", spoiling(func(_ *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			eachStatus(p.Actions, func(_, after *batchv1.JobStatus) { declare(after) })
		}), "has never counted the pod", nil},
		{"never lets go of what succeeded", spoiling(func(_ *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			p.Actions = slices.DeleteFunc(p.Actions, func(a plan.Action) bool {
				update, ok := a.(plan.Update)
				return ok && update.Before.(*corev1.Pod).Status.Phase == corev1.PodSucceeded
			})
		}), "still bears the finalizer", fiveOfTwo},
		{"tries as often as it likes", func(healthy hostPlan) hostPlan {
			return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
				j := workload.DeepCopyObject().(*batchv1.Job)
				j.Spec.BackoffLimit = new(int32(100))
				return healthy(j, seen)
			}
		}, "for a Job, which nobody cut short", nil},
		{"has no ledger", func(healthy hostPlan) hostPlan {
			return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
				seen.Pending = plan.Pending{}
				return healthy(workload, seen)
			}
		}, "and there may be ", nil},
		{"tracks what comes back", spoiling(func(_ *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			for _, a := range p.Actions {
				if update, ok := a.(plan.Update); ok && update.Live != nil && !bearsFinalizer(update.After.(*corev1.Pod)) {
					update.After.SetFinalizers(append(update.After.GetFinalizers(), batchv1.JobTrackingFinalizer))
				}
			}
		}), "is counted a second time", selecting},
		{"does not carry on the failures of an index", spoiling(func(_ *batchv1.Job, _ sim.Seen, p *sim.Planned) {
			for _, a := range p.Actions {
				if creation, ok := a.(plan.Create); ok {
					delete(creation.Object.GetAnnotations(), batchv1.JobIndexFailureCountAnnotation)
				}
			}
		}), "pods are created at index", oneIndex},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := plantest.JobWorld()
			if test.such != nil {
				world = uncut(world, test.such)
			}
			world.Hosts[0].Plan = test.wrong(world.Hosts[0].Plan)
			expectCaught(t, plantest.Histories(world).Check, test.says)
		})
	}
}

// oneIndex and fiveOfTwo are Jobs on which some mistakes show sooner than on any.
func oneIndex(spec *batchv1.JobSpec) {
	spec.Completions, spec.CompletionMode, spec.BackoffLimitPerIndex = new(int32(1)), new(batchv1.IndexedCompletion), new(int32(1))
}

func fiveOfTwo(spec *batchv1.JobSpec) {
	spec.Completions, spec.Parallelism = new(int32(5)), new(int32(2))
}

// selecting is a Job whose pods can be taken out of it and be put back.
func selecting(spec *batchv1.JobSpec) {
	fiveOfTwo(spec)
	labels := map[string]string{"app": "train"}
	spec.ManualSelector, spec.Selector, spec.Template.Labels = new(true), &metav1.LabelSelector{MatchLabels: labels}, labels
}

// uncut is the world with such a Job, that nobody narrows or suspends.
func uncut(world plantest.World, such func(*batchv1.JobSpec)) plantest.World {
	j := &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "train"},
		Spec: batchv1.JobSpec{ManualSelector: new(false), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "train:1"}},
		}}},
	}
	such(&j.Spec)
	world.Workload = rapid.Just[plan.Object](j)
	world.Edits = []plantest.Edit{{Name: "keep", Change: func(_ *rapid.T, obj plan.Object) string {
		obj.(*batchv1.Job).Spec.TTLSecondsAfterFinished = new(int32(1 << 30))
		return `kubectl patch job train -p '{"spec":{"ttlSecondsAfterFinished":1073741824}}'`
	}}}
	return world
}

// spoiling spoils what a planner returns, with what it has seen at hand.
func spoiling(spoil func(*batchv1.Job, sim.Seen, *sim.Planned)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			p, err := healthy(workload, seen)
			if err == nil {
				p.Actions = slices.Clone(p.Actions)
				spoil(workload.(*batchv1.Job), seen, &p)
			}
			return p, err
		}
	}
}

// believed is an update without an answer as if it had been answered.
func believed(o plan.Outcome) plan.Outcome {
	var after plan.Object
	switch a := o.Action.(type) {
	case plan.Update:
		after = a.After
	case plan.UpdateStatus:
		after = a.After
	}
	if after == nil || o.Reply != nil || o.Err != nil {
		return o
	}
	version, _ := strconv.Atoi(after.GetResourceVersion())
	o.Reply = after.DeepCopyObject().(plan.Object)
	o.Reply.SetResourceVersion(strconv.Itoa(version + 1))
	return o
}
