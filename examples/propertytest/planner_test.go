package propertytest_test

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/examples/propertytest"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// The planner reads nothing but its arguments.
func TestPure(t *testing.T) { plantest.CheckPure(t, ".") }

// Whatever the input, the rules hold that every planner keeps.
func TestRules(t *testing.T) { plantest.CheckRules(t, subject()) }

// Whatever happens to a cluster, the workload comes to rest where it should be once it ends.
func TestHistories(t *testing.T) { plantest.CheckHistories(t, world()) }

// All that can happen to two pods: a crash, an answer lost, a pod deleted, an edit, a view that lags.
func TestAllStates(t *testing.T) { t.Log(explore.Check(t, scope())) }

// A planner that does not look through the ledger creates twice what it does not see yet.
func TestAllStatesFindsWhatIsWrong(t *testing.T) {
	careless := scope()
	careless.Hosts = []sim.Host{host(func(rc *corev1.ReplicationController, observed propertytest.Observed) (plan.Result, error) {
		observed.Pending = plan.Pending{}
		return propertytest.Plan(rc, observed)
	})}
	if _, found := explore.Explore(careless); found == nil {
		t.Error("no state shows it")
	} else {
		t.Logf("the shortest way to show it:\n%s", found)
	}
}

// replicationController is one as a person applies it.
func replicationController(replicas *int32) *corev1.ReplicationController {
	return &corev1.ReplicationController{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ReplicationController"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: corev1.ReplicationControllerSpec{
			Replicas: replicas,
			Selector: map[string]string{"app": "web"},
			Template: &corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:1"}}},
			},
		},
	}
}

// input is what Plan takes, as one struct.
type input struct {
	RC       *corev1.ReplicationController
	Observed propertytest.Observed
}

// subject says of the planner what the rules cannot know.
func subject() plantest.Subject[input] {
	return plantest.Subject[input]{
		Name:      "ReplicationController",
		Snapshots: rapid.Custom(snapshot),
		Input: func(s plantest.Snapshot) input {
			rc, _ := s.Workload.(*corev1.ReplicationController)
			return input{rc, propertytest.Observed{Now: s.Now, Pods: plantest.All[*corev1.Pod](s), Pending: s.Pending}}
		},
		Plan: func(in input) (plantest.Answer, error) {
			result, err := propertytest.Plan(in.RC, in.Observed)
			return plantest.Answer{Result: result, Whole: &result}, err
		},
		Break:    broken,
		Defaults: defaulted,
		Step:     step,
		Whole:    whole,
		Goal:     goal,
		Rounds:   5, // the status, the pods, the status again; and once more where an answer was lost
	}
}

