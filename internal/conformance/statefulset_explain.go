package conformance

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/pkg/features"
)

// line is one line of a difference: something that a side wrote, was refused or told and the other did not, or an object that
// is not the same at rest.
type line struct {
	kind           string // write, state, event, refused
	upstream, ours bool   // who has it; both: each has its own
	text           string
}

// lines lists what the difference of a case consists of.
func (c *Case) lines() []line {
	switch {
	case strings.HasPrefix(c.Difference, "the events"):
		return linesOf("event", events(c.Upstream.Rounds), events(c.Ours.Rounds))
	case strings.HasPrefix(c.Difference, "the writes that were refused"):
		return linesOf("refused", c.Upstream.Refused, c.Ours.Refused)
	case strings.HasPrefix(c.Difference, "the writes"), strings.HasPrefix(c.Difference, "a write"):
		return linesOf("write", effects(c.Upstream.Rounds), effects(c.Ours.Rounds))
	}
	return linesOf("state", c.Upstream.State, c.Ours.State)
}

func linesOf[V any](kind string, upstream, ours map[string]V) []line {
	var lines []line
	for text := range sets.KeySet(upstream).Union(sets.KeySet(ours)) {
		theirs, isTheirs := upstream[text]
		mine, isOurs := ours[text]
		if !reflect.DeepEqual(theirs, mine) {
			lines = append(lines, line{kind, isTheirs, isOurs, text})
		}
	}
	return lines
}

// The rows of DEVIATIONS.md by which differences on random snapshots are explained.
const (
	rowDeletedSet     = "the history of a deleted set"
	rowPodName        = "a pod's name that is taken"
	rowRevisionName   = "a revision's name that is taken"
	rowVolumeOrder    = "the order of volumes"
	rowNoChange       = "an update that changes nothing"
	rowClaimTwice     = "a claim updated twice"
	rowEventTwice     = "a refused claim told twice"
	rowNoEvent        = "a creation that is not told"
	rowError          = "an error that stops everything"
	rowFinished       = "surplus pods that are finished"
	rowDeletedTwice   = "a finished pod deleted twice"
	rowReleased       = "a deleted pod is released"
	rowDeletedClaim   = "a deleted claim changes hands"
	rowOldPatches     = "patches of older servers"
	rowAdoptNumber    = "a revision adopted and renumbered at once"
	rowNoParameters   = "RollingUpdate without parameters"
	rowConditions     = "conditions of others"
	rowLeadingZeros   = "a name with leading zeros"
	rowNotRunning     = "a Ready pod that does not run"
	rowOddOrphan      = "an orphan with leading zeros"
	rowFinishedClaims = "the claims of a finished pod"
	rowEndOfHistory   = "the largest number of a revision"
	rowSurplusUpdate  = "an update completed by surplus pods"
	rowMaxUnavailable = "broken pods cost of maxUnavailable"
)

// explainedBy recognises a case by its lines: each must be of some row, and one of this.
func explainedBy(row string) func(c *Case) bool {
	return func(c *Case) bool {
		if !c.Ours.Rested || !oursIsDue(c) || !oursIsReported(c) {
			return false
		}
		lines, hits := c.lines(), 0
		if len(lines) == 0 { // the same writes in the end, after more syncs: one for each claim
			return row == rowClaimTwice && failsOnItsOwnCopy(c)
		}
		for _, l := range lines {
			found := rowOf(c, l)
			if found == "" {
				return false
			}
			if found == row {
				hits++
			}
		}
		return hits > 0
	}
}

