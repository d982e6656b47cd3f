package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/features"

	"github.com/kubeplan/kubeplan/plan"
)

// line is one line of a difference: something that a side wrote, was refused or told and the other did not, or an object that
// is not the same at rest.
type line struct {
	kind           string // write, state, event, refused
	upstream, ours bool   // who has it; both: each has its own
	text           string
}

// lines lists what the difference of a case consists of. The order of a pod's volumes makes none.
func (c *Case) lines() []line {
	switch {
	case strings.HasPrefix(c.Difference, "the events"):
		return linesOf("event", events(c.Upstream.Rounds), events(c.Ours.Rounds))
	case strings.HasPrefix(c.Difference, "the writes that were refused"):
		return linesOf("refused", c.Upstream.Refused, c.Ours.Refused)
	case strings.HasPrefix(c.Difference, "the writes"), strings.HasPrefix(c.Difference, "a write"):
		return linesOf("write", withSortedVolumes(effects(c.Upstream.Rounds)), withSortedVolumes(effects(c.Ours.Rounds)))
	}
	for _, state := range []map[string]any{c.Upstream.State, c.Ours.State} {
		for _, object := range state {
			sortVolumes(object)
		}
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

func withSortedVolumes(effects map[string]int) map[string]int {
	sorted := map[string]int{}
	for text, n := range effects {
		if at := strings.Index(text, " {"); at >= 0 && strings.Contains(text, " Pod ") {
			var object any
			if err := json.Unmarshal([]byte(text[at+1:]), &object); err == nil {
				sortVolumes(object)
				data, _ := json.Marshal(object)
				text = text[:at+1] + string(data)
			}
		}
		sorted[text] += n
	}
	return sorted
}

func sortVolumes(object any) {
	fields, _ := object.(map[string]any)
	spec, _ := fields["spec"].(map[string]any)
	volumes, _ := spec["volumes"].([]any)
	slices.SortFunc(volumes, func(a, b any) int {
		nameA, _ := a.(map[string]any)["name"].(string)
		nameB, _ := b.(map[string]any)["name"].(string)
		return strings.Compare(nameA, nameB)
	})
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
	rowMaxUnavailable = "broken pods cost of maxUnavailable"
)

// explainedBy recognises a case by its lines: each must be of some row, and one of this.
func explainedBy(row string) func(c *Case) bool {
	return func(c *Case) bool {
		lines := c.lines()
		if len(lines) == 0 {
			return row == rowVolumeOrder
		}
		hits := 0
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
	case hasOldPatches(c):
		return rowOldPatches
	case onlyUpstream && is("refused", "create Pod ", " already exists"):
		return rowPodName
	case onlyUpstream && is("refused", "create ControllerRevision ", " already exists"):
		return rowRevisionName
	case l.kind == "event" && strings.HasPrefix(l.text, "Warning Failed") && strings.Contains(l.text, "error: [pvc"):
		return rowVolumeOrder
	case is("event", "Normal SuccessfulUpdate: ", ""), is("event", "Warning FailedUpdate: ", ""), onlyUpstream && is("refused", "update Pod ", ""):
		return rowNoChange
	case strings.Contains(errs, `controllerrevisions.apps "" not found`):
		return rowAdoptNumber
	case rolling.RollingUpdate == nil && rolling.Type == appsv1.RollingUpdateStatefulSetStrategyType && slices.ContainsFunc(c.lines(), isAboutPod):
		return rowNoParameters
	case parallel && utilfeature.DefaultFeatureGate.Enabled(features.MaxUnavailableStatefulSet) && hasBrokenPod(c):
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
	case strings.Contains(errs, "could not update claim") && strings.Contains(errs, "the object has been modified"):
		return rowClaimTwice
	case parallel && errs != "", slices.ContainsFunc(c.Upstream.Rounds, endedByRefusedUpdate):
		return rowError
	case !parallel && hasFinishedSurplus(c):
		return rowFinished
	}
	return ""
}

func isDeleted(object any) bool {
	fields, _ := object.(map[string]any)
	metadata, _ := fields["metadata"].(map[string]any)
	return metadata["deletionTimestamp"] != nil
}

func isAboutPod(l line) bool { return strings.Contains(l.text, "Pod ") }

func errorsOf(run *Run) string {
	var errs []string
	for _, round := range run.Rounds {
		if round.Err != nil {
			errs = append(errs, round.Err.Error())
		}
	}
	return strings.Join(errs, "\n")
}

// hasOldPatches reports whether a revision was written by a server up to 1.33.
func hasOldPatches(c *Case) bool {
	return slices.ContainsFunc(ObjectsOf[*appsv1.ControllerRevision](c.Ours.Rounds[0].Before), func(r *appsv1.ControllerRevision) bool {
		return strings.Contains(string(r.Data.Raw), `"creationTimestamp":null`)
	})
}

// hasBrokenPod reports whether there is, at some point, a pod that is not Ready and not being deleted.
func hasBrokenPod(c *Case) bool {
	return slices.ContainsFunc(c.Ours.Rounds, func(r Round) bool {
		return slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
			return pod.DeletionTimestamp == nil && !podutil.IsPodAvailable(pod, 60, metav1.NewTime(r.At))
		})
	})
}

