package conformance

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// web is the ReplicaSet that all snapshots are about.
var web = plan.Ref{APIVersion: "apps/v1", Kind: "ReplicaSet", Namespace: "default", Name: "web", UID: "uid-web"}

func replicaSetSnapshot(t *rapid.T) *Snapshot {
	now := Instant.Add(OneOf(t, "fraction", 500*time.Millisecond, 0))
	rs := drawReplicaSet(t, now)
	s := &Snapshot{
		Workload: web,
		Now:      now,
		Objects:  []plan.Object{rs},
		Burst:    OneOf(t, "burst", 0, 1, 2, 3),
		Shuffle:  Upto(t, "shuffle", 9),
	}
	for i := range Upto(t, "siblings", 2) {
		s.Objects = append(s.Objects, drawSibling(t, i))
	}
	draw := drawPodOf
	if Seldom(t, "alike", 2) {
		axes := []string{OneOf(t, "axis", axes...), OneOf(t, "axis", axes...), OneOf(t, "axis", axes...)}
		draw = func(t *rapid.T, i int, now time.Time) *corev1.Pod { return drawAlikePod(t, i, now, axes) }
	}
	for i := range Upto(t, "pods", 8) {
		s.Objects = append(s.Objects, draw(t, i, now))
	}
	s.Refusals = drawRefusals(t)
	for range Upto(t, "steps", 3) {
		s.Steps = append(s.Steps, OneOf(t, "step",
			Pass(10*time.Second), PodsReady(), PodsGone(), NoRefusals(), PodsUnready(), PodsFail(), Pass(time.Minute),
			scaleReplicaSet(Upto(t, "scale", 6)), relabelReplicaSet()))
	}
	return s
}

func drawReplicaSet(t *rapid.T, now time.Time) *appsv1.ReplicaSet {
	rs := newReplicaSet(int32(Upto(t, "replicas", 6)))
	rs.Generation = int64(1 + Upto(t, "generation", 2))
	rs.Spec.MinReadySeconds = OneOf[int32](t, "minReadySeconds", 0, 0, 10, 60)
	if Seldom(t, "expressions", 6) {
		rs.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"web", "site"}},
			{Key: "retired", Operator: metav1.LabelSelectorOpDoesNotExist},
		}}
	}
	if Seldom(t, "templateMeta", 6) {
		rs.Spec.Template.Annotations = map[string]string{"note": "kept"}
		rs.Spec.Template.Finalizers = []string{"example.com/hold"}
	}
	if Seldom(t, "emptySelector", 100) {
		rs.Spec.Selector = &metav1.LabelSelector{}
	}
	if !Seldom(t, "noDeployment", 3) {
		rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", "web", "uid-deployment")}
	}
	if Seldom(t, "deleted", 12) {
		Deleting(rs, now, true)
	}
	rs.Status = appsv1.ReplicaSetStatus{
		Replicas:           int32(Upto(t, "status.replicas", 3)),
		ReadyReplicas:      int32(Upto(t, "status.ready", 1)),
		AvailableReplicas:  int32(Upto(t, "status.available", 1)),
		ObservedGeneration: int64(Upto(t, "status.generation", 3)),
	}
	if Seldom(t, "status.terminating", 2) {
		terminating := int32(Upto(t, "status.terminatingReplicas", 1))
		rs.Status.TerminatingReplicas = &terminating
	}
	condition := func(kind appsv1.ReplicaSetConditionType, status corev1.ConditionStatus, reason string) {
		rs.Status.Conditions = append(rs.Status.Conditions, appsv1.ReplicaSetCondition{
			Type: kind, Status: status, Reason: reason, Message: "before", LastTransitionTime: Past(t, "conditionSince", now),
		})
	}
	if Seldom(t, "otherCondition", 6) {
		condition("example.com/Blessed", corev1.ConditionTrue, "Ok")
	}
	if Seldom(t, "failedBefore", 4) {
		condition(appsv1.ReplicaSetReplicaFailure, OneOf(t, "failed", corev1.ConditionTrue, corev1.ConditionFalse), OneOf(t, "failedReason", "FailedCreate", "FailedDelete"))
	}
	return rs
}

func newReplicaSet(replicas int32) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{}
	rs.Namespace, rs.Name, rs.UID, rs.Generation = web.Namespace, web.Name, web.UID, 1
	rs.CreationTimestamp = metav1.NewTime(Instant.Add(-200 * time.Hour))
	rs.Spec.Replicas = &replicas
	rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	rs.Spec.Template.Labels = map[string]string{"app": "web", "tier": "front"}
	rs.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	return rs
}

// drawSibling makes another ReplicaSet, mostly of the same Deployment, whose selector may overlap.
func drawSibling(t *rapid.T, i int) *appsv1.ReplicaSet {
	rs := newReplicaSet(1)
	rs.Name, rs.UID = fmt.Sprintf("old-%d", i), types.UID(fmt.Sprintf("uid-old-%d", i))
	rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: OneOf(t, "siblingSelector",
		map[string]string{"app": "old"}, map[string]string{"app": "web"}, map[string]string{"tier": "front"}, map[string]string{})}
	switch Upto(t, "siblingOwner", 4) {
	case 0, 1, 2:
		rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", "web", "uid-deployment")}
	case 3:
		rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", "other", "uid-other")}
	}
	if Seldom(t, "siblingElsewhere", 8) {
		rs.Namespace = "elsewhere"
	}
	return rs
}

