package conformance

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/controller"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

func deploymentSnapshot(t *rapid.T) *Snapshot {
	now := Instant.Add(OneOf(t, "fraction", 500*time.Millisecond, 0))
	d := drawDeployment(t, now)
	s := &Snapshot{
		Workload: shop,
		Now:      now,
		Objects:  []plan.Object{d},
		Shuffle:  Upto(t, "shuffle", 9),
	}
	life := drawLife(t, d)
	for i := range Upto(t, "replicaSets", 4) {
		rs := drawSetOf(t, i, life, d.Status.CollisionCount, now)
		s.Objects = append(s.Objects, rs)
		for j := range Upto(t, "pods", 2) {
			pod := PodStates(t, 10*i+j, now)
			pod.Labels = rs.Spec.Template.Labels
			pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "ReplicaSet", rs.Name, rs.UID)}
			s.Objects = append(s.Objects, pod)
		}
	}
	switch {
	case Seldom(t, "refusals", 12):
		s.Refusals = []Refusal{QuotaExceeded("ReplicaSet", Upto(t, "times", 1))}
	case Seldom(t, "ending", 20):
		s.Refusals = []Refusal{NamespaceTerminating("ReplicaSet")}
	}
	for range Upto(t, "steps", 4) {
		s.Steps = append(s.Steps, OneOf(t, "step",
			setsFollow(), setsFollow(), Pass(10*time.Second), PodsGone(), Pass(601*time.Second), NoRefusals(),
			scaleShop(Upto(t, "scale", 7)), rollShop(Upto(t, "version", 3)), pauseShop(true), pauseShop(false)))
	}
	return s
}

func drawDeployment(t *rapid.T, now time.Time) *appsv1.Deployment {
	d := newDeployment(int32(Upto(t, "replicas", 6)))
	d.Generation = int64(1 + Upto(t, "generation", 2))
	d.Spec.Template = shopTemplate(Upto(t, "template", 3))
	d.Spec.MinReadySeconds = OneOf[int32](t, "minReadySeconds", 0, 0, 10)
	d.Annotations = map[string]string{}
	if !Seldom(t, "noRevision", 3) {
		d.Annotations["deployment.kubernetes.io/revision"] = OneOf(t, "revision", "1", "2", "3", "x")
	}
	if Seldom(t, "note", 3) {
		d.Annotations["note"] = OneOf(t, "noted", "a", "b")
		d.Annotations[corev1.LastAppliedConfigAnnotation] = "{}"
	}
	if Seldom(t, "rollback", 8) {
		d.Annotations[appsv1.DeprecatedRollbackTo] = OneOf(t, "rollbackTo", "0", "1", "2", "7", "x", "-1")
	}
	switch OneOf(t, "strategy", "rolling", "rolling", "rolling", "recreate") {
	case "rolling":
		surge := OneOf(t, "surge", intstr.FromInt32(1), intstr.FromString("25%"), intstr.FromInt32(0), intstr.FromInt32(3))
		unavailable := OneOf(t, "unavailable", intstr.FromInt32(1), intstr.FromString("25%"), intstr.FromInt32(0), intstr.FromInt32(9))
		if surge == intstr.FromInt32(0) && unavailable == intstr.FromInt32(0) {
			unavailable = intstr.FromString("1%")
		}
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable}
	case "recreate":
		d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
	}
	d.Spec.Paused = Seldom(t, "paused", 6)
	*d.Spec.RevisionHistoryLimit = OneOf[int32](t, "history", 10, 0, 1, 2147483647)
	*d.Spec.ProgressDeadlineSeconds = OneOf[int32](t, "deadline", 600, 60, 2147483647)
	if Seldom(t, "deleted", 12) {
		Deleting(d, now, true)
	}
	if Seldom(t, "collisions", 8) {
		collisions := int32(Upto(t, "collisionCount", 2))
		d.Status.CollisionCount = &collisions
	}
	d.Status.ObservedGeneration = int64(Upto(t, "status.generation", 3))
	d.Status.Replicas = int32(Upto(t, "status.replicas", 6))
	d.Status.UpdatedReplicas = int32(Upto(t, "status.updated", int(d.Status.Replicas)))
	d.Status.ReadyReplicas = int32(Upto(t, "status.ready", int(d.Status.Replicas)))
	d.Status.AvailableReplicas = int32(Upto(t, "status.available", int(d.Status.ReadyReplicas)))
	condition := func(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string) {
		d.Status.Conditions = append(d.Status.Conditions, appsv1.DeploymentCondition{
			Type: kind, Status: status, Reason: reason, Message: "before",
			LastUpdateTime: Past(t, "conditionUpdated", now), LastTransitionTime: Past(t, "conditionSince", now),
		})
	}
	switch OneOf(t, "available", "", "yes", "no") {
	case "yes":
		condition(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable")
	case "no":
		condition(appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable")
	}
	switch reason := OneOf(t, "progressing", "", "NewReplicaSetAvailable", "ReplicaSetUpdated", "NewReplicaSetCreated", "DeploymentPaused", "DeploymentResumed", "ProgressDeadlineExceeded", "ReplicaSetCreateError", "FoundNewReplicaSet"); reason {
	case "":
	case "DeploymentPaused", "DeploymentResumed":
		condition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, reason)
	case "ProgressDeadlineExceeded", "ReplicaSetCreateError":
		condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, reason)
	default:
		condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, reason)
	}
	if Seldom(t, "failure", 8) {
		condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate")
	}
	return d
}

