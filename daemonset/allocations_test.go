//go:build !race

// The race detector keeps on the heap what otherwise needs no allocation.

package daemonset_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/daemonset"
)

// The number of allocations of a plan with nothing to do does not follow the number of nodes: what remains are the parts of
// one map.
func TestAllocations(t *testing.T) {
	allocations := func(size int) float64 {
		var names []string
		var list []*corev1.Pod
		for i := range size {
			names = append(names, "n"+string(rune('a'+i%26))+time.Duration(i).String())
			list = append(list, pod(names[i]))
		}
		observed := daemonset.Observed{Now: now, Nodes: nodes(names...), Pods: list, Revisions: []*appsv1.ControllerRevision{revision("v2", 1)}}
		ds := agent()
		ds.Status = mustPlan(t, ds, observed, daemonset.Policy{}).Status
		return testing.AllocsPerRun(3, func() { mustPlan(t, ds, observed, daemonset.Policy{}) })
	}
	if few, many := allocations(1000), allocations(5000); many > few+20 {
		t.Errorf("%v allocations for 1,000 nodes, %v for 5,000", few, many)
	}
}
