package plan_test

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func TestEventFor(t *testing.T) {
	job := func(name string) plan.Object {
		return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "data-web-0"}}
	generated := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "web-"}}
	ending := refused.DeepCopy()
	ending.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}
	delPod, delJob := plan.Delete{Object: plan.RefTo(whole("web-0"))}, plan.Delete{Object: plan.RefTo(job("hello-1"))}
	for _, tt := range []struct {
		name, workload string
		o              plan.Outcome
		want           string
	}{
		{"pod created", "ReplicaSet", plan.Outcome{Action: plan.Create{Object: generated}, Reply: whole("web-x7k2p")}, "Normal SuccessfulCreate Created pod: web-x7k2p"},
		{"pod refused", "ReplicaSet", plan.Outcome{Action: plan.Create{Object: generated}, Err: refused}, "Warning FailedCreate Error creating: exceeded quota"},
		{"pod not answered for", "ReplicaSet", plan.Outcome{Action: plan.Create{Object: generated}}, ""},
		{"pod refused by a namespace that ends", "ReplicaSet", plan.Outcome{Action: plan.Create{Object: generated}, Err: ending}, ""},
		{"pod deleted", "DaemonSet", plan.Outcome{Action: delPod}, "Normal SuccessfulDelete Deleted pod: web-0"},
		{"pod not deleted", "Job", plan.Outcome{Action: delPod, Err: refused}, "Warning FailedDelete Error deleting: exceeded quota"},
		{"a kind of one's own", "Fleet", plan.Outcome{Action: delPod}, "Normal SuccessfulDelete Deleted pod: web-0"},
		{"pod adopted", "ReplicaSet", updated(at("a", "1"), at("a", "2")), ""},
		{"status written", "ReplicaSet", plan.Outcome{Action: plan.UpdateStatus{Before: scaled(1), After: scaled(1)}, Reply: scaled(1)}, ""},

		{"replica set created", "Deployment", plan.Outcome{Action: plan.Create{Object: scaled(3)}, Reply: scaled(3)}, "Normal ScalingReplicaSet Scaled up replica set web from 0 to 3"},
		{"replica set created empty", "Deployment", plan.Outcome{Action: plan.Create{Object: scaled(0)}, Reply: scaled(0)}, ""},
		{"replica set refused", "Deployment", plan.Outcome{Action: plan.Create{Object: scaled(3)}, Err: refused}, `Warning ReplicaSetCreateError Failed to create new replica set "web": exceeded quota`},
		{"replica set scaled up", "Deployment", plan.Outcome{Action: plan.Update{Before: scaled(1), After: scaled(3)}, Reply: scaled(3)}, "Normal ScalingReplicaSet Scaled up replica set web from 1 to 3"},
		{"replica set scaled down", "Deployment", plan.Outcome{Action: plan.Update{Before: scaled(3), After: scaled(0)}, Reply: scaled(0)}, "Normal ScalingReplicaSet Scaled down replica set web from 3 to 0"},
		{"replica set annotated", "Deployment", plan.Outcome{Action: plan.Update{Before: scaled(3), After: scaled(3)}, Reply: scaled(3)}, ""},
		{"replica set deleted", "Deployment", plan.Outcome{Action: plan.Delete{Object: plan.RefTo(scaled(0))}}, ""},

		{"stateful pod created", "StatefulSet", plan.Outcome{Action: plan.Create{Object: whole("web-0")}, Reply: whole("web-0")}, "Normal SuccessfulCreate Create Pod web-0 in StatefulSet web successful"},
		{"stateful pod refused", "StatefulSet", plan.Outcome{Action: plan.Create{Object: whole("web-0")}, Err: refused}, "Warning FailedCreate Create Pod web-0 in StatefulSet web failed error: exceeded quota"},
		{"stateful pod deleted", "StatefulSet", plan.Outcome{Action: delPod}, "Normal SuccessfulDelete Delete Pod web-0 in StatefulSet web successful"},
		{"claim created", "StatefulSet", plan.Outcome{Action: plan.Create{Object: claim}, Reply: claim}, "Normal SuccessfulCreate Create Claim data-web-0 Pod web-0 in StatefulSet web success"},
		{"claim refused", "StatefulSet", plan.Outcome{Action: plan.Create{Object: claim}, Err: refused}, "Warning FailedCreate Create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: exceeded quota"},

		{"job created", "CronJob", plan.Outcome{Action: plan.Create{Object: job("hello-1")}, Reply: job("hello-1")}, "Normal SuccessfulCreate Created job hello-1"},
		{"job refused", "CronJob", plan.Outcome{Action: plan.Create{Object: job("hello-1")}, Err: refused}, "Warning FailedCreate Error creating job: exceeded quota"},
		{"job deleted", "CronJob", plan.Outcome{Action: delJob}, "Normal SuccessfulDelete Deleted job hello-1"},
		{"job not deleted", "CronJob", plan.Outcome{Action: delJob, Err: refused}, "Warning FailedDelete Deleted job: exceeded quota"},

		{"waiting is nothing to record", "ReplicaSet", plan.Outcome{Action: plan.Wait{Object: plan.RefTo(whole("web-0"))}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if event, ok := plan.EventFor(plan.Ref{Kind: tt.workload, Name: "web"}, tt.o); ok {
				got = event.Type + " " + event.Reason + " " + event.Message
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
