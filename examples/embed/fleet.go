// Package embed runs a kind of its own, Fleet, through the ReplicaSet planner with controller-runtime. It is all that an
// operator has to write that wants "n pods of this template" and does not want to copy the controller.
package embed

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group of Fleet.
var GroupVersion = schema.GroupVersion{Group: "example.com", Version: "v1"}

// Fleet is a number of ships, all built to one plan.
type Fleet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec FleetSpec `json:"spec"`
	// Status is a ReplicaSet's, whole: the planner compares the stored one with the one it would write.
	Status appsv1.ReplicaSetStatus `json:"status,omitempty"`
}

// FleetSpec says how many ships there are to be, and of what kind. Their only label, "fleet", is the name of the Fleet.
type FleetSpec struct {
	Ships    int32                  `json:"ships"`
	Template corev1.PodTemplateSpec `json:"template"`
}

// FleetList is a list of Fleets.
type FleetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Fleet `json:"items"`
}

// AddToScheme makes Fleet known to clients.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Fleet{}, &FleetList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// DeepCopyObject is what controller-gen would generate.
func (f *Fleet) DeepCopyObject() runtime.Object {
	copied := *f
	copied.ObjectMeta = *f.ObjectMeta.DeepCopy()
	copied.Spec.Template = *f.Spec.Template.DeepCopy()
	copied.Status = *f.Status.DeepCopy()
	return &copied
}

// DeepCopyObject is what controller-gen would generate.
func (l *FleetList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.ListMeta = *l.ListMeta.DeepCopy()
	copied.Items = make([]Fleet, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*Fleet)
	}
	return &copied
}
