package daemonset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/daemonset"
)

func selector(labels map[string]string) func(*appsv1.DaemonSet) {
	return func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.NodeSelector = labels }
}

func affinity(terms ...corev1.NodeSelectorTerm) func(*appsv1.DaemonSet) {
	return func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
		}}
	}
}

func onLabel(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func onField(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func tolerating(t ...corev1.Toleration) func(*appsv1.DaemonSet) {
	return func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Tolerations = t }
}

func labelled(key, value string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Labels[key] = value }
}

func TestShouldRun(t *testing.T) {
	runs := daemonset.Verdict{ShouldRun: true, ShouldContinue: true}
	no := func(cause daemonset.Cause, message string) daemonset.Verdict {
		return daemonset.Verdict{Cause: cause, Message: message}
	}
	repelled := func(run bool, key string, effect corev1.TaintEffect) daemonset.Verdict {
		return daemonset.Verdict{ShouldContinue: run, Cause: daemonset.CauseTaint, Taint: &corev1.Taint{Key: key, Effect: effect},
			Message: "taint " + key + ":" + string(effect) + " is not tolerated"}
	}
	const name = "metadata.name"
	for _, tt := range []struct {
		name string
		ds   *appsv1.DaemonSet
		node *corev1.Node
		want daemonset.Verdict
	}{
		{"any node", agent(), node("n1"), runs},
		{"neither readiness nor resources are looked at", agent(), node("n1", func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}
		}), runs},
		{"the node's name", agent(func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.NodeName = "n1" }), node("n1"), runs},
		{"another's name", agent(func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.NodeName = "n2" }), node("n1"),
			no(daemonset.CauseNodeName, "the template names node n2")},
		{"a label as selected", agent(selector(map[string]string{"disk": "ssd"})), node("n1", labelled("disk", "ssd")), runs},
		{"another value", agent(selector(map[string]string{"disk": "ssd"})), node("n1", labelled("disk", "hdd")),
			no(daemonset.CauseNodeSelector, "node selector disk=ssd: the node has disk=hdd")},
		{"no such label", agent(selector(map[string]string{"disk": ""})), node("n1"), no(daemonset.CauseNodeSelector, "node selector disk=: the node has no label disk")},

		{"In", agent(affinity(onLabel("zone", "In", "a", "b"))), node("n1", labelled("zone", "b")), runs},
		{"In: another", agent(affinity(onLabel("zone", "In", "a", "b"))), node("n1", labelled("zone", "c")),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: zone In [a b]: the node has zone=c")},
		{"NotIn", agent(affinity(onLabel("zone", "NotIn", "a"))), node("n1"), runs},
		{"NotIn: it is", agent(affinity(onLabel("zone", "NotIn", "a"))), node("n1", labelled("zone", "a")),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: zone NotIn [a]: the node has zone=a")},
		{"Exists", agent(affinity(onLabel("zone", "Exists"))), node("n1", labelled("zone", "")), runs},
		{"Exists: it does not", agent(affinity(onLabel("zone", "Exists"))), node("n1"),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: zone Exists: the node has no label zone")},
		{"DoesNotExist", agent(affinity(onLabel("zone", "DoesNotExist"))), node("n1"), runs},
		{"DoesNotExist: it does", agent(affinity(onLabel("zone", "DoesNotExist"))), node("n1", labelled("zone", "a")),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: zone DoesNotExist: the node has zone=a")},
		{"Gt", agent(affinity(onLabel("cpus", "Gt", "8"))), node("n1", labelled("cpus", "16")), runs},
		{"Gt: equal", agent(affinity(onLabel("cpus", "Gt", "8"))), node("n1", labelled("cpus", "8")),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: cpus Gt [8]: the node has cpus=8")},
		{"Lt", agent(affinity(onLabel("cpus", "Lt", "8"))), node("n1", labelled("cpus", "4")), runs},
		{"Lt: no number", agent(affinity(onLabel("cpus", "Lt", "8"))), node("n1", labelled("cpus", "many")),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: cpus Lt [8]: the node has cpus=many")},
		{"a field In", agent(affinity(onField(name, "In", "n1"))), node("n1"), runs},
		{"a field In another", agent(affinity(onField(name, "In", "n2"))), node("n1"),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: metadata.name In [n2]: the node is n1")},
		{"a field NotIn", agent(affinity(onField(name, "NotIn", "n2"))), node("n1"), runs},
		{"a field with two values", agent(affinity(onField(name, "In", "n1", "n2"))), node("n1"),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: metadata.name In [n1 n2] cannot be read: must have one value")},
		{"a field with a label's operator", agent(affinity(onField(name, "Exists"))), node("n1"),
			no(daemonset.CauseNodeAffinity, `required node affinity: nodeSelectorTerms[0]: metadata.name Exists cannot be read: unknown operator "Exists"`)},
		{"a field that does not exist is empty", agent(affinity(onField("spec.x", "In", ""))), node("n1"), runs},
		{"one of several terms is enough", agent(affinity(onLabel("zone", "In", "a"), onLabel("disk", "Exists"))), node("n1", labelled("disk", "")), runs},
		{"none of several terms", agent(affinity(onLabel("zone", "In", "a"), corev1.NodeSelectorTerm{}, onLabel("disk", "Exists"))), node("n1"),
			no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: zone In [a]: the node has no label zone; nodeSelectorTerms[2]: disk Exists: the node has no label disk")},
		{"all requirements of a term", agent(affinity(corev1.NodeSelectorTerm{
			MatchExpressions: onLabel("zone", "In", "a").MatchExpressions, MatchFields: onField(name, "In", "n2").MatchFields,
		})), node("n1", labelled("zone", "a")), no(daemonset.CauseNodeAffinity, "required node affinity: nodeSelectorTerms[0]: metadata.name In [n2]: the node is n1")},
		{"an empty term matches nothing", agent(affinity(corev1.NodeSelectorTerm{})), node("n1"), no(daemonset.CauseNodeAffinity, "the required node affinity has no term that matches anything")},
		{"no terms match nothing", agent(affinity()), node("n1"), no(daemonset.CauseNodeAffinity, "the required node affinity has no term that matches anything")},

		{"NoSchedule keeps new pods away", agent(), node("n1", tainted("x", "NoSchedule")), repelled(true, "x", "NoSchedule")},
		{"NoExecute drives pods away", agent(), node("n1", tainted("x", "NoExecute")), repelled(false, "x", "NoExecute")},
		{"the one that drives away is told", agent(), node("n1", tainted("x", "NoSchedule"), tainted("y", "NoExecute")), repelled(false, "y", "NoExecute")},
		{"PreferNoSchedule does neither", agent(), node("n1", tainted("x", "PreferNoSchedule")), runs},
		{"a toleration of the key", agent(tolerating(corev1.Toleration{Key: "x", Operator: "Exists"})), node("n1", tainted("x", "NoExecute")), runs},
		{"of everything", agent(tolerating(corev1.Toleration{Operator: "Exists"})), node("n1", tainted("x", "NoExecute"), tainted("y", "NoSchedule")), runs},
		{"of the value", agent(tolerating(corev1.Toleration{Key: "x"})), node("n1", tainted("x", "NoExecute")), runs},
		{"of another value", agent(tolerating(corev1.Toleration{Key: "x", Value: "1"})), node("n1", tainted("x", "NoExecute")), repelled(false, "x", "NoExecute")},
		{"of another effect", agent(tolerating(corev1.Toleration{Key: "x", Operator: "Exists", Effect: "NoSchedule"})), node("n1", tainted("x", "NoExecute")), repelled(false, "x", "NoExecute")},
		{"of a smaller number, which takes a gate that is off", agent(tolerating(corev1.Toleration{Key: "x", Operator: "Gt", Value: "1"})), node("n1", tainted("x", "NoExecute")), repelled(false, "x", "NoExecute")},
		{"a node in trouble", agent(), node("n1", tainted(corev1.TaintNodeNotReady, "NoExecute"), tainted(corev1.TaintNodeUnreachable, "NoExecute"),
			tainted(corev1.TaintNodeDiskPressure, "NoSchedule"), tainted(corev1.TaintNodeMemoryPressure, "NoSchedule"), tainted(corev1.TaintNodePIDPressure, "NoSchedule"),
			tainted(corev1.TaintNodeUnschedulable, "NoSchedule")), runs},
		{"a node that is out of service", agent(), node("n1", tainted(corev1.TaintNodeOutOfService, "NoExecute")), repelled(false, corev1.TaintNodeOutOfService, "NoExecute")},
		{"a node without network", agent(), node("n1", tainted(corev1.TaintNodeNetworkUnavailable, "NoSchedule")), repelled(true, corev1.TaintNodeNetworkUnavailable, "NoSchedule")},
		{"for a pod on the host's network", agent(func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.HostNetwork = true }), node("n1", tainted(corev1.TaintNodeNetworkUnavailable, "NoSchedule")), runs},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, daemonset.ShouldRun(tt.node, tt.ds)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
