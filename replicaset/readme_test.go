package replicaset_test

import (
	"os"
	"strings"
	"testing"
)

// The README shows ExamplePlan and what it prints. Both must be those of the example, which is checked.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, example := read(t, "../README.md"), read(t, "example_test.go")
	_, body, _ := strings.Cut(example, "func ExamplePlan() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	code, output, found := strings.Cut(body, "\t// Output:\n")
	if !found {
		t.Fatal("the example has no output")
	}
	for what, text := range map[string]string{"code": unindent(code, "\t"), "output": unindent(output, "\t// ")} {
		if !strings.Contains(readme, "\n"+text) {
			t.Errorf("the README does not show the %s of the example:\n%s", what, text)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func unindent(text, indent string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, indent)
	}
	return strings.Join(lines, "\n")
}
