package script

import (
	"fmt"
	"slices"
	"strings"
)

// verb is one command that scripts know.
type verb struct {
	name  string // its first words: "kubectl get"
	takes string // what may follow, for the documentation
	does  string // in a few words
	flags []string
	run   func(*session, call) (output string, err error)
}

// verbs are all commands, in the order in which they are documented. To add one, write its handler in a file of its
// own and name it here.
func verbs() []verb {
	return slices.Concat(
		[]verb{
			applyVerb(), createVerb(), getVerb(), describeVerb(), deleteVerb(), scaleVerb(), patchVerb(), editVerb(),
			labelVerb(), annotateVerb(), taintVerb(), execVerb(),
		},
		rolloutVerbs(), clusterVerbs(), timeVerbs(), nodeVerbs(), containerVerbs(), faultVerbs(), lookVerbs(),
	)
}

// find gives the verb with which a command begins, and the words behind it.
func find(words []string) (v verb, rest []string, err error) {
	for _, candidate := range verbs() {
		name := strings.Fields(candidate.name)
		if len(name) > len(strings.Fields(v.name)) && len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
			v, rest = candidate, words[len(name):]
		}
	}
	if v.name == "" {
		return verb{}, nil, wrong("unknown command %q", strings.Join(words[:min(2, len(words))], " "))
	}
	return v, rest, nil
}

// usage is the line of the documentation, without the explanation.
func (v verb) usage() string { return strings.TrimSpace(v.name + " " + v.takes) }

// Help lists the commands: how each is written, and below it what it does.
func Help() string {
	var text strings.Builder
	for _, v := range verbs() {
		fmt.Fprintf(&text, "%s\n    %s\n", v.usage(), v.does)
	}
	return text.String()
}

// HelpConditions lists the numbers that conditions can speak of.
func HelpConditions() string {
	var text strings.Builder
	for _, q := range quantities() {
		fmt.Fprintf(&text, "%-12s %s\n", q.name, q.means)
	}
	return text.String()
}
