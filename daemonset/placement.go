package daemonset

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Verdict says whether the daemon pod belongs on a node, and if not, why.
type Verdict struct {
	// ShouldRun: a pod is created there if there is none.
	ShouldRun bool
	// ShouldContinue: a pod that is there stays; where it does not hold, it is deleted. It holds wherever ShouldRun does, and where nothing but a taint of
	// effect NoSchedule speaks against a new pod.
	ShouldContinue bool
	// Cause is what speaks against the node first, in the order in which the Causes stand below; the later ones are then not
	// looked at. It is empty where ShouldRun holds.
	Cause Cause
	// Taint is the first taint that is not tolerated: one of effect NoExecute, if there is one. nil for any other Cause.
	Taint *corev1.Taint
	// Message explains the verdict to people, in words that may change: empty where ShouldRun holds.
	Message string
}

// Cause names what keeps a daemon pod off a node. The set is closed.
type Cause string

const (
	// CauseNodeName: the template's spec.nodeName is another node.
	CauseNodeName Cause = "NodeName"
	// CauseNodeSelector: a label of the template's spec.nodeSelector is missing or has another value.
	CauseNodeSelector Cause = "NodeSelector"
	// CauseNodeAffinity: no term of the template's required node affinity matches.
	CauseNodeAffinity Cause = "NodeAffinity"
	// CauseTaint: a taint of effect NoSchedule or NoExecute is not tolerated.
	CauseTaint Cause = "Taint"
)

// ShouldRun says whether the daemon pod of ds belongs on the node: whether the template's node name, node selector and
// required node affinity match, and its tolerations, with those that every daemon pod has, tolerate the node's taints of
// effect NoSchedule and NoExecute; PreferNoSchedule never counts. Every daemon pod tolerates, under node.kubernetes.io/, not-ready
// and unreachable with effect NoExecute, and disk-pressure, memory-pressure, pid-pressure and unschedulable with effect NoSchedule;
// network-unavailable too, on the host's network. The readiness of the node, spec.unschedulable and its resources are not looked at;
// what speaks against them speaks through taints. Neither node nor ds may be nil. To ask about many nodes, compile the
// DaemonSet once: see [NewPlacement].
func ShouldRun(node *corev1.Node, ds *appsv1.DaemonSet) Verdict {
	return NewPlacement(ds).ShouldRun(node)
}

// Placement is what a DaemonSet asks of its nodes, compiled. It does not change, and may be used from several
// goroutines.
type Placement struct {
	nodeName    string
	labels      []label
	required    bool
	terms       []term
	tolerations []corev1.Toleration
}

// label is an entry of a node selector.
type label struct{ key, value string }

// NewPlacement compiles the template of ds. What cannot be read in its affinity matches no node, as in Kubernetes.
func NewPlacement(ds *appsv1.DaemonSet) *Placement {
	spec := &ds.Spec.Template.Spec
	p := &Placement{nodeName: spec.NodeName, tolerations: tolerations(spec)}
	for _, key := range slices.Sorted(maps.Keys(spec.NodeSelector)) {
		p.labels = append(p.labels, label{key, spec.NodeSelector[key]})
	}
	if a := spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		p.required = true
		p.terms = compile(a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms)
	}
	return p
}

// ShouldRun is like the function of this name.
func (p *Placement) ShouldRun(node *corev1.Node) Verdict {
	f := p.judge(node)
	verdict := Verdict{ShouldRun: f.run, ShouldContinue: f.stay, Cause: f.cause}
	switch f.cause {
	case CauseNodeName:
		verdict.Message = fmt.Sprintf("the template names node %s", p.nodeName)
	case CauseNodeSelector:
		l := p.unmet(node)
		verdict.Message = fmt.Sprintf("node selector %s=%s: the node has %s", l.key, l.value, has(node, l.key))
	case CauseNodeAffinity:
		verdict.Message = p.explainAffinity(node)
	case CauseTaint:
		verdict.Taint = f.taint.DeepCopy()
		verdict.Message = fmt.Sprintf("taint %s is not tolerated", f.taint.ToString())
	}
	return verdict
}

// fit is a verdict without its explanation: finding it allocates nothing.
type fit struct {
	run, stay bool
	cause     Cause
	taint     *corev1.Taint
}

// judge asks in the order in which Kubernetes does.
func (p *Placement) judge(node *corev1.Node) fit {
	switch {
	case p.nodeName != "" && p.nodeName != node.Name:
		return fit{cause: CauseNodeName}
	case p.unmet(node) != nil:
		return fit{cause: CauseNodeSelector}
	case p.required && !p.matchesTerm(node):
		return fit{cause: CauseNodeAffinity}
	}
	f := fit{run: true, stay: true}
	for i := range node.Spec.Taints {
		taint := &node.Spec.Taints[i]
		evicts := taint.Effect == corev1.TaintEffectNoExecute
		if !evicts && taint.Effect != corev1.TaintEffectNoSchedule || p.tolerates(taint) {
			continue
		}
		if evicts {
			return fit{cause: CauseTaint, taint: taint}
		}
		if f.taint == nil {
			f = fit{stay: true, cause: CauseTaint, taint: taint}
		}
	}
	return f
}

// unmet is the first entry of the node selector that the node does not have.
func (p *Placement) unmet(node *corev1.Node) *label {
	for i := range p.labels {
		if value, ok := node.Labels[p.labels[i].key]; !ok || value != p.labels[i].value {
			return &p.labels[i]
		}
	}
	return nil
}

func (p *Placement) matchesTerm(node *corev1.Node) bool {
	for i := range p.terms {
		if p.terms[i].unmet(node) == nil {
			return true
		}
	}
	return false
}

func (p *Placement) explainAffinity(node *corev1.Node) string {
	if len(p.terms) == 0 {
		return "the required node affinity has no term that matches anything"
	}
	var failed []string
	for i := range p.terms {
		t := &p.terms[i]
		failed = append(failed, fmt.Sprintf("nodeSelectorTerms[%d]: %s", t.index, t.unmet(node).explain(node)))
	}
	return "required node affinity: " + strings.Join(failed, "; ")
}

// has tells what the node has under a label: "zone=a" or "no label zone".
func has(node *corev1.Node, key string) string {
	if value, ok := node.Labels[key]; ok {
		return key + "=" + value
	}
	return "no label " + key
}
