package script

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func applyVerb() verb {
	return verb{
		name: "kubectl apply", takes: "-f FILE [-n NAMESPACE] [--record]",
		does:  "creates the objects of a manifest, or brings them to what it says; FILE - is the lines below",
		flags: []string{"filename/f=", "namespace/n=", "record"},
		run: func(s *session, c call) (string, error) {
			return s.manifest(c, func(d document) (string, error) { return s.apply(c, d) })
		},
	}
}

func createVerb() verb {
	return verb{
		name: "kubectl create", takes: "-f FILE [-n NAMESPACE] [--record]",
		does:  "creates the objects of a manifest",
		flags: []string{"filename/f=", "namespace/n=", "record"},
		run: func(s *session, c call) (string, error) {
			return s.manifest(c, func(d document) (string, error) {
				c.record(d.object)
				return s.create(c, d.object)
			})
		},
	}
}

func (s *session) create(c call, obj plan.Object) (string, error) {
	created, err := s.cluster.Create(obj)
	if err != nil {
		return "", whenCreating(c.flags["filename"], err)
	}
	return did(created, "created"), nil
}

// manifest has something done with every object of the file that the command names. A document that cannot be read is
// told in its place.
func (s *session) manifest(c call, do func(document) (string, error)) (string, error) {
	if err := c.done(); err != nil {
		return "", err
	}
	if c.flags["filename"] == "" {
		return "", wrong("-f is missing")
	}
	documents, err := s.read(c)
	if err != nil {
		return "", err
	}
	var output strings.Builder
	for _, document := range documents {
		said, err := "", document.err
		if err == nil {
			if namespace := c.flags["namespace"]; namespace != "" {
				document.object.SetNamespace(namespace)
			}
			said, err = do(document)
		}
		if err != nil {
			said = answer(err) + "\n"
		}
		output.WriteString(said)
	}
	return output.String(), nil
}

// apply merges three ways, as kubectl does: what the manifest says is set, what it said when it was applied last and
// no longer says is taken away, and whatever else is there stays.
func (s *session) apply(c call, manifest document) (string, error) {
	wanted, obj := manifest.fields, manifest.object
	said, err := json.Marshal(wanted)
	if err != nil {
		return "", err
	}
	annotate(obj, corev1.LastAppliedConfigAnnotation, string(said)+"\n")
	c.record(obj)
	ref := plan.RefTo(obj)
	live, err := s.cluster.Get(ref.Kind, ref.Namespace, ref.Name)
	if apierrors.IsNotFound(err) {
		return s.create(c, obj)
	}
	if err != nil {
		return "", err
	}
	var saidBefore map[string]any
	if last := live.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; last != "" {
		if err := json.Unmarshal([]byte(last), &saidBefore); err != nil {
			return "", err
		}
	}
	merged, err := patched(live, withRemovals(saidBefore, wanted).(map[string]any))
	if err != nil {
		return "", err
	}
	annotate(merged, corev1.LastAppliedConfigAnnotation, string(said)+"\n")
	c.record(merged)
	return s.changed(live, merged, "configured", "unchanged")
}

// changed writes an object and says which of two things that was: a change, or none.
func (s *session) changed(before, after plan.Object, change, none string) (string, error) {
	updated, err := s.cluster.Update(after)
	switch {
	case err != nil:
		return "", err
	case updated.GetResourceVersion() == before.GetResourceVersion():
		return did(before, none), nil
	}
	return did(before, change), nil
}

// record keeps the command with the object, where "kubectl rollout history" finds it, if --record asks for it.
func (c call) record(obj plan.Object) {
	if c.is("record") {
		annotate(obj, changeCause, strings.Join(append([]string{c.verb}, append(c.args, c.given...)...), " "))
	}
}

// changeCause is the annotation under which kubectl records a command.
const changeCause = "kubernetes.io/change-cause"

func annotate(obj metav1.Object, key, value string) {
	annotations := map[string]string{}
	for k, v := range obj.GetAnnotations() {
		annotations[k] = v
	}
	annotations[key] = value
	obj.SetAnnotations(annotations)
}
