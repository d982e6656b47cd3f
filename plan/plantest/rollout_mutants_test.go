package plantest_test

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/rollout"
)

// deploymentMutant is the planner of Deployments with one thing wrong.
type deploymentMutant func(in plantest.DeploymentInput) (rollout.Result, error)

func healthyDeployment(in plantest.DeploymentInput) (rollout.Result, error) {
	return rollout.Plan(in.Deployment, in.Observed, in.Policy)
}

// Each formula of a Deployment is broken by a mutant, and it is that formula that tells.
func TestDeploymentMutants(t *testing.T) {
	const promises, prefixes = "plans keep what the kind promises", "every prefix is safe"
	for _, test := range []struct {
		name         string
		wrong        deploymentMutant
		killer, told string
	}{
		{"old ReplicaSets shrink by upstream's rule", shrinkingAsUpstream, prefixes, "are sure to stay"},
		{"Ready pods that are not available are credit", crediting, prefixes, "are sure to stay"},
		{"a status that is behind is trusted", showing(func(rs *appsv1.ReplicaSet) { rs.Status.ObservedGeneration = rs.Generation }), prefixes, "can be relied on"},
		{"what is being deleted is relied on", showing(keepUndeleted), prefixes, "can be relied on"},
		{"the new ReplicaSet grows by one too many", surging, prefixes, "replicas are asked for"},
		{"what one gives up another gets at once", growingAtOnce, promises, "in one plan"},
		{"Recreate does not look whether old pods run", blindRecreate, promises, "beside the pods"},
		{"nothing is said while it waits", spoiled(func(_ plantest.DeploymentInput, actions []plan.Action) []plan.Action {
			return slices.DeleteFunc(actions, func(a plan.Action) bool { return rank(a) == 0 })
		}), "never silent", "the plan says nothing"},
		{"nobody notes which size was shared out", spoiled(withoutNotes), "fixpoint", "rounds the plan is still"},
		{"adoptions are not asked for", spoiled(func(_ plantest.DeploymentInput, actions []plan.Action) []plan.Action {
			return slices.DeleteFunc(actions, func(a plan.Action) bool { update, ok := a.(plan.Update); return ok && update.Live != nil })
		}), "fixpoint", "at rest"},
	} {
		t.Run(test.name, func(t *testing.T) {
			subject := plantest.Deployments()
			subject.Plan = func(in plantest.DeploymentInput) (plantest.Answer, error) {
				result, err := test.wrong(in)
				return plantest.Answer{Result: result.Result, Whole: &result}, err
			}
			rules := plantest.Rules(subject)
			at := slices.IndexFunc(rules, func(r plantest.Rule) bool { return r.Name == test.killer })
			message, caught := fails(t, rules[at].Check)
			if !caught || !strings.Contains(message, test.told) {
				t.Fatalf("%q does not catch it by telling %q: %s", test.killer, test.told, message)
			}
			t.Logf("caught: %s", message)
		})
	}
}

// The same in histories, where pods really go.
func TestDeploymentHistoryMutants(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong deploymentMutant
		told  string
	}{
		{"the new ReplicaSet grows by one too many", surging, "replicas are asked for"},
		{"Recreate does not look whether old pods run", blindRecreate, "wanted"},
		{"Recreate rolls pod by pod", rollingRecreate, "is created beside"},
		{"the new ReplicaSet does not grow", spoiled(func(_ plantest.DeploymentInput, actions []plan.Action) []plan.Action {
			return slices.DeleteFunc(actions, func(a plan.Action) bool {
				before, after := resized(a)
				return before != nil && sizeOf(after) > sizeOf(before)
			})
		}), "wanted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := plantest.DeploymentWorld()
			world.Hosts = slices.Clone(world.Hosts)
			world.Hosts[0].Plan = func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
				result, err := test.wrong(plantest.DeploymentInput{Deployment: workload.(*appsv1.Deployment), Observed: rollout.Observed{
					Now: seen.Now, ReplicaSets: sim.Read[*appsv1.ReplicaSet](seen), Pods: sim.Read[*corev1.Pod](seen), Pending: seen.Pending,
				}})
				return sim.Planned{Result: result.Result}, err
			}
			message, caught := fails(t, plantest.Histories(world).Check)
			if !caught || !strings.Contains(message, test.told) {
				t.Fatalf("no history shows it by telling %q: %s", test.told, message)
			}
			t.Logf("caught: %s", message)
		})
	}
}

