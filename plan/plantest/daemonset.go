package plantest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/internal/revisions"
	"github.com/kubeplan/kubeplan/plan"
)

// DaemonSetInput is what daemonset.Plan takes.
type DaemonSetInput struct {
	DaemonSet *appsv1.DaemonSet
	Observed  daemonset.Observed
	Policy    daemonset.Policy
}

// DaemonSets is the planner of package daemonset as a subject.
func DaemonSets() Subject[DaemonSetInput] {
	return Subject[DaemonSetInput]{
		Name:      "DaemonSet",
		Snapshots: rapid.Custom(daemonSetSnapshot),
		Input: func(s Snapshot) DaemonSetInput {
			ds, _ := s.Workload.(*appsv1.DaemonSet)
			memory, _ := s.Memory.(daemonset.Memory)
			return DaemonSetInput{
				DaemonSet: ds,
				Observed: daemonset.Observed{
					Now:       s.Now,
					Nodes:     All[*corev1.Node](s),
					Pods:      All[*corev1.Pod](s),
					Revisions: All[*appsv1.ControllerRevision](s),
					Pending:   s.Pending,
					Memory:    memory,
				},
				Policy: s.Policy.(daemonset.Policy),
			}
		},
		Plan: func(in DaemonSetInput) (Answer, error) {
			result, err := daemonset.Plan(in.DaemonSet, in.Observed, in.Policy)
			return Answer{Result: result.Result, Whole: &result, Memory: result.Memory}, err
		},
		Break:    breakDaemonSet,
		Defaults: defaultDaemonSet,
		Step:     daemonSetStep,
		Whole:    daemonSetPlan,
		Goal:     daemonSetGoal,
		Rounds:   30, // with a burst of 1: seven pods go, four come, and the history
	}
}

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
	s = With(s, Nodes(t, 4)...)
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
	s = With(s, pods.Draw(t, 7)...)
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

// varyDaemon makes a pod one of a revision, and one that is still to be scheduled to its node, or does not say to which.
func varyDaemon(t *rapid.T, pod *corev1.Pod, past []*appsv1.ControllerRevision) {
	hashes := []string{"none"}
	for _, revision := range past {
		hashes = append(hashes, cmp.Or(revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], revision.Name))
	}
	slices.Reverse(hashes)
	if pod.Labels != nil {
		pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = pick(t, "hash", hashes...)
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

func breakDaemonSet(t *rapid.T, s Snapshot) (Snapshot, string) {
	policy := s.Policy.(daemonset.Policy)
	ds := s.Workload.(*appsv1.DaemonSet).DeepCopy()
	s.Workload = ds
	rolling := func(unavailable, surge intstr.IntOrString) {
		ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &unavailable, MaxSurge: &surge}}
	}
	zero, one := intstr.FromInt32(0), intstr.FromInt32(1)
	what := pick(t, "wrong", "daemonSet", "spec.minReadySeconds", "spec.selector", "spec.selector.matchExpressions[0].operator",
		"spec.template.metadata.labels", "spec.template.spec.restartPolicy", "spec.template.spec.activeDeadlineSeconds",
		"spec.updateStrategy", "spec.updateStrategy.rollingUpdate.maxUnavailable", "spec.updateStrategy.rollingUpdate.maxSurge",
		"spec.revisionHistoryLimit", "policy.burst", "policy.owner.apiVersion", "policy.owner.kind")
	switch what {
	case "daemonSet":
		s.Workload = nil
	case "spec.minReadySeconds":
		ds.Spec.MinReadySeconds = -1
	case "spec.selector":
		ds.Spec.Selector = nil
	case "spec.selector.matchExpressions[0].operator":
		ds.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Near"}}}
	case "spec.template.metadata.labels":
		ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
		ds.Spec.Template.Labels = map[string]string{"app": "site"}
	case "spec.template.spec.restartPolicy":
		ds.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	case "spec.template.spec.activeDeadlineSeconds":
		ds.Spec.Template.Spec.ActiveDeadlineSeconds = new(int64(1))
	case "spec.updateStrategy":
		ds.Spec.UpdateStrategy.Type = "Recreate"
	case "spec.updateStrategy.rollingUpdate.maxUnavailable":
		rolling(pick(t, "maxUnavailable", zero, intstr.FromInt32(-1), intstr.FromString("101%"), intstr.FromString("many")), zero)
	case "spec.updateStrategy.rollingUpdate.maxSurge":
		rolling(pick(t, "maxUnavailable", zero, one), pick(t, "maxSurge", intstr.FromInt32(-1), intstr.FromString("101%")))
	case "spec.revisionHistoryLimit":
		ds.Spec.RevisionHistoryLimit = new(int32(-1))
	case "policy.burst":
		policy.Burst = -1
	case "policy.owner.apiVersion":
		policy.Owner = metav1.TypeMeta{Kind: "Agent"}
	case "policy.owner.kind":
		policy.Owner = metav1.TypeMeta{APIVersion: "example.com/v1"}
	}
	s.Policy = policy
	return s, what
}

