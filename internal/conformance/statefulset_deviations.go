package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

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
			Row: rowFinishedClaims,
			Snapshot: func() *Snapshot {
				set := withClaims(newStatefulSet(1), "Retain", "Delete")
				finished, claim := readyMember(set, 0, "app:1"), claimOf(set, 0)
				finished.Status.Phase, finished.Status.Conditions = corev1.PodFailed, nil
				claim.OwnerReferences = []metav1.OwnerReference{ControllerRef("v1", "Pod", finished.Name, finished.UID)}
				return dbSnapshot(set, revisionOf(set, "app:1", 1), finished, claim)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/db-0")
				same(t, "ours", ours.Did(), "create Pod default/db-0", "delete Pod default/db-0", "update PersistentVolumeClaim default/vol0-db-0")
			},
			Explains: explainedBy(rowFinishedClaims),
		},
		{
			Row: rowEndOfHistory,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(0)
				return dbSnapshot(set, revisionOf(set, "app:2", math.MaxInt64))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", numbersOf(upstream), "-9223372036854775808")
				same(t, "ours", numbersOf(ours), "9223372036854775807")
			},
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
			Row: rowSurplusUpdate,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(1)
				current := revisionOf(set, "app:2", 1)
				set.Status.CurrentRevision = current.Name
				return dbSnapshot(set, current, revisionOf(set, "app:1", 2), readyMember(set, 1, "app:1"))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				currentOf := func(run *Run) []string {
					current, _, _ := unstructured.NestedString(run.State, db.String(), "status", "currentRevision")
					return []string{current}
				}
				set := newStatefulSet(1)
				same(t, "upstream", currentOf(upstream), revisionOf(set, "app:1", 2).Name)
				same(t, "ours", currentOf(ours), revisionOf(set, "app:2", 1).Name)
			},
			Explains: explainedBy(rowSurplusUpdate),
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
		{
			Row: rowNotRunning,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(2)
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				unknown := readyMember(set, 1, "app:1")
				unknown.Status.Phase = corev1.PodUnknown
				return dbSnapshot(set, revisionOf(set, "app:2", 1), revisionOf(set, "app:1", 2), readyMember(set, 0, "app:2"), unknown)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/db-0")
				same(t, "ours", ours.Did())
			},
		},
		{
			Row: rowOddOrphan,
			Snapshot: func() *Snapshot {
				set := newStatefulSet(1)
				odd := readyMember(set, 1, "app:1")
				odd.Name, odd.OwnerReferences = "db-01", nil
				return dbSnapshot(set, revisionOf(set, "app:1", 1), readyMember(set, 0, "app:1"), odd)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete Pod default/db-01", "update Pod default/db-01")
				same(t, "ours", ours.Did())
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
