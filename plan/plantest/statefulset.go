package plantest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// StatefulSetInput is what statefulset.Plan takes.
type StatefulSetInput struct {
	StatefulSet *appsv1.StatefulSet
	Observed    statefulset.Observed
	Policy      statefulset.Policy
}

// StatefulSets is the planner of package statefulset as a subject.
func StatefulSets() Subject[StatefulSetInput] {
	return Subject[StatefulSetInput]{
		Name:      "StatefulSet",
		Snapshots: rapid.Custom(statefulSetSnapshot),
		Input: func(s Snapshot) StatefulSetInput {
			set, _ := s.Workload.(*appsv1.StatefulSet)
			return StatefulSetInput{
				StatefulSet: set,
				Observed: statefulset.Observed{
					Now:       s.Now,
					Pods:      All[*corev1.Pod](s),
					Claims:    All[*corev1.PersistentVolumeClaim](s),
					Volumes:   All[*corev1.PersistentVolume](s),
					Revisions: All[*appsv1.ControllerRevision](s),
					Pending:   s.Pending,
				},
				Policy: s.Policy.(statefulset.Policy),
			}
		},
		Plan: func(in StatefulSetInput) (Answer, error) {
			result, err := statefulset.Plan(in.StatefulSet, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result}, err
		},
		Break:    breakStatefulSet,
		Defaults: defaultStatefulSet,
		Step:     statefulSetStep,
		Whole:    statefulSetPlan,
		Goal:     statefulSetGoal,
		Rounds:   40, // pod by pod: six go, four come, and the history
	}
}

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
	s = With(s, Pods{Metadata: metadata, Prefix: "web", Template: set.Spec.Template.Spec, Vary: func(t *rapid.T, i int, pod *corev1.Pod) {
		vary(t, i, pod, set, past)
	}}.Draw(t, 6)...)
	s = With(s, drawClaims(t, set, metadata)...)
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
	if rarely(t, "start", 4) {
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

// vary makes a pod one of the set: its labels, its revision, its volumes; rarely one of them is amiss.
func vary(t *rapid.T, i int, pod *corev1.Pod, set *appsv1.StatefulSet, past []*appsv1.ControllerRevision) {
	if rarely(t, "odd name", 10) {
		pod.Name = pick(t, "name", "web-0"+strconv.Itoa(i), "web-x"+strconv.Itoa(i), "web-9999999999999999999"+strconv.Itoa(i))
	}
	if pod.Labels == nil {
		return
	}
	pod.Labels[appsv1.StatefulSetPodNameLabel], pod.Labels[appsv1.PodIndexLabel] = pod.Name, strconv.Itoa(i)
	pod.Labels[appsv1.StatefulSetRevisionLabel] = pick(t, "pod's revision", revisionNames(past)...)
	if rarely(t, "mislabelled", 8) {
		pod.Labels[appsv1.StatefulSetPodNameLabel] = "web"
	}
	for _, template := range set.Spec.VolumeClaimTemplates {
		if rarely(t, "unmounted", 10) {
			continue
		}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: template.Name + "-" + pod.Name},
		}})
	}
}

