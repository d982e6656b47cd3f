package script

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

func describeVerb() verb {
	return verb{
		name: "kubectl describe", takes: "KIND [NAME...] [-n NAMESPACE] [-l SELECTOR]",
		does:  "shows objects with their conditions and events",
		flags: selecting(),
		run:   describe,
	}
}

func describe(s *session, c call) (string, error) {
	targets, err := parseTargets(c.args)
	if err != nil {
		return "", err
	}
	var pages []string
	refused, err := s.each(c, targets, func(obj plan.Object) (string, error) {
		pages = append(pages, table.Describe(obj, table.Around{
			Now: s.cluster.Now(),
			Pods: slices.DeleteFunc(sim.List[*corev1.Pod](s.cluster, obj.GetNamespace()), func(pod *corev1.Pod) bool {
				return !metav1.IsControlledBy(pod, obj)
			}),
			Events: slices.DeleteFunc(sim.List[*corev1.Event](s.cluster, ""), func(event *corev1.Event) bool {
				return event.InvolvedObject.UID != obj.GetUID()
			}),
		}))
		return "", nil
	})
	return strings.Join(pages, "\n\n") + refused, err
}
