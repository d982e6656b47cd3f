package daemonset_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/daemonset"
)

// Two of three nodes take the pod of a new DaemonSet.
func ExamplePlan() {
	labels := map[string]string{"app": "agent"}
	agent := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "5a1f", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:v2"}}},
			},
		},
	}
	master := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "master"}}
	master.Spec.Taints = []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}
	nodes := []*corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
		master,
	}

	result, err := daemonset.Plan(agent, daemonset.Observed{Now: time.Now(), Nodes: nodes}, daemonset.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions {
		fmt.Println(action)
	}
	fmt.Println("master:", daemonset.ShouldRun(master, agent).Message)
	// Output:
	// update-status DaemonSet default/agent: status.desiredNumberScheduled 0 -> 2, status.numberUnavailable none -> 2, status.observedGeneration none -> 1
	// create ControllerRevision default/agent-85688477c5
	// create Pod default/agent-*
	// create Pod default/agent-*
	// master: taint node-role.kubernetes.io/control-plane:NoSchedule is not tolerated
}

// An autoscaler asks which daemon pods a node would get that does not exist yet, and why not the others: what they ask
// for is not available to its other pods.
func ExampleShouldRun() {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "gpu-template", Labels: map[string]string{"pool": "gpu", "zone": "b"}}}
	node.Spec.Taints = []corev1.Taint{{Key: "nvidia.com/gpu", Effect: corev1.TaintEffectNoSchedule}}

	everywhere := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "log-agent"}}
	everywhere.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	intolerant := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "cache"}}
	zoneA := everywhere.DeepCopy()
	zoneA.Name = "zone-a-proxy"
	zoneA.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
			{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}},
			{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "pool", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"gpu"}}}},
		}},
	}}

	for _, ds := range []*appsv1.DaemonSet{everywhere, intolerant, zoneA} {
		if verdict := daemonset.ShouldRun(node, ds); verdict.ShouldRun {
			fmt.Printf("%s: yes\n", ds.Name)
		} else {
			fmt.Printf("%s: no, by its %s: %s; one that runs there may stay: %t\n", ds.Name, verdict.Cause, verdict.Message, verdict.ShouldContinue)
		}
	}
	// Output:
	// log-agent: yes
	// cache: no, by its Taint: taint nvidia.com/gpu:NoSchedule is not tolerated; one that runs there may stay: true
	// zone-a-proxy: no, by its NodeAffinity: required node affinity: nodeSelectorTerms[0]: zone In [a]: the node has zone=b; nodeSelectorTerms[1]: pool NotIn [gpu]: the node has pool=gpu; one that runs there may stay: false
}

// Whoever asks about many nodes compiles the DaemonSet once.
func ExamplePlacement() {
	agent := &appsv1.DaemonSet{}
	agent.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	placement := daemonset.NewPlacement(agent)
	for _, disk := range []string{"ssd", "hdd"} {
		verdict := placement.ShouldRun(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"disk": disk}}})
		fmt.Printf("%s: %t %q\n", disk, verdict.ShouldRun, verdict.Message)
	}
	// Output:
	// ssd: true ""
	// hdd: false "node selector disk=ssd: the node has disk=hdd"
}
