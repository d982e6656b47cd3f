package conformance

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/kubeplan/kubeplan/plan"
)

// stoppedByRefusedUpdate reports whether a sync ended with the refusal of an update.
func stoppedByRefusedUpdate(r Round) bool {
	return slices.ContainsFunc(r.Writes, func(w Write) bool {
		return w.Verb == "update" && w.Err != nil && r.Err != nil && strings.Contains(r.Err.Error(), w.Err.Error())
	})
}

// movedRevision reports whether the two differ in nothing but the number of a revision that was first adopted or labelled.
func movedRevision(c *Case) bool {
	odd := map[string]bool{}
	for _, revision := range ObjectsOf[*appsv1.ControllerRevision](c.Upstream.Rounds[0].Before) {
		_, labelled := revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
		odd[plan.RefTo(revision).String()] = !labelled || metav1.GetControllerOf(revision) == nil
	}
	if len(c.Upstream.State) != len(c.Ours.State) {
		return false
	}
	for name, theirs := range c.Upstream.State {
		mine, kept := c.Ours.State[name]
		if !kept || !odd[name] && !cmp.Equal(theirs, mine) {
			return false
		}
	}
	return slices.Contains(slices.Collect(maps.Values(odd)), true)
}

// announced are the events about pods that have succeeded.
func announced(run *Run) []string {
	return slices.DeleteFunc(run.Told(), func(event string) bool { return !strings.HasPrefix(event, "Normal SucceededDaemonPod") })
}

// surgeInBackoff reports whether upstream made a pod on a node where one that failed stays.
func surgeInBackoff(c *Case) bool {
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	failed := failedOn(c.Upstream.Rounds[0].Before)
	return len(theirs.created) > len(mine.created) && !slices.ContainsFunc(apart(theirs.created, mine.created), func(node string) bool { return failed[node] == 0 })
}

// countedOnly reports whether upstream counted a failure although the pod was not deleted: refused, or beyond the burst.
func countedOnly(c *Case) bool {
	hindered := c.Snapshot.Burst > 0 || len(c.Snapshot.Refusals) > 0 && c.Snapshot.Refusals[0].Verb == "delete"
	return hindered && slices.ContainsFunc(append(c.Upstream.Told(), c.Ours.Told()...), func(event string) bool { return strings.HasPrefix(event, "Warning FailedDaemonPod") })
}

// orphanDeletedAtOnce reports whether the two differ in revisions alone, and an orphan was adopted and deleted in one sync.
func orphanDeletedAtOnce(c *Case) bool {
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	if len(apart(theirs.deleted, mine.deleted))+len(apart(theirs.created, mine.created)) > 0 {
		return false
	}
	return slices.ContainsFunc(ObjectsOf[*corev1.Pod](c.Upstream.Rounds[0].Before), func(pod *corev1.Pod) bool {
		return metav1.GetControllerOf(pod) == nil && slices.Contains(theirs.deleted, onNode(pod))
	})
}

// readyNumber is numberReady as it was last written.
func readyNumber(run *Run) int32 {
	number := int32(0)
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if ds, ok := w.After.(*appsv1.DaemonSet); ok && w.Changed {
				number = ds.Status.NumberReady
			}
		}
	}
	return number
}

// orphanStays reports whether ours only did not delete orphans that upstream adopted and deleted in one sync.
func orphanStays(c *Case) bool {
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	kept := apart(theirs.deleted, mine.deleted)
	var orphans []string
	for _, pod := range ObjectsOf[*corev1.Pod](c.Upstream.Rounds[0].Before) {
		if metav1.GetControllerOf(pod) == nil {
			orphans = append(orphans, onNode(pod))
		}
	}
	return len(kept) > 0 && among(kept, orphans) && among(mine.deleted, theirs.deleted) && len(apart(theirs.created, mine.created)) == 0
}

// surgeOnGoneNode reports whether a sync of upstream ended because of a pod on such a node.
func surgeOnGoneNode(c *Case) bool {
	return slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool {
		return r.Err != nil && strings.HasPrefix(r.Err.Error(), "couldn't get node for nodeName")
	})
}

// hasTwins reports whether two revisions hold the very bytes of the template.
func hasTwins(c *Case) bool {
	twins := 0
	for _, revision := range ObjectsOf[*appsv1.ControllerRevision](c.Upstream.Rounds[0].Before) {
		if revision.Labels["app"] == "agent" && bytes.Equal(revision.Data.Raw, templateOf(c)) {
			twins++
		}
	}
	return twins > 1
}

