package daemonset

import (
	"cmp"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// order puts what has been found so far in the order of the nodes. What an update must do comes behind what is to be done anyway,
// so that a burst does not take the one for the other.
func (p *planner) order() {
	slices.Sort(p.missing)
	slices.SortStableFunc(p.victims, func(a, b victim) int { return cmp.Compare(a.place.name, b.place.name) })
}

// step is something to do as far as the plan has room for it.
type step struct {
	action plan.Action // nil: a pod is made
	node   string      // for this node
	member *member     // of a deletion or a binding: no pod gets both
	room   *int        // how many more an update may do; nil: as many as there are
}

// refused reports whether the API server refused this very step last time.
func (p *planner) refused(s step) bool {
	if s.action == nil {
		return p.last.nodes[s.node]
	}
	return p.last.objects[identityOf(s.action.Target())]
}

// inOrder lists all that could be done, begins behind what was refused last time, and takes as much as there is room for: once
// around, so that nothing that is always refused hides anything else, be it beyond a burst or beyond the budget of an update.
// The revision stands before anything that relies on it. It may be what is always refused; so after any refusal it comes
// behind what does not rely on it.
func (p *planner) inOrder() []plan.Action {
	var list, creations []step
	for _, action := range p.steps {
		list = append(list, step{action: action})
	}
	for _, v := range p.victims {
		list = append(list, p.deletion(v, nil))
	}
	for _, v := range p.replaceable {
		list = append(list, p.deletion(v, &p.mayReplace))
	}
	list = append(list, p.binds...)
	if !p.last.namespaceEnds {
		for _, node := range p.missing {
			creations = append(creations, step{node: node})
		}
		for _, node := range p.surging {
			creations = append(creations, step{node: node, room: &p.maySurge})
		}
	}
	revision := step{action: plan.Create{Object: p.past.current}}
	switch {
	case !p.past.missing || p.last.namespaceEnds:
		list = inTurn(append(list, creations...), p.refused)
	case p.last.stopped:
		list = inTurn(append(list, revision), p.refused)
		at := slices.IndexFunc(list, func(s step) bool { return s.action == revision.action })
		list = slices.Insert(list, at+1, inTurn(creations, p.refused)...)
	default:
		list = slices.Concat([]step{revision}, list, creations)
	}
	return p.choose(list)
}

func (p *planner) deletion(v victim, room *int) step {
	return step{action: plan.Delete{Object: plan.RefTo(v.member.pod), Reason: v.reason}, member: v.member, room: room}
}

// choose takes the steps that the plan has room for.
func (p *planner) choose(list []step) []plan.Action {
	var actions []plan.Action
	var made *corev1.PodTemplateSpec
	creates, deletes, others := p.burst, p.burst, math.MaxInt
	for _, s := range list {
		burst := &others
		_, binds := s.action.(plan.Bind)
		switch {
		case s.action == nil:
			burst = &creates
		case s.member != nil && !binds:
			burst = &deletes
		}
		if *burst == 0 || s.room != nil && *s.room <= 0 || s.member != nil && s.member.bound || binds && s.member.deleted {
			continue
		}
		*burst--
		if s.room != nil {
			*s.room--
		}
		switch {
		case binds:
			s.member.bound = true
		case s.member != nil:
			s.member.deleted = true
		case s.action == nil:
			if made == nil {
				made = template(p.ds, p.past.hash)
			}
			s.action = plan.Create{Object: newPod(made, p.ds, p.owner, s.node)}
		}
		actions = append(actions, s.action)
	}
	return actions
}

// bind ties the pods without a node to the one that they are made for.
func (p *planner) bind() {
	for i := range p.seen.places {
		place := &p.seen.places[i]
		for j := range place.pods {
			if m := &place.pods[j]; place.run && m.isUnscheduled() && !m.orphan && !m.relabelled {
				p.binds = append(p.binds, step{action: plan.Bind{Object: plan.RefTo(m.pod), To: plan.RefTo(place.node)}, node: place.name, member: m})
			}
		}
	}
	slices.SortFunc(p.binds, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.member.pod.Name, b.member.pod.Name))
	})
}
