package plantest

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
)

// ReplicaSetWorld is a ReplicaSet of up to four pods and its host.
func ReplicaSetWorld() World {
	return World{
		Name:  "ReplicaSet",
		Hosts: []sim.Host{sim.ReplicaSets(replicaset.Policy{})},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			rs := drawReplicaSet(t)
			return &appsv1.ReplicaSet{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
				ObjectMeta: metav1.ObjectMeta{Namespace: rs.Namespace, Name: rs.Name},
				Spec: appsv1.ReplicaSetSpec{
					Replicas:        rs.Spec.Replicas,
					MinReadySeconds: rs.Spec.MinReadySeconds,
					Selector:        selectors()[0],
					Template:        rs.Spec.Template,
				},
			}
		}),
		Edits: []Edit{
			{"scale", func(t *rapid.T, obj plan.Object) string {
				replicas := rapid.Int32Range(0, 4).Draw(t, "replicas")
				obj.(*appsv1.ReplicaSet).Spec.Replicas = &replicas
				return fmt.Sprintf("kubectl scale rs web --replicas %d", replicas)
			}},
			{"template", func(t *rapid.T, obj plan.Object) string {
				value := pick(t, "label", "one", "two")
				obj.(*appsv1.ReplicaSet).Spec.Template.Labels["extra"] = value
				return fmt.Sprintf(`kubectl patch rs web -p '{"spec":{"template":{"metadata":{"labels":{"extra":%q}}}}}'`, value)
			}},
			{"minReadySeconds", func(t *rapid.T, obj plan.Object) string {
				seconds := pick[int32](t, "seconds", 0, 5)
				obj.(*appsv1.ReplicaSet).Spec.MinReadySeconds = seconds
				return fmt.Sprintf(`kubectl patch rs web -p '{"spec":{"minReadySeconds":%d}}'`, seconds)
			}},
		},
		Orphan: func() *corev1.Pod {
			return &corev1.Pod{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
				ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Labels: map[string]string{"app": "web"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:1"}}},
			}
		},
		Always: neverTooMany,
		Step:   replicaSetStep,
		Goal:   replicaSetGoal,
		Policy: replicaset.Policy{},
	}
}

// neverTooMany: a ReplicaSet never creates more pods than it wanted at any time, however its view lags. What others add counts on top:
// pods to be adopted, and pods whose label is set back by hand.
func neverTooMany(c *sim.Cluster) func(sim.Write) error {
	var owner types.UID
	most, added := 0, 0
	return func(w sim.Write) error {
		switch obj := w.Object().(type) {
		case *appsv1.ReplicaSet:
			if obj.UID != owner {
				owner, most, added = obj.UID, 0, 0
			}
			most = max(most, int(orOne(obj.Spec.Replicas)))
		case *corev1.Pod:
			before, after := isMember(w.Before, owner), isMember(w.After, owner)
			switch {
			case before || !after:
			case w.Before != nil:
				added++
			default:
				if has := countMembers(c, owner); has > most+added {
					return fmt.Errorf("%d pods, and never more than %d were wanted, %d came from elsewhere", has, most, added)
				}
			}
		}
		return nil
	}
}

// orOne is the number of replicas, 1 if none is given.
func orOne(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

// isMember reports whether a pod works for the ReplicaSet of this UID.
func isMember(obj plan.Object, owner types.UID) bool {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return false
	}
	controller := metav1.GetControllerOf(pod)
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	return controller != nil && controller.UID == owner && pod.Labels["app"] == "web" && pod.DeletionTimestamp == nil && !finished
}

func countMembers(c *sim.Cluster, owner types.UID) int {
	members := 0
	for _, pod := range c.Peek("Pod", "") {
		if isMember(pod, owner) {
			members++
		}
	}
	return members
}
