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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install" // the defaults of DaemonSets
	_ "k8s.io/kubernetes/pkg/apis/core/install" // and of their templates
	"k8s.io/kubernetes/pkg/controller"
	"k8s.io/kubernetes/pkg/controller/daemon/util"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

//go:linkname getDaemonSetPatch k8s.io/kubernetes/pkg/controller/daemon.getPatch
func getDaemonSetPatch(ds *appsv1.DaemonSet) ([]byte, error)

// agent is the DaemonSet that all snapshots are about.
var agent = plan.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "default", Name: "agent", UID: "uid-agent"}

func daemonSetSnapshot(t *rapid.T) *Snapshot {
	now := Instant.Add(OneOf(t, "fraction", 500*time.Millisecond, 0))
	odd := drawDaemonOddities(t)
	ds := drawDaemonSet(t, odd, now)
	s := &Snapshot{Workload: agent, Now: now, Shuffle: Upto(t, "shuffle", 9), Objects: []plan.Object{ds}}
	if Seldom(t, "smallBurst", 8) {
		s.Burst = 1 + Upto(t, "burst", 1)
	}
	nodes := Upto(t, "nodes", 4)
	for i := range nodes {
		s.Objects = append(s.Objects, drawNode(t, i))
	}
	hashes := []string{""}
	for _, revision := range drawDaemonRevisions(t, odd, ds, now) {
		if hash := revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; hash != "" {
			hashes = append(hashes, hash, hash)
		}
		s.Objects = append(s.Objects, revision)
	}
	hashes = append(hashes, controller.ComputeHash(&ds.Spec.Template, ds.Status.CollisionCount))
	slices.Reverse(hashes)
	for i := range Upto(t, "pods", 6) {
		s.Objects = append(s.Objects, drawDaemonPod(t, odd, i, max(nodes, 1), hashes, now))
	}
	if odd.refusals {
		s.Refusals = drawDaemonRefusals(t)
	}
	draw := drawDaemonStep
	if Seldom(t, "crashing", 6) {
		draw = drawCrash
	}
	for range Upto(t, "steps", 5) {
		s.Steps = append(s.Steps, draw(t))
	}
	return s
}

// daemonSetHistory is the life of a DaemonSet that starts from nothing, as people lead it.
func daemonSetHistory(t *rapid.T) *Snapshot {
	ds := drawDaemonSet(t, daemonOddities{}, Instant)
	ds.Status = appsv1.DaemonSetStatus{}
	s := &Snapshot{Workload: agent, Now: Instant, Objects: []plan.Object{ds}}
	for i := range Upto(t, "nodes", 4) {
		s.Objects = append(s.Objects, drawNode(t, i))
	}
	for range 1 + Upto(t, "steps", 8) {
		s.Steps = append(s.Steps, drawDaemonStep(t))
	}
	return s
}

// daemonOddities are what is out of the ordinary in a snapshot: rarely more than two things at a time.
type daemonOddities struct{ deleted, revisions, pods, owners, template, refusals bool }

func drawDaemonOddities(t *rapid.T) daemonOddities {
	return daemonOddities{
		deleted:   Seldom(t, "oddlyDeleted", 20),
		revisions: Seldom(t, "oddRevisions", 5),
		pods:      Seldom(t, "oddPods", 5),
		owners:    Seldom(t, "oddOwners", 5),
		template:  Seldom(t, "oddTemplate", 4),
		refusals:  Seldom(t, "oddRefusals", 8),
	}
}

func newDaemonSet() *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{}
	ds.Namespace, ds.Name, ds.UID, ds.Generation = agent.Namespace, agent.Name, agent.UID, 1
	ds.CreationTimestamp = metav1.NewTime(Instant.Add(-200 * time.Hour))
	ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}
	ds.Spec.Template.Labels = map[string]string{"app": "agent", "tier": "node"}
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	legacyscheme.Scheme.Default(ds)
	ds.Status.ObservedGeneration = 1
	return ds
}

