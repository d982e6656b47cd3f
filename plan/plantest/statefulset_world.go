package plantest

import (
	"fmt"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/statefulset"
)

// StatefulSetWorld is a StatefulSet of up to four pods with a claim each, its host, and a provisioner.
func StatefulSetWorld() World {
	return World{
		Name:  "StatefulSet",
		Hosts: []sim.Host{sim.StatefulSets(statefulset.Policy{})},
		Before: []plan.Object{&storagev1.StorageClass{
			TypeMeta:          metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
			ObjectMeta:        metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
			Provisioner:       "example.com/disks",
			VolumeBindingMode: new(storagev1.VolumeBindingImmediate),
		}},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			set := drawStatefulSet(t)
			set = &appsv1.StatefulSet{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
				ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Name},
				Spec:       set.Spec,
			}
			set.Spec.Selector = selectors()[0]
			set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claimTemplate("data")} // a set of the same name has the same: volumes of pods cannot be changed
			if retention := set.Spec.PersistentVolumeClaimRetentionPolicy; retention != nil {
				retention.WhenScaled = "" // a foreground deletion of such a set never ends: the claim waits for its pod and the pod for its claim
			}
			if strategy := &set.Spec.UpdateStrategy; strategy.RollingUpdate == nil { // no person deletes pods for it, nor does one come back as it was
				strategy.Type = ""
			}
			return set
		}),
		Edits:  statefulSetEdits(),
		Always: claimsFirst,
		Step:   statefulSetStep,
		Goal:   goalButForStrangers,
		Policy: statefulset.Policy{},
	}
}

// goalButForStrangers: a pod that was relabelled stands in its successor's place until a person removes it.
func goalButForStrangers(s Snapshot) error {
	r := countRanks(s)
	for ordinal := range r.others {
		if r.inRange(ordinal) {
			return nil
		}
	}
	return statefulSetGoal(s)
}

func statefulSetEdits() []Edit {
	return []Edit{
		{"scale", func(t *rapid.T, obj plan.Object) string {
			replicas := rapid.Int32Range(0, 4).Draw(t, "replicas")
			obj.(*appsv1.StatefulSet).Spec.Replicas = &replicas
			return fmt.Sprintf("kubectl scale sts web --replicas %d", replicas)
		}},
		{"image", func(t *rapid.T, obj plan.Object) string {
			image := pick(t, "image", images()[1:]...)
			obj.(*appsv1.StatefulSet).Spec.Template.Spec.Containers[0].Image = image
			return fmt.Sprintf("kubectl set image sts web main=%s", image)
		}},
		{"partition", func(t *rapid.T, obj plan.Object) string {
			partition := rapid.Int32Range(0, 3).Draw(t, "partition")
			strategy := &obj.(*appsv1.StatefulSet).Spec.UpdateStrategy
			if strategy.RollingUpdate == nil {
				strategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
			}
			strategy.RollingUpdate.Partition = &partition
			return fmt.Sprintf(`kubectl patch sts web -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":%d}}}}'`, partition)
		}},
		{"minReadySeconds", func(t *rapid.T, obj plan.Object) string {
			seconds := pick[int32](t, "seconds", 0, 5)
			obj.(*appsv1.StatefulSet).Spec.MinReadySeconds = seconds
			return fmt.Sprintf(`kubectl patch sts web -p '{"spec":{"minReadySeconds":%d}}'`, seconds)
		}},
	}
}

// claimsFirst: a StatefulSet's host never deletes a claim, and never creates a pod whose ordinal was not wanted at any time, or before its
// claims were, however its view lags.
func claimsFirst(*sim.Cluster) func(sim.Write) error {
	end, claims := 0, map[string]bool{} // those that there were at any time: others may have deleted them behind the host's back
	return func(w sim.Write) error {
		if claim, ok := w.Object().(*corev1.PersistentVolumeClaim); ok {
			claims[claim.Name] = true
		}
		if set, ok := w.Object().(*appsv1.StatefulSet); ok {
			start := 0
			if set.Spec.Ordinals != nil {
				start = int(set.Spec.Ordinals.Start)
			}
			end = max(end, start+int(orOne(set.Spec.Replicas)))
		}
		if w.By != "statefulset" {
			return nil
		}
		switch obj := w.Object().(type) {
		case *corev1.PersistentVolumeClaim:
			if w.Verb == "delete" {
				return fmt.Errorf("claim %s is deleted", obj.Name)
			}
		case *corev1.Pod:
			if w.Before != nil {
				return nil
			}
			ordinal, err := strconv.Atoi(strings.TrimPrefix(obj.Name, "web-"))
			if err != nil || ordinal >= end {
				return fmt.Errorf("pod %s comes, which nobody ever wanted", obj.Name)
			}
			for _, v := range obj.Spec.Volumes {
				if v.PersistentVolumeClaim != nil && !claims[v.PersistentVolumeClaim.ClaimName] {
					return fmt.Errorf("pod %s comes before its claim %s", obj.Name, v.PersistentVolumeClaim.ClaimName)
				}
			}
		}
		return nil
	}
}
