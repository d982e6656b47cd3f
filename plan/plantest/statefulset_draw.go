package plantest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// statefulSetSnapshot draws a set named web, its history, up to six pods, claims and volumes.
func statefulSetSnapshot(t *rapid.T) Snapshot {
	policy := statefulset.Policy{
		MaxUnavailable: rarely(t, "maxUnavailable honoured", 3),
		BindClaims:     rarely(t, "claims bound", 3),
		Unblock:        rarely(t, "unblocked", 4),
		Batch:          pick(t, "batch", 0, 0, 1, 2),
	}
	kind := metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}
	if rarely(t, "own kind", 6) {
		kind = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Database"}
		policy.Owner = kind
	}
	set := drawStatefulSet(t)
	set.TypeMeta = kind
	s := Snapshot{Now: Epoch(), Workload: set, Policy: policy, Version: 1000}

	past := drawHistory(t, set, policy)
	s = With(s, past...)
	set.Status = drawStatefulSetStatus(t, past)
	metadata := Metadata{
		Now:    s.Now,
		Owner:  *metav1.NewControllerRef(set, kind.GroupVersionKind()),
		Labels: map[string]string{"app": "web"},
		Odd:    true,
	}
	orderly := rapid.Bool().Draw(t, "orderly")
	s = With(s, Pods{Metadata: metadata, Prefix: "web", Template: set.Spec.Template.Spec, Vary: func(t *rapid.T, i int, pod *corev1.Pod) {
		if orderly {
			settle(pod, metadata)
		}
		vary(t, i, pod, set, past)
	}}.Draw(t, 6)...)
	s = With(s, drawClaims(t, set, metadata, All[*corev1.Pod](s))...)
	s = With(s, drawVolumes(t)...)
	s = Disturbed(t, s, older)
	return Disturbed(t, s, func(*corev1.PersistentVolumeClaim) {})
}

func drawStatefulSet(t *rapid.T) *appsv1.StatefulSet {
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web", UID: "web-uid", ResourceVersion: "900", Generation: 3},
		Spec: appsv1.StatefulSetSpec{
			Replicas:            pick(t, "replicas", new(int32(2)), new(int32(3)), new(int32(4)), new(int32(1)), new(int32(0)), nil),
			MinReadySeconds:     pick[int32](t, "minReadySeconds", 0, 0, 5, 10),
			PodManagementPolicy: pick(t, "management", "", "", appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement, appsv1.ParallelPodManagement),
			Selector:            pick(t, "selector", selectors()...),
			ServiceName:         "web-service",
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: pick(t, "image", images()...)}}},
			},
			RevisionHistoryLimit: pick(t, "revisionHistoryLimit", nil, new(int32(0)), new(int32(1)), new(int32(-1))),
		},
	}
	if rarely(t, "start", 3) {
		set.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 1}
	}
	for i := range pick(t, "claim templates", 0, 1, 1, 2) {
		set.Spec.VolumeClaimTemplates = append(set.Spec.VolumeClaimTemplates, claimTemplate([]string{"data", "log"}[i]))
	}
	if rapid.Bool().Draw(t, "retention policy") {
		policies := []appsv1.PersistentVolumeClaimRetentionPolicyType{"", appsv1.RetainPersistentVolumeClaimRetentionPolicyType, appsv1.DeletePersistentVolumeClaimRetentionPolicyType}
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
			WhenDeleted: pick(t, "whenDeleted", policies...), WhenScaled: pick(t, "whenScaled", policies...),
		}
	}
	strategy := &set.Spec.UpdateStrategy
	switch pick(t, "strategy", "", "rolling", "rolling", "rolling", "bare", "onDelete") {
	case "rolling":
		strategy.Type = pick(t, "type", "", appsv1.RollingUpdateStatefulSetStrategyType)
		strategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{
			Partition:      pick(t, "partition", nil, new(int32(0)), new(int32(1)), new(int32(5))),
			MaxUnavailable: pick(t, "maxUnavailable", nil, new(intstr.FromInt32(2)), new(intstr.FromString("50%"))),
		}
	case "bare":
		strategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
	case "onDelete":
		strategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	}
	if rarely(t, "no uid yet", 15) {
		set.UID = ""
	}
	if rarely(t, "deleted", 10) {
		set.DeletionTimestamp, set.Finalizers = new(Past(t, "deleted", Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	return set
}

func claimTemplate(name string) corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("1Gi")}},
		},
	}
}

