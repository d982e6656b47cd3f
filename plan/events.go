package plan

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EventFor gives the event that Kubernetes records about the workload for an action that was answered or refused. The words
// are those of the controller of workload.Kind; a kind of your own gets those of a ReplicaSet. ok is false if Kubernetes
// records nothing: for status writes, adoptions, releases, Waits, creations without an answer, and creations
// that a terminating namespace refuses (a StatefulSet records these).
func EventFor(workload Ref, o Outcome) (event Event, ok bool) {
	if _, creates := o.Action.(Create); creates && o.Err == nil && o.Reply == nil {
		return Event{}, false
	}
	if NamespaceTerminating(o.Err) && workload.Kind != "StatefulSet" {
		return Event{}, false
	}
	switch workload.Kind {
	case "Deployment":
		return deploymentEvent(o)
	case "StatefulSet":
		return statefulSetEvent(workload, o)
	case "CronJob":
		return cronJobEvent(o)
	}
	return podEvent(o)
}

// podEvent words what ReplicaSets, DaemonSets and Jobs do with their pods.
func podEvent(o Outcome) (Event, bool) {
	if o.Action.Target().Kind != "Pod" {
		return Event{}, false
	}
	switch o.Action.(type) {
	case Create:
		if o.Err != nil {
			return warning("FailedCreate", "Error creating: %s", o.Err.Message), true
		}
		return normal("SuccessfulCreate", "Created pod: %s", writtenName(o)), true
	case Delete:
		if o.Err != nil {
			return warning("FailedDelete", "Error deleting: %s", o.Err.Message), true
		}
		return normal("SuccessfulDelete", "Deleted pod: %s", writtenName(o)), true
	}
	return Event{}, false
}

func deploymentEvent(o Outcome) (Event, bool) {
	switch a := o.Action.(type) {
	case Create:
		rs, ok := a.Object.(*appsv1.ReplicaSet)
		switch {
		case !ok:
			return Event{}, false
		case o.Err != nil:
			return warning("ReplicaSetCreateError", "Failed to create new replica set %q: %s", rs.Name, o.Err.Message), true
		}
		return normal("ScalingReplicaSet", "Scaled up replica set %s from 0 to %d", rs.Name, replicas(rs)), replicas(rs) > 0
	case Update:
		before, okBefore := a.Before.(*appsv1.ReplicaSet)
		after, okAfter := a.After.(*appsv1.ReplicaSet)
		if !okBefore || !okAfter || o.Err != nil || replicas(before) == replicas(after) {
			return Event{}, false
		}
		direction := "up"
		if replicas(after) < replicas(before) {
			direction = "down"
		}
		return normal("ScalingReplicaSet", "Scaled %s replica set %s from %d to %d", direction, after.Name, replicas(before), replicas(after)), true
	}
	return Event{}, false
}

func statefulSetEvent(set Ref, o Outcome) (Event, bool) {
	var verb string
	switch o.Action.(type) {
	case Create:
		verb = "Create"
	case Update:
		verb = "Update"
	case Delete:
		verb = "Delete"
	default:
		return Event{}, false
	}
	if adoptsOrReleases(o.Action) {
		return Event{}, false
	}
	name := writtenName(o)
	switch target := o.Action.Target(); {
	case target.Kind == "Pod" && o.Err != nil:
		return warning("Failed"+verb, "%s Pod %s in StatefulSet %s failed error: %s", verb, name, set.Name, o.Err.Message), true
	case target.Kind == "Pod":
		return normal("Successful"+verb, "%s Pod %s in StatefulSet %s successful", verb, name, set.Name), true
	case target.Kind == "PersistentVolumeClaim" && verb == "Create" && o.Err != nil:
		return warning("Failed"+verb, "%s Claim %s for Pod %s in StatefulSet %s failed error: %s", verb, name, podOfClaim(name, set.Name), set.Name, o.Err.Message), true
	case target.Kind == "PersistentVolumeClaim" && verb == "Create":
		return normal("Successful"+verb, "%s Claim %s Pod %s in StatefulSet %s success", verb, name, podOfClaim(name, set.Name), set.Name), true
	}
	return Event{}, false
}

// adoptsOrReleases reports whether an action changes who controls an object.
func adoptsOrReleases(a Action) bool {
	update, ok := a.(Update)
	return ok && (metav1.GetControllerOfNoCopy(update.Before) == nil) != (metav1.GetControllerOfNoCopy(update.After) == nil)
}

func cronJobEvent(o Outcome) (Event, bool) {
	if o.Action.Target().Kind != "Job" {
		return Event{}, false
	}
	switch o.Action.(type) {
	case Create:
		if o.Err != nil {
			return warning("FailedCreate", "Error creating job: %s", o.Err.Message), true
		}
		return normal("SuccessfulCreate", "Created job %s", writtenName(o)), true
	case Delete:
		if o.Err != nil {
			return warning("FailedDelete", "Deleted job: %s", o.Err.Message), true
		}
		return normal("SuccessfulDelete", "Deleted job %s", writtenName(o)), true
	}
	return Event{}, false
}

// podOfClaim takes the pod's name off the end of a claim's: "<template>-<set>-<ordinal>".
func podOfClaim(claim, set string) string {
	if at := strings.LastIndex(claim, "-"+set+"-"); at >= 0 {
		return claim[at+1:]
	}
	return claim
}

// writtenName is the name of the object that was written: the answered one where the API server chose it.
func writtenName(o Outcome) string {
	if o.Reply != nil {
		return o.Reply.GetName()
	}
	return o.Action.Target().Name
}

func replicas(rs *appsv1.ReplicaSet) int32 {
	if rs.Spec.Replicas == nil {
		return 1
	}
	return *rs.Spec.Replicas
}

// NamespaceTerminating reports whether the API server refused a creation because the namespace is being deleted.
func NamespaceTerminating(refusal *metav1.Status) bool {
	return refusal != nil && refusal.Details != nil &&
		slices.ContainsFunc(refusal.Details.Causes, func(c metav1.StatusCause) bool {
			return c.Type == corev1.NamespaceTerminatingCause
		})
}

func normal(reason, format string, args ...any) Event {
	return Event{Type: corev1.EventTypeNormal, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func warning(reason, format string, args ...any) Event {
	return Event{Type: corev1.EventTypeWarning, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
