package plantest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/statefulset"
)

// StatefulSetWorld is a StatefulSet of up to four pods with a claim each, its host, and a provisioner.
func StatefulSetWorld() World {
	return World{
		Name:  "StatefulSet",
		Hosts: []sim.Host{sim.StatefulSets(statefulset.Policy{})},
		Before: []plan.Object{&storagev1.StorageClass{
			TypeMeta:          metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
			ObjectMeta:        metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
			Provisioner:       "example.com/disks",
			VolumeBindingMode: new(storagev1.VolumeBindingImmediate),
		}},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			set := drawStatefulSet(t)
			set = &appsv1.StatefulSet{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
				ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Name},
				Spec:       set.Spec,
			}
			set.Spec.Selector = selectors()[0]
			set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claimTemplate("data")} // a set of the same name has the same: volumes of pods cannot be changed
			if strategy := &set.Spec.UpdateStrategy; strategy.RollingUpdate == nil {              // no person deletes pods for it, nor does one come back as it was
				strategy.Type = ""
			}
			return set
		}),
		Edits:  statefulSetEdits(),
		Always: memberships,
		Step:   statefulSetStep,
		Goal:   goalButForStrangers,
		Policy: statefulset.Policy{},
	}
}

// goalButForStrangers: a pod that was relabelled stands in its successor's place until a person removes it.
func goalButForStrangers(s Snapshot) error {
	r := countRanks(s)
	for ordinal := range r.others {
		if r.inRange(ordinal) {
			return nil
		}
	}
	return statefulSetGoal(s)
}

func statefulSetEdits() []Edit {
	return []Edit{
		{"scale", func(t *rapid.T, obj plan.Object) string {
			replicas := rapid.Int32Range(0, 4).Draw(t, "replicas")
			obj.(*appsv1.StatefulSet).Spec.Replicas = &replicas
			return fmt.Sprintf("kubectl scale sts web --replicas %d", replicas)
		}},
		{"image", func(t *rapid.T, obj plan.Object) string {
			image := pick(t, "image", images()[1:]...)
			obj.(*appsv1.StatefulSet).Spec.Template.Spec.Containers[0].Image = image
			return fmt.Sprintf("kubectl set image sts web main=%s", image)
		}},
		{"partition", func(t *rapid.T, obj plan.Object) string {
			partition := rapid.Int32Range(0, 3).Draw(t, "partition")
			strategy := &obj.(*appsv1.StatefulSet).Spec.UpdateStrategy
			if strategy.RollingUpdate == nil {
				strategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
			}
			strategy.RollingUpdate.Partition = &partition
			return fmt.Sprintf(`kubectl patch sts web -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":%d}}}}'`, partition)
		}},
		{"minReadySeconds", func(t *rapid.T, obj plan.Object) string {
			seconds := pick[int32](t, "seconds", 0, 5)
			obj.(*appsv1.StatefulSet).Spec.MinReadySeconds = seconds
			return fmt.Sprintf(`kubectl patch sts web -p '{"spec":{"minReadySeconds":%d}}'`, seconds)
		}},
		{"retention", func(t *rapid.T, obj plan.Object) string {
			policies := []appsv1.PersistentVolumeClaimRetentionPolicyType{appsv1.RetainPersistentVolumeClaimRetentionPolicyType, appsv1.DeletePersistentVolumeClaimRetentionPolicyType}
			deleted, scaled := pick(t, "whenDeleted", policies...), pick(t, "whenScaled", policies...)
			obj.(*appsv1.StatefulSet).Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
				WhenDeleted: deleted, WhenScaled: scaled,
			}
			return fmt.Sprintf(`kubectl patch sts web -p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"%s","whenScaled":"%s"}}}'`, deleted, scaled)
		}},
	}
}

// memberships gives the invariants of a StatefulSet that hold after every write, whatever goes wrong and however the host's view
// lags. Each looks only at what its host writes, and at what was so at any time before.
func memberships(c *sim.Cluster) func(sim.Write) error {
	past := &lifetime{claims: map[string]bool{}, prefix: map[int]int{}, partition: 1 << 31}
	return func(w sim.Write) error {
		past.note(w)
		if w.By != "statefulset" {
			past.notePods(c, w.Object().GetNamespace())
			return nil
		}
		switch obj := w.Object().(type) {
		case *corev1.PersistentVolumeClaim:
			return past.keepsClaim(w, obj)
		case *corev1.Pod:
			switch {
			case w.Before == nil:
				return past.mayCome(c, obj)
			case w.Verb == "delete":
				return past.mayGo(w.Before.(*corev1.Pod))
			}
		}
		return nil
	}
}

// lifetime is what was ever so in a history.
type lifetime struct {
	start, end     int             // the ordinals that were ever wanted: start <= o < end
	latest         int             // ordinals before it were ever before the start
	least          int             // ordinals from here on were ever surplus
	partition      int             // ordinals from here on were ever reached by an update
	ordered        bool            // OrderedReady always
	deletesWithSet bool            // whenDeleted was ever Delete
	deletesWithPod bool            // whenScaled was ever Delete
	claims         map[string]bool // that ever existed: others may have deleted them behind the host's back
	prefix         map[int]int     // by start: how many pods from there on were ever ready all at once
	known          bool
}

