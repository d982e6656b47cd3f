package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeplan/kubeplan/plan"
)

var given = regexp.MustCompile(givenPattern)

// canonical is an object as JSON without what depends on the order of writes: names and UIDs that were given become
// "*", and versions go.
func canonical(obj plan.Object) string {
	data, err := json.Marshal(obj)
	if err != nil {
		return err.Error()
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return err.Error()
	}
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		delete(metadata, "resourceVersion")
	}
	if status, ok := fields["status"].(map[string]any); ok {
		sortConditions(status["conditions"])
		forgetVersions(status["active"])
	}
	if pod, ok := obj.(*corev1.Pod); ok && pod.Labels[appsv1.StatefulSetPodNameLabel] != "" {
		sortVolumes(fields["spec"])
	}
	if data, err = json.Marshal(fields); err != nil {
		return err.Error()
	}
	return anonymous(string(data))
}

// sortVolumes puts the volumes of a StatefulSet's pod in the order of their names: upstream's follow Go's order of maps.
func sortVolumes(spec any) {
	fields, _ := spec.(map[string]any)
	volumes, _ := fields["volumes"].([]any)
	nameOf := func(volume any) string {
		fields, _ := volume.(map[string]any)
		name, _ := fields["name"].(string)
		return name
	}
	slices.SortStableFunc(volumes, func(a, b any) int { return strings.Compare(nameOf(a), nameOf(b)) })
}

// sortConditions puts conditions in the order of their types: a list by name, but to an API server a map.
func sortConditions(list any) {
	conditions, _ := list.([]any)
	typeOf := func(condition any) string {
		fields, _ := condition.(map[string]any)
		name, _ := fields["type"].(string)
		return name
	}
	slices.SortStableFunc(conditions, func(a, b any) int { return strings.Compare(typeOf(a), typeOf(b)) })
}

// forgetVersions takes the versions out of a CronJob's list of Jobs.
func forgetVersions(list any) {
	references, _ := list.([]any)
	for _, reference := range references {
		if fields, ok := reference.(map[string]any); ok {
			delete(fields, "resourceVersion")
		}
	}
}

func anonymous(s string) string { return given.ReplaceAllString(s, "*") }

// state is everything in the World in canonical form: objects that differ only by given names are numbered.
func (w *World) state() map[string]any {
	byName := map[string][]string{}
	for _, obj := range w.all() {
		name := anonymous(plan.RefTo(obj).String())
		byName[name] = append(byName[name], canonical(obj))
	}
	state := map[string]any{}
	for name, objects := range byName {
		slices.Sort(objects)
		for i, data := range objects {
			var fields any
			_ = json.Unmarshal([]byte(data), &fields)
			if len(objects) > 1 {
				state[fmt.Sprintf("%s #%d", name, i+1)] = fields
			} else {
				state[name] = fields
			}
		}
	}
	return state
}

// text is a write that succeeded, with what it left.
func (w Write) text() string {
	line := w.Verb + " " + anonymous(w.Ref.String())
	if w.After != nil {
		line += " " + canonical(w.After)
	}
	return line
}

// effects are the writes that changed something, status writes apart, with how often each.
func effects(rounds []Round) map[string]int {
	count := map[string]int{}
	for _, r := range rounds {
		for _, w := range r.Writes {
			if w.Changed && w.Verb != "update-status" {
				count[w.text()]++
			}
		}
	}
	return count
}

// refused are the writes that were refused, each once.
func refused(rounds []Round) map[string]bool {
	set := map[string]bool{}
	for _, r := range rounds {
		for _, w := range r.Writes {
			if w.Err != nil {
				set[w.Verb+" "+anonymous(w.Ref.String())+": "+anonymous(w.Err.Error())] = true
			}
		}
	}
	return set
}