// drawClaims makes claims of some ordinals, among them ones that are being deleted, bound, or another's.
func drawClaims(t *rapid.T, set *appsv1.StatefulSet, metadata Metadata) []*corev1.PersistentVolumeClaim {
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
			switch pick(t, "claim's owner", "nobody", "nobody", "the set", "another") {
			case "the set":
				claim.OwnerReferences = []metav1.OwnerReference{metadata.Owner}
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

func breakStatefulSet(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(statefulset.Policy)
	set := s.Workload.(*appsv1.StatefulSet).DeepCopy()
	s.Workload = set
	what := pick(t, "wrong", "statefulSet", "metadata.name", "spec.replicas", "spec.minReadySeconds", "spec.ordinals.start", "spec.podManagementPolicy",
		"spec.updateStrategy", "spec.updateStrategy.rollingUpdate", "spec.updateStrategy.rollingUpdate.partition",
		"spec.updateStrategy.rollingUpdate.maxUnavailable", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
		"spec.persistentVolumeClaimRetentionPolicy.whenScaled", "spec.selector", "spec.template.metadata.labels",
		"spec.template.spec.restartPolicy", "policy.batch", "policy.owner.apiVersion")
	rolling := func() *appsv1.RollingUpdateStatefulSetStrategy {
		set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{}}
		return set.Spec.UpdateStrategy.RollingUpdate
	}
	switch what {
	case "statefulSet":
		s.Workload = nil
	case "metadata.name":
		set.Name = ""
	case "spec.replicas":
		set.Spec.Replicas = new(int32(-1))
	case "spec.minReadySeconds":
		set.Spec.MinReadySeconds = -1
	case "spec.ordinals.start":
		set.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: -1}
	case "spec.podManagementPolicy":
		set.Spec.PodManagementPolicy = "Random"
	case "spec.updateStrategy":
		set.Spec.UpdateStrategy.Type = "Recreate"
	case "spec.updateStrategy.rollingUpdate":
		rolling()
		set.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	case "spec.updateStrategy.rollingUpdate.partition":
		rolling().Partition = new(int32(-1))
	case "spec.updateStrategy.rollingUpdate.maxUnavailable":
		rolling().MaxUnavailable = new(intstr.FromInt32(0))
		policy.MaxUnavailable = true
	case "spec.persistentVolumeClaimRetentionPolicy.whenDeleted":
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: "Keep"}
	case "spec.persistentVolumeClaimRetentionPolicy.whenScaled":
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenScaled: "Keep"}
	case "spec.selector":
		set.Spec.Selector = nil
	case "spec.template.metadata.labels":
		set.Spec.Selector, set.Spec.Template.Labels = selectors()[0], map[string]string{"app": "site"}
	case "spec.template.spec.restartPolicy":
		set.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	case "policy.batch":
		policy.Batch = -1
	case "policy.owner.apiVersion":
		policy.Owner = metav1.TypeMeta{Kind: "Database"}
	}
	s.Policy = policy
	return s, what
}

func defaultStatefulSet(obj plan.Object) plan.Object {
	set := obj.(*appsv1.StatefulSet).DeepCopy()
	if set.Spec.Replicas == nil {
		set.Spec.Replicas = new(int32(1))
	}
	if set.Spec.PodManagementPolicy == "" {
		set.Spec.PodManagementPolicy = appsv1.OrderedReadyPodManagement
	}
	strategy := &set.Spec.UpdateStrategy
	if strategy.Type == "" {
		strategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
		if strategy.RollingUpdate == nil {
			strategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
		}
	}
	if strategy.RollingUpdate != nil && strategy.RollingUpdate.Partition == nil {
		strategy.RollingUpdate.Partition = new(int32(0))
	}
	if set.Spec.PersistentVolumeClaimRetentionPolicy == nil {
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{}
	}
	for _, policy := range []*appsv1.PersistentVolumeClaimRetentionPolicyType{
		&set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted, &set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled,
	} {
		if *policy == "" {
			*policy = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
		}
	}
	if set.Spec.RevisionHistoryLimit == nil {
		set.Spec.RevisionHistoryLimit = new(int32(10))
	}
	return set
}

// ranks is what the formulas of a StatefulSet are about, counted in the plainest way.
type ranks struct {
	set        *appsv1.StatefulSet
	start, end int
	members    map[int]*corev1.Pod // controlled and selected, or selected orphans that may be adopted
	orphans    int                 // of the members
	leavers    int
	others     map[int]*corev1.Pod // pods that bear a member's name
	claims     map[string]*corev1.PersistentVolumeClaim
	now        time.Time
}

