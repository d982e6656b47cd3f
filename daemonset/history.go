package daemonset

import (
	"bytes"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/revisions"
	"github.com/kubeplan/kubeplan/internal/templates"
	"github.com/kubeplan/kubeplan/plan"
)

// past is the history of the template.
type past struct {
	revisions.Claimed
	current *appsv1.ControllerRevision // holds the template
	missing bool                       // and is still to be created

	// duplicates hold the very same bytes and are older: their pods become pods of the current one.
	duplicates revisions.History
	// dying hold the template, and are being deleted: so do their pods.
	dying revisions.History
	// old are the others.
	old revisions.History
	// next is the number behind the old ones, also those that are being deleted: they are no history any more, but their
	// numbers are taken.
	next int64

	hash       string   // of the current one: its label
	hashes     []string // of all that hold the template: pods that bear one of them are up to date
	collisions *int32
}

// remember finds the revision that holds the template: identity is a comparison of bytes. If no revision holds the very
// bytes, one does that differs from them as those of servers up to 1.33 do; else it has to be created.
func remember(ds *appsv1.DaemonSet, owner owners.Owner, selector labels.Selector, view []*appsv1.ControllerRevision, pending plan.Pending) (past, error) {
	patch, err := revisions.Patch(&ds.Spec.Template)
	if err != nil {
		return past{}, err
	}
	view = revisions.In(ds.Namespace, view)
	p := past{Claimed: revisions.Claim(view, owner, selector), collisions: ds.Status.CollisionCount}
	holding := p.History.Holding(patch)
	for _, revision := range holding {
		p.hashes = append(p.hashes, hashOf(revision))
		if p.current == nil || bytes.Equal(revision.Data.Raw, patch) || !bytes.Equal(p.current.Data.Raw, patch) {
			p.current = revision
		}
	}
	for _, revision := range p.History {
		switch {
		case revision == p.current:
		case slices.Contains(holding, revision) && bytes.Equal(revision.Data.Raw, p.current.Data.Raw):
			p.duplicates = append(p.duplicates, revision)
		default:
			p.old = append(p.old, revision)
		}
	}
	p.next = p.old.Next()
	for _, revision := range view {
		switch {
		case revision.DeletionTimestamp == nil || !owner.Owns(revision):
		case revisions.Holds(revision, patch):
			p.dying = append(p.dying, revision)
		default:
			p.next = max(p.next, revisions.History{revision}.Next())
		}
	}
	if p.current == nil {
		p.place(ds, owner, patch, view, pending)
	}
	p.hash = hashOf(p.current)
	for _, revision := range p.dying {
		p.hashes = append(p.hashes, hashOf(revision))
	}
	return p, nil
}

// place makes the revision that is missing. One that bears its name and holds the template is taken for it, whoever owns it.
func (p *past) place(ds *appsv1.DaemonSet, owner owners.Owner, patch []byte, view []*appsv1.ControllerRevision, pending plan.Pending) {
	hash := func(count *int32) string { return templates.Hash(&ds.Spec.Template, count) }
	name := func(count *int32) string { return ds.Name + "-" + hash(count) } // never cut: too long a name is refused
	place := revisions.PlaceAs(name, patch, view, pending, p.collisions)
	p.collisions = place.Collisions
	if p.current = place.Existing; p.current == nil {
		p.missing = true
		marked := labels.Merge(ds.Spec.Template.Labels, labels.Set{hashLabel: hash(p.collisions)})
		p.current = revisions.New(owner, place.Name, patch, p.next, marked, maps.Clone(ds.Annotations))
	}
	p.hashes = []string{hashOf(p.current)}
}

// hashOf is the label by which pods name the revision. One that has none yet gets its name, in which no two revisions
// agree.
func hashOf(revision *appsv1.ControllerRevision) string {
	if hash, ok := revision.Labels[hashLabel]; ok {
		return hash
	}
	return revision.Name
}

// isDuplicate reports whether the hash is that of a duplicate that goes, and not of the current revision as well.
func (p *past) isDuplicate(hash string) bool {
	bears := func(r *appsv1.ControllerRevision) bool { return hashOf(r) == hash }
	return hash != p.hash && (slices.ContainsFunc(p.duplicates, bears) || slices.ContainsFunc(p.dying, bears))
}

// record keeps the history: labels where they are missing, the current revision in its place, at the end. No revision
// is updated twice in a plan.
func (p *planner) record() {
	past := p.past
	written := slices.Clone(past.Orphans)
	for _, revision := range past.History {
		if _, ok := revision.Labels[hashLabel]; !ok && !slices.Contains(written, revision) {
			p.add(revisions.Relabel(revision, hashLabel, hashOf(revision)))
			written = append(written, revision)
		}
	}
	if past.isBehind() && !slices.Contains(written, past.current) {
		p.add(revisions.Renumber(past.current, past.next))
	}
}

// isBehind reports whether the current revision does not stand at the end of the history.
func (p *past) isBehind() bool {
	return p.current.Revision < p.next && slices.Contains(p.History, p.current)
}

// merge makes the pods of duplicates that stay pods of the current revision. A duplicate goes once no pod is left of it: without it they
// would count as pods of an unknown revision.
func (p *planner) merge() {
	if len(p.past.duplicates)+len(p.past.dying) == 0 {
		return
	}
	var moved []*corev1.Pod
	for i := range p.seen.places {
		for j := range p.seen.places[i].pods {
			m := &p.seen.places[i].pods[j]
			if m.hashed && !m.orphan && !m.unanswered && !m.deleted && p.past.isDuplicate(m.pod.Labels[hashLabel]) {
				m.relabelled = true
				moved = append(moved, m.pod)
			}
		}
	}
	slices.SortFunc(moved, byName)
	for _, pod := range moved {
		p.add(relabel(pod, p.past.hash))
	}
	live := p.liveHashes()
	for _, revision := range p.past.duplicates {
		if !live[hashOf(revision)] {
			p.add(revisions.Delete(revision, "revision "+p.past.current.Name+" holds the same"))
		}
	}
}

func relabel(pod *corev1.Pod, hash string) plan.Update {
	before, after := pod.DeepCopy(), pod.DeepCopy()
	metav1.SetMetaDataLabel(&after.ObjectMeta, hashLabel, hash)
	return plan.Update{Before: before, After: after}
}

// historyLimit is how many old revisions stay: 10 if the DaemonSet does not say.
func historyLimit(ds *appsv1.DaemonSet) int {
	if ds.Spec.RevisionHistoryLimit == nil {
		return 10
	}
	return int(*ds.Spec.RevisionHistoryLimit)
}

// liveHashes are the labels of the pods on the nodes.
func (p *planner) liveHashes() map[string]bool {
	live := map[string]bool{p.past.hash: p.seen.settled > 0}
	for i := range p.seen.places {
		for _, m := range p.seen.places[i].pods {
			live[m.pod.Labels[hashLabel]] = true
		}
	}
	return live
}

// forget deletes the oldest revisions beyond the limit. Those that a pod is of, or of which nobody knows whether they
// exist, stay, and count.
func (p *planner) forget() {
	limit := historyLimit(p.ds)
	if len(p.past.old) <= limit {
		return
	}
	live := p.liveHashes()
	for _, pod := range p.seen.finished {
		live[pod.Labels[hashLabel]] = true
	}
	for _, revision := range p.past.old.Surplus(limit, func(r *appsv1.ControllerRevision) bool { return r.UID == "" || live[hashOf(r)] }) {
		p.add(revisions.Delete(revision, "the history is full"))
	}
}
