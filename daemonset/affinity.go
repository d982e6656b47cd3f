package daemonset

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// term is one of the terms of a node affinity, of which one has to match: a node matches a term if it meets all its
// requirements.
type term struct {
	index        int // its place among the terms as they were written
	requirements []requirement
}

// requirement is about a label or about the name of a node; one that cannot be read is met by no node.
type requirement struct {
	text   string
	err    error
	labels *labels.Requirement // nil: about a field
	field  string
	equal  bool // the field must have the value, else it must not
	value  string
}

// compile leaves out the terms that are empty: they match nothing.
func compile(list []corev1.NodeSelectorTerm) []term {
	var terms []term
	for i := range list {
		t := term{index: i}
		for _, r := range list[i].MatchExpressions {
			t.requirements = append(t.requirements, onLabel(r))
		}
		for _, r := range list[i].MatchFields {
			t.requirements = append(t.requirements, onField(r))
		}
		if len(t.requirements) > 0 {
			terms = append(terms, t)
		}
	}
	return terms
}

func onLabel(r corev1.NodeSelectorRequirement) requirement {
	operator, ok := map[corev1.NodeSelectorOperator]selection.Operator{
		corev1.NodeSelectorOpIn:           selection.In,
		corev1.NodeSelectorOpNotIn:        selection.NotIn,
		corev1.NodeSelectorOpExists:       selection.Exists,
		corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
		corev1.NodeSelectorOpGt:           selection.GreaterThan,
		corev1.NodeSelectorOpLt:           selection.LessThan,
	}[r.Operator]
	if !ok {
		return unreadable(r)
	}
	read, err := labels.NewRequirement(r.Key, operator, r.Values)
	return requirement{text: written(r), err: err, labels: read}
}

// onField knows In and NotIn, with one value, as Kubernetes does.
func onField(r corev1.NodeSelectorRequirement) requirement {
	equal := r.Operator == corev1.NodeSelectorOpIn
	switch {
	case !equal && r.Operator != corev1.NodeSelectorOpNotIn:
		return unreadable(r)
	case len(r.Values) != 1:
		return requirement{text: written(r), err: errors.New("must have one value")}
	}
	return requirement{text: written(r), field: r.Key, equal: equal, value: r.Values[0]}
}

func unreadable(r corev1.NodeSelectorRequirement) requirement {
	return requirement{text: written(r), err: fmt.Errorf("unknown operator %q", r.Operator)}
}

// written is a requirement as people write it: "zone In [a b]".
func written(r corev1.NodeSelectorRequirement) string {
	if len(r.Values) == 0 {
		return fmt.Sprintf("%s %s", r.Key, r.Operator)
	}
	return fmt.Sprintf("%s %s %v", r.Key, r.Operator, r.Values)
}

// unmet is the first requirement that the node does not meet: nil if the term matches. One that cannot be read comes before
// all others.
func (t *term) unmet(node *corev1.Node) *requirement {
	var first *requirement
	for i := range t.requirements {
		r := &t.requirements[i]
		if r.err != nil {
			return r
		}
		if first == nil && !r.met(node) {
			first = r
		}
	}
	return first
}

func (r *requirement) met(node *corev1.Node) bool {
	if r.labels != nil {
		return r.labels.Matches(labels.Set(node.Labels))
	}
	if node.Name == "" {
		return true // a node without a name has no fields to be asked about
	}
	value := ""
	if r.field == metav1.ObjectNameField {
		value = node.Name
	}
	return (value == r.value) == r.equal
}

func (r *requirement) explain(node *corev1.Node) string {
	switch {
	case r.err != nil:
		return fmt.Sprintf("%s cannot be read: %v", r.text, r.err)
	case r.labels == nil && r.field != metav1.ObjectNameField:
		return fmt.Sprintf("%s: of a node's fields only %s can be asked about", r.text, metav1.ObjectNameField)
	case r.labels == nil:
		return fmt.Sprintf("%s: the node is %s", r.text, node.Name)
	}
	return fmt.Sprintf("%s: the node has %s", r.text, has(node, r.labels.Key()))
}