// rowOf names the row that a line is of, "" if there is none.
func rowOf(c *Case, l line) string {
	set, ok := find[*appsv1.StatefulSet](c.Ours.Rounds[0].Before, db.Name)
	if !ok {
		return ""
	}
	rolling := set.Spec.UpdateStrategy
	parallel := set.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
	errs := errorsOf(c.Upstream)
	onlyUpstream := l.upstream && !l.ours
	is := func(kind, prefix, suffix string) bool {
		return l.kind == kind && l.upstream && strings.HasPrefix(l.text, prefix) && strings.HasSuffix(l.text, suffix)
	}
	switch {
	case set.DeletionTimestamp != nil && (strings.Contains(l.text, "ControllerRevision ") || strings.Contains(errs, "can't adopt ControllerRevisions")):
		return rowDeletedSet
	case returnsToOldPatch(c, set) && slices.ContainsFunc(c.lines(), isAboutRevision):
		return rowOldPatches
	case onlyUpstream && is("refused", "create Pod ", " already exists"):
		return rowPodName
	case onlyUpstream && is("refused", "create ControllerRevision ", " already exists"):
		return rowRevisionName
	case l.kind == "event" && strings.HasPrefix(l.text, "Warning Failed") && strings.Contains(l.text, "error: [pvc"):
		return rowVolumeOrder
	case is("event", "Normal SuccessfulUpdate: ", ""), is("event", "Warning FailedUpdate: ", ""), onlyUpstream && is("refused", "update Pod ", ""):
		return rowNoChange
	case isOfFinishedWithClaims(c, l):
		return rowFinishedClaims
	case strings.Contains(errs, `controllerrevisions.apps "" not found`):
		return rowAdoptNumber
	case rolling.RollingUpdate == nil && rolling.Type == appsv1.RollingUpdateStatefulSetStrategyType && makesOfOtherRevision(c):
		return rowNoParameters
	case parallel && utilfeature.DefaultFeatureGate.Enabled(features.MaxUnavailableStatefulSet) && replacesBroken(c) && isAboutDeletion(c, l):
		return rowMaxUnavailable
	case is("event", "Normal SuccessfulDelete: ", "") && parallel:
		return rowDeletedTwice
	case onlyUpstream && strings.HasPrefix(l.text, "update Pod ") && strings.Contains(l.text, `"deletionTimestamp"`):
		return rowReleased
	case onlyUpstream && strings.HasPrefix(l.text, "update PersistentVolumeClaim ") && strings.Contains(l.text, `"deletionTimestamp"`),
		l.kind == "state" && strings.HasPrefix(l.text, "PersistentVolumeClaim ") && isDeleted(c.Ours.State[l.text]):
		return rowDeletedClaim
	case onlyUpstream && is("event", "Warning FailedCreate: Create Pod ", "") && strings.Contains(l.text, "failed to create PVC"):
		return rowEventTwice
	case l.kind == "event" && l.ours && strings.HasPrefix(l.text, "Normal SuccessfulCreate: Create Pod ") && strings.Contains(errs, "could not update claim"):
		return rowNoEvent
	case failsOnItsOwnCopy(c):
		return rowClaimTwice
	case (parallel && errs != "" || slices.ContainsFunc(c.Upstream.Rounds, endedByRefusedUpdate)) && (l.ours || l.kind != "write"):
		return rowError
	case completesBySurplus(c) && (l.text == db.String() || strings.Contains(l.text, "ControllerRevision ") || makesOfOtherRevision(c) && isAboutPod(l)):
		return rowSurplusUpdate
	case !parallel && deletesFinishedSurplus(c) && isAboutDeletion(c, l):
		return rowFinished
	}
	return ""
}

// completesBySurplus reports whether upstream alone takes the update for complete, and there are surplus pods.
func completesBySurplus(c *Case) bool {
	isComplete := func(run *Run) bool {
		current, _, _ := unstructured.NestedString(run.State, db.String(), "status", "currentRevision")
		update, _, _ := unstructured.NestedString(run.State, db.String(), "status", "updateRevision")
		return current == update
	}
	s, ok := newScene(c.Ours.Rounds[0])
	return ok && len(s.surplus()) > 0 && isComplete(c.Upstream) && !isComplete(c.Ours)
}

// failsOnItsOwnCopy reports whether upstream was refused the second update of a claim from one copy.
func failsOnItsOwnCopy(c *Case) bool {
	errs := errorsOf(c.Upstream)
	return strings.Contains(errs, "could not update claim") && strings.Contains(errs, "the object has been modified")
}

func isDeleted(object any) bool {
	fields, _ := object.(map[string]any)
	metadata, _ := fields["metadata"].(map[string]any)
	return metadata["deletionTimestamp"] != nil
}

func isAboutPod(l line) bool { return strings.Contains(l.text, "Pod ") }

func isAboutRevision(l line) bool { return strings.Contains(l.text, "ControllerRevision ") }