// hasFinishedSurplus reports whether there is, at some point, a surplus pod that is finished.
func hasFinishedSurplus(c *Case) bool {
	return slices.ContainsFunc(c.Ours.Rounds, func(r Round) bool {
		set, ok := find[*appsv1.StatefulSet](r.Before, db.Name)
		return ok && slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
			ordinal, start := int32(pod.Name[len(pod.Name)-1]-'0'), int32(0)
			if set.Spec.Ordinals != nil {
				start = set.Spec.Ordinals.Start
			}
			finished := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
			return finished && (ordinal < start || ordinal >= start+*set.Spec.Replicas)
		})
	})
}

func statefulSetDeviations() []Deviation {
	return []Deviation{
		{
			Row: rowDeletedSet,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				Deleting(set, Instant, true)
				return dbSnapshot(set)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create ControllerRevision default/db-845458bc75")
				same(t, "ours", ours.Did())
			},
			Explains: explainedBy(rowDeletedSet),
		},
		{
			Row: rowPodName,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(1)
				stranger := readyMember(set, 0, "app:1")
				stranger.OwnerReferences, stranger.Labels = nil, nil
				return dbSnapshot(set, revisionOf(set, "app:1", 1), stranger)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", slices.Sorted(maps.Keys(refused(upstream.Rounds))), `create Pod default/db-0: pods "db-0" already exists`)
				same(t, "ours", slices.Sorted(maps.Keys(refused(ours.Rounds))))
			},
			Explains: explainedBy(rowPodName),
		},
		{
			Row: rowRevisionName,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				taken := revisionOf(set, "app:1", 1)
				taken.OwnerReferences, taken.Data.Raw = nil, []byte(`{"spec":{"template":{}}}`)
				taken.Labels = nil
				return dbSnapshot(set, taken)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", slices.Sorted(maps.Keys(refused(upstream.Rounds))),
					`create ControllerRevision default/db-845458bc75: controllerrevisions.apps "db-845458bc75" already exists`)
				same(t, "upstream", upstream.Did(), "create ControllerRevision default/db-845458bc74")
				same(t, "ours", slices.Sorted(maps.Keys(refused(ours.Rounds))))
				same(t, "ours", ours.Did(), "create ControllerRevision default/db-845458bc74")
			},
			Explains: explainedBy(rowRevisionName),
		},
		{
			Row: rowVolumeOrder,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(1)
				for i := range 9 { // one order of 362,880
					set.Spec.VolumeClaimTemplates = append(set.Spec.VolumeClaimTemplates, claimTemplate(fmt.Sprintf("vol%d", i)))
				}
				return dbSnapshot(set)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if slices.IsSorted(volumesOf(upstream, "db-0")) {
					t.Error("upstream's volumes are in the order of the templates")
				}
				if !slices.IsSorted(volumesOf(ours, "db-0")) {
					t.Error("our volumes are not in the order of the templates")
				}
			},
			Explains: explainedBy(rowVolumeOrder),
		},
		{
			Row: rowNoChange,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(1), "Delete", "Retain")
				return dbSnapshot(set, revisionOf(set, "app:1", 1), readyMember(set, 0, "app:1"), claimOf(set, 0))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Told(), "Normal SuccessfulUpdate: Update Pod db-0 in StatefulSet db successful")
				same(t, "ours", ours.Told())
				same(t, "both", upstream.Did(), ours.Did()...)
			},
			Explains: explainedBy(rowNoChange),
		},
		{
			Row: rowClaimTwice,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(1), "Delete", "Retain")
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				return dbSnapshot(set, revisionOf(set, "app:1", 1), claimOf(set, 0))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !strings.Contains(errorsOf(upstream), "could not update claim vol0-db-0") {
					t.Errorf("upstream does not fail: %s", errorsOf(upstream))
				}
				same(t, "ours", slices.Sorted(maps.Keys(refused(ours.Rounds))))
				same(t, "both", upstream.Did(), ours.Did()...)
			},
			Explains: explainedBy(rowClaimTwice),
		},
		{
			Row: rowEventTwice,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(1), "Retain", "Retain")
				s := dbSnapshot(set, revisionOf(set, "app:1", 1))
				s.Refusals = []Refusal{QuotaExceeded("PersistentVolumeClaim", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				claim := "Warning FailedCreate: Create Claim vol0-db-0 for Pod db-0 in StatefulSet db failed error: persistentvolumeclaims \"vol0-db-0\" is forbidden: exceeded quota"
				pod := "Warning FailedCreate: Create Pod db-0 in StatefulSet db failed error: failed to create PVC vol0-db-0: persistentvolumeclaims \"vol0-db-0\" is forbidden: exceeded quota"
				same(t, "upstream", upstream.Told()[:2], claim, pod)
				same(t, "ours", slices.Compact(ours.Told()), claim)
			},
			Explains: explainedBy(rowEventTwice),
		},
		{
			Row: rowNoEvent,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(1), "Delete", "Retain")
				s := dbSnapshot(set, revisionOf(set, "app:1", 1), claimOf(set, 0))
				s.Refusals = []Refusal{Denied("update", "PersistentVolumeClaim", "", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				created := "Normal SuccessfulCreate: Create Pod db-0 in StatefulSet db successful"
				if slices.Contains(upstream.Told(), created) {
					t.Errorf("upstream: %q", upstream.Told())
				}
				same(t, "ours", ours.Told(), created)
				same(t, "both", upstream.Did(), ours.Did()...)
			},
			Explains: explainedBy(rowNoEvent),
		},
		{
			Row: rowError,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(2), "Retain", "Retain")
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				deleted := claimOf(set, 0)
				Deleting(deleted, Instant, true)
				return dbSnapshot(set, revisionOf(set, "app:1", 1), deleted)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create PersistentVolumeClaim default/vol0-db-1", "create Pod default/db-1")
			},
			Explains: explainedBy(rowError),
		},
		{
			Row: rowFinished,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				low, high := readyMember(set, 0, "app:1"), readyMember(set, 1, "app:1")
				for _, pod := range []*corev1.Pod{low, high} {
					pod.Status.Phase, pod.Status.Conditions = corev1.PodFailed, nil
				}
				return dbSnapshot(set, revisionOf(set, "app:1", 1), low, high)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete Pod default/db-0", "delete Pod default/db-1")
			},
			Explains: explainedBy(rowFinished),
		},
		{
			Row: rowDeletedTwice,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(1)
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				finished := readyMember(set, 0, "app:2")
				finished.Status.Phase, finished.Status.Conditions = corev1.PodFailed, nil
				return dbSnapshot(set, revisionOf(set, "app:1", 1), finished)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				deleted, created := "Normal SuccessfulDelete: Delete Pod db-0 in StatefulSet db successful", "Normal SuccessfulCreate: Create Pod db-0 in StatefulSet db successful"
				same(t, "upstream", upstream.Told(), deleted, deleted, created)
				same(t, "ours", ours.Told(), deleted, created)
			},
			Explains: explainedBy(rowDeletedTwice),
		},
		{
			Row: rowReleased,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				leaver := readyMember(set, 0, "app:1")
				leaver.Labels = nil
				Deleting(leaver, Instant, true)
				return dbSnapshot(set, revisionOf(set, "app:1", 1), leaver)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "update Pod default/db-0")
				same(t, "ours", ours.Did())
			},
			Explains: explainedBy(rowReleased),
		},
		{
			Row: rowDeletedClaim,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(1), "Delete", "Retain")
				deleted := claimOf(set, 0)
				Deleting(deleted, Instant, true)
				return dbSnapshot(set, revisionOf(set, "app:1", 1), readyMember(set, 0, "app:1"), deleted)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "update PersistentVolumeClaim default/vol0-db-0")
				same(t, "ours", ours.Did())
			},
			Explains: explainedBy(rowDeletedClaim),
		},
		{
			Row: rowOldPatches,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				old := revisionOf(set, "app:1", 1)
				old.Name, old.Data.Raw = "db-old", bytes.Replace(old.Data.Raw, []byte(`"metadata":{`), []byte(`"metadata":{"creationTimestamp":null,`), 1)
				return dbSnapshot(set, old, revisionOf(set, "app:2", 2))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create ControllerRevision default/db-845458bc75")
				same(t, "ours", ours.Did(), "update ControllerRevision default/db-old")
			},
			Explains: explainedBy(rowOldPatches),
		},
		{
			Row: rowAdoptNumber,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				orphan := revisionOf(set, "app:1", 1)
				orphan.OwnerReferences = nil
				return dbSnapshot(set, orphan, revisionOf(set, "app:2", 2))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				if !strings.Contains(errorsOf(upstream), `controllerrevisions.apps "" not found`) {
					t.Errorf("upstream does not fail: %s", errorsOf(upstream))
				}
				same(t, "ours", slices.Sorted(maps.Keys(refused(ours.Rounds))))
				same(t, "ours", ours.Did(), "update ControllerRevision default/db-845458bc75", "update ControllerRevision default/db-845458bc75")
			},
			Explains: explainedBy(rowAdoptNumber),
		},
		{
			Row: rowNoParameters,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(1)
				set.Spec.UpdateStrategy.RollingUpdate = nil
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				current := revisionOf(set, "app:2", 1)
				set.Status.CurrentRevision, set.Status.CurrentReplicas = current.Name, 1
				return dbSnapshot(set, current, revisionOf(set, "app:1", 2))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create Pod default/db-0", "create Pod default/db-0", "delete Pod default/db-0")
				same(t, "ours", ours.Did(), "create Pod default/db-0")
			},
			Explains: explainedBy(rowNoParameters),
		},
		{
			Row: rowConditions,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				set.Status.Conditions = []appsv1.StatefulSetCondition{{Type: "example.com/Blessed", Status: corev1.ConditionTrue}}
				return dbSnapshot(set)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				count := func(run *Run) int {
					conditions, _, _ := unstructured.NestedSlice(run.State, db.String(), "status", "conditions")
					return len(conditions)
				}
				if count(upstream) != 0 || count(ours) != 1 {
					t.Errorf("upstream keeps %d conditions, ours %d", count(upstream), count(ours))
				}
			},
		},
		{
			Row: rowLeadingZeros,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(2)
				odd := readyMember(set, 1, "app:1")
				odd.Name = "db-01"
				return dbSnapshot(set, revisionOf(set, "app:1", 1), readyMember(set, 0, "app:1"), odd)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "create Pod default/db-1")
			},
		},
	}
}

