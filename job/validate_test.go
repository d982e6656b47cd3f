package job_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// Each error names the field, says what is wrong in the words of the API server, and comes without a plan.
func TestInvalid(t *testing.T) {
	spec := func(edit func(*batchv1.JobSpec)) *batchv1.Job {
		return train(func(j *batchv1.Job) { edit(&j.Spec) })
	}
	index := func(edit func(*batchv1.JobSpec)) *batchv1.Job {
		return train(indexed(3, 1), func(j *batchv1.Job) { edit(&j.Spec) })
	}
	failure := func(rule batchv1.PodFailurePolicyRule) *batchv1.Job {
		return spec(func(s *batchv1.JobSpec) {
			s.PodFailurePolicy = &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{rule}}
		})
	}
	codes := func(edit func(*batchv1.PodFailurePolicyOnExitCodesRequirement)) *batchv1.Job {
		requirement := &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{1}}
		edit(requirement)
		return failure(batchv1.PodFailurePolicyRule{Action: batchv1.PodFailurePolicyActionCount, OnExitCodes: requirement})
	}
	condition := func(kind corev1.PodConditionType, status corev1.ConditionStatus) *batchv1.Job {
		return failure(batchv1.PodFailurePolicyRule{Action: batchv1.PodFailurePolicyActionCount, OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: kind, Status: status}}})
	}
	success := func(rules ...batchv1.SuccessPolicyRule) *batchv1.Job {
		return index(func(s *batchv1.JobSpec) { s.SuccessPolicy = &batchv1.SuccessPolicy{Rules: rules} })
	}
	indexes := func(text string) *batchv1.Job { return success(batchv1.SuccessPolicyRule{SucceededIndexes: &text}) }
	many := func(edit func(*batchv1.JobSpec)) *batchv1.Job {
		return train(indexed(100_001, 1), perIndex(1), func(j *batchv1.Job) { edit(&j.Spec) })
	}
	for _, tt := range []struct {
		name   string
		job    *batchv1.Job
		policy job.Policy
		want   string
	}{
		{name: "none at all", want: "job: Required value"},
		{name: "parallelism", job: spec(func(s *batchv1.JobSpec) { s.Parallelism = new(int32(-1)) }), want: "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"},
		{name: "completions", job: spec(func(s *batchv1.JobSpec) { s.Completions = new(int32(-1)) }), want: "spec.completions: Invalid value: -1: must be greater than or equal to 0"},
		{name: "deadline", job: spec(func(s *batchv1.JobSpec) { s.ActiveDeadlineSeconds = new(int64(-1)) }), want: "spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"},
		{name: "backoffLimit", job: spec(func(s *batchv1.JobSpec) { s.BackoffLimit = new(int32(-1)) }), want: "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"},
		{name: "ttl", job: spec(func(s *batchv1.JobSpec) { s.TTLSecondsAfterFinished = new(int32(-1)) }), want: "spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0"},
		{name: "manager without a domain", job: spec(func(s *batchv1.JobSpec) { s.ManagedBy = new("me") }), want: `spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")`},
		{name: "long manager", job: spec(func(s *batchv1.JobSpec) { s.ManagedBy = new("example.com/" + strings.Repeat("x", 60)) }), want: "spec.managedBy: Too long: may not be more than 63 bytes"},
		{name: "selector", job: spec(func(s *batchv1.JobSpec) { s.ManualSelector = new(true) }), want: "spec.selector: Required value"},
		{name: "labels", job: spec(func(s *batchv1.JobSpec) {
			s.ManualSelector, s.Selector = new(true), &metav1.LabelSelector{MatchLabels: map[string]string{"app": "train"}}
		}), want: "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"},
		{name: "mode", job: spec(func(s *batchv1.JobSpec) { s.CompletionMode = new(batchv1.CompletionMode("Sorted")) }), want: `spec.completionMode: Unsupported value: "Sorted": supported values: "NonIndexed", "Indexed"`},
		{name: "indexed without completions", job: index(func(s *batchv1.JobSpec) { s.Completions = nil }), want: "spec.completions: Required value: when completion mode is Indexed"},
		{name: "limit per index without indexes", job: spec(func(s *batchv1.JobSpec) { s.BackoffLimitPerIndex = new(int32(1)) }), want: "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"},
		{name: "failed indexes without indexes", job: spec(func(s *batchv1.JobSpec) { s.MaxFailedIndexes = new(int32(1)) }),
			want: "[spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified, spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode]"},
		{name: "success policy without indexes", job: spec(func(s *batchv1.JobSpec) { s.SuccessPolicy = &batchv1.SuccessPolicy{} }), want: "spec.successPolicy: Invalid value: {\"rules\":null}: requires indexed completion mode"},
		{name: "more failed indexes than indexes", job: train(indexed(3, 1), perIndex(1), func(j *batchv1.Job) { j.Spec.MaxFailedIndexes = new(int32(4)) }),
			want: "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"},
		{name: "parallel indexes", job: index(func(s *batchv1.JobSpec) { s.Parallelism = new(int32(100_001)) }), want: "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"},
		{name: "many completions", job: many(func(*batchv1.JobSpec) {}), want: "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000"},
		{name: "many completions in parallel", job: many(func(s *batchv1.JobSpec) { s.Parallelism, s.MaxFailedIndexes = new(int32(10_001)), new(int32(1)) }),
			want: "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index"},
		{name: "a name too long for a hostname", job: train(indexed(11, 1), func(j *batchv1.Job) { j.Name = strings.Repeat("n", 61) }),
			want: "metadata.name: Invalid value: \"" + strings.Repeat("n", 61) + "\": will not able to create pod with invalid DNS label: " + strings.Repeat("n", 61) + "-10"},
		{name: "a name that is none", job: train(func(j *batchv1.Job) { j.Name = "Train_1" }), want: `metadata.name: Invalid value: "Train_1": a lowercase RFC 1123 subdomain`},
		{name: "a name too long for a label", job: train(func(j *batchv1.Job) { j.Name = strings.Repeat("n", 64) }), want: `spec.template.labels: Invalid value: "` + strings.Repeat("n", 64) + `": must be no more than 63 bytes`},
		{name: "a label that is none", job: spec(func(s *batchv1.JobSpec) { s.Template.Labels = map[string]string{"app": "a b"} }), want: `spec.template.labels: Invalid value: "a b": a valid label must be`},
		{name: "an annotation that is none", job: spec(func(s *batchv1.JobSpec) { s.Template.Annotations = map[string]string{"a b": "c"} }), want: `spec.template.annotations: Invalid value: "a b": name part must consist of`},
		{name: "no containers", job: spec(func(s *batchv1.JobSpec) { s.Template.Spec.Containers = nil }), want: "spec.template.spec.containers: Required value"},
		{name: "a pod's deadline", job: spec(func(s *batchv1.JobSpec) { s.Template.Spec.ActiveDeadlineSeconds = new(int64(0)) }),
			want: "spec.template.spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"},
		{name: "another Job's name on the pods", job: spec(func(s *batchv1.JobSpec) { s.Template.Labels = map[string]string{"job-name": "other"} }),
			want: `spec.template.metadata.labels[job-name]: Invalid value: {"`},
		{name: "another Job's uid on the pods", job: spec(func(s *batchv1.JobSpec) { s.Template.Labels = map[string]string{"controller-uid": "other"} }), want: "must be 'train'"},
		{name: "a selector that nobody asked for", job: spec(func(s *batchv1.JobSpec) {
			s.Selector, s.Template.Labels = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "train"}}, map[string]string{"app": "train"}
		}), want: "`selector` not auto-generated"},
		{name: "restartPolicy", job: spec(func(s *batchv1.JobSpec) { s.Template.Spec.RestartPolicy = "" }), want: `spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`},
		{name: "unknown restartPolicy", job: spec(func(s *batchv1.JobSpec) { s.Template.Spec.RestartPolicy = "Once" }), want: `spec.template.spec.restartPolicy: Unsupported value: "Once": supported values: "OnFailure", "Never"`},
		{name: "restarts with a failure policy", job: train(onFailure, failurePolicy(batchv1.PodFailurePolicyActionCount, 1)),
			want: `spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified`},
		{name: "replacement", job: spec(func(s *batchv1.JobSpec) { s.PodReplacementPolicy = new(batchv1.PodReplacementPolicy("Never")) }),
			want: `spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"`},
		{name: "replacement with a failure policy", job: train(failurePolicy(batchv1.PodFailurePolicyActionCount, 1), func(j *batchv1.Job) { j.Spec.PodReplacementPolicy = new(batchv1.TerminatingOrFailed) }),
			want: `spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"`},

		{name: "a rule as it should be", job: codes(func(*batchv1.PodFailurePolicyOnExitCodesRequirement) {}), want: ""},
		{name: "an action is required", job: failure(batchv1.PodFailurePolicyRule{OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: "Ready"}}}),
			want: `spec.podFailurePolicy.rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`},
		{name: "an unknown action", job: failure(batchv1.PodFailurePolicyRule{Action: "Retry", OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: "Ready"}}}),
			want: `spec.podFailurePolicy.rules[0].action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"`},
		{name: "no index to fail", job: failure(batchv1.PodFailurePolicyRule{Action: batchv1.PodFailurePolicyActionFailIndex, OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: "Ready"}}}),
			want: `spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`},
		{name: "a rule for nothing", job: failure(batchv1.PodFailurePolicyRule{Action: batchv1.PodFailurePolicyActionCount}),
			want: "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"},
		{name: "a rule for both", job: failure(batchv1.PodFailurePolicyRule{
			Action:          batchv1.PodFailurePolicyActionCount,
			OnExitCodes:     &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{1}},
			OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: "Ready"}},
		}), want: "spec.podFailurePolicy.rules[0]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"},
		{name: "too many rules", job: spec(func(s *batchv1.JobSpec) {
			rule := batchv1.PodFailurePolicyRule{Action: batchv1.PodFailurePolicyActionCount, OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: "Ready"}}}
			s.PodFailurePolicy = &batchv1.PodFailurePolicy{Rules: make([]batchv1.PodFailurePolicyRule, 21)}
			for i := range s.PodFailurePolicy.Rules {
				s.PodFailurePolicy.Rules[i] = rule
			}
		}), want: "spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"},
		{name: "no operator", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) { r.Operator = "" }),
			want: `spec.podFailurePolicy.rules[0].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`},
		{name: "an unknown operator", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) { r.Operator = "Near" }),
			want: `spec.podFailurePolicy.rules[0].onExitCodes.operator: Unsupported value: "Near": supported values: "In", "NotIn"`},
		{name: "an unknown container", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) { r.ContainerName = new("proxy") }),
			want: `spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "proxy": must be one of the container or initContainer names in the pod template`},
		{name: "no codes", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) { r.Values = nil }),
			want: "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: null: at least one value is required"},
		{name: "too many codes", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) {
			r.Values = nil
			for i := range int32(256) {
				r.Values = append(r.Values, i+1)
			}
		}), want: "spec.podFailurePolicy.rules[0].onExitCodes.values: Too many: 256: must have at most 255 items"},
		{name: "code 0", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) { r.Values = []int32{0} }),
			want: "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"},
		{name: "a code twice, in disorder", job: codes(func(r *batchv1.PodFailurePolicyOnExitCodesRequirement) { r.Values = []int32{2, 1, 2} }),
			want: "[spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 2, spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,1,2]: must be ordered]"},
		{name: "a condition without a type", job: condition("", "True"),
			want: "[spec.podFailurePolicy.rules[0].onPodConditions[0].type: Invalid value: \"\": name part must be non-empty"},
		{name: "a condition's status", job: condition("Ready", "Maybe"),
			want: `spec.podFailurePolicy.rules[0].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"`},

		{name: "no rules", job: success(), want: "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"},
		{name: "too many rules of success", job: success(make([]batchv1.SuccessPolicyRule, 21)...), want: "[spec.successPolicy.rules: Too many: 21: must have at most 20 items, spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified, "},
		{name: "a negative count", job: success(batchv1.SuccessPolicyRule{SucceededCount: new(int32(-1))}), want: "spec.successPolicy.rules[0].succeededCount: Invalid value: -1: must be greater than or equal to 0"},
		{name: "a count over completions", job: success(batchv1.SuccessPolicyRule{SucceededCount: new(int32(4))}), want: "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)"},
		{name: "a count over the indexes", job: success(batchv1.SuccessPolicyRule{SucceededCount: new(int32(3)), SucceededIndexes: new("0-1")}),
			want: "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)"},
		{name: "no index", job: indexes("x"), want: `spec.successPolicy.rules[0].succeededIndexes: Invalid value: "x": error parsing succeededIndexes: cannot convert string to integer for index: "x"`},
		{name: "half an interval", job: indexes("1-"), want: `error parsing succeededIndexes: cannot convert string to integer for index: ""`},
		{name: "an index over completions", job: indexes("0,3"), want: `error parsing succeededIndexes: too large index: "3"`},
		{name: "indexes in disorder", job: indexes("1,0"), want: "error parsing succeededIndexes: non-increasing order, previous: 1, current: 0"},
		{name: "an interval in disorder", job: indexes("2-1"), want: "error parsing succeededIndexes: non-increasing order, previous: 2, current: 1"},
		{name: "an interval of three", job: indexes("0-1-2"), want: `error parsing succeededIndexes: the fragment "0-1-2" violates the requirement that an index interval can have at most two parts separated by '-'`},
		{name: "too long a text", job: indexes(strings.Repeat("0,", 40_000)), want: "spec.successPolicy.rules[0].succeededIndexes: Too long: may not be more than 65536 bytes"},

		{name: "burst", job: train(), policy: job.Policy{Burst: -1}, want: "policy.burst: Invalid value: -1: must be greater than or equal to 0"},
		{name: "owner", job: train(), policy: job.Policy{Owner: metav1.TypeMeta{Kind: "Errand"}}, want: "policy.owner.apiVersion: Required value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, err := job.Plan(tt.job, job.Observed{Now: now}, tt.policy)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
			if len(result.Actions) > 0 || len(result.Events) > 0 {
				t.Errorf("beside the error there is a plan: %v", result.Actions)
			}
		})
	}
}

