package conformance

import (
	"bytes"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/kubeplan/kubeplan/plan"
)

// soundDaemons reports what must hold of ours whatever row explains a difference: without it a feature of the snapshot would excuse anything.
// Each pod that goes has a reason to; a new one comes only where one belongs; a new revision has the next number; of the
// revisions that hold the template the newest stays; and where all is well nothing old is left.
func soundDaemons(c *Case) bool {
	for _, round := range c.Ours.Rounds {
		if ds, ok := find[*appsv1.DaemonSet](round.Before, agent.Name); ok && !keepsAvailable(ds, round) {
			return false
		}
		for _, w := range round.Writes {
			if !w.Changed {
				continue
			}
			ds, ok := find[*appsv1.DaemonSet](round.Before, agent.Name)
			if !ok {
				return false
			}
			switch obj := w.After.(type) {
			case *corev1.Pod:
				if w.Verb == "create" && !belongs(ds, obj, round.Before) {
					return false
				}
			case *appsv1.ControllerRevision:
				if w.Verb == "create" && obj.Revision != nextNumber(ds, round) {
					return false
				}
			}
			if w.Ref.Kind != "Pod" || w.Verb != "delete" {
				continue
			}
			if pod, ok := find[*corev1.Pod](round.Before, w.Ref.Name); !ok || !hasReasonToGo(ds, pod, round) {
				return false
			}
		}
	}
	return keepsNewestTwin(c) && leavesNothingOld(c) && countsNodes(c)
}

// countsNodes reports whether the status at rest has the right number of nodes.
func countsNodes(c *Case) bool {
	last := c.Ours.Rounds[len(c.Ours.Rounds)-1]
	ds, ok := find[*appsv1.DaemonSet](last.Before, agent.Name)
	if !ok || !c.Ours.Rested || len(c.Snapshot.Refusals) > 0 || ds.DeletionTimestamp != nil {
		return true
	}
	desired, others := int32(0), int32(0)
	for _, node := range ObjectsOf[*corev1.Node](last.Before) {
		if run, _ := daemon.NodeShouldRunDaemonPod(klog.Background(), node, ds); run {
			desired++
		} else {
			others++
		}
	}
	status := ds.Status
	return status.DesiredNumberScheduled == desired && status.NumberMisscheduled <= others && status.CurrentNumberScheduled <= desired &&
		max(status.UpdatedNumberScheduled, status.NumberReady, status.NumberAvailable) <= status.CurrentNumberScheduled
}

// belongs reports whether the pod is made for a node that takes it.
func belongs(ds *appsv1.DaemonSet, pod *corev1.Pod, objects []plan.Object) bool {
	name, err := util.GetTargetNodeName(pod)
	if err != nil {
		return false
	}
	node, ok := find[*corev1.Node](objects, name)
	if !ok {
		return false
	}
	run, _ := daemon.NodeShouldRunDaemonPod(klog.Background(), node, ds)
	return run
}

// hasReasonToGo reports whether the pod is finished, misplaced, one too many, or replaced.
func hasReasonToGo(ds *appsv1.DaemonSet, pod *corev1.Pod, round Round) bool {
	name, err := util.GetTargetNodeName(pod)
	node, ok := find[*corev1.Node](round.Before, name)
	switch {
	case err != nil:
		return false
	case podutil.IsPodTerminal(pod):
		return true
	case !ok:
		return pod.Spec.NodeName == "" || isReplaceable(ds, pod, round)
	}
	if _, stay := daemon.NodeShouldRunDaemonPod(klog.Background(), node, ds); !stay {
		return true
	}
	return isSurplus(ds, pod, round) || isReplaceable(ds, pod, round)
}

// isReplaceable reports whether an update may delete the pod: it is of an old revision.
func isReplaceable(ds *appsv1.DaemonSet, pod *corev1.Pod, round Round) bool {
	return ds.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType && !isUpToDate(ds, pod, known(round))
}

