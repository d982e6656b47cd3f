// Package scripttest plays scripts as tests.
package scripttest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubeplan/kubeplan/plan/sim/script"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

// Updating reports whether the flag -update is set.
func Updating() bool { return *update }

// Run plays every script (*.txt) of a folder as a test of its own. Manifests are read from the same folder. With the flag
// -update the scripts are rewritten to expect what their commands print: look at the difference.
func Run(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { play(t, file) })
	}
}

func play(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := script.Parse(file, string(text))
	if err != nil {
		t.Fatal(err)
	}
	manifests := os.DirFS(filepath.Dir(file))
	if *update {
		if s, err = s.Update(manifests); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(file, []byte(s.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	var session bytes.Buffer
	if err := s.Play(manifests, &session); err != nil {
		t.Error(err)
	}
	if want := s.String(); !t.Failed() && session.String() != want {
		t.Errorf("the session is not the script:\n%s\nwant:\n%s", session.String(), want)
	}
}
