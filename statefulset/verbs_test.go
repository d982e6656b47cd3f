package statefulset_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// past is a set that has come to its third image.
func past() *cluster {
	c := of(0)
	c.record(3, "app:3")
	c.record(2, "app:2").Annotations = map[string]string{"kubernetes.io/change-cause": "the new logo"}
	return c.runs("app:3")
}

func TestHistoryVerb(t *testing.T) {
	c := past()
	stranger, former, unreadable := c.Revisions[0].DeepCopy(), c.Revisions[0].DeepCopy(), c.Revisions[0].DeepCopy()
	stranger.Labels = nil
	former.OwnerReferences[0].UID = "uid-former"
	unreadable.Name, unreadable.Data.Raw = "web-unreadable", []byte("{")
	var told []string
	for _, r := range statefulset.History(c.set, append(c.Revisions, stranger, former, nil, unreadable)) {
		told = append(told, fmt.Sprint(r.Number, " ", r.Template.Spec.Containers[0].Image, " ", r.ChangeCause))
		if r.ControllerRevision != c.revision(r.Template.Spec.Containers[0].Image) {
			t.Errorf("revision %d is %s", r.Number, r.ControllerRevision)
		}
	}
	expect(t, "history", told, "1 app:1 ", "2 app:2 the new logo", "3 app:3 ")

	for _, revision := range c.Revisions {
		revision.OwnerReferences[0].APIVersion, revision.OwnerReferences[0].Kind = "acme.io/v1", "Shop"
	}
	if history := statefulset.History(c.set, c.Revisions); len(history) != 3 {
		t.Errorf("of a kind of one's own, whose object does not say which: %v", history)
	}
}

func TestUndo(t *testing.T) {
	tests := []struct {
		name string
		c    *cluster
		to   int64
		want string // the image, or the error
	}{
		{"to the one before", past(), 0, "app:2"},
		{"to a given one", past(), 1, "app:1"},
		{"to the one that it has", past(), 3, "app:3"},
		{"to one of a server up to 1.33", func() *cluster { c := past(); from133(c.Revisions[0]); return c }(), 1, "app:1"},
		{"to one that does not exist", past(), 4, "unable to find specified revision 4 in history"},
		{"to a negative one", past(), -1, "unable to find specified revision -1 in history"},
		{"without any other", of(0), 0, "no last revision to roll back to"},
		{"to one that cannot be read", func() *cluster { c := past(); c.Revisions[0].Data.Raw = []byte(`{}`); return c }(), 1,
			"failed restoring revision 1: data: holds no pod template"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := test.c.set.DeepCopy()
			undone, err := statefulset.Undo(test.c.set, test.c.Revisions, test.to)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = undone.Spec.Template.Spec.Containers[0].Image
			}
			expect(t, "undone", []string{got}, test.want)
			if !reflect.DeepEqual(before, test.c.set) {
				t.Error("the set was changed in place")
			}
		})
	}
}

// The plan after an Undo makes the restored revision the newest, under its old name, and changes nothing else of the history.
func TestUndoMovesTheRevision(t *testing.T) {
	c := past()
	undone, err := statefulset.Undo(c.set, c.Revisions, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.set = undone
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})), "update ControllerRevision "+c.revision("app:2")+": revision 2 -> 4")
}

func TestRestart(t *testing.T) {
	c := of(2).pod(0).pod(1)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	restarted := statefulset.Restart(c.set, at)
	if got := restarted.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"]; got != "2026-01-02T03:04:05+01:00" {
		t.Errorf("restarted at %q", got)
	}
	if c.set.Spec.Template.Annotations != nil {
		t.Error("the set was changed in place")
	}
	c.set = restarted
	result := c.plan(t, statefulset.Policy{})
	update := result.Status.UpdateRevision
	expect(t, "steps", steps(result), "create ControllerRevision "+update,
		"delete Pod web-1: it is of revision "+c.revision("app:1")+", not "+update)
}

