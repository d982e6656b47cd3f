package script_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kubeplan/kubeplan/plan/sim/script"
	"github.com/kubeplan/kubeplan/plan/sim/script/scripttest"
)

// TestDoc holds the package documentation against the tables of commands and quantities; -update writes it.
func TestDoc(t *testing.T) {
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	want = section(t, want, "// # Commands\n", "// # Conditions\n", comment(script.Help(), "//\t"))
	want = section(t, want, "// # Conditions\n", "// # Tests\n", "// A condition compares a number of pods of one workload in the namespace default:\n"+
		"// \"QUANTITY of KIND/NAME <= NUMBER\", or with >= or ==. The pods of a Deployment are those of its\n"+
		"// ReplicaSets, those of a CronJob are those of its Jobs. The quantities:\n//\n"+
		comment(script.HelpConditions(), "//\t"))
	if want == string(data) {
		return
	}
	if !scripttest.Updating() {
		t.Error("doc.go does not list the commands as they are: run the test with -update")
		return
	}
	if err := os.WriteFile("doc.go", []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// section replaces what stands between two headings.
func section(t *testing.T, text, heading, next, body string) string {
	before, rest, found := strings.Cut(text, heading)
	_, after, foundNext := strings.Cut(rest, next)
	if !found || !foundNext {
		t.Fatalf("doc.go: no heading %q followed by %q", heading, next)
	}
	return before + heading + "//\n" + body + "//\n" + next + after
}

func comment(text, prefix string) string {
	var commented strings.Builder
	for line := range strings.Lines(text) {
		commented.WriteString(prefix + line)
	}
	return commented.String()
}
