package plantest

import (
	"cmp"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
)

// daemonSetSnapshot draws a DaemonSet named web, its history, up to four nodes and seven pods.
func daemonSetSnapshot(t *rapid.T) Snapshot {
	policy := daemonset.Policy{Burst: pick(t, "burst", 0, 0, 0, 1, 2), BindPods: rarely(t, "binds pods", 3)}
	kind := metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}
	if rarely(t, "own kind", 6) {
		kind = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Agent"}
		policy.Owner = kind
	}
	ds := drawDaemonSet(t)
	ds.TypeMeta = kind
	s := Snapshot{Now: Epoch(), Workload: ds, Policy: policy, Version: 1000}

	past := drawDaemonHistory(t, ds, policy)
	s = With(s, past...)
	nodes := Nodes(t, 4)
	s = With(s, nodes...)
	pods := Pods{
		Metadata: Metadata{
			Now:    s.Now,
			Owner:  *metav1.NewControllerRef(ds, kind.GroupVersionKind()),
			Labels: map[string]string{"app": "web"},
			Odd:    true,
		},
		Prefix:   "web",
		Template: ds.Spec.Template.Spec,
		Vary:     func(t *rapid.T, _ int, pod *corev1.Pod) { varyDaemon(t, pod, past) },
	}
	if rarely(t, "in order", 3) {
		s = With(s, onePodEach(t, ds, pods.Owner, nodes, past)...)
	} else {
		s = With(s, pods.Draw(t, 7)...)
	}
	if rarely(t, "memory", 3) {
		s.Memory = drawDaemonMemory(t, ds)
	}
	s = Disturbed(t, s, older)
	return Disturbed(t, s, func(*corev1.Node) {})
}

func drawDaemonSet(t *rapid.T) *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web", UID: "web-uid", ResourceVersion: "900", Generation: 3},
		Spec: appsv1.DaemonSetSpec{
			MinReadySeconds: pick[int32](t, "minReadySeconds", 0, 0, 5, 10),
			Selector:        pick(t, "selector", selectors()...),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: pick(t, "image", images()...)}}},
			},
			UpdateStrategy:       drawDaemonStrategy(t),
			RevisionHistoryLimit: pick(t, "revisionHistoryLimit", nil, new(int32(0)), new(int32(1))),
		},
	}
	spec := &ds.Spec.Template.Spec
	switch pick(t, "nodes", "", "", "", "ssd", "affinity", "name", "tolerant") {
	case "ssd":
		spec.NodeSelector = map[string]string{"disk": "ssd"}
	case "affinity":
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: corev1.NodeSelectorOpExists}}}},
		}}}
	case "name":
		spec.NodeName = "node-1"
	case "tolerant":
		spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	}
	if rarely(t, "no uid yet", 15) {
		ds.UID = ""
	}
	if rarely(t, "deleted", 10) {
		ds.DeletionTimestamp, ds.Finalizers = new(Past(t, "deleted", Epoch())), []string{metav1.FinalizerDeleteDependents}
	}
	if rarely(t, "template generation", 4) {
		ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "7"}
	}
	if rapid.Bool().Draw(t, "status") {
		ds.Status = drawDaemonSetStatus(t)
	}
	return ds
}

func drawDaemonStrategy(t *rapid.T) appsv1.DaemonSetUpdateStrategy {
	strategy := appsv1.DaemonSetUpdateStrategy{Type: pick(t, "strategy", "", appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType)}
	number := pick(t, "number", intstr.FromInt32(1), intstr.FromInt32(2), intstr.FromString("34%"), intstr.FromString("100%"))
	switch pick(t, "parameters", "none", "unavailable", "unavailable", "surge", "surge") {
	case "unavailable":
		strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &number}
	case "surge":
		none := intstr.FromInt32(0)
		strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &none, MaxSurge: &number}
	}
	return strategy
}

func drawDaemonSetStatus(t *rapid.T) appsv1.DaemonSetStatus {
	count := func(label string) int32 { return rapid.Int32Range(0, 4).Draw(t, label) }
	status := appsv1.DaemonSetStatus{
		ObservedGeneration:     pick[int64](t, "status.observedGeneration", 3, 2, 0),
		DesiredNumberScheduled: count("status.desired"),
		CurrentNumberScheduled: count("status.current"),
		NumberReady:            count("status.ready"),
		NumberAvailable:        count("status.available"),
		UpdatedNumberScheduled: count("status.updated"),
		CollisionCount:         pick(t, "status.collisionCount", nil, new(int32(0)), new(int32(1))),
	}
	if rarely(t, "a condition", 4) {
		status.Conditions = []appsv1.DaemonSetCondition{{Type: "Inspected", Status: corev1.ConditionTrue}}
	}
	return status
}

