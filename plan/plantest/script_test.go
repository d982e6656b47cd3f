package plantest

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan/sim/script"
)

// A failed history is shown as a script. Played by package script it is the same history, write for write.
func TestHistoriesAreScripts(t *testing.T) {
	const firstNodes = 3 // the newest version when the cluster is made
	rapid.Check(t, func(t *rapid.T) {
		p := begin(t, ReplicaSetWorld())
		t.Repeat(p.happenings())
		p.heal(t)
		p.tell("log")
		read, err := script.Parse("history", p.text())
		if err != nil {
			t.Fatal(err)
		}
		played, err := read.Update(fstest.MapFS{})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, w := range p.cluster.Writes() {
			if _, what, _ := strings.Cut(w.String(), fmt.Sprintf(" %d ", w.ResourceVersion)); w.Kind() != "Event" && w.ResourceVersion > firstNodes {
				want = append(want, w.At.Format("15:04:05.000 ")+what)
			}
		}
		last := played.Steps[len(played.Steps)-1]
		if got := last.Want; got != strings.Join(want, "\n") {
			t.Fatalf("played again the history is another:\n%s", difference(strings.Join(want, "\n"), got))
		}
	})
}
