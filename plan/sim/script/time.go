package script

import (
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

func timeVerbs() []verb {
	return []verb{
		{
			name: "advance", takes: "DURATION",
			does: "lets time pass; 0s lets the consequences of what was just written happen",
			run:  advance,
		},
		{
			name: "until", takes: "quiet | CONDITION [within DURATION]",
			does: "lets time pass until nothing is due any more, or until a condition holds; within 10m unless said otherwise",
			run:  until,
		},
	}
}

func advance(s *session, c call) (string, error) {
	d, err := c.duration()
	if err != nil {
		return "", err
	}
	if err := c.done(); err != nil {
		return "", err
	}
	s.cluster.Advance(d)
	return "", nil
}

func until(s *session, c call) (_ string, err error) {
	pass := s.cluster.RunUntilQuiet
	if !c.accept("quiet") {
		condition, err := parseCondition(&c)
		if err != nil {
			return "", err
		}
		pass = func(limit time.Duration) bool {
			return s.cluster.RunUntil(limit, func() bool { return condition.holds(s.cluster) })
		}
	}
	limit := 10 * time.Minute
	if c.accept("within") {
		if limit, err = c.duration(); err != nil {
			return "", err
		}
	}
	if err := c.done(); err != nil {
		return "", err
	}
	begin := s.cluster.Now()
	if !pass(limit) {
		return "not within " + duration.HumanDuration(limit), nil
	}
	return duration.HumanDuration(s.cluster.Now().Sub(begin)) + " later", nil
}
