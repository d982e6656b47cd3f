package conformance

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

func daemonSetBench() []Bench {
	var benches []Bench
	for _, size := range []int{100, 1000, 5000} {
		benches = append(benches,
			Bench{Name: fmt.Sprintf("%d/steady", size), Size: size, Snapshot: benchDaemonSet(size, 0, size), Plan: planDaemonSet},
			Bench{Name: fmt.Sprintf("%d/node-added", size), Size: size, Snapshot: benchDaemonSet(size, 0, size-1), Plan: planDaemonSet},
			Bench{Name: fmt.Sprintf("%d/update", size), Size: size, Snapshot: benchDaemonSet(size, size, size), Plan: planDaemonSet})
	}
	return benches
}

// benchDaemonSet is a DaemonSet whose status is as it should be, on nodes of which some lack their pod; of the pods the first
// ones are of an old revision.
func benchDaemonSet(nodes, old, pods int) func() *Snapshot {
	return func() *Snapshot {
		now := time.Now()
		ds := newDaemonSet()
		ds.Spec.Template.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "linux"}
		current := daemonRevision(ds, "app:1", 2)
		objects := []plan.Object{ds, current, daemonRevision(ds, "app:2", 1)}
		owner := ControllerRef("apps/v1", "DaemonSet", agent.Name, agent.UID)
		for i := range nodes {
			objects = append(objects, benchNode(i))
			hash := current.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
			if i < old {
				hash = "old"
			}
			labels := map[string]string{"app": "agent", "tier": "node", appsv1.DefaultDaemonSetUniqueLabelKey: hash}
			if i < pods {
				objects = append(objects, BenchPod(fmt.Sprintf("agent-%05d", i), owner, labels, fmt.Sprintf("node-%05d", i), now))
			}
		}
		all, there := int32(nodes), int32(pods)
		ds.Status = appsv1.DaemonSetStatus{
			ObservedGeneration: ds.Generation, DesiredNumberScheduled: all, CurrentNumberScheduled: there,
			NumberReady: there, NumberAvailable: there, NumberUnavailable: all - there, UpdatedNumberScheduled: there - int32(old),
		}
		return &Snapshot{Workload: agent, Now: now, Objects: Shuffled(objects)}
	}
}

// benchNode is a node of the size that a cloud makes: labels, taints, conditions, images.
func benchNode(i int) *corev1.Node {
	node := &corev1.Node{}
	node.Name = fmt.Sprintf("node-%05d", i)
	node.UID = types.UID("uid-" + node.Name)
	node.Labels = map[string]string{
		"kubernetes.io/hostname": node.Name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
		"topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3), "topology.kubernetes.io/region": "region-1",
		"node.kubernetes.io/instance-type": "large",
	}
	if i%10 == 0 {
		node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}
	}
	node.Status.Capacity = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("32Gi")}
	for _, condition := range []corev1.NodeConditionType{corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{Type: condition, Status: corev1.ConditionFalse})
	}
	for j := range 20 {
		node.Status.Images = append(node.Status.Images, corev1.ContainerImage{Names: []string{fmt.Sprintf("registry.example.com/app-%d:1", j)}})
	}
	return node
}

func planDaemonSet(objects []plan.Object, now time.Time) func() error {
	ds, _ := find[*appsv1.DaemonSet](objects, agent.Name)
	observed := daemonset.Observed{
		Now:       now,
		Nodes:     ObjectsOf[*corev1.Node](objects),
		Pods:      ObjectsOf[*corev1.Pod](objects),
		Revisions: ObjectsOf[*appsv1.ControllerRevision](objects),
	}
	return func() error {
		_, err := daemonset.Plan(ds, observed, daemonset.Policy{})
		return err
	}
}