// isSurplus reports whether another pod that runs, of the same node and the same workload, is kept before this one: scheduled
// rather than not, and the oldest. With surge there is one of the old and one of the new on a node.
func isSurplus(ds *appsv1.DaemonSet, pod *corev1.Pod, round Round) bool {
	name, _ := util.GetTargetNodeName(pod)
	return slices.ContainsFunc(running(round.Before, name), func(other *corev1.Pod) bool {
		alike := !util.AllowsSurge(ds) || isUpToDate(ds, other, known(round)) == isUpToDate(ds, pod, known(round))
		return alike && other.Name != pod.Name && keptBefore(other, pod)
	})
}

func keptBefore(a, b *corev1.Pod) bool {
	if isScheduled := a.Spec.NodeName != ""; isScheduled != (b.Spec.NodeName != "") {
		return isScheduled
	}
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order < 0
	}
	return a.Name < b.Name
}

// running are the workload's pods of a node that are neither finished nor being deleted.
func running(objects []plan.Object, node string) []*corev1.Pod {
	return slices.DeleteFunc(ObjectsOf[*corev1.Pod](objects), func(pod *corev1.Pod) bool {
		at, err := util.GetTargetNodeName(pod)
		controller := metav1.GetControllerOf(pod)
		return err != nil || at != node || podutil.IsPodTerminal(pod) || pod.DeletionTimestamp != nil ||
			controller == nil || controller.UID != agent.UID || pod.Labels["app"] != "agent"
	})
}

// keepsAvailable reports whether an update without surge deletes no more available pods in a round than it may: each that is neither
// misplaced nor one too many counts, and so does each node without an available one.
func keepsAvailable(ds *appsv1.DaemonSet, round Round) bool {
	isAvailable := func(pod *corev1.Pod) bool {
		return podutil.IsPodAvailable(pod, ds.Spec.MinReadySeconds, metav1.NewTime(round.At))
	}
	if util.AllowsSurge(ds) {
		return true
	}
	desired, without, lost := 0, 0, 0
	for _, node := range ObjectsOf[*corev1.Node](round.Before) {
		run, _ := daemon.NodeShouldRunDaemonPod(klog.Background(), node, ds)
		if !run {
			continue
		}
		desired++
		pods := running(round.Before, node.Name)
		if !slices.ContainsFunc(pods, isAvailable) {
			without++
		}
		for _, w := range round.Writes {
			at := slices.IndexFunc(pods, func(pod *corev1.Pod) bool { return pod.Name == w.Ref.Name })
			if w.Ref.Kind == "Pod" && w.Verb == "delete" && w.Changed && at >= 0 && isAvailable(pods[at]) && !isSurplus(ds, pods[at], round) {
				lost++
			}
		}
	}
	may, err := util.UnavailableCount(ds, desired)
	return err == nil && lost <= max(0, may-without)
}

// known is what a plan knows of: what there was, and the revision that it makes.
func known(round Round) []plan.Object {
	objects := slices.Clone(round.Before)
	for _, w := range round.Writes {
		if w.Ref.Kind == "ControllerRevision" && w.Verb == "create" && w.Changed {
			objects = append(objects, w.After)
		}
	}
	return objects
}

// isUpToDate goes by the generation of the template, or by the hash of any revision that holds it.
func isUpToDate(ds *appsv1.DaemonSet, pod *corev1.Pod, objects []plan.Object) bool {
	generation, err := util.GetTemplateGeneration(ds)
	if err != nil {
		generation = nil
	}
	if util.IsPodUpdated(pod, "", generation) {
		return true
	}
	return slices.ContainsFunc(holding(ds, objects), func(r *appsv1.ControllerRevision) bool {
		return util.IsPodUpdated(pod, r.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], generation)
	})
}

// holding are the revisions that hold the template, as this server writes it or as older ones did, whoever owns them: one that
// bears the right name stands for one of our own.
func holding(ds *appsv1.DaemonSet, objects []plan.Object) []*appsv1.ControllerRevision {
	patch, err := getDaemonSetPatch(ds)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(ObjectsOf[*appsv1.ControllerRevision](objects), func(r *appsv1.ControllerRevision) bool {
		return !bytes.Equal(bytes.Replace(r.Data.Raw, []byte(`"creationTimestamp":null,`), nil, 1), patch)
	})
}