func images() []string { return []string{"web:1", "web:1", "web:2", "web:3"} }

// drawHistory makes revisions of some images, as the planner itself makes them, in any order.
func drawHistory(t *rapid.T, set *appsv1.StatefulSet, policy statefulset.Policy) []*appsv1.ControllerRevision {
	var past []*appsv1.ControllerRevision
	for i, image := range images()[1:] {
		if rarely(t, "forgotten", 3) {
			continue
		}
		other := set.DeepCopy()
		other.DeletionTimestamp = nil
		other.Spec.Selector = selectors()[0]
		other.Spec.Template.Spec.Containers[0].Image = image
		result, err := statefulset.Plan(other, statefulset.Observed{Now: Epoch()}, policy)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range result.Actions {
			if create, ok := a.(plan.Create); ok && plan.KindOf(create.Object).Kind == "ControllerRevision" {
				revision := create.Object.(*appsv1.ControllerRevision)
				revision.UID, revision.ResourceVersion = types.UID("revision-"+strconv.Itoa(i)), strconv.Itoa(500+i)
				revision.CreationTimestamp = Past(t, "revision created", Epoch())
				revision.Revision = int64(rapid.IntRange(1, 4).Draw(t, "revision"))
				switch pick(t, "revision's owner", "ours", "ours", "ours", "ours", "nobody", "former") {
				case "nobody":
					revision.OwnerReferences = nil
				case "former":
					revision.OwnerReferences[0].UID = "uid-of-a-predecessor"
				}
				past = append(past, revision)
			}
		}
	}
	return past
}

func drawStatefulSetStatus(t *rapid.T, past []*appsv1.ControllerRevision) appsv1.StatefulSetStatus {
	if rarely(t, "no status", 4) {
		return appsv1.StatefulSetStatus{}
	}
	count := func(label string) int32 { return rapid.Int32Range(0, 4).Draw(t, label) }
	status := appsv1.StatefulSetStatus{
		ObservedGeneration: pick[int64](t, "status.observedGeneration", 3, 2, 0),
		Replicas:           count("status.replicas"),
		ReadyReplicas:      count("status.readyReplicas"),
		AvailableReplicas:  count("status.availableReplicas"),
		CurrentReplicas:    count("status.currentReplicas"),
		UpdatedReplicas:    count("status.updatedReplicas"),
		CurrentRevision:    pick(t, "status.currentRevision", revisionNames(past)...),
		UpdateRevision:     pick(t, "status.updateRevision", revisionNames(past)...),
		CollisionCount:     pick(t, "status.collisionCount", nil, new(int32(0)), new(int32(1))),
	}
	if rarely(t, "a condition", 4) {
		status.Conditions = []appsv1.StatefulSetCondition{{Type: "Inspected", Status: corev1.ConditionTrue}}
	}
	return status
}

func revisionNames(past []*appsv1.ControllerRevision) []string {
	names := []string{"web-none"}
	for _, revision := range past {
		names = append(names, revision.Name)
	}
	slices.Reverse(names)
	return names
}

// settle makes a pod an ordinary one: ours, and at work. Most of what happens to a set in order needs all of them to be so.
func settle(pod *corev1.Pod, metadata Metadata) {
	pod.Namespace, pod.DeletionTimestamp, pod.Finalizers = Namespace, nil, nil
	pod.Labels, pod.OwnerReferences = maps.Clone(metadata.Labels), []metav1.OwnerReference{metadata.Owner}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{Ready(corev1.ConditionTrue, metav1.NewTime(metadata.Now.Truncate(time.Second).Add(-time.Hour)))}
}

