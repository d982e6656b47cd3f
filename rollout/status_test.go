package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/rollout"
)

// progressing is a Progressing condition that was last true to the world some time ago.
func progressing(reason string, ago time.Duration) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		at := metav1.NewTime(now.Add(-ago))
		status := corev1.ConditionTrue
		switch reason {
		case "ProgressDeadlineExceeded", "ReplicaSetCreateError":
			status = corev1.ConditionFalse
		case "DeploymentPaused":
			status = corev1.ConditionUnknown
		}
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: status, Reason: reason, LastUpdateTime: at, LastTransitionTime: at}}
	}
}

// counted is what the status says of one new ReplicaSet with n pods.
func counted(n int32) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n, n, n
	}
}

func withDeadline(seconds int32) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = &seconds }
}

// reasonOf is the reason of a condition, and how long ago it was updated and became so.
func reasonOf(status appsv1.DeploymentStatus, t appsv1.DeploymentConditionType) (told string, updated, since time.Duration) {
	for _, c := range status.Conditions {
		if c.Type == t {
			return string(c.Status) + " " + c.Reason + " " + c.Message, now.Sub(c.LastUpdateTime.Time), now.Sub(c.LastTransitionTime.Time)
		}
	}
	return "", 0, 0
}

func TestNumbers(t *testing.T) {
	failing := func(rs *appsv1.ReplicaSet) {
		rs.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "quota of " + rs.Name}}
	}
	silent := func(rs *appsv1.ReplicaSet) { rs.Status.TerminatingReplicas = nil }
	one, none := int32(1), int32(0)
	for _, tt := range []struct {
		name   string
		d      *appsv1.Deployment
		sets   []*appsv1.ReplicaSet
		want   appsv1.DeploymentStatus // conditions apart
		failed string
	}{
		{name: "sums", d: web(4), sets: sets(set("v1 3/2/1"), set("v2 2/2/1", func(rs *appsv1.ReplicaSet) { rs.Status.TerminatingReplicas = &one })),
			want: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 5, UpdatedReplicas: 2, ReadyReplicas: 4, AvailableReplicas: 2, UnavailableReplicas: 3, TerminatingReplicas: &one}},
		{name: "more available than asked for is not less than nothing", d: web(1), sets: sets(set("v2 1/3/3")),
			want: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 3, AvailableReplicas: 3, TerminatingReplicas: &none}},
		{name: "a ReplicaSet that does not tell what terminates", d: web(1), sets: sets(set("v1 0/0/0", silent), set("v2 1/1/1")),
			want: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}},
		{name: "one that has told nothing yet", d: web(1), sets: sets(set("v1 0/0/0", silent, func(rs *appsv1.ReplicaSet) { rs.Status.ObservedGeneration = 0 }), set("v2 1/1/1")),
			want: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, TerminatingReplicas: &none}},
		{name: "the failure of the new one is told before that of the old", d: web(1), sets: sets(set("v1 0/0/0", failing), set("v2 1/1/1", failing)),
			want:   appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, TerminatingReplicas: &none},
			failed: "True FailedCreate quota of web-v2"},
		{name: "no new one yet: the numbers wait for it", d: web(3, counted(3)), sets: sets(set("v1 3/1/1")),
			want: appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mustPlan(t, tt.d, rollout.Observed{ReplicaSets: tt.sets}).Status
			if failed, _, _ := reasonOf(got, appsv1.DeploymentReplicaFailure); failed != tt.failed {
				t.Errorf("ReplicaFailure: %q, want %q", failed, tt.failed)
			}
			got.Conditions = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	full := sets(set("v1 0/0/0"), set("v2 3/3/3"))
	half := sets(set("v1 3/3/3"), set("v2 1/0/0"))
	stuck := func(d *appsv1.Deployment) {
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = 4, 1, 3, 3
	}
	minute := time.Minute
	for _, tt := range []struct {
		name           string
		d              *appsv1.Deployment
		sets           []*appsv1.ReplicaSet
		progressing    string
		updated, since time.Duration // ago
		available      string
		wake           time.Time
	}{
		{"a ReplicaSet that was there before anybody asked", web(3), full, `True NewReplicaSetAvailable ReplicaSet "web-v2" has successfully progressed.`, 0, 0, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"complete stays as it was told", web(3, progressing("NewReplicaSetAvailable", time.Hour)), sets(set("v2 3/1/1")), "True NewReplicaSetAvailable ", time.Hour, time.Hour, "False MinimumReplicasUnavailable Deployment does not have minimum availability.", time.Time{}},
		{"progress: its time is new, its beginning is not", web(3, progressing("ReplicaSetUpdated", minute)), half, `True ReplicaSetUpdated ReplicaSet "web-v2" is progressing.`, 0, minute, "True MinimumReplicasAvailable Deployment has minimum availability.", now.Add(600*time.Second + 1)},
		{"no progress", web(3, stuck, progressing("ReplicaSetUpdated", minute)), half, "True ReplicaSetUpdated ", minute, minute, "True MinimumReplicasAvailable Deployment has minimum availability.", now.Add(540*time.Second + 1)},
		{"at the deadline it is not over yet", web(3, stuck, progressing("ReplicaSetUpdated", 600*time.Second)), half, "True ReplicaSetUpdated ", 600 * time.Second, 600 * time.Second, "True MinimumReplicasAvailable Deployment has minimum availability.", now.Add(1)},
		{"past the deadline", web(3, stuck, progressing("ReplicaSetUpdated", 600*time.Second+1)), half, `False ProgressDeadlineExceeded ReplicaSet "web-v2" has timed out progressing.`, 0, 0, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"a deadline of its own", web(3, stuck, withDeadline(30), progressing("ReplicaSetUpdated", minute)), half, `False ProgressDeadlineExceeded ReplicaSet "web-v2" has timed out progressing.`, 0, 0, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"no deadline, no condition", web(3, withDeadline(2147483647), progressing("ReplicaSetUpdated", minute)), half, "", 0, 0, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"paused", web(3, paused, progressing("ReplicaSetUpdated", minute)), half, "Unknown DeploymentPaused Deployment is paused", 0, 0, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"paused, and that is told", web(3, paused, progressing("DeploymentPaused", minute)), half, "Unknown DeploymentPaused ", minute, minute, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"paused, and one was created that nobody told of", web(3, paused, annotated(prefix+"revision", "1"), progressing("DeploymentPaused", 200*time.Hour)), half, "Unknown DeploymentPaused ", 200 * time.Hour, 200 * time.Hour, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"paused past its deadline", web(3, paused, progressing("ProgressDeadlineExceeded", minute)), half, "False ProgressDeadlineExceeded ", minute, minute, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"resumed: the pause does not count", web(3, stuck, progressing("DeploymentPaused", time.Hour)), half, "Unknown DeploymentResumed Deployment is resumed", 0, time.Hour, "True MinimumReplicasAvailable Deployment has minimum availability.", now.Add(600*time.Second + 1)},
		{"D has changed, and the new one has all of it: what the old ones had is no progress", web(3, recreate, progressing("NewReplicaSetAvailable", time.Hour)), sets(set("v1 2/0/0", told("2", "2")), set("v2 3/3/3", told("3", "3"))), "True NewReplicaSetAvailable ", time.Hour, time.Hour, "True MinimumReplicasAvailable Deployment has minimum availability.", time.Time{}},
		{"less than D - U", web(3, stuck, progressing("ReplicaSetUpdated", minute)), sets(set("v1 3/1/1"), set("v2 1/0/0")), "True ReplicaSetUpdated ", minute, minute, "False MinimumReplicasUnavailable Deployment does not have minimum availability.", now.Add(540*time.Second + 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, tt.d, rollout.Observed{ReplicaSets: tt.sets})
			told, updated, since := reasonOf(result.Status, appsv1.DeploymentProgressing)
			if told != tt.progressing || updated != tt.updated || since != tt.since {
				t.Errorf("Progressing: %q, updated %v ago, since %v\nwant         %q, updated %v ago, since %v", told, updated, since, tt.progressing, tt.updated, tt.since)
			}
			if available, _, _ := reasonOf(result.Status, appsv1.DeploymentAvailable); available != tt.available {
				t.Errorf("Available: %q, want %q", available, tt.available)
			}
			if !result.Wake.Equal(tt.wake) {
				t.Errorf("wake at %v, want %v", result.Wake, tt.wake)
			}
		})
	}
}

