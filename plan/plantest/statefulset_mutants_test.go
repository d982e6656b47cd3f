package plantest_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/statefulset"
)

type (
	setInput   = plantest.StatefulSetInput
	setSubject = plantest.Subject[setInput]
	setPlanner = func(setInput) (answer, error)
)

// Planners of StatefulSets with one thing wrong, so that every rule catches at least one.
func TestStatefulSetMutants(t *testing.T) {
	checkMutants(t, plantest.StatefulSets(), []mutant[setInput]{
		{"reads a list in order by sorting it", misreading(func(in *setInput) {
			slices.SortFunc(in.Observed.Pods, func(a, b *corev1.Pod) int { return cmp.Compare(nameOf(b), nameOf(a)) })
		}), []string{"inputs are not modified"}},
		{"gives the template's labels to the pods", mistaken(func(in setInput, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if c, ok := action.(plan.Create); ok && isPod(c.Object) {
					c.Object.SetLabels(in.StatefulSet.Spec.Template.Labels)
				}
				return action
			})
		}), []string{"results share no memory with inputs"}},
		{"deletes the pod that is listed first", mistaken(func(in setInput, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if d, ok := action.(plan.Delete); ok && d.Object.Kind == "Pod" {
					first := slices.IndexFunc(in.Observed.Pods, func(pod *corev1.Pod) bool { return pod != nil && metav1.IsControlledBy(pod, in.StatefulSet) })
					d.Object = plan.RefTo(in.Observed.Pods[max(0, first)])
					return d
				}
				return action
			})
		}), []string{"order does not matter"}},
		{"loops over a map", mistaken(func(_ setInput, a answer) answer {
			actions := map[string]plan.Action{}
			for _, action := range a.Actions {
				actions[action.String()] = action
			}
			a.Actions = slices.Collect(maps.Values(actions))
			return a
		}), []string{"the same input gives the same plan"}},
		{"deletes by name", mistaken(func(_ setInput, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if d, ok := action.(plan.Delete); ok {
					d.Object.UID = ""
					return d
				}
				return action
			})
		}), []string{"plans have the form that hosts expect"}},
		{"says nothing of pods that are not ready", mistaken(func(_ setInput, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, func(action plan.Action) bool { return rank(action) == 0 })
			return a
		}), []string{"never silent"}},
		{"replaces all that is outdated at once", misreading(func(in *setInput) {
			if in.StatefulSet != nil {
				in.StatefulSet = in.StatefulSet.DeepCopy()
				in.StatefulSet.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				setRolling(in.StatefulSet).MaxUnavailable = new(intstr.FromString("100%"))
				in.Policy.MaxUnavailable = true
			}
		}), []string{"every prefix is safe", "every subset of a batch is safe", "plans keep what the kind promises"}},
		{"has a host without a ledger", misreading(func(in *setInput) { in.Observed.Pending.Outcomes = nil }), []string{"read your writes"}},
		{"never gives up on an answer", misreading(func(in *setInput) {
			in.Observed.Pending.Outcomes = slices.Clone(in.Observed.Pending.Outcomes)
			for i := range in.Observed.Pending.Outcomes {
				in.Observed.Pending.Outcomes[i].At = in.Observed.Now
			}
		}), []string{"exact wake-ups at rest"}},
		{"waits until each new pod has shown up", expectingMembers, []string{"no stall once the view is current"}},
		{"tries again first what was refused last", mistaken(func(in setInput, a answer) answer {
			refused := func(action plan.Action) bool {
				return slices.ContainsFunc(in.Observed.Pending.Failures(), func(o plan.Outcome) bool { return o.Action.Target() == action.Target() })
			}
			slices.SortStableFunc(a.Actions, func(x, y plan.Action) int { return cmp.Compare(index(refused(y)), index(refused(x))) })
			return a
		}), []string{"no starvation behind a refusal"}},
		{"writes the status every time", mistaken(func(in setInput, a answer) answer {
			if slices.ContainsFunc(a.Actions, isStatus) || in.StatefulSet == nil {
				return a
			}
			before, after := in.StatefulSet.DeepCopy(), in.StatefulSet.DeepCopy()
			after.Annotations = map[string]string{"looked": before.ResourceVersion}
			a.Actions = append([]plan.Action{plan.UpdateStatus{Before: before, After: after}}, a.Actions...)
			return a
		}), []string{"fixpoint"}},
		{"forgets the status", mistaken(func(_ setInput, a answer) answer {
			a.Actions = slices.DeleteFunc(a.Actions, isStatus)
			return a
		}), []string{"fixpoint"}},
		{"never wakes", mistaken(func(_ setInput, a answer) answer { a.Wake = time.Time{}; return a }), []string{"exact wake-ups at rest"}},
		{"wakes a nanosecond early", mistaken(func(_ setInput, a answer) answer {
			if !a.Wake.IsZero() {
				a.Wake = a.Wake.Add(-1)
			}
			return a
		}), []string{"exact wake-ups at rest"}},
		{"adopts what another controls", misreading(func(in *setInput) {
			in.Observed.Pods = slices.Clone(in.Observed.Pods)
			for i, pod := range in.Observed.Pods {
				if pod != nil && in.StatefulSet != nil && !metav1.IsControlledBy(pod, in.StatefulSet) {
					in.Observed.Pods[i] = pod.DeepCopy()
					in.Observed.Pods[i].OwnerReferences = nil
				}
			}
		}), []string{"ownership"}},
		{"does not see whose claims are", misreading(func(in *setInput) {
			in.Observed.Claims = slices.Clone(in.Observed.Claims)
			for i, claim := range in.Observed.Claims {
				if claim != nil {
					in.Observed.Claims[i] = claim.DeepCopy()
					in.Observed.Claims[i].OwnerReferences = nil
				}
			}
		}), []string{"every prefix is safe"}},
		{"takes the claims of others", mistaken(func(in setInput, a answer) answer {
			for _, claim := range in.Observed.Claims {
				if claim != nil && claim.Namespace == in.StatefulSet.Namespace && metav1.GetControllerOf(claim) != nil && !metav1.IsControlledBy(claim, in.StatefulSet) {
					after := claim.DeepCopy()
					after.OwnerReferences = nil
					a.Actions = slices.Insert(slices.Clone(a.Actions), 0, plan.Action(plan.Update{Before: claim, After: after}))
				}
			}
			return a
		}), []string{"ownership"}},
		{"takes bad input for nothing to do", wrongly(func(in setInput, healthy setPlanner) (answer, error) {
			a, err := healthy(in)
			if err != nil {
				return answer{Whole: &statefulset.Result{}}, nil
			}
			return a, nil
		}), []string{"bad input is an error"}},
		{"takes nil replicas for none", misreading(func(in *setInput) {
			if in.StatefulSet != nil && in.StatefulSet.Spec.Replicas == nil {
				in.StatefulSet = in.StatefulSet.DeepCopy()
				in.StatefulSet.Spec.Replicas = new(int32(0))
			}
		}), []string{"nil means the default"}},
		{"creates what has no JSON form", mistaken(func(_ setInput, a answer) answer {
			return each(a, func(action plan.Action) plan.Action {
				if c, ok := action.(plan.Create); ok && isPod(c.Object) {
					pod := c.Object.(*corev1.Pod)
					pod.TypeMeta = metav1.TypeMeta{}
					return plan.Create{Object: nameless{pod}}
				}
				return action
			})
		}), []string{"actions survive JSON"}},
	})
}