func drawPodOf(t *rapid.T, i int, now time.Time) *corev1.Pod {
	pod := PodStates(t, i, now)
	pod.Labels = OneOf(t, "labels",
		map[string]string{"app": "web", "tier": "front"}, map[string]string{"app": "web", "tier": "front"}, map[string]string{"app": "web"},
		map[string]string{"app": "web", "tier": "front", "retired": ""}, map[string]string{"app": "old"}, nil)
	mine := ControllerRef("apps/v1", "ReplicaSet", web.Name, web.UID)
	switch OneOf(t, "owner", "web", "web", "web", "web", "web", "nobody", "old", "another web", "another kind", "owner only") {
	case "web":
		pod.OwnerReferences = []metav1.OwnerReference{mine}
		if Seldom(t, "secondOwner", 8) {
			pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "config", UID: "uid-config"})
		}
	case "old":
		pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "ReplicaSet", "old-0", "uid-old-0")}
	case "another web":
		pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "ReplicaSet", web.Name, "uid-of-another-life")}
	case "another kind":
		pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "StatefulSet", web.Name, "uid-set")}
	case "owner only":
		mine.Controller = nil
		pod.OwnerReferences = []metav1.OwnerReference{mine}
	}
	if Seldom(t, "elsewhere", 12) {
		pod.Namespace = "elsewhere"
	}
	return pod
}

// axes are what pods are compared by when some have to go.
var axes = []string{"readySince", "restarts", "created", "sidecars", "node", "cost", "phase", "ready", "namespace"}

// drawAlikePod makes a Ready pod that differs from the others along a few axes only, so that these decide.
func drawAlikePod(t *rapid.T, i int, now time.Time, axes []string) *corev1.Pod {
	since := []time.Duration{60 * time.Second, 40 * time.Second, 50 * time.Second, 100 * time.Second, 0, -3 * time.Second}
	ago := func(label string) metav1.Time {
		d := since[0]
		if slices.Contains(axes, label) {
			d = OneOf(t, label, since...)
		}
		return metav1.NewTime(now.Add(-d).Truncate(time.Second))
	}
	pod := readyPod(fmt.Sprintf("pod-%d", i), types.UID(fmt.Sprintf("uid-%d-%d", Upto(t, "uid", 4), i)), ago("readySince").Time)
	pod.CreationTimestamp = ago("created")
	for _, axis := range axes {
		switch axis {
		case "readySince":
			if Seldom(t, "unknown", 4) {
				pod.Status.Conditions[0].LastTransitionTime = metav1.Time{}
			}
		case "restarts":
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: int32(Upto(t, axis, 2))}}
		case "sidecars":
			always := corev1.ContainerRestartPolicyAlways
			pod.Spec.InitContainers = []corev1.Container{{Name: "side", Image: "side:1", RestartPolicy: &always}}
			pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "side", RestartCount: int32(Upto(t, axis, 2))}}
		case "node":
			pod.Spec.NodeName = OneOf(t, axis, "node-1", "node-2", "")
		case "cost":
			pod.Annotations = map[string]string{corev1.PodDeletionCost: OneOf(t, axis, "0", "5", "-5", "+3", "007", "-0", "-07", "x", "", "99999999999")}
		case "phase":
			pod.Status.Phase = OneOf(t, axis, corev1.PodRunning, corev1.PodPending, corev1.PodUnknown, "")
		case "ready":
			pod.Status.Conditions[0].Status = OneOf(t, axis, corev1.ConditionTrue, corev1.ConditionFalse)
		case "namespace":
			pod.Namespace = OneOf(t, axis, web.Namespace, web.Namespace, "elsewhere")
			pod.Spec.NodeName = OneOf(t, "node", "node-1", "node-2")
		}
	}
	return pod
}

func drawRefusals(t *rapid.T) []Refusal {
	name := fmt.Sprintf("pod-%d", Upto(t, "refusedPod", 3))
	switch OneOf(t, "refusal", "", "", "", "", "", "", "quota", "quota once", "namespace", "delete", "delete once", "update") {
	case "quota":
		return []Refusal{QuotaExceeded("Pod", 0)}
	case "quota once":
		return []Refusal{QuotaExceeded("Pod", 1)}
	case "namespace":
		return []Refusal{NamespaceTerminating("Pod")}
	case "delete":
		return []Refusal{Denied("delete", "Pod", name, 0)}
	case "delete once":
		return []Refusal{Denied("delete", "Pod", name, 1)}
	case "update":
		return []Refusal{Denied("update", "Pod", name, 0)}
	}
	return nil
}

func scaleReplicaSet(replicas int) Step {
	return Change(fmt.Sprintf("scaled to %d", replicas), web, func(rs *appsv1.ReplicaSet) {
		*rs.Spec.Replicas = int32(replicas)
	})
}

func relabelReplicaSet() Step {
	return Change("the template gets a label", web, func(rs *appsv1.ReplicaSet) {
		rs.Spec.Template.Labels["wave"] = "2"
	})
}

// replicaSetHistory is the life of a ReplicaSet from its creation on.
func replicaSetHistory(t *rapid.T) *Snapshot {
	rs := newReplicaSet(int32(Upto(t, "replicas", 4)))
	rs.Spec.MinReadySeconds = OneOf[int32](t, "minReadySeconds", 0, 10)
	rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", "web", "uid-deployment")}
	s := &Snapshot{Workload: web, Now: Instant, Objects: []plan.Object{rs}, Burst: OneOf(t, "burst", 0, 2)}
	if Seldom(t, "quota", 4) {
		s.Refusals = []Refusal{QuotaExceeded("Pod", 0)}
	}
	for range Upto(t, "steps", 6) {
		s.Steps = append(s.Steps, OneOf(t, "step",
			PodsReady(), PodsGone(), Pass(10*time.Second), PodsFail(), PodsUnready(), NoRefusals(),
			scaleReplicaSet(Upto(t, "scale", 5)), relabelReplicaSet()))
	}
	return s
}
