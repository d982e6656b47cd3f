package plantest

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
	"github.com/kubeplan/kubeplan/rollout"
)

// DeploymentWorld is a Deployment of up to five pods and two hosts, its own and that of its ReplicaSets, which know each
// other only through the cluster.
func DeploymentWorld() World {
	return World{
		Name:  "Deployment",
		Hosts: []sim.Host{sim.Deployments(rollout.Policy{}), sim.ReplicaSets(replicaset.Policy{})},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			drawn := drawDeployment(t)
			d := &appsv1.Deployment{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
				ObjectMeta: metav1.ObjectMeta{Namespace: drawn.Namespace, Name: drawn.Name},
				Spec:       drawn.Spec,
			}
			d.Spec.Selector, d.Spec.Paused = selectors()[0], false
			return d
		}),
		Edits: []Edit{
			{"image", func(t *rapid.T, obj plan.Object) string {
				image := pick(t, "image", "web:1", "web:2", "web:3")
				obj.(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Image = image
				return "kubectl set image deploy web main=" + image
			}},
			{"scale", func(t *rapid.T, obj plan.Object) string {
				replicas := rapid.Int32Range(0, 5).Draw(t, "replicas")
				obj.(*appsv1.Deployment).Spec.Replicas = &replicas
				return fmt.Sprintf("kubectl scale deploy web --replicas %d", replicas)
			}},
			{"rollback", func(_ *rapid.T, obj plan.Object) string {
				metav1.SetMetaDataAnnotation(&obj.(*appsv1.Deployment).ObjectMeta, appsv1.DeprecatedRollbackTo, "0")
				return fmt.Sprintf("kubectl annotate deploy web %s=0 --overwrite", appsv1.DeprecatedRollbackTo)
			}},
			{"pause", func(t *rapid.T, obj plan.Object) string {
				paused := rapid.Bool().Draw(t, "paused")
				obj.(*appsv1.Deployment).Spec.Paused = paused
				return fmt.Sprintf(`kubectl patch deploy web -p '{"spec":{"paused":%v}}'`, paused)
			}},
			{"minReadySeconds", func(t *rapid.T, obj plan.Object) string {
				seconds := pick[int32](t, "seconds", 0, 5)
				obj.(*appsv1.Deployment).Spec.MinReadySeconds = seconds
				return fmt.Sprintf(`kubectl patch deploy web -p '{"spec":{"minReadySeconds":%d}}'`, seconds)
			}},
		},
		PodEdits: []Edit{{"deletion cost", func(t *rapid.T, obj plan.Object) string {
			cost := pick(t, "cost", "-1", "1", "100")
			metav1.SetMetaDataAnnotation(&obj.(*corev1.Pod).ObjectMeta, corev1.PodDeletionCost, cost)
			return fmt.Sprintf("kubectl annotate pod %s %s=%s --overwrite", obj.GetName(), corev1.PodDeletionCost, cost)
		}}},
		Written: []string{"ReplicaSet"},
		Hurried: true,
		Always:  neverMoreThanSurge,
		Step:    availableStep,
		Goal:    deploymentGoal,
		Policy:  rollout.Policy{},
	}
}

// neverMoreThanSurge: however its view lags, a Deployment never asks for more pods than the largest D + S that it ever had. What it
// adopts comes on top.
func neverMoreThanSurge(c *sim.Cluster) func(sim.Write) error {
	most := 0
	return func(w sim.Write) error {
		if d, ok := w.After.(*appsv1.Deployment); ok {
			_, now, _ := sizesOf(d)
			most = max(most, now)
		}
		rs, ok := w.After.(*appsv1.ReplicaSet)
		if !ok {
			return nil
		}
		before, existed := w.Before.(*appsv1.ReplicaSet)
		owner := metav1.GetControllerOf(rs)
		if owner == nil || existed && *rs.Spec.Replicas <= *before.Spec.Replicas {
			return nil
		}
		if total := askedFor(c, owner.UID); total > most {
			return fmt.Errorf("%d replicas are asked for, and D + S was never more than %d", total, most)
		}
		return nil
	}
}

func askedFor(c *sim.Cluster, owner types.UID) int {
	total := 0
	for _, obj := range c.Peek("ReplicaSet", "") {
		if ref := metav1.GetControllerOf(obj); ref != nil && ref.UID == owner {
			total += int(*obj.(*appsv1.ReplicaSet).Spec.Replicas)
		}
	}
	return total
}

// availableStep: in calm no write of a host takes the pods that are really available below D - U, or below what they were; and with
// the strategy Recreate no pod is created beside those of another ReplicaSet.
func availableStep(before, after Snapshot) error {
	d := after.Workload.(*appsv1.Deployment)
	_, _, least := sizesOf(d)
	if has, had := availablePods(after, after), availablePods(before, after); has < min(had, least) {
		return fmt.Errorf("%d pods are available, %d were, and D - U is %d", has, had, least)
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType && !d.Spec.Paused {
		if err := noneBeside(before, after); err != nil {
			return err
		}
	}
	return deploymentStep(before, after)
}

// availablePods counts them by the minReadySeconds that the ReplicaSets have in another snapshot.
func availablePods(s, by Snapshot) int {
	available := 0
	for _, rs := range membersOf(by) {
		for _, pod := range podsOf(s, rs) {
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil &&
					s.Now.Sub(c.LastTransitionTime.Time).Seconds() >= float64(rs.Spec.MinReadySeconds) {
					available++
				}
			}
		}
	}
	return available
}

// noneBeside: what is created finds no pod of another ReplicaSet that may still run.
func noneBeside(before, after Snapshot) error {
	for _, rs := range membersOf(after) {
		if len(podsOf(after, rs)) <= len(podsOf(before, rs)) {
			continue
		}
		for _, other := range membersOf(before) {
			for _, pod := range podsOf(before, other) {
				if other.UID != rs.UID && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
					return fmt.Errorf("a pod of %s is created beside %s", rs.Name, pod.Name)
				}
			}
		}
	}
	return nil
}

func podsOf(s Snapshot, rs *appsv1.ReplicaSet) []*corev1.Pod {
	return slices.DeleteFunc(All[*corev1.Pod](s), func(pod *corev1.Pod) bool {
		ref := metav1.GetControllerOf(pod)
		return ref == nil || ref.UID != rs.UID
	})
}
