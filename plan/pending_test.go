package plan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

var (
	issued  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	soon    = issued.Add(time.Second)
	tooLate = issued.Add(plan.Expiry)
	refused = &metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Message: "exceeded quota"}
)

// at is a pod of that name, also its UID, in that version.
func at(name, version string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name), ResourceVersion: version}}
}

// requested is a pod as it was sent: without UID and version.
func requested(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
}

func created(name, version string) plan.Outcome {
	return plan.Outcome{Action: plan.Create{Object: requested(name)}, Reply: at(name, version), At: issued}
}

func unanswered(name string) plan.Outcome {
	return plan.Outcome{Action: plan.Create{Object: requested(name)}, At: issued}
}

func updated(before, after *corev1.Pod) plan.Outcome {
	return plan.Outcome{Action: plan.Update{Before: before, After: after}, Reply: after, At: issued}
}

func deleted(name string) plan.Outcome {
	return plan.Outcome{Action: plan.Delete{Object: plan.RefTo(at(name, ""))}, At: issued}
}

// show lists pods as name@version, with a * for one that is being deleted and a ? for one nobody answered for.
func show(pods []*corev1.Pod) string {
	var list []string
	for _, pod := range pods {
		s := pod.Name + "@" + pod.ResourceVersion
		if pod.DeletionTimestamp != nil {
			s += "*"
		}
		if pod.UID == "" {
			s += "?"
		}
		if pod.Spec.NodeName != "" {
			s += " on " + pod.Spec.NodeName
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

func TestOverlay(t *testing.T) {
	seen := func(version string) map[string]string { return map[string]string{"Pod": version} }
	for _, tt := range []struct {
		name    string
		view    []*corev1.Pod
		seen    map[string]string
		pending []plan.Outcome
		now     time.Time
		want    string
	}{
		{name: "nothing pending", view: []*corev1.Pod{at("a", "1"), at("b", "2")}, want: "a@1, b@2"},
		{name: "listed twice: the newest counts", view: []*corev1.Pod{at("a", "9"), at("b", "2"), at("a", "10")}, want: "a@10, b@2"},
		{name: "listed twice with versions that are no numbers: one of them, whatever the order", view: []*corev1.Pod{at("a", "x"), at("a", "y")}, want: "a@y"},
		{name: "the same in the other order", view: []*corev1.Pod{at("a", "y"), at("a", "x")}, want: "a@y"},
		{name: "long names that agree at both ends are two", view: []*corev1.Pod{at("01234567-a-89abcdef", "1"), at("01234567-b-89abcdef", "2"), at("01234567-a-89abcdef", "3")},
			want: "01234567-a-89abcdef@3, 01234567-b-89abcdef@2"},
		{name: "another namespace says nothing about how far the view has come", view: []*corev1.Pod{elsewhere(at("a", "7"))}, pending: []plan.Outcome{created("b", "5")}, want: "a@7, b@5"},
		{name: "nil is nobody", view: []*corev1.Pod{nil, at("a", "1"), nil}, want: "a@1"},
		{name: "nil says nothing about how far the view has come", view: []*corev1.Pod{nil}, pending: []plan.Outcome{created("b", "5")}, want: "b@5"},
		{
			name: "a creation that the view does not show yet", view: []*corev1.Pod{at("a", "1")}, seen: seen("4"),
			pending: []plan.Outcome{created("b", "5")}, want: "a@1, b@5",
		},
		{
			name: "a creation that the view shows, and has since been changed", view: []*corev1.Pod{at("b", "6")}, seen: seen("6"),
			pending: []plan.Outcome{created("b", "5")}, want: "b@6",
		},
		{
			name: "created and gone between two looks: the view is past it, so it is not waited for",
			seen: seen("7"), pending: []plan.Outcome{created("b", "5")}, want: "",
		},
		{
			name: "without a version of the view, any newer object shown says how far it has come",
			view: []*corev1.Pod{at("a", "7")}, pending: []plan.Outcome{created("b", "5")}, want: "a@7",
		},
		{
			name: "without a version of the view, older objects say nothing",
			view: []*corev1.Pod{at("a", "4")}, pending: []plan.Outcome{created("b", "5")}, want: "a@4, b@5",
		},
		{
			name: "without any version a creation is given up in the end",
			view: []*corev1.Pod{at("a", "4")}, pending: []plan.Outcome{created("b", "5")}, now: tooLate, want: "a@4",
		},
		{
			name: "with a version a view may lag for ever", view: []*corev1.Pod{at("a", "4")}, seen: seen("4"),
			pending: []plan.Outcome{created("b", "5")}, now: tooLate, want: "a@4, b@5",
		},
		{name: "a creation without an answer counts as done", pending: []plan.Outcome{unanswered("b")}, seen: seen("9"), want: "b@?"},
		{name: "until it shows", view: []*corev1.Pod{at("b", "5")}, pending: []plan.Outcome{unanswered("b")}, want: "b@5"},
		{name: "or until anything else is known of it", seen: seen("9"), pending: []plan.Outcome{unanswered("b"), created("b", "5")}, want: ""},
		{name: "such as that it is being deleted", seen: seen("9"), pending: []plan.Outcome{unanswered("b"), deleted("b")}, want: ""},
		{name: "or until it expires", pending: []plan.Outcome{unanswered("b")}, now: tooLate, want: ""},
		{name: "a refused creation is none", pending: []plan.Outcome{{Action: plan.Create{Object: requested("b")}, Err: refused, At: issued}}, want: ""},
		{
			name: "an answered update replaces the older version", view: []*corev1.Pod{at("a", "1")},
			pending: []plan.Outcome{updated(at("a", "1"), at("a", "5"))}, want: "a@5",
		},
		{
			name: "but not a newer one", view: []*corev1.Pod{at("a", "6")},
			pending: []plan.Outcome{updated(at("a", "1"), at("a", "5"))}, want: "a@6",
		},
		{
			name: "of two answers the newer counts", view: []*corev1.Pod{at("a", "1")},
			pending: []plan.Outcome{updated(at("a", "1"), at("a", "5")), updated(at("a", "5"), at("a", "6"))}, want: "a@6",
		},
		{
			name: "an update of what was just created", seen: seen("1"),
			pending: []plan.Outcome{created("b", "5"), updated(at("b", "5"), at("b", "6"))}, want: "b@6",
		},
		{
			name: "an update without an answer replaces the version it was made from", view: []*corev1.Pod{at("a", "1")},
			pending: []plan.Outcome{{Action: plan.Update{Before: at("a", "1"), After: onNode("a", "1")}, At: issued}}, want: "a@1 on assumed",
		},
		{
			name: "and no other", view: []*corev1.Pod{at("a", "2")},
			pending: []plan.Outcome{{Action: plan.Update{Before: at("a", "1"), After: onNode("a", "1")}, At: issued}}, want: "a@2",
		},
		{name: "a deletion that the view does not show yet", view: []*corev1.Pod{at("a", "1"), at("b", "2")}, pending: []plan.Outcome{deleted("a")}, want: "a@1*, b@2"},
		{name: "a deletion that is over", view: []*corev1.Pod{at("b", "2")}, pending: []plan.Outcome{deleted("a")}, want: "b@2"},
		{
			name: "a deletion names a UID: a successor is not deleted", view: []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "second", ResourceVersion: "9"}}},
			pending: []plan.Outcome{deleted("a")}, want: "a@9",
		},
		{name: "a refused deletion is none", view: []*corev1.Pod{at("a", "1")}, pending: []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(at("a", ""))}, Err: refused, At: issued}}, want: "a@1"},
		{name: "created and deleted, neither shown", seen: seen("1"), pending: []plan.Outcome{created("b", "5"), deleted("b")}, want: "b@5*"},
		{
			name: "a binding", view: []*corev1.Pod{at("a", "1")},
			pending: []plan.Outcome{{Action: plan.Bind{Object: plan.RefTo(at("a", "")), To: plan.Ref{Kind: "Node", Name: "node1"}}, At: issued}}, want: "a@1 on node1",
		},
		{
			name: "what was written about other kinds is left alone", view: []*corev1.Pod{at("a", "1")},
			pending: []plan.Outcome{{Action: plan.Create{Object: scaled(1)}, Reply: scaled(1), At: issued}}, want: "a@1",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := tt.now
			if now.IsZero() {
				now = soon
			}
			got := show(plan.Overlay(tt.view, plan.Pending{Seen: tt.seen, Outcomes: tt.pending}, now))
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func onNode(name, version string) *corev1.Pod {
	pod := at(name, version)
	pod.Spec.NodeName = "assumed"
	return pod
}

func TestOverlayLeavesItsInputsAlone(t *testing.T) {
	view := []*corev1.Pod{at("a", "1"), at("b", "2"), at("c", "3"), at("a", "9")}
	pending := plan.Pending{Outcomes: []plan.Outcome{
		deleted("a"), updated(at("b", "2"), at("b", "5")), created("d", "6"), unanswered("e"),
		{Action: plan.Bind{Object: plan.RefTo(at("c", "")), To: plan.Ref{Name: "node1"}}, At: issued},
	}}
	before := string(marshalled(t, []any{view, pending}))
	plan.Overlay(view, pending, soon)
	if diff := cmp.Diff(before, string(marshalled(t, []any{view, pending}))); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestLatest(t *testing.T) {
	stale, fresh := scaled(2), scaled(2)
	stale.UID, stale.ResourceVersion = "web", "5"
	fresh.UID, fresh.ResourceVersion = "web", "8"
	fresh.Status.ReadyReplicas = 2
	wrote := plan.Pending{Outcomes: []plan.Outcome{{Action: plan.UpdateStatus{Before: stale, After: fresh}, Reply: fresh, At: issued}}}
	newest := scaled(3)
	newest.UID, newest.ResourceVersion = "web", "9"
	successor := scaled(2)
	successor.UID, successor.ResourceVersion = "other", "5"
	for _, tt := range []struct {
		name    string
		shown   *appsv1.ReplicaSet
		pending plan.Pending
		want    *appsv1.ReplicaSet
	}{
		{"nothing pending", stale, plan.Pending{}, stale},
		{"the status that was written last", stale, wrote, fresh},
		{"a view that is ahead", newest, wrote, newest},
		{"a successor of the same name", successor, wrote, successor},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := plan.Latest(tt.shown, tt.pending, soon); got != tt.want {
				t.Errorf("got version %s of %s", got.ResourceVersion, got.UID)
			}
		})
	}
}