func defaultDaemonSet(obj plan.Object) plan.Object {
	ds := obj.(*appsv1.DaemonSet).DeepCopy()
	strategy := &ds.Spec.UpdateStrategy
	strategy.Type = cmp.Or(strategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if strategy.RollingUpdate == nil {
			strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		if strategy.RollingUpdate.MaxUnavailable == nil {
			strategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(1))
		}
		if strategy.RollingUpdate.MaxSurge == nil {
			strategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(0))
		}
	}
	if ds.Spec.RevisionHistoryLimit == nil {
		ds.Spec.RevisionHistoryLimit = new(int32(10))
	}
	return ds
}

// garrison is what the formulas of a DaemonSet are about, counted in the plainest way.
type garrison struct {
	ds             *appsv1.DaemonSet
	posts          map[string]*post
	strays         int // orphans to adopt, pods to release
	desired        int
	unavailable    int // nodes where the pod belongs, without an available one
	surge, without int // the limits, in nodes
}

// post is a node.
type post struct {
	verdict          daemonset.Verdict
	exists           bool
	pods             []*corev1.Pod // all that count, those that are being deleted too
	live             []*corev1.Pod // neither finished nor being deleted
	old, new         int           // of the pods that are not being deleted
	available        bool          // any of the live ones
	serving, surging bool          // an old pod is available; beside it there is a new one that is not
}

func countGarrison(s Snapshot, hashes []string) garrison {
	ds := s.Workload.(*appsv1.DaemonSet)
	g := garrison{ds: ds, posts: map[string]*post{}}
	view := s.consistent()
	for _, node := range All[*corev1.Node](view) {
		verdict := daemonset.ShouldRun(node, ds)
		g.posts[node.Name] = &post{verdict: verdict, exists: true}
		if verdict.ShouldRun {
			g.desired++
		}
	}
	selector, _ := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	unadoptable := refusedUpdates(s.Pending)
	for _, pod := range All[*corev1.Pod](view) {
		if selector.Empty() || pod.Namespace != ds.Namespace || unadoptable[pod.UID] {
			continue
		}
		selected, ours, going := selector.Matches(labels.Set(pod.Labels)), s.controls(pod), pod.DeletionTimestamp != nil
		orphan := metav1.GetControllerOf(pod) == nil
		switch {
		case orphan && selected && !going, ours && !selected && !going:
			g.strays++
		}
		if selected && (ours || orphan && !going && ds.DeletionTimestamp == nil) {
			g.add(pod, s.Now, hashes)
		}
	}
	for _, p := range g.posts {
		if p.verdict.ShouldRun && !p.available {
			g.unavailable++
		}
	}
	g.without, g.surge = daemonLimits(ds, g.desired)
	return g
}

func (g *garrison) add(pod *corev1.Pod, now time.Time, hashes []string) {
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	name := targetOf(pod)
	if name == "" || finished && pod.DeletionTimestamp != nil {
		return
	}
	p := g.posts[name]
	if p == nil {
		p = &post{}
		g.posts[name] = p
	}
	p.pods = append(p.pods, pod)
	if pod.DeletionTimestamp != nil {
		return
	}
	generation := g.ds.Annotations[appsv1.DeprecatedTemplateGeneration]
	isNew := slices.Contains(hashes, pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]) || generation != "" && pod.Labels["pod-template-generation"] == generation
	_, available := readiness(pod, g.ds.Spec.MinReadySeconds, now)
	if isNew {
		p.new++
	} else {
		p.old++
	}
	if !finished {
		p.live = append(p.live, pod)
		p.available = p.available || available
		p.serving = p.serving || available && !isNew
		p.surging = p.surging || isNew && !available
	}
}

// targetOf is the node that a pod is on or asks for.
func targetOf(pod *corev1.Pod) string {
	if pod.Spec.NodeName != "" || pod.Spec.Affinity == nil || pod.Spec.Affinity.NodeAffinity == nil ||
		pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return pod.Spec.NodeName
	}
	for _, term := range pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			return field.Values[0]
		}
	}
	return ""
}

