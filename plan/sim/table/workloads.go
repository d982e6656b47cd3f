package table

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func replicaSetRow(rs *appsv1.ReplicaSet, now time.Time) []cell {
	return append([]cell{
		{header: "NAME", text: rs.Name},
		{header: "DESIRED", text: number(orDefault(rs.Spec.Replicas, 1))},
		{header: "CURRENT", text: number(rs.Status.Replicas)},
		{header: "READY", text: number(rs.Status.ReadyReplicas)},
		age(rs, now),
	}, template(rs.Spec.Template, rs.Spec.Selector)...)
}

func deploymentRow(d *appsv1.Deployment, now time.Time) []cell {
	return append([]cell{
		{header: "NAME", text: d.Name},
		{header: "READY", text: fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, orDefault(d.Spec.Replicas, 1))},
		{header: "UP-TO-DATE", text: number(d.Status.UpdatedReplicas)},
		{header: "AVAILABLE", text: number(d.Status.AvailableReplicas)},
		age(d, now),
	}, template(d.Spec.Template, d.Spec.Selector)...)
}

func daemonSetRow(ds *appsv1.DaemonSet, now time.Time) []cell {
	return append([]cell{
		{header: "NAME", text: ds.Name},
		{header: "DESIRED", text: number(ds.Status.DesiredNumberScheduled)},
		{header: "CURRENT", text: number(ds.Status.CurrentNumberScheduled)},
		{header: "READY", text: number(ds.Status.NumberReady)},
		{header: "UP-TO-DATE", text: number(ds.Status.UpdatedNumberScheduled)},
		{header: "AVAILABLE", text: number(ds.Status.NumberAvailable)},
		{header: "NODE SELECTOR", text: labels.FormatLabels(ds.Spec.Template.Spec.NodeSelector)},
		age(ds, now),
	}, template(ds.Spec.Template, ds.Spec.Selector)...)
}

func statefulSetRow(set *appsv1.StatefulSet, now time.Time) []cell {
	names, images := containers(set.Spec.Template.Spec.Containers)
	return []cell{
		{header: "NAME", text: set.Name},
		{header: "READY", text: fmt.Sprintf("%d/%d", set.Status.ReadyReplicas, orDefault(set.Spec.Replicas, 1))},
		age(set, now),
		{header: "CONTAINERS", text: names, wide: true},
		{header: "IMAGES", text: images, wide: true},
	}
}

func revisionRow(revision *appsv1.ControllerRevision, now time.Time) []cell {
	controller := ""
	if ref := metav1.GetControllerOf(revision); ref != nil {
		kind := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind()
		controller = strings.ToLower(kind.String()) + "/" + ref.Name
	}
	return []cell{
		{header: "NAME", text: revision.Name},
		{header: "CONTROLLER", text: orNone(controller)},
		{header: "REVISION", text: number(revision.Revision)},
		age(revision, now),
	}
}

// template is what -o wide adds to most workloads.
func template(pod corev1.PodTemplateSpec, selector *metav1.LabelSelector) []cell {
	names, images := containers(pod.Spec.Containers)
	return []cell{
		{header: "CONTAINERS", text: names, wide: true},
		{header: "IMAGES", text: images, wide: true},
		{header: "SELECTOR", text: metav1.FormatLabelSelector(selector), wide: true},
	}
}

func containers(list []corev1.Container) (names, images string) {
	var n, i []string
	for _, c := range list {
		n, i = append(n, c.Name), append(i, c.Image)
	}
	return strings.Join(n, ","), strings.Join(i, ",")
}
