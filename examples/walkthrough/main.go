// Walkthrough plays sessions with kubectl on a simulated cluster, in which every step of a controller is decided by a
// planner of this module, and prints them as a terminal would show them.
//
//	go run ./examples/walkthrough               plays all chapters
//	go run ./examples/walkthrough replicaset    plays one, or several, by name
//	go run ./examples/walkthrough -list         lists them
//	go run ./examples/walkthrough ./my.txt      plays a script of your own, such as the model checker prints
//
// A chapter is a folder in chapters/: a script (session.txt, see package script) and the manifests it applies. The script
// says what every command is expected to print. Should the cluster print anything else, the difference is shown
// and the exit status is 1; it is 2 for wrong usage. Tests play the same files.
//
// The session goes to standard output; standard error gets a line a chapter that tells how far it has come.
package main

import (
	"embed"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubeplan/kubeplan/plan/sim/script"
)

//go:embed chapters
var files embed.FS

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) (status int) {
	flags := flag.NewFlagSet("walkthrough", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: walkthrough [-list] [CHAPTER...] [./SCRIPT...]")
		flags.PrintDefaults()
	}
	list := flags.Bool("list", false, "list the chapters instead of playing them")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	chapters, err := readChapters(files)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	chosen, err := choose(chapters, flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	for i, c := range chosen {
		if *list {
			fmt.Fprintf(stdout, "%-12s %s\n", c.name, c.title())
			continue
		}
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if c.own {
			if err := c.show(stdout); err != nil {
				fmt.Fprintf(stderr, "\n%s cannot be played to its end:\n%v\n", c.name, err)
				status = 1
			}
			continue
		}
		if err := c.script.Play(c.files, stdout); err != nil {
			fmt.Fprintf(stderr, "\nThe chapter %s did not go as expected:\n%v\n", c.name, err)
			status = 1
			continue
		}
		fmt.Fprintf(stderr, "[%d/%d] %s: %d commands, all as expected\n", i+1, len(chosen), c.name, len(c.script.Steps))
	}
	return status
}

// chapter is one session.
type chapter struct {
	name   string
	files  fs.FS // its manifests
	script *script.Script
	own    bool // the reader's: nothing is expected of it
}

// show plays a script of the reader's and prints it with what its commands print. Pods get names as they come: a name that the script
// expected otherwise is followed.
func (c chapter) show(stdout io.Writer) error {
	played, err := c.script.Update(c.files)
	if played != nil {
		fmt.Fprint(stdout, played)
	}
	return err
}

// readOwn reads a script of the reader's. It finds its manifests beside it.
func readOwn(file string) (chapter, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return chapter{}, err
	}
	parsed, err := script.Parse(file, string(text))
	if err != nil {
		return chapter{}, err
	}
	return chapter{name: file, files: os.DirFS(filepath.Dir(file)), script: parsed, own: true}, nil
}

// readChapters gives the chapters in the order of their folders: "1-replicaset" holds the first.
func readChapters(files fs.FS) ([]chapter, error) {
	sessions, err := fs.Glob(files, "chapters/*/session.txt")
	if err != nil {
		return nil, err
	}
	var chapters []chapter
	for _, session := range sessions {
		text, err := fs.ReadFile(files, session)
		if err != nil {
			return nil, err
		}
		parsed, err := script.Parse(session, string(text))
		if err != nil {
			return nil, err
		}
		folder := path.Dir(session)
		manifests, err := fs.Sub(files, folder)
		if err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(path.Base(folder), "-")
		chapters = append(chapters, chapter{name: name, files: manifests, script: parsed})
	}
	return chapters, nil
}

// choose gives the chapters of the names, or all. A name with a slash is that of a file.
func choose(chapters []chapter, names []string) ([]chapter, error) {
	if len(names) == 0 {
		return chapters, nil
	}
	var chosen []chapter
	for _, name := range names {
		if strings.Contains(name, "/") {
			own, err := readOwn(name)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, own)
			continue
		}
		at := slices.IndexFunc(chapters, func(c chapter) bool { return c.name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no chapter %q; -list shows those there are", name)
		}
		chosen = append(chosen, chapters[at])
	}
	return chosen, nil
}

// title is the first line of the script.
func (c chapter) title() string {
	title, _, _ := strings.Cut(c.script.String(), "\n")
	return strings.TrimLeft(title, "# ")
}
