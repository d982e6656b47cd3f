package plantest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/internal/revisions"
	"github.com/kubeplan/kubeplan/plan"
)

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
	isNew := g.isNew(pod, hashes)
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

func (g *garrison) isNew(pod *corev1.Pod, hashes []string) bool {
	generation := g.ds.Annotations[appsv1.DeprecatedTemplateGeneration]
	return slices.Contains(hashes, pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]) || generation != "" && pod.Labels["pod-template-generation"] == generation
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

// readiness of a pod, by its first condition of that type; one that is finished is not ready, whatever it says.
func readiness(pod *corev1.Pod, minReadySeconds int32, now time.Time) (ready, available bool) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false, false
	}
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
	hashes := currentHashes(s)
	g := countGarrison(s, hashes)
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
	backoff := backoffs(s)
	_, surge := daemonLimits(g.ds, 1)
	for _, name := range sortedKeys(g.posts) {
		p := g.posts[name]
		if p.verdict.ShouldRun && len(p.pods) == 0 && !creates[name] && len(creates) < burst {
			return fmt.Errorf("%s does not get its pod", name)
		}
		stay := 0
		for _, pod := range p.live {
			if !deletes[cmp.Or(pod.UID, types.UID(pod.Name))] && !isRelabelled(answer, pod) {
				stay++
			}
		}
		if most := 1 + min(1, surge); p.exists && p.verdict.ShouldContinue && stay > most && len(deletes) < burst {
			return fmt.Errorf("%d pods stay on %s", stay, name)
		}
		for _, pod := range p.pods {
			goes := deletes[cmp.Or(pod.UID, types.UID(pod.Name))]
			if p.exists && !p.verdict.ShouldContinue && pod.DeletionTimestamp == nil && !goes && len(deletes) < burst && !isRelabelled(answer, pod) {
				return fmt.Errorf("pod %s stays on %s", pod.Name, name)
			}
			waits := pod.Status.Phase == corev1.PodFailed && s.Now.Before(backoff[name].until) && !backoff[name].counted(pod) &&
				(g.isNew(pod, hashes) || g.ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType) // an update replaces what is not available
			if goes && p.verdict.ShouldContinue && waits {
				return fmt.Errorf("failed pod %s goes from %s, and might only at %s", pod.Name, name, backoff[name].until)
			}
		}
	}
	mayGo := func(pod *corev1.Pod) bool {
		return deletes[cmp.Or(pod.UID, types.UID(pod.Name))] || len(deletes) == burst
	}
	if err := bindsToTheirNodes(s, answer, g, mayGo); err != nil {
		return err
	}
	return compareDaemonStatus(s, g, answer.Whole.(*daemonset.Result).Status)
}

// backoff is until when the next failed pods of a node stay, and which of them have been counted before.
type backoff struct {
	until time.Time
	pods  []types.UID
}

func (b backoff) counted(pod *corev1.Pod) bool {
	return slices.Contains(b.pods, cmp.Or(pod.UID, types.UID(pod.Name)))
}

// backoffs are by node: 1 s after the first failure, twice as long after each that follows, at the most 15 min; after half an
// hour none is remembered.
func backoffs(s Snapshot) map[string]backoff {
	ds := s.Workload.(*appsv1.DaemonSet)
	memory, _ := s.Memory.(daemonset.Memory)
	all := map[string]backoff{}
	if memory.DaemonSet != ds.UID || memory.Generation != ds.Status.ObservedGeneration {
		return all
	}
	for _, f := range memory.Nodes {
		delay := time.Second
		for range f.Failures - 1 {
			delay = min(2*delay, 15*time.Minute)
		}
		if s.Now.Sub(f.Last) <= 30*time.Minute {
			all[f.Node] = backoff{f.Last.Add(delay), f.Pods}
		}
	}
	return all
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
	for _, name := range sortedKeys(g.posts) {
		if p := g.posts[name]; p.verdict.ShouldRun && p.new != 1 {
			return fmt.Errorf("%d new pods on %s", p.new, name)
		}
	}
	return daemonSetStands(s, g)
}

// daemonSetRest is where a DaemonSet comes to rest by itself: with the strategy OnDelete old pods stay.
func daemonSetRest(s Snapshot) error {
	if s.Workload.(*appsv1.DaemonSet).Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		return daemonSetStands(s, countGarrison(s, currentHashes(s)))
	}
	return daemonSetGoal(s)
}

// daemonSetStands: the same with pods old or new.
func daemonSetStands(s Snapshot, g garrison) error {
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
		case p.verdict.ShouldRun && (len(p.pods) != 1 || !p.available):
			return fmt.Errorf("%d pods on %s, or not available", len(p.pods), name)
		case !p.verdict.ShouldContinue && len(p.pods) > 0:
			return fmt.Errorf("%d pods on %s, where none belongs", len(p.pods), name)
		}
	}
	return compareDaemonStatus(s, g, g.ds.Status)
}
