package job_test

import (
	"encoding/json"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// A Job as people write it, without labels and selector.
func ExamplePlan() {
	train := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "train", UID: "5a1f"},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "train", Image: "train:1"}},
		}}},
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

	result, err := job.Plan(train, job.Observed{Now: noon}, job.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions {
		fmt.Println(action)
	}
	// Output:
	// update-status Job default/train: status.ready none -> 0, status.startTime none -> 2026-01-02T12:00:00Z, status.terminating none -> 0
	// create Pod default/train-*
}

// The three stages in which a pod is counted, and the end that follows.
func ExamplePlan_counting() {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	train := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "train", UID: "5a1f"},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "train", Image: "train:1"}},
		}}},
		Status: batchv1.JobStatus{
			StartTime: &metav1.Time{Time: noon},
			Ready:     new(int32(0)), Terminating: new(int32(0)),
		},
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "train-x7k2p", UID: "90c2", Finalizers: []string{batchv1.JobTrackingFinalizer},
			Labels:          map[string]string{batchv1.ControllerUidLabel: "5a1f"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(train, batchv1.SchemeGroupVersion.WithKind("Job"))},
		},
		Status: corev1.PodStatus{Phase: corev1.PodSucceeded},
	}
	for range 4 {
		result, err := job.Plan(train, job.Observed{Now: noon, Pods: []*corev1.Pod{pod}}, job.Policy{})
		if err != nil {
			fmt.Println(err)
		}
		for _, action := range result.Actions {
			fmt.Println(action)
			switch a := action.(type) { // a host would send these to the API server
			case plan.UpdateStatus:
				train = a.After.(*batchv1.Job)
			case plan.Update:
				pod = a.After.(*corev1.Pod)
			}
		}
		for _, event := range result.Events {
			fmt.Println(event.Type, event.Reason, event.Message)
		}
		fmt.Println("--")
	}
	// Output:
	// update-status Job default/train: status.conditions, status.uncountedTerminatedPods.succeeded
	// --
	// update Pod default/train-x7k2p: metadata.finalizers
	// --
	// update-status Job default/train: status.completionTime none -> 2026-01-02T12:00:00Z, status.conditions, status.succeeded none -> 1, status.uncountedTerminatedPods.succeeded
	// Normal Completed Job completed
	// --
	// --
}

// The record of failures is a value: stored and handed in again, it survives a restart of the host.
func ExampleMemory() {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	train := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "train", UID: "5a1f"},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "train", Image: "train:1"}},
		}}},
	}
	var memory job.Memory
	if err := json.Unmarshal([]byte(`{"job":"5a1f","failures":3,"lastFailure":"2026-01-02T11:59:50Z"}`), &memory); err != nil {
		fmt.Println(err)
	}
	result, err := job.Plan(train, job.Observed{Now: noon, Memory: memory}, job.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(result.Actions[len(result.Actions)-1])
	fmt.Println("wake at", result.Wake.Format(time.TimeOnly))
	// Output:
	// wait for Backoff of Job default/train until 2026-01-02T12:00:30Z: 1 pods are missing, 3 failed since the last success
	// wake at 12:00:30
}

func ExampleUntrack() {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "train-x7k2p", UID: "90c2", Finalizers: []string{batchv1.JobTrackingFinalizer},
		DeletionTimestamp: &metav1.Time{Time: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)},
		OwnerReferences:   []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: "train", UID: "5a1f", Controller: new(true)}},
	}}
	result, err := job.Untrack(nil, job.Observed{Pods: []*corev1.Pod{pod}}, job.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions {
		fmt.Println(action)
	}
	// Output:
	// update Pod default/train-x7k2p: metadata.finalizers
}