// life is what the ReplicaSets of a snapshot have in common.
type life struct {
	desired, most string // what they were told of last
	odd           bool   // some were told of something else
	doubtful      bool   // the statuses of some cannot be relied on
}

// drawLife keeps what makes the two go apart together in a part of the snapshots, so that the others are compared to the end.
func drawLife(t *rapid.T, d *appsv1.Deployment) life {
	before := d.DeepCopy()
	if Seldom(t, "scaled", 3) {
		*before.Spec.Replicas = int32(Upto(t, "former", 6))
	}
	return life{
		desired:  strconv.Itoa(int(*before.Spec.Replicas)),
		most:     strconv.Itoa(mostOf(before)),
		odd:      Seldom(t, "odd", 3),
		doubtful: Seldom(t, "doubtful", 3),
	}
}

// drawSetOf makes a ReplicaSet, mostly of the shop.
func drawSetOf(t *rapid.T, i int, life life, collisions *int32, now time.Time) *appsv1.ReplicaSet {
	version := Upto(t, "version", 3)
	hash := OneOf(t, "hash", "h"+strconv.Itoa(i), "same")
	rs := &appsv1.ReplicaSet{}
	rs.Namespace, rs.Name, rs.UID = shop.Namespace, fmt.Sprintf("shop-h%d", i), types.UID(fmt.Sprintf("uid-set-%d", i))
	if Seldom(t, "clash", 5) { // the name that one version will get, whichever this one is
		taken := shopTemplate(i)
		hash = controller.ComputeHash(&taken, collisions)
		rs.Name = "shop-" + hash
	}
	rs.Generation = int64(1 + Upto(t, "rs.generation", 1))
	rs.CreationTimestamp = metav1.NewTime(Instant.Add(-OneOf(t, "rs.age", time.Hour, 2*time.Hour, 3*time.Hour)))
	replicas := int32(Upto(t, "rs.replicas", 5))
	rs.Spec.Replicas = &replicas
	rs.Spec.MinReadySeconds = OneOf[int32](t, "rs.minReadySeconds", 0, 0, 10)
	rs.Spec.Template = shopTemplate(version)
	rs.Spec.Template.Labels["pod-template-hash"] = hash
	rs.Labels = map[string]string{"app": "shop", "pod-template-hash": hash}
	rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop", "pod-template-hash": hash}}
	rs.Annotations = map[string]string{}
	if !Seldom(t, "rs.noRevision", 6) {
		rs.Annotations["deployment.kubernetes.io/revision"] = OneOf(t, "rs.revision", "1", "2", "3", "4", "5", "6", "7", "x", "", strings.Repeat("0", 2000)+"1")
	}
	if Seldom(t, "rs.history", 4) {
		rs.Annotations["deployment.kubernetes.io/revision-history"] = OneOf(t, "rs.formerly", "1", "1,2", "", strings.Repeat("1,", 999)+"1", strings.Repeat("1", 2000))
	}
	switch {
	case !life.odd:
		rs.Annotations["deployment.kubernetes.io/desired-replicas"], rs.Annotations["deployment.kubernetes.io/max-replicas"] = life.desired, life.most
	case !Seldom(t, "rs.noDesired", 4):
		rs.Annotations["deployment.kubernetes.io/desired-replicas"] = OneOf(t, "rs.desired", "3", "0", "1", "2", "4", "5", "6", "x", "-1")
		rs.Annotations["deployment.kubernetes.io/max-replicas"] = OneOf(t, "rs.max", "4", "1", "2", "5", "6", "7", "0", "x")
	}
	if Seldom(t, "rs.note", 3) {
		rs.Annotations["note"] = OneOf(t, "rs.noted", "a", "b")
	}
	rs.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "Deployment", shop.Name, shop.UID)}
	switch OneOf(t, "rs.owner", "shop", "shop", "shop", "shop", "shop", "shop", "nobody", "another life", "other labels") {
	case "nobody":
		rs.OwnerReferences = nil
	case "another life":
		rs.OwnerReferences[0].UID = "uid-of-another-life"
	case "other labels":
		rs.Labels["app"] = "other"
	}
	if rs.Labels["app"] == "shop" && life.doubtful && Seldom(t, "rs.deleted", 6) {
		Deleting(rs, now, true)
	}
	available := Upto(t, "rs.available", int(replicas))
	rs.Status = appsv1.ReplicaSetStatus{
		Replicas:           replicas,
		ReadyReplicas:      int32(available),
		AvailableReplicas:  int32(available),
		ObservedGeneration: rs.Generation,
	}
	if life.doubtful && rs.Spec.MinReadySeconds > 0 {
		rs.Status.ReadyReplicas = int32(available + Upto(t, "rs.ready", int(replicas)-available))
	}
	if life.doubtful && Seldom(t, "rs.behind", 3) {
		rs.Status.ObservedGeneration = int64(Upto(t, "rs.observed", 1))
		rs.Status.Replicas += int32(Upto(t, "rs.excess", 2))
	}
	if !Seldom(t, "rs.noTerminating", 3) {
		terminating := int32(Upto(t, "rs.terminating", 1))
		rs.Status.TerminatingReplicas = &terminating
	}
	if Seldom(t, "rs.failing", 8) {
		rs.Status.Conditions = []appsv1.ReplicaSetCondition{{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "quota", LastTransitionTime: Past(t, "rs.failingSince", now),
		}}
	}
	return rs
}