// What the host reports about the creation of the new ReplicaSet.
func TestCreation(t *testing.T) {
	d, old := web(3), set("v1 3/3/3")
	first := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(old)})
	if len(first.Actions) != 1 {
		t.Fatalf("the creation stands alone: %v", first.Actions)
	}
	create := first.Actions[0].(plan.Create)
	name := create.Object.GetName()
	made := create.Object.(*appsv1.ReplicaSet).DeepCopy()
	made.UID, made.ResourceVersion, made.Generation = "made", "11", 1
	refused := func(status metav1.Status) plan.Pending {
		return plan.Pending{Outcomes: []plan.Outcome{{Action: create, Err: &status, At: now}}}
	}
	taken := made.DeepCopy()
	taken.Spec.Template = template("another")
	ending := metav1.Status{Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}}}

	for _, tt := range []struct {
		name       string
		pending    plan.Pending
		sets       []*appsv1.ReplicaSet
		want       string // sizes
		told       string // Progressing
		collisions int32
		wait       plan.Blocker
	}{
		{"answered", plan.Pending{Outcomes: []plan.Outcome{{Action: create, Reply: made, At: now}}}, sets(old), "v1 3->2", `True ReplicaSetUpdated ReplicaSet "` + name + `" is progressing.`, 0, plan.WaitAnswer},
		{"refused", refused(metav1.Status{Reason: metav1.StatusReasonForbidden, Message: "exceeded quota"}), sets(old), "create 1", `False ReplicaSetCreateError Failed to create new replica set "` + name + `": exceeded quota`, 0, plan.WaitReplicas},
		{"the namespace ends", refused(ending), sets(old), "", "", 0, plan.WaitNamespace},
		{"the name exists and is not seen yet", refused(metav1.Status{Reason: metav1.StatusReasonAlreadyExists}), sets(old), "create 1", "", 0, ""},
		{"the name is another template's", plan.Pending{}, sets(old, taken), "", "", 1, ""},
		{"not answered: it counts as there, and is not told of; nothing is done", plan.Pending{Outcomes: []plan.Outcome{{Action: create, At: now}}}, sets(old), "", "", 0, plan.WaitAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, d, rollout.Observed{ReplicaSets: tt.sets, Pending: tt.pending})
			if got := sizes(result.Actions); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if told, _, _ := reasonOf(result.Status, appsv1.DeploymentProgressing); told != tt.told {
				t.Errorf("Progressing: %q, want %q", told, tt.told)
			}
			if count := result.Status.CollisionCount; (count == nil) != (tt.collisions == 0) || count != nil && *count != tt.collisions {
				t.Errorf("collisionCount %v, want %d", count, tt.collisions)
			}
			waits := plan.Blocker("")
			for _, a := range result.Actions {
				if wait, ok := a.(plan.Wait); ok && waits == "" {
					waits = wait.For
				}
			}
			if waits != tt.wait {
				t.Errorf("waits for %q, want %q", waits, tt.wait)
			}
		})
	}

	// 10 seconds ago the deadline passed, of what was done before.
	late := progressing("ReplicaSetUpdated", 610*time.Second)
	settled := func(d *appsv1.Deployment) {
		d.Status = mustPlan(t, d, rollout.Observed{ReplicaSets: sets(old), Pending: refused(ending)}).Status
		late(d)
	}
	for _, tt := range []struct {
		name    string
		pending plan.Pending
		wake    time.Time
	}{
		{"while its namespace ends nobody is woken to judge it", refused(ending), time.Time{}},
		{"nor while it may not be made", refused(metav1.Status{Reason: metav1.StatusReasonForbidden, Message: "exceeded quota"}), time.Time{}},
		{"nor while nobody knows whether it was", plan.Pending{Outcomes: []plan.Outcome{{Action: create, At: now}}}, now.Add(plan.Expiry)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, web(3, settled, late), rollout.Observed{ReplicaSets: sets(old), Pending: tt.pending})
			if !result.Wake.Equal(tt.wake) {
				t.Errorf("wake at %v, want %v", result.Wake, tt.wake)
			}
			if told, _, _ := reasonOf(result.Status, appsv1.DeploymentProgressing); strings.Contains(told, "ProgressDeadlineExceeded") {
				t.Error(told)
			}
		})
	}

	t.Run("what may not exist has no revision yet", func(t *testing.T) {
		pending := plan.Pending{Outcomes: []plan.Outcome{{Action: create, At: now}}}
		for _, a := range mustPlan(t, web(3, settled, annotated(prefix+"revision", "1")), rollout.Observed{ReplicaSets: sets(old), Pending: pending}).Actions {
			if write, ok := a.(plan.UpdateStatus); ok {
				t.Errorf("%s", write)
			}
		}
	})

	t.Run("the next name is another", func(t *testing.T) {
		d := web(3)
		one := int32(1)
		d.Status.CollisionCount = &one
		second := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(old, taken)})
		if got := second.Actions[0].(plan.Create).Object.GetName(); got == name {
			t.Errorf("%s again", got)
		}
	})
}