func drawDaemonSet(t *rapid.T, odd daemonOddities, now time.Time) *appsv1.DaemonSet {
	ds := newDaemonSet()
	ds.Generation = int64(1 + Upto(t, "generation", 2))
	ds.Spec.MinReadySeconds = OneOf[int32](t, "minReadySeconds", 0, 0, 10, 60)
	ds.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("app:%d", 1+Upto(t, "image", 2))
	limit := int32(Upto(t, "historyLimit", 2))
	ds.Spec.RevisionHistoryLimit = &limit
	ds.Spec.UpdateStrategy = drawDaemonStrategy(t)
	if Seldom(t, "generationAnnotation", 3) {
		ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: OneOf(t, "templateGeneration", "2", "x")}
	}
	if odd.template {
		oddTemplate(t, &ds.Spec.Template.Spec)
	}
	if odd.deleted {
		Deleting(ds, now, true)
	}
	number := func(label string) int32 { return int32(Upto(t, label, 3)) }
	ds.Status = appsv1.DaemonSetStatus{
		ObservedGeneration:     int64(Upto(t, "status.generation", 1)),
		DesiredNumberScheduled: number("status.desired"), CurrentNumberScheduled: number("status.current"),
		NumberReady: number("status.ready"), NumberAvailable: number("status.available"),
	}
	if Seldom(t, "status.collisions", 3) {
		collisions := int32(Upto(t, "status.collisionCount", 2))
		ds.Status.CollisionCount = &collisions
	}
	if Seldom(t, "status.conditions", 4) {
		ds.Status.Conditions = []appsv1.DaemonSetCondition{{Type: "Other", Status: corev1.ConditionTrue}}
	}
	return ds
}

// drawDaemonStrategy draws strategies that leave nothing open as often as those that leave open which nodes come first.
func drawDaemonStrategy(t *rapid.T) appsv1.DaemonSetUpdateStrategy {
	number, all, none := intstr.FromInt32(int32(1+Upto(t, "number", 1))), intstr.FromString("100%"), intstr.FromInt32(0)
	third := intstr.FromString("34%")
	unavailable, surge := &number, &none
	switch OneOf(t, "strategy", "all", "some", "surge all", "surge some", "onDelete", "third", "surge third") {
	case "all":
		unavailable = &all
	case "surge all":
		unavailable, surge = &none, &all
	case "surge some":
		unavailable, surge = &none, &number
	case "third":
		unavailable = &third
	case "surge third":
		unavailable, surge = &none, &third
	case "onDelete":
		return appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	}
	return appsv1.DaemonSetUpdateStrategy{
		Type:          appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: unavailable, MaxSurge: surge},
	}
}

func oddTemplate(t *rapid.T, spec *corev1.PodSpec) {
	spec.HostNetwork = Seldom(t, "hostNetwork", 3)
	switch OneOf(t, "selects", "", "zone", "node", "affinity", "fields", "other affinity") {
	case "zone":
		spec.NodeSelector = map[string]string{"zone": "a"}
	case "node":
		spec.NodeName = "node-1"
	case "affinity":
		spec.Affinity = requiring(drawTerm(t), drawTerm(t))
	case "fields":
		spec.Affinity = requiring(corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{
			Key: OneOf(t, "field", "metadata.name", "metadata.name", "spec.x"), Operator: OneOf(t, "fieldOperator", corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpExists),
			Values: OneOf(t, "fieldValues", []string{"node-1"}, []string{"node-2"}, []string{"node-1", "node-2"}, nil),
		}}})
	case "other affinity":
		spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{}}
	}
	for range Upto(t, "tolerations", 2) {
		toleration := corev1.Toleration{
			Key:      OneOf(t, "tolerationKey", "dedicated", corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeUnschedulable, ""),
			Operator: OneOf(t, "tolerationOperator", corev1.TolerationOpExists, corev1.TolerationOpEqual, "", corev1.TolerationOpGt),
			Effect:   OneOf(t, "tolerationEffect", "", corev1.TaintEffectNoExecute, corev1.TaintEffectNoSchedule),
			Value:    OneOf(t, "tolerationValue", "", "1"),
		}
		if Seldom(t, "tolerationSeconds", 3) {
			seconds := int64(30)
			toleration.TolerationSeconds = &seconds
		}
		spec.Tolerations = append(spec.Tolerations, toleration)
	}
}

