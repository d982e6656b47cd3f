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

// A pod of an Indexed Job knows its index in every way that Kubernetes gives it.
func TestNewPods(t *testing.T) {
	j := train(indexed(3, 1), perIndex(2), completed("0", 1), func(j *batchv1.Job) {
		template := &j.Spec.Template
		template.Labels, template.Annotations, template.Finalizers = map[string]string{"app": "train"}, map[string]string{"note": "kept"}, []string{"example.com/hold"}
		template.Spec.InitContainers = []corev1.Container{{Name: "init", Env: []corev1.EnvVar{{Name: "JOB_COMPLETION_INDEX", Value: "mine"}}}}
	})
	before := pod("a", at(1), failed, failedBefore("1", "1"))
	result := mustPlan(t, j, job.Observed{Pods: []*corev1.Pod{before}}, job.Policy{})
	created := result.Actions[len(result.Actions)-1].(plan.Create).Object
	want := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", GenerateName: "train-1-",
			Labels: map[string]string{
				"app": "train", "job-name": "train", "controller-uid": "train", batchv1.JobNameLabel: "train", batchv1.ControllerUidLabel: "train",
				batchv1.JobCompletionIndexAnnotation: "1",
			},
			Annotations: map[string]string{
				"note": "kept", batchv1.JobCompletionIndexAnnotation: "1",
				batchv1.JobIndexFailureCountAnnotation: "2", batchv1.JobIndexIgnoredFailureCountAnnotation: "1",
			},
			Finalizers: []string{"example.com/hold", batchv1.JobTrackingFinalizer},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "batch/v1", Kind: "Job", Name: "train", UID: "train", Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		},
		Spec: corev1.PodSpec{
			Hostname:       "train-1",
			RestartPolicy:  corev1.RestartPolicyNever,
			InitContainers: []corev1.Container{{Name: "init", Env: []corev1.EnvVar{{Name: "JOB_COMPLETION_INDEX", Value: "mine"}}}},
			Containers: []corev1.Container{{Name: "main", Image: "train:1", Env: []corev1.EnvVar{{
				Name:      "JOB_COMPLETION_INDEX",
				ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']"}},
			}}}},
		},
	}
	if d := cmp.Diff(plan.Object(want), created); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A failure that the policy overlooks is counted apart.
func TestAttempts(t *testing.T) {
	for action, want := range map[batchv1.PodFailurePolicyAction]string{
		batchv1.PodFailurePolicyActionCount:  "1 ",
		batchv1.PodFailurePolicyActionIgnore: "0 1",
	} {
		j := train(indexed(1, 1), perIndex(9), failurePolicy(action, 1))
		result := mustPlan(t, j, job.Observed{Pods: []*corev1.Pod{pod("a", at(0), failed)}}, job.Policy{})
		created := result.Actions[len(result.Actions)-1].(plan.Create).Object.GetAnnotations()
		if got := created[batchv1.JobIndexFailureCountAnnotation] + " " + created[batchv1.JobIndexIgnoredFailureCountAnnotation]; got != want {
			t.Errorf("%s: %q, want %q", action, got, want)
		}
	}
}

func TestLongNames(t *testing.T) {
	long := strings.Repeat("n", 60)
	j := train(indexed(1, 1), func(j *batchv1.Job) { j.Name = long })
	result := mustPlan(t, j, job.Observed{}, job.Policy{})
	created := result.Actions[len(result.Actions)-1].(plan.Create).Object
	if got, want := created.GetGenerateName(), long[:55]+"-0-"; got != want {
		t.Errorf("%q, want %q: five characters must fit behind it", got, want)
	}
}

// A refused index has the others go first, so that they get their turn.
func TestRefusedIndex(t *testing.T) {
	refused := plan.Pending{Outcomes: []plan.Outcome{{Action: plan.Create{Object: pod("", at(0))}, At: now, Err: &metav1.Status{Message: "denied"}}}}
	result := mustPlan(t, train(indexed(3, 2)), job.Observed{Pending: refused}, job.Policy{})
	expect(t, "the plan", steps(result), []string{createAt(1), createAt(2)})
	result = mustPlan(t, train(indexed(2, 2)), job.Observed{Pending: refused}, job.Policy{})
	expect(t, "the plan", steps(result), []string{createAt(1), createAt(0)})
}
