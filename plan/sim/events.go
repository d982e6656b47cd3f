package sim

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// record stores an event about an object. One that was recorded before only counts once more, as kubectl shows it: "(x3 over 2m)".
func (c *Cluster) record(by string, about plan.Object, event plan.Event) {
	ref := plan.RefTo(about)
	namespace := ref.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	key := fmt.Sprintf("%s %s %s %s %s", ref.UID, by, event.Type, event.Reason, event.Message)
	if name := c.recorded[key]; name != "" {
		if last := stored[*corev1.Event](c, namespace, name); last != nil {
			again := clone(last)
			again.Count++
			again.LastTimestamp = c.timestamp()
			c.replace(by, verbUpdate, last, again)
			return
		}
	}
	recorded := &corev1.Event{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:         namespace,
			Name:              fmt.Sprintf("%s.%016x", ref.Name, c.store.version),
			UID:               c.newUID(),
			CreationTimestamp: c.timestamp(),
		},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, UID: ref.UID,
			ResourceVersion: about.GetResourceVersion(),
		},
		Type: event.Type, Reason: event.Reason, Message: event.Message,
		Source:         corev1.EventSource{Component: by},
		FirstTimestamp: c.timestamp(), LastTimestamp: c.timestamp(), Count: 1,
	}
	c.recorded[key] = recorded.Name
	c.commit(by, verbCreate, nil, recorded)
}

func (c *Cluster) note(by string, about plan.Object, reason, format string, args ...any) {
	c.record(by, about, plan.Event{Type: corev1.EventTypeNormal, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func (c *Cluster) warn(by string, about plan.Object, reason, format string, args ...any) {
	c.record(by, about, plan.Event{Type: corev1.EventTypeWarning, Reason: reason, Message: fmt.Sprintf(format, args...)})
}
