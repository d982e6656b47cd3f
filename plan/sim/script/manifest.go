package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubeplan/kubeplan/internal/manifest"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
)

// document is one object of a manifest, or the reason why it cannot be read.
type document struct {
	object plan.Object
	fields map[string]any // what the manifest says, and nothing else
	err    error
}

// read gives the objects of the file that a command names with -f, or of the lines below it.
func (s *session) read(c call) ([]document, error) {
	name, data := c.flags["filename"], []byte(c.input)
	if name != "-" {
		var err error
		if data, err = fs.ReadFile(s.files, name); err != nil {
			return nil, wrong("%v", err)
		}
	}
	var documents []document
	for _, d := range manifest.Documents(name, data) {
		document := document{err: d.Err}
		if d.Err == nil {
			document.err = json.Unmarshal(d.JSON, &document.fields)
		}
		if document.err == nil {
			document.object, document.err = decodeFields(document.fields)
		}
		if document.err != nil {
			document.err = fmt.Errorf("%s: %w", d.Where, document.err)
		}
		documents = append(documents, document)
	}
	return documents, nil
}

// decodeFields is plan.Decode that refuses what a server would: kinds and fields that it does not know.
func decodeFields(fields map[string]any) (plan.Object, error) {
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	obj, err := plan.Decode(data)
	if err != nil {
		return nil, err
	}
	if _, untyped := obj.(*unstructured.Unstructured); untyped {
		return obj, knownKind(obj)
	}
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(reflect.New(reflect.TypeOf(obj).Elem()).Interface()); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return obj, nil
}

// knownKind tells which version to write of a kind whose old ones are gone. Storage classes are the one kind without a Go
// type of ours that the cluster knows.
func knownKind(obj plan.Object) error {
	kind := plan.KindOf(obj)
	if resource, ok := table.ResourceNamed(kind.Kind); ok {
		return fmt.Errorf("no matches for kind %q in version %q: write %s", kind.Kind, kind.APIVersion, resource.APIVersion)
	}
	if kind.Kind == "StorageClass" {
		return nil
	}
	return fmt.Errorf("no matches for kind %q in version %q", kind.Kind, kind.APIVersion)
}
