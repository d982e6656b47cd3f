package table

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func eventRow(event *corev1.Event, now time.Time) []cell {
	object := strings.ToLower(event.InvolvedObject.Kind)
	if event.InvolvedObject.Name != "" {
		object += "/" + event.InvolvedObject.Name
	}
	return []cell{
		{header: "LAST SEEN", text: since(lastSeen(event), now)},
		{header: "TYPE", text: event.Type},
		{header: "REASON", text: event.Reason},
		{header: "OBJECT", text: object},
		{header: "SUBOBJECT", text: event.InvolvedObject.FieldPath, wide: true},
		{header: "SOURCE", text: source(event), wide: true},
		{header: "MESSAGE", text: strings.TrimSpace(event.Message)},
		{header: "FIRST SEEN", text: since(firstSeen(event), now), wide: true},
		{header: "COUNT", text: number(count(event)), wide: true},
		{header: "NAME", text: event.Name, wide: true},
	}
}

// inOrder sorts events by when they were last seen, as "kubectl events" does, and leaves any other kind as it is.
func inOrder(objects []plan.Object) []plan.Object {
	if _, events := objects[0].(*corev1.Event); !events {
		return objects
	}
	return slices.SortedStableFunc(slices.Values(objects), func(a, b plan.Object) int {
		return byTime(a.(*corev1.Event), b.(*corev1.Event))
	})
}

func byTime(a, b *corev1.Event) int { return lastSeen(a).Compare(lastSeen(b).Time) }

func firstSeen(event *corev1.Event) metav1.Time {
	if event.FirstTimestamp.IsZero() {
		return metav1.Time(event.EventTime)
	}
	return event.FirstTimestamp
}

func lastSeen(event *corev1.Event) metav1.Time {
	switch {
	case event.Series != nil:
		return metav1.Time(event.Series.LastObservedTime)
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp
	}
	return firstSeen(event)
}

func count(event *corev1.Event) int32 {
	if event.Series != nil {
		return event.Series.Count
	}
	return max(event.Count, 1)
}

// source is who reported the event, and from which node if it says so.
func source(event *corev1.Event) string {
	component := cmp.Or(event.Source.Component, event.ReportingController)
	if host := cmp.Or(event.Source.Host, event.ReportingInstance); host != "" {
		return component + ", " + host
	}
	return component
}
