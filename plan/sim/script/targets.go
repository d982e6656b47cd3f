package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

// target is what an argument of kubectl names: one object, or all of a kind.
type target struct {
	resource table.Resource
	name     string // "": all
}

// parseTargets reads "rs", "rs web db", "rs/web pod/web-0" and "pv,pvc".
func parseTargets(args []string) ([]target, error) {
	if len(args) == 0 {
		return nil, wrong("a kind is missing")
	}
	var targets []target
	if strings.Contains(args[0], "/") {
		for _, arg := range args {
			kind, name, _ := strings.Cut(arg, "/")
			resource, ok := table.ResourceNamed(kind)
			if !ok || name == "" {
				return nil, wrong("%q is not KIND/NAME of a kind that is known", arg)
			}
			targets = append(targets, target{resource, name})
		}
		return targets, nil
	}
	for kind := range strings.SplitSeq(args[0], ",") {
		resource, ok := table.ResourceNamed(kind)
		if !ok {
			return nil, wrong("%q is no kind that is known", kind)
		}
		if len(args) == 1 {
			targets = append(targets, target{resource, ""})
		}
		for _, name := range args[1:] {
			targets = append(targets, target{resource, name})
		}
	}
	return targets, nil
}

// selecting are the flags with which kubectl picks objects.
func selecting(more ...string) []string {
	return append([]string{"namespace/n=", "selector/l="}, more...)
}

// namespace is the one that the command speaks of, "" for all.
func (c call) namespace() string {
	switch {
	case c.is("all-namespaces"):
		return metav1.NamespaceAll
	case c.flags["namespace"] != "":
		return c.flags["namespace"]
	}
	return metav1.NamespaceDefault
}

// objects gives what a target stands for, sorted by namespace and name.
func (s *session) objects(c call, t target) ([]plan.Object, error) {
	namespace := c.namespace()
	if t.resource.Global {
		namespace = ""
	}
	if t.name != "" {
		obj, err := s.cluster.Get(t.resource.Kind, namespace, t.name)
		if err != nil {
			return nil, apierrors.NewNotFound(t.resource.GroupResource(), t.name)
		}
		return []plan.Object{obj}, nil
	}
	selector, err := labels.Parse(c.flags["selector"])
	if err != nil {
		return nil, wrong("%v", err)
	}
	return slices.DeleteFunc(s.cluster.List(t.resource.Kind, namespace), func(obj plan.Object) bool {
		return !selector.Matches(labels.Set(obj.GetLabels()))
	}), nil
}

// each has change called for every object that the arguments name, and puts together what it says. If one of them is
// refused, the others still have their turn, as with kubectl.
func (s *session) each(c call, targets []target, change func(plan.Object) (said string, err error)) (string, error) {
	var output strings.Builder
	for _, t := range targets {
		found, err := s.objects(c, t)
		for i := 0; i < len(found) && err == nil; i++ {
			var said string
			said, err = change(found[i])
			output.WriteString(said)
		}
		if misused := (misuse{}); errors.As(err, &misused) {
			return output.String(), err
		}
		if err != nil {
			fmt.Fprintln(&output, answer(err))
		}
	}
	return output.String(), nil
}

// did words what kubectl did to an object: "replicaset.apps/web scaled".
func did(obj plan.Object, what string) string { return table.NameOf(obj) + " " + what + "\n" }
