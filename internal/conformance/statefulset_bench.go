package conformance

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// statefulSetBench are sets at rest, with and without a claim for each pod, and one whose template has just changed.
func statefulSetBench() []Bench {
	var benches []Bench
	for _, size := range []int{100, 3000} {
		benches = append(benches,
			Bench{Name: fmt.Sprintf("%d/steady", size), Size: size, Snapshot: benchStatefulSet(size, 0, "app:1"), Plan: planStatefulSet},
			Bench{Name: fmt.Sprintf("%d/steady-with-claims", size), Size: size, Snapshot: benchStatefulSet(size, 1, "app:1"), Plan: planStatefulSet},
			Bench{Name: fmt.Sprintf("%d/update", size), Size: size, Snapshot: benchStatefulSet(size, 1, "app:2"), Plan: planStatefulSet})
	}
	return benches
}

func benchStatefulSet(pods, claims int, image string) func() *Snapshot {
	return func() *Snapshot {
		now := time.Now()
		set := newStatefulSet(int32(pods))
		for i := range claims {
			set.Spec.VolumeClaimTemplates = append(set.Spec.VolumeClaimTemplates, claimTemplate(fmt.Sprintf("vol%d", i)))
		}
		current := revisionOf(set, "app:1", 1)
		set.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: 1, Replicas: int32(pods), ReadyReplicas: int32(pods), AvailableReplicas: int32(pods),
			CurrentReplicas: int32(pods), UpdatedReplicas: int32(pods), CurrentRevision: current.Name, UpdateRevision: current.Name,
		}
		set.Spec.Template.Spec.Containers[0].Image = image
		objects := []plan.Object{set, current}
		if image != "app:1" {
			update := revisionOf(set, image, 2)
			set.Status.UpdateRevision, set.Status.UpdatedReplicas = update.Name, 0
			objects = append(objects, update)
		}
		owner := ControllerRef("apps/v1", "StatefulSet", set.Name, set.UID)
		for i := range pods {
			name := fmt.Sprintf("%s-%d", set.Name, i)
			pod := BenchPod(name, owner, nil, fmt.Sprintf("node-%d", i%(1+pods/10)), now)
			pod.Labels = map[string]string{
				"app": "db", "tier": "back", appsv1.StatefulSetPodNameLabel: name, appsv1.PodIndexLabel: fmt.Sprint(i),
				appsv1.StatefulSetRevisionLabel: current.Name,
			}
			for _, template := range set.Spec.VolumeClaimTemplates {
				claim := template.DeepCopy()
				claim.TypeMeta = metav1.TypeMeta{}
				claim.Namespace, claim.Name = set.Namespace, template.Name+"-"+name
				claim.UID = types.UID("uid-" + claim.Name)
				claim.Status.Phase = corev1.ClaimBound
				objects = append(objects, claim)
				pod.Spec.Volumes = append(slices.Clone(pod.Spec.Volumes), corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name},
				}})
			}
			objects = append(objects, pod)
		}
		return &Snapshot{Workload: db, Now: now, Objects: Shuffled(objects)}
	}
}

func planStatefulSet(objects []plan.Object, now time.Time) func() error {
	set, _ := find[*appsv1.StatefulSet](objects, db.Name)
	observed := statefulset.Observed{
		Now:       now,
		Pods:      ObjectsOf[*corev1.Pod](objects),
		Claims:    ObjectsOf[*corev1.PersistentVolumeClaim](objects),
		Revisions: ObjectsOf[*appsv1.ControllerRevision](objects),
	}
	return func() error {
		_, err := statefulset.Plan(set, observed, statefulset.Policy{})
		return err
	}
}
