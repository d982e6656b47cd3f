package plantest_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

func TestPlannersArePure(t *testing.T) {
	dirs := pureDirs(t)
	for _, known := range []string{"plan", "replicaset", "internal/owners"} {
		if !slices.Contains(dirs, filepath.Join(root, known)) {
			t.Errorf("%s is not among the packages that are read: %v", known, dirs)
		}
	}
	plantest.CheckPure(t, dirs...)
}

const (
	root   = "../.."
	module = "github.com/kubeplan/kubeplan"
)

// pureDirs are the packages of this module that have to be pure: the planners, which are the folders at its root, and all of this
// module that they import.
func pureDirs(t *testing.T) []string {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	dirs := []string{filepath.Join(root, "plan")}
	for _, entry := range entries {
		dir := filepath.Join(root, entry.Name())
		notPlanners := []string{"plan", "internal", "examples"}
		if entry.IsDir() && !slices.Contains(notPlanners, entry.Name()) && len(sources(dir)) > 0 {
			dirs = append(dirs, dir)
		}
	}
	for i := 0; i < len(dirs); i++ { // it grows on the way
		for _, path := range imports(t, dirs[i]) {
			name, ours := strings.CutPrefix(path, module+"/")
			if dir := filepath.Join(root, name); ours && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// sources are the files of a package but for its tests.
func sources(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	return slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

func imports(t *testing.T, dir string) []string {
	var paths []string
	for _, name := range sources(dir) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			paths = append(paths, strings.Trim(spec.Path.Value, `"`))
		}
	}
	return paths
}

// recorder is a test that notes what it is failed for.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.errors = append(r.errors, args[0].(string)) }

func TestCheckPureFinds(t *testing.T) {
	tests := []struct {
		name   string
		source string
		want   string // nothing: the source is pure
	}{
		{"the wall clock", "import \"time\"\nvar _ = func() any { return time.Now() }", "Now of time"},
		{"the wall clock under another name", "import clock \"time\"\nfunc f() any { return clock.Since }", "Since of time"},
		{"the wall clock without a name", "import . \"time\"\nfunc f() any { return Now() }", "imports time without its name"},
		{"the clock of the API machinery", "import metav1 \"k8s.io/apimachinery/pkg/apis/meta/v1\"\nfunc f() any { return metav1.Now() }", "Now of k8s.io/apimachinery/pkg/apis/meta/v1"},
		{"the zone of the process", "import \"time\"\nfunc f() any { return time.Local }", "Local of time"},
		{"random numbers", "import _ \"math/rand/v2\"", "imports math/rand/v2"},
		{"random names", "import \"k8s.io/apimachinery/pkg/util/rand\"\nfunc f() any { return rand.String(5) }", "String of k8s.io/apimachinery/pkg/util/rand"},
		{"the hash that rand encodes", "import \"k8s.io/apimachinery/pkg/util/rand\"\nfunc f() any { return rand.SafeEncodeString(\"x\") }", ""},
		{"files", "import _ \"os\"", "imports os"},
		{"the network", "import _ \"net/http\"", "imports net/http"},
		{"standard output", "import \"fmt\"\nfunc f() { fmt.Println() }", "Println of fmt"},
		{"standard error", "func f() { println() }", "println"},
		{"text", "import \"fmt\"\nfunc f() any { return fmt.Sprint() }", ""},
		{"logging", "import _ \"log/slog\"", "imports log/slog"},
		{"a context", "import _ \"context\"", "imports context"},
		{"a lock", "import \"sync\"\nfunc f() { var m sync.Mutex; m.Lock() }", "sync.Mutex"},
		{"a goroutine", "func f() { go f() }", "a goroutine"},
		{"a channel", "func f() any { return make(chan int) }", "a channel"},
		{"a variable", "var cache = map[string]int{}", "the package-level variable cache"},
		{"a variable among constants", "const a = 1\nvar b, c = 1, 2", "the package-level variable b"},
		{"a constant built on demand", "import \"sync\"\nvar table = sync.OnceValue(func() int { return 1 })", ""},
		{"a proof that a type has its methods", "type T struct{}\nvar _ any = T{}", ""},
		{"an init function", "func init() {}", "an init function"},
		{"a variable in a function", "func f() int { var n int; return n }", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte("package p\n"+test.source+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := &recorder{TB: t}
			plantest.CheckPure(r, dir)
			found := strings.Join(r.errors, "\n")
			if test.want == "" && found != "" || !strings.HasSuffix(strings.Split(found, "\n")[0], test.want) {
				t.Errorf("found %q, want %q", found, test.want)
			}
		})
	}
}

func TestCheckPureLeavesTestsOut(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p_test.go"), []byte("package p\nvar now = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	plantest.CheckPure(r, dir)
	if len(r.errors) > 0 {
		t.Errorf("found %v in a test", r.errors)
	}
}
