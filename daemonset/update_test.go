package daemonset_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/daemonset"
)

// However many nodes wait for an update, and in whatever order they are listed: it goes on by the first of their names.
func TestFirstNodesFirst(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.IntRange(1, 40).Draw(r, "nodes")
		limit := rapid.IntRange(1, size).Draw(r, "maxUnavailable")
		var list []*corev1.Pod
		var names, want []string
		for i := range size {
			names = append(names, fmt.Sprintf("n%02d", i))
			list = append(list, pod(names[i], old))
			if i < limit {
				want = append(want, fmt.Sprintf("delete Pod default/pod-%s: it is not of revision v2", names[i]))
			}
		}
		observed := daemonset.Observed{
			Nodes: nodes(names...), Pods: rapid.Permutation(list).Draw(r, "pods"),
			Revisions: []*appsv1.ControllerRevision{revision("v1", 1), revision("v2", 2)},
		}
		observed.Nodes = rapid.Permutation(observed.Nodes).Draw(r, "order")
		if diff := cmp.Diff(want, lines(mustPlan(t, agent(rolling(strconv.Itoa(limit), "0")), observed, daemonset.Policy{}).Actions)); diff != "" {
			r.Error(diff)
		}
	})
}
