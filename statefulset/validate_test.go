package statefulset_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/statefulset"
)

func TestInvalid(t *testing.T) {
	minus := int32(-1)
	tests := []struct {
		name   string
		edit   func(*appsv1.StatefulSet)
		policy statefulset.Policy
		want   string
	}{
		{name: "no name", edit: func(s *appsv1.StatefulSet) { s.Name = "" }, want: "metadata.name: Required value: name or generateName is required"},
		{name: "negative replicas", edit: func(s *appsv1.StatefulSet) { s.Spec.Replicas = &minus }, want: "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
		{name: "negative minReadySeconds", edit: func(s *appsv1.StatefulSet) { s.Spec.MinReadySeconds = -1 }, want: "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"},
		{name: "negative start", edit: start(-1), want: "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"},
		{name: "negative partition", edit: partition(-1), want: "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0"},
		{name: "unknown management", edit: func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = "Any" },
			want: `spec.podManagementPolicy: Invalid value: "Any": must be 'OrderedReady' or 'Parallel'`},
		{name: "unknown strategy", edit: func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = "Any" }, want: "must be 'RollingUpdate' or 'OnDelete'"},
		{name: "parameters of another strategy", edit: func(s *appsv1.StatefulSet) { partition(1)(s); onDelete(s) }, want: "only allowed for updateStrategy 'RollingUpdate'"},
		{name: "unknown retention", edit: retention("Keep", "Retain"),
			want: `spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"`},
		{name: "no selector", edit: func(s *appsv1.StatefulSet) { s.Spec.Selector = nil }, want: "spec.selector: Required value"},
		{name: "a selector of others", edit: func(s *appsv1.StatefulSet) {
			s.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}
		}, want: "`selector` does not match template `labels`"},
		{name: "pods that end", edit: func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever }, want: "spec.template.spec.restartPolicy: Unsupported value"},
		{name: "maxUnavailable 0", edit: maxUnavailable(intstr.FromInt32(0)), policy: statefulset.Policy{MaxUnavailable: true}, want: "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0"},
		{name: "maxUnavailable 0%", edit: maxUnavailable(intstr.FromString("0%")), policy: statefulset.Policy{MaxUnavailable: true}, want: `"0%": cannot be 0`},
		{name: "maxUnavailable 101%", edit: maxUnavailable(intstr.FromString("101%")), policy: statefulset.Policy{MaxUnavailable: true}, want: "must not be greater than 100%"},
		{name: "maxUnavailable without a number", edit: maxUnavailable(intstr.FromString("some")), policy: statefulset.Policy{MaxUnavailable: true}, want: "a valid percent string must be"},
		{name: "maxUnavailable is not looked at by default", edit: maxUnavailable(intstr.FromString("some"))},
		{name: "half an owner", policy: statefulset.Policy{Owner: metav1.TypeMeta{Kind: "Database"}}, want: "policy.owner.apiVersion: Required value"},
		{name: "negative batch", policy: statefulset.Policy{Batch: -1}, want: "policy.batch: Invalid value: -1: must be greater than or equal to 0"},
		{name: "nothing wrong"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := of(1)
			if test.edit != nil {
				test.edit(c.set)
			}
			result, err := statefulset.Plan(c.set, c.Observed, test.policy)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if len(result.Actions) > 0 {
				t.Errorf("a plan comes with the error: %v", result.Actions)
			}
		})
	}
	if _, err := statefulset.Plan(nil, statefulset.Observed{}, statefulset.Policy{}); err == nil {
		t.Error("nil is planned")
	}
}

// What is strange about an object that is observed is never a reason to refuse the plan.
func TestStrangers(t *testing.T) {
	c := of(1, claims("", "data"))
	c.Pods = []*corev1.Pod{nil, {}, {ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-"}}}
	c.Claims = []*corev1.PersistentVolumeClaim{nil, {}, {ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "data"}}}
	c.Volumes = []*corev1.PersistentVolume{nil, {}}
	c.Revisions = append(c.Revisions, nil, &appsv1.ControllerRevision{})
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{BindClaims: true})),
		"create PersistentVolumeClaim -web-0", "create PersistentVolumeClaim data-web-0", "create Pod web-0")
}
