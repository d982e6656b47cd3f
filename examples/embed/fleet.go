// Package embed runs a kind of its own, Fleet, through two planners with controller-runtime: ships that are all alike through
// the ReplicaSet planner, flagships with a name and a log of their own through the StatefulSet planner. It is all that an
// operator has to write that wants both and does not want to copy the controllers.
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

// kind is the owner that everything gets which belongs to a Fleet.
var kind = metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: "Fleet"}

// Fleet is a number of ships, all built to one plan, and the flagships that lead them.
type Fleet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   FleetSpec   `json:"spec"`
	Status FleetStatus `json:"status,omitempty"`
}

// FleetSpec says how many ships there are to be, and of what kind. Their labels are "fleet", the name of the Fleet, and
// "rank", which is ship or flagship.
type FleetSpec struct {
	Ships     int32                  `json:"ships"`
	Flagships int32                  `json:"flagships,omitempty"`
	Template  corev1.PodTemplateSpec `json:"template"`
	// Log is the claim that every flagship gets one of. It outlives the flagship.
	Log *corev1.PersistentVolumeClaim `json:"log,omitempty"`
}

// FleetStatus holds the status of each planner, whole: a planner compares the stored one with the one it would write.
type FleetStatus struct {
	Ships     appsv1.ReplicaSetStatus  `json:"ships,omitempty"`
	Flagships appsv1.StatefulSetStatus `json:"flagships,omitempty"`
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

// DeepCopy is what controller-gen would generate.
func (f *Fleet) DeepCopy() *Fleet {
	copied := *f
	copied.ObjectMeta = *f.ObjectMeta.DeepCopy()
	copied.Spec.Template = *f.Spec.Template.DeepCopy()
	copied.Spec.Log = f.Spec.Log.DeepCopy()
	copied.Status.Ships = *f.Status.Ships.DeepCopy()
	copied.Status.Flagships = *f.Status.Flagships.DeepCopy()
	return &copied
}

// DeepCopyObject is what controller-gen would generate.
func (f *Fleet) DeepCopyObject() runtime.Object { return f.DeepCopy() }

// DeepCopyObject is what controller-gen would generate.
func (l *FleetList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.ListMeta = *l.ListMeta.DeepCopy()
	copied.Items = make([]Fleet, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopy()
	}
	return &copied
}
