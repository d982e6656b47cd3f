package sim_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
)

// A host whose view shows none of its pods crashes in the middle of its plan, and still makes three, never more.
func Example() {
	cluster := sim.New(sim.Options{Seed: 1, Nodes: 2})
	cluster.AddHost(sim.ReplicaSets(replicaset.Policy{}))
	cluster.OnWrite(func(w sim.Write) {
		if pods := sim.List[*corev1.Pod](cluster, ""); len(pods) > 3 {
			fmt.Println("too many pods after", w)
		}
	})
	cluster.Lag("replicaset", "Pod", 1000)
	cluster.Crash(sim.Crash{Host: "replicaset", After: 2, KeepPending: true, Down: time.Minute})

	replicas, labels := int32(3), map[string]string{"app": "web"}
	_, err := cluster.Create(&appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx"}}},
			},
		},
	})
	if err != nil {
		fmt.Println(err)
	}

	show := func(when string) {
		rs, err := sim.Get[*appsv1.ReplicaSet](cluster, "", "web")
		fmt.Printf("%s: %d pods, %d ready %v\n", when, len(sim.List[*corev1.Pod](cluster, "")), rs.Status.ReadyReplicas, err)
	}
	cluster.Advance(30 * time.Second)
	show("down")
	cluster.RunUntilQuiet(time.Hour)
	show("up again, and blind")
	cluster.Lag("replicaset", "Pod", 0)
	cluster.RunUntilQuiet(time.Hour)
	show("seeing")
	// Output:
	// down: 1 pods, 0 ready <nil>
	// up again, and blind: 3 pods, 0 ready <nil>
	// seeing: 3 pods, 3 ready <nil>
}
