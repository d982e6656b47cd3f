package script

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

func lookVerbs() []verb {
	return []verb{
		invariantVerb(),
		{
			name: "cat", takes: "FILE",
			does: "prints a manifest",
			run:  cat,
		},
		{
			name: "log", takes: "[WHO...]",
			does: "tells the writes since the last log but for events; if somebody is named, only theirs",
			run:  tellLog,
		},
		{
			name: "plan", takes: "KIND/NAME",
			does: "shows the plans made for a workload since they were last shown: their steps, and what is waited for",
			run:  showPlans,
		},
	}
}

func cat(s *session, c call) (string, error) {
	text, err := fs.ReadFile(s.files, c.next())
	if err != nil {
		return "", wrong("%v", err)
	}
	return string(text), c.done()
}

func tellLog(s *session, c call) (string, error) {
	writes := s.cluster.Writes()
	news := writes[s.told:]
	s.told = len(writes)
	var lines strings.Builder
	for _, w := range news {
		if w.Kind() != "Event" && (len(c.args) == 0 || slices.Contains(c.args, w.By)) {
			fmt.Fprintln(&lines, logLine(w))
		}
	}
	return lines.String(), nil
}

// logLine is the line of the cluster's own log without the date and the resource version.
func logLine(w sim.Write) string {
	_, what, _ := strings.Cut(w.String(), " "+strconv.FormatInt(w.ResourceVersion, 10)+" ")
	return w.At.UTC().Format(clock) + " " + what
}

// clock shows the time of day in the cluster.
const clock = "15:04:05.000"

// made is a plan that a host made.
type made struct {
	at       time.Time
	workload plan.Ref
	steps    string
	empty    bool
}

// noting is host, with its plans noted down.
func (s *session) noting(host sim.Host) sim.Host {
	decide := host.Plan
	host.Plan = func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
		planned, err := decide(workload, seen)
		note := made{at: seen.Now, workload: plan.RefTo(workload), empty: planned.Empty() && err == nil}
		for _, action := range planned.Actions {
			note.steps += "  " + action.String() + "\n"
		}
		if err != nil {
			note.steps = "  " + err.Error() + "\n"
		}
		s.plans = append(s.plans, note)
		return planned, err
	}
	return host
}

func showPlans(s *session, c call) (string, error) {
	targets, err := parseTargets(c.args)
	if err != nil {
		return "", err
	}
	var asked, kept []made
	for _, p := range s.plans {
		if slices.ContainsFunc(targets, func(t target) bool {
			return t.resource.Kind == p.workload.Kind && (t.name == "" || t.name == p.workload.Name)
		}) {
			asked = append(asked, p)
		} else {
			kept = append(kept, p)
		}
	}
	s.plans = kept
	var text strings.Builder
	for i, p := range asked {
		// A plan that asks for nothing is worth telling only if that is where things stand.
		if !p.empty || i == len(asked)-1 {
			fmt.Fprintf(&text, "%s %s\n%s", p.at.UTC().Format(clock), p.workload, cmp.Or(p.steps, "  nothing to do\n"))
		}
	}
	return cmp.Or(text.String(), "no plan since then"), nil
}
