package script

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

func execVerb() verb {
	return verb{
		name: "kubectl exec", takes: "POD [-n NAMESPACE] -- hostname | cat FILE | curl -s http://localhost | sh -c 'echo TEXT > FILE'",
		does:  "runs a command in a pod: one of these few; in TEXT, $(hostname) stands for the name of the pod",
		flags: []string{"namespace/n="},
		run:   execInPod,
	}
}

// webPage is the file that a web server shows: curl reads it.
const webPage = "/usr/share/nginx/html/index.html"

func execInPod(s *session, c call) (string, error) {
	pod := strings.TrimPrefix(c.next(), "pod/")
	if pod == "" || !c.accept("--") || len(c.args) == 0 {
		return "", wrong(`the pod or the command behind "--" is missing`)
	}
	return s.inPod(c.namespace(), pod, c.args)
}

func (s *session) inPod(namespace, pod string, command []string) (string, error) {
	echo := regexp.MustCompile(`^echo (.*?) *> *(\S+)$`)
	switch {
	case slices.Equal(command, []string{"hostname"}):
		return s.hostname(namespace, pod)
	case len(command) == 2 && command[0] == "cat":
		return s.cluster.ReadFile(namespace, pod, command[1])
	case slices.Equal(command, []string{"curl", "-s", "http://localhost"}):
		return s.cluster.ReadFile(namespace, pod, webPage)
	case len(command) == 3 && command[0] == "sh" && command[1] == "-c":
		script := command[2]
		written := echo.FindStringSubmatch(script)
		if written == nil {
			return s.inPod(namespace, pod, strings.Fields(script))
		}
		hostname, err := s.hostname(namespace, pod)
		if err != nil {
			return "", err
		}
		text := strings.ReplaceAll(strings.Trim(written[1], `"'`), "$(hostname)", hostname)
		return "", s.cluster.WriteFile(namespace, pod, written[2], text+"\n")
	}
	return "", wrong("%q is no command that containers know", strings.Join(command, " "))
}

// hostname is what the pod says, or else its name.
func (s *session) hostname(namespace, name string) (string, error) {
	obj, err := s.cluster.Get("Pod", namespace, name)
	if err != nil {
		return "", err
	}
	if pod, ok := obj.(*corev1.Pod); ok && pod.Spec.Hostname != "" {
		return pod.Spec.Hostname, nil
	}
	return name, nil
}
