package table

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// row gives the cells of one object.
func row(obj plan.Object, now time.Time) []cell {
	switch obj := obj.(type) {
	case *corev1.Pod:
		return podRow(obj, now)
	case *appsv1.ReplicaSet:
		return replicaSetRow(obj, now)
	case *appsv1.Deployment:
		return deploymentRow(obj, now)
	case *appsv1.DaemonSet:
		return daemonSetRow(obj, now)
	case *appsv1.StatefulSet:
		return statefulSetRow(obj, now)
	case *appsv1.ControllerRevision:
		return revisionRow(obj, now)
	case *batchv1.Job:
		return jobRow(obj, now)
	case *batchv1.CronJob:
		return cronJobRow(obj, now)
	case *corev1.Node:
		return nodeRow(obj, now)
	case *corev1.PersistentVolume:
		return volumeRow(obj, now)
	case *corev1.PersistentVolumeClaim:
		return claimRow(obj, now)
	case *corev1.Service:
		return serviceRow(obj, now)
	case *corev1.Namespace:
		return namespaceRow(obj, now)
	case *corev1.Event:
		return eventRow(obj, now)
	}
	return []cell{{header: "NAME", text: obj.GetName()}, age(obj, now)}
}

func namespaceRow(namespace *corev1.Namespace, now time.Time) []cell {
	return []cell{
		{header: "NAME", text: namespace.Name},
		{header: "STATUS", text: string(namespace.Status.Phase)},
		age(namespace, now),
	}
}
