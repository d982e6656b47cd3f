package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// nodes is what happens to nodes, and to pods because of their nodes.
type nodes struct {
	cutOff map[string]bool
	number map[string]int // of the node's network, for the addresses of its pods
}

const (
	byNodes       = "node-controller"
	byTaints      = "taint-eviction-controller"
	byPodGC       = "pod-garbage-collector"
	kubeletSource = "kubelet"

	// nodeSilence is how long a node may be silent until it counts as not ready.
	nodeSilence = 50 * time.Second
	// defaultTolerance is how long a pod stays bound to a node that is not ready, unless it says otherwise.
	defaultTolerance = 300 * time.Second
	// orphanAge is how long the object of a pod outlives its node.
	orphanAge = 40 * time.Second
	// unscheduledAge is how long a pod that is being deleted without ever having had a node may stay as it was.
	unscheduledAge = 20 * time.Second
	// kubeletVersion is what nodes report.
	kubeletVersion = "v1.36.3"
)

// AddNode adds a node that is ready. It gets the labels that a kubelet gives it: hostname, operating system and architecture.
func (c *Cluster) AddNode(name string, labels map[string]string, taints ...corev1.Taint) error {
	all := map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}
	maps.Copy(all, labels)
	node := &corev1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all},
		Spec:       corev1.NodeSpec{Taints: taints},
	}
	c.reportReady(node)
	_, err := c.create(kubeletSource, node)
	return err
}

// RemoveNode deletes a node. What ran on it is gone; the objects of its pods follow after 40 s.
func (c *Cluster) RemoveNode(name string) error {
	return c.Delete(plan.Ref{APIVersion: "v1", Kind: "Node", Name: name}, metav1.DeleteOptions{})
}

// SetNodeReady cuts a node off, or brings it back. On a node that is cut off nothing changes any more: no pod starts or
// ends there. After 50 s it and its pods count as not ready; 300 s later, unless their tolerations say otherwise, its pods
// are deleted.
func (c *Cluster) SetNodeReady(name string, ready bool) error {
	if _, err := c.find(plan.Ref{APIVersion: "v1", Kind: "Node", Name: name}); err != nil {
		return err
	}
	if ready {
		delete(c.nodes.cutOff, name)
		c.agenda.strike("silent " + name)
		c.returnNode(name)
		return nil
	}
	if !c.nodes.cutOff[name] {
		c.nodes.cutOff[name] = true
		c.after(nodeSilence, "silent "+name, func() { c.missNode(name) })
	}
	return nil
}

// works reports whether there is a node of this name that is not cut off.
func (c *Cluster) works(name string) bool {
	return !c.nodes.cutOff[name] && stored[*corev1.Node](c, "", name) != nil
}

func (c *Cluster) startNodes() func(Write) {
	c.nodes = nodes{cutOff: map[string]bool{}, number: map[string]int{}}
	return func(w Write) {
		switch obj := w.Object().(type) {
		case *corev1.Node:
			c.nodeWritten(w, obj)
		case *corev1.Pod:
			switch {
			case w.After == nil:
			case obj.Spec.NodeName != "":
				c.podOnNode(obj)
			case obj.DeletionTimestamp != nil && !pods.IsTerminal(obj):
				uid := obj.UID
				c.after(unscheduledAge, "unscheduled "+string(uid), func() { c.dropUnscheduled(uid) })
			}
		}
	}
}

func (c *Cluster) nodeWritten(w Write, node *corev1.Node) {
	name := node.Name
	if w.Before == nil {
		if c.nodes.number[name] == 0 {
			c.nodes.number[name] = len(c.nodes.number) + 1
		}
		if readyOf(node) == nil {
			c.after(0, "register "+name, func() { c.returnNode(name) })
		}
	}
	if w.After == nil {
		delete(c.nodes.cutOff, name)
		c.agenda.strike("silent " + name)
	} else {
		c.after(0, "taints "+name, func() { c.keepTaints(name) })
	}
	for _, pod := range c.podsOn(name) {
		c.podOnNode(pod)
	}
}

