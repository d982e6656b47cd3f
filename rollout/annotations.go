package rollout

import (
	"math"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

const (
	revisionAnnotation        = "deployment.kubernetes.io/revision"
	revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history"
	desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas"
	maxReplicasAnnotation     = "deployment.kubernetes.io/max-replicas"

	// historyLength is how many characters of past revisions a ReplicaSet remembers.
	historyLength = 2000
)

// stays reports whether an annotation belongs to the object that bears it, and is not copied between a Deployment and its
// ReplicaSets.
func stays(key string) bool {
	switch key {
	case corev1.LastAppliedConfigAnnotation, revisionAnnotation, revisionHistoryAnnotation,
		desiredReplicasAnnotation, maxReplicasAnnotation, appsv1.DeprecatedRollbackTo:
		return true
	}
	return false
}

// revisionOf is the revision in the annotations; 0 if there is none. ok is false if it is no number.
func revisionOf(annotations map[string]string) (revision int64, ok bool) {
	value, found := annotations[revisionAnnotation]
	if !found {
		return 0, true
	}
	revision, err := strconv.ParseInt(value, 10, 64)
	return revision, err == nil
}

// nextRevision is one more than the highest revision of the ReplicaSets.
func nextRevision(list []*set) int64 {
	last := int64(0)
	for _, rs := range list {
		if revision, ok := revisionOf(rs.Annotations); ok {
			last = max(last, revision)
		}
	}
	return min(last, math.MaxInt64-1) + 1
}

// mark gives the new ReplicaSet the annotations and minReadySeconds of its Deployment and the revision behind the old ones'.
// A revision that it had before, because it is rolled back to, goes to its history.
func mark(rs *set, d *appsv1.Deployment, revision int64) {
	rs.minReady = d.Spec.MinReadySeconds
	for key, value := range d.Annotations {
		if !stays(key) {
			rs.annotate(key, value)
		}
	}
	written, found := rs.Annotations[revisionAnnotation]
	former, ok := revisionOf(rs.Annotations)
	if !ok && written != "" || former >= revision {
		return
	}
	rs.annotate(revisionAnnotation, strconv.FormatInt(revision, 10))
	if found {
		if history, ok := remember(rs.Annotations[revisionHistoryAnnotation], written); ok {
			rs.annotate(revisionHistoryAnnotation, history)
		}
	}
}

// remember appends a revision to a history, forgetting the first ones if it grows too long.
func remember(history, revision string) (string, bool) {
	if history == "" || history[0] == ',' {
		return revision, true
	}
	history += "," + revision
	for len(history) > historyLength {
		_, rest, found := strings.Cut(history, ",")
		if !found {
			return "", false
		}
		history = rest
	}
	return history, true
}

// note writes down how large the Deployment is, and may become.
func note(rs *set, a aim) {
	for key, value := range sizesNoted(a) {
		rs.annotate(key, value)
	}
}

func sizesNoted(a aim) map[string]string {
	return map[string]string{
		desiredReplicasAnnotation: strconv.Itoa(a.desired),
		maxReplicasAnnotation:     strconv.Itoa(a.most()),
	}
}

// number reads an annotation that holds a size.
func number(annotations map[string]string, key string) (int, bool) {
	n, err := strconv.ParseUint(annotations[key], 10, 32)
	return int(n), err == nil && n <= math.MaxInt32
}