// templateOf is the template as a revision holds it.
func templateOf(c *Case) []byte {
	ds, ok := find[*appsv1.DaemonSet](c.Upstream.Rounds[0].Before, agent.Name)
	if !ok {
		return nil
	}
	patch, err := getDaemonSetPatch(ds)
	if err != nil {
		panic(err)
	}
	return patch
}

// failedOn counts the failed pods by node.
func failedOn(objects []plan.Object) map[string]int {
	failed := map[string]int{}
	for _, pod := range ObjectsOf[*corev1.Pod](objects) {
		if node, err := util.GetTargetNodeName(pod); err == nil && pod.Status.Phase == corev1.PodFailed && pod.DeletionTimestamp == nil {
			failed[node]++
		}
	}
	return failed
}

// twoFailed reports whether a node has two failed pods, or had: then upstream counted twice what ours counted once, and the delay
// of what failed there since is another.
func twoFailed(c *Case) bool {
	now := failedOn(c.Upstream.Rounds[0].Before)
	for node, count := range failedOn(c.Snapshot.Objects) {
		if count > 1 && now[node] > 0 {
			return true
		}
	}
	return slices.Max(append(slices.Collect(maps.Values(now)), 0)) > 1
}

// openChoice reports whether the two differ only in which old and available pods they replaced first, as many as each other.
func openChoice(c *Case) bool {
	before := c.Upstream.Rounds[0].Before
	ds, ok := find[*appsv1.DaemonSet](before, agent.Name)
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	if !ok || len(theirs.deleted) != len(mine.deleted) || len(theirs.created) != len(mine.created) {
		return false
	}
	deleted, created := apart(theirs.deleted, mine.deleted), apart(theirs.created, mine.created)
	if len(deleted)+len(created) == 0 {
		return false
	}
	candidates, nodes := oldAvailable(ds, before, c.Upstream.Rounds[0].At)
	for _, name := range deleted {
		if !slices.Contains(candidates, name) {
			return false
		}
	}
	for _, name := range created {
		if !slices.Contains(nodes, name) {
			return false
		}
	}
	return true
}

// openRefusal reports whether the two differ in nothing but which deletions were refused, each of an old and available pod: one that
// another was chosen before was not asked about.
func openRefusal(c *Case) bool {
	before := c.Upstream.Rounds[0].Before
	ds, ok := find[*appsv1.DaemonSet](before, agent.Name)
	if !ok || !cmp.Equal(c.Upstream.State, c.Ours.State) {
		return false
	}
	candidates, _ := oldAvailable(ds, before, c.Upstream.Rounds[0].At)
	denied := 0
	for _, run := range []*Run{c.Upstream, c.Ours} {
		for _, round := range run.Rounds {
			for _, w := range round.Writes {
				if w.Err == nil {
					continue
				}
				pod, ok := find[*corev1.Pod](before, w.Ref.Name)
				if !ok || w.Verb != "delete" || !slices.Contains(candidates, onNode(pod)) {
					return false
				}
				denied++
			}
		}
	}
	return denied > 0
}

// idleInTerminatingNamespace reports whether upstream left something undone that ours did, and may wait for a pod that was
// never created: one that was refused in an earlier stage, or in a sync before its last.
func idleInTerminatingNamespace(c *Case) bool {
	terminating := NamespaceTerminating("Pod").Status.Message
	if len(c.Snapshot.Refusals) == 0 || c.Snapshot.Refusals[0].Status.Message != terminating {
		return false
	}
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	return (c.Stage > 0 || len(refused(c.Upstream.Rounds)) > 0) && among(theirs.deleted, mine.deleted) && among(theirs.created, mine.created)
}

// going are the revisions of the workload that are being deleted: those that hold the template, and the others.
func going(c *Case) (holding, others int) {
	for _, revision := range ObjectsOf[*appsv1.ControllerRevision](c.Upstream.Rounds[0].Before) {
		controller := metav1.GetControllerOf(revision)
		switch {
		case revision.DeletionTimestamp == nil || controller == nil || controller.UID != agent.UID:
		case bytes.Equal(revision.Data.Raw, templateOf(c)):
			holding++
		default:
			others++
		}
	}
	return holding, others
}

// reliesOnGoing reports whether upstream takes a revision that goes for that of the template: on either side the same pods go and
// come, but for what is left open and for nodes with a pod that bears the hash of its successor already, which ours makes at
// once.
func reliesOnGoing(c *Case) bool {
	holding, _ := going(c)
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	ahead := map[string]bool{}
	for _, pod := range ObjectsOf[*corev1.Pod](c.Ours.Rounds[0].Before) {
		if _, made := c.Ours.State["ControllerRevision default/agent-"+pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]]; made {
			node, _ := util.GetTargetNodeName(pod)
			ahead[node] = true
		}
	}
	elsewhere := slices.DeleteFunc(append(apart(theirs.deleted, mine.deleted), apart(theirs.created, mine.created)...), func(at string) bool {
		return ahead[at[strings.LastIndex(at, " ")+1:]]
	})
	return holding > 0 && (len(elsewhere) == 0 || openChoice(c))
}