// showing makes a mutant that sees its ReplicaSets as they are not.
func showing(change func(*appsv1.ReplicaSet)) deploymentMutant {
	return func(in plantest.DeploymentInput) (rollout.Result, error) {
		in.Observed.ReplicaSets = slices.Clone(in.Observed.ReplicaSets)
		for i, rs := range in.Observed.ReplicaSets {
			if rs != nil {
				in.Observed.ReplicaSets[i] = rs.DeepCopy()
				change(in.Observed.ReplicaSets[i])
			}
		}
		return healthyDeployment(in)
	}
}

// spoiled makes a mutant that changes the actions.
func spoiled(change func(plantest.DeploymentInput, []plan.Action) []plan.Action) deploymentMutant {
	return func(in plantest.DeploymentInput) (rollout.Result, error) {
		result, err := healthyDeployment(in)
		result.Actions = change(in, slices.Clone(result.Actions))
		return result, err
	}
}

func crediting(in plantest.DeploymentInput) (rollout.Result, error) {
	return showing(func(rs *appsv1.ReplicaSet) { rs.Status.ReadyReplicas = rs.Status.AvailableReplicas })(in)
}

func keepUndeleted(rs *appsv1.ReplicaSet) {
	if metav1.GetControllerOf(rs) != nil {
		rs.DeletionTimestamp = nil
	}
}

// resized gives a ReplicaSet before and after an action that writes its spec; nil if the action does something else.
func resized(a plan.Action) (before, after *appsv1.ReplicaSet) {
	update, ok := a.(plan.Update)
	if !ok || update.Live != nil {
		return nil, nil
	}
	before, _ = update.Before.(*appsv1.ReplicaSet)
	after, _ = update.After.(*appsv1.ReplicaSet)
	return before, after
}

func sizeOf(rs *appsv1.ReplicaSet) int32 {
	if rs.Spec.Replicas == nil {
		return 1
	}
	return *rs.Spec.Replicas
}

// resize is an action that gives a ReplicaSet another size.
func resize(rs *appsv1.ReplicaSet, size int32) plan.Action {
	after := rs.DeepCopy()
	after.Spec.Replicas = &size
	return plan.Update{Before: rs.DeepCopy(), After: after}
}

// surging has whatever grows grow by one more.
func surging(in plantest.DeploymentInput) (rollout.Result, error) {
	return spoiled(func(_ plantest.DeploymentInput, actions []plan.Action) []plan.Action {
		for i, a := range actions {
			if before, after := resized(a); before != nil && after != nil && sizeOf(after) > sizeOf(before) {
				actions[i] = resize(before, sizeOf(after)+1)
			}
		}
		return actions
	})(in)
}

// growingAtOnce hands what the first ReplicaSet gives up to another one.
func growingAtOnce(in plantest.DeploymentInput) (rollout.Result, error) {
	return spoiled(func(in plantest.DeploymentInput, actions []plan.Action) []plan.Action {
		for i, a := range actions {
			before, after := resized(a)
			if before == nil || sizeOf(after) >= sizeOf(before) {
				continue
			}
			for _, rs := range in.Observed.ReplicaSets {
				if rs != nil && rs.UID != before.UID && rs.Namespace == before.Namespace && in.Deployment != nil && metav1.IsControlledBy(rs, in.Deployment) {
					return slices.Insert(actions, i+1, resize(rs, sizeOf(rs)+sizeOf(before)-sizeOf(after)))
				}
			}
		}
		return actions
	})(in)
}

func blindRecreate(in plantest.DeploymentInput) (rollout.Result, error) {
	in.Observed.Pods = nil
	return showing(func(rs *appsv1.ReplicaSet) {
		rs.Status.Replicas, rs.Status.TerminatingReplicas, rs.Status.ObservedGeneration = 0, nil, rs.Generation
	})(in)
}

// rollingRecreate takes Recreate for a rolling update that lets one old pod go at a time.
func rollingRecreate(in plantest.DeploymentInput) (rollout.Result, error) {
	if d := in.Deployment; d != nil && d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		in.Deployment = d.DeepCopy()
		none, one := intstr.FromInt32(0), intstr.FromInt32(1)
		in.Deployment.Spec.Strategy = appsv1.DeploymentStrategy{
			Type:          appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &none, MaxUnavailable: &one},
		}
	}
	return healthyDeployment(in)
}

