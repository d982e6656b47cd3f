package table

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubeplan/kubeplan/plan"
)

// Resource is what kubectl calls a kind.
type Resource struct {
	Kind       string   // "ReplicaSet"
	APIVersion string   // "apps/v1"
	Plural     string   // "replicasets"
	Short      []string // "rs"
	Global     bool     // the kind has no namespaces
}

// Resources are the kinds that have a table.
func Resources() []Resource {
	return []Resource{
		{Kind: "Pod", APIVersion: "v1", Plural: "pods", Short: []string{"po"}},
		{Kind: "ReplicaSet", APIVersion: "apps/v1", Plural: "replicasets", Short: []string{"rs"}},
		{Kind: "Deployment", APIVersion: "apps/v1", Plural: "deployments", Short: []string{"deploy"}},
		{Kind: "DaemonSet", APIVersion: "apps/v1", Plural: "daemonsets", Short: []string{"ds"}},
		{Kind: "StatefulSet", APIVersion: "apps/v1", Plural: "statefulsets", Short: []string{"sts"}},
		{Kind: "ControllerRevision", APIVersion: "apps/v1", Plural: "controllerrevisions"},
		{Kind: "Job", APIVersion: "batch/v1", Plural: "jobs"},
		{Kind: "CronJob", APIVersion: "batch/v1", Plural: "cronjobs", Short: []string{"cj"}},
		{Kind: "Service", APIVersion: "v1", Plural: "services", Short: []string{"svc"}},
		{Kind: "PersistentVolumeClaim", APIVersion: "v1", Plural: "persistentvolumeclaims", Short: []string{"pvc"}},
		{Kind: "PersistentVolume", APIVersion: "v1", Plural: "persistentvolumes", Short: []string{"pv"}, Global: true},
		{Kind: "Node", APIVersion: "v1", Plural: "nodes", Short: []string{"no"}, Global: true},
		{Kind: "Namespace", APIVersion: "v1", Plural: "namespaces", Short: []string{"ns"}, Global: true},
		{Kind: "Event", APIVersion: "v1", Plural: "events", Short: []string{"ev"}},
	}
}

// ResourceNamed finds a kind by any name that people use for it: "rs", "replicaset", "replicasets", "ReplicaSet" or
// "replicasets.apps".
func ResourceNamed(name string) (resource Resource, ok bool) {
	name, group, grouped := strings.Cut(strings.ToLower(name), ".")
	for _, r := range Resources() {
		known := name == strings.ToLower(r.Kind) || name == r.Plural || slices.Contains(r.Short, name)
		if known && (!grouped || group == r.group()) {
			return r, true
		}
	}
	return Resource{}, false
}

func (r Resource) group() string { return schema.FromAPIVersionAndKind(r.APIVersion, r.Kind).Group }

// GroupResource is the name in errors: "replicasets.apps".
func (r Resource) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.group(), Resource: r.Plural}
}

// NameOf is the name under which kubectl reports what it did with an object: "pod/web-0", "replicaset.apps/web".
func NameOf(obj plan.Object) string {
	ref := plan.RefTo(obj)
	return strings.ToLower(schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind().String()) + "/" + ref.Name
}