// events counts the events. A Warning may be repeated as long as its cause lasts: it counts once.
func events(rounds []Round) map[string]int {
	count := map[string]int{}
	for _, r := range rounds {
		for _, e := range r.Events {
			text := anonymous(fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message))
			if e.Type == corev1.EventTypeWarning {
				count[text] = 1
			} else {
				count[text]++
			}
		}
	}
	return count
}

// compare gives the first difference between two runs of one stage in words: "" if there is none.
func compare(kind Kind, upstream, ours *Run) string {
	switch {
	case ours.Touched != "":
		return ours.Touched
	case !upstream.Rested:
		return "upstream does not come to rest"
	case !ours.Rested:
		return "ours does not come to rest"
	}
	if kind.Sound != nil {
		if wrong := kind.Sound(ours); wrong != "" {
			return "ours, whatever upstream does: " + wrong
		}
	}
	if d := meet(kind, upstream.Rounds, ours.Rounds); d != "" {
		return d
	}
	if d := cmp.Diff(upstream.State, ours.State); d != "" {
		return "the cluster at rest (-upstream +ours):\n" + d
	}
	if d := cmp.Diff(events(upstream.Rounds), events(ours.Rounds)); d != "" {
		return "the events (-upstream +ours):\n" + d
	}
	if d := cmp.Diff(withoutConflicts(upstream.Refused), ours.Refused); d != "" {
		return "the writes that were refused (-upstream +ours):\n" + d
	}
	return ""
}

// withoutConflicts leaves out the writes by which a controller of upstream met itself, because it wrote twice from one copy: a
// real server refuses them as well, and what the next sync does about it is compared. Ours must not do that.
func withoutConflicts(refused map[string]bool) map[string]bool {
	kept := map[string]bool{}
	for text := range refused {
		if !strings.Contains(text, "the object has been modified") {
			kept[text] = true
		}
	}
	return kept
}

// meet looks for a number of our plans that have made the same writes as upstream's first syncs.
func meet(kind Kind, upstream, ours []Round) string {
	within := kind.MeetWithin
	switch {
	case within < 0:
		return ""
	case within == 0:
		within = 1
	}
	if len(refused(upstream[:1])) > 0 {
		// A host stops where something is refused, and upstream does not always: what it did besides comes later.
		return missing(effects(upstream[:1]), effects(ours))
	}
	for j := 1; j <= min(within, len(upstream)); j++ {
		theirs := effects(upstream[:j])
		for k := 1; k <= len(ours); k++ {
			if maps.Equal(theirs, effects(ours[:k])) {
				return ""
			}
		}
	}
	return fmt.Sprintf("the writes of upstream's first sync and of our first plan (-upstream +ours):\n%s",
		cmp.Diff(effects(upstream[:1]), effects(ours[:1])))
}

// missing tells of the writes of upstream that ours never made.
func missing(upstream, ours map[string]int) string {
	for _, write := range slices.Sorted(maps.Keys(upstream)) {
		if ours[write] < upstream[write] {
			return "a write that only upstream made: " + write
		}
	}
	return ""
}

// describe tells a run round by round.
func (r *Run) describe() string {
	var lines []string
	for i, round := range r.Rounds {
		lines = append(lines, fmt.Sprintf("  round %d:", i+1))
		for _, w := range round.Writes {
			line := "    " + w.Verb + " " + w.Ref.String()
			switch {
			case w.Err != nil:
				line += ": " + w.Err.Error()
			case !w.Changed:
				line += " (no change)"
			}
			lines = append(lines, line)
		}
		for _, a := range round.Actions {
			if wait, ok := a.(plan.Wait); ok {
				lines = append(lines, "    "+wait.String())
			}
		}
		for _, e := range round.Events {
			lines = append(lines, fmt.Sprintf("    event %s %s: %s", e.Type, e.Reason, e.Message))
		}
		if round.Err != nil {
			lines = append(lines, "    error: "+round.Err.Error())
		}
	}
	return strings.Join(lines, "\n")
}
