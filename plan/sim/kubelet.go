package sim

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
)

// Behaviour is what containers of an image do.
type Behaviour struct {
	// Pull is how long it takes until the first container runs.
	Pull time.Duration
	// Ready is how long a container runs until it is ready.
	Ready time.Duration
	// NeverReady: it runs and is never ready.
	NeverReady bool
	// Run is how long a container runs until it exits. 0: until it is stopped; an init container ends at once.
	Run time.Duration
	// ExitCodes are those of the first, second, ... run of a container; the last one stands for all that follow. None: 0.
	ExitCodes []int32
	// Stop is how long it takes to stop when asked to. A pod's grace period cuts it short: exit code 137 instead of 143.
	Stop time.Duration
	// Missing: the image cannot be pulled.
	Missing bool
}

func (b Behaviour) exitCode(run int) int32 {
	if len(b.ExitCodes) == 0 {
		return 0
	}
	return b.ExitCodes[min(run, len(b.ExitCodes)-1)]
}

// kubelet is the kubelets of all nodes.
type kubelet struct {
	images    map[string]Behaviour
	running   map[types.UID]*runningPod
	addresses map[string]int // given out so far, by node
}

// runningPod is what a kubelet knows of a pod and its containers.
type runningPod struct {
	init, main []*container
	ip         string
	started    metav1.Time
	stopping   bool
	unready    bool // its readiness probes fail, by order of SetPodReady
}

// SetImage says what containers of an image do that are pulled or started from now on. The image "" stands for all that are
// not named; to begin with they take 1 s to pull, are ready at once, run until they are stopped, and take 1 s to stop.
func (c *Cluster) SetImage(image string, b Behaviour) {
	c.kubelet.images[image] = b
}

func (c *Cluster) behaviour(image string) Behaviour {
	if b, known := c.kubelet.images[image]; known {
		return b
	}
	return c.kubelet.images[""]
}

// SetPodReady has a running pod fail its readiness probes, or pass them again.
func (c *Cluster) SetPodReady(namespace, pod string, ready bool) error {
	uid, run, err := c.runs(namespace, pod)
	if err != nil {
		return err
	}
	run.unready = !ready
	c.syncPod(uid)
	return nil
}

// Exit ends the running container of a pod, or all that run if container is "".
func (c *Cluster) Exit(namespace, pod, container string, code int32) error {
	uid, run, err := c.runs(namespace, pod)
	if err != nil {
		return err
	}
	found := false
	for _, k := range run.containers() {
		if (container == "" || k.spec.Name == container) && k.state.Running != nil {
			k.exitAt, k.exitCode, found = c.now, code, true
		}
	}
	if !found {
		return apierrors.NewBadRequest(fmt.Sprintf("container %q of pod %q does not run", container, pod))
	}
	c.syncPod(uid)
	return nil
}

// Evict fails a pod, as a node that runs out of memory or disk does. Its object stays.
func (c *Cluster) Evict(namespace, pod, message string) error {
	uid, run, err := c.runs(namespace, pod)
	if err != nil {
		return err
	}
	evicted := c.store.byUID[uid].(*corev1.Pod)
	run.kill(c.timestamp())
	next := clone(evicted)
	run.report(c, next)
	c.failPod(next, "Evicted", message)
	c.setCondition(next, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "TerminationByKubelet", Message: message})
	c.replace(kubeletSource, verbUpdateStatus, evicted, next)
	c.warn(kubeletSource, evicted, "Evicted", "%s", message)
	return nil
}

// runs finds a pod that has a node which works and that has not ended.
func (c *Cluster) runs(namespace, name string) (types.UID, *runningPod, error) {
	obj, err := c.find(plan.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name})
	if err != nil {
		return "", nil, err
	}
	pod := obj.(*corev1.Pod)
	run := c.kubelet.running[pod.UID]
	if run == nil || pods.IsTerminal(pod) || !c.works(pod.Spec.NodeName) {
		return "", nil, apierrors.NewBadRequest(fmt.Sprintf("pod %q does not run", name))
	}
	return pod.UID, run, nil
}

func (c *Cluster) startKubelet() func(Write) {
	c.kubelet = kubelet{
		images:    map[string]Behaviour{"": {Pull: time.Second, Stop: time.Second}},
		running:   map[types.UID]*runningPod{},
		addresses: map[string]int{},
	}
	return func(w Write) {
		switch obj := w.Object().(type) {
		case *corev1.Pod:
			if w.By != kubeletSource && obj.Spec.NodeName != "" || w.After == nil {
				c.after(0, "sync "+string(obj.UID), func() { c.syncPod(obj.UID) })
			}
		case *corev1.PersistentVolumeClaim:
			c.mountLate(obj)
		}
	}
}