func (l *lifetime) note(w sim.Write) {
	switch obj := w.Object().(type) {
	case *corev1.PersistentVolumeClaim:
		l.claims[obj.Name] = true
	case *appsv1.StatefulSet:
		start := 0
		if obj.Spec.Ordinals != nil {
			start = int(obj.Spec.Ordinals.Start)
		}
		end, partition := start+int(orOne(obj.Spec.Replicas)), start
		if rolling := obj.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
			partition += int(*rolling.Partition)
		}
		ordered := obj.Spec.PodManagementPolicy != appsv1.ParallelPodManagement
		if !l.known {
			l.known, l.start, l.least, l.ordered = true, start, end, ordered
		}
		l.start, l.end, l.least, l.latest = min(l.start, start), max(l.end, end), min(l.least, end), max(l.latest, start)
		l.ordered = l.ordered && ordered
		if obj.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType {
			l.partition = min(l.partition, partition)
		}
		retention := obj.Spec.PersistentVolumeClaimRetentionPolicy
		l.deletesWithSet = l.deletesWithSet || retention != nil && retention.WhenDeleted == appsv1.DeletePersistentVolumeClaimRetentionPolicyType
		l.deletesWithPod = l.deletesWithPod || retention != nil && retention.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
}

// notePods notes how many pods in a row are ready.
func (l *lifetime) notePods(c *sim.Cluster, namespace string) {
	ready := map[string]bool{}
	for _, obj := range c.Peek("Pod", namespace) {
		pod := obj.(*corev1.Pod)
		ready[pod.Name] = pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
	}
	for start := l.start; start <= l.end; start++ {
		row := 0
		for ready["web-"+strconv.Itoa(start+row)] {
			row++
		}
		l.prefix[start] = max(l.prefix[start], row)
	}
}

// keepsClaim: the host deletes no claim, and gives it to nobody but whom the retention policy ever named: the set, or the pod of an
// ordinal that was ever out of range.
func (l *lifetime) keepsClaim(w sim.Write, claim *corev1.PersistentVolumeClaim) error {
	if w.Verb == "delete" {
		return fmt.Errorf("claim %s is deleted", claim.Name)
	}
	pod := strings.TrimPrefix(claim.Name, "data-")
	for _, r := range claim.OwnerReferences {
		switch {
		case w.Before != nil && slices.ContainsFunc(w.Before.GetOwnerReferences(), func(had metav1.OwnerReference) bool { return had.UID == r.UID }):
		case r.Kind == "StatefulSet" && l.deletesWithSet:
		case r.Kind == "Pod" && r.Name == pod && l.deletesWithPod && l.wasSurplus(pod):
		default:
			return fmt.Errorf("claim %s gets an owner, %s %s, although it is to be retained", claim.Name, r.Kind, r.Name)
		}
	}
	return nil
}

// wasSurplus reports whether the ordinal of a pod was ever out of range.
func (l *lifetime) wasSurplus(pod string) bool {
	ordinal, _ := strconv.Atoi(strings.TrimPrefix(pod, "web-"))
	return ordinal < l.latest || ordinal >= l.least
}

// mayCome: a pod comes as the member that its name says, for an ordinal that was wanted, after its claims were there, and under
// OrderedReady after all before it were ready at once.
func (l *lifetime) mayCome(c *sim.Cluster, pod *corev1.Pod) error {
	ordinal, err := strconv.Atoi(strings.TrimPrefix(pod.Name, "web-"))
	switch {
	case err != nil || pod.Name != "web-"+strconv.Itoa(ordinal) || ordinal < l.start || ordinal >= l.end:
		return fmt.Errorf("pod %s comes, which nobody ever wanted", pod.Name)
	case pod.Spec.Hostname != pod.Name || pod.Labels[appsv1.StatefulSetPodNameLabel] != pod.Name || pod.Labels[appsv1.PodIndexLabel] != strconv.Itoa(ordinal):
		return fmt.Errorf("pod %s comes under another identity", pod.Name)
	}
	claim := "data-" + pod.Name
	switch {
	case !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
	}):
		return fmt.Errorf("pod %s comes without its claim", pod.Name)
	case !l.claims[claim]:
		return fmt.Errorf("pod %s comes before its claim %s", pod.Name, claim)
	}
	if !l.ordered {
		return nil
	}
	obj, err := c.Get("StatefulSet", pod.Namespace, "web")
	if err != nil {
		return nil // its host does not know yet that the set is gone
	}
	start := l.end
	if set := obj.(*appsv1.StatefulSet); metav1.IsControlledBy(pod, set) {
		start = 0
		if set.Spec.Ordinals != nil {
			start = int(set.Spec.Ordinals.Start)
		}
	}
	if start+l.prefix[start] < ordinal {
		return fmt.Errorf("OrderedReady, and pod %s comes, and those before it were never ready at once", pod.Name)
	}
	return nil
}

// mayGo: a pod goes if it is finished, was ever surplus, or was ever reached by an update.
func (l *lifetime) mayGo(pod *corev1.Pod) error {
	ordinal, _ := strconv.Atoi(strings.TrimPrefix(pod.Name, "web-"))
	if isFinished(pod) || ordinal >= l.partition || l.wasSurplus(pod.Name) {
		return nil
	}
	return fmt.Errorf("pod %s goes, which no update reached", pod.Name)
}