func snapshot(t *rapid.T) plantest.Snapshot {
	replicas := new(rapid.Int32Range(0, 4).Draw(t, "replicas"))
	if *replicas == 1 {
		replicas = nil
	}
	rc := replicationController(replicas)
	rc.Namespace, rc.UID, rc.ResourceVersion, rc.Generation = plantest.Namespace, "web-uid", "900", 2
	rc.Status.Replicas = rapid.Int32Range(0, 4).Draw(t, "status.replicas")
	if rapid.IntRange(0, 9).Draw(t, "deleted") == 9 {
		rc.DeletionTimestamp, rc.Finalizers = new(metav1.NewTime(plantest.Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	pods := plantest.Pods{
		Metadata: plantest.Metadata{
			Now:    plantest.Epoch(),
			Owner:  *metav1.NewControllerRef(rc, corev1.SchemeGroupVersion.WithKind("ReplicationController")),
			Labels: rc.Spec.Selector,
		},
		Prefix:   "web",
		Template: rc.Spec.Template.Spec,
	}
	s := plantest.Snapshot{Now: plantest.Epoch(), Workload: rc, Version: 1000}
	s = plantest.With(s, pods.Draw(t, 5)...)
	return plantest.Disturbed(t, s, func(pod *corev1.Pod) { pod.Status = corev1.PodStatus{} })
}

func broken(t *rapid.T, s plantest.Snapshot) (plantest.Snapshot, string) {
	rc := s.Workload.(*corev1.ReplicationController).DeepCopy()
	s.Workload = rc
	what := rapid.SampledFrom([]string{"replicationController", "spec.replicas", "spec.template"}).Draw(t, "wrong")
	switch what {
	case "replicationController":
		s.Workload = nil
	case "spec.replicas":
		rc.Spec.Replicas = new(int32(-1))
	case "spec.template":
		rc.Spec.Template = nil
	}
	return s, what
}

func defaulted(obj plan.Object) plan.Object {
	rc := obj.(*corev1.ReplicationController).DeepCopy()
	if rc.Spec.Replicas == nil {
		rc.Spec.Replicas = new(int32(1))
	}
	return rc
}

// count gives how many pods there are and how many there should be, in the plainest way.
func count(s plantest.Snapshot) (has, wanted int) {
	rc := defaulted(s.Workload).(*corev1.ReplicationController)
	seen := map[string]bool{} // a view may list a pod twice
	for _, pod := range plantest.All[*corev1.Pod](s) {
		if pod == nil || pod.Namespace != rc.Namespace {
			continue
		}
		owner := metav1.GetControllerOf(pod)
		finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if owner != nil && owner.UID == rc.UID && !finished && pod.DeletionTimestamp == nil && !seen[pod.Name] {
			seen[pod.Name] = true
			has++
		}
	}
	return has, int(*rc.Spec.Replicas)
}

// step: the number of pods never moves away from the number wanted.
func step(before, after plantest.Snapshot) error {
	had, wanted := count(before)
	has, _ := count(after)
	if has > max(had, wanted) || has < min(had, wanted) {
		return fmt.Errorf("%d pods, where there were %d and %d are wanted", has, had, wanted)
	}
	return nil
}

// whole: creates = max(0, R - A), deletes = max(0, A - R).
func whole(s plantest.Snapshot, answer plantest.Answer, _ func(plantest.Snapshot) plantest.Answer) error {
	has, wanted := count(s)
	if s.Workload.GetDeletionTimestamp() != nil {
		wanted = has
	}
	for _, a := range answer.Actions {
		switch a.(type) {
		case plan.Create:
			has++
		case plan.Delete:
			has--
		}
	}
	if has != wanted {
		return fmt.Errorf("the plan leads to %d pods, %d are wanted", has, wanted)
	}
	return nil
}

// goal: the number of pods is right, and the status says so.
func goal(s plantest.Snapshot) error {
	rc := s.Workload.(*corev1.ReplicationController)
	has, wanted := count(s)
	switch {
	case rc.DeletionTimestamp != nil:
		return errors.New("it is being deleted")
	case has != wanted:
		return fmt.Errorf("%d pods, %d wanted", has, wanted)
	case int(rc.Status.Replicas) != has || rc.Status.ObservedGeneration != rc.Generation:
		return errors.New("the status is behind")
	}
	return nil
}

// host runs the planner as a program would that embeds it.
func host(planner func(*corev1.ReplicationController, propertytest.Observed) (plan.Result, error)) sim.Host {
	return sim.Host{
		Kind:  "ReplicationController",
		Reads: []string{"Pod"},
		Plan: func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
			result, err := planner(workload.(*corev1.ReplicationController), propertytest.Observed{
				Now: seen.Now, Pods: sim.Read[*corev1.Pod](seen), Pending: seen.Pending,
			})
			return sim.Planned{Result: result}, err
		},
	}
}

// world is the workload in a simulated cluster, and what people do to it.
func world() plantest.World {
	return plantest.World{
		Name:  "ReplicationController",
		Hosts: []sim.Host{host(propertytest.Plan)},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			return replicationController(new(rapid.Int32Range(0, 4).Draw(t, "replicas")))
		}),
		Edits: []plantest.Edit{{Name: "scale", Change: func(t *rapid.T, obj plan.Object) string {
			replicas := rapid.Int32Range(0, 4).Draw(t, "replicas")
			obj.(*corev1.ReplicationController).Spec.Replicas = &replicas
			return fmt.Sprintf("kubectl scale rc web --replicas %d", replicas)
		}}},
		Always: func(c *sim.Cluster) func(sim.Write) error {
			return func(sim.Write) error {
				if n := len(c.List("Pod", "")); n > 30 {
					return fmt.Errorf("%d pods, finished ones included", n)
				}
				return nil
			}
		},
		Step: step,
		Goal: goal,
	}
}

// scope is a small cluster, all states of which are visited.
func scope() explore.Scope {
	return explore.Scope{
		Name:     "ReplicationController",
		Hosts:    []sim.Host{host(propertytest.Plan)},
		Start:    []plan.Object{replicationController(new(int32(2)))},
		Workload: plan.Ref{Kind: "ReplicationController", Name: "web"},
		Edits: []explore.Edit{explore.EditOf("kubectl scale rc web --replicas 1", "ReplicationController", "web",
			func(rc *corev1.ReplicationController) { rc.Spec.Replicas = new(int32(1)) })},
		Faults: []explore.Fault{explore.Crash, explore.LoseAnswer, explore.PodDeleted},
		Budget: explore.Budget{Faults: 1, Edits: 1, Lags: 1},
		Step:   step,
		Goal:   goal,
	}
}