func drawTerm(t *rapid.T) corev1.NodeSelectorTerm {
	var term corev1.NodeSelectorTerm
	for range Upto(t, "requirements", 2) {
		term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{
			Key: OneOf(t, "requirementKey", "zone", "cpus"),
			Operator: OneOf(t, "requirementOperator", corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpExists,
				corev1.NodeSelectorOpDoesNotExist, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt, "Like"),
			Values: OneOf(t, "requirementValues", []string{"a"}, []string{"4"}, nil, []string{"a", "b"}),
		})
	}
	return term
}

func requiring(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

func newNode(i int) *corev1.Node {
	node := &corev1.Node{}
	node.Name = fmt.Sprintf("node-%d", i+1)
	node.UID = types.UID("uid-" + node.Name)
	node.Labels = map[string]string{"kubernetes.io/hostname": node.Name}
	return node
}

func drawNode(t *rapid.T, i int) *corev1.Node {
	node := newNode(i)
	if zone := OneOf(t, "zone", "", "a", "b"); zone != "" {
		node.Labels["zone"] = zone
	}
	if cpus := OneOf(t, "cpus", "", "2", "8", "many"); cpus != "" {
		node.Labels["cpus"] = cpus
	}
	if Seldom(t, "tainted", 3) {
		node.Spec.Taints = append(node.Spec.Taints, drawTaint(t))
	}
	return node
}

func drawTaint(t *rapid.T) corev1.Taint {
	return corev1.Taint{
		Key: OneOf(t, "taintKey", "dedicated", "dedicated", "dedicated", corev1.TaintNodeNotReady, corev1.TaintNodeUnschedulable,
			corev1.TaintNodeNetworkUnavailable, corev1.TaintNodeOutOfService),
		Value:  OneOf(t, "taintValue", "", "1"),
		Effect: OneOf(t, "taintEffect", corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule),
	}
}

// daemonRevision is the revision that Kubernetes makes of the DaemonSet with another image.
func daemonRevision(ds *appsv1.DaemonSet, image string, number int64) *appsv1.ControllerRevision {
	ds = ds.DeepCopy()
	ds.Spec.Template.Spec.Containers[0].Image = image
	patch, err := getDaemonSetPatch(ds)
	if err != nil {
		panic(err)
	}
	hash := controller.ComputeHash(&ds.Spec.Template, ds.Status.CollisionCount)
	revision := &appsv1.ControllerRevision{Revision: number, Data: runtime.RawExtension{Raw: patch}}
	revision.Namespace, revision.Name = ds.Namespace, ds.Name+"-"+hash
	revision.UID = types.UID("uid-" + revision.Name)
	revision.Labels = map[string]string{"app": "agent", "tier": "node", appsv1.DefaultDaemonSetUniqueLabelKey: hash}
	revision.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "DaemonSet", agent.Name, agent.UID)}
	return revision
}

