package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestStreamAnswersAtOnce holds a conversation: the second request is sent only once the first is answered.
func TestStreamAnswersAtOnce(t *testing.T) {
	requests, toProgram := io.Pipe()
	fromProgram, answers := io.Pipe()
	status := make(chan int)
	go func() {
		status <- run([]string{"plan", "--stream"}, requests, answers, io.Discard, noon)
	}()
	lines := bufio.NewReader(fromProgram)
	for _, id := range []string{"1", "2"} {
		fmt.Fprintf(toProgram, "{\"id\":%s}\n", id)
		line, err := lines.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, `{"id":`+id+`,`) {
			t.Errorf("answer to %s: %q, %v", id, line, err)
		}
	}
	toProgram.Close()
	if got := <-status; got != exitInvalid {
		t.Errorf("exit status %d, want %d: both requests were invalid", got, exitInvalid)
	}
}

// TestStreamLongLine sends more pods in one line than any fixed buffer holds, and no newline at its end.
func TestStreamLongLine(t *testing.T) {
	const pods = 5000
	var line strings.Builder
	line.WriteString(`{"id":"long","items":[{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web","uid":"w"},
		"spec":{"replicas":4999,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}}}}}`)
	for i := range pods {
		fmt.Fprintf(&line, `,{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-%d","labels":{"app":"web"},
			"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"w","controller":true}]}}`, i)
	}
	line.WriteString("]}")
	var stdout bytes.Buffer
	status := run([]string{"plan", "--stream"}, strings.NewReader(strings.ReplaceAll(line.String(), "\n", " ")), &stdout, io.Discard, noon)
	var got struct {
		Status  struct{ Replicas int }
		Actions []struct{ Action string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if status != exitPlanned || got.Status.Replicas != pods || len(got.Actions) < 2 || got.Actions[1].Action != "delete" {
		t.Errorf("exit %d, %d pods, actions %v; want 0, %d, and one deletion behind the status", status, got.Status.Replicas, got.Actions, pods)
	}
}

// TestWriteFails: a reader that went away ends the program with an error.
func TestWriteFails(t *testing.T) {
	tests := []struct {
		args, stdin string
	}{
		{args: "plan --stream", stdin: "{}\n{}\n"},
		{args: "plan -o json", stdin: read(t, "testdata/web.yaml")},
		{args: "plan -o text", stdin: read(t, "testdata/web.yaml")},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var stderr bytes.Buffer
			status := run(strings.Fields(tt.args), strings.NewReader(tt.stdin), gone{}, &stderr, noon)
			if status != exitInvalid || !strings.Contains(stderr.String(), "the reader is gone") {
				t.Errorf("exit %d, stderr %q", status, &stderr)
			}
		})
	}
}

// TestReadFails: an input that breaks off is an error, and what was read before is planned.
func TestReadFails(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run([]string{"plan", "--stream"}, io.MultiReader(strings.NewReader("{\"id\":1}\n{\"id\""), gone{}), &stdout, &stderr, noon)
	if status != exitInvalid || strings.Count(stdout.String(), "\n") != 2 || !strings.Contains(stderr.String(), "line 2: the reader is gone") {
		t.Errorf("exit %d, stdout %q, stderr %q", status, &stdout, &stderr)
	}
}

// gone is a pipe whose other end is closed.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("the reader is gone") }
func (gone) Read([]byte) (int, error)  { return 0, errors.New("the reader is gone") }
