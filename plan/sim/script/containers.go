package script

import (
	"strconv"
	"strings"
	"time"

	"github.com/kubeplan/kubeplan/plan/sim"
)

func containerVerbs() []verb {
	return []verb{
		{
			name: "image", takes: "NAME [pull=D] [ready=D] [run=D] [exit=CODE,...] [stop=D] [never-ready] [missing]",
			does: "says what containers of an image do: how long pulling takes, getting ready, running until it exits, stopping; D is 1s for pull and stop",
			run:  image,
		},
		{
			name: "pod ready", takes: "NAME [-n NAMESPACE]",
			flags: []string{"namespace/n="},
			does:  "has a pod pass its readiness probes again",
			run:   onPod(func(s *session, name string, c *call) error { return s.cluster.SetPodReady(c.namespace(), name, true) }),
		},
		{
			name: "pod unready", takes: "NAME [-n NAMESPACE]",
			flags: []string{"namespace/n="},
			does:  "has a pod fail its readiness probes",
			run:   onPod(func(s *session, name string, c *call) error { return s.cluster.SetPodReady(c.namespace(), name, false) }),
		},
		{
			name: "pod exit", takes: "NAME CODE [-n NAMESPACE]",
			flags: []string{"namespace/n="},
			does:  "ends the containers of a pod",
			run: onPod(func(s *session, name string, c *call) error {
				code, err := c.number()
				if err != nil {
					return err
				}
				return s.cluster.Exit(c.namespace(), name, "", int32(code))
			}),
		},
		{
			name: "pod evict", takes: `NAME ["MESSAGE"] [-n NAMESPACE]`,
			flags: []string{"namespace/n="},
			does:  "fails a pod, as a node does that runs out of memory",
			run:   onPod(func(s *session, name string, c *call) error { return s.cluster.Evict(c.namespace(), name, c.next()) }),
		},
	}
}

// onPod is the handler of a verb that takes the name of a pod first.
func onPod(do func(s *session, name string, c *call) error) func(*session, call) (string, error) {
	return func(s *session, c call) (string, error) {
		name := c.next()
		if name == "" {
			return "", wrong("the name is missing")
		}
		if err := do(s, name, &c); err != nil {
			return "", err
		}
		return "", c.done()
	}
}

func image(s *session, c call) (string, error) {
	name := c.next()
	if name == "" {
		return "", wrong("the name is missing")
	}
	b := sim.Behaviour{Pull: time.Second, Stop: time.Second} // as that of images nobody speaks of
	for _, arg := range c.args {
		key, value, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "pull":
			b.Pull, err = time.ParseDuration(value)
		case "ready":
			b.Ready, err = time.ParseDuration(value)
		case "run":
			b.Run, err = time.ParseDuration(value)
		case "stop":
			b.Stop, err = time.ParseDuration(value)
		case "exit":
			b.ExitCodes, err = exitCodes(value)
		case "never-ready":
			b.NeverReady = true
		case "missing":
			b.Missing = true
		default:
			return "", wrong("%q is nothing that an image can have", key)
		}
		if err != nil {
			return "", wrong("%s: %v", key, err)
		}
	}
	s.cluster.SetImage(name, b)
	return "", nil
}

func exitCodes(list string) ([]int32, error) {
	var codes []int32
	for text := range strings.SplitSeq(list, ",") {
		code, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, err
		}
		codes = append(codes, int32(code))
	}
	return codes, nil
}
