package conformance

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

func replicaSetBench() []Bench {
	var benches []Bench
	for _, size := range []int{100, 3000} {
		benches = append(benches,
			Bench{Name: fmt.Sprintf("%d/steady", size), Size: size, Snapshot: benchReplicaSet(size, size), Plan: planReplicaSet},
			Bench{Name: fmt.Sprintf("%d/delete-one", size), Size: size, Snapshot: benchReplicaSet(size, size-1), Plan: planReplicaSet})
	}
	return append(benches, Bench{
		Name: "150000/steady", Size: 150_000, OursOnly: true,
		Snapshot: benchReplicaSets(5000, 30), Plan: planReplicaSets,
	})
}

// benchReplicaSet is one ReplicaSet whose status is as it should be, with some pods on a tenth as many nodes.
func benchReplicaSet(pods, replicas int) func() *Snapshot {
	return func() *Snapshot {
		now := time.Now()
		rs, objects := benchSet(web.Name, web.UID, pods, replicas, now)
		return &Snapshot{Workload: web, Now: now, Objects: Shuffled(append(objects, rs))}
	}
}

// benchReplicaSets are many ReplicaSets, and their pods in one list.
func benchReplicaSets(sets, pods int) func() *Snapshot {
	return func() *Snapshot {
		now := time.Now()
		s := &Snapshot{Workload: web, Now: now}
		for i := range sets {
			name := fmt.Sprintf("web-%d", i)
			rs, objects := benchSet(name, types.UID("uid-"+name), pods, pods, now)
			s.Objects = append(append(s.Objects, objects...), rs)
		}
		Shuffled(s.Objects)
		return s
	}
}

func benchSet(name string, uid types.UID, pods, replicas int, now time.Time) (*appsv1.ReplicaSet, []plan.Object) {
	rs := newReplicaSet(int32(replicas))
	rs.Name, rs.UID = name, uid
	rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", name, "uid-deployment-"+uid)}
	labels := map[string]string{"app": "web", "tier": "front"}
	owner := ControllerRef("apps/v1", "ReplicaSet", name, uid)
	var objects []plan.Object
	for i := range pods {
		objects = append(objects, BenchPod(fmt.Sprintf("%s-%05d", name, i), owner, labels, fmt.Sprintf("node-%d", i%(1+pods/10)), now))
	}
	none, all := int32(0), int32(pods)
	rs.Status = appsv1.ReplicaSetStatus{
		Replicas: all, FullyLabeledReplicas: all, ReadyReplicas: all, AvailableReplicas: all, TerminatingReplicas: &none, ObservedGeneration: rs.Generation,
	}
	return rs, objects
}

func planReplicaSet(objects []plan.Object, now time.Time) func() error {
	rs, _ := find[*appsv1.ReplicaSet](objects, web.Name)
	observed := replicaset.Observed{Now: now, Pods: ObjectsOf[*corev1.Pod](objects), Siblings: []*appsv1.ReplicaSet{rs}}
	return func() error {
		_, err := replicaset.Plan(rs, observed, replicaset.Policy{})
		return err
	}
}

// planReplicaSets groups the pods once and plans all ReplicaSets one after the other.
func planReplicaSets(objects []plan.Object, now time.Time) func() error {
	sets, pods := ObjectsOf[*appsv1.ReplicaSet](objects), ObjectsOf[*corev1.Pod](objects)
	return func() error {
		owned, _ := plan.GroupByController(pods)
		for _, rs := range sets {
			if _, err := replicaset.Plan(rs, replicaset.Observed{Now: now, Pods: owned[rs.UID]}, replicaset.Policy{}); err != nil {
				return err
			}
		}
		return nil
	}
}