// The bounds of StatefulSets one by one, each with a planner that breaks it, and what is said of that.
func TestStatefulSetBounds(t *testing.T) {
	const prefix, whole = "every prefix is safe", "plans keep what the kind promises"
	rules := map[string]func(setSubject) plantest.Rule{}
	for i, rule := range plantest.Rules(plantest.StatefulSets()) {
		rules[rule.Name] = func(s setSubject) plantest.Rule { return plantest.Rules(s)[i] }
	}
	for _, test := range []struct {
		name   string
		make   func(setSubject) setSubject
		killer string
		told   string
	}{
		{"one pod too many", edited(func(set *appsv1.StatefulSet) { *set.Spec.Replicas++ }), prefix, "which is out of range"},
		{"one pod too few", edited(func(set *appsv1.StatefulSet) { *set.Spec.Replicas = max(0, *set.Spec.Replicas-1) }), whole, "are created, not"},
		{"the start is not looked at", edited(func(set *appsv1.StatefulSet) { set.Spec.Ordinals = nil }), whole, "are created, not"},
		{"the pod before its claims", mistaken(func(_ setInput, a answer) answer {
			slices.SortStableFunc(a.Actions, func(x, y plan.Action) int { return cmp.Compare(index(!createsPod(x)), index(!createsPod(y))) })
			return a
		}), prefix, "comes without its claim"},
		{"nobody waits for the pods before", edited(func(set *appsv1.StatefulSet) { set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }), prefix, "OrderedReady, and"},
		{"minReadySeconds is not looked at", edited(func(set *appsv1.StatefulSet) { set.Spec.MinReadySeconds = 0 }), prefix, "is not available"},
		{"OnDelete is not looked at", edited(func(set *appsv1.StatefulSet) {
			if set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
				set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{}
			}
		}), prefix, "OnDelete, and"},
		{"the partition is not looked at", edited(func(set *appsv1.StatefulSet) {
			if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil {
				rolling.Partition = nil
			}
		}), prefix, "below the partition"},
		{"the partition counts from 0", edited(func(set *appsv1.StatefulSet) {
			if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil && set.Spec.Ordinals != nil {
				rolling.Partition = new(max(0, *rolling.Partition-set.Spec.Ordinals.Start))
			}
		}), prefix, "below the partition"},
		{"more go than maxUnavailable", edited(func(set *appsv1.StatefulSet) {
			if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.MaxUnavailable != nil {
				rolling.MaxUnavailable = new(intstr.FromString("100%"))
			}
		}), prefix, "available pods go"},
		{"the lowest of the surplus goes first", mistaken(lowestFirst), prefix, "goes before"},
		{"what is up to date goes, too", mistaken(func(in setInput, a answer) answer {
			for _, pod := range in.Observed.Pods {
				if isParallel(in.StatefulSet) && pod != nil && metav1.IsControlledBy(pod, in.StatefulSet) && pod.DeletionTimestamp == nil && in.StatefulSet.DeletionTimestamp == nil {
					a.Actions = append(slices.Clone(a.Actions), plan.Delete{Object: plan.RefTo(pod)})
				}
			}
			return a
		}), whole, "is of the revision that it should be of"},
		{"claims go with their pods", mistaken(func(in setInput, a answer) answer {
			for _, claim := range in.Observed.Claims {
				if claim != nil && slices.ContainsFunc(a.Actions, isDelete) {
					a.Actions = append(slices.Clone(a.Actions), plan.Delete{Object: plan.RefTo(claim)})
				}
			}
			return a
		}), prefix, ": claim "},
		{"every claim is to go with its set", edited(func(set *appsv1.StatefulSet) {
			setRetention(set).WhenDeleted = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
		}),
			prefix, "although it is to be retained"},
		{"whenDeleted is not looked at", edited(func(set *appsv1.StatefulSet) {
			if set.Spec.PersistentVolumeClaimRetentionPolicy != nil {
				setRetention(set).WhenDeleted = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
			}
		}), prefix, "is to go with the set, which is to leave it"},
		{"whenScaled is not looked at", edited(func(set *appsv1.StatefulSet) {
			if set.Spec.PersistentVolumeClaimRetentionPolicy != nil {
				setRetention(set).WhenScaled = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
			}
		}), prefix, "is to go with its pod, which is to leave it"},
		{"claims are bound without being asked", misreading(func(in *setInput) { in.Policy.BindClaims = true }), prefix, "nobody asked for it"},
		{"all claims get one volume", mistaken(func(_ setInput, a answer) answer {
			var to *plan.Ref
			return each(a, func(action plan.Action) plan.Action {
				if bind, ok := action.(plan.Bind); ok {
					if to == nil {
						to = &bind.To
					}
					bind.To = *to
					return bind
				}
				return action
			})
		}), prefix, "are bound to one volume"},
		{"the size of a volume is not looked at", misreading(func(in *setInput) {
			in.Observed.Volumes = slices.Clone(in.Observed.Volumes)
			for i, v := range in.Observed.Volumes {
				in.Observed.Volumes[i] = v.DeepCopy()
				in.Observed.Volumes[i].Spec.Capacity = in.Observed.Volumes[0].Spec.Capacity
			}
		}), prefix, "which does not fit"},
		{"one that is not available does not hold up the others", mistaken(func(in setInput, a answer) answer {
			set := in.StatefulSet
			if isParallel(set) || !in.Policy.MaxUnavailable || setRolling(set.DeepCopy()).MaxUnavailable == nil || slices.ContainsFunc(a.Actions, isDelete) || set.DeletionTimestamp != nil {
				return a
			}
			other := in
			other.StatefulSet = set.DeepCopy()
			other.StatefulSet.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
			as, err := statefulset.Plan(other.StatefulSet, other.Observed, other.Policy)
			if err != nil {
				return a
			}
			for _, action := range as.Actions {
				if d, ok := action.(plan.Delete); ok && d.Object.Kind == "Pod" && strings.HasPrefix(d.Reason, "it is of revision") {
					a.Actions = append([]plan.Action{d}, slices.DeleteFunc(slices.Clone(a.Actions), createsPod)...)
					return a
				}
			}
			return a
		}), whole, "goes while"},
		{"terminating pods count as updated", mistaken(func(in setInput, a answer) answer {
			status := &a.Whole.(*statefulset.Result).Status
			for _, pod := range in.Observed.Pods {
				if pod != nil && pod.DeletionTimestamp != nil && metav1.IsControlledBy(pod, in.StatefulSet) {
					status.UpdatedReplicas++
				}
			}
			return a
		}), whole, "the status is behind"},
	} {
		t.Run(test.name, func(t *testing.T) {
			message, caught := fails(t, rules[test.killer](test.make(plantest.StatefulSets())).Check)
			if !caught || !strings.Contains(message, test.told) {
				t.Fatalf("%q says %q, want %q", test.killer, message, test.told)
			}
		})
	}
}

