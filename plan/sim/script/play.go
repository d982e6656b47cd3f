package script

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Play plays the script on a new cluster and writes the session to w as it goes: comments, commands, and what they
// really print. Manifests are read from files. The error names every command that is written wrongly, that
// printed something else than expected, or during which an invariant broke, with the file and the line.
func (s *Script) Play(files fs.FS, w io.Writer) error {
	p := player{script: s, session: &session{files: files}, w: w}
	_, err := p.play()
	return err
}

// Update plays the script and returns it with what its commands really print as the expected output. Names that the
// cluster generates are followed: if a pod has another name than the script expected, the commands and
// comments behind it get the new name. The error names the commands that are written wrongly and the invariants that broke.
func (s *Script) Update(files fs.FS) (*Script, error) {
	p := player{script: s, session: &session{files: files}, w: io.Discard, renamed: map[string]string{}}
	return p.play()
}

type player struct {
	script  *Script
	session *session
	w       io.Writer
	renamed map[string]string // generated names: those of the script, and what they are now. nil: nothing is renamed
}

func (p *player) play() (played *Script, err error) {
	var errs []error
	played = &Script{Name: p.script.Name}
	for _, step := range p.script.Steps {
		step.Before = p.follow(step.Before)
		step.Command, step.Input = p.rename(step.Command), p.rename(step.Input)
		for _, line := range step.Before {
			fmt.Fprintln(p.w, line)
		}
		output, err := p.session.execute(step)
		output = strings.Trim(output, "\n")
		fmt.Fprint(p.w, step.session(output))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %s: %w", p.script.Name, step.Line, step.Command, err))
		} else if p.renamed == nil && output != step.Want {
			errs = append(errs, p.deviation(step, output))
		}
		p.learn(step.Want, output)
		step.Want = output
		played.Steps = append(played.Steps, step)
	}
	played.end = p.follow(p.script.end)
	for _, line := range played.end {
		fmt.Fprintln(p.w, line)
	}
	return played, errors.Join(errs...)
}

// deviation sets the expected output beside the real one, line by line.
func (p *player) deviation(step Step, output string) error {
	lines := []string{fmt.Sprintf("%s:%d: $ %s", p.script.Name, step.Line, step.Command)}
	want, got := strings.Split(step.Want, "\n"), strings.Split(output, "\n")
	for i := range max(len(want), len(got)) {
		if i < len(want) && i < len(got) && want[i] == got[i] {
			lines = append(lines, "    "+want[i])
			continue
		}
		if i < len(want) {
			lines = append(lines, "  - "+want[i])
		}
		if i < len(got) {
			lines = append(lines, "  + "+got[i])
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

// generated matches names that end as the API server and the controllers generate them: web-x7k2p.
func generated() *regexp.Regexp {
	return regexp.MustCompile(`[a-z0-9][a-z0-9-]*-[bcdfghjklmnpqrstvwxz2456789]{5}\b`)
}

// learn takes the generated names of two outputs for each other, in the order in which they stand.
func (p *player) learn(want, got string) {
	if p.renamed == nil {
		return
	}
	old, now := generated().FindAllString(want, -1), generated().FindAllString(got, -1)
	if len(old) != len(now) {
		return
	}
	for i := range old {
		prefix, _, _ := strings.Cut(old[i], "-")
		if strings.HasPrefix(now[i], prefix+"-") {
			p.renamed[old[i]] = now[i]
		}
	}
}

func (p *player) rename(text string) string {
	return generated().ReplaceAllStringFunc(text, func(name string) string { return cmp.Or(p.renamed[name], name) })
}

func (p *player) follow(lines []string) []string {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i] = p.rename(lines[i])
	}
	return lines
}

// execute runs one command. What the cluster answers is output, refusals included; an error is one of the script.
func (s *session) execute(step Step) (output string, err error) {
	list, err := words(step.Command)
	if err != nil {
		return "", wrong("%v", err)
	}
	list, filter, err := filtered(list)
	if err != nil {
		return "", err
	}
	v, rest, err := find(list)
	if err != nil {
		return "", err
	}
	c, err := parseCall(v.name, rest, v.flags)
	if err != nil {
		return "", fmt.Errorf("%w (%s)", err, v.usage())
	}
	c.input = step.Input
	if s.cluster == nil && v.name != "cluster" {
		s.start(defaultCluster())
	}
	output, err = v.run(s, c)
	if misused := (misuse{}); errors.As(err, &misused) {
		return output, fmt.Errorf("%w (%s)", err, v.usage())
	}
	if err != nil {
		output += answer(err) + "\n"
	}
	return filter(output), s.brokenInvariant()
}

// filtered cuts off "| grep [-v] PATTERN", the one pipe there is, and gives what it does to the output.
func filtered(list []string) (command []string, filter func(string) string, err error) {
	at := slices.Index(list, "|")
	if at < 0 {
		return list, func(output string) string { return output }, nil
	}
	c, err := parseCall("grep", list[at+1:], []string{"invert-match/v"})
	if err != nil || c.next() != "grep" || len(c.args) != 1 {
		return nil, nil, wrong("behind a pipe only grep [-v] PATTERN is known")
	}
	pattern, err := regexp.Compile(c.next())
	if err != nil {
		return nil, nil, wrong("%v", err)
	}
	return list[:at], func(output string) string {
		var kept strings.Builder
		for line := range strings.Lines(output) {
			if pattern.MatchString(line) != c.is("invert-match") {
				kept.WriteString(line)
			}
		}
		return kept.String()
	}, nil
}
