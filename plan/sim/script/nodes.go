package script

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func nodeVerbs() []verb {
	return []verb{
		{
			name: "node add", takes: "NAME [KEY=VALUE...]",
			does: "adds a node that is ready, with labels",
			run:  addNode,
		},
		{
			name: "node remove", takes: "NAME",
			does: "takes a node away, and its pods with it",
			run:  onNode(func(s *session, name string) error { return s.cluster.RemoveNode(name) }),
		},
		{
			name: "node down", takes: "NAME",
			does: "cuts a node off: it goes silent, and so do its pods",
			run:  onNode(func(s *session, name string) error { return s.cluster.SetNodeReady(name, false) }),
		},
		{
			name: "node up", takes: "NAME",
			does: "brings it back",
			run:  onNode(func(s *session, name string) error { return s.cluster.SetNodeReady(name, true) }),
		},
	}
}

func addNode(s *session, c call) (string, error) {
	name, labels := c.next(), map[string]string{}
	if name == "" {
		return "", wrong("the name is missing")
	}
	for _, arg := range c.args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return "", wrong("%q is not KEY=VALUE", arg)
		}
		labels[key] = value
	}
	return "", s.cluster.AddNode(name, labels)
}

// onNode is the handler of a verb that takes the name of a node and nothing else.
func onNode(do func(s *session, name string) error) func(*session, call) (string, error) {
	return func(s *session, c call) (string, error) {
		name := c.next()
		if name == "" {
			return "", wrong("the name is missing")
		}
		if err := c.done(); err != nil {
			return "", err
		}
		return "", do(s, name)
	}
}

func taintVerb() verb {
	return verb{
		name: "kubectl taint", takes: "nodes NAME KEY[=VALUE]:EFFECT | KEY[:EFFECT]- ...",
		does: "sets taints of a node, or takes them away",
		run:  taint,
	}
}

func taint(s *session, c call) (string, error) {
	if len(c.args) < 3 {
		return "", wrong("a node or a taint is missing")
	}
	targets, err := parseTargets(c.args[:2])
	if err != nil {
		return "", err
	}
	return s.each(c, targets, func(obj plan.Object) (string, error) {
		node, ok := obj.DeepCopyObject().(*corev1.Node)
		if !ok {
			return "", wrong("only nodes have taints")
		}
		done := "tainted"
		for _, arg := range c.args[2:] {
			text, takenAway := strings.CutSuffix(arg, "-")
			taint := parseTaint(text)
			if taint.Effect == "" && !takenAway {
				return "", wrong("%q is not KEY[=VALUE]:EFFECT", arg)
			}
			node.Spec.Taints = withoutTaint(node.Spec.Taints, taint)
			if takenAway {
				done = "untainted"
			} else {
				node.Spec.Taints = append(node.Spec.Taints, taint)
			}
		}
		return s.changed(obj, node, done, done)
	})
}

func parseTaint(text string) corev1.Taint {
	keyValue, effect, _ := strings.Cut(text, ":")
	key, value, _ := strings.Cut(keyValue, "=")
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}
}

// withoutTaint leaves out the taints of one key, and of one effect if taint names it.
func withoutTaint(taints []corev1.Taint, taint corev1.Taint) []corev1.Taint {
	var kept []corev1.Taint
	for _, t := range taints {
		if t.Key != taint.Key || taint.Effect != "" && t.Effect != taint.Effect {
			kept = append(kept, t)
		}
	}
	return kept
}