// countsGoing reports whether the two differ in nothing but that ours keeps revisions, no more than there are that go.
func countsGoing(c *Case) bool {
	_, others := going(c)
	kept := 0
	for name, mine := range c.Ours.State {
		switch theirs, there := c.Upstream.State[name]; {
		case there && cmp.Equal(theirs, mine):
		case there || !strings.HasPrefix(name, "ControllerRevision "):
			return false
		default:
			kept++
		}
	}
	return 0 < kept && kept <= others && len(c.Ours.State) == len(c.Upstream.State)+kept
}

// among reports whether all of the names are among the others.
func among(names, others []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(others, name) })
}

// uncleanHistory reports whether the two differ in nothing but which revisions are left, and upstream, which was refused something,
// deleted none until then, or chose by the pods that were there later.
func uncleanHistory(c *Case) bool {
	if len(refused(c.Upstream.Rounds)) == 0 || len(c.Ours.State) > len(c.Upstream.State) {
		return false
	}
	differ := 0
	names := maps.Clone(c.Upstream.State)
	maps.Copy(names, c.Ours.State)
	for name := range names {
		theirs, kept := c.Upstream.State[name]
		mine, keeps := c.Ours.State[name]
		switch {
		case kept && keeps && !cmp.Equal(theirs, mine), kept != keeps && !strings.HasPrefix(name, "ControllerRevision "):
			return false
		case kept != keeps:
			differ++
		}
	}
	return differ > 0
}

// openBurst reports whether the two differ only in what they did first: a burst takes what the informer lists first.
func openBurst(c *Case) bool {
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	return c.Snapshot.Burst > 0 && len(theirs.deleted) == len(mine.deleted) && len(theirs.created) == len(mine.created) &&
		len(apart(theirs.deleted, mine.deleted))+len(apart(theirs.created, mine.created)) == 0
}

// chosen are the pods that were deleted, each with its node, and the nodes that got one.
type chosen struct{ deleted, created []string }

func podWrites(rounds []Round) chosen {
	var c chosen
	for _, r := range rounds {
		for _, w := range r.Writes {
			switch {
			case w.Ref.Kind != "Pod" || !w.Changed:
			case w.Verb == "delete":
				if pod, ok := find[*corev1.Pod](r.Before, w.Ref.Name); ok {
					c.deleted = append(c.deleted, onNode(pod))
				}
			case w.Verb == "create":
				node, _ := util.GetTargetNodeName(w.After.(*corev1.Pod))
				c.created = append(c.created, node)
			}
		}
	}
	return c
}

// onNode tells a pod from others even if an API server gave its name.
func onNode(pod *corev1.Pod) string {
	node, err := util.GetTargetNodeName(pod)
	if err != nil {
		node = "nowhere"
	}
	return anonymous(pod.Name) + " on " + node
}

// apart are the names that only one of the two has.
func apart(a, b []string) []string {
	var only []string
	for _, lists := range [][2][]string{{a, b}, {b, a}} {
		for _, name := range lists[0] {
			if !slices.Contains(lists[1], name) {
				only = append(only, name)
			}
		}
	}
	return only
}

// oldAvailable are the pods that are not up to date and available, and their nodes: those among which an update chooses.
func oldAvailable(ds *appsv1.DaemonSet, objects []plan.Object, at time.Time) (names, nodes []string) {
	patch, err := getDaemonSetPatch(ds)
	if err != nil {
		return nil, nil
	}
	var hashes []string
	for _, revision := range ObjectsOf[*appsv1.ControllerRevision](objects) {
		if bytes.Equal(revision.Data.Raw, patch) {
			hashes = append(hashes, revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey])
		}
	}
	generation, err := util.GetTemplateGeneration(ds)
	if err != nil {
		generation = nil
	}
	for _, pod := range ObjectsOf[*corev1.Pod](objects) {
		isCurrent := slices.ContainsFunc(hashes, func(hash string) bool { return util.IsPodUpdated(pod, hash, generation) })
		if isCurrent || util.IsPodUpdated(pod, "", generation) || pod.DeletionTimestamp != nil || !podutil.IsPodAvailable(pod, ds.Spec.MinReadySeconds, metav1.NewTime(at)) {
			continue
		}
		if node, err := util.GetTargetNodeName(pod); err == nil {
			names, nodes = append(names, onNode(pod)), append(nodes, node)
		}
	}
	return names, nodes
}
