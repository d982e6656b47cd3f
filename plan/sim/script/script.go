package script

import (
	"fmt"
	"strings"
)

// Script is a history as text: steps, in the order in which they are played.
type Script struct {
	// Name is the file that the script was read from. Errors begin with it.
	Name  string
	Steps []Step
	end   []string // what stands behind the last step: comments
}

// Step is one command, what leads up to it, and what it is expected to print.
type Step struct {
	Line    int      // of the command in the file
	Before  []string // the comments and blank lines above the command
	Command string   // without the prompt; a command over several lines keeps its line breaks
	Input   string   // the lines that the command reads, without their "> "
	Want    string   // the expected output, without blank lines around it
}

const (
	prompt  = "$ " // begins a command
	more    = "> " // begins a line of a command's input
	comment = "#"  // begins a line for the reader
)

// Parse reads a script.
//
//	# A comment, for the reader.
//	$ kubectl scale rs --replicas 4 web
//	replicaset.apps/web scaled
//
// A line that ends in a backslash goes on in the next one. The output of a command ends with the next comment or
// command; blank lines may stand in it. An error names the file and the line.
func Parse(name, text string) (*Script, error) {
	s := &Script{Name: name}
	var before []string // comments and blank lines that belong to no step yet
	var step *Step      // whose output is being read
	var output []string
	finish := func() {
		if step != nil {
			step.Want, before = trimBlank(output)
			s.Steps = append(s.Steps, *step)
			step, output = nil, nil
		}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for at := 0; at < len(lines); at++ {
		line := lines[at]
		switch {
		case strings.HasPrefix(line, prompt):
			finish()
			step = &Step{Line: at + 1, Before: before, Command: strings.TrimPrefix(line, prompt)}
			before = nil
			for strings.HasSuffix(step.Command, `\`) {
				if at++; at == len(lines) {
					return nil, fmt.Errorf("%s:%d: the command goes on behind its backslash, but the file ends", name, at)
				}
				step.Command += "\n" + lines[at]
			}
			for at+1 < len(lines) && isInput(lines[at+1]) {
				at++
				step.Input += strings.TrimRight(strings.TrimPrefix(lines[at]+" ", more), " ") + "\n"
			}
		case strings.HasPrefix(line, comment):
			finish()
			before = append(before, line)
		case step != nil && isInput(line) && strings.TrimSpace(strings.Join(output, "")) == "":
			return nil, fmt.Errorf("%s:%d: the input of a command stands directly below it", name, at+1)
		case step != nil:
			output = append(output, line)
		case strings.TrimSpace(line) == "":
			before = append(before, "")
		default:
			return nil, fmt.Errorf("%s:%d: %q is neither a command (%q), nor a comment (%q), nor the output of a command",
				name, at+1, line, prompt, comment)
		}
	}
	finish()
	s.end = before
	return s, nil
}

func isInput(line string) bool { return strings.HasPrefix(line+" ", more) }

// trimBlank gives the lines without blank ones around them, and the blank ones behind.
func trimBlank(lines []string) (text string, behind []string) {
	end := len(lines)
	for end > 0 && strings.TrimSpace(lines[end-1]) == "" {
		end--
	}
	for range lines[end:] {
		behind = append(behind, "")
	}
	return strings.Trim(strings.Join(lines[:end], "\n"), "\n"), behind
}

// String gives the text from which Parse reads the script again.
func (s *Script) String() string {
	var text strings.Builder
	for _, step := range s.Steps {
		for _, line := range step.Before {
			text.WriteString(line + "\n")
		}
		text.WriteString(step.session(step.Want))
	}
	for _, line := range s.end {
		text.WriteString(line + "\n")
	}
	return text.String()
}

// session is the step as a terminal shows it.
func (step Step) session(output string) string {
	text := prompt + step.Command + "\n"
	for line := range strings.Lines(step.Input) {
		text += strings.TrimRight(more+line, " \n") + "\n"
	}
	if output != "" {
		text += output + "\n"
	}
	return text
}
