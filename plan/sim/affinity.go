package sim

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// selects reports whether a pod's nodeSelector and required node affinity let it run on a node.
func selects(pod *corev1.Pod, node *corev1.Node) bool {
	if !labels.SelectorFromSet(pod.Spec.NodeSelector).Matches(labels.Set(node.Labels)) {
		return false
	}
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil {
		return true
	}
	return nodeMatches(affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution, node)
}

// nodeMatches reports whether one of the terms matches: those within a term must all hold, and an empty term matches nothing.
func nodeMatches(selector *corev1.NodeSelector, node *corev1.Node) bool {
	if selector == nil {
		return true
	}
	return slices.ContainsFunc(selector.NodeSelectorTerms, func(term corev1.NodeSelectorTerm) bool {
		return len(term.MatchExpressions)+len(term.MatchFields) > 0 &&
			allHold(term.MatchExpressions, node.Labels) &&
			allHold(term.MatchFields, labels.Set{"metadata.name": node.Name})
	})
}

func allHold(requirements []corev1.NodeSelectorRequirement, values labels.Set) bool {
	return !slices.ContainsFunc(requirements, func(r corev1.NodeSelectorRequirement) bool {
		requirement, err := labels.NewRequirement(r.Key, operator(r.Operator), r.Values)
		return err != nil || !requirement.Matches(values)
	})
}

func operator(op corev1.NodeSelectorOperator) selection.Operator {
	switch op {
	case corev1.NodeSelectorOpIn:
		return selection.In
	case corev1.NodeSelectorOpNotIn:
		return selection.NotIn
	case corev1.NodeSelectorOpExists:
		return selection.Exists
	case corev1.NodeSelectorOpDoesNotExist:
		return selection.DoesNotExist
	case corev1.NodeSelectorOpGt:
		return selection.GreaterThan
	case corev1.NodeSelectorOpLt:
		return selection.LessThan
	}
	return selection.Operator(op)
}

// untolerated is the first taint, of those with one of the effects, that a pod does not tolerate: nil if there is none.
func untolerated(pod *corev1.Pod, node *corev1.Node, effects ...corev1.TaintEffect) *corev1.Taint {
	for i := range node.Spec.Taints {
		taint := &node.Spec.Taints[i]
		if slices.Contains(effects, taint.Effect) && toleration(pod, taint) == nil {
			return taint
		}
	}
	return nil
}

// toleration is the first of a pod's tolerations that tolerates the taint.
func toleration(pod *corev1.Pod, taint *corev1.Taint) *corev1.Toleration {
	for i := range pod.Spec.Tolerations {
		if t := &pod.Spec.Tolerations[i]; tolerates(t, taint) {
			return t
		}
	}
	return nil
}

func tolerates(t *corev1.Toleration, taint *corev1.Taint) bool {
	switch {
	case t.Effect != "" && t.Effect != taint.Effect:
		return false
	case t.Key != taint.Key && (t.Key != "" || t.Operator != corev1.TolerationOpExists):
		return false
	}
	return t.Operator == corev1.TolerationOpExists || t.Value == taint.Value
}
