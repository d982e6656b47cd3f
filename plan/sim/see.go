package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// See gives what Host.Plan is called with, for those who run a Host elsewhere than in a [Cluster]: a model checker, a test
// of the Host itself. objects are what the host's view shows, by kind: its own kind and all that it reads.
func See(now time.Time, pending plan.Pending, memory any, namespace string, objects map[string][]plan.Object) Seen {
	seen := Seen{Now: now, Pending: pending, Memory: memory, namespace: namespace, views: map[string]*view{}}
	for kind, list := range objects {
		if !slices.IsSortedFunc(list, compareNames) {
			list = slices.SortedFunc(slices.Values(list), compareNames)
		}
		seen.views[kind] = &view{collection: list}
	}
	return seen
}

func compareNames(a, b plan.Object) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}
