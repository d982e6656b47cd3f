package statefulset_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/statefulset"
)

// The first plan of a new set: its revision, and the first pod with its claim.
func ExamplePlan() {
	replicas := int32(3)
	labels := map[string]string{"app": "db"}
	data := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	db := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db", UID: "5a1f", Generation: 1},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "db", Image: "db:1"}}},
			},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{data},
		},
	}

	result, err := statefulset.Plan(db, statefulset.Observed{Now: time.Now()}, statefulset.Policy{})
	if err != nil {
		fmt.Println(err)
	}
	for _, action := range result.Actions[1:] { // behind the status, which names the revision
		fmt.Println(action)
	}
	// Output:
	// create ControllerRevision default/db-6586b6d998
	// create PersistentVolumeClaim default/data-db-0
	// create Pod default/db-0
}
