package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubeplan/kubeplan/plan"
)

// textPrinter prints plans for people. Why there is none goes to stderr.
func textPrinter(stdout, stderr io.Writer, now time.Time) printer {
	between := ""
	return func(workload plan.Ref, result planned, invalid error) (bool, error) {
		if invalid != nil {
			_, err := fmt.Fprintf(stderr, "kubeplan: %s: %v\n", workload, invalid)
			return false, err
		}
		_, err := fmt.Fprint(stdout, between, text(workload, result, now))
		between = "\n"
		return true, err
	}
}

// text is a heading with the status, the steps by number, and what is to know beside them.
func text(workload plan.Ref, result planned, now time.Time) string {
	var b strings.Builder
	row := func(label any, line string) { fmt.Fprintf(&b, "%7v  %s\n", label, line) }

	fmt.Fprintf(&b, "%s: %s\n", workload, result.summary)
	if result.Empty() {
		row("", "nothing to do")
	}
	for i, a := range result.Actions {
		if wait, waits := a.(plan.Wait); waits {
			row("wait", strings.TrimPrefix(wait.String(), "wait "))
		} else {
			row(i+1, a.String())
		}
	}
	for _, e := range result.Events {
		row("event", fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message))
	}
	if wake := result.Wake; !wake.IsZero() {
		row("wake", fmt.Sprintf("in %s, at %s", duration.HumanDuration(max(0, wake.Sub(now))), wake.UTC().Format(time.RFC3339Nano)))
	}
	return b.String()
}