// syncPod brings a pod as far as it has come by now, reports what changed, and looks again when something is due.
func (c *Cluster) syncPod(uid types.UID) {
	key := "sync " + string(uid)
	pod, _ := c.store.byUID[uid].(*corev1.Pod)
	if pod == nil {
		delete(c.kubelet.running, uid)
		c.agenda.strike(key)
		return
	}
	if !c.works(pod.Spec.NodeName) {
		c.agenda.strike(key)
		return
	}
	if pods.IsTerminal(pod) {
		c.agenda.strike(key)
		c.confirmDeletion(pod)
		return
	}
	run := c.kubelet.running[uid]
	if run == nil {
		run = c.admitPod(pod)
	}
	c.stopIfAsked(pod, run)
	for moved := true; moved; {
		moved = run.end(c)
		if !run.stopping && c.mounts(pod) {
			moved = run.proceed(c, pod) || moved
		}
	}
	next := clone(pod)
	if run.report(c, next); pastDeadline(next, c.now) {
		run.kill(c.timestamp())
		run.report(c, next)
		c.failPod(next, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
	}
	pod = c.replace(kubeletSource, verbUpdateStatus, pod, next).(*corev1.Pod)
	if pods.IsTerminal(pod) {
		c.agenda.strike(key)
		c.confirmDeletion(pod)
		return
	}
	if at := run.nextDue(pod, c.now); !at.IsZero() {
		c.agenda.move(key, at, func() { c.syncPod(uid) })
	} else {
		c.agenda.strike(key)
	}
}

func (c *Cluster) admitPod(pod *corev1.Pod) *runningPod {
	run := &runningPod{started: c.timestamp()}
	for i := range pod.Spec.InitContainers {
		k := newContainer(&pod.Spec.InitContainers[i], pod.Spec.RestartPolicy)
		k.init = true
		if restarts := k.spec.RestartPolicy; restarts != nil && *restarts == corev1.ContainerRestartPolicyAlways {
			k.sidecar, k.policy = true, corev1.RestartPolicyAlways
		} else if k.policy == corev1.RestartPolicyAlways {
			k.policy = corev1.RestartPolicyOnFailure
		}
		run.init = append(run.init, k)
	}
	for i := range pod.Spec.Containers {
		run.main = append(run.main, newContainer(&pod.Spec.Containers[i], pod.Spec.RestartPolicy))
	}
	if len(run.init) > 0 {
		for _, k := range run.containers() {
			k.state = waiting("PodInitializing", "")
		}
	}
	c.kubelet.running[pod.UID] = run
	return run
}

func (run *runningPod) containers() []*container {
	return append(run.init[:len(run.init):len(run.init)], run.main...)
}

// proceed starts what may start: init containers one after the other, then all others. It reports whether anything did.
func (run *runningPod) proceed(c *Cluster, pod *corev1.Pod) (moved bool) {
	for _, k := range run.init {
		moved = k.proceed(c, pod, run) || moved
		if !k.initialized() {
			return moved
		}
	}
	for _, k := range run.main {
		moved = k.proceed(c, pod, run) || moved
	}
	if run.finished() { // sidecars end with the containers that they serve
		for _, k := range run.init {
			k.stop(c, pod, defaultGracePeriod)
		}
	}
	return moved
}

// end ends what is due to end by now, and reports whether anything was.
func (run *runningPod) end(c *Cluster) (moved bool) {
	for _, k := range run.containers() {
		moved = k.end(c, run) || moved
	}
	return moved
}

// kill ends everything at once.
func (run *runningPod) kill(at metav1.Time) {
	for _, k := range run.containers() {
		k.kill(at)
	}
}

// finished reports whether no container but sidecars will run any more.
func (run *runningPod) finished() bool {
	for _, k := range run.main {
		if k.state.Terminated == nil || k.restarts() {
			return false
		}
	}
	return true
}

// stopIfAsked asks the containers of a pod that is being deleted to stop.
func (c *Cluster) stopIfAsked(pod *corev1.Pod, run *runningPod) {
	if pod.DeletionTimestamp == nil {
		return
	}
	grace := int64(defaultGracePeriod)
	if pod.DeletionGracePeriodSeconds != nil {
		grace = *pod.DeletionGracePeriodSeconds
	}
	for _, k := range run.containers() {
		k.stop(c, pod, grace)
	}
	run.stopping = true
}

// confirmDeletion removes the object of a pod that has ended and was to be deleted.
func (c *Cluster) confirmDeletion(pod *corev1.Pod) {
	if pod.DeletionTimestamp == nil || pod.DeletionGracePeriodSeconds == nil || *pod.DeletionGracePeriodSeconds == 0 {
		return
	}
	atOnce := int64(0)
	c.remove(kubeletSource, pod, metav1.DeleteOptions{GracePeriodSeconds: &atOnce})
}

// nextDue is when something will change: zero if nothing does on its own.
func (run *runningPod) nextDue(pod *corev1.Pod, now time.Time) time.Time {
	var next time.Time
	sooner := func(at time.Time) { next = plan.Earliest(next, at) }
	for _, k := range run.containers() {
		sooner(k.nextDue(now, run.stopping))
	}
	if limit := pod.Spec.ActiveDeadlineSeconds; limit != nil && !run.stopping && pod.Status.StartTime != nil {
		sooner(pod.Status.StartTime.Add(seconds(*limit)))
	}
	return next
}

func pastDeadline(pod *corev1.Pod, now time.Time) bool {
	limit := pod.Spec.ActiveDeadlineSeconds
	return limit != nil && pod.DeletionTimestamp == nil && !pods.IsTerminal(pod) && pod.Status.StartTime != nil &&
		!now.Before(pod.Status.StartTime.Add(seconds(*limit)))
}