func TestRolloutStatus(t *testing.T) {
	set := func(edits ...func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
		s := of(3, partition(0)).set
		s.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: 1, Replicas: 3, ReadyReplicas: 3, UpdatedReplicas: 3, CurrentReplicas: 3, CurrentRevision: "web-a", UpdateRevision: "web-a",
		}
		for _, edit := range edits {
			edit(s)
		}
		return s
	}
	status := func(edit func(*appsv1.StatefulSetStatus)) func(*appsv1.StatefulSet) {
		return func(s *appsv1.StatefulSet) { edit(&s.Status) }
	}
	bare := func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.RollingUpdate = nil }
	tests := []struct {
		name string
		set  *appsv1.StatefulSet
		want string
		done bool
	}{
		{"complete", set(), "partitioned roll out complete: 3 new pods have been updated...", true},
		{"a plain manifest", set(func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{} }),
			"partitioned roll out complete: 3 new pods have been updated...", true},
		{"never observed", set(status(func(s *appsv1.StatefulSetStatus) { s.ObservedGeneration = 0 })), "Waiting for statefulset spec update to be observed...", false},
		{"edited since", set(func(s *appsv1.StatefulSet) { s.Generation = 2 }), "Waiting for statefulset spec update to be observed...", false},
		{"not ready", set(status(func(s *appsv1.StatefulSetStatus) { s.ReadyReplicas = 1 })), "Waiting for 2 pods to be ready...", false},
		{"nil replicas are one", set(func(s *appsv1.StatefulSet) { s.Spec.Replicas, s.Status.ReadyReplicas = nil, 0 }), "Waiting for 1 pods to be ready...", false},
		{"not updated", set(status(func(s *appsv1.StatefulSetStatus) { s.UpdatedReplicas = 1 })),
			"Waiting for partitioned roll out to finish: 1 out of 3 new pods have been updated...", false},
		{"not updated down to the partition", set(partition(1), status(func(s *appsv1.StatefulSetStatus) { s.UpdatedReplicas = 1 })),
			"Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...", false},
		{"updated down to the partition", set(partition(1), status(func(s *appsv1.StatefulSetStatus) { s.UpdatedReplicas = 2 })),
			"partitioned roll out complete: 2 new pods have been updated...", true},
		{"a partition beyond the pods", set(partition(9), status(func(s *appsv1.StatefulSetStatus) { s.UpdatedReplicas = 0 })),
			"partitioned roll out complete: 0 new pods have been updated...", true},
		{"without parameters, complete", set(bare), "statefulset rolling update complete 3 pods at revision web-a...", true},
		{"without parameters, on the way", set(bare, status(func(s *appsv1.StatefulSetStatus) { s.UpdateRevision, s.UpdatedReplicas = "web-b", 1 })),
			"waiting for statefulset rolling update to complete 1 pods at revision web-b...", false},
		{"OnDelete", of(3, onDelete).set, "rollout status is only available for RollingUpdate strategy type", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sentence, done, err := statefulset.Status(test.set)
			if err != nil {
				sentence += err.Error()
			}
			expect(t, "sentence", []string{sentence}, test.want)
			if done != test.done {
				t.Errorf("done is %v, want %v", done, test.done)
			}
		})
	}
}

// A field that a newer server fills into every stored object, and an older one did not, is no new template: no pod is
// replaced, and no revision written.
func TestNewDefaultsRollNothing(t *testing.T) {
	defaults := map[string]func(*corev1.PodSpec){
		"of the pod":       func(s *corev1.PodSpec) { s.SchedulerName, s.DNSPolicy = "default-scheduler", corev1.DNSClusterFirst },
		"of its security":  func(s *corev1.PodSpec) { s.SecurityContext = &corev1.PodSecurityContext{} },
		"of its end":       func(s *corev1.PodSpec) { seconds := int64(30); s.TerminationGracePeriodSeconds = &seconds },
		"of its container": func(s *corev1.PodSpec) { s.Containers[0].TerminationMessagePath = "/dev/termination-log" },
		"of its image":     func(s *corev1.PodSpec) { s.Containers[0].ImagePullPolicy = corev1.PullIfNotPresent },
	}
	for name, fill := range defaults {
		for _, writtenBy := range []string{"1.36", "1.33"} {
			t.Run(name+" in a revision of "+writtenBy, func(t *testing.T) {
				c := of(2).pod(0).pod(1)
				if writtenBy == "1.33" {
					from133(c.Revisions[0])
				}
				fill(&c.set.Spec.Template.Spec)
				for _, a := range c.plan(t, statefulset.Policy{}).Actions {
					if _, status := a.(plan.UpdateStatus); !status {
						t.Errorf("it rolls: %s", a)
					}
				}
			})
		}
	}
	c := of(2).pod(0).pod(1)
	c.set.Spec.Template.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways
	if told := strings.Join(steps(c.plan(t, statefulset.Policy{})), "\n"); !strings.Contains(told, "delete Pod web-1") {
		t.Errorf("what is no default rolls nothing: %s", told)
	}
}