// setsFollow is what the ReplicaSets' controller and the kubelets do once nothing hinders them: every pod that is wanted is
// there and available, and no other.
func setsFollow() Step {
	return Step{Name: "the ReplicaSets have all their pods", After: 20 * time.Second, Do: func(w *World) {
		EditAll(w, func(rs *appsv1.ReplicaSet) {
			none := int32(0)
			rs.Status = appsv1.ReplicaSetStatus{
				Replicas: *rs.Spec.Replicas, FullyLabeledReplicas: *rs.Spec.Replicas, ReadyReplicas: *rs.Spec.Replicas, AvailableReplicas: *rs.Spec.Replicas,
				TerminatingReplicas: &none, ObservedGeneration: rs.Generation,
			}
		})
		for _, pod := range Objects[*corev1.Pod](w) {
			if len(pod.Finalizers) == 0 {
				w.Remove(pod)
			}
		}
	}}
}

func scaleShop(replicas int) Step {
	return Change("scaled to "+strconv.Itoa(replicas), shop, func(d *appsv1.Deployment) { *d.Spec.Replicas = int32(replicas) })
}

func rollShop(version int) Step {
	return Change("rolled to "+strconv.Itoa(version), shop, func(d *appsv1.Deployment) { d.Spec.Template = shopTemplate(version) })
}

func pauseShop(paused bool) Step {
	return Change(fmt.Sprintf("paused: %v", paused), shop, func(d *appsv1.Deployment) { d.Spec.Paused = paused })
}

func deploymentHistory(t *rapid.T) *Snapshot {
	d := newDeployment(int32(1 + Upto(t, "replicas", 4)))
	d.Annotations = nil
	s := &Snapshot{Workload: shop, Now: Instant, Objects: []plan.Object{d}}
	for range 3 + Upto(t, "steps", 6) {
		s.Steps = append(s.Steps, OneOf(t, "step",
			setsFollow(), setsFollow(), setsFollow(), rollShop(Upto(t, "version", 3)), scaleShop(Upto(t, "scale", 6)), pauseShop(true), pauseShop(false)))
	}
	return s
}
