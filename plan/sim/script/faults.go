package script

import (
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

func faultVerbs() []verb {
	return []verb{
		{
			name: "fail", takes: `create|update|update-status|delete|bind KIND[/NAME] N times|forever ["MESSAGE"]`,
			does: "has the API server refuse the next such writes of controllers as forbidden",
			run:  fail,
		},
		{
			name: "conflict", takes: "update|update-status KIND[/NAME] N times|forever",
			does: "has such writes conflict, as if someone else had changed the object",
			run:  conflict,
		},
		{
			name: "lose answer", takes: "VERB KIND[/NAME] N times|forever [unwritten]",
			does: "has such writes take effect, or not if unwritten, without the controller hearing about it",
			run:  loseAnswer,
		},
		{
			name: "lag", takes: "HOST [KIND] N",
			does: "keeps the newest N writes, of one kind or of each, from what a controller sees; 0 ends it",
			run:  lag,
		},
		{
			name: "crash", takes: "HOST [after N actions] [keeping its ledger] [for DURATION]",
			does: "has a controller crash, now or after its next N actions, and start again",
			run:  crash,
		},
		{
			name: "heal",
			does: "ends all of these",
			run: func(s *session, c call) (string, error) {
				s.cluster.ClearFaults()
				return "", c.done()
			},
		},
	}
}

// writes takes which writes a fault meets, and how many of them.
func (c *call) writes() (match sim.Match, times int, err error) {
	if match.Verb, err = c.oneOf("create", "update", "update-status", "delete", "bind"); err != nil {
		return match, 0, err
	}
	kind, name, _ := strings.Cut(c.next(), "/")
	resource, ok := table.ResourceNamed(kind)
	if !ok {
		return match, 0, wrong("%q is no kind that is known", kind)
	}
	match.Kind, match.Name = resource.Kind, name
	if c.accept("forever") {
		return match, sim.Forever, nil
	}
	if times, err = c.number(); err != nil {
		return match, 0, err
	}
	_, err = c.oneOf("times", "time")
	return match, times, err
}

func fail(s *session, c call) (string, error) {
	match, times, err := c.writes()
	if err != nil {
		return "", err
	}
	var status *metav1.Status
	if message := c.next(); message != "" {
		status = &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: message,
		}
	}
	if err := c.done(); err != nil {
		return "", err
	}
	s.cluster.Refuse(match, times, status)
	return "", nil
}

func conflict(s *session, c call) (string, error) {
	match, times, err := c.writes()
	if err != nil {
		return "", err
	}
	if err := c.done(); err != nil {
		return "", err
	}
	s.cluster.Conflict(match, times)
	return "", nil
}

func loseAnswer(s *session, c call) (string, error) {
	match, times, err := c.writes()
	if err != nil {
		return "", err
	}
	happens := !c.accept("unwritten")
	if err := c.done(); err != nil {
		return "", err
	}
	s.cluster.LoseAnswer(match, times, happens)
	return "", nil
}

func lag(s *session, c call) (string, error) {
	host, err := c.host()
	if err != nil {
		return "", err
	}
	kind := ""
	if len(c.args) > 1 {
		resource, ok := table.ResourceNamed(c.next())
		if !ok {
			return "", wrong("no such kind is known")
		}
		kind = resource.Kind
	}
	writes, err := c.number()
	if err != nil {
		return "", err
	}
	if err := c.done(); err != nil {
		return "", err
	}
	s.cluster.Lag(host, kind, writes)
	return "", nil
}

func crash(s *session, c call) (_ string, err error) {
	var crash sim.Crash
	if crash.Host, err = c.host(); err != nil {
		return "", err
	}
	if c.accept("after") {
		if crash.After, err = c.number(); err != nil {
			return "", err
		}
		if _, err := c.oneOf("actions", "action"); err != nil {
			return "", err
		}
	}
	if c.accept("keeping") {
		crash.KeepPending = c.accept("its") && c.accept("ledger")
		if !crash.KeepPending {
			return "", wrong(`"keeping" goes on "its ledger"`)
		}
	}
	if c.accept("for") {
		if crash.Down, err = c.duration(); err != nil {
			return "", err
		}
	}
	if err := c.done(); err != nil {
		return "", err
	}
	s.cluster.Crash(crash)
	return "", nil
}

// host takes the name of a controller.
func (c *call) host() (string, error) {
	var names []string
	for _, host := range hosts(false) {
		names = append(names, hostName(host))
	}
	slices.Sort(names)
	return c.oneOf(names...)
}

// hostName is the name under which the cluster knows a host.
func hostName(host sim.Host) string {
	if host.Name == "" {
		return strings.ToLower(host.Kind)
	}
	return host.Name
}