// Hosts of StatefulSets with one thing wrong, each of which some history shows.
func TestStatefulSetHistoryMutants(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong func(healthy hostPlan) hostPlan
		told  string
	}{
		{"the pod before its claims", planned(func(_ plan.Object, p *sim.Planned) {
			p.Actions = slices.Clone(p.Actions)
			slices.SortStableFunc(p.Actions, func(x, y plan.Action) int { return cmp.Compare(index(!createsPod(x)), index(!createsPod(y))) })
		}), "before its claim"},
		{"nobody waits for the pods before", reading(func(set *appsv1.StatefulSet) { set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }), "were never ready at once"},
		{"one pod too many", reading(func(set *appsv1.StatefulSet) { *set.Spec.Replicas++ }), "which nobody ever wanted"},
		{"the partition is not looked at", reading(func(set *appsv1.StatefulSet) { setRolling(set).Partition = nil }), "which no update reached"},
		{"every claim is to go with its set", reading(func(set *appsv1.StatefulSet) {
			setRetention(set).WhenDeleted = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
		}),
			"although it is to be retained"},
		{"claims go with their pods", func(healthy hostPlan) hostPlan {
			return func(set plan.Object, seen sim.Seen) (sim.Planned, error) {
				p, err := healthy(set, seen)
				if claims := sim.Read[*corev1.PersistentVolumeClaim](seen); len(claims) > 0 && slices.ContainsFunc(p.Actions, isDelete) {
					p.Actions = append(slices.Clone(p.Actions), plan.Delete{Object: plan.RefTo(claims[0])})
				}
				return p, err
			}
		}, "is deleted"},
		{"a planner that never wakes", planned(func(_ plan.Object, p *sim.Planned) { p.Wake = time.Time{} }), "at rest, and"},
		{"pods are made under another identity", planned(func(_ plan.Object, p *sim.Planned) {
			for _, a := range p.Actions {
				if createsPod(a) {
					a.(plan.Create).Object.(*corev1.Pod).Spec.Hostname = "web"
				}
			}
		}), "under another identity"},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := plantest.StatefulSetWorld()
			world.Hosts[0].Plan = test.wrong(world.Hosts[0].Plan)
			message, caught := fails(t, plantest.Histories(world).Check)
			if !caught || !strings.Contains(message, test.told) {
				t.Fatalf("histories say %q, want %q", message, test.told)
			}
		})
	}
}