// drawDaemonRevisions makes a history of several images, none of which has the number of another.
func drawDaemonRevisions(t *rapid.T, odd daemonOddities, ds *appsv1.DaemonSet, now time.Time) []*appsv1.ControllerRevision {
	var history []*appsv1.ControllerRevision
	numbers := rapid.Permutation([]int64{1, 2, 3, 4, 5}).Draw(t, "revisionNumbers")
	for i := range 4 {
		if Seldom(t, "noRevision", 3) {
			continue
		}
		revision := daemonRevision(ds, fmt.Sprintf("app:%d", 1+i), numbers[i])
		revision.CreationTimestamp = Past(t, "revisionCreated", now)
		history = append(history, revision)
		if !odd.revisions {
			continue
		}
		switch OneOf(t, "revision", "", "twin", "1.33", "taken", "unlabelled", "orphan", "former", "unselected", "dying", "dying") {
		case "twin":
			twin := revision.DeepCopy()
			twin.Name, twin.UID, twin.Revision = fmt.Sprintf("agent-twin%d", i), types.UID(fmt.Sprintf("uid-twin%d", i)), numbers[4]*10+int64(i)
			twin.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = fmt.Sprintf("twin%d", i)
			history = append(history, twin)
		case "1.33":
			revision.Data.Raw = bytes.Replace(revision.Data.Raw, []byte(`"metadata":{`), []byte(`"metadata":{"creationTimestamp":null,`), 1)
		case "taken":
			revision.Data.Raw = []byte(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"agent","tier":"other"}}}}}`)
		case "unlabelled":
			delete(revision.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
		case "orphan":
			revision.OwnerReferences = nil
		case "former":
			revision.OwnerReferences[0].UID = "uid-of-another-life"
		case "unselected":
			revision.Labels["app"] = "other"
		case "dying":
			Deleting(revision, now, true)
			if Seldom(t, "dyingName", 2) { // not the one that its successor gets
				revision.Name, revision.UID = fmt.Sprintf("agent-dying%d", i), types.UID(fmt.Sprintf("uid-dying%d", i))
				revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = fmt.Sprintf("dying%d", i)
			}
		}
	}
	return history
}

// drawDaemonPod makes a pod on one of the nodes, or for one, in nearly any state.
func drawDaemonPod(t *rapid.T, odd daemonOddities, i, nodes int, hashes []string, now time.Time) *corev1.Pod {
	pod := PodStates(t, i, now)
	if pod.Status.Phase == "" {
		pod.Status.Phase = corev1.PodRunning // a server never leaves it empty
	}
	if pod.Status.Phase != corev1.PodRunning {
		setReady(pod, corev1.ConditionFalse)
	}
	pod.Labels = map[string]string{"app": "agent", "tier": "node"}
	if hash := OneOf(t, "podHash", hashes...); hash != "" {
		pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	}
	node := fmt.Sprintf("node-%d", 1+(i+Upto(t, "podNode", 1))%nodes)
	if Seldom(t, "goneNode", 20) {
		node = "node-gone"
	}
	pod.Spec.NodeName = node
	if pod.Status.Phase == corev1.PodPending && Seldom(t, "unscheduled", 2) {
		pod.Spec.NodeName, pod.Spec.Affinity = "", util.ReplaceDaemonSetPodNodeNameNodeAffinity(nil, node)
	}
	if odd.pods {
		switch OneOf(t, "odd", "", "generation", "nowhere", "generation") {
		case "generation":
			pod.Labels["pod-template-generation"] = OneOf(t, "podGeneration", "2", "1")
		case "nowhere":
			if pod.Status.Phase == corev1.PodPending {
				pod.Spec.NodeName, pod.Spec.Affinity = "", OneOf(t, "podAffinity", nil, &corev1.Affinity{},
					requiring(corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"node-1", "node-2"}}}}))
			}
		}
	}
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "DaemonSet", agent.Name, agent.UID)}
	if !odd.owners {
		return pod
	}
	switch OneOf(t, "owner", "agent", "agent", "nobody", "nobody", "former agent", "other labels") {
	case "nobody":
		pod.OwnerReferences = nil
	case "former agent":
		pod.OwnerReferences[0].UID = "uid-of-another-life"
	case "other labels":
		pod.Labels["app"] = "other"
	}
	return pod
}

func drawDaemonRefusals(t *rapid.T) []Refusal {
	name := fmt.Sprintf("pod-%d", Upto(t, "refusedPod", 5))
	switch OneOf(t, "refusal", "quota", "namespace", "delete", "update", "revision") {
	case "quota":
		return []Refusal{QuotaExceeded("Pod", Upto(t, "times", 1))}
	case "namespace":
		return []Refusal{NamespaceTerminating("Pod")}
	case "delete":
		return []Refusal{Denied("delete", "Pod", name, Upto(t, "times", 1))}
	case "update":
		return []Refusal{Denied("update", "Pod", name, Upto(t, "times", 1))}
	}
	return []Refusal{QuotaExceeded("ControllerRevision", 1)}
}

func drawDaemonStep(t *rapid.T) Step {
	return OneOf(t, "step", DaemonPodsReady(), PodsGone(), DaemonPodsReady(), PodsGone(), Pass(time.Second), Pass(10*time.Second), Pass(20*time.Minute),
		NoRefusals(), PodsUnready(), PodsFail(), PodsSucceed(), RevisionsGone(), nodeAdded(), nodeRemoved(), nodeTainted(t), changeDaemonSet(t), changeDaemonSet(t))
}

// drawCrash draws what happens to pods that fail as soon as they run: their nodes go in and out of backoff.
func drawCrash(t *rapid.T) Step {
	return OneOf(t, "crash", daemonPodsCrash(), daemonPodsCrash(), Pass(500*time.Millisecond), Pass(2*time.Second), Pass(time.Minute), Pass(20*time.Minute), changeDaemonSet(t))
}

func daemonPodsCrash() Step {
	return Step{Name: "all daemon pods start and fail", After: 500 * time.Millisecond, Do: func(w *World) {
		DaemonPodsReady().Do(w)
		PodsFail().Do(w)
	}}
}

// DaemonPodsReady makes the scheduler bind every pod to its node and the kubelets run them, those on nodes that are gone
// apart.
func DaemonPodsReady() Step {
	return Step{Name: "all daemon pods become ready", After: time.Second, Do: func(w *World) {
		EditAll(w, func(pod *corev1.Pod) {
			name, err := util.GetTargetNodeName(pod)
			if _, exists := Get[*corev1.Node](w, "", name); err != nil || !exists || pod.DeletionTimestamp != nil ||
				pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
				return
			}
			pod.Spec.NodeName = name
			pod.Status.Phase = corev1.PodRunning
			setReady(pod, corev1.ConditionTrue)
		})
	}}
}

// PodsSucceed ends every pod that runs, without a failure.
func PodsSucceed() Step {
	return Step{Name: "all pods succeed", After: time.Second, Do: func(w *World) {
		EditAll(w, func(pod *corev1.Pod) {
			if pod.Status.Phase == corev1.PodRunning {
				pod.Status.Phase = corev1.PodSucceeded
				setReady(pod, corev1.ConditionFalse)
			}
		})
	}}
}

// RevisionsGone takes away the revisions that are being deleted.
func RevisionsGone() Step {
	return Step{Name: "deleted revisions are gone", After: time.Second, Do: func(w *World) {
		for _, revision := range Objects[*appsv1.ControllerRevision](w) {
			if revision.DeletionTimestamp != nil {
				w.Remove(revision)
			}
		}
	}}
}

func nodeAdded() Step {
	return Step{Name: "node-5 is added", After: time.Second, Do: func(w *World) { w.Put(newNode(4)) }}
}

// nodeRemoved takes a node away and, as the garbage collector of pods does, what ran there.
func nodeRemoved() Step {
	return Step{Name: "node-1 is removed", After: time.Second, Do: func(w *World) {
		w.Remove(newNode(0))
		for _, pod := range Objects[*corev1.Pod](w) {
			if pod.Spec.NodeName == "node-1" {
				w.Remove(pod)
			}
		}
	}}
}

func nodeTainted(t *rapid.T) Step {
	taint := drawTaint(t)
	return Step{Name: "node-2 is tainted " + taint.ToString(), After: time.Second, Do: func(w *World) {
		Edit(w, "", "node-2", func(node *corev1.Node) { node.Spec.Taints = []corev1.Taint{taint} })
	}}
}

// changeDaemonSet draws an edit: what people change in a DaemonSet that lives.
func changeDaemonSet(t *rapid.T) Step {
	number := int32(Upto(t, "number", 2))
	image := fmt.Sprintf("app:%d", 1+Upto(t, "image", 3))
	strategy := drawDaemonStrategy(t)
	edits := map[string]func(*appsv1.DaemonSet){
		"runs " + image:     func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Image = image },
		"now runs " + image: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Image = image },
		"has the strategy " + fmt.Sprint(strategy.Type, strategy.RollingUpdate): func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy = strategy },
		fmt.Sprintf("keeps %d revisions", number):                               func(ds *appsv1.DaemonSet) { ds.Spec.RevisionHistoryLimit = &number },
		"selects zone a": func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "a"}
		},
		"tolerates everything": func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		},
	}
	name := OneOf(t, "edit", slices.Sorted(maps.Keys(edits))...)
	return Change("the DaemonSet "+name, agent, edits[name])
}