func countRanks(s Snapshot) ranks {
	set := s.Workload.(*appsv1.StatefulSet)
	r := ranks{set: set, now: s.Now, members: map[int]*corev1.Pod{}, others: map[int]*corev1.Pod{}, claims: map[string]*corev1.PersistentVolumeClaim{}}
	if set.Spec.Ordinals != nil {
		r.start = int(set.Spec.Ordinals.Start)
	}
	r.end = r.start + int(orOne(set.Spec.Replicas))
	selector, _ := metav1.LabelSelectorAsSelector(set.Spec.Selector)
	unadoptable := refusedUpdates(s.Pending)
	deleting := set.DeletionTimestamp != nil
	for _, pod := range All[*corev1.Pod](s.consistent()) {
		digits, numbered := strings.CutPrefix(pod.Name, set.Name+"-")
		numbered = numbered && strings.Trim(digits, "0123456789") == ""
		ordinal, err := strconv.Atoi(digits)
		named := numbered && err == nil && strconv.Itoa(ordinal) == digits
		selected, ours := selector.Matches(labels.Set(pod.Labels)), s.controls(pod)
		orphan := metav1.GetControllerOf(pod) == nil && pod.DeletionTimestamp == nil && !deleting && !unadoptable[pod.UID]
		switch {
		case pod.Namespace != set.Namespace:
		case named && selected && (ours || orphan):
			r.members[ordinal] = pod
			if !ours {
				r.orphans++
			}
		default:
			if named {
				r.others[ordinal] = pod
			}
			if ours && (!selected || !numbered) && pod.DeletionTimestamp == nil && !deleting {
				r.leavers++
			}
		}
	}
	for _, claim := range All[*corev1.PersistentVolumeClaim](s.consistent()) {
		if claim.Namespace == set.Namespace {
			r.claims[claim.Name] = claim
		}
	}
	return r
}

func (r ranks) isReady(pod *corev1.Pod) (since time.Time, ready bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionTrue
		}
	}
	return time.Time{}, false
}

// isHealthy: it runs, Ready for long enough, and is not being deleted.
func (r ranks) isHealthy(ordinal int) bool {
	pod := r.members[ordinal]
	return pod != nil && pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning && r.isAvailable(pod)
}

// isAvailable: Ready for long enough.
func (r ranks) isAvailable(pod *corev1.Pod) bool {
	since, ready := r.isReady(pod)
	wait := r.set.Spec.MinReadySeconds
	return ready && (wait == 0 || !since.IsZero() && r.now.Sub(since).Seconds() >= float64(wait))
}

func (r ranks) isOrdered() bool {
	return r.set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement
}

func (r ranks) inRange(ordinal int) bool { return r.start <= ordinal && ordinal < r.end }

func (r ranks) available() int {
	available := 0
	for ordinal := r.start; ordinal < r.end; ordinal++ {
		if r.isHealthy(ordinal) {
			available++
		}
	}
	return available
}

func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// partition is the first ordinal that an update reaches.
func (r ranks) partition() int {
	if rolling := r.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		return r.start + int(*rolling.Partition)
	}
	return r.start
}

// disruptions is how many pods the policy allows to be unavailable in an update.
func (r ranks) disruptions(policy statefulset.Policy) int {
	rolling := r.set.Spec.UpdateStrategy.RollingUpdate
	if !policy.MaxUnavailable || rolling == nil || rolling.MaxUnavailable == nil {
		return 1
	}
	scaled, _ := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, r.end-r.start, false)
	return max(1, scaled)
}

// statefulSetStep: a pod comes only in its place, with its claims, and in its turn; it goes only in its turn; and no claim goes.
func statefulSetStep(before, after Snapshot) error {
	b, a := countRanks(before), countRanks(after)
	policy := before.Policy.(statefulset.Policy)
	changed, deletedForUpdate := 0, 0
	for _, ordinal := range sortedKeys(a.members) {
		pod := a.members[ordinal]
		if was := b.members[ordinal]; was != nil || b.others[ordinal] != nil {
			if was != nil && was.UID != pod.UID {
				return fmt.Errorf("pod %s is another one", pod.Name)
			}
			continue
		}
		changed++
		if err := a.mayCome(ordinal, b); err != nil {
			return err
		}
	}
	for _, ordinal := range sortedKeys(b.members) {
		was, is := b.members[ordinal], a.members[ordinal]
		if is != nil && (is.DeletionTimestamp == nil || was.DeletionTimestamp != nil) || a.others[ordinal] != nil {
			continue
		}
		changed++
		if err := b.mayGo(ordinal, policy); err != nil {
			return err
		}
		if b.inRange(ordinal) && b.isHealthy(ordinal) {
			deletedForUpdate++
		}
	}
	if b.isOrdered() && changed > 1 && !policy.MaxUnavailable {
		return fmt.Errorf("OrderedReady, and %d pods come or go", changed)
	}
	unavailable := b.end - b.start - b.available()
	if allowed := max(1, b.disruptions(policy)-unavailable); deletedForUpdate > allowed {
		return fmt.Errorf("%d available pods go, %d may", deletedForUpdate, allowed)
	}
	return claimsStay(b, a)
}

