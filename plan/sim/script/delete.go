package script

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

func deleteVerb() verb {
	return verb{
		name: "kubectl delete", takes: "KIND NAME... | KIND --all | KIND -l SELECTOR | -f FILE [-n NAMESPACE] [--cascade=background|foreground|orphan] [--wait=false]",
		does:  "deletes objects and lets time pass until they are gone",
		flags: selecting("all", "filename/f=", "cascade=", "wait"),
		run:   deleteObjects,
	}
}

func deleteObjects(s *session, c call) (string, error) {
	propagation, err := cascade(c.flags["cascade"])
	if err != nil {
		return "", err
	}
	var deleted []plan.Object
	remove := func(obj plan.Object) (string, error) {
		if err := s.cluster.Delete(plan.RefTo(obj), metav1.DeleteOptions{PropagationPolicy: &propagation}); err != nil {
			return "", err
		}
		deleted = append(deleted, obj)
		kind, name, _ := strings.Cut(table.NameOf(obj), "/")
		return fmt.Sprintf("%s %q deleted\n", kind, name), nil
	}
	var output string
	if c.flags["filename"] != "" {
		output, err = s.manifest(c, func(d document) (string, error) {
			ref := plan.RefTo(d.object)
			live, err := s.cluster.Get(ref.Kind, ref.Namespace, ref.Name)
			if err != nil {
				return "", err
			}
			return remove(live)
		})
	} else {
		output, err = s.deleteNamed(c, remove)
	}
	if err != nil || c.flags["wait"] == "false" {
		return output, err
	}
	if !s.cluster.RunUntil(10*time.Minute, func() bool { return s.gone(deleted) }) {
		output += "error: timed out waiting for the condition\n"
	}
	return output, nil
}

func (s *session) deleteNamed(c call, remove func(plan.Object) (string, error)) (string, error) {
	targets, err := parseTargets(c.args)
	if err != nil {
		return "", err
	}
	all := targets[0].name == ""
	if all && !c.is("all") && c.flags["selector"] == "" {
		return "", wrong("resource(s) were provided, but no name was specified")
	}
	output, err := s.each(c, targets, remove)
	if output == "" && err == nil {
		return "No resources found\n", nil
	}
	return output, err
}

func cascade(flag string) (metav1.DeletionPropagation, error) {
	switch flag {
	case "", "background":
		return metav1.DeletePropagationBackground, nil
	case "foreground":
		return metav1.DeletePropagationForeground, nil
	case "orphan":
		return metav1.DeletePropagationOrphan, nil
	}
	return "", wrong("--cascade=%s is not known", flag)
}

// gone reports whether none of the objects exists any more. A successor of the same name is another object.
func (s *session) gone(objects []plan.Object) bool {
	for _, obj := range objects {
		ref := plan.RefTo(obj)
		if live, err := s.cluster.Get(ref.Kind, ref.Namespace, ref.Name); err == nil && live.GetUID() == ref.UID {
			return false
		}
	}
	return true
}
