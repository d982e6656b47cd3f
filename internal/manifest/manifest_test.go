package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubeplan/kubeplan/internal/manifest"
)

func TestDocuments(t *testing.T) {
	tests := []struct {
		name, reason, input string
		want                []string // JSON, or an error
	}{
		{name: "empty", reason: "nothing is no document", input: ""},
		{name: "markers", reason: "documents that say nothing do not count", input: "---\n---\n# comment\n--- # another\nnull\n...\n"},
		{name: "yaml", reason: "the marker may end a document or begin one", input: "a: 1\n---\nb: 2\n...\n---\nc: 3\n", want: []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
		{name: "line of the marker", reason: "a document may begin on it", input: "--- {a: 1}\n---\t{b: 2}\n--- {c: 3}\n", want: []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
		{name: "not a marker", reason: "dashes inside of a text, and a key that begins with them", input: "a: |\n  ---\n---b: 2\n", want: []string{`{"---b":2,"a":"---\n"}`}},
		{name: "directive", reason: "the version of YAML is not looked at", input: "%YAML 1.2\n---\na: 1\n", want: []string{`{"a":1}`}},
		{name: "windows", reason: "lines may end in CRLF, and the file begin with a byte order mark", input: "\uFEFFa: 1\r\n---\r\nb: 2\r\n", want: []string{`{"a":1}`, `{"b":2}`}},
		{name: "json", reason: "values one after the other", input: "{\"a\":1}{\"b\":2}\n{\"c\":\n3}", want: []string{`{"a":1}`, `{"b":2}`, "{\"c\":\n3}"}},
		{name: "json from windows", reason: "a byte order mark does not make it YAML", input: "\uFEFF{\"a\":1}\r\n{\"b\":2}\r\n", want: []string{`{"a":1}`, `{"b":2}`}},
		{name: "json and yaml", reason: "each document is what it is", input: "{\"a\":1}\n---\nb: 2\n", want: []string{`{"a":1}`, `{"b":2}`}},
		{name: "braces", reason: "YAML in braces is no JSON", input: "{a: 1}", want: []string{`{"a":1}`}},
		{name: "broken json", reason: "what stands before is read, and the line is that of the file", input: "# one\n---\n{\"a\":1}\n\n{\"b\"\n2}", want: []string{`{"a":1}`, "line 6: invalid character '2' after object key"}},
		{name: "cut json", reason: "the end is missing", input: "\n{\"a\":", want: []string{"line 2: unexpected end of JSON input"}},
		{name: "tab", reason: "the first line has no number in the reader's words", input: "\ta: 1\n", want: []string{"line 1: a tab indents the line: YAML allows only spaces there"}},
		{name: "tab below a directive", reason: "lines are those of the file", input: "%YAML 1.1\n---\na:\n\tb: 1\n", want: []string{"line 4: a tab indents the line: YAML allows only spaces there"}},
		{name: "tab elsewhere", reason: "a tab that does no harm is not blamed", input: "a: |\n  x\n  \ty\nb: [\n", want: []string{"line 4: did not find expected node content"}},
		{name: "twice", reason: "a key that stands twice is a mistake", input: "a: 1\nb: 2\na: 3\n", want: []string{`line 3: key "a" already set in map`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for i, d := range manifest.Documents("f", []byte(tt.input)) {
				if want := fmt.Sprintf("f: document %d", i+1); d.Where != want {
					t.Errorf("where %q, want %q", d.Where, want)
				}
				if d.Err != nil {
					got = append(got, d.Err.Error())
				} else {
					got = append(got, string(d.JSON))
				}
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}
