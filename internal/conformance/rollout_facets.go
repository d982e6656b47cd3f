package conformance

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeplan/kubeplan/plan"
)

// facet is a part of what a run leaves. Each row of DEVIATIONS.md excuses a difference in some of them.
type facet string

const (
	inSizes      facet = "sizes"      // of ReplicaSets, what their statuses make of them, and how they were told of D
	inSets       facet = "sets"       // which ReplicaSets there are
	inNotes      facet = "notes"      // other annotations of ReplicaSets, and minReadySeconds
	inNumbers    facet = "numbers"    // in the status of the Deployment
	inProgress   facet = "progress"   // its condition Progressing
	inAvailable  facet = "available"  // its condition Available
	inFailure    facet = "failure"    // its condition ReplicaFailure
	inCollisions facet = "collisions" // its collisionCount
	inRevision   facet = "revision"   // the annotation of the Deployment
	inScalings   facet = "scalings"   // the events about sizes, those about one ReplicaSet in a sync taken together
	inSteps      facet = "steps"      // the same as they were told
	inEvents     facet = "events"     // all others
	inTaken      facet = "taken"      // which creations were refused because the name is taken
	inRefused    facet = "refused"    // which other writes were refused
	inAsked      facet = "asked"      // what the Deployment asks for: its spec and other annotations, which a rollback changes
	inRest       facet = "rest"       // everything else
)

// moving are the facets of two rollouts that go in other steps: sizes, what follows from them, and which revisions were without pods long
// enough to be forgotten, with the failure that one of them told of.
var moving = append([]facet{inSizes, inProgress, inAvailable, inScalings, inSteps}, forgetting...)

// forgetting are the facets of two histories of which one was cut earlier, or elsewhere.
var forgetting = []facet{inSets, inFailure, inNumbers}

// judging are the facets of two statuses that judged progress otherwise, and cut the history accordingly.
var judging = append([]facet{inProgress, inAvailable}, forgetting...)

// anything is all but the rest: nothing that follows can be compared.
var anything = append(slices.Clone(moving), inNotes, inRevision, inCollisions, inEvents, inTaken, inRefused)

// differing gives the facets in which two runs are different.
func differing(upstream, ours *Run) []facet {
	theirs, mine := facetsOf(upstream, ours), facetsOf(ours, upstream)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(theirs)), func(f facet) bool { return cmp.Equal(theirs[f], mine[f]) })
}

// facets is what a run left, by facet and by what it is about.
type facets map[facet]map[string]any

// facetsOf takes what a run left apart. Of ReplicaSets that only one side has, it is told that they are there.
func facetsOf(run, other *Run) facets {
	all := facets{}
	for _, f := range append([]facet{inRest, inAsked}, anything...) {
		all[f] = map[string]any{}
	}
	for name, object := range run.State {
		fields := clone(object).(map[string]any)
		switch {
		case strings.HasPrefix(name, "Deployment "):
			all.takeDeployment(name, fields)
		case strings.HasPrefix(name, "ReplicaSet "):
			all[inSets][name] = true
			if _, both := other.State[name]; !both {
				continue
			}
			all.takeSet(name, fields)
		}
		all[inRest][name] = fields
	}
	for text, n := range scalings(run) {
		all[inScalings][text] = n
	}
	for text, n := range events(run.Rounds) {
		if strings.Contains(text, "ScalingReplicaSet") {
			all[inSteps][text] = n
		} else {
			all[inEvents][text] = n
		}
	}
	for text := range run.Refused {
		if strings.Contains(text, "already exists") {
			all[inTaken][text] = true
		} else {
			all[inRefused][text] = true
		}
	}
	return all
}

// takeDeployment moves what facets are about out of the fields of the Deployment.
func (all facets) takeDeployment(name string, fields map[string]any) {
	annotations := take(fields["metadata"], "annotations")
	all[inRevision][name] = take(annotations, "deployment.kubernetes.io/revision")
	if given, _ := annotations.(map[string]any); len(given) == 0 {
		annotations = nil // as without any
	}
	all[inAsked][name] = []any{annotations, take(fields, "spec")}
	status := take(fields, "status")
	all[inCollisions][name] = take(status, "collisionCount")
	conditions, _ := take(status, "conditions").([]any)
	for _, condition := range conditions {
		kind := condition.(map[string]any)["type"]
		all[map[any]facet{"Progressing": inProgress, "Available": inAvailable, "ReplicaFailure": inFailure}[kind]][name] = condition
	}
	all[inNumbers][name] = status
}

// takeSet does the same for a ReplicaSet.
func (all facets) takeSet(name string, fields map[string]any) {
	annotations := take(fields["metadata"], "annotations")
	all[inSizes][name] = []any{
		take(fields["spec"], "replicas"), take(fields, "status"),
		take(annotations, "deployment.kubernetes.io/desired-replicas"), take(annotations, "deployment.kubernetes.io/max-replicas"),
	}
	if given, _ := annotations.(map[string]any); len(given) == 0 {
		annotations = nil // as without any
	}
	all[inNotes][name] = []any{annotations, take(fields["spec"], "minReadySeconds")}
}

// take takes a field out of decoded JSON, nil if it is not there.
func take(from any, key string) any {
	fields, _ := from.(map[string]any)
	value := fields[key]
	delete(fields, key)
	return value
}

// clone is a deep copy of decoded JSON.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		copied := maps.Clone(v)
		for key := range copied {
			copied[key] = clone(copied[key])
		}
		return copied
	case []any:
		copied := slices.Clone(v)
		for i := range copied {
			copied[i] = clone(copied[i])
		}
		return copied
	}
	return value
}

// scalings counts the events, those that scale one ReplicaSet twice in a sync taken together.
func scalings(run *Run) map[string]int {
	count := map[string]int{}
	for _, round := range run.Rounds {
		from, to := map[string]string{}, map[string]string{}
		for _, event := range round.Events {
			if verb, before, after, ok := scaling(event); ok {
				if _, twice := from[verb]; !twice {
					from[verb] = before
				}
				to[verb] = after
			}
		}
		for verb := range from {
			count[verb+" from "+from[verb]+" to "+to[verb]]++
		}
	}
	return count
}

// scaling takes "Scaled down replica set web from 3 to 1" apart.
func scaling(event plan.Event) (verb, from, to string, ok bool) {
	verb, sizes, ok := strings.Cut(event.Message, " from ")
	from, to, sized := strings.Cut(sizes, " to ")
	return verb, from, to, ok && sized && event.Reason == "ScalingReplicaSet"
}