// vary makes a pod one of the set: its labels, its revision, its volumes; rarely one of them is amiss.
func vary(t *rapid.T, i int, pod *corev1.Pod, set *appsv1.StatefulSet, past []*appsv1.ControllerRevision) {
	if rarely(t, "odd name", 20) {
		pod.Name = pick(t, "name", "web-0"+strconv.Itoa(i), "web-x"+strconv.Itoa(i), "web-9999999999999999999"+strconv.Itoa(i))
	}
	if pod.Labels == nil {
		return
	}
	pod.Labels[appsv1.StatefulSetPodNameLabel], pod.Labels[appsv1.PodIndexLabel] = pod.Name, strconv.Itoa(i)
	pod.Labels[appsv1.StatefulSetRevisionLabel] = pick(t, "pod's revision", revisionNames(past)...)
	if rarely(t, "mislabelled", 12) {
		pod.Labels[appsv1.StatefulSetPodNameLabel] = "web"
	}
	for _, template := range set.Spec.VolumeClaimTemplates {
		if rarely(t, "unmounted", 15) {
			continue
		}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: template.Name + "-" + pod.Name},
		}})
	}
}

// drawClaims makes claims of some ordinals, among them ones that are being deleted, bound, or another's, and ones that go with their pod.
func drawClaims(t *rapid.T, set *appsv1.StatefulSet, metadata Metadata, pods []*corev1.Pod) []*corev1.PersistentVolumeClaim {
	var claims []*corev1.PersistentVolumeClaim
	for i, template := range set.Spec.VolumeClaimTemplates {
		for ordinal := range 6 {
			if rapid.Bool().Draw(t, "no claim") {
				continue
			}
			name := fmt.Sprintf("%s-web-%d", template.Name, ordinal)
			claim := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: Namespace, Name: name, UID: types.UID("uid-" + name), ResourceVersion: strconv.Itoa(300 + 10*i + ordinal),
					CreationTimestamp: Past(t, "claim created", metadata.Now),
				},
				Spec: *template.Spec.DeepCopy(),
			}
			if rapid.Bool().Draw(t, "bound") {
				claim.Spec.VolumeName, claim.Status.Phase = fmt.Sprintf("pv-%d", ordinal), corev1.ClaimBound
			}
			if rarely(t, "claim deleted", 8) {
				claim.DeletionTimestamp, claim.Finalizers = new(Past(t, "claim deletion", metadata.Now)), []string{"kubernetes.io/pvc-protection"}
			}
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-" + strconv.Itoa(ordinal), UID: "uid-of-a-former-pod"}}
			owner := pick(t, "claim's owner", "nobody", "nobody", "nobody", "the set", "its pod", "another", "a former pod")
			switch owner {
			case "the set":
				claim.OwnerReferences = []metav1.OwnerReference{metadata.Owner}
			case "its pod", "a former pod":
				if at := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return p.Name == pod.Name }); at >= 0 && owner == "its pod" {
					pod = pods[at]
				}
				claim.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(pod, corev1.SchemeGroupVersion.WithKind("Pod"))}
			case "another":
				claim.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "other", UID: "uid-of-other", Controller: new(true)}}
			}
			claims = append(claims, claim)
		}
	}
	return claims
}

func drawVolumes(t *rapid.T) []*corev1.PersistentVolume {
	var volumes []*corev1.PersistentVolume
	for i := range rapid.IntRange(0, 3).Draw(t, "volumes") {
		name := fmt.Sprintf("pv-%d", i)
		volumes = append(volumes, &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), ResourceVersion: strconv.Itoa(200 + i)},
			Spec: corev1.PersistentVolumeSpec{
				Capacity:    corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse(pick(t, "capacity", "1Gi", "2Gi", "500Mi"))},
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				PersistentVolumeSource: corev1.PersistentVolumeSource{
					NFS: &corev1.NFSVolumeSource{Server: "nfs", Path: pick(t, "path", "/a", "/b", "/c")},
				},
			},
		})
	}
	return volumes
}
