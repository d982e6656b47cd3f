package statefulset_test

import (
	"math"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/statefulset"
)

// created is an edit of a set that no server has seen.
func created(edit func(*appsv1.StatefulSet)) func(*appsv1.StatefulSet) {
	return func(set *appsv1.StatefulSet) { set.UID = ""; edit(set) }
}

// claimed gives such a set a claim template.
func claimed(edit func(*corev1.PersistentVolumeClaimSpec)) func(*appsv1.StatefulSet) {
	return created(func(set *appsv1.StatefulSet) {
		claims("data")(set)
		edit(&set.Spec.VolumeClaimTemplates[0].Spec)
	})
}

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
		{name: "ordinals beyond reach", edit: func(s *appsv1.StatefulSet) { start(math.MaxInt32)(s); *s.Spec.Replicas = 2 },
			want: "spec.ordinals.start: Invalid value: 2147483647: the ordinals must not exceed 2147483647"},
		{name: "the last ordinal", edit: start(math.MaxInt32)},
		{name: "a name with dots", edit: created(func(s *appsv1.StatefulSet) { s.Name = "web.1" }), want: `metadata.name: Invalid value: "web.1": must not contain dots`},
		{name: "a service's name with dots", edit: created(func(s *appsv1.StatefulSet) { s.Spec.ServiceName = "web.1" }), want: `spec.serviceName: Invalid value: "web.1": must not contain dots`},
		{name: "a claim without access modes", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.AccessModes = nil }),
			want: "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required"},
		{name: "an unknown access mode", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.AccessModes[0] = "Any" }),
			want: `spec.volumeClaimTemplates[0].spec.accessModes: Unsupported value: "Any": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"`},
		{name: "access by one pod and by many", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) {
			c.AccessModes = append(c.AccessModes, corev1.ReadWriteOncePod)
		}), want: "spec.volumeClaimTemplates[0].spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"},
		{name: "a claim without a size", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.Resources.Requests = nil }),
			want: "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value"},
		{name: "a claim of size 0", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) {
			c.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("0")
		}), want: `spec.volumeClaimTemplates[0].spec.resources[storage]: Invalid value: "0": must be greater than zero`},
		{name: "a claim's selector", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) {
			c.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"-": ""}}
		}), want: "spec.volumeClaimTemplates[0].spec.selector.matchLabels: Invalid value"},
		{name: "a claim's class", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.StorageClassName = new("Fast") }),
			want: `spec.volumeClaimTemplates[0].spec.storageClassName: Invalid value: "Fast": a lowercase RFC 1123 subdomain must consist of`},
		{name: "a claim's attributes class", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.VolumeAttributesClassName = new("Fast") }),
			want: `spec.volumeClaimTemplates[0].spec.volumeAttributesClassName: Invalid value: "Fast"`},
		{name: "a claim's volume mode", edit: claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.VolumeMode = new(corev1.PersistentVolumeMode("File")) }),
			want: `spec.volumeClaimTemplates[0].spec.volumeMode: Unsupported value: "File": supported values: "Block", "Filesystem"`},
		{name: "what a server holds is not looked at again", edit: func(s *appsv1.StatefulSet) {
			claimed(func(c *corev1.PersistentVolumeClaimSpec) { c.AccessModes = nil })(s)
			s.UID, s.Name, s.Spec.ServiceName = "uid-web", "web.1", "web.1"
		}},
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

// An ordinal that Kubernetes does not read is none: such a pod is let be.
func TestOrdinalBeyondReach(t *testing.T) {
	expect(t, "steps", steps(of(1).pod(0).pod(3_000_000_000).plan(t, statefulset.Policy{})))
}

// Of two strangers of one name the plan names the same, however they are listed.
func TestTwoStrangersOfOneName(t *testing.T) {
	c := of(1).pod(0, orphaned, deleting).pod(0, orphaned, func(p *corev1.Pod) { p.UID, p.Labels = "uid-other", nil })
	unchangedBy(t, c, statefulset.Policy{}, c.plan(t, statefulset.Policy{}))
	first := waits(c.plan(t, statefulset.Policy{}))
	c.Pods[0], c.Pods[1] = c.Pods[1], c.Pods[0]
	expect(t, "waits", waits(c.plan(t, statefulset.Policy{})), first...)
}