func (r ranks) mayCome(ordinal int, before ranks) error {
	name := r.members[ordinal].Name
	if !r.inRange(ordinal) {
		return fmt.Errorf("pod %s comes, which is out of range", name)
	}
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		if claim := r.claims[template.Name+"-"+name]; claim == nil || claim.DeletionTimestamp != nil {
			return fmt.Errorf("pod %s comes without its claim %s-%s", name, template.Name, name)
		}
	}
	for lower := r.start; r.isOrdered() && lower < ordinal; lower++ {
		if !before.isHealthy(lower) {
			return fmt.Errorf("OrderedReady, and pod %s comes while %s-%d is not available", name, r.set.Name, lower)
		}
	}
	return nil
}

func (r ranks) mayGo(ordinal int, policy statefulset.Policy) error {
	pod := r.members[ordinal]
	onDelete := r.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	switch {
	case r.inRange(ordinal) && isFinished(pod):
		return nil
	case r.inRange(ordinal) && onDelete:
		return fmt.Errorf("OnDelete, and pod %s goes", pod.Name)
	case r.inRange(ordinal) && ordinal < r.partition():
		return fmt.Errorf("pod %s goes, which is below the partition", pod.Name)
	}
	if !r.isOrdered() {
		return nil
	}
	if policy.Unblock && r.inRange(ordinal) && !r.isHealthy(ordinal) {
		return nil
	}
	for other := r.start; other < r.end; other++ {
		if !r.isHealthy(other) {
			return fmt.Errorf("OrderedReady, and pod %s goes while %s-%d is not available", pod.Name, r.set.Name, other)
		}
	}
	for higher := range r.members {
		if !r.inRange(higher) && higher > ordinal {
			return fmt.Errorf("OrderedReady, and pod %s goes before %s-%d", pod.Name, r.set.Name, higher)
		}
	}
	return nil
}

// claimsStay: no claim goes, and its owners change only as the retention policy says: to the set, to a surplus pod, to nobody.
func claimsStay(b, a ranks) error {
	for name, was := range b.claims {
		is := a.claims[name]
		if is == nil || is.UID != was.UID || (is.DeletionTimestamp == nil) != (was.DeletionTimestamp == nil) {
			return fmt.Errorf("claim %s goes", name)
		}
		for _, r := range is.OwnerReferences {
			had := slices.ContainsFunc(was.OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == r.UID })
			policy := b.set.Spec.PersistentVolumeClaimRetentionPolicy
			switch {
			case had:
			case policy == nil:
				return fmt.Errorf("claim %s gets an owner although it is to be retained", name)
			case r.UID == b.set.UID && policy.WhenDeleted != appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
				return fmt.Errorf("claim %s is to go with the set, which is to leave it", name)
			case r.Kind == "Pod" && policy.WhenScaled != appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
				return fmt.Errorf("claim %s is to go with its pod, which is to leave it", name)
			}
		}
	}
	return nil
}

// statefulSetPlan: which pod is created and which goes, found by going through all ordinals, and the status that is there.
func statefulSetPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	r := countRanks(s)
	if len(r.set.Spec.Selector.MatchLabels)+len(r.set.Spec.Selector.MatchExpressions) == 0 {
		return nil
	}
	if err := compareStatefulSetStatus(s, r, answer.Whole.(*statefulset.Result).Status); err != nil {
		return err
	}
	var creates []string
	for _, a := range answer.Actions {
		if create, ok := a.(plan.Create); ok {
			if pod, ok := create.Object.(*corev1.Pod); ok {
				creates = append(creates, pod.Name)
			}
		}
	}
	slices.Sort(creates)
	if want := r.wanting(); !slices.Equal(creates, want) {
		return fmt.Errorf("the pods %v are created, not %v", creates, want)
	}
	return nil
}