// historyOf are the revisions that are the workload's, or nobody's and selected.
func historyOf(objects []plan.Object) []*appsv1.ControllerRevision {
	return slices.DeleteFunc(ObjectsOf[*appsv1.ControllerRevision](objects), func(r *appsv1.ControllerRevision) bool {
		controller := metav1.GetControllerOf(r)
		return r.DeletionTimestamp != nil || r.Labels["app"] != "agent" || controller != nil && controller.UID != agent.UID
	})
}

// nextNumber is the number behind those of the history and of what goes from it, what holds the template apart.
func nextNumber(ds *appsv1.DaemonSet, round Round) int64 {
	next := int64(1)
	for _, revision := range historyOf(round.Before) {
		next = max(next, revision.Revision+1)
	}
	for _, revision := range ObjectsOf[*appsv1.ControllerRevision](round.Before) {
		if revision.DeletionTimestamp != nil && metav1.IsControlledBy(revision, ds) && !slices.Contains(holding(ds, round.Before), revision) {
			next = max(next, revision.Revision+1)
		}
	}
	return next
}

// keepsNewestTwin reports whether both keep the same of the revisions that hold the very bytes of the template. Ours keeps another
// as long as one of its pods is left.
func keepsNewestTwin(c *Case) bool {
	before, after := c.Ours.Rounds[0].Before, c.Ours.Rounds[len(c.Ours.Rounds)-1].Before
	if !hasTwins(c) || len(c.Snapshot.Refusals) > 0 {
		return true
	}
	for _, revision := range historyOf(before) {
		if !bytes.Equal(revision.Data.Raw, templateOf(c)) {
			continue
		}
		_, theirs := c.Upstream.State["ControllerRevision default/"+revision.Name]
		_, mine := c.Ours.State["ControllerRevision default/"+revision.Name]
		isLive := slices.ContainsFunc(ObjectsOf[*corev1.Pod](after), func(pod *corev1.Pod) bool {
			return pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
		})
		if theirs && !mine || mine && !theirs && !isLive {
			return false
		}
	}
	return true
}

// leavesNothingOld reports whether an update has gone on as long as all pods were available.
func leavesNothingOld(c *Case) bool {
	last := c.Ours.Rounds[len(c.Ours.Rounds)-1]
	ds, ok := find[*appsv1.DaemonSet](last.Before, agent.Name)
	if !ok || !c.Ours.Rested || len(c.Snapshot.Refusals) > 0 || ds.DeletionTimestamp != nil || ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		return true
	}
	old := false
	for _, pod := range ObjectsOf[*corev1.Pod](last.Before) {
		if !podutil.IsPodAvailable(pod, ds.Spec.MinReadySeconds, metav1.NewTime(last.At)) || pod.DeletionTimestamp != nil {
			return true
		}
		controller := metav1.GetControllerOf(pod)
		ours := controller != nil && controller.UID == agent.UID && pod.Labels["app"] == "agent"
		old = old || ours && belongs(ds, pod, last.Before) && !isUpToDate(ds, pod, last.Before)
	}
	return !old
}

// updatesBeside reports whether ours went on with the update, or with the history, beside a pod that upstream was refused to
// create or to delete: nothing else is missing on either side.
func updatesBeside(c *Case) bool {
	wasRefused := slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool {
		return r.Err != nil && slices.ContainsFunc(r.Writes, func(w Write) bool { return w.Ref.Kind == "Pod" && w.Err != nil && w.Verb != "update" })
	})
	theirs, mine := podWrites(c.Upstream.Rounds), podWrites(c.Ours.Rounds)
	return wasRefused && len(mine.deleted)+len(mine.created) > len(theirs.deleted)+len(theirs.created) &&
		among(theirs.deleted, mine.deleted) && among(theirs.created, mine.created)
}
