package plantest

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// Epoch is when generated snapshots are taken: an instant in the middle of a second, since clocks do not stop at whole
// ones while the times in objects do.
func Epoch() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 250_000_000, time.UTC) }

// Namespace is where generated workloads live. Strangers live in others, too.
const Namespace = "default"

// pick draws one of the values; the first ones are the simplest, to which a failure shrinks. List a value more than
// once to have it more often.
func pick[V any](t *rapid.T, label string, values ...V) V {
	return rapid.SampledFrom(values).Draw(t, label)
}

// rarely is true once in n draws.
func rarely(t *rapid.T, label string, n int) bool {
	return rapid.IntRange(0, n-1).Draw(t, label) == n-1
}

// Past draws an instant before now, in whole seconds: ages around the powers of two and the usual delays, often equal ones.
func Past(t *rapid.T, label string, now time.Time) metav1.Time {
	age := pick(t, label, 0, 1, 1, 2, 3, 5, 5, 6, 9, 10, 11, 60, 100, 1000, 100_000)
	return metav1.NewTime(now.Truncate(time.Second).Add(-time.Duration(age) * time.Second))
}

// Metadata says whose objects to draw, and with which labels.
type Metadata struct {
	Now time.Time
	// Owner is the reference that the workload's own objects carry.
	Owner metav1.OwnerReference
	// Labels are those that the workload selects.
	Labels map[string]string
	// Odd allows what manifests may show but an API server never does: objects without a UID.
	Odd bool
}

// Draw makes the metadata of the i-th object: ours, nobody's, another's, or nearly ours; selected or drifted away; perhaps
// being deleted.
func (m Metadata) Draw(t *rapid.T, prefix string, i int) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{
		Namespace:         pick(t, "namespace", Namespace, Namespace, Namespace, Namespace, Namespace, Namespace, Namespace, "elsewhere"),
		Name:              fmt.Sprintf("%s-%d", prefix, i),
		UID:               types.UID(fmt.Sprintf("%s-uid-%d", prefix, i)),
		ResourceVersion:   strconv.Itoa(100 + 10*i),
		Generation:        1,
		CreationTimestamp: Past(t, "created", m.Now),
		Labels:            m.labels(t),
		OwnerReferences:   m.owners(t),
	}
	if m.Odd && rarely(t, "no uid", 20) {
		meta.UID = ""
	}
	m.deleted(t, &meta)
	return meta
}

func (m Metadata) deleted(t *rapid.T, meta *metav1.ObjectMeta) {
	if rarely(t, "finalizer", 8) {
		meta.Finalizers = []string{"example.com/keep"}
	}
	if rarely(t, "deleted", 5) {
		at := Past(t, "deletion", m.Now)
		meta.DeletionTimestamp = &at
	}
}

func (m Metadata) labels(t *rapid.T) map[string]string {
	labels := maps.Clone(m.Labels)
	switch pick(t, "labels", "selected", "selected", "selected", "selected", "selected", "more", "drifted", "none") {
	case "more":
		if labels == nil {
			labels = map[string]string{}
		}
		labels["extra"] = "yes"
	case "drifted":
		if len(labels) > 0 {
			labels[sortedKeys(labels)[0]] = "drifted"
		}
	case "none":
		return nil
	}
	return labels
}

func (m Metadata) owners(t *rapid.T) []metav1.OwnerReference {
	ours := *m.Owner.DeepCopy()
	switch pick(t, "owner", "ours", "ours", "ours", "ours", "none", "none", "foreign", "same name", "other kind", "not controller", "beside another") {
	case "none":
		return nil
	case "foreign":
		ours.Name, ours.UID = "other", "uid-of-other"
	case "same name":
		ours.UID = "uid-of-a-predecessor"
	case "other kind":
		ours.Kind, ours.UID = "Other"+ours.Kind, "uid-of-other-kind"
	case "not controller":
		ours.Controller = nil
		ours.Name, ours.UID = "node-1", "uid-of-node-1"
	case "beside another":
		other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "settings", UID: "uid-of-settings"}
		return []metav1.OwnerReference{other, ours}
	}
	return []metav1.OwnerReference{ours}
}

// Disturbed adds to a snapshot what the lists of a busy cache may hold besides: the same object in an older version that
// differs from the newer one, and nil.
func Disturbed[T plan.Object](t *rapid.T, s Snapshot, older func(T)) Snapshot {
	if objects := All[T](s); len(objects) > 0 && rarely(t, "listed twice", 4) {
		stale := rapid.SampledFrom(objects).Draw(t, "listed twice").DeepCopyObject().(T)
		version, _ := strconv.Atoi(stale.GetResourceVersion())
		stale.SetResourceVersion(strconv.Itoa(version - 1))
		older(stale)
		s = With(s, stale)
	}
	if rarely(t, "nil", 8) {
		var none T
		s = With(s, none)
	}
	return s
}
