package script

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubeplan/kubeplan/plan"
)

func scaleVerb() verb {
	return verb{
		name: "kubectl scale", takes: "KIND NAME... --replicas N [-n NAMESPACE] [--record]",
		does:  "sets the number of replicas",
		flags: selecting("replicas=", "all", "record"),
		run: func(s *session, c call) (string, error) {
			replicas, err := strconv.Atoi(c.flags["replicas"])
			if err != nil {
				return "", wrong("--replicas: %q is not a number", c.flags["replicas"])
			}
			return s.patch(c, map[string]any{"spec": map[string]any{"replicas": replicas}}, "scaled", "scaled")
		},
	}
}

func patchVerb() verb {
	return verb{
		name: "kubectl patch", takes: "KIND NAME -p PATCH [-n NAMESPACE] [--record]",
		does:  "merges a patch, in YAML or JSON, into an object; lists of named things are merged by name",
		flags: selecting("patch/p=", "record"),
		run: func(s *session, c call) (string, error) {
			patch, err := parsePatch(c.flags["patch"])
			if err != nil {
				return "", err
			}
			return s.patch(c, patch, "patched", "patched (no change)")
		},
	}
}

func editVerb() verb {
	return verb{
		name: "kubectl edit", takes: "KIND NAME [-n NAMESPACE] [--record]",
		does:  "merges the lines below into an object, as the changes made in the editor",
		flags: selecting("record"),
		run: func(s *session, c call) (string, error) {
			patch, err := parsePatch(c.input)
			if err != nil {
				return "", err
			}
			return s.patch(c, patch, "edited", "skipped")
		},
	}
}

func parsePatch(text string) (map[string]any, error) {
	data, err := yaml.ToJSON([]byte(text))
	if err != nil {
		return nil, wrong("the patch: %v", err)
	}
	var patch map[string]any
	if err := json.Unmarshal(data, &patch); err != nil || len(patch) == 0 {
		return nil, wrong("the patch holds no fields")
	}
	return patch, nil
}

// patch merges a patch into what the arguments name and tells what it did.
func (s *session) patch(c call, patch map[string]any, done, nothing string) (string, error) {
	targets, err := parseTargets(c.args)
	if err != nil {
		return "", err
	}
	return s.each(c, targets, func(obj plan.Object) (string, error) {
		after, err := patched(obj, patch)
		if err != nil {
			return "", err
		}
		c.record(after)
		return s.changed(obj, after, done, nothing)
	})
}

func labelVerb() verb {
	return verb{
		name: "kubectl label", takes: "KIND NAME... KEY=VALUE | KEY- ... [-n NAMESPACE] [-l SELECTOR] [--all] [--overwrite]",
		does:  "sets labels, or takes them away",
		flags: selecting("all", "overwrite"),
		run: func(s *session, c call) (string, error) {
			return s.mark(c, plan.Object.GetLabels, plan.Object.SetLabels, "labeled", "unlabeled", "not labeled")
		},
	}
}

func annotateVerb() verb {
	return verb{
		name: "kubectl annotate", takes: "KIND NAME... KEY=VALUE | KEY- ... [-n NAMESPACE] [-l SELECTOR] [--all] [--overwrite]",
		does:  "sets annotations, or takes them away",
		flags: selecting("all", "overwrite"),
		run: func(s *session, c call) (string, error) {
			return s.mark(c, plan.Object.GetAnnotations, plan.Object.SetAnnotations, "annotated", "annotated", "annotated")
		},
	}
}

// mark changes the labels or the annotations of objects.
func (s *session) mark(c call, read func(plan.Object) map[string]string, write func(plan.Object, map[string]string), set, unset, nothing string) (string, error) {
	isMark := func(arg string) bool { return strings.Contains(arg, "=") || strings.HasSuffix(arg, "-") }
	at := slices.IndexFunc(c.args, isMark)
	if at < 0 {
		return "", wrong("nothing to set or to take away")
	}
	marks := c.args[at:]
	targets, err := parseTargets(c.args[:at])
	if err != nil {
		return "", err
	}
	return s.each(c, targets, func(before plan.Object) (string, error) {
		after := before.DeepCopyObject().(plan.Object)
		values, said := map[string]string{}, nothing
		for key, value := range read(before) {
			values[key] = value
		}
		for _, mark := range marks {
			key, value, sets := strings.Cut(mark, "=")
			old, there := values[strings.TrimSuffix(key, "-")]
			switch {
			case !sets && there:
				delete(values, strings.TrimSuffix(key, "-"))
				said = unset
			case !sets || there && old == value:
			case there && !c.is("overwrite"):
				return "", fmt.Errorf("'%s' already has a value (%s), and --overwrite is false", key, old)
			default:
				values[key] = value
				said = set
			}
		}
		write(after, values)
		return s.changed(before, after, said, said)
	})
}
