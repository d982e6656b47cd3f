package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"
	_ "unsafe" // for go:linkname

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install" // the defaults of StatefulSets
	_ "k8s.io/kubernetes/pkg/apis/core/install" // and of their templates
	"k8s.io/kubernetes/pkg/controller/history"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

//go:linkname newStatefulSetRevision k8s.io/kubernetes/pkg/controller/statefulset.newRevision
func newStatefulSetRevision(set *appsv1.StatefulSet, revision int64, collisionCount *int32) (*appsv1.ControllerRevision, error)

// db is the StatefulSet that all snapshots are about.
var db = plan.Ref{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "default", Name: "db", UID: "uid-db"}

func statefulSetSnapshot(t *rapid.T) *Snapshot {
	now := Instant.Add(OneOf(t, "fraction", 500*time.Millisecond, 0))
	odd := drawOddities(t)
	set := drawStatefulSet(t, odd, now)
	s := &Snapshot{Workload: db, Now: now, Shuffle: Upto(t, "shuffle", 9)}

	past := drawRevisions(t, odd, set, now)
	var names []string
	for _, revision := range past {
		names = append(names, revision.Name)
		s.Objects = append(s.Objects, revision)
	}
	own := revisionOf(set, set.Spec.Template.Spec.Containers[0].Image, 1)
	names = append(names, own.Name, "")
	set.Status.CurrentRevision = OneOf(t, "status.currentRevision", names...)
	set.Status.UpdateRevision = OneOf(t, "status.updateRevision", names...)
	s.Objects = append(s.Objects, set)

	current := int32(0)
	for ordinal := range 6 {
		pod := drawMember(t, odd, set, ordinal, names, now)
		if pod != nil {
			s.Objects = append(s.Objects, pod)
			if pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.CurrentRevision && pod.DeletionTimestamp == nil {
				current++
			}
		}
		for _, template := range set.Spec.VolumeClaimTemplates {
			if claim := drawClaim(t, odd, set, template.Name, ordinal, pod, now); claim != nil {
				s.Objects = append(s.Objects, claim)
			}
		}
	}
	if set.Spec.UpdateStrategy.RollingUpdate == nil {
		set.Status.CurrentReplicas = current // it decides the revision of new pods
	}
	if odd.refusals {
		s.Refusals = drawStatefulSetRefusals(t)
	}
	for range Upto(t, "steps", 4) {
		s.Steps = append(s.Steps, OneOf(t, "step", PodsReady(), PodsGone(), PodsReady(), PodsGone(), Pass(time.Minute), Pass(10*time.Second),
			NoRefusals(), PodsUnready(), PodsFail(), ClaimsGone(), changeStatefulSet(t)))
	}
	return s
}

// statefulSetHistory is the life of a set that starts from nothing, as people lead it.
func statefulSetHistory(t *rapid.T) *Snapshot {
	set := drawStatefulSet(t, oddities{}, Instant)
	set.Status = appsv1.StatefulSetStatus{}
	s := &Snapshot{Workload: db, Now: Instant, Objects: []plan.Object{set}}
	for range 1 + Upto(t, "steps", 8) {
		s.Steps = append(s.Steps, OneOf(t, "step", PodsReady(), PodsGone(), PodsReady(), PodsGone(), Pass(time.Minute),
			PodsUnready(), PodsFail(), ClaimsGone(), changeStatefulSet(t), changeStatefulSet(t)))
	}
	return s
}

// oddities are what is out of the ordinary in a snapshot: rarely more than two things at a time, so that what they do
// can be told apart.
type oddities struct{ deleted, revisions, pods, owners, claims, claimOwners, refusals bool }

func drawOddities(t *rapid.T) oddities {
	return oddities{
		deleted:     Seldom(t, "oddlyDeleted", 12) && Seldom(t, "reallyDeleted", 6),
		revisions:   Seldom(t, "oddRevisions", 5),
		pods:        Seldom(t, "oddPods", 5),
		owners:      Seldom(t, "oddOwners", 6),
		claims:      Seldom(t, "oddClaims", 5),
		claimOwners: Seldom(t, "oddClaimOwners", 8),
		refusals:    Seldom(t, "oddRefusals", 6),
	}
}

