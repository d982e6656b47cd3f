package table_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

// meta is the metadata of an object in the namespace default that was created some time ago.
func meta(name string, age time.Duration) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name, CreationTimestamp: ago(age)}
}

func global(name string, age time.Duration) metav1.ObjectMeta {
	m := meta(name, age)
	m.Namespace = ""
	return m
}

func ptr[T any](v T) *T { return &v }

func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "nginx", Image: "nginx:1.9.1"}, {Name: "log", Image: "fluentd"},
		}},
	}
}

func selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
}

// check compares a table with the lines wanted.
func check(t *testing.T, got string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n")+"\n", got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// TestKinds has one row or two of each kind, as kubectl 1.36 prints them.
func TestKinds(t *testing.T) {
	for _, test := range []struct {
		name    string
		objects []plan.Object
		narrow  []string
		wide    []string
	}{
		{
			name: "ReplicaSet",
			objects: []plan.Object{
				&appsv1.ReplicaSet{
					ObjectMeta: meta("myreplicaset", time.Minute),
					Spec:       appsv1.ReplicaSetSpec{Replicas: ptr(int32(4)), Selector: selector(), Template: template()},
					Status:     appsv1.ReplicaSetStatus{Replicas: 3, ReadyReplicas: 2},
				},
				&appsv1.ReplicaSet{ObjectMeta: meta("x", 25*time.Hour)},
			},
			narrow: []string{
				"NAME           DESIRED   CURRENT   READY   AGE",
				"myreplicaset   4         3         2       60s",
				"x              1         0         0       25h",
			},
			wide: []string{
				"NAME           DESIRED   CURRENT   READY   AGE   CONTAINERS   IMAGES                SELECTOR",
				"myreplicaset   4         3         2       60s   nginx,log    nginx:1.9.1,fluentd   app=web",
				"x              1         0         0       25h                                      <none>",
			},
		},
		{
			name: "Deployment",
			objects: []plan.Object{&appsv1.Deployment{
				ObjectMeta: meta("mydeploy", 10*time.Minute),
				Spec:       appsv1.DeploymentSpec{Replicas: ptr(int32(10)), Selector: selector(), Template: template()},
				Status:     appsv1.DeploymentStatus{ReadyReplicas: 8, UpdatedReplicas: 5, AvailableReplicas: 8},
			}},
			narrow: []string{
				"NAME       READY   UP-TO-DATE   AVAILABLE   AGE",
				"mydeploy   8/10    5            8           10m",
			},
			wide: []string{
				"NAME       READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                SELECTOR",
				"mydeploy   8/10    5            8           10m   nginx,log    nginx:1.9.1,fluentd   app=web",
			},
		},
		{
			name: "DaemonSet",
			objects: []plan.Object{
				&appsv1.DaemonSet{
					ObjectMeta: meta("daemonset-fluentd", 47*time.Second),
					Spec:       appsv1.DaemonSetSpec{Selector: selector(), Template: template()},
					Status: appsv1.DaemonSetStatus{
						DesiredNumberScheduled: 3, CurrentNumberScheduled: 2, NumberReady: 1, UpdatedNumberScheduled: 2, NumberAvailable: 1,
					},
				},
				&appsv1.DaemonSet{
					ObjectMeta: meta("kube-proxy", 4*24*time.Hour+22*time.Hour),
					Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{
						Spec: corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/os": "linux"}},
					}},
				},
			},
			narrow: []string{
				"NAME                DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR            AGE",
				"daemonset-fluentd   3         2         1       2            1           <none>                   47s",
				"kube-proxy          0         0         0       0            0           kubernetes.io/os=linux   4d22h",
			},
			wide: []string{
				"NAME                DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR            AGE     CONTAINERS   IMAGES                SELECTOR",
				"daemonset-fluentd   3         2         1       2            1           <none>                   47s     nginx,log    nginx:1.9.1,fluentd   app=web",
				"kube-proxy          0         0         0       0            0           kubernetes.io/os=linux   4d22h                                      <none>",
			},
		},
		{
			name: "StatefulSet",
			objects: []plan.Object{&appsv1.StatefulSet{
				ObjectMeta: meta("mysts", 20*time.Second),
				Spec:       appsv1.StatefulSetSpec{Replicas: ptr(int32(3)), Template: template()},
				Status:     appsv1.StatefulSetStatus{ReadyReplicas: 2},
			}},
			narrow: []string{
				"NAME    READY   AGE",
				"mysts   2/3     20s",
			},
			wide: []string{
				"NAME    READY   AGE   CONTAINERS   IMAGES",
				"mysts   2/3     20s   nginx,log    nginx:1.9.1,fluentd",
			},
		},
		{
			name: "ControllerRevision",
			objects: []plan.Object{
				&appsv1.ControllerRevision{
					ObjectMeta: metav1.ObjectMeta{
						Name: "mysts-7c9f5c8b4d", CreationTimestamp: ago(time.Hour),
						OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "mysts", Controller: ptr(true)}},
					},
					Revision: 2,
				},
				&appsv1.ControllerRevision{ObjectMeta: meta("lost", time.Hour), Revision: 1},
			},
			narrow: []string{
				"NAME               CONTROLLER               REVISION   AGE",
				"mysts-7c9f5c8b4d   statefulset.apps/mysts   2          60m",
				"lost               <none>                   1          60m",
			},
		},
		{
			name: "Job",
			objects: []plan.Object{
				job("myjob", batchv1.JobSpec{Completions: ptr(int32(3))}, batchv1.JobStatus{StartTime: ptr(ago(9 * time.Second)), Succeeded: 1}),
				job("done", batchv1.JobSpec{}, batchv1.JobStatus{
					StartTime: ptr(ago(60 * time.Second)), CompletionTime: ptr(ago(9 * time.Second)), Succeeded: 1,
				}, batchv1.JobSuccessCriteriaMet, batchv1.JobComplete),
				job("myjob-bug", batchv1.JobSpec{Completions: ptr(int32(1))}, batchv1.JobStatus{StartTime: ptr(ago(9 * time.Second))},
					batchv1.JobFailureTarget, batchv1.JobFailed),
				job("queue", batchv1.JobSpec{Parallelism: ptr(int32(3))}, batchv1.JobStatus{StartTime: ptr(ago(0)), Succeeded: 2}),
				job("asleep", batchv1.JobSpec{}, batchv1.JobStatus{}, batchv1.JobSuspended),
			},
			narrow: []string{
				"NAME        STATUS      COMPLETIONS   DURATION   AGE",
				"myjob       Running     1/3           9s         4m",
				"done        Complete    1/1           51s        4m",
				"myjob-bug   Failed      0/1           9s         4m",
				"queue       Running     2/1 of 3      0s         4m",
				"asleep      Suspended   0/1                      4m",
			},
		},
		{
			name: "CronJob",
			objects: []plan.Object{
				&batchv1.CronJob{ObjectMeta: meta("hello", 4*time.Second), Spec: batchv1.CronJobSpec{Schedule: "*/1 * * * *"}},
				&batchv1.CronJob{
					ObjectMeta: meta("berlin", time.Hour),
					Spec:       batchv1.CronJobSpec{Schedule: "0 9 * * 1-5", TimeZone: ptr("Europe/Berlin"), Suspend: ptr(true)},
					Status:     batchv1.CronJobStatus{Active: make([]corev1.ObjectReference, 1), LastScheduleTime: ptr(ago(62 * time.Second))},
				},
			},
			narrow: []string{
				"NAME     SCHEDULE      TIMEZONE        SUSPEND   ACTIVE   LAST SCHEDULE   AGE",
				"hello    */1 * * * *   <none>          False     0        <none>          4s",
				"berlin   0 9 * * 1-5   Europe/Berlin   True      1        62s             60m",
			},
		},
		{
			name: "Node",
			objects: []plan.Object{
				&corev1.Node{
					ObjectMeta: metav1.ObjectMeta{
						Name: "node1", CreationTimestamp: ago(58 * time.Hour),
						Labels: map[string]string{"node-role.kubernetes.io/master": "", "node-role.kubernetes.io/control-plane": ""},
					},
					Status: corev1.NodeStatus{
						NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1.36.3", KernelVersion: "6.1", Architecture: "amd64"},
						Addresses:  []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}},
						Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
					},
				},
				&corev1.Node{
					ObjectMeta: global("node2", time.Hour),
					Spec:       corev1.NodeSpec{Unschedulable: true},
					Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}},
				},
				&corev1.Node{ObjectMeta: global("node3", time.Hour)},
			},
			narrow: []string{
				"NAME    STATUS                        ROLES                  AGE     VERSION",
				"node1   Ready                         control-plane,master   2d10h   v1.36.3",
				"node2   NotReady,SchedulingDisabled   <none>                 60m",
				"node3   Unknown                       <none>                 60m",
			},
			wide: []string{
				"NAME    STATUS                        ROLES                  AGE     VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE    KERNEL-VERSION   CONTAINER-RUNTIME",
				"node1   Ready                         control-plane,master   2d10h   v1.36.3   10.0.0.1      <none>        <unknown>   6.1 (amd64)      <unknown>",
				"node2   NotReady,SchedulingDisabled   <none>                 60m               <none>        <none>        <unknown>   <unknown>        <unknown>",
				"node3   Unknown                       <none>                 60m               <none>        <none>        <unknown>   <unknown>        <unknown>",
			},
		},
		{
			name: "PersistentVolume",
			objects: []plan.Object{&corev1.PersistentVolume{
				ObjectMeta: global("pv", 5*time.Minute),
				Spec: corev1.PersistentVolumeSpec{
					Capacity:    corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany, corev1.ReadWriteOnce, corev1.ReadWriteMany},
					ClaimRef:    &corev1.ObjectReference{Namespace: "default", Name: "vol-mysts-0"},
				},
				Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
			}},
			narrow: []string{
				"NAME   CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                 STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE",
				"pv     1Gi        RWO,RWX        Retain           Bound    default/vol-mysts-0                  <unset>                          5m",
			},
		},
		{
			name: "PersistentVolumeClaim",
			objects: []plan.Object{
				&corev1.PersistentVolumeClaim{
					ObjectMeta: meta("vol-mysts-0", 118*time.Second),
					Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-09d", StorageClassName: ptr("local-path")},
					Status: corev1.PersistentVolumeClaimStatus{
						Phase:       corev1.ClaimBound,
						Capacity:    corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
						AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					},
				},
				&corev1.PersistentVolumeClaim{
					ObjectMeta: meta("vol-mysts-1", 9*time.Second),
					Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
				},
			},
			narrow: []string{
				"NAME          STATUS    VOLUME    CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE",
				"vol-mysts-0   Bound     pvc-09d   1Gi        RWO            local-path     <unset>                 118s",
				"vol-mysts-1   Pending                                                      <unset>                 9s",
			},
		},
		{
			name: "Service",
			objects: []plan.Object{
				&corev1.Service{ObjectMeta: meta("mysts", time.Minute), Spec: corev1.ServiceSpec{
					ClusterIP: "None", Ports: []corev1.ServicePort{{Port: 8080}}, Selector: map[string]string{"run": "nginx"},
				}},
				&corev1.Service{ObjectMeta: meta("nginx", time.Minute), Spec: corev1.ServiceSpec{
					Type: corev1.ServiceTypeNodePort, ClusterIP: "10.96.10.10",
					Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP}, {Port: 53, Protocol: corev1.ProtocolUDP}},
				}},
				&corev1.Service{ObjectMeta: meta("lb", time.Minute), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}},
			},
			narrow: []string{
				"NAME    TYPE           CLUSTER-IP    EXTERNAL-IP   PORT(S)               AGE",
				"mysts   ClusterIP      None          <none>        8080/TCP              60s",
				"nginx   NodePort       10.96.10.10   <none>        80:30080/TCP,53/UDP   60s",
				"lb      LoadBalancer   <none>        <pending>     <none>                60s",
			},
		},
		{
			name: "Event, the oldest first",
			objects: []plan.Object{
				event("b", time.Second, time.Minute, 4, "FailedCreate", "Error creating: no more"),
				event("a", 9*time.Second, 9*time.Second, 0, "SuccessfulCreate", "Created pod: web-x7k2p"),
			},
			narrow: []string{
				"LAST SEEN   TYPE     REASON             OBJECT           MESSAGE",
				"9s          Normal   SuccessfulCreate   replicaset/web   Created pod: web-x7k2p",
				"1s          Normal   FailedCreate       replicaset/web   Error creating: no more",
			},
			wide: []string{
				"LAST SEEN   TYPE     REASON             OBJECT           SUBOBJECT   SOURCE                  MESSAGE                   FIRST SEEN   COUNT   NAME",
				"9s          Normal   SuccessfulCreate   replicaset/web               replicaset-controller   Created pod: web-x7k2p    9s           1       a",
				"1s          Normal   FailedCreate       replicaset/web               replicaset-controller   Error creating: no more   60s          4       b",
			},
		},
		{
			name: "Namespace",
			objects: []plan.Object{&corev1.Namespace{
				ObjectMeta: global("shop", time.Minute), Status: corev1.NamespaceStatus{Phase: corev1.NamespaceTerminating},
			}},
			narrow: []string{
				"NAME   STATUS        AGE",
				"shop   Terminating   60s",
			},
		},
		{
			name: "a kind of someone else",
			objects: []plan.Object{&unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "example.com/v1", "kind": "Cow", "metadata": map[string]any{"name": "berta"},
			}}},
			narrow: []string{
				"NAME    AGE",
				"berta   <unknown>",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, table.Format(test.objects, table.Options{Now: now}), test.narrow...)
			if test.wide != nil {
				check(t, table.Format(test.objects, table.Options{Now: now, Wide: true}), test.wide...)
			}
		})
	}
}