// podsOn gives the pods of a node, by namespace and name.
func (c *Cluster) podsOn(node string) []*corev1.Pod {
	return slices.DeleteFunc(objects[*corev1.Pod](c, ""), func(pod *corev1.Pod) bool { return pod.Spec.NodeName != node })
}

// podOnNode sees to it that a pod whose node is gone goes as well, and one that its node repels.
func (c *Cluster) podOnNode(pod *corev1.Pod) {
	uid, node := pod.UID, stored[*corev1.Node](c, "", pod.Spec.NodeName)
	orphaned, evicted := "orphaned "+string(uid), "evict "+string(uid)
	if node == nil {
		c.after(orphanAge, orphaned, func() { c.dropOrphan(uid) })
		c.agenda.strike(evicted)
		return
	}
	c.agenda.strike(orphaned)
	if at, repelled := c.repelledAt(pod, node); repelled && pod.DeletionTimestamp == nil {
		c.agenda.move(evicted, at, func() { c.evictTainted(uid) })
	} else {
		c.agenda.strike(evicted)
	}
}

// repelledAt is when the taints of a node drive a pod away.
func (c *Cluster) repelledAt(pod *corev1.Pod, node *corev1.Node) (at time.Time, repelled bool) {
	for i := range node.Spec.Taints {
		taint := &node.Spec.Taints[i]
		if taint.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		since := c.now
		if taint.TimeAdded != nil {
			since = taint.TimeAdded.Time
		}
		switch t := toleration(pod, taint); {
		case t != nil && t.TolerationSeconds == nil:
			continue
		case t != nil:
			since = since.Add(seconds(*t.TolerationSeconds))
		case taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable:
			since = since.Add(defaultTolerance)
		}
		if since.Before(c.now) {
			since = c.now
		}
		if !repelled || since.Before(at) {
			at, repelled = since, true
		}
	}
	return at, repelled
}

func (c *Cluster) evictTainted(uid types.UID) {
	pod, _ := c.store.byUID[uid].(*corev1.Pod)
	if pod == nil {
		return
	}
	c.note(byTaints, pod, "TaintManagerEviction", "Marking for deletion Pod %s/%s", pod.Namespace, pod.Name)
	pod = c.disrupt(byTaints, pod, "", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
	c.remove(byTaints, pod, metav1.DeleteOptions{})
}

// dropOrphan ends a pod whose node is gone for good: no kubelet will.
func (c *Cluster) dropOrphan(uid types.UID) {
	pod, _ := c.store.byUID[uid].(*corev1.Pod)
	if pod == nil || stored[*corev1.Node](c, "", pod.Spec.NodeName) != nil {
		return
	}
	phase := corev1.PodFailed
	if pods.IsTerminal(pod) {
		phase = pod.Status.Phase
	}
	pod = c.disrupt(byPodGC, pod, phase, "DeletionByPodGC", "PodGC: node no longer exists")
	atOnce := int64(0)
	c.remove(byPodGC, pod, metav1.DeleteOptions{GracePeriodSeconds: &atOnce})
}

// dropUnscheduled ends a pod that is being deleted and was never given a node: no kubelet will, and a finalizer keeps it.
func (c *Cluster) dropUnscheduled(uid types.UID) {
	pod, _ := c.store.byUID[uid].(*corev1.Pod)
	if pod == nil || pod.Spec.NodeName != "" || pods.IsTerminal(pod) {
		return
	}
	next := clone(pod)
	next.Status.Phase = corev1.PodFailed
	c.replace(byPodGC, verbUpdateStatus, pod, next)
}

// disrupt marks a pod that is about to be deleted through no fault of its own.
func (c *Cluster) disrupt(by string, pod *corev1.Pod, phase corev1.PodPhase, reason, message string) *corev1.Pod {
	next := clone(pod)
	if phase != "" {
		next.Status.Phase = phase
	}
	c.setCondition(next, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: reason, Message: message})
	return c.replace(by, verbUpdateStatus, pod, next).(*corev1.Pod)
}