// wanting are the names of the pods that a plan has to create.
func (r ranks) wanting() []string {
	var names []string
	for ordinal := r.start; ordinal < r.end && r.set.DeletionTimestamp == nil; ordinal++ {
		name := r.set.Name + "-" + strconv.Itoa(ordinal)
		if r.members[ordinal] == nil && r.others[ordinal] == nil && r.claimsAllow(name) {
			names = append(names, name)
		}
		if r.isOrdered() && !r.isHealthy(ordinal) {
			break
		}
		if pod := r.members[ordinal]; r.isOrdered() && pod != nil && r.mustMount(pod) {
			break
		}
	}
	return names
}

// mustMount: a pod that does not mount a claim that is being deleted cannot be mended, and blocks.
func (r ranks) mustMount(pod *corev1.Pod) bool {
	mounted, goes := true, false
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		name := template.Name + "-" + pod.Name
		mounted = mounted && slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.Name == template.Name && v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == name
		})
		goes = goes || r.claims[name] != nil && r.claims[name].DeletionTimestamp != nil
	}
	return !mounted && goes
}

func (r ranks) claimsAllow(pod string) bool {
	for _, template := range r.set.Spec.VolumeClaimTemplates {
		if claim := r.claims[template.Name+"-"+pod]; claim != nil && claim.DeletionTimestamp != nil {
			return false
		}
	}
	return true
}

// compareStatefulSetStatus compares a status with what is there. Orphans count from their adoption on.
func compareStatefulSetStatus(s Snapshot, r ranks, got appsv1.StatefulSetStatus) error {
	want := appsv1.StatefulSetStatus{
		ObservedGeneration: r.set.Generation,
		CurrentRevision:    got.CurrentRevision,
		UpdateRevision:     got.UpdateRevision,
		CurrentReplicas:    got.CurrentReplicas,
		CollisionCount:     got.CollisionCount,
		Conditions:         r.set.Status.Conditions,
	}
	for _, pod := range r.members {
		if !s.controls(pod) {
			continue
		}
		want.Replicas++
		if _, ready := r.isReady(pod); ready && pod.Status.Phase == corev1.PodRunning {
			want.ReadyReplicas++
			if r.isAvailable(pod) { // even while it is being deleted
				want.AvailableReplicas++
			}
		}
		if pod.DeletionTimestamp == nil && pod.Labels[appsv1.StatefulSetRevisionLabel] == got.UpdateRevision {
			want.UpdatedReplicas++
		}
	}
	if !same(want, got) {
		return fmt.Errorf("the status is behind:\n%s", difference(want, got))
	}
	return nil
}

// statefulSetGoal: a pod for each ordinal, available and of the revision that it is to have, no other, and a status that says so.
func statefulSetGoal(s Snapshot) error {
	r := countRanks(s)
	switch {
	case r.set.DeletionTimestamp != nil:
		return errors.New("the StatefulSet is being deleted")
	case len(r.set.Spec.Selector.MatchLabels)+len(r.set.Spec.Selector.MatchExpressions) == 0:
		return errors.New("the selector is empty")
	case r.orphans > 0 || r.leavers > 0:
		return fmt.Errorf("%d pods to adopt, %d to release", r.orphans, r.leavers)
	}
	onDelete := r.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	for ordinal := r.start; ordinal < r.end; ordinal++ {
		if !r.isHealthy(ordinal) {
			return fmt.Errorf("%s-%d is not available", r.set.Name, ordinal)
		}
		revision := r.members[ordinal].Labels[appsv1.StatefulSetRevisionLabel]
		if ordinal >= r.partition() && revision != r.set.Status.UpdateRevision && !onDelete {
			return fmt.Errorf("%s-%d is of revision %q, not %q", r.set.Name, ordinal, revision, r.set.Status.UpdateRevision)
		}
	}
	for ordinal := range r.members {
		if !r.inRange(ordinal) {
			return fmt.Errorf("%s-%d is surplus", r.set.Name, ordinal)
		}
	}
	return compareStatefulSetStatus(s, r, r.set.Status)
}
