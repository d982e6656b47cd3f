package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// whole is a pod as a server returns it, with its apiVersion and kind.
func whole(name string) *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: "uid-of-pod"},
	}
}

func scaled(replicas int32) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Labels: map[string]string{"app": "web"}},
		Spec:       appsv1.ReplicaSetSpec{Replicas: &replicas},
	}
}

var actions = []struct {
	name   string
	action plan.Action
	line   string
	wire   string // what the JSON form must contain
}{
	{
		name:   "create with a name",
		action: plan.Create{Object: whole("web-0")},
		line:   "create Pod default/web-0",
		wire:   `{"action":"create","object":{"kind":"Pod","apiVersion":"v1",`,
	},
	{
		name: "create with a name to be generated",
		action: plan.Create{Object: &corev1.Pod{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "web-"},
		}},
		line: "create Pod default/web-*",
		wire: `"generateName":"web-"`,
	},
	{
		name: "create of a kind that this module does not know",
		action: plan.Create{Object: &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": map[string]any{"name": "red", "namespace": "default"},
			"spec": map[string]any{"ships": int64(3)},
		}}},
		line: "create Fleet default/red",
		wire: `"ships":3`,
	},
	{
		name:   "update tells what changes, and who must still be there",
		action: plan.Update{Before: scaled(2), After: scaled(4), Live: &plan.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web", UID: "d"}},
		line:   "update ReplicaSet default/web: spec.replicas 2 -> 4",
		wire:   `"live":{"apiVersion":"apps/v1","kind":"Deployment","namespace":"default","name":"web","uid":"d"}`,
	},
	{
		name:   "update without a difference",
		action: plan.Update{Before: scaled(2), After: scaled(2)},
		line:   "update ReplicaSet default/web: no change",
		wire:   `"before":{"kind":"ReplicaSet",`,
	},
	{
		name: "update-status",
		action: plan.UpdateStatus{Before: scaled(2), After: func() plan.Object {
			rs := scaled(2)
			rs.Status.ReadyReplicas = 2
			rs.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: "ReplicaFailure"}}
			return rs
		}()},
		line: "update-status ReplicaSet default/web: status.conditions, status.readyReplicas none -> 2",
		wire: `{"action":"update-status",`,
	},
	{
		name:   "delete",
		action: plan.Delete{Object: plan.RefTo(whole("web-0")), Reason: "3 pods, 2 wanted"},
		line:   "delete Pod default/web-0: 3 pods, 2 wanted",
		wire:   `{"action":"delete","object":{"apiVersion":"v1","kind":"Pod","namespace":"default","name":"web-0","uid":"uid-of-pod"},"reason":"3 pods, 2 wanted"}`,
	},
	{
		name:   "delete with propagation",
		action: plan.Delete{Object: plan.RefTo(whole("web-0")), Propagation: metav1.DeletePropagationForeground},
		line:   "delete Pod default/web-0 (Foreground)",
		wire:   `"propagation":"Foreground"`,
	},
	{
		name:   "bind",
		action: plan.Bind{Object: plan.RefTo(whole("web-0")), To: plan.Ref{APIVersion: "v1", Kind: "Node", Name: "node1"}},
		line:   "bind Pod default/web-0 to Node node1",
		wire:   `"to":{"apiVersion":"v1","kind":"Node","name":"node1"}`,
	},
	{
		name:   "wait until a time",
		action: plan.Wait{For: plan.WaitPodAvailable, Object: plan.RefTo(whole("web-0")), Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Reason: "1 of 2"},
		line:   "wait for PodAvailable of Pod default/web-0 until 2026-01-02T03:04:05Z: 1 of 2",
		wire:   `"until":"2026-01-02T03:04:05Z"`,
	},
	{
		name:   "wait for a change",
		action: plan.Wait{For: plan.WaitPodReady, Object: plan.RefTo(whole("web-0"))},
		line:   "wait for PodReady of Pod default/web-0",
		wire:   `{"action":"wait","for":"PodReady","object":{"apiVersion":"v1","kind":"Pod","namespace":"default","name":"web-0","uid":"uid-of-pod"}}`,
	},
}

func TestActionString(t *testing.T) {
	for _, tt := range actions {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.action.String(); got != tt.line {
				t.Errorf("got  %s\nwant %s", got, tt.line)
			}
		})
	}
}

func TestActionJSON(t *testing.T) {
	for _, tt := range actions {
		t.Run(tt.name, func(t *testing.T) {
			data, err := json.Marshal(tt.action)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(data), tt.wire) {
				t.Errorf("%s\ndoes not contain\n%s", data, tt.wire)
			}
			back, err := plan.UnmarshalAction(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.action, back); diff != "" {
				t.Errorf("changed on the way (-sent +read):\n%s", diff)
			}
		})
	}
}

func TestActionJSONNamesUntypedObjects(t *testing.T) {
	untyped := whole("web-0")
	untyped.TypeMeta = metav1.TypeMeta{}
	data, err := json.Marshal(plan.Create{Object: untyped})
	if err != nil {
		t.Fatal(err)
	}
	if want := `"kind":"Pod","apiVersion":"v1"`; !strings.Contains(string(data), want) {
		t.Errorf("%s does not contain %s", data, want)
	}
	if untyped.Kind != "" {
		t.Error("marshalling changed the object")
	}
}

func TestUnmarshalActionRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"no JSON", `create`, "invalid character"},
		{"no action", `{"object":{}}`, `action "": Required value`},
		{"unheard-of action", `{"action":"destroy","object":{}}`, `action "destroy": unknown action`},
		{"a field that actions do not have", `{"action":"create","objekt":{}}`, `unknown field "objekt"`},
		{"create without object", `{"action":"create"}`, `action "create": object: Required value`},
		{"update without before", `{"action":"update","object":{"apiVersion":"v1","kind":"Pod"}}`, `before: Required value`},
		{"object without kind", `{"action":"create","object":{"apiVersion":"v1"}}`, `object: kind: Required value`},
		{"object without apiVersion", `{"action":"create","object":{"kind":"Pod"}}`, `object: apiVersion: Required value`},
		{"object that is a list", `{"action":"create","object":{"apiVersion":"v1","kind":"PodList"}}`, `not an object`},
		{"object with a field of a wrong type", `{"action":"create","object":{"apiVersion":"v1","kind":"Pod","spec":{"nodeName":3}}}`, `spec.nodeName`},
		{"delete of nothing", `{"action":"delete"}`, `object: Required value`},
		{"bind to nothing", `{"action":"bind","object":{"name":"web-0"}}`, `to: Required value`},
		{"two values", `{"action":"delete","object":{}} {}`, `more than one JSON value`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			action, err := plan.UnmarshalAction([]byte(tt.in))
			if err == nil {
				t.Fatalf("read as %v", action)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestResultEmpty(t *testing.T) {
	wait, del := plan.Wait{For: plan.WaitPodReady}, plan.Delete{}
	for _, tt := range []struct {
		name    string
		actions []plan.Action
		want    bool
	}{
		{"nothing", nil, true},
		{"only waits", []plan.Action{wait, wait}, true},
		{"something to do", []plan.Action{del, wait}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (plan.Result{Actions: tt.actions}).Empty(); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestBatches(t *testing.T) {
	pod := plan.Create{Object: whole("p")}
	claim := plan.Create{Object: &corev1.PersistentVolumeClaim{}}
	status := plan.UpdateStatus{Before: scaled(1), After: scaled(1)}
	del := plan.Delete{Object: plan.Ref{Kind: "Pod"}}
	many := func(a plan.Action, n int) (list []plan.Action) {
		for range n {
			list = append(list, a)
		}
		return list
	}
	join := func(lists ...[]plan.Action) (list []plan.Action) {
		for _, l := range lists {
			list = append(list, l...)
		}
		return list
	}
	for _, tt := range []struct {
		name    string
		actions []plan.Action
		want    []int
	}{
		{"nothing", nil, nil},
		{"only waits", many(plan.Wait{}, 3), nil},
		{"slow start", many(pod, 10), []int{1, 2, 4, 3}},
		{"the status alone, before the rest", join(many(status, 1), many(pod, 3)), []int{1, 1, 2}},
		{"a change of type begins anew", join(many(pod, 3), many(del, 3)), []int{1, 2, 1, 2}},
		{"a claim before its pod", []plan.Action{claim, pod, claim, pod}, []int{1, 1, 1, 1}},
		{"claims before all pods", join(many(claim, 2), many(pod, 2)), []int{1, 1, 1, 1}},
		{"waits are left out", join(many(pod, 2), many(plan.Wait{}, 1)), []int{1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sizes []int
			var flat []plan.Action
			for _, batch := range plan.Batches(tt.actions) {
				sizes = append(sizes, len(batch))
				flat = append(flat, batch...)
			}
			if diff := cmp.Diff(tt.want, sizes); diff != "" {
				t.Errorf("sizes (-want +got):\n%s", diff)
			}
			for i := range flat {
				if flat[i].String() != tt.actions[i].String() {
					t.Errorf("action %d is out of order", i)
				}
			}
		})
	}
}

func TestGroupByController(t *testing.T) {
	controlled := true
	pod := func(name string, owner types.UID) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			OwnerReferences: []metav1.OwnerReference{{UID: "a node"}, {UID: owner, Controller: &controlled}},
		}}
	}
	orphan := whole("orphan")
	orphan.OwnerReferences = []metav1.OwnerReference{{UID: "a"}} // an owner, but not the controller
	a1, b1, a2 := pod("a1", "a"), pod("b1", "b"), pod("a2", "a")

	owned, orphans := plan.GroupByController([]*corev1.Pod{a1, orphan, b1, a2})

	want := map[types.UID][]*corev1.Pod{"a": {a1, a2}, "b": {b1}}
	if diff := cmp.Diff(want, owned); diff != "" {
		t.Errorf("owned (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]*corev1.Pod{orphan}, orphans); diff != "" {
		t.Errorf("orphans (-want +got):\n%s", diff)
	}
}
