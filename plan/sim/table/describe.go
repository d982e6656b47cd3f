package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/plan"
)

// Around is what a description shows beside the object itself.
type Around struct {
	Now    time.Time
	Pods   []*corev1.Pod   // those that the object controls
	Events []*corev1.Event // those about the object
}

// Describe gives the page of "kubectl describe": who the object is, what it wants, its conditions and its events.
func Describe(obj plan.Object, around Around) string {
	var text strings.Builder
	p := page{tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)}
	p.line("Name:\t%s", obj.GetName())
	if obj.GetNamespace() != "" {
		p.line("Namespace:\t%s", obj.GetNamespace())
	}
	switch obj := obj.(type) {
	case *corev1.Pod:
		p.pod(obj)
	case *appsv1.ReplicaSet:
		p.replicaSet(obj, around.Pods)
	case *appsv1.DaemonSet:
		p.daemonSet(obj, around.Pods)
	default:
		p.metadata(obj)
	}
	p.events(around.Events, around.Now)
	_ = p.Flush() // a Builder never fails
	return trimRight(text.String())
}

// page writes lines whose tabs are aligned.
type page struct{ *tabwriter.Writer }

func (p page) line(format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

// metadata is what every kind shows.
func (p page) metadata(obj plan.Object) {
	p.pairs("Labels", "=", obj.GetLabels())
	annotations := maps.Clone(obj.GetAnnotations())
	delete(annotations, corev1.LastAppliedConfigAnnotation) // the manifest over again
	p.pairs("Annotations", ": ", annotations)
}

// pairs lists a map one entry a line, the first behind its title.
func (p page) pairs(title, separator string, of map[string]string) {
	if len(of) == 0 {
		p.line("%s:\t<none>", title)
	}
	title += ":"
	for _, key := range slices.Sorted(maps.Keys(of)) {
		p.line("%s\t%s", title, key+separator+of[key])
		title = ""
	}
}

func (p page) pod(pod *corev1.Pod) {
	p.line("Node:\t%s", orNone(pod.Spec.NodeName))
	p.metadata(pod)
	p.line("Status:\t%s", stateOf(pod).reason)
	if pod.Status.Reason != "" {
		p.line("Reason:\t%s", pod.Status.Reason)
	}
	if pod.Status.Message != "" {
		p.line("Message:\t%s", pod.Status.Message)
	}
	if len(pod.Status.PodIPs) > 0 {
		p.line("IP:\t%s", pod.Status.PodIPs[0].IP)
	}
	if ref := metav1.GetControllerOf(pod); ref != nil {
		p.line("Controlled By:\t%s/%s", ref.Kind, ref.Name)
	}
	p.spec("", pod.Spec)
	if len(pod.Status.Conditions) > 0 {
		p.line("Conditions:")
		p.line("  Type\tStatus")
	}
	for _, c := range pod.Status.Conditions {
		p.line("  %s\t%s", c.Type, c.Status)
	}
}

func (p page) replicaSet(rs *appsv1.ReplicaSet, pods []*corev1.Pod) {
	p.line("Selector:\t%s", metav1.FormatLabelSelector(rs.Spec.Selector))
	p.metadata(rs)
	p.line("Replicas:\t%d current / %d desired", rs.Status.Replicas, orDefault(rs.Spec.Replicas, 1))
	p.podsStatus(pods)
	p.template(rs.Spec.Template)
	if len(rs.Status.Conditions) > 0 {
		p.line("Conditions:")
		p.line("  Type\tStatus\tReason")
		p.line("  ----\t------\t------")
	}
	for _, c := range rs.Status.Conditions {
		p.line("  %s\t%s\t%s", c.Type, c.Status, c.Reason)
	}
}

func (p page) daemonSet(ds *appsv1.DaemonSet, pods []*corev1.Pod) {
	p.line("Selector:\t%s", metav1.FormatLabelSelector(ds.Spec.Selector))
	p.line("Node-Selector:\t%s", labels.FormatLabels(ds.Spec.Template.Spec.NodeSelector))
	p.metadata(ds)
	p.line("Desired Number of Nodes Scheduled: %d", ds.Status.DesiredNumberScheduled)
	p.line("Current Number of Nodes Scheduled: %d", ds.Status.CurrentNumberScheduled)
	p.line("Number of Nodes Scheduled with Up-to-date Pods: %d", ds.Status.UpdatedNumberScheduled)
	p.line("Number of Nodes Scheduled with Available Pods: %d", ds.Status.NumberAvailable)
	p.line("Number of Nodes Misscheduled: %d", ds.Status.NumberMisscheduled)
	p.podsStatus(pods)
	p.template(ds.Spec.Template)
}

func (p page) podsStatus(pods []*corev1.Pod) {
	phases := map[corev1.PodPhase]int{}
	for _, pod := range pods {
		phases[pod.Status.Phase]++
	}
	p.line("Pods Status:\t%d Running / %d Waiting / %d Succeeded / %d Failed",
		phases[corev1.PodRunning], phases[corev1.PodPending], phases[corev1.PodSucceeded], phases[corev1.PodFailed])
}

func (p page) template(template corev1.PodTemplateSpec) {
	p.line("Pod Template:")
	p.pairs("  Labels", "=", template.Labels)
	p.spec("  ", template.Spec)
}

func (p page) spec(indent string, spec corev1.PodSpec) {
	p.containers(indent+"Init Containers:", indent, spec.InitContainers)
	p.containers(indent+"Containers:", indent, spec.Containers)
	p.line("%sNode-Selectors:\t%s", indent, labels.FormatLabels(spec.NodeSelector))
}

func (p page) containers(title, indent string, list []corev1.Container) {
	if len(list) == 0 {
		return
	}
	p.line("%s", title)
	for _, c := range list {
		p.line("%s %s:", indent, c.Name)
		p.line("%s  Image:\t%s", indent, c.Image)
		p.environment(indent+"  ", c.Env)
		p.mounts(indent+"  ", c.VolumeMounts)
	}
}

func (p page) environment(indent string, env []corev1.EnvVar) {
	if len(env) == 0 {
		p.line("%sEnvironment:\t<none>", indent)
		return
	}
	p.line("%sEnvironment:", indent)
	for _, e := range env {
		p.line("%s  %s:\t%s", indent, e.Name, e.Value)
	}
}

func (p page) mounts(indent string, mounts []corev1.VolumeMount) {
	if len(mounts) == 0 {
		p.line("%sMounts:\t<none>", indent)
		return
	}
	p.line("%sMounts:", indent)
	for _, m := range mounts {
		mode := "rw"
		if m.ReadOnly {
			mode = "ro"
		}
		p.line("%s  %s from %s (%s)", indent, m.MountPath, m.Name, mode)
	}
}

func (p page) events(events []*corev1.Event, now time.Time) {
	if len(events) == 0 {
		p.line("Events:\t<none>")
		return
	}
	p.line("Events:")
	p.line("  Type\tReason\tAge\tFrom\tMessage")
	p.line("  ----\t------\t----\t----\t-------")
	for _, e := range slices.SortedStableFunc(slices.Values(events), byTime) {
		seen := since(lastSeen(e), now)
		if n := count(e); n > 1 {
			seen = fmt.Sprintf("%s (x%d over %s)", seen, n, since(firstSeen(e), now))
		}
		p.line("  %s\t%s\t%s\t%s\t%s", e.Type, e.Reason, seen, source(e), strings.TrimSpace(e.Message))
	}
}
