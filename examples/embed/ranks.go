package embed

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
	"github.com/kubeplan/kubeplan/statefulset"
)

// rank is the part of a Fleet that one planner plans. A planner gives up what its owner owns and its selector does not
// match, so it is shown the objects of its own rank only.
type rank struct {
	name string
	// plan asks the planner.
	plan func(*Fleet, view) (plan.Result, error)
	// workload is whose words the events are told in.
	workload func(*Fleet) plan.Ref
	// keep puts the status that the planner writes where the Fleet has it.
	keep func(*Fleet, plan.Object)
}

// view is what is observed of one rank.
type view struct {
	now       time.Time
	pods      []*corev1.Pod
	claims    []*corev1.PersistentVolumeClaim
	revisions []*appsv1.ControllerRevision
	pending   plan.Pending
}

var ranks = []rank{
	{
		name: "ship",
		plan: func(fleet *Fleet, seen view) (plan.Result, error) {
			observed := replicaset.Observed{Now: seen.now, Pods: seen.pods, Pending: seen.pending}
			result, err := replicaset.Plan(ships(fleet), observed, replicaset.Policy{Owner: kind})
			return result.Result, err
		},
		workload: func(fleet *Fleet) plan.Ref { return plan.RefTo(ships(fleet)) },
		keep:     func(fleet *Fleet, obj plan.Object) { fleet.Status.Ships = obj.(*appsv1.ReplicaSet).Status },
	},
	{
		name: "flagship",
		plan: func(fleet *Fleet, seen view) (plan.Result, error) {
			observed := statefulset.Observed{Now: seen.now, Pods: seen.pods, Claims: seen.claims, Revisions: seen.revisions, Pending: seen.pending}
			result, err := statefulset.Plan(flagships(fleet), observed, statefulset.Policy{Owner: kind})
			return result.Result, err
		},
		workload: func(fleet *Fleet) plan.Ref { return plan.RefTo(flagships(fleet)) },
		keep:     func(fleet *Fleet, obj plan.Object) { fleet.Status.Flagships = obj.(*appsv1.StatefulSet).Status },
	},
}

// labels are what everything of a rank bears.
func labels(fleet *Fleet, rank string) map[string]string {
	return map[string]string{"fleet": fleet.Name, "rank": rank}
}

func template(fleet *Fleet, rank string) corev1.PodTemplateSpec {
	template := *fleet.Spec.Template.DeepCopy()
	template.Labels = labels(fleet, rank)
	return template
}

// ships are the Fleet as the ReplicaSet planner sees it: with its own metadata, and the status that is stored.
func ships(fleet *Fleet) *appsv1.ReplicaSet {
	fleet = fleet.DeepCopy()
	return &appsv1.ReplicaSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: fleet.ObjectMeta,
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &fleet.Spec.Ships,
			Selector: &metav1.LabelSelector{MatchLabels: labels(fleet, "ship")},
			Template: template(fleet, "ship"),
		},
		Status: fleet.Status.Ships,
	}
}

// flagships are the Fleet as the StatefulSet planner sees it.
func flagships(fleet *Fleet) *appsv1.StatefulSet {
	fleet = fleet.DeepCopy()
	set := &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: fleet.ObjectMeta,
		Spec: appsv1.StatefulSetSpec{
			Replicas: &fleet.Spec.Flagships,
			Selector: &metav1.LabelSelector{MatchLabels: labels(fleet, "flagship")},
			Template: template(fleet, "flagship"),
		},
		Status: fleet.Status.Flagships,
	}
	if fleet.Spec.Log != nil {
		set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{*fleet.Spec.Log}
	}
	return set
}