// The new ReplicaSet is told of once: when progress was last told of before it was created, and its revision still has to travel
// with the status.
func TestCreatedIsTold(t *testing.T) {
	first := func(d *appsv1.Deployment) { d.Annotations = nil }
	for _, tt := range []struct {
		name string
		d    *appsv1.Deployment
		age  time.Duration
		want string
	}{
		{"the first of all", web(0, first), 0, `NewReplicaSetCreated Created new replica set "web-v2"`},
		{"created since", web(0, annotated(prefix+"revision", "1"), progressing("NewReplicaSetAvailable", time.Minute)), time.Second, `NewReplicaSetCreated Created new replica set "web-v2"`},
		{"created in the same second", web(0, annotated(prefix+"revision", "1"), progressing("ReplicaSetUpdated", time.Minute)), time.Minute, `NewReplicaSetCreated Created new replica set "web-v2"`},
		{"created before: it is gone back to", web(0, annotated(prefix+"revision", "1"), progressing("ReplicaSetUpdated", time.Minute)), time.Hour, "ReplicaSetUpdated "},
		{"told", web(0, progressing("ReplicaSetUpdated", time.Minute)), time.Second, "ReplicaSetUpdated "},
		{"known before anybody asked for progress", web(0), time.Second, `FoundNewReplicaSet Found new replica set "web-v2"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fresh := set("v2 1/0/0", func(rs *appsv1.ReplicaSet) {
				rs.CreationTimestamp = metav1.NewTime(now.Add(-tt.age))
				rs.Status.Replicas = 0
			})
			result := mustPlan(t, tt.d, rollout.Observed{ReplicaSets: sets(set("v1 1/0/0", lags(1)), fresh)})
			if told, _, _ := reasonOf(result.Status, appsv1.DeploymentProgressing); told != "True "+tt.want {
				t.Errorf("got %q, want %q", told, tt.want)
			}
			write := result.Actions[0].(plan.UpdateStatus)
			if got := write.After.GetAnnotations()[prefix+"revision"]; got != "2" {
				t.Errorf("revision %q travels with the status, want 2", got)
			}
		})
	}
}

// A new ReplicaSet may get the revision that the Deployment bears, if the last one of that revision is gone. The deadline counts from its creation
// all the same.
func TestCreatedUnderTheSameRevision(t *testing.T) {
	d := web(3, progressing("ReplicaSetUpdated", time.Hour))
	d.Status.Replicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = 3, 3, 3
	created := now.Add(-time.Minute)
	made := set("v2 0/0/0", func(rs *appsv1.ReplicaSet) { rs.CreationTimestamp = metav1.NewTime(created) })
	result := mustPlan(t, d, rollout.Observed{ReplicaSets: sets(set("v1 3/3/3"), made)})
	if told, _, _ := reasonOf(result.Status, appsv1.DeploymentProgressing); told != "True ReplicaSetUpdated " {
		t.Errorf("Progressing: %q", told)
	}
	if want := created.Add(600*time.Second + 1); !result.Wake.Equal(want) {
		t.Errorf("wake at %v, want %v", result.Wake, want)
	}
}

// While a write to a ReplicaSet is not answered, no size rests on it.
func TestUnansweredUpdate(t *testing.T) {
	d, list := web(3, bounds(1, 0)), sets(set("v1 3/3/3"), set("v2 1/1/1"))
	first := mustPlan(t, d, rollout.Observed{ReplicaSets: list})
	if got := sizes(first.Actions); got != "v1 3->2" {
		t.Fatal(got)
	}
	pending := plan.Pending{}
	for _, a := range first.Actions {
		if update, ok := a.(plan.Update); ok {
			pending.Outcomes = append(pending.Outcomes, plan.Outcome{Action: update, At: now})
		}
	}
	for _, tt := range []struct {
		name string
		now  time.Time
		want string
		wake time.Time
	}{
		{"nothing is done", now.Add(time.Second), "", now.Add(plan.Expiry)},
		{"nor a moment before it is given up", now.Add(plan.Expiry - 1), "", now.Add(plan.Expiry)},
		{"it is given up, and done again", now.Add(plan.Expiry), "v1 3->2", now.Add(plan.Expiry + 600*time.Second + 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := mustPlan(t, d, rollout.Observed{Now: tt.now, ReplicaSets: list, Pending: pending})
			if got := sizes(result.Actions); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !result.Wake.Equal(tt.wake) {
				t.Errorf("wake at %v, want %v", result.Wake, tt.wake)
			}
		})
	}
}