// readiness of a pod, by its first condition of that type.
func readiness(pod *corev1.Pod, minReadySeconds int32, now time.Time) (ready, available bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			ready = c.Status == corev1.ConditionTrue
			since := c.LastTransitionTime
			return ready, ready && (minReadySeconds == 0 || !since.IsZero() && now.Sub(since.Time).Seconds() >= float64(minReadySeconds))
		}
	}
	return false, false
}

// daemonLimits gives how many nodes may lack an available pod, and how many may have a second one, during an update.
func daemonLimits(ds *appsv1.DaemonSet, nodes int) (without, surge int) {
	strategy := defaultDaemonSet(ds).(*appsv1.DaemonSet).Spec.UpdateStrategy
	if strategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		return 0, 0
	}
	without, _ = intstr.GetScaledValueFromIntOrPercent(strategy.RollingUpdate.MaxUnavailable, nodes, true)
	surge, _ = intstr.GetScaledValueFromIntOrPercent(strategy.RollingUpdate.MaxSurge, nodes, true)
	return without, surge
}

// allowsTwo reports whether a node may have two pods, however few nodes there are.
func allowsTwo(ds *appsv1.DaemonSet) bool {
	_, surge := daemonLimits(ds, 1)
	return surge > 0
}

// currentHashes are the labels of pods that are up to date, by the revisions that hold the template in any of the snapshots.
func currentHashes(snapshots ...Snapshot) []string {
	var hashes []string
	for _, s := range snapshots {
		ds := s.Workload.(*appsv1.DaemonSet)
		patch, _ := revisions.Patch(&ds.Spec.Template)
		selector, _ := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
		for _, revision := range All[*appsv1.ControllerRevision](s.consistent()) {
			own := s.controls(revision) || metav1.GetControllerOf(revision) == nil || revision.Name == ds.Name+"-"+revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
			if own && selector.Matches(labels.Set(revision.Labels)) && revisions.Holds(revision, patch) {
				hashes = append(hashes, cmp.Or(revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], revision.Name))
			}
		}
	}
	return hashes
}

// daemonSetStep: no node gets a pod too many or one where it does not belong; no more nodes lose their available pod than the
// strategy allows, and no more get a second one.
func daemonSetStep(before, after Snapshot) error {
	hashes := currentHashes(before, after)
	b, a := countGarrison(before, hashes), countGarrison(after, hashes)
	most := 1
	if allowsTwo(b.ds) {
		most = 2
	}
	lost, surging, surged := 0, 0, 0
	for _, name := range sortedKeys(a.posts) {
		now, then := a.posts[name], b.posts[name]
		if then == nil {
			then = &post{}
		}
		if len(now.live) > max(most, len(then.live)) {
			return fmt.Errorf("%d pods on %s, where there were %d", len(now.live), name, len(then.live))
		}
		if len(now.pods) > len(then.pods) && !now.verdict.ShouldRun {
			return fmt.Errorf("a new pod on %s, where it does not belong", name)
		}
		excess := then.old > 1 || then.new > 1 || len(then.live) > most // the first of them stays, available or not
		if then.verdict.ShouldRun && then.available && !now.available && !excess {
			lost++
		}
		if then.serving && then.surging {
			surged++
		}
		if now.serving && now.surging {
			surging++
		}
	}
	if budget := b.without - b.unavailable; lost > max(0, budget) {
		return fmt.Errorf("%d nodes lose their available pod, %d may", lost, max(0, budget))
	}
	if surging > max(surged, b.surge) {
		return fmt.Errorf("%d nodes have a second pod, where %d had and %d may", surging, surged, b.surge)
	}
	return nil
}

