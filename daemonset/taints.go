package daemonset

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// automatic are the tolerations that every daemon pod has, so that it stays on a node in trouble and comes up on one
// that is cordoned: it may be what mends it. A pod on the host's network also comes up before the network does.
func automatic(hostNetwork bool) []corev1.Toleration {
	evicting := []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable}
	repelling := []string{
		corev1.TaintNodeDiskPressure, corev1.TaintNodeMemoryPressure, corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable,
	}
	if hostNetwork {
		repelling = append(repelling, corev1.TaintNodeNetworkUnavailable)
	}
	var list []corev1.Toleration
	for _, key := range evicting {
		list = append(list, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute})
	}
	for _, key := range repelling {
		list = append(list, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	}
	return list
}

// tolerations are those of the pods: the template's and the automatic ones, which lift a limit in seconds that the
// template sets on the same taint.
func tolerations(spec *corev1.PodSpec) []corev1.Toleration {
	list := slices.Clone(spec.Tolerations)
	for _, added := range automatic(spec.HostNetwork) {
		alike := func(t corev1.Toleration) bool { return t.MatchToleration(&added) }
		if !slices.ContainsFunc(list, alike) {
			list = append(list, added)
			continue
		}
		for i := range list {
			if alike(list[i]) {
				list[i] = added
			}
		}
	}
	return list
}

// tolerates knows the operators Equal, which is the default, and Exists; the gate of Gt and Lt is off.
func (p *Placement) tolerates(taint *corev1.Taint) bool {
	for i := range p.tolerations {
		t := &p.tolerations[i]
		if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
			continue
		}
		switch t.Operator {
		case "", corev1.TolerationOpEqual:
			if t.Value == taint.Value {
				return true
			}
		case corev1.TolerationOpExists:
			return true
		}
	}
	return false
}