// statefulSetMaxUnavailableDeviations are the rows that show only with the feature gate MaxUnavailableStatefulSet.
func statefulSetMaxUnavailableDeviations() []Deviation {
	return []Deviation{{
		Row: rowMaxUnavailable,
		Snapshot: func() *Snapshot {
			set := newStatefulSet(2)
			set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
			broken := readyMember(set, 0, "app:2")
			broken.Status.Conditions = nil
			return dbSnapshot(set, revisionOf(set, "app:2", 1), revisionOf(set, "app:1", 2), broken, readyMember(set, 1, "app:2"))
		},
		Check: func(t testing.TB, upstream, ours *Run) {
			same(t, "upstream", upstream.Did())
			same(t, "ours", ours.Did(), "delete Pod default/db-0")
		},
		Explains: explainedBy(rowMaxUnavailable),
	}}
}

func dbSnapshot(set *appsv1.StatefulSet, objects ...plan.Object) *Snapshot {
	return &Snapshot{Workload: db, Now: Instant, Objects: append([]plan.Object{set}, objects...)}
}

// withClaims gives the set a claim template and a retention policy.
func withClaims(set *appsv1.StatefulSet, whenDeleted, whenScaled appsv1.PersistentVolumeClaimRetentionPolicyType) *appsv1.StatefulSet {
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claimTemplate("vol0")}
	set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = whenDeleted
	set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled = whenScaled
	return set
}