// missNode declares a node that has been silent for too long not ready, and its pods with it.
func (c *Cluster) missNode(name string) {
	node := stored[*corev1.Node](c, "", name)
	if node == nil {
		return
	}
	next := clone(node)
	setReady(next, corev1.NodeCondition{
		Status:             corev1.ConditionUnknown,
		LastTransitionTime: c.timestamp(),
		Reason:             "NodeStatusUnknown",
		Message:            "Kubelet stopped posting node status.",
	})
	since := c.timestamp()
	node = c.replace(byNodes, verbUpdateStatus, node, next).(*corev1.Node)
	next = clone(node)
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
		next.Spec.Taints = append(next.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: effect, TimeAdded: &since})
	}
	c.replace(byNodes, verbUpdate, node, next)
	c.note(byNodes, node, "NodeNotReady", "Node %s status is now: NodeNotReady", name)
	for _, pod := range c.podsOn(name) {
		if pods.IsReady(pod) {
			next := clone(pod)
			c.setCondition(next, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "NodeNotReady", Message: "Node is not ready"})
			c.replace(byNodes, verbUpdateStatus, pod, next)
			c.warn(byNodes, pod, "NodeNotReady", "Node is not ready")
		}
	}
}

// returnNode has the kubelet of a node report that it is ready, and go on with its pods.
func (c *Cluster) returnNode(name string) {
	node := stored[*corev1.Node](c, "", name)
	if node == nil {
		return
	}
	next := clone(node)
	c.reportReady(next)
	node = c.replace(kubeletSource, verbUpdateStatus, node, next).(*corev1.Node)
	next = clone(node)
	next.Spec.Taints = slices.DeleteFunc(next.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeUnreachable })
	c.replace(byNodes, verbUpdate, node, next)
	for _, pod := range c.podsOn(name) {
		c.syncPod(pod.UID)
	}
}

// keepTaints keeps the taint of a cordoned node, which is what the scheduler and daemons go by, and notes since when pods
// are driven away.
func (c *Cluster) keepTaints(name string) {
	node := stored[*corev1.Node](c, "", name)
	if node == nil {
		return
	}
	cordon := corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	at := slices.IndexFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&cordon) })
	next := clone(node)
	switch {
	case node.Spec.Unschedulable && at < 0:
		next.Spec.Taints = append(next.Spec.Taints, cordon)
	case !node.Spec.Unschedulable && at >= 0:
		next.Spec.Taints = slices.Delete(next.Spec.Taints, at, at+1)
	}
	since := c.timestamp()
	for i := range next.Spec.Taints {
		if taint := &next.Spec.Taints[i]; taint.Effect == corev1.TaintEffectNoExecute && taint.TimeAdded == nil {
			taint.TimeAdded = &since
		}
	}
	c.replace(byNodes, verbUpdate, node, next)
}

func (c *Cluster) reportReady(node *corev1.Node) {
	node.Status.NodeInfo.KubeletVersion = kubeletVersion
	if len(node.Status.Addresses) == 0 {
		number := c.nodes.number[node.Name]
		if number == 0 {
			number = len(c.nodes.number) + 1
		}
		node.Status.Addresses = []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.168.%d.%d", number/250, number%250+10)},
			{Type: corev1.NodeHostName, Address: node.Name},
		}
	}
	if ready := readyOf(node); ready == nil || ready.Status != corev1.ConditionTrue {
		setReady(node, corev1.NodeCondition{
			Status:             corev1.ConditionTrue,
			LastTransitionTime: c.timestamp(),
			Reason:             "KubeletReady",
			Message:            "kubelet is posting ready status",
		})
	}
}

func readyOf(node *corev1.Node) *corev1.NodeCondition {
	for i := range node.Status.Conditions {
		if node.Status.Conditions[i].Type == corev1.NodeReady {
			return &node.Status.Conditions[i]
		}
	}
	return nil
}

func setReady(node *corev1.Node, condition corev1.NodeCondition) {
	condition.Type = corev1.NodeReady
	if ready := readyOf(node); ready != nil {
		*ready = condition
		return
	}
	node.Status.Conditions = append(node.Status.Conditions, condition)
}

// hostIP is the address of a node.
func hostIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}

func seconds[N ~int32 | ~int64](n N) time.Duration {
	return time.Duration(n) * time.Second
}
