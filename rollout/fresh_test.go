package rollout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

// The ReplicaSet of a template that has none yet: a hash names it, and keeps its pods apart from those of the others.
func TestNewSet(t *testing.T) {
	for _, tt := range []struct{ name, deployment, prefix string }{
		{"as the Deployment is named", "web", "web-"},
		{"a name that leaves no room for the hash is cut", strings.Repeat("w", 253), strings.Repeat("w", 242)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := web(3, annotated("note", "a"), annotated(corev1.LastAppliedConfigAnnotation, "{}"))
			d.Name, d.Spec.MinReadySeconds = tt.deployment, 10
			old := set("v1 0/0/0", revision("7"))
			old.OwnerReferences[0].Name = d.Name
			rs := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(old)}).Actions[0].(plan.Create).Object.(*appsv1.ReplicaSet)
			hash := rs.Labels["pod-template-hash"]
			if hash == "" || !strings.HasPrefix(rs.Name, tt.prefix) || !strings.HasSuffix(rs.Name, "-"+hash) || len(rs.Name) > 253 {
				t.Errorf("name %q, hash %q", rs.Name, hash)
			}
			labels := map[string]string{"app": "web", "pod-template-hash": hash}
			for what, got := range map[string]map[string]string{"labels": rs.Labels, "selector": rs.Spec.Selector.MatchLabels, "template": rs.Spec.Template.Labels} {
				if diff := cmp.Diff(labels, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			notes := map[string]string{"note": "a", prefix + "revision": "8", prefix + "desired-replicas": "3", prefix + "max-replicas": "4"}
			if diff := cmp.Diff(notes, rs.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			if *rs.Spec.Replicas != 3 || rs.Spec.MinReadySeconds != 10 || len(rs.OwnerReferences) != 1 || rs.OwnerReferences[0].UID != d.UID {
				t.Errorf("%d replicas, minReadySeconds %d, owned by %v", *rs.Spec.Replicas, rs.Spec.MinReadySeconds, rs.OwnerReferences)
			}
		})
	}
}