func TestSettle(t *testing.T) {
	seen := map[string]string{"Pod": "5"}
	failure := plan.Outcome{Action: plan.Create{Object: requested("x")}, Err: refused, At: issued}
	for _, tt := range []struct {
		name string
		o    plan.Outcome
		now  time.Time
		kept bool
	}{
		{"a failure, which the plan has told", failure, soon, false},
		{"an answered write that the view shows", created("a", "5"), soon, false},
		{"an answered write that it does not show yet", created("a", "6"), soon, true},
		{"nor ever, as long as it says how far it has come", created("a", "6"), tooLate, true},
		{"a write without an answer", unanswered("a"), soon, true},
		{"just before it expires", unanswered("a"), tooLate.Add(-1), true},
		{"when it expires", unanswered("a"), tooLate, false},
		{"a deletion", deleted("a"), soon, true},
		{"an old deletion", deleted("a"), tooLate, false},
		{"a version that is no number", created("a", "x"), soon, true},
		{"a version that is no number, in the end", created("a", "x"), tooLate, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settled := plan.Settle(plan.Pending{Seen: seen, Outcomes: []plan.Outcome{tt.o}}, tt.now)
			if kept := len(settled.Outcomes) == 1; kept != tt.kept {
				t.Errorf("kept: %v", kept)
			}
		})
	}
}