// changeStatefulSet draws an edit: what people change in a set that lives.
func changeStatefulSet(t *rapid.T) Step {
	number := int32(Upto(t, "number", 4))
	image := fmt.Sprintf("app:%d", 1+Upto(t, "image", 3))
	deleted, scaled := OneOf(t, "deleted", retentions...), OneOf(t, "scaled", retentions...)
	edits := map[string]func(*appsv1.StatefulSet){
		fmt.Sprintf("scaled to %d", number): func(set *appsv1.StatefulSet) { set.Spec.Replicas = &number },
		"runs " + image:                     func(set *appsv1.StatefulSet) { set.Spec.Template.Spec.Containers[0].Image = image },
		fmt.Sprintf("partition %d", number): func(set *appsv1.StatefulSet) {
			if set.Spec.UpdateStrategy.RollingUpdate != nil {
				set.Spec.UpdateStrategy.RollingUpdate.Partition = &number
			}
		},
		fmt.Sprintf("starts at %d", number): func(set *appsv1.StatefulSet) {
			set.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: number}
		},
		fmt.Sprintf("deletes its claims: %s, %s", deleted, scaled): func(set *appsv1.StatefulSet) {
			set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = deleted
			set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled = scaled
		},
	}
	name := OneOf(t, "edit", slices.Sorted(maps.Keys(edits))...)
	return Change("the set "+name, db, edits[name])
}

// ClaimsGone does what the garbage collector and the claims' protection do: claims whose owner is gone are deleted, and
// deleted claims go once no pod has them.
func ClaimsGone() Step {
	return Step{Name: "deleted claims are gone", After: time.Second, Do: func(w *World) {
		uids, used := map[types.UID]bool{db.UID: true}, map[string]bool{}
		for _, pod := range Objects[*corev1.Pod](w) {
			uids[pod.UID] = true
			for _, v := range pod.Spec.Volumes {
				if v.PersistentVolumeClaim != nil {
					used[v.PersistentVolumeClaim.ClaimName] = true
				}
			}
		}
		for _, claim := range Objects[*corev1.PersistentVolumeClaim](w) {
			gone := func(r metav1.OwnerReference) bool { return !uids[r.UID] }
			collected := len(claim.OwnerReferences) > 0 && !slices.ContainsFunc(claim.OwnerReferences, func(r metav1.OwnerReference) bool { return !gone(r) })
			if (collected || claim.DeletionTimestamp != nil) && !used[claim.Name] {
				w.Remove(claim)
			}
		}
	}}
}

// retentions are what is done with a claim, the default more often than the other.
var retentions = []appsv1.PersistentVolumeClaimRetentionPolicyType{
	appsv1.RetainPersistentVolumeClaimRetentionPolicyType, appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
	appsv1.DeletePersistentVolumeClaimRetentionPolicyType,
}

func drawStatefulSet(t *rapid.T, odd oddities, now time.Time) *appsv1.StatefulSet {
	set := newStatefulSet(int32(Upto(t, "replicas", 4)))
	set.Generation = int64(1 + Upto(t, "generation", 2))
	set.Spec.MinReadySeconds = OneOf[int32](t, "minReadySeconds", 0, 0, 10, 60)
	set.Spec.PodManagementPolicy = OneOf(t, "management", appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement)
	set.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("app:%d", 1+Upto(t, "image", 2))
	limit := int32(Upto(t, "historyLimit", 2))
	set.Spec.RevisionHistoryLimit = &limit
	switch OneOf(t, "strategy", "rolling", "rolling", "rolling", "rolling", "rolling", "rolling", "onDelete", "onDelete", "rolling without parameters") {
	case "rolling":
		partition := int32(OneOf(t, "partition", 0, 0, 0, 1, 2, 5))
		set.Spec.UpdateStrategy.RollingUpdate.Partition = &partition
		if Seldom(t, "maxUnavailable", 4) {
			value := OneOf(t, "maxUnavailable", intstr.FromInt32(2), intstr.FromString("50%"))
			set.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &value
		}
	case "onDelete":
		set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}
	case "rolling without parameters":
		set.Spec.UpdateStrategy.RollingUpdate = nil
	}
	if Seldom(t, "ordinals", 4) {
		set.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: int32(Upto(t, "start", 2))}
	}
	for i := range OneOf(t, "claimTemplates", 0, 1, 1, 2) {
		set.Spec.VolumeClaimTemplates = append(set.Spec.VolumeClaimTemplates, claimTemplate(fmt.Sprintf("vol%d", i)))
	}
	if len(set.Spec.VolumeClaimTemplates) == 2 && Seldom(t, "templateLabels", 3) {
		set.Spec.VolumeClaimTemplates[0].Labels = map[string]string{"kind": "disk"}
	}
	set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = OneOf(t, "whenDeleted", retentions...)
	set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled = OneOf(t, "whenScaled", retentions...)
	if Seldom(t, "annotations", 4) {
		set.Annotations = map[string]string{"note": "kept"}
	}
	if odd.deleted {
		Deleting(set, now, true)
	}
	set.Status = appsv1.StatefulSetStatus{
		ObservedGeneration: int64(Upto(t, "status.generation", 1)),
		Replicas:           int32(Upto(t, "status.replicas", 3)),
		ReadyReplicas:      int32(Upto(t, "status.ready", 1)),
		AvailableReplicas:  int32(Upto(t, "status.available", 1)),
		CurrentReplicas:    int32(Upto(t, "status.current", 3)),
		UpdatedReplicas:    int32(Upto(t, "status.updated", 1)),
	}
	collisions := int32(OneOf(t, "status.collisionCount", 0, 0, 0, 1, 2))
	set.Status.CollisionCount = &collisions // whoever writes a status writes it
	return set
}

