package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// scheduler finds nodes for pods: of those that a pod may run on, the one with the fewest pods, then by name. It looks at
// nodeSelector, required node affinity, taints and volumes, not at resources.
type scheduler struct {
	off   bool
	stuck map[types.UID]bool // pods that found no node
}

const (
	byScheduler = "default-scheduler"

	// scheduleDelay is how long a new pod waits for the scheduler.
	scheduleDelay = 100 * time.Millisecond
)

func (c *Cluster) startScheduler() func(Write) {
	c.scheduler.stuck = map[types.UID]bool{}
	return func(w Write) {
		switch obj := w.Object().(type) {
		case *corev1.Pod:
			switch {
			case w.After == nil:
				delete(c.scheduler.stuck, obj.UID)
			case w.Verb == verbCreate || w.Verb == verbUpdate:
				c.considerPod(obj, scheduleDelay)
			}
		case *corev1.Node, *corev1.PersistentVolumeClaim, *corev1.PersistentVolume:
			c.reconsider()
		}
	}
}

// reconsider lets the pods that found no node try again, since something changed.
func (c *Cluster) reconsider() {
	if len(c.scheduler.stuck) == 0 {
		return
	}
	for _, pod := range objects[*corev1.Pod](c, "") {
		if c.scheduler.stuck[pod.UID] {
			c.considerPod(pod, 0)
		}
	}
}

func (c *Cluster) considerPod(pod *corev1.Pod, delay time.Duration) {
	if needsNode(pod) && !c.scheduler.off {
		uid := pod.UID
		c.after(delay, "schedule "+string(uid), func() { c.schedule(uid) })
	}
}

func needsNode(pod *corev1.Pod) bool {
	ours := pod.Spec.SchedulerName == "" || pod.Spec.SchedulerName == corev1.DefaultSchedulerName
	return ours && pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil && !pods.IsTerminal(pod) && len(pod.Spec.SchedulingGates) == 0
}

func (c *Cluster) schedule(uid types.UID) {
	pod, _ := c.store.byUID[uid].(*corev1.Pod)
	if pod == nil || !needsNode(pod) {
		return
	}
	node, whyNot := c.nodeFor(pod)
	if whyNot != "" {
		c.scheduler.stuck[uid] = true
		c.sayUnschedulable(pod, whyNot)
		return
	}
	delete(c.scheduler.stuck, uid)
	if c.choosesVolumes(pod, node) {
		c.scheduler.stuck[uid] = true // until its claims are bound
		return
	}
	if err := c.bind(byScheduler, plan.RefTo(pod), plan.RefTo(node)); err == nil {
		c.note(byScheduler, pod, "Scheduled", "Successfully assigned %s/%s to %s", pod.Namespace, pod.Name, node.Name)
	}
}

// nodeFor chooses a node, or says why there is none.
func (c *Cluster) nodeFor(pod *corev1.Pod) (best *corev1.Node, whyNot string) {
	nodes := objects[*corev1.Node](c, "")
	if len(nodes) == 0 {
		return nil, "no nodes available to schedule pods"
	}
	if reason := c.missingClaim(pod); reason != "" {
		return nil, fmt.Sprintf("0/%d nodes are available: %s.", len(nodes), reason)
	}
	load := map[string]int{}
	for _, other := range objects[*corev1.Pod](c, "") {
		if !pods.IsTerminal(other) {
			load[other.Spec.NodeName]++
		}
	}
	refused := map[string]int{}
	for _, node := range nodes {
		if reason := c.unsuitable(pod, node); reason != "" {
			refused[reason]++
		} else if best == nil || load[node.Name] < load[best.Name] {
			best = node
		}
	}
	if best != nil {
		return best, ""
	}
	var reasons []string
	for reason, count := range refused {
		reasons = append(reasons, fmt.Sprintf("%d %s", count, reason))
	}
	slices.Sort(reasons)
	return nil, fmt.Sprintf("0/%d nodes are available: %s.", len(nodes), strings.Join(reasons, ", "))
}

// unsuitable says why a pod cannot run on a node, in the words of Kubernetes; "" if it can.
func (c *Cluster) unsuitable(pod *corev1.Pod, node *corev1.Node) string {
	taint := untolerated(pod, node, corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute)
	switch {
	case taint != nil && taint.Key == corev1.TaintNodeUnschedulable:
		return "node(s) were unschedulable"
	case taint != nil:
		return fmt.Sprintf("node(s) had untolerated taint {%s: %s}", taint.Key, taint.Value)
	case !selects(pod, node):
		return "node(s) didn't match Pod's node affinity/selector"
	}
	return c.volumesUnsuitable(pod, node)
}

func (c *Cluster) sayUnschedulable(pod *corev1.Pod, reason string) {
	next := clone(pod)
	c.setCondition(next, corev1.PodCondition{
		Type:    corev1.PodScheduled,
		Status:  corev1.ConditionFalse,
		Reason:  corev1.PodReasonUnschedulable,
		Message: reason,
	})
	c.replace(byScheduler, verbUpdateStatus, pod, next)
	c.warn(byScheduler, pod, "FailedScheduling", "%s", reason)
}

// setCondition sets a condition of a pod; its time changes only with its status.
func (c *Cluster) setCondition(pod *corev1.Pod, condition corev1.PodCondition) {
	condition.LastTransitionTime = c.timestamp()
	for i := range pod.Status.Conditions {
		if last := &pod.Status.Conditions[i]; last.Type == condition.Type {
			if last.Status == condition.Status {
				condition.LastTransitionTime = last.LastTransitionTime
			}
			*last = condition
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, condition)
}
