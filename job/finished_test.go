package job_test

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
)

func TestUntrack(t *testing.T) {
	other := train(func(j *batchv1.Job) { j.Name, j.UID = "other", "other" })
	for _, tt := range []struct {
		name string
		pod  *corev1.Pod
		jobs []*batchv1.Job
		want []string
	}{
		{"nobody's", pod("a", orphan), []*batchv1.Job{other}, []string{strip("a")}},
		{"nobody's, to be adopted", pod("a", orphan), []*batchv1.Job{train()}, nil},
		{"nobody's, selected by a finished Job", pod("a", orphan), []*batchv1.Job{train(has(batchv1.JobComplete))}, []string{strip("a")}},
		{"nobody's and being deleted, so nobody adopts it", pod("a", orphan, terminating), []*batchv1.Job{train()}, []string{strip("a")}},
		{"of a Job that is gone, and being deleted", pod("a", terminating), []*batchv1.Job{other}, []string{strip("a")}},
		{"of a Job that is gone, or not seen yet", pod("a"), []*batchv1.Job{other}, nil},
		{"of a Job that is there", pod("a", terminating), []*batchv1.Job{train()}, nil},
		{"of another kind", pod("a", terminating, func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Errand" }), nil, nil},
		{"not tracked", pod("a", orphan, untracked), nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, err := job.Untrack(tt.jobs, job.Observed{Now: now, Pods: []*corev1.Pod{tt.pod}}, job.Policy{})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "the plan", steps(job.Result{Result: result}), tt.want)
		})
	}
	if _, err := job.Untrack(nil, job.Observed{}, job.Policy{Owner: metav1.TypeMeta{Kind: "Errand"}}); err == nil {
		t.Error("half an owner kind is accepted")
	}
}