func wrongly(wrong func(setInput, setPlanner) (answer, error)) func(setSubject) setSubject {
	return func(s setSubject) setSubject {
		healthy := s.Plan
		s.Plan = func(in setInput) (answer, error) { return wrong(in, healthy) }
		return s
	}
}

// misreading makes a mutant that takes its input for another.
func misreading(change func(*setInput)) func(setSubject) setSubject {
	return wrongly(func(in setInput, healthy setPlanner) (answer, error) {
		change(&in)
		return healthy(in)
	})
}

// edited makes a mutant that takes the set for another, with replicas.
func edited(edit func(*appsv1.StatefulSet)) func(setSubject) setSubject {
	return misreading(func(in *setInput) {
		if in.StatefulSet != nil {
			in.StatefulSet = editedSet(in.StatefulSet, edit)
		}
	})
}

func editedSet(set *appsv1.StatefulSet, edit func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	set = set.DeepCopy()
	if set.Spec.Replicas == nil {
		set.Spec.Replicas = new(int32(1))
	}
	edit(set)
	return set
}

// reading is a host whose planner takes the set for another.
func reading(edit func(*appsv1.StatefulSet)) func(hostPlan) hostPlan {
	return func(healthy hostPlan) hostPlan {
		return func(set plan.Object, seen sim.Seen) (sim.Planned, error) {
			return healthy(editedSet(set.(*appsv1.StatefulSet), edit), seen)
		}
	}
}

