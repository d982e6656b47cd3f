package script

import (
	"bytes"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/serializer/json"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

func getVerb() verb {
	return verb{
		name: "kubectl get", takes: "KIND[,KIND...] [NAME...] [-n NAMESPACE | -A] [-l SELECTOR] [-o wide|name|yaml] [--show-labels] [--no-headers]",
		does:  "shows objects as tables",
		flags: selecting("all-namespaces/A", "output/o=", "show-labels", "no-headers"),
		run:   get,
	}
}

func get(s *session, c call) (string, error) {
	targets, err := parseTargets(c.args)
	if err != nil {
		return "", err
	}
	var found []plan.Object
	refused, err := s.each(c, targets, func(obj plan.Object) (string, error) {
		found = append(found, obj)
		return "", nil
	})
	if err != nil {
		return "", err
	}
	if len(found) == 0 && refused == "" {
		if c.is("all-namespaces") || targets[0].resource.Global {
			return "No resources found", nil
		}
		return fmt.Sprintf("No resources found in %s namespace.", c.namespace()), nil
	}
	output, err := show(s, c, found, len(targets) > 1 && targets[0].resource.Kind != targets[1].resource.Kind)
	return output + refused, err
}

func show(s *session, c call, found []plan.Object, severalKinds bool) (string, error) {
	switch format := c.flags["output"]; format {
	case "", "wide":
		return table.Format(found, table.Options{
			Now:        s.cluster.Now(),
			Wide:       format == "wide",
			Namespaces: c.is("all-namespaces"),
			Labels:     c.is("show-labels"),
			NoHeaders:  c.is("no-headers"),
			Prefixed:   severalKinds,
		}), nil
	case "name":
		var names strings.Builder
		for _, obj := range found {
			fmt.Fprintln(&names, table.NameOf(obj))
		}
		return names.String(), nil
	case "yaml":
		var documents []string
		for _, obj := range found {
			document, err := asYAML(obj)
			if err != nil {
				return "", err
			}
			documents = append(documents, document)
		}
		return strings.Join(documents, "---\n"), nil
	}
	return "", wrong("-o %s is not known", c.flags["output"])
}

func asYAML(obj plan.Object) (string, error) {
	var text bytes.Buffer
	serializer := json.NewSerializerWithOptions(json.DefaultMetaFactory, nil, nil, json.SerializerOptions{Yaml: true})
	err := serializer.Encode(obj, &text)
	return text.String(), err
}