func job(name string, spec batchv1.JobSpec, status batchv1.JobStatus, conditions ...batchv1.JobConditionType) *batchv1.Job {
	for _, c := range conditions {
		status.Conditions = append(status.Conditions, batchv1.JobCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return &batchv1.Job{ObjectMeta: meta(name, 4*time.Minute), Spec: spec, Status: status}
}

func event(name string, last, first time.Duration, count int32, reason, message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     meta(name, first),
		InvolvedObject: corev1.ObjectReference{Kind: "ReplicaSet", Name: "web"},
		FirstTimestamp: ago(first), LastTimestamp: ago(last), Count: count,
		Type: corev1.EventTypeNormal, Reason: reason, Message: message,
		Source: corev1.EventSource{Component: "replicaset-controller"},
	}
}

func TestOptions(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: meta("web-0", time.Second), Status: corev1.PodStatus{Phase: corev1.PodPending}}
	pod.Labels = map[string]string{"app": "web", "b": "c"}
	rs := &appsv1.ReplicaSet{ObjectMeta: meta("web", time.Minute)}
	for _, test := range []struct {
		name    string
		options table.Options
		objects []plan.Object
		want    []string
	}{
		{
			name: "no headers", options: table.Options{NoHeaders: true}, objects: []plan.Object{pod},
			want: []string{"web-0   0/0   Pending   0     1s"},
		},
		{
			name: "labels", options: table.Options{Labels: true}, objects: []plan.Object{pod, &corev1.Pod{ObjectMeta: meta("x", 0)}},
			want: []string{
				"NAME    READY   STATUS    RESTARTS   AGE   LABELS",
				"web-0   0/0     Pending   0          1s    app=web,b=c",
				"x       0/0               0          0s    <none>",
			},
		},
		{
			name: "namespaces", options: table.Options{Namespaces: true}, objects: []plan.Object{pod},
			want: []string{
				"NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE",
				"default     web-0   0/0     Pending   0          1s",
			},
		},
		{
			name: "several kinds", objects: []plan.Object{rs, pod},
			want: []string{
				"NAME                  DESIRED   CURRENT   READY   AGE",
				"replicaset.apps/web   1         0         0       60s",
				"",
				"NAME        READY   STATUS    RESTARTS   AGE",
				"pod/web-0   0/0     Pending   0          1s",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Now = now
			check(t, table.Format(test.objects, test.options), test.want...)
		})
	}
	if got := table.Format(nil, table.Options{Now: now}); got != "" {
		t.Errorf("no objects give %q", got)
	}
}

func TestResourceNamed(t *testing.T) {
	for name, want := range map[string]string{
		"rs": "ReplicaSet", "replicaset": "ReplicaSet", "replicasets": "ReplicaSet", "ReplicaSet": "ReplicaSet",
		"replicasets.apps": "ReplicaSet", "replicaset.apps": "ReplicaSet", "po": "Pod", "pvc": "PersistentVolumeClaim",
		"replicasets.batch": "", "replica": "", "": "",
	} {
		if got, ok := table.ResourceNamed(name); got.Kind != want || ok != (want != "") {
			t.Errorf("%q is %q (%t), want %q", name, got.Kind, ok, want)
		}
	}
}
