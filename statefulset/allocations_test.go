//go:build !race

// The race detector keeps on the heap what otherwise needs no allocation.

package statefulset_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/statefulset"
)

// A plan allocates as often for many pods as for few: nothing is copied, and no text made, for a pod that is as it should be.
func TestAllocations(t *testing.T) {
	const deletes = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	tests := []struct {
		name  string
		edits []func(*appsv1.StatefulSet)
		claim []func(*corev1.PersistentVolumeClaim)
		image string
	}{
		{"at rest", nil, nil, "app:1"},
		{"at rest, with claims", []func(*appsv1.StatefulSet){claims("data", "log")}, nil, "app:1"},
		{"at rest, with claims that are the set's", []func(*appsv1.StatefulSet){claims("data"), retention(deletes, deletes)},
			[]func(*corev1.PersistentVolumeClaim){ownedBy("StatefulSet", "web", "uid-web", true)}, "app:1"},
		{"one pod is replaced", []func(*appsv1.StatefulSet){claims("data"), parallel}, nil, "app:2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			perPlan := func(size int) float64 {
				c := of(int32(size), test.edits...)
				c.record(2, "app:2")
				c.runs(test.image)
				for i := range size {
					ordinal := (i * 7) % size // in no order
					c.pod(ordinal)
					for _, template := range c.set.Spec.VolumeClaimTemplates {
						c.claim(template.Name, ordinal, test.claim...)
					}
				}
				c.set.Status = c.plan(t, statefulset.Policy{}).Status
				if actions := c.plan(t, statefulset.Policy{}).Actions; len(actions) > 1 {
					t.Fatalf("more than one is replaced: %v", actions)
				}
				return testing.AllocsPerRun(3, func() { c.plan(t, statefulset.Policy{}) })
			}
			if few, many := perPlan(500), perPlan(2500); many > few+5 {
				t.Errorf("%v allocations for 500 pods, %v for 2,500", few, many)
			}
		})
	}
}
