package rollout_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

func revision(value string) func(*appsv1.ReplicaSet) { return note("revision", value) }

func note(key, value string) func(*appsv1.ReplicaSet) {
	return func(rs *appsv1.ReplicaSet) { rs.Annotations[prefix+key] = value }
}

// The annotations of the new ReplicaSet.
func TestAnnotations(t *testing.T) {
	long := strings.Repeat("1234,", 399) + "1234" // 1999 characters
	for _, tt := range []struct {
		name string
		d    *appsv1.Deployment
		sets []*appsv1.ReplicaSet
		want map[string]string // what changes
	}{
		{"nothing changes", web(3), sets(set("v2 3/3/3")), nil},
		{"it gets the revision behind the highest", web(3), sets(set("v1 0/0/0", revision("9")), set("v2 3/3/3")), map[string]string{prefix + "revision": "10", prefix + "revision-history": "2"}},
		{"it keeps a higher one", web(3), sets(set("v1 0/0/0"), set("v2 3/3/3", revision("7"))), nil},
		{"a former revision goes to the history", web(3), sets(set("v1 0/0/0", revision("3")), set("v2 3/3/3", note("revision-history", "1"))), map[string]string{prefix + "revision": "4", prefix + "revision-history": "1,2"}},
		{"a history of 2000 characters forgets its beginning", web(3), sets(set("v1 0/0/0", revision("3")), set("v2 3/3/3", note("revision-history", long))), map[string]string{prefix + "revision": "4", prefix + "revision-history": long[5:] + ",2"}},
		{"a revision that cannot be read is let be", web(3), sets(set("v1 0/0/0", revision("3")), set("v2 3/3/3", revision("x"))), nil},
		{"there is none behind the highest number", web(3), sets(set("v1 0/0/0", revision("9223372036854775807")), set("v2 3/3/3")), map[string]string{prefix + "revision": "9223372036854775807", prefix + "revision-history": "2"}},
		{"one that is empty is none", web(3), sets(set("v1 0/0/0", revision("3")), set("v2 3/3/3", revision(""))), map[string]string{prefix + "revision": "4", prefix + "revision-history": ""}},
		{"what is on the Deployment is copied, its own affairs apart", web(3, annotated("note", "a"), annotated(corev1.LastAppliedConfigAnnotation, "{}"), annotated(prefix+"desired-replicas", "9")), sets(set("v2 3/3/3")), map[string]string{"note": "a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got map[string]string
			for _, a := range mustPlan(t, tt.d, rollout.Observed{ReplicaSets: tt.sets}).Actions {
				if update, ok := a.(plan.Update); ok {
					got = maps.Clone(update.After.GetAnnotations())
					maps.DeleteFunc(got, func(key, value string) bool {
						before, found := update.Before.GetAnnotations()[key]
						return found && before == value
					})
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	t.Run("minReadySeconds follows", func(t *testing.T) {
		d := web(3, func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 10 })
		for _, a := range mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v2 3/3/3"))}).Actions {
			if update, ok := a.(plan.Update); ok && update.After.(*appsv1.ReplicaSet).Spec.MinReadySeconds == 10 {
				return
			}
		}
		t.Error("it does not")
	})
}

func TestHistoryLimit(t *testing.T) {
	keep := func(n int32) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = &n }
	}
	five := func(mutate ...func(*appsv1.ReplicaSet)) []*appsv1.ReplicaSet {
		return sets(set("v5 3/3/3", as("v2"), revision("9")), set("v1 0/0/0", mutate...), set("v3 0/0/0"), set("v4 0/0/0"))
	}
	for _, tt := range []struct {
		name string
		d    *appsv1.Deployment
		sets []*appsv1.ReplicaSet
		want string
	}{
		{"10 unless it is said", web(3, counted(3), complete), five(), ""},
		{"the oldest revisions go", web(3, counted(3), complete, keep(1)), five(), "delete v1, delete v3"},
		{"by revision, not by age", web(3, counted(3), complete, keep(1)), five(revision("5")), "delete v3, delete v4"},
		{"none is kept", web(3, counted(3), complete, keep(0)), five(), "delete v1, delete v3, delete v4"},
		{"all are kept", web(3, counted(3), complete, keep(2147483647)), five(), ""},
		{"not while the rollout goes on", web(3, counted(2), complete, keep(1)), five(), ""},
		{"nor while an old pod is left", web(3, counted(3), complete, keep(1), func(d *appsv1.Deployment) { d.Status.Replicas++ }), five(), ""},
		{"nor while one is not available", web(3, counted(3), complete, keep(1), func(d *appsv1.Deployment) { d.Status.AvailableReplicas-- }), five(), ""},
		{"nor before the spec was observed", web(3, counted(3), keep(1)), five(), ""},
		{"paused, in any case", web(3, paused, keep(1)), five(), "delete v1, delete v3"},
		{"but none that may be asked for", web(3, paused, keep(1), annotated(appsv1.DeprecatedRollbackTo, "1")), five(), ""},
		{"not one that has pods: others do not go in its place", web(3, counted(3), complete, keep(1)), five(lags(1)), "delete v3"},
		{"not one that is behind", web(3, counted(3), complete, keep(1)), five(behind), "delete v3"},
		{"one that is going counts no more", web(3, counted(3), complete, keep(1)), five(func(rs *appsv1.ReplicaSet) { rs.DeletionTimestamp = &rs.CreationTimestamp }), "delete v3"},
		{"Recreate keeps one whose pods still run", web(3, recreate, counted(3), complete, keep(1)), five(lags(1)), ""},
		{"paused, Recreate keeps that one alone", web(3, recreate, paused, keep(1)), five(lags(1)), "delete v3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sizes(mustPlan(t, tt.d, rollout.Observed{ReplicaSets: tt.sets}).Actions); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func complete(d *appsv1.Deployment) { d.Status.ObservedGeneration = d.Generation }

// as gives a ReplicaSet another template.
func as(image string) func(*appsv1.ReplicaSet) {
	return func(rs *appsv1.ReplicaSet) { rs.Spec.Template = template(image) }
}

// The annotation with which old clients ask for a rollback.
func TestRollback(t *testing.T) {
	list := sets(set("v1 3/3/3", note("x", "")), set("v2 1/1/1"))
	list[0].Annotations["note"] = "first"
	for _, tt := range []struct {
		name, to, event, image string
	}{
		{"to a revision", "1", `Normal DeploymentRollback Rolled back deployment "web" to revision 1`, "v1"},
		{"to the last one", "0", `Normal DeploymentRollback Rolled back deployment "web" to revision 1`, "v1"},
		{"to the template that it has", "2", `Warning DeploymentRollbackTemplateUnchanged The rollback revision contains the same template as current deployment "web"`, "v2"},
		{"to none that exists", "7", "Warning DeploymentRollbackRevisionNotFound Unable to find the revision to rollback to.", "v2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := web(3, annotated(appsv1.DeprecatedRollbackTo, tt.to), annotated("note", "second"), progressing("ReplicaSetUpdated", 0))
			list[1].Annotations["note"] = "second"
			result := mustPlan(t, d, rollout.Observed{ReplicaSets: list})
			if len(result.Actions) != 1 || len(result.Events) != 1 {
				t.Fatalf("%v %v", result.Actions, result.Events)
			}
			if e := result.Events[0]; e.Type+" "+e.Reason+" "+e.Message != tt.event {
				t.Errorf("event %v, want %s", e, tt.event)
			}
			after := result.Actions[0].(plan.Update).After.(*appsv1.Deployment)
			if got := after.Spec.Template.Spec.Containers[0].Image; got != tt.image {
				t.Errorf("image %s, want %s", got, tt.image)
			}
			if _, asks := after.Annotations[appsv1.DeprecatedRollbackTo]; asks {
				t.Error("it still asks")
			}
			if _, hash := after.Spec.Template.Labels["pod-template-hash"]; hash {
				t.Error("the hash of the ReplicaSet came with the template")
			}
			if tt.image == "v1" && (after.Annotations["note"] != "first" || after.Annotations[prefix+"revision"] != "2") {
				t.Errorf("annotations %v", after.Annotations)
			}
		})
	}

	t.Run("the status goes first, and alone", func(t *testing.T) {
		d := web(3, annotated(appsv1.DeprecatedRollbackTo, "1"))
		actions := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v1 3/3/3"), set("v2 1/1/1"))}).Actions
		if _, ok := actions[0].(plan.UpdateStatus); !ok || len(actions) != 1 {
			t.Errorf("%v", actions)
		}
	})
	t.Run("paused, it waits", func(t *testing.T) {
		d := web(3, paused, annotated(appsv1.DeprecatedRollbackTo, "1"))
		if result := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v1 3/3/3"))}); sizes(result.Actions) != "" {
			t.Errorf("%v", result.Actions)
		}
	})
	t.Run("what is no number asks for nothing", func(t *testing.T) {
		d := web(3, annotated(appsv1.DeprecatedRollbackTo, "x"))
		if got := sizes(mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v1 3/3/3"))}).Actions); got != "create 1" {
			t.Errorf("%v", got)
		}
	})
	t.Run("with the strategy Recreate the ReplicaSet that is left behind is made without pods", func(t *testing.T) {
		d := web(3, recreate, annotated(appsv1.DeprecatedRollbackTo, "1"))
		if got := sizes(mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v1 1/1/1"))}).Actions); got != "create 0" {
			t.Errorf("%v", got)
		}
	})
}