// drawDaemonHistory makes revisions of some images, as the planner itself makes them, in any order, some twice.
func drawDaemonHistory(t *rapid.T, ds *appsv1.DaemonSet, policy daemonset.Policy) []*appsv1.ControllerRevision {
	var past []*appsv1.ControllerRevision
	for i, image := range images()[1:] {
		if rarely(t, "forgotten", 3) {
			continue
		}
		other := ds.DeepCopy()
		other.DeletionTimestamp, other.Annotations = nil, nil
		other.Spec.Selector = selectors()[0]
		other.Spec.Template.Spec.Containers[0].Image = image
		result, err := daemonset.Plan(other, daemonset.Observed{Now: Epoch()}, policy)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(result.Actions, func(a plan.Action) bool { _, ok := a.(plan.Create); return ok })
		revision := result.Actions[at].(plan.Create).Object.(*appsv1.ControllerRevision)
		revision.UID, revision.ResourceVersion = types.UID("revision-"+strconv.Itoa(i)), strconv.Itoa(500+i)
		revision.CreationTimestamp = Past(t, "revision created", Epoch())
		revision.Revision = int64(rapid.IntRange(1, 4).Draw(t, "revision"))
		switch pick(t, "revision's state", "ours", "ours", "ours", "ours", "nobody's", "former", "unlabelled", "twice") {
		case "nobody's":
			revision.OwnerReferences = nil
		case "former":
			revision.OwnerReferences[0].UID = "uid-of-a-predecessor"
		case "unlabelled":
			delete(revision.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
		case "twice":
			twin := revision.DeepCopy()
			twin.Name, twin.UID, twin.Revision = "web-twin"+strconv.Itoa(i), types.UID("twin-"+strconv.Itoa(i)), 5
			twin.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "twin" + strconv.Itoa(i)
			past = append(past, twin)
		}
		past = append(past, revision)
	}
	return past
}

// onePodEach is how a DaemonSet looks for most of its life, and where an update begins: on each node a pod of some revision,
// mostly Ready.
func onePodEach(t *rapid.T, ds *appsv1.DaemonSet, owner metav1.OwnerReference, nodes []*corev1.Node, past []*appsv1.ControllerRevision) []*corev1.Pod {
	var pods []*corev1.Pod
	for i, node := range nodes {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: Namespace, Name: "web-" + strconv.Itoa(i), UID: types.UID("web-uid-" + strconv.Itoa(i)), ResourceVersion: strconv.Itoa(100 + 10*i),
				CreationTimestamp: Past(t, "created", Epoch()),
				Labels:            map[string]string{"app": "web", appsv1.DefaultDaemonSetUniqueLabelKey: pick(t, "hash", hashesOf(past)...)},
				OwnerReferences:   []metav1.OwnerReference{owner},
			},
			Spec: *ds.Spec.Template.Spec.DeepCopy(),
		}
		pod.Spec.NodeName, pod.Status.Phase = node.Name, corev1.PodRunning
		if !rarely(t, "unready", 5) {
			pod.Status.Conditions = []corev1.PodCondition{Ready(corev1.ConditionTrue, Past(t, "ready since", Epoch()))}
		}
		pods = append(pods, pod)
	}
	return pods
}

// hashesOf are the labels that the pods of the revisions bear, and one that nobody knows.
func hashesOf(past []*appsv1.ControllerRevision) []string {
	hashes := []string{"none"}
	for _, revision := range past {
		hashes = append(hashes, cmp.Or(revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], revision.Name))
	}
	slices.Reverse(hashes)
	return hashes
}

// varyDaemon makes a pod one of a revision, and one that is still to be scheduled to its node, or does not say to which.
func varyDaemon(t *rapid.T, pod *corev1.Pod, past []*appsv1.ControllerRevision) {
	if pod.Labels != nil {
		pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = pick(t, "hash", hashesOf(past)...)
		if rarely(t, "generation", 8) {
			pod.Labels["pod-template-generation"] = "7"
		}
	}
	if pod.Spec.NodeName == "" && !rarely(t, "no target", 6) {
		pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{
				Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{pick(t, "target", "node-1", "node-2", "node-3")},
			}}}},
		}}}
	}
}

func drawDaemonMemory(t *rapid.T, ds *appsv1.DaemonSet) daemonset.Memory {
	memory := daemonset.Memory{DaemonSet: ds.UID, Generation: ds.Status.ObservedGeneration}
	for _, node := range []string{"node-1", "node-3"} {
		memory.Nodes = append(memory.Nodes, daemonset.NodeFailures{
			Node: node, Failures: pick[int32](t, "failures", 1, 2, 5), Last: Past(t, "last failure", Epoch()).Time,
			Pods: pick(t, "failed pods", nil, []types.UID{"web-uid-1"}),
		})
	}
	return memory
}