// withoutNotes keeps the annotations of ReplicaSets as they are.
func withoutNotes(_ plantest.DeploymentInput, actions []plan.Action) []plan.Action {
	for i, a := range actions {
		if before, after := resized(a); before != nil {
			after = after.DeepCopy()
			after.Annotations = before.Annotations
			actions[i] = plan.Update{Before: before, After: after}
		}
	}
	return actions
}

// shrinkingAsUpstream makes old ReplicaSets smaller by what their statuses count as available: the broken ones by whatever is not,
// then the oldest by what is above D - U.
func shrinkingAsUpstream(in plantest.DeploymentInput) (rollout.Result, error) {
	return spoiled(func(in plantest.DeploymentInput, actions []plan.Action) []plan.Action {
		fresh, old := rollingSets(in)
		if fresh == nil || slices.ContainsFunc(actions, func(a plan.Action) bool { before, _ := resized(a); return before != nil && before.UID == fresh.UID }) {
			return actions
		}
		desired := *in.Deployment.Spec.Replicas
		least := desired - unavailableOf(in.Deployment, desired)
		total, available := sizeOf(fresh), fresh.Status.AvailableReplicas
		for _, rs := range old {
			total, available = total+sizeOf(rs), available+rs.Status.AvailableReplicas
		}
		broken, surplus := total-least-(sizeOf(fresh)-fresh.Status.AvailableReplicas), available-least
		if broken <= 0 {
			return actions
		}
		actions = slices.DeleteFunc(actions, func(a plan.Action) bool { before, _ := resized(a); return before != nil || rank(a) == 0 })
		for _, rs := range old {
			size := sizeOf(rs)
			taken := max(0, min(broken, size-rs.Status.AvailableReplicas))
			broken, size = broken-taken, size-taken
			taken = max(0, min(surplus, size))
			surplus, size = surplus-taken, size-taken
			if size != sizeOf(rs) {
				actions = append(actions, resize(rs, size))
			}
		}
		return actions
	})(in)
}

// rollingSets gives the ReplicaSets of a Deployment that is plainly rolled out: nothing is to be adopted, shared out or gone back to.
func rollingSets(in plantest.DeploymentInput) (fresh *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) {
	d := in.Deployment
	if d == nil || d.Spec.Replicas == nil || d.Spec.Paused || d.DeletionTimestamp != nil || d.Annotations[appsv1.DeprecatedRollbackTo] != "" ||
		d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType || len(d.Spec.Selector.MatchLabels)+len(d.Spec.Selector.MatchExpressions) == 0 {
		return nil, nil
	}
	for _, rs := range in.Observed.ReplicaSets {
		switch {
		case rs == nil || rs.Namespace != d.Namespace || rs.Labels["app"] != d.Spec.Template.Labels["app"]:
		case !metav1.IsControlledBy(rs, d) || told(rs) != "" && told(rs) != strconv.Itoa(int(*d.Spec.Replicas)):
			return nil, nil
		case fresh == nil && rs.Spec.Template.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image:
			fresh = rs
		default:
			old = append(old, rs)
		}
	}
	slices.SortFunc(old, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(a.Name, b.Name) })
	return fresh, old
}

func told(rs *appsv1.ReplicaSet) string {
	return rs.Annotations["deployment.kubernetes.io/desired-replicas"]
}

func unavailableOf(d *appsv1.Deployment, desired int32) int32 {
	surge, unavailable := intstr.FromString("25%"), intstr.FromString("25%")
	if rolling := d.Spec.Strategy.RollingUpdate; rolling != nil {
		if rolling.MaxSurge != nil {
			surge = *rolling.MaxSurge
		}
		if rolling.MaxUnavailable != nil {
			unavailable = *rolling.MaxUnavailable
		}
	}
	s, _ := intstr.GetScaledValueFromIntOrPercent(&surge, int(desired), true)
	u, _ := intstr.GetScaledValueFromIntOrPercent(&unavailable, int(desired), false)
	if s == 0 && u == 0 {
		u = 1
	}
	return int32(min(u, int(desired), math.MaxInt32))
}
