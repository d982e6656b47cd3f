package script

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// condition compares a number of pods of one workload: "available of deploy/web >= 8".
type condition struct {
	text     string
	about    string // the text without the number
	quantity quantity
	workload target
	compare  func(a, b int) bool
	number   int
}

// quantity is one of the numbers that conditions can speak of.
type quantity struct {
	name, means string
	counts      func(pod *corev1.Pod, minReadySeconds int32, now time.Time) bool
}

// quantities count the pods that a workload controls, directly or through what it controls.
func quantities() []quantity {
	live := func(pod *corev1.Pod) bool { return pod.DeletionTimestamp == nil && !pods.IsTerminal(pod) }
	return []quantity{
		{"pods", "neither finished nor being deleted", func(pod *corev1.Pod, _ int32, _ time.Time) bool {
			return live(pod)
		}},
		{"ready", "of these, those that are Ready", func(pod *corev1.Pod, _ int32, _ time.Time) bool {
			return live(pod) && pods.IsReady(pod)
		}},
		{"available", "of these, those that have been for minReadySeconds", func(pod *corev1.Pod, minReady int32, now time.Time) bool {
			return live(pod) && pods.IsAvailable(pod, minReady, now)
		}},
		{"terminating", "being deleted", func(pod *corev1.Pod, _ int32, _ time.Time) bool {
			return pod.DeletionTimestamp != nil
		}},
		{"succeeded", "finished with success", func(pod *corev1.Pod, _ int32, _ time.Time) bool {
			return pod.Status.Phase == corev1.PodSucceeded
		}},
		{"failed", "finished without", func(pod *corev1.Pod, _ int32, _ time.Time) bool {
			return pod.Status.Phase == corev1.PodFailed
		}},
	}
}

// comparison gives the function of an operator, nil if there is none.
func comparison(operator string) func(a, b int) bool {
	switch operator {
	case "<=":
		return func(a, b int) bool { return a <= b }
	case ">=":
		return func(a, b int) bool { return a >= b }
	case "==":
		return func(a, b int) bool { return a == b }
	}
	return nil
}

// parseCondition takes a condition from the arguments.
func parseCondition(c *call) (*condition, error) {
	if len(c.args) < 5 || c.args[1] != "of" {
		return nil, wrong(`a condition is "QUANTITY of KIND/NAME <= NUMBER", or with >= or ==`)
	}
	known := quantities()
	at := slices.IndexFunc(known, func(q quantity) bool { return q.name == c.args[0] })
	if at < 0 {
		return nil, wrong("%q is no quantity that can be counted", c.args[0])
	}
	workload, err := parseTargets(c.args[2:3])
	if err != nil {
		return nil, err
	}
	compare := comparison(c.args[3])
	number, err := strconv.Atoi(c.args[4])
	if compare == nil || err != nil {
		return nil, wrong(`"%s %s" is no comparison with a number`, c.args[3], c.args[4])
	}
	parsed := &condition{quantity: known[at], workload: workload[0], compare: compare, number: number}
	parsed.about = strings.Join(c.args[:4], " ")
	parsed.text = strings.Join(c.args[:5], " ")
	c.args = c.args[5:]
	return parsed, nil
}

// count is the quantity as it is now.
func (cond *condition) count(c *sim.Cluster) int {
	workload, err := c.Get(cond.workload.resource.Kind, metav1.NamespaceDefault, cond.workload.name)
	if err != nil {
		return 0
	}
	n := 0
	for _, pod := range controlled(c, workload) {
		if cond.quantity.counts(pod, minReadySeconds(workload), c.Now()) {
			n++
		}
	}
	return n
}

func (cond *condition) holds(c *sim.Cluster) bool { return cond.compare(cond.count(c), cond.number) }

// controlled gives the pods that a workload controls, directly, or through the ReplicaSets or Jobs that it controls.
func controlled(c *sim.Cluster, workload plan.Object) []*corev1.Pod {
	controllers := map[types.UID]bool{workload.GetUID(): true}
	for _, kind := range []string{"ReplicaSet", "Job"} {
		for _, obj := range c.List(kind, workload.GetNamespace()) {
			if ref := metav1.GetControllerOfNoCopy(obj); ref != nil && controllers[ref.UID] {
				controllers[obj.GetUID()] = true
			}
		}
	}
	return slices.DeleteFunc(sim.List[*corev1.Pod](c, workload.GetNamespace()), func(pod *corev1.Pod) bool {
		ref := metav1.GetControllerOfNoCopy(pod)
		return ref == nil || !controllers[ref.UID]
	})
}

func minReadySeconds(workload plan.Object) int32 {
	switch w := workload.(type) {
	case *appsv1.ReplicaSet:
		return w.Spec.MinReadySeconds
	case *appsv1.Deployment:
		return w.Spec.MinReadySeconds
	case *appsv1.DaemonSet:
		return w.Spec.MinReadySeconds
	case *appsv1.StatefulSet:
		return w.Spec.MinReadySeconds
	}
	return 0
}

// invariant is a condition that must hold after every write for as long as the workload is there.
type invariant struct {
	condition
	broken error // how it broke first
}

func invariantVerb() verb {
	return verb{
		name: "invariant", takes: "CONDITION",
		does: "must hold after every write from here on, unless the workload does not exist or is being deleted; another NUMBER replaces it",
		run:  setInvariant,
	}
}

func setInvariant(s *session, c call) (string, error) {
	condition, err := parseCondition(&c)
	if err != nil {
		return "", err
	}
	s.invariants = slices.DeleteFunc(s.invariants, func(inv *invariant) bool { return inv.about == condition.about })
	s.invariants = append(s.invariants, &invariant{condition: *condition})
	s.checkInvariants(sim.Write{})
	return "", c.done()
}

// checkInvariants is called after every write.
func (s *session) checkInvariants(w sim.Write) {
	for _, inv := range s.invariants {
		workload, err := s.cluster.Get(inv.workload.resource.Kind, metav1.NamespaceDefault, inv.workload.name)
		if err != nil || workload.GetDeletionTimestamp() != nil || inv.holds(s.cluster) {
			continue
		}
		after := "as it is set"
		if w.Verb != "" {
			after = "after " + w.String()
		}
		inv.broken = cmp.Or(inv.broken, fmt.Errorf("the invariant %q does not hold: %s is %d %s",
			inv.text, inv.quantity.name, inv.count(s.cluster), after))
	}
}

// brokenInvariant tells the first invariant that broke. Each is told once and then forgotten.
func (s *session) brokenInvariant() error {
	for i, inv := range s.invariants {
		if inv.broken != nil {
			s.invariants = slices.Delete(s.invariants, i, i+1)
			return inv.broken
		}
	}
	return nil
}