func newStatefulSet(replicas int32) *appsv1.StatefulSet {
	set := &appsv1.StatefulSet{}
	set.Namespace, set.Name, set.UID, set.Generation = db.Namespace, db.Name, db.UID, 1
	set.CreationTimestamp = metav1.NewTime(Instant.Add(-200 * time.Hour))
	set.Spec.Replicas = &replicas
	set.Spec.ServiceName = "db-service"
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}
	set.Spec.Template.Labels = map[string]string{"app": "db", "tier": "back"}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	legacyscheme.Scheme.Default(set)
	return set
}

func claimTemplate(name string) corev1.PersistentVolumeClaim {
	mode := corev1.PersistentVolumeFilesystem
	return corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			VolumeMode:  &mode,
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
}

// revisionOf is the revision that Kubernetes makes of the set with another image.
func revisionOf(set *appsv1.StatefulSet, image string, number int64) *appsv1.ControllerRevision {
	set = set.DeepCopy()
	set.Spec.Template.Spec.Containers[0].Image = image
	var collisions int32
	revision, err := newStatefulSetRevision(set, number, &collisions)
	if err != nil {
		panic(err)
	}
	revision.Namespace = set.Namespace
	revision.UID = types.UID("uid-" + revision.Name)
	return revision
}

// drawRevisions makes a history of several images, some written by older servers.
func drawRevisions(t *rapid.T, odd oddities, set *appsv1.StatefulSet, now time.Time) []*appsv1.ControllerRevision {
	var past []*appsv1.ControllerRevision
	for i := range 4 {
		if Seldom(t, "noRevision", 3) {
			continue
		}
		revision := revisionOf(set, fmt.Sprintf("app:%d", 1+i), int64(1+Upto(t, "revision", 4)))
		revision.CreationTimestamp = Past(t, "revisionCreated", now)
		rewrite := func(old, new string) {
			revision.Data.Raw = bytes.Replace(revision.Data.Raw, []byte(old), []byte(new), 1)
			revision.Name = history.ControllerRevisionName(set.Name, history.HashControllerRevision(revision, new32(0)))
		}
		past = append(past, revision)
		if !odd.revisions {
			continue
		}
		switch OneOf(t, "writtenBy", "1.36", "1.36", "1.33", "1.33", "one that knew less", "one that knew less", "somebody else") {
		case "1.33":
			rewrite(`"metadata":{`, `"metadata":{"creationTimestamp":null,`)
		case "one that knew less":
			rewrite(`,"terminationMessagePolicy":"File"`, ``)
		case "somebody else": // the name is taken
			revision.Data.Raw = []byte(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"db","tier":"other"}}}}}`)
		}
		revision.UID = types.UID("uid-" + revision.Name)
		switch OneOf(t, "revisionOwner", "db", "db", "nobody", "former db") {
		case "nobody":
			revision.OwnerReferences = nil
		case "former db":
			revision.OwnerReferences[0].UID = "uid-of-another-life"
		}
		if Seldom(t, "revisionLabels", 10) {
			revision.Labels = map[string]string{"app": "other"}
		}
	}
	return past
}

func new32(value int32) *int32 { return &value }

// drawMember makes the pod of an ordinal, in nearly any state: nil where there is none.
func drawMember(t *rapid.T, odd oddities, set *appsv1.StatefulSet, ordinal int, revisions []string, now time.Time) *corev1.Pod {
	if Seldom(t, "noPod", 3) {
		return nil
	}
	pod := PodStates(t, ordinal, now)
	if pod.Status.Phase == "" || isFinished(pod) && !Seldom(t, "finished", 2) {
		pod.Status.Phase = corev1.PodRunning // a server never leaves it empty, and few pods end
	}
	if pod.Status.Phase != corev1.PodRunning {
		setReady(pod, corev1.ConditionFalse)
	}
	pod.Name = fmt.Sprintf("%s-%d", set.Name, ordinal)
	pod.Spec.Hostname, pod.Spec.Subdomain = pod.Name, set.Spec.ServiceName
	pod.Labels = map[string]string{
		"app": "db", "tier": "back",
		appsv1.StatefulSetPodNameLabel: pod.Name, appsv1.PodIndexLabel: fmt.Sprint(ordinal),
	}
	if revision := OneOf(t, "podRevision", revisions...); revision != "" {
		pod.Labels[appsv1.StatefulSetRevisionLabel] = revision
	}
	if odd.pods && Seldom(t, "misnamed", 4) {
		pod.Labels[appsv1.StatefulSetPodNameLabel] = "db-x"
	}
	for _, template := range set.Spec.VolumeClaimTemplates {
		name := template.Name + "-" + pod.Name
		if odd.pods && Seldom(t, "mountsOther", 4) {
			name = "other"
		}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name},
		}})
	}
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	if odd.pods && Seldom(t, "mountsNothing", 4) {
		pod.Spec.Volumes = nil
	}
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "StatefulSet", set.Name, set.UID)}
	if !odd.owners {
		return pod
	}
	switch OneOf(t, "owner", "db", "db", "nobody", "nobody", "former db", "other labels") {
	case "nobody":
		pod.OwnerReferences = nil
	case "former db":
		pod.OwnerReferences[0].UID = "uid-of-another-life"
	case "other labels":
		pod.Labels["app"] = "other"
	}
	return pod
}

// drawClaim makes a claim of an ordinal, with any owners: nil where there is none.
func drawClaim(t *rapid.T, odd oddities, set *appsv1.StatefulSet, template string, ordinal int, pod *corev1.Pod, now time.Time) *corev1.PersistentVolumeClaim {
	if Seldom(t, "noClaim", 3) {
		return nil
	}
	claim := claimTemplate(template)
	claim.TypeMeta = metav1.TypeMeta{}
	claim.Name = fmt.Sprintf("%s-%s-%d", template, set.Name, ordinal)
	claim.Namespace = set.Namespace
	claim.UID = types.UID("uid-" + claim.Name)
	claim.Labels = map[string]string{"app": "db"}
	claim.CreationTimestamp = Past(t, "claimCreated", now)
	if odd.claims && Seldom(t, "claimDeleted", 5) {
		Deleting(&claim, now, true)
	}
	setRef := ControllerRef("apps/v1", "StatefulSet", set.Name, set.UID)
	if !odd.claimOwners {
		claim.OwnerReferences = ownersOf(set, setRef, ordinal, pod)
		return &claim
	}
	podUID := types.UID("uid-of-another-pod")
	if pod != nil && !Seldom(t, "formerPod", 4) {
		podUID = pod.UID
	}
	podRef := ControllerRef("v1", "Pod", fmt.Sprintf("%s-%d", set.Name, ordinal), podUID)
	loose := setRef
	loose.Controller = nil
	foreign := ControllerRef("apps/v1", "Deployment", "other", "uid-other")
	former := ControllerRef("apps/v1", "StatefulSet", set.Name, "uid-of-another-life")
	plain := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "config", UID: "uid-config"}
	claim.OwnerReferences = OneOf(t, "claimOwners", nil, nil, nil,
		[]metav1.OwnerReference{setRef}, []metav1.OwnerReference{podRef}, []metav1.OwnerReference{plain, setRef},
		[]metav1.OwnerReference{loose}, []metav1.OwnerReference{foreign}, []metav1.OwnerReference{foreign, loose},
		[]metav1.OwnerReference{former}, []metav1.OwnerReference{plain},
		[]metav1.OwnerReference{former, podRef}, []metav1.OwnerReference{former, setRef})
	return &claim
}

// ownersOf are the owners that the retention policy wants the claims of an ordinal to have.
func ownersOf(set *appsv1.StatefulSet, setRef metav1.OwnerReference, ordinal int, pod *corev1.Pod) []metav1.OwnerReference {
	retention, start := set.Spec.PersistentVolumeClaimRetentionPolicy, 0
	if set.Spec.Ordinals != nil {
		start = int(set.Spec.Ordinals.Start)
	}
	surplus := ordinal < start || ordinal >= start+int(*set.Spec.Replicas)
	switch {
	case surplus && pod != nil && retention.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
		return []metav1.OwnerReference{ControllerRef("v1", "Pod", pod.Name, pod.UID)}
	case retention.WhenDeleted == appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
		return []metav1.OwnerReference{setRef}
	}
	return nil
}

func drawStatefulSetRefusals(t *rapid.T) []Refusal {
	name := fmt.Sprintf("db-%d", Upto(t, "refusedPod", 3))
	switch OneOf(t, "refusal", "", "", "", "", "", "", "", "", "quota", "claims", "namespace", "delete", "update", "claim update") {
	case "quota":
		return []Refusal{QuotaExceeded("Pod", Upto(t, "times", 1))}
	case "claims":
		return []Refusal{QuotaExceeded("PersistentVolumeClaim", 1)}
	case "namespace":
		return []Refusal{NamespaceTerminating("Pod")}
	case "delete":
		return []Refusal{Denied("delete", "Pod", name, Upto(t, "times", 1))}
	case "update":
		return []Refusal{Denied("update", "Pod", name, Upto(t, "times", 1))}
	case "claim update":
		return []Refusal{Denied("update", "PersistentVolumeClaim", "", 1)}
	}
	return nil
}