// daemonSetPlan: the status is what is there, the burst is kept, what is missing comes and what is misplaced goes.
func daemonSetPlan(s Snapshot, answer Answer, _ func(Snapshot) Answer) error {
	g := countGarrison(s, currentHashes(s))
	if g.ds.DeletionTimestamp != nil || len(g.ds.Spec.Selector.MatchLabels)+len(g.ds.Spec.Selector.MatchExpressions) == 0 {
		if !answer.Empty() {
			return errors.New("something is done")
		}
		return nil
	}
	burst := cmp.Or(s.Policy.(daemonset.Policy).Burst, 250)
	creates, deletes := map[string]bool{}, map[types.UID]bool{}
	for _, action := range answer.Actions {
		switch a := action.(type) {
		case plan.Create:
			if pod, ok := a.Object.(*corev1.Pod); ok {
				creates[targetOf(pod)] = true
			}
		case plan.Delete:
			if a.Object.Kind == "Pod" {
				deletes[cmp.Or(a.Object.UID, types.UID(a.Object.Name))] = true
			}
		}
	}
	if len(creates) > burst || len(deletes) > burst {
		return fmt.Errorf("%d creations and %d deletions, the burst is %d", len(creates), len(deletes), burst)
	}
	for _, name := range sortedKeys(g.posts) {
		p := g.posts[name]
		if p.verdict.ShouldRun && len(p.pods) == 0 && !creates[name] && len(creates) < burst {
			return fmt.Errorf("%s does not get its pod", name)
		}
		for _, pod := range p.pods {
			goes := deletes[cmp.Or(pod.UID, types.UID(pod.Name))]
			if p.exists && !p.verdict.ShouldContinue && pod.DeletionTimestamp == nil && !goes && len(deletes) < burst && !isRelabelled(answer, pod) {
				return fmt.Errorf("pod %s stays on %s", pod.Name, name)
			}
		}
	}
	return compareDaemonStatus(s, g, answer.Whole.(*daemonset.Result).Status)
}

func isRelabelled(answer Answer, pod *corev1.Pod) bool {
	return slices.ContainsFunc(answer.Actions, func(action plan.Action) bool {
		update, ok := action.(plan.Update)
		return ok && update.After.GetName() == pod.Name
	})
}

// compareDaemonStatus compares a status with what is there: of each node the first pod counts, the scheduled before the others,
// then the oldest. Orphans count from their adoption on.
func compareDaemonStatus(s Snapshot, g garrison, got appsv1.DaemonSetStatus) error {
	want := appsv1.DaemonSetStatus{
		ObservedGeneration:     max(g.ds.Generation, g.ds.Status.ObservedGeneration),
		DesiredNumberScheduled: int32(g.desired),
		CollisionCount:         got.CollisionCount,
		Conditions:             got.Conditions,
	}
	hashes := currentHashes(s)
	for _, p := range g.posts {
		own := slices.DeleteFunc(slices.Clone(p.pods), func(pod *corev1.Pod) bool { return !s.controls(pod) })
		if !p.exists || len(own) == 0 {
			continue
		}
		first := slices.MinFunc(own, func(a, b *corev1.Pod) int {
			scheduled := func(pod *corev1.Pod) int { return min(1, len(pod.Spec.NodeName)) }
			return cmp.Or(cmp.Compare(scheduled(b), scheduled(a)), a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
		})
		if !p.verdict.ShouldRun {
			want.NumberMisscheduled++
			continue
		}
		want.CurrentNumberScheduled++
		ready, available := readiness(first, g.ds.Spec.MinReadySeconds, s.Now)
		if ready {
			want.NumberReady++
		}
		if available {
			want.NumberAvailable++
		}
		generation := g.ds.Annotations[appsv1.DeprecatedTemplateGeneration]
		if slices.Contains(hashes, first.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]) || generation != "" && first.Labels["pod-template-generation"] == generation {
			want.UpdatedNumberScheduled++
		}
	}
	want.NumberUnavailable = want.DesiredNumberScheduled - want.NumberAvailable
	if !same(want, got) {
		return fmt.Errorf("the status is behind:\n%s", difference(want, got))
	}
	return nil
}

// daemonSetGoal: one new and available pod on each node where it belongs, none where it must not be, and a status that says so.
func daemonSetGoal(s Snapshot) error {
	g := countGarrison(s, currentHashes(s))
	switch {
	case g.ds.DeletionTimestamp != nil:
		return errors.New("the DaemonSet is being deleted")
	case len(g.ds.Spec.Selector.MatchLabels)+len(g.ds.Spec.Selector.MatchExpressions) == 0:
		return errors.New("the selector is empty")
	case g.strays > 0:
		return fmt.Errorf("%d pods to adopt or to release", g.strays)
	}
	for _, name := range sortedKeys(g.posts) {
		p := g.posts[name]
		switch {
		case p.verdict.ShouldRun && (len(p.pods) != 1 || p.new != 1 || !p.available):
			return fmt.Errorf("%d pods on %s, %d of them new", len(p.pods), name, p.new)
		case !p.verdict.ShouldContinue && len(p.pods) > 0:
			return fmt.Errorf("%d pods on %s, where none belongs", len(p.pods), name)
		}
	}
	return compareDaemonStatus(s, g, g.ds.Status)
}
