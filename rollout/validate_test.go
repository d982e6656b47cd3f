package rollout_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/rollout"
)

func TestPlanRefuses(t *testing.T) {
	number, percent := intstr.FromInt32, intstr.FromString
	for _, tt := range []struct {
		name   string
		d      *appsv1.Deployment
		policy rollout.Policy
		want   string
	}{
		{"nothing", nil, rollout.Policy{}, "deployment: Required value"},
		{"no name", web(1, func(d *appsv1.Deployment) { d.Name = "" }), rollout.Policy{}, "metadata.name: Required value: name or generateName is required"},
		{"a negative number of replicas", web(-1), rollout.Policy{}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
		{"no selector", web(1, func(d *appsv1.Deployment) { d.Spec.Selector = nil }), rollout.Policy{}, "spec.selector: Required value"},
		{"a template that the selector does not match", web(1, func(d *appsv1.Deployment) { d.Spec.Template.Labels = nil }), rollout.Policy{}, "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"},
		{"pods that do not restart", web(1, func(d *appsv1.Deployment) { d.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever }), rollout.Policy{}, `spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`},
		{"a strategy that is none", web(1, func(d *appsv1.Deployment) { d.Spec.Strategy.Type = "Blue" }), rollout.Policy{}, `spec.strategy.type: Unsupported value: "Blue": supported values: "Recreate", "RollingUpdate"`},
		{"parameters for Recreate", web(1, func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType }), rollout.Policy{}, "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"},
		{"neither surge nor unavailable", web(1, bounds(0, 0)), rollout.Policy{}, "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0\": may not be 0 when `maxSurge` is 0"},
		{"nor in percent", web(1, limits(percent("0%"), percent("0%"))), rollout.Policy{}, "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0"},
		{"a negative surge", web(1, limits(number(-1), number(1))), rollout.Policy{}, "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0"},
		{"more than all unavailable", web(1, limits(number(1), percent("101%"))), rollout.Policy{}, `spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%`},
		{"a share that is none", web(1, limits(number(1), percent("half"))), rollout.Policy{}, `spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "half": a valid percent string must be`},
		{"negative minReadySeconds", web(1, func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = -1 }), rollout.Policy{}, "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"},
		{"a negative history", web(1, func(d *appsv1.Deployment) { n := int32(-1); d.Spec.RevisionHistoryLimit = &n }), rollout.Policy{}, "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"},
		{"a deadline that no pod can meet", web(1, withDeadline(10), func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 10 }), rollout.Policy{}, "spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"},
		{"half an owner", web(1), rollout.Policy{Owner: metav1.TypeMeta{Kind: "Fleet"}}, "policy.owner.apiVersion: Required value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, err := rollout.Plan(tt.d, rollout.Observed{Now: now}, tt.policy)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if len(result.Actions) > 0 {
				t.Errorf("planned all the same: %v", result.Actions)
			}
		})
	}
}

func TestEmptySelector(t *testing.T) {
	d := web(3, func(d *appsv1.Deployment) { d.Spec.Selector = &metav1.LabelSelector{} })
	result := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v1 3/3/3", orphan))})
	if len(result.Events) != 1 || result.Events[0].Reason != "SelectingAll" || sizes(result.Actions) != "" || result.Status.ObservedGeneration != d.Generation {
		t.Errorf("%v %v", result.Events, result.Actions)
	}
}