func claimOf(set *appsv1.StatefulSet, ordinal int) *corev1.PersistentVolumeClaim {
	claim := claimTemplate("vol0")
	claim.TypeMeta = metav1.TypeMeta{}
	claim.Namespace, claim.Name = set.Namespace, fmt.Sprintf("vol0-%s-%d", set.Name, ordinal)
	return &claim
}

// readyMember is a pod of the set that runs an image and has been ready for a minute.
func readyMember(set *appsv1.StatefulSet, ordinal int, image string) *corev1.Pod {
	name := fmt.Sprintf("%s-%d", set.Name, ordinal)
	pod := readyPod(name, types.UID("uid-"+name), Instant.Add(-time.Minute))
	pod.Labels = map[string]string{
		"app": "db", "tier": "back",
		appsv1.StatefulSetPodNameLabel: name, appsv1.PodIndexLabel: fmt.Sprint(ordinal),
		appsv1.StatefulSetRevisionLabel: revisionOf(set, image, 1).Name,
	}
	pod.OwnerReferences = []metav1.OwnerReference{ControllerRef("apps/v1", "StatefulSet", set.Name, set.UID)}
	pod.Spec.Hostname, pod.Spec.Subdomain = name, set.Spec.ServiceName
	for _, template := range set.Spec.VolumeClaimTemplates {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: template.Name + "-" + name},
		}})
	}
	return pod
}

// volumesOf names the volumes of a pod at the end of a run.
func volumesOf(run *Run, pod string) []string {
	var names []string
	volumes, _, _ := unstructured.NestedSlice(run.State, "Pod default/"+pod, "spec", "volumes")
	for _, v := range volumes {
		names = append(names, v.(map[string]any)["name"].(string))
	}
	return names
}
