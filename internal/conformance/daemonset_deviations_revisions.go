package conformance

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// daemonRevisionRows are the rows about the history of a DaemonSet.
func daemonRevisionRows() []Deviation {
	return []Deviation{
		{
			Row: "pods of other revisions are relabelled",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				twin := daemonRevision(ds, "app:1", 1)
				twin.Name, twin.UID = "agent-twin", "uid-twin"
				twin.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "twin"
				return agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 2), twin, oldDaemonPod(0, "node-1"))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete ControllerRevision default/agent-twin", "delete Pod default/pod-0", "update Pod default/pod-0")
				same(t, "ours", ours.Did(), "delete ControllerRevision default/agent-twin", "delete Pod default/pod-0")
			},
			Explains: hasTwins,
		},
		{
			Row: "revisions of older servers",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				revision, pod := daemonRevision(ds, "app:1", 1), daemonPod(0, "node-1")
				revision.Data.Raw = bytes.Replace(revision.Data.Raw, []byte(`"metadata":{`), []byte(`"metadata":{"creationTimestamp":null,`), 1)
				revision.Name, revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "agent-before", "before"
				pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "before"
				return agentSnapshot(ds, newNode(0), revision, pod)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create ControllerRevision default/agent-76d58689db", "delete Pod default/pod-0")
				same(t, "ours", ours.Did())
			},
			Explains: func(c *Case) bool {
				return slices.ContainsFunc(ObjectsOf[*appsv1.ControllerRevision](c.Upstream.Rounds[0].Before), func(r *appsv1.ControllerRevision) bool {
					rewritten := bytes.Replace(r.Data.Raw, []byte(`"creationTimestamp":null,`), nil, 1)
					return len(rewritten) < len(r.Data.Raw) && bytes.Equal(rewritten, templateOf(c))
				})
			},
		},
		{
			Row: "a revision's name that is taken",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				taken := daemonRevision(ds, "app:1", 1)
				taken.Data.Raw = []byte(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"agent","tier":"other"}}}}}`)
				return agentSnapshot(ds, taken)
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create ControllerRevision default/agent-6fdc76c6c9")
				same(t, "ours", ours.Did(), "create ControllerRevision default/agent-6fdc76c6c9")
				if len(refused(upstream.Rounds)) != 1 || len(refused(ours.Rounds)) != 0 {
					t.Errorf("upstream was refused %v, ours %v", refused(upstream.Rounds), refused(ours.Rounds))
				}
			},
			Explains: func(c *Case) bool {
				return cmp.Equal(c.Upstream.State, c.Ours.State) && slices.ContainsFunc(c.Upstream.Rounds, func(r Round) bool {
					return slices.ContainsFunc(r.Writes, func(w Write) bool { return w.Ref.Kind == "ControllerRevision" && apierrors.IsAlreadyExists(w.Err) })
				})
			},
		},
		{
			Row: "a history that is not cleaned up",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				none := int32(0)
				ds.Spec.RevisionHistoryLimit = &none
				s := agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 2), daemonRevision(ds, "app:2", 1))
				s.Refusals = []Refusal{QuotaExceeded("Pod", 0)}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did())
				same(t, "ours", ours.Did(), "delete ControllerRevision default/agent-67b4ff8c89")
			},
			Explains: uncleanHistory,
		},
		{
			Row: "the revision of an orphan that is deleted at once",
			Snapshot: func() *Snapshot {
				ds, pod := newDaemonSet(), failedDaemonPod(0, "node-1")
				none := int32(0)
				ds.Spec.RevisionHistoryLimit = &none
				pod.OwnerReferences, pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = nil, "67b4ff8c89"
				s := agentSnapshot(ds, newNode(0), daemonRevision(ds, "app:1", 2), daemonRevision(ds, "app:2", 1), pod)
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				for _, w := range ours.Rounds[0].Writes {
					if w.Ref.Kind == "ControllerRevision" {
						t.Errorf("ours: %s %s", w.Verb, w.Ref)
					}
				}
				if !slices.ContainsFunc(upstream.Rounds[0].Writes, func(w Write) bool { return w.Ref.Kind == "ControllerRevision" }) {
					t.Error("upstream keeps the revision")
				}
			},
			Explains: orphanDeletedAtOnce,
		},
		{
			Row: "a revision adopted or labelled, and moved",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				none := int32(0)
				ds.Spec.RevisionHistoryLimit = &none
				current := daemonRevision(ds, "app:1", 1)
				delete(current.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
				return agentSnapshot(ds, current, daemonRevision(ds, "app:2", 4))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				const update, clean = "update ControllerRevision default/agent-76d58689db", "delete ControllerRevision default/agent-67b4ff8c89"
				same(t, "upstream", upstream.Did(), clean, update, update)
				same(t, "ours", ours.Did(), clean, update)
			},
			Explains: movedRevision,
		},
		{
			Row: "a revision that goes while it holds the template",
			Snapshot: func() *Snapshot {
				ds, pod := newDaemonSet(), daemonPod(0, "node-1")
				pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "going"
				s := agentSnapshot(ds, newNode(0), goingRevision(ds, "app:1", 1), pod)
				s.Steps = []Step{RevisionsGone()}
				return s
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "create ControllerRevision default/agent-76d58689db", "delete Pod default/pod-0")
				same(t, "ours", ours.Did(), "create ControllerRevision default/agent-76d58689db", "update Pod default/pod-0")
			},
			Explains: reliesOnGoing,
		},
		{
			Row: "a revision that goes is history",
			Snapshot: func() *Snapshot {
				ds := newDaemonSet()
				one := int32(1)
				ds.Spec.RevisionHistoryLimit = &one
				return agentSnapshot(ds, daemonRevision(ds, "app:1", 3), daemonRevision(ds, "app:2", 1), goingRevision(ds, "app:3", 2))
			},
			Check: func(t testing.TB, upstream, ours *Run) {
				same(t, "upstream", upstream.Did(), "delete ControllerRevision default/agent-67b4ff8c89")
				same(t, "ours", ours.Did())
			},
			Explains: countsGoing,
		},
	}
}

// goingRevision is a revision of the image that is being deleted, under a name and a hash of its own.
func goingRevision(ds *appsv1.DaemonSet, image string, number int64) *appsv1.ControllerRevision {
	revision := daemonRevision(ds, image, number)
	revision.Name, revision.UID = "agent-going", "uid-going"
	revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "going"
	Deleting(revision, Instant, true)
	return revision
}