// mistaken makes a mutant that spoils the plan.
func mistaken(spoil func(setInput, answer) answer) func(setSubject) setSubject {
	return wrongly(func(in setInput, healthy setPlanner) (answer, error) {
		a, err := healthy(in)
		if err != nil {
			return a, err
		}
		return spoil(in, a), nil
	})
}

// expectingMembers makes a mutant that remembers what it created, and waits until it has seen it.
func expectingMembers(s setSubject) setSubject {
	input, healthy := s.Input, s.Plan
	var expected map[types.UID]bool
	s.Input = func(at plantest.Snapshot) setInput {
		expected = map[types.UID]bool{}
		if before, ok := at.Memory.(map[types.UID]bool); ok {
			maps.Copy(expected, before)
		}
		for _, o := range at.Pending.Outcomes {
			if createsPod(o.Action) && o.Reply != nil {
				expected[o.Reply.GetUID()] = true
			}
		}
		maps.DeleteFunc(expected, func(uid types.UID, _ bool) bool {
			return slices.ContainsFunc(plantest.All[*corev1.Pod](at), func(pod *corev1.Pod) bool { return pod != nil && pod.UID == uid })
		})
		return input(at)
	}
	s.Plan = func(in setInput) (answer, error) {
		a, err := healthy(in)
		if err == nil && len(expected) > 0 {
			a.Actions = []plan.Action{plan.Wait{For: plan.WaitAnswer, Object: plan.RefTo(in.StatefulSet), Reason: "pods were created and are not shown"}}
		}
		a.Memory = maps.Clone(expected)
		return a, err
	}
	return s
}

// lowestFirst deletes the lowest of the surplus pods in place of the highest.
func lowestFirst(in setInput, a answer) answer {
	end := int(*cmp.Or(in.StatefulSet.Spec.Replicas, new(int32(1))))
	if in.StatefulSet.Spec.Ordinals != nil {
		end += int(in.StatefulSet.Spec.Ordinals.Start)
	}
	var surplus []*corev1.Pod
	for _, pod := range in.Observed.Pods {
		if pod != nil && metav1.IsControlledBy(pod, in.StatefulSet) && pod.Labels["app"] == "web" && pod.DeletionTimestamp == nil &&
			len(pod.Name) == len("web-0") && int(pod.Name[4]-'0') >= end {
			surplus = append(surplus, pod)
		}
	}
	if len(surplus) < 2 {
		return a
	}
	lowest := slices.MinFunc(surplus, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return each(a, func(action plan.Action) plan.Action {
		if d, ok := action.(plan.Delete); ok && d.Object.Kind == "Pod" {
			d.Object = plan.RefTo(lowest)
			return d
		}
		return action
	})
}

func setRolling(set *appsv1.StatefulSet) *appsv1.RollingUpdateStatefulSetStrategy {
	if set.Spec.UpdateStrategy.RollingUpdate == nil {
		set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{}}
	}
	return set.Spec.UpdateStrategy.RollingUpdate
}

func setRetention(set *appsv1.StatefulSet) *appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy {
	if set.Spec.PersistentVolumeClaimRetentionPolicy == nil {
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{}
	}
	return set.Spec.PersistentVolumeClaimRetentionPolicy
}

func isPod(obj plan.Object) bool { _, ok := obj.(*corev1.Pod); return ok }

func createsPod(a plan.Action) bool {
	create, ok := a.(plan.Create)
	return ok && isPod(create.Object)
}

func isParallel(set *appsv1.StatefulSet) bool {
	return set.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
}