// What a person leaves out is filled in; what an API server has filled in is left alone.
func TestComplete(t *testing.T) {
	labelled := func(labels map[string]string) *batchv1.Job {
		return train(wants(1, 1), func(j *batchv1.Job) { j.Spec.Template.Labels = labels })
	}
	generated := map[string]string{
		"app": "train", "job-name": "train", "controller-uid": "train", batchv1.JobNameLabel: "train", batchv1.ControllerUidLabel: "train",
	}
	older := labelled(map[string]string{"app": "train", "job-name": "train", "controller-uid": "train"}) // by a server up to 1.26
	older.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"controller-uid": "train"}}
	manual := labelled(map[string]string{"app": "train"})
	manual.Spec.ManualSelector, manual.Spec.Selector = new(true), &metav1.LabelSelector{MatchLabels: map[string]string{"app": "train"}}
	emptied := labelled(map[string]string{"app": "train"})
	emptied.Spec.Selector = &metav1.LabelSelector{}
	for _, tt := range []struct {
		name string
		job  *batchv1.Job
		want map[string]string
	}{
		{"no labels, no selector", labelled(map[string]string{"app": "train"}), generated},
		{"an empty selector", emptied, generated},
		{"the selector of an older server", older, map[string]string{"app": "train", "job-name": "train", "controller-uid": "train"}},
		{"a selector of one's own", manual, map[string]string{"app": "train"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.job, job.Observed{}, job.Policy{})
			got := result.Actions[len(result.Actions)-1].(plan.Create).Object.GetLabels()
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			mine := pod("a", func(p *corev1.Pod) { p.Labels = got })
			if lines := steps(mustPlan(t, tt.job, job.Observed{Pods: []*corev1.Pod{mine}}, job.Policy{})); len(lines) > 0 {
				t.Errorf("a pod with these labels is not left alone: %v", lines)
			}
		})
	}
}
