package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPlan: whatever the input, the program does not panic, and says in its exit status whether it said what is wrong.
func FuzzPlan(f *testing.F) {
	for _, file := range inputs(f, "*.yaml", "*.json") {
		f.Add(file)
	}
	for _, odd := range []string{"", "---", "...", "%", "%YAML 1.2\n---\na: 1\n", "\uFEFF{}", "null", "{}{}", "--- {a: b}", "[[[[", "kind: List\nitems: [{kind: List}]",
		`{"kind":"List","items":{}}`, `{"kind":"PodList","apiVersion":"v1","items":[{}]}`, `{"apiVersion":"a/b","kind":"C","metadata":"m"}`} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{"text", "json"} {
			var stdout, stderr bytes.Buffer
			status := run([]string{"plan", "-o", format}, bytes.NewReader(data), &stdout, &stderr, noon)
			errors := strings.Count(stderr.String(), "kubeplan: ")
			if stderr.String() == "kubeplan: there is no workload in the input\n" {
				errors = 0
			}
			if format == "json" {
				for line := range strings.Lines(stdout.String()) {
					if decoded := checkAnswer(t, line); decoded.Error != "" {
						errors++
					}
				}
			}
			if wantStatus := min(errors, exitInvalid); status != wantStatus {
				t.Errorf("-o %s: exit %d with %d errors\nstdout %s\nstderr %s", format, status, errors, &stdout, &stderr)
			}
		}
	})
}

// FuzzStream: whatever a line holds, it is answered by one line, in its place, with its id.
func FuzzStream(f *testing.F) {
	for _, file := range inputs(f, "stream.jsonl") {
		f.Add(file)
		for line := range bytes.Lines(file) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var stdout bytes.Buffer
		status := run([]string{"plan", "--stream"}, bytes.NewReader(data), &stdout, io.Discard, noon)
		answers := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
		wantStatus := exitPlanned
		for line := range bytes.Lines(data) {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if len(answers) == 0 {
				t.Fatalf("no answer to %q", line)
			}
			decoded := checkAnswer(t, answers[0])
			answers = answers[1:]
			if decoded.Error != "" {
				wantStatus = exitInvalid
			}
			var request map[string]json.RawMessage
			if json.Unmarshal(line, &request) == nil && decoded.Error == "" && !sameJSON(request["id"], decoded.ID) {
				t.Errorf("answer with id %s to %q", decoded.ID, line)
			}
		}
		if strings.Join(answers, "") != "" || status != wantStatus {
			t.Errorf("exit %d, want %d; answers to nothing: %q", status, wantStatus, answers)
		}
	})
}

type decodedAnswer struct {
	ID              json.RawMessage
	Actions, Events []json.RawMessage
	Error           string
}

// checkAnswer checks what holds for every answer.
func checkAnswer(t *testing.T, line string) decodedAnswer {
	t.Helper()
	var a decodedAnswer
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if a.Actions == nil || a.Events == nil || (a.Error != "" && len(a.Actions) > 0) {
		t.Errorf("lists that are null, or a plan beside an error: %s", line)
	}
	return a
}

func sameJSON(a, b json.RawMessage) bool {
	if a == nil {
		return string(b) == "null"
	}
	var compactA, compactB bytes.Buffer
	return json.Compact(&compactA, a) == nil && json.Compact(&compactB, b) == nil && compactA.String() == compactB.String()
}

func inputs(f *testing.F, patterns ...string) [][]byte {
	var contents [][]byte
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			contents = append(contents, data)
		}
	}
	return contents
}
