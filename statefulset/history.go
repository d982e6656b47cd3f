package statefulset

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/revisions"
	"github.com/kubeplan/kubeplan/plan"
)

// past is the history of the set's template, and the two revisions that count: current, which the set came from, and
// update, which it goes to. At rest they are one.
type past struct {
	revisions.Claimed
	current, update *appsv1.ControllerRevision
	collisions      int32

	// creation records the update's revision, before any pod is made of it: nil if it is there.
	creation []plan.Action
	// moved puts it at the end of the history: nil if it is there.
	moved []plan.Action

	updateTemplate *corev1.PodTemplateSpec
}

// hashLabel carries the hash of a revision's name.
const hashLabel = "controller.kubernetes.io/hash"

// remember finds the two revisions. The update's is the newest if that holds the set's template; else an older one that
// does, moved to the end of the history; else the newest if it means the same once defaults are filled in; else a new one.
func remember(set *appsv1.StatefulSet, owner owners.Owner, selector labels.Selector, view []*appsv1.ControllerRevision, pending plan.Pending) (past, error) {
	patch, err := revisions.Patch(&set.Spec.Template)
	if err != nil {
		return past{}, err
	}
	view = revisions.In(set.Namespace, view)
	p := past{Claimed: revisions.Claim(view, owner, selector), updateTemplate: &set.Spec.Template}
	if set.Status.CollisionCount != nil {
		p.collisions = *set.Status.CollisionCount
	}
	latest := p.History.Latest()
	switch {
	case latest != nil && revisions.Holds(latest, patch):
		p.update = latest
	case len(p.History.Holding(patch)) > 0:
		p.update = p.History.Holding(patch).Latest()
		if next := p.History.Next(); p.update.Revision < next && !slices.Contains(p.Orphans, p.update) { // else it is adopted first
			p.moved = []plan.Action{revisions.Renumber(p.update, next)}
		}
	case latest != nil && revisions.Means(latest, &set.Spec.Template):
		p.update = latest
		if template, err := revisions.Template(latest); err == nil {
			p.updateTemplate = template
		}
	default:
		hash := func(count *int32) string { return revisions.PatchHash(patch, count) }
		place := revisions.Place(set.Name, patch, view, pending, &p.collisions, hash)
		if p.update = place.Existing; p.update == nil {
			marked := labels.Merge(set.Spec.Template.Labels, labels.Set{hashLabel: hash(&p.collisions)})
			p.update = revisions.New(owner, place.Name, patch, p.History.Next(), marked, maps.Clone(set.Annotations))
			p.creation = []plan.Action{plan.Create{Object: p.update}}
		}
		p.collisions = *place.Collisions
	}
	if p.current = p.History.Named(set.Status.CurrentRevision); p.current == nil {
		p.current = p.update
	}
	return p, nil
}

// templateFor gives what a new pod of an ordinal is made of, and the name of its revision. A current revision that cannot be
// read is passed over.
func (p *planner) templateFor(ordinal int) (template *corev1.PodTemplateSpec, revision string) {
	updateFrom := p.want.updateFrom
	if p.want.keepsCurrent {
		updateFrom += int(p.currentReplicas)
	}
	if current := p.past.current; ordinal < updateFrom && current.Name != p.past.update.Name {
		if template, err := revisions.Template(current); err == nil {
			return template, current.Name
		}
	}
	return p.past.updateTemplate, p.past.update.Name
}

// forget deletes the oldest revisions beyond the limit. Those that a pod is of, or will be, are live: they stay, and do not
// count.
func (p *planner) forget() {
	if p.want.history < 0 || len(p.past.History) <= p.want.history {
		return
	}
	names := []string{p.past.current.Name, p.past.update.Name}
	for i := range p.seen.members {
		if revision := p.seen.members[i].revision(); !slices.Contains(names, revision) {
			names = append(names, revision)
		}
	}
	live := func(r *appsv1.ControllerRevision) bool { return slices.Contains(names, r.Name) }
	old := slices.DeleteFunc(slices.Clone(p.past.History), live)
	for _, revision := range old.Surplus(p.want.history, live) {
		if !slices.Contains(p.past.Orphans, revision) { // else it is adopted first
			p.add(unit{pod: []plan.Action{revisions.Delete(revision, "the history is full")}})
		}
	}
}
