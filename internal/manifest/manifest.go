// Package manifest reads what people pass to kubectl: YAML documents, JSON, or both one after the other.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// Document is one JSON value of an input, or the reason why there is none.
type Document struct {
	Where string // "web.yaml: document 2"
	JSON  []byte
	Err   error
}

// Documents splits an input into its values: YAML documents, JSON values one after the other, or both. Empty
// documents, as templates leave them behind, do not count.
func Documents(name string, data []byte) []Document {
	var found []Document
	add := func(value []byte, err error) {
		found = append(found, Document{Where: fmt.Sprintf("%s: document %d", name, len(found)+1), JSON: value, Err: err})
	}
	for _, part := range parts(bytes.TrimPrefix(data, []byte("\uFEFF"))) {
		values, err := part.values()
		for _, value := range values {
			add(value, nil)
		}
		if err != nil {
			add(nil, err)
		}
	}
	return found
}

// part is what stands between two "---".
type part struct {
	text  []byte
	lines int // before it in the input
}

// parts cuts at the lines that begin with "---" or are "...", which can be nothing else in YAML and do not occur in JSON.
// What follows on the line of a marker, and directives such as "%YAML 1.2", are handled as YAML has it.
func parts(data []byte) []part {
	var cut []part
	start, begin, lines := 0, 0, 0 // the byte and the line where the part begins, the lines read
	for at := 0; at < len(data); {
		end := len(data)
		if newline := bytes.IndexByte(data[at:], '\n'); newline >= 0 {
			end = at + newline + 1
		}
		line := bytes.TrimRight(data[at:end], " \t\r\n")
		begins := bytes.Equal(line, []byte("---")) || bytes.HasPrefix(line, []byte("--- ")) || bytes.HasPrefix(line, []byte("---\t"))
		ends := bytes.Equal(line, []byte("..."))
		if begins || ends {
			cut = append(cut, part{text: data[start:at], lines: begin})
			start, begin = end, lines+1
			if begins {
				rest := bytes.TrimLeft(data[at+len("---"):end], " \t")
				start, begin = end-len(rest), lines
			}
		}
		at = end
		lines++
	}
	return append(cut, part{text: data[start:], lines: begin})
}

// values reads a part as JSON if it can be, else as YAML. With an error come the values before it.
func (p part) values() ([][]byte, error) {
	if text := bytes.TrimSpace(p.text); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		values, err := p.jsonValues()
		if err == nil || len(values) > 0 {
			return values, err
		}
		if value, yamlErr := p.yamlValue(); yamlErr == nil { // a YAML document may be written with braces too
			return [][]byte{value}, nil
		}
		return nil, err
	}
	value, err := p.yamlValue()
	if err != nil || value == nil {
		return nil, err
	}
	return [][]byte{value}, nil
}

func (p part) jsonValues() ([][]byte, error) {
	var values [][]byte
	decoder := json.NewDecoder(bytes.NewReader(p.text))
	for {
		begin := decoder.InputOffset()
		var value json.RawMessage
		err := decoder.Decode(&value)
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			return values, p.jsonError(int(begin))
		}
		values = append(values, value)
	}
}

// jsonError tells what is wrong with the value that begins at a byte, and in which line.
func (p part) jsonError(begin int) error {
	var value json.RawMessage
	err := json.Unmarshal(p.text[begin:], &value)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	until := min(begin+int(syntax.Offset), len(p.text))
	return fmt.Errorf("line %d: %w", p.lines+1+bytes.Count(p.text[:until], []byte("\n")), err)
}

// yamlValue is the part as JSON: nil if it says nothing. A key that stands twice is an error.
func (p part) yamlValue() ([]byte, error) {
	text := p.text
	for line := range bytes.Lines(text) { // directives stand before anything else and tell us nothing
		if line[0] != '%' {
			break
		}
		text = text[len(line):]
	}
	p.lines += bytes.Count(p.text[:len(p.text)-len(text)], []byte("\n"))
	p.text = text

	var value json.RawMessage
	if err := yaml.UnmarshalStrict(p.text, &value); err != nil {
		return nil, p.yamlError(err)
	}
	if len(value) == 0 || string(value) == "null" {
		return nil, nil
	}
	return value, nil
}

// yamlError gives an error of the YAML reader the line in the input, and the most common mistake its name.
func (p part) yamlError(err error) error {
	message := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	message = strings.TrimPrefix(message, "yaml: ")
	message = strings.TrimPrefix(message, "unmarshal errors:\n  ")
	message = strings.ReplaceAll(message, "\n  ", "; ")

	first := 1 // the line that is meant where none is named
	lineNumber := regexp.MustCompile(`\bline (\d+)`)
	if named := lineNumber.FindStringSubmatch(message); named != nil {
		first, _ = strconv.Atoi(named[1])
	}
	if lines := bytes.Split(p.text, []byte("\n")); first <= len(lines) && indentedByTab(lines[first-1]) {
		return fmt.Errorf("line %d: a tab indents the line: YAML allows only spaces there", p.lines+first)
	}
	return errors.New(lineNumber.ReplaceAllStringFunc(message, func(named string) string {
		line, _ := strconv.Atoi(strings.TrimPrefix(named, "line "))
		return fmt.Sprintf("line %d", p.lines+line)
	}))
}

func indentedByTab(line []byte) bool {
	indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
	return bytes.Contains(indent, []byte("\t"))
}