// The run of a CronJob must not start twice: that it started is remembered until a status tells of it.
func TestSettleOnce(t *testing.T) {
	run := func(minute int) time.Time { return issued.Truncate(time.Hour).Add(time.Duration(minute) * time.Minute) }
	start := func(minute int, version string) plan.Outcome {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint("tick-", minute), Annotations: map[string]string{
			batchv1.CronJobScheduledTimestampAnnotation: run(minute).In(time.FixedZone("", 3600)).Format(time.RFC3339),
		}}}
		reply := j.DeepCopy()
		reply.ResourceVersion = version
		return plan.Outcome{Action: plan.Create{Object: j}, Reply: reply, At: issued}
	}
	status := func(minute int) plan.Outcome {
		c := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "tick", ResourceVersion: "3"}}
		if minute > 0 {
			c.Status.LastScheduleTime = &metav1.Time{Time: run(minute)}
		}
		return plan.Outcome{Action: plan.UpdateStatus{Before: c, After: c}, Reply: c, At: issued}
	}
	lost, denied, broken := start(5, "5"), status(5), status(5)
	lost.Reply = nil
	recent := lost
	recent.At = soon
	denied.Reply, denied.Err = nil, refused
	broken.Reply = nil
	other := start(5, "5")
	other.Action.(plan.Create).Object.SetAnnotations(nil)
	for _, tt := range []struct {
		name     string
		seen     string
		outcomes []plan.Outcome
		want     []plan.Outcome
	}{
		{"the view has passed it", "5", []plan.Outcome{start(5, "5")}, []plan.Outcome{start(5, "5")}},
		{"nobody knows whether the view has passed it", "", []plan.Outcome{start(5, "5")}, []plan.Outcome{start(5, "5")}},
		{"the status was refused", "5", []plan.Outcome{start(5, "5"), denied}, []plan.Outcome{start(5, "5")}},
		{"the status was not answered", "5", []plan.Outcome{start(5, "5"), broken}, []plan.Outcome{start(5, "5")}},
		{"the status was written", "5", []plan.Outcome{start(5, "5"), status(5)}, nil},
		{"a later status was written", "5", []plan.Outcome{start(5, "5"), status(6)}, nil},
		{"the status tells of the run before", "5", []plan.Outcome{status(4), start(5, "5")}, []plan.Outcome{start(5, "5")}},
		{"the clock went back, and the status does not tell yet", "5", []plan.Outcome{start(5, "5"), status(4)}, []plan.Outcome{start(5, "5")}},
		{"the status tells of no run", "5", []plan.Outcome{start(5, "5"), status(0)}, []plan.Outcome{start(5, "5")}},
		{"the status was written, and the view is behind", "4", []plan.Outcome{start(5, "5"), status(5)}, []plan.Outcome{start(5, "5")}},
		{"each by itself", "6", []plan.Outcome{start(5, "5"), status(5), start(6, "6")}, []plan.Outcome{start(6, "6")}},
		{"two starts, the later one first", "6", []plan.Outcome{start(6, "5"), start(5, "6"), status(5)}, []plan.Outcome{start(6, "5")}},
		{"a creation without an answer expires", "5", []plan.Outcome{lost}, nil},
		{"and is the same until then", "5", []plan.Outcome{recent}, []plan.Outcome{recent}},
		{"a Job that is of no run", "5", []plan.Outcome{other}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := plan.Pending{Seen: map[string]string{"Job": tt.seen, "CronJob": "3"}, Outcomes: tt.outcomes}
			settled := plan.Settle(before, tooLate)
			if diff := cmp.Diff(tt.want, settled.Outcomes, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutcomeOf(t *testing.T) {
	pod := schema.GroupResource{Resource: "pods"}
	create, del := plan.Create{Object: requested("a")}, plan.Delete{Object: plan.RefTo(at("a", ""))}
	var none *corev1.Pod
	for _, tt := range []struct {
		name             string
		action           plan.Action
		reply            plan.Object
		err              error
		answered, failed bool
	}{
		{"success", create, at("a", "1"), nil, true, false},
		{"success without an object, as Delete returns it", del, nil, nil, false, false},
		{"a typed nil is no object", create, none, nil, false, false},
		{"refused", create, none, apierrors.NewForbidden(pod, "a", errors.New("quota")), false, true},
		{"refused, and wrapped by the host", create, none, fmt.Errorf("creating: %w", apierrors.NewForbidden(pod, "a", errors.New("quota"))), false, true},
		{"the object that clients return beside an error is none", create, at("", ""), apierrors.NewConflict(pod, "a", nil), false, true},
		{"a broken connection says nothing", create, nil, errors.New("connection reset by peer"), false, false},
		{"nor does a time-out of the server", create, nil, apierrors.NewTimeoutError("too long", 1), false, false},
		{"or one within it", create, nil, apierrors.NewServerTimeout(pod, "create", 1), false, false},
		{"to delete what is gone is success", del, nil, apierrors.NewNotFound(pod, "a"), false, false},
		{"to update what is gone is not", plan.Update{Before: at("a", "1"), After: at("a", "1")}, nil, apierrors.NewNotFound(pod, "a"), false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := plan.OutcomeOf(tt.action, tt.reply, tt.err, issued)
			if answered := o.Reply != nil; answered != tt.answered {
				t.Errorf("answered: %v", answered)
			}
			if failed := o.Err != nil; failed != tt.failed {
				t.Errorf("failed: %v (%v)", failed, o.Err)
			}
		})
	}
}

func TestRefusedLast(t *testing.T) {
	del := func(name string) plan.Action { return plan.Delete{Object: plan.RefTo(at(name, ""))} }
	generated := func(n string) plan.Action {
		return plan.Create{Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: n}}}
	}
	refuse := func(a plan.Action) plan.Outcome { return plan.Outcome{Action: a, Err: refused} }
	for _, tt := range []struct {
		name     string
		failures []plan.Outcome
		actions  []plan.Action
		want     string
	}{
		{"nothing refused", []plan.Outcome{deleted("a")}, []plan.Action{del("a"), del("b")}, "a b"},
		{"by UID", []plan.Outcome{refuse(del("a"))}, []plan.Action{del("a"), del("b"), del("c")}, "b c a"},
		{"by name, for what does not exist yet", []plan.Outcome{refuse(plan.Create{Object: requested("a")})},
			[]plan.Action{plan.Create{Object: requested("a")}, plan.Create{Object: requested("b")}}, "b a"},
		{"those behind it come before those ahead of it", []plan.Outcome{refuse(del("b"))}, []plan.Action{del("a"), del("b"), del("c")}, "c a b"},
		{"several of one batch", []plan.Outcome{refuse(del("d")), refuse(del("a"))}, []plan.Action{del("a"), del("b"), del("c"), del("d"), del("e")}, "e b c a d"},
		{"names to be generated are nobody's", []plan.Outcome{refuse(generated("x-"))}, []plan.Action{generated("x-"), del("b")}, " b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var names []string
			for _, a := range (plan.Pending{Outcomes: tt.failures}).RefusedLast(tt.actions) {
				names = append(names, a.Target().Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPendingJSON(t *testing.T) {
	pending := plan.Pending{
		Seen: map[string]string{"Pod": "12"},
		Outcomes: []plan.Outcome{
			{Action: plan.Create{Object: whole("a")}, Reply: whole("a"), At: issued},
			{Action: plan.Delete{Object: plan.RefTo(whole("a"))}, Err: refused, At: issued},
			{Action: plan.Create{Object: whole("b")}, At: issued},
		},
	}
	var read plan.Pending
	if err := json.Unmarshal(marshalled(t, pending), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pending, read); diff != "" {
		t.Errorf("changed on the way (-sent +read):\n%s", diff)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"unknown field", `{"outcomes":[{"action":{"action":"wait","object":{}},"when":"now"}]}`, `unknown field "when"`},
		{"no action", `{"outcomes":[{}]}`, "action: Required value"},
		{"bad action", `{"outcomes":[{"action":{"action":"x"}}]}`, "unknown action"},
		{"bad reply", `{"outcomes":[{"action":{"action":"wait","object":{}},"reply":{"kind":"Pod"}}]}`, "reply: apiVersion: Required value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p plan.Pending
			if err := json.Unmarshal([]byte(tt.in), &p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func elsewhere(pod *corev1.Pod) *corev1.Pod {
	pod.Namespace = "other"
	return pod
}
