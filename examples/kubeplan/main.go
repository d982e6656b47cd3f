// Kubeplan shows what the workload controllers of Kubernetes would do next, and does none of it.
//
// Usage:
//
//	kubeplan plan [-o text|json] [-now RFC3339] [-workload KIND/NAMESPACE/NAME] [-policy FILE] [FILE...]
//	kubeplan plan -stream [-now RFC3339] [FILE...]
//
// The first form reads Kubernetes objects: YAML documents, JSON, lists; from the files, or from standard input if
// there is none or a file is "-". Every Deployment, DaemonSet, StatefulSet, ReplicaSet without a controller, Job
// and CronJob in them is taken as desired, everything else as observed, and each one's plan is printed:
//
//	kubectl get deploy,rs,ds,sts,jobs,cronjobs,pods,nodes,pvc,controllerrevisions -o json | kubeplan plan
//
// What is not in the input does not exist: a ReplicaSet whose pods are left out is planned to create them all.
//
// The flags, which stand before the files:
//
//	-o text|json   text is for people; json is one object per workload and line
//	-now TIME      the time to plan at, as in 2026-01-02T03:04:05Z (default: the clock)
//	-workload W    plan this one only, such as sts/default/web, even a ReplicaSet that has a controller;
//	               kinds may be short: cj, deploy, ds, job, rs, sts
//	-policy FILE   the policy of every workload planned, YAML or JSON. Kinds differ in the fields of their
//	               policy, and a field that a kind does not have is an error: with several kinds in the
//	               input, choose one with -workload
//	-stream        read requests, one JSON object per line, and write one answer per line, in the same order
//
// A request of a stream names its workload and brings the objects along; now defaults to the flag or the clock,
// workload to the only one in items, and the answer to a request that is wrong holds the error:
//
//	{"id":"x","now":"2026-01-02T03:04:05Z",
//	 "workload":{"apiVersion":"apps/v1","kind":"ReplicaSet","namespace":"default","name":"web"},
//	 "items":[...],"policy":{...},"memory":{...},"pending":{...}}
//
// An answer holds what the request needs the next time, beside the plan: what the planner remembers goes into the next request as
// memory, what was carried out as pending.
//
//	{"id":"x","workload":{...},"actions":[{"action":"create","object":{...}},...],"status":{...},
//	 "wake":"2026-01-02T03:04:09Z","events":[...],"memory":{...},"error":""}
//
// An object without a namespace is in "default". Kinds that no planner reads are ignored; a warning tells of kinds in the groups apps
// and batch that are not known, and of the first field of a workload that is not.
//
// The exit status is 0 if everything was planned, 1 if some of the input was invalid (the error names the file, the
// document and the field, or the line; all other workloads are still planned), 2 if the usage was wrong.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now))
}

// The exit statuses.
const (
	exitPlanned = 0
	exitInvalid = 1
	exitUsage   = 2
)

// run is the program without its process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, clock func() time.Time) int {
	o, err := parse(args, clock)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage())
		return exitPlanned
	}
	if err != nil {
		fmt.Fprintf(stderr, "kubeplan: %v\nRun 'kubeplan -h' for usage.\n", err)
		return exitUsage
	}
	valid := false
	if o.stream {
		valid, err = streamPlans(o, stdin, stdout)
	} else {
		valid, err = printPlans(o, stdin, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "kubeplan: %v\n", err)
	}
	if err != nil || !valid {
		return exitInvalid
	}
	return exitPlanned
}

// options are the command line.
type options struct {
	json, stream bool
	workload     *target
	policy       string           // a file
	now          func() time.Time // the flag, or the clock
	files        []string
}

func parse(args []string, clock func() time.Time) (options, error) {
	if len(args) == 0 {
		return options{}, errors.New("the command is missing: plan")
	}
	switch command := args[0]; command {
	case "plan":
	case "help", "-h", "-help", "--help":
		return options{}, flag.ErrHelp
	default:
		return options{}, fmt.Errorf("unknown command %q", command)
	}

	o := options{now: clock}
	flags := flag.NewFlagSet("plan", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints what is wrong
	flags.Usage = func() {}
	flags.BoolVar(&o.stream, "stream", false, "")
	flags.StringVar(&o.policy, "policy", "", "")
	text := false
	flags.Func("o", "", func(format string) error {
		o.json, text = format == "json", format == "text"
		if format != "json" && format != "text" {
			return errors.New("text or json")
		}
		return nil
	})
	flags.Func("now", "", func(value string) error {
		now, err := parseTime(value)
		o.now = func() time.Time { return now }
		return err
	})
	flags.Func("workload", "", func(value string) (err error) {
		o.workload, err = parseTarget(value)
		return err
	})
	if err := flags.Parse(args[1:]); err != nil {
		return options{}, err
	}
	o.files = flags.Args()
	for _, file := range o.files {
		if len(file) > 1 && file[0] == '-' {
			return options{}, fmt.Errorf("%s stands behind a file: flags come first", file)
		}
	}
	switch {
	case o.stream && text:
		return options{}, errors.New("-o text does not go with -stream: answers are JSON")
	case o.stream && (o.workload != nil || o.policy != ""):
		return options{}, errors.New("-workload and -policy do not go with -stream: each request has its own")
	}
	return o, nil
}

func parseTime(value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return t, errors.New("must be a time as in 2026-01-02T03:04:05Z")
	}
	return t, nil
}

//go:embed main.go
var source string

// usage is the package comment.
func usage() string {
	comment, _, _ := strings.Cut(source, "package main")
	var text strings.Builder
	for line := range strings.Lines(comment) {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "//"), " ")
		text.WriteString(line)
	}
	return text.String()
}
