package conformance

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func statusRows() []row {
	return []row{
		{
			Deviation: Deviation{
				Row: "a status that is not written",
				Snapshot: func() *Snapshot {
					s := shopSnapshot(newDeployment(1))
					s.Refusals = []Refusal{NamespaceTerminating("ReplicaSet")}
					return s
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", statusWrites(upstream))
					same(t, "ours", statusWrites(ours), "update-status Deployment default/shop")
				},
			},
			shows:   cannotCreate,
			excuses: []facet{inNumbers, inAvailable},
		},
		{
			Deviation: Deviation{
				Row:      "a status written twice",
				Snapshot: func() *Snapshot { return shopSnapshot(newDeployment(1), told(1, 2, shopSet(0, 1, 1, 1, 1))) },
				Check: func(t testing.TB, upstream, ours *Run) {
					if !slices.ContainsFunc(upstream.Rounds, writesStatusTwice) || slices.ContainsFunc(ours.Rounds, writesStatusTwice) {
						t.Error("upstream does not write twice, or ours does")
					}
				},
			},
			shows:   writesStatusTwice,
			excuses: judging,
		},
		{
			Deviation: Deviation{
				Row:      "a creation that was not told",
				Snapshot: func() *Snapshot { return bornAfter("NewReplicaSetAvailable", rolling(1, 1, 0)) },
				Check: func(t testing.TB, upstream, ours *Run) {
					if givesReason(upstream, "NewReplicaSetCreated") || !givesReason(ours, "NewReplicaSetCreated") {
						t.Error("upstream tells of it, or ours does not")
					}
				},
			},
			shows:   keepsBirthQuiet,
			excuses: []facet{inProgress},
		},
		{
			Deviation: Deviation{
				Row: "a deadline that began before",
				Snapshot: func() *Snapshot {
					d := rolling(1, 1, 0)
					d.Annotations["deployment.kubernetes.io/revision"] = "2"
					return bornAfter("NewReplicaSetCreated", d)
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					if !givesReason(upstream, "ProgressDeadlineExceeded") || givesReason(ours, "ProgressDeadlineExceeded") {
						t.Error("upstream does not tell of a deadline that has passed, or ours does")
					}
				},
			},
			shows:   hurries,
			excuses: []facet{inProgress},
		},
		{
			Deviation: Deviation{
				Row: "the annotations of a deleted Deployment",
				Snapshot: func() *Snapshot {
					d := newDeployment(1)
					Deleting(d, Instant, true)
					return shopSnapshot(d, shopSet(0, 2, 0, 0, 0), told(1, 2, withRevision("1", shopSet(1, 1, 1, 1, 1))))
				},
				Check: func(t testing.TB, upstream, ours *Run) {
					same(t, "upstream", upstream.Did(), "update ReplicaSet default/shop-h1")
					same(t, "ours", ours.Did())
				},
			},
			shows:   annotatesDeleted, // and a ReplicaSet that was written reports anew
			excuses: []facet{inNotes, inRevision, inProgress, inAvailable, inSizes, inNumbers},
		},
	}
}

// bornAfter is a rollout half way, whose new ReplicaSet was created an hour after progress was last told of, for a reason.
func bornAfter(reason string, d *appsv1.Deployment) *Snapshot {
	d.Status = appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	d.Status.Conditions = []appsv1.DeploymentCondition{{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: reason, LastUpdateTime: metav1.NewTime(Instant.Add(-time.Hour)),
	}}
	fresh := told(1, 2, shopSet(1, 1, 1, 0, 0))
	fresh.CreationTimestamp = metav1.NewTime(Instant)
	return shopSnapshot(d, told(1, 2, shopSet(0, 2, 1, 1, 1)), fresh)
}

// cannotCreate reports whether a ReplicaSet could not be made, although its name is free.
func cannotCreate(r Round) bool {
	return slices.ContainsFunc(r.Writes, func(w Write) bool { return w.Verb == "create" && w.Err != nil }) && !triesTaken(r)
}

// writesStatusTwice reports whether a sync wrote the Deployment twice from one copy, the second time as a rule in vain.
func writesStatusTwice(r Round) bool {
	count := 0
	for _, w := range r.Writes {
		if w.Ref.Kind == "Deployment" {
			count++
		}
	}
	return count > 1
}

// keepsBirthQuiet reports whether a sync found a new ReplicaSet that is younger than the last word about progress, and whose revision the
// Deployment does not bear yet, and did not tell of it.
func keepsBirthQuiet(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok {
		return false
	}
	members := membersOf(r)
	for i, m := range members {
		for _, w := range r.Writes {
			if after, ok := w.After.(*appsv1.ReplicaSet); ok && after.Name == m.before.Name && metav1.IsControlledBy(after, d) {
				members[i].before = after // what it adopts it may take for the new one at once
			}
		}
	}
	fresh := freshOf(d, members)
	if fresh == nil {
		return false
	}
	revision := d.Annotations["deployment.kubernetes.io/revision"]
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return revision != fresh.Annotations["deployment.kubernetes.io/revision"] && !fresh.CreationTimestamp.Before(&c.LastUpdateTime)
		}
	}
	return revision == ""
}

// hurries reports whether a sync told that the deadline has passed although the new ReplicaSet is younger than that.
func hurries(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || !newlyTold(r, "ProgressDeadlineExceeded") {
		return false
	}
	objects := slices.Clone(r.Before)
	for _, w := range r.Writes {
		if w.Verb == "create" && w.Err == nil {
			objects = append(objects, w.After)
		}
	}
	deadline := time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second
	return slices.ContainsFunc(ObjectsOf[*appsv1.ReplicaSet](objects), func(rs *appsv1.ReplicaSet) bool {
		return metav1.IsControlledBy(rs, d) && rs.Spec.Template.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image &&
			!r.At.After(rs.CreationTimestamp.Add(deadline))
	})
}

// annotatesDeleted reports whether a sync of a Deployment that is being deleted wrote a ReplicaSet.
func annotatesDeleted(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	return ok && d.DeletionTimestamp != nil && slices.ContainsFunc(r.Writes, func(w Write) bool { return w.Ref.Kind == "ReplicaSet" })
}