// makesOfOtherRevision reports whether both sides create a pod of one name, but not of the same revisions, or not as often.
func makesOfOtherRevision(c *Case) bool {
	theirs, mine := revisionsMade(c.Upstream), revisionsMade(c.Ours)
	for name, made := range mine {
		if len(theirs[name]) > 0 && !slices.Equal(theirs[name], made) {
			return true
		}
	}
	return false
}

// revisionsMade are the revisions of the pods that a run creates, by the pods' names, in order.
func revisionsMade(run *Run) map[string][]string {
	made := map[string][]string{}
	for _, round := range run.Rounds {
		for _, w := range round.Writes {
			if pod, ok := w.After.(*corev1.Pod); ok && w.Verb == "create" {
				made[pod.Name] = append(made[pod.Name], pod.Labels[appsv1.StatefulSetRevisionLabel])
			}
		}
	}
	return made
}

func errorsOf(run *Run) string {
	var errs []string
	for _, round := range run.Rounds {
		if round.Err != nil {
			errs = append(errs, round.Err.Error())
		}
	}
	return strings.Join(errs, "\n")
}

// returnsToOldPatch reports whether a revision of the set's template was written by a server up to 1.33.
func returnsToOldPatch(c *Case, set *appsv1.StatefulSet) bool {
	image := `"image":"` + set.Spec.Template.Spec.Containers[0].Image + `"`
	return slices.ContainsFunc(ObjectsOf[*appsv1.ControllerRevision](c.Ours.Rounds[0].Before), func(r *appsv1.ControllerRevision) bool {
		patch := string(r.Data.Raw)
		return strings.Contains(patch, `"creationTimestamp":null`) && strings.Contains(patch, image)
	})
}

// replacesBroken reports whether ours deletes, for the update, a pod that is unavailable.
func replacesBroken(c *Case) bool {
	return deletes(c, func(s scene, ordinal int) bool { return s.isForUpdate(ordinal) && !s.isAvailable(ordinal) })
}

// isOfFinishedWithClaims reports whether a line is of a finished pod in range that would take a claim along, of its claims, or of the
// set's status.
func isOfFinishedWithClaims(c *Case, l line) bool {
	return slices.ContainsFunc(c.Ours.Rounds, func(r Round) bool {
		s, ok := newScene(r)
		return ok && slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
			ordinal := ordinalIn(pod.Name)
			return s.inRange(ordinal) && s.member(ordinal) == pod && isFinished(pod) && s.takesClaims(pod) &&
				(strings.Contains(l.text, pod.Name) || l.kind == "state" && l.text == db.String())
		})
	})
}

// deletesFinishedSurplus reports whether ours deletes a surplus pod that is finished.
func deletesFinishedSurplus(c *Case) bool {
	return deletes(c, func(s scene, ordinal int) bool {
		pod := s.member(ordinal)
		return pod != nil && !s.inRange(ordinal) && isFinished(pod)
	})
}

// deletes reports whether ours deletes, or tries to, such a pod.
func deletes(c *Case, such func(scene, int) bool) bool {
	return slices.ContainsFunc(c.Ours.Rounds, func(r Round) bool {
		s, ok := newScene(r)
		return ok && slices.ContainsFunc(r.Writes, func(w Write) bool {
			return w.Verb == "delete" && w.Ref.Kind == "Pod" && such(s, ordinalIn(w.Ref.Name))
		})
	})
}

// isAboutDeletion reports whether a line tells of a pod that ours deletes, of its claims or its successor, of a revision that no
// pod is of any more, or of the set's status.
func isAboutDeletion(c *Case, l line) bool {
	if l.kind == "state" && (l.text == db.String() || strings.HasPrefix(l.text, "ControllerRevision ")) {
		return true
	}
	if !l.ours && l.kind != "state" {
		return false
	}
	return strings.HasPrefix(l.text, "delete ControllerRevision ") || deletes(c, func(s scene, ordinal int) bool {
		name := s.set.Name + "-" + strconv.Itoa(ordinal)
		return strings.HasSuffix(l.text, name) || strings.Contains(l.text, name+" ") || strings.Contains(l.text, name+":")
	})
}
