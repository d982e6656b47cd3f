package conformance

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

func deploymentBench() []Bench {
	var benches []Bench
	for _, size := range []int{10, 100} {
		benches = append(benches,
			Bench{Name: fmt.Sprintf("%d-replicasets/steady", size), Size: size, Snapshot: benchDeployment(size, 100), Plan: planDeployment},
			Bench{Name: fmt.Sprintf("%d-replicasets/shrink-one", size), Size: size, Snapshot: benchDeployment(size, 99), Plan: planDeployment})
	}
	return benches
}

// benchDeployment is a Deployment of 100 replicas with a history of ReplicaSets, of which the last but one has the pods that the new
// one does not have yet, with one that may go.
func benchDeployment(sets int, updated int32) func() *Snapshot {
	return func() *Snapshot {
		now := time.Now()
		d := rolling(100, 1, 0)
		*d.Spec.RevisionHistoryLimit = int32(sets)
		d.Spec.Template.Spec = *BenchPod("template", metav1.OwnerReference{}, nil, "", now).Spec.DeepCopy()
		d.Spec.Template.Spec.NodeName = ""
		d.Annotations["deployment.kubernetes.io/revision"] = fmt.Sprint(sets)
		objects := []plan.Object{d}
		for i := range sets {
			size := int32(0)
			switch i {
			case sets - 1:
				size = updated
			case sets - 2:
				size = 2 * (100 - updated)
			}
			rs := told(100, 101, shopSet(i, 1, size, size, size))
			d.Spec.Template.DeepCopyInto(&rs.Spec.Template)
			rs.Spec.Template.Labels["pod-template-hash"] = rs.Labels["pod-template-hash"]
			if i < sets-1 {
				rs.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("app:old-%d", i)
			}
			objects = append(objects, rs)
			owner := ControllerRef("apps/v1", "ReplicaSet", rs.Name, rs.UID)
			for j := range size {
				objects = append(objects, BenchPod(fmt.Sprintf("%s-%d", rs.Name, j), owner, rs.Spec.Template.Labels, "node-1", now))
			}
		}
		none, old := int32(0), 2*(100-updated)
		at := metav1.NewTime(now.Truncate(time.Second))
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: updated + old, UpdatedReplicas: updated, ReadyReplicas: updated + old, AvailableReplicas: updated + old, TerminatingReplicas: &none,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", LastUpdateTime: at, LastTransitionTime: at},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable", LastUpdateTime: at, LastTransitionTime: at},
			},
		}
		return &Snapshot{Workload: shop, Now: now, Objects: Shuffled(objects)}
	}
}

func planDeployment(objects []plan.Object, now time.Time) func() error {
	d, _ := find[*appsv1.Deployment](objects, shop.Name)
	observed := rollout.Observed{Now: now, ReplicaSets: ObjectsOf[*appsv1.ReplicaSet](objects), Pods: ObjectsOf[*corev1.Pod](objects)}
	return func() error {
		_, err := rollout.Plan(d, observed, rollout.Policy{})
		return err
	}
}
