package revisions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// body is what a revision holds: a strategic merge patch that replaces the whole pod template.
type body struct {
	Spec struct {
		Template json.RawMessage `json:"template"`
	} `json:"spec"`
}

// Patch is the template as revisions hold it, byte for byte as Kubernetes writes it: keys in alphabetical order, and
// "$patch":"replace" among them.
func Patch(template *corev1.PodTemplateSpec) ([]byte, error) {
	data, err := json.Marshal(template)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	fields["$patch"] = "replace"
	return json.Marshal(map[string]any{"spec": map[string]any{"template": fields}})
}

// Template is the pod template that a revision holds.
func Template(revision *appsv1.ControllerRevision) (*corev1.PodTemplateSpec, error) {
	var held body
	if err := json.Unmarshal(revision.Data.Raw, &held); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if len(held.Spec.Template) == 0 {
		return nil, errors.New("data: holds no pod template")
	}
	template := &corev1.PodTemplateSpec{}
	if err := json.Unmarshal(held.Spec.Template, template); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return template, nil
}

// Holds reports whether the revision holds the patch, byte for byte. Servers up to 1.33 wrote
// "creationTimestamp":null into every template and later ones do not: that makes no difference.
func Holds(revision *appsv1.ControllerRevision, patch []byte) bool {
	raw := revision.Data.Raw
	if bytes.Equal(raw, patch) {
		return true
	}
	if !bytes.Contains(raw, []byte(`"creationTimestamp":null`)) {
		return false
	}
	template, err := Template(revision)
	if err != nil {
		return false
	}
	rewritten, err := Patch(template)
	return err == nil && bytes.Equal(rewritten, patch)
}

// Means reports whether the revision holds the template but for what an API server fills in: defaults that a newer
// server knows and an older one did not, or that a plain manifest leaves out.
func Means(revision *appsv1.ControllerRevision, template *corev1.PodTemplateSpec) bool {
	held, err := Template(revision)
	if err != nil {
		return false
	}
	wanted := template.DeepCopy()
	setDefaults(held)
	setDefaults(wanted)
	a, errHeld := Patch(held)
	b, errWanted := Patch(wanted)
	return errHeld == nil && errWanted == nil && bytes.Equal(a, b)
}
