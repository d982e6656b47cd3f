package revisions_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/internal/revisions"
	"github.com/kubeplan/kubeplan/plan"
)

// revision is one of the workload web that holds a template of this image.
func revision(t *testing.T, name string, number int64, image string, edits ...func(*appsv1.ControllerRevision)) *appsv1.ControllerRevision {
	t.Helper()
	r := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{"app": "web"}},
		Revision:   number,
	}
	r.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(web(), appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
	r.Data.Raw = patch(t, image)
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func web() *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "uid-web"}}
}

func template(image string) *corev1.PodTemplateSpec {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}}}
	template.Labels = map[string]string{"app": "web"}
	return template
}

func patch(t *testing.T, image string) []byte {
	t.Helper()
	data, err := revisions.Patch(template(image))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func from133(r *appsv1.ControllerRevision) {
	r.Data.Raw = bytes.Replace(r.Data.Raw, []byte(`"metadata":{`), []byte(`"metadata":{"creationTimestamp":null,`), 1)
}

func names(history revisions.History) string {
	var names []string
	for _, r := range history {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// The bytes and the hash are those that Kubernetes 1.36 writes for this template; internal/conformance compares many more.
func TestPatch(t *testing.T) {
	data := patch(t, "app:1")
	same(t, "patch", string(data),
		`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"app:1","name":"main","resources":{}}]}}}}`)
	zero, one := int32(0), int32(1)
	same(t, "hashes", revisions.PatchHash(data, nil)+" "+revisions.PatchHash(data, &zero)+" "+revisions.PatchHash(data, &one), "84d4969b66 7d9765454 7d9765455")
	held, err := revisions.Template(&appsv1.ControllerRevision{Data: revision(t, "a", 1, "app:1").Data})
	if err != nil || held.Spec.Containers[0].Image != "app:1" {
		t.Errorf("template %v, %v", held, err)
	}
	for name, raw := range map[string]string{"no JSON": "{", "no template": `{"spec":{}}`, "a template that is none": `{"spec":{"template":[]}}`} {
		r := revision(t, "a", 1, "app:1")
		r.Data.Raw = []byte(raw)
		if _, err := revisions.Template(r); err == nil {
			t.Errorf("%s is read", name)
		}
		if revisions.Holds(r, data) || revisions.Means(r, template("app:1")) {
			t.Errorf("%s counts as the template", name)
		}
	}
}

func TestHoldsAndMeans(t *testing.T) {
	defaulted := func(r *appsv1.ControllerRevision) {
		r.Data.Raw = bytes.Replace(r.Data.Raw, []byte(`"resources":{}`), []byte(`"resources":{},"terminationMessagePolicy":"File"`), 1)
	}
	tests := []struct {
		name         string
		revision     *appsv1.ControllerRevision
		holds, means bool
	}{
		{"the very template", revision(t, "a", 1, "app:1"), true, true},
		{"written by a server up to 1.33", revision(t, "a", 1, "app:1", from133), true, true},
		{"another template", revision(t, "a", 1, "app:2"), false, false},
		{"another, written by a server up to 1.33", revision(t, "a", 1, "app:2", from133), false, false},
		{"a default filled in", revision(t, "a", 1, "app:1", defaulted), false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := revisions.Holds(test.revision, patch(t, "app:1")); got != test.holds {
				t.Errorf("holds: %v", got)
			}
			if got := revisions.Means(test.revision, template("app:1")); got != test.means {
				t.Errorf("means: %v", got)
			}
		})
	}
}

// Of the revisions in the view those that are the workload's count, the oldest first: by number, then age, then name.
func TestClaim(t *testing.T) {
	selector := labels.SelectorFromSet(labels.Set{"app": "web"})
	young := func(r *appsv1.ControllerRevision) { r.CreationTimestamp = metav1.NewTime(time.Unix(100, 0)) }
	orphaned := func(r *appsv1.ControllerRevision) { r.OwnerReferences = nil }
	claimed := revisions.Claim([]*appsv1.ControllerRevision{
		revision(t, "young", 2, "app:1", young), revision(t, "z", 2, "app:1"), revision(t, "a", 2, "app:1"), revision(t, "orphan", 1, "app:1", orphaned),
		revision(t, "leaver", 3, "app:1", func(r *appsv1.ControllerRevision) { r.Labels = nil }),
		revision(t, "another's", 4, "app:1", func(r *appsv1.ControllerRevision) { r.OwnerReferences[0].UID = "uid-of-another" }),
		revision(t, "deleted", 5, "app:1", func(r *appsv1.ControllerRevision) { r.DeletionTimestamp = &metav1.Time{} }),
	}, owners.New(web(), metav1.TypeMeta{}, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}), selector)
	same(t, "history", names(claimed.History), "orphan a z young")
	same(t, "orphans", names(claimed.Orphans), "orphan")
	same(t, "leavers", names(claimed.Leavers), "leaver")
}

func TestHistory(t *testing.T) {
	history := revisions.History{revision(t, "a", 1, "app:1"), revision(t, "b", 2, "app:2", from133), revision(t, "c", 3, "app:2"), revision(t, "d", 7, "app:3")}
	same(t, "holding", names(history.Holding(patch(t, "app:2"))), "b c")
	same(t, "latest", history.Latest().Name, "d")
	if history.Named("b") != history[1] || history.Named("x") != nil || (revisions.History{}).Latest() != nil {
		t.Error("found by name or as the latest what is not")
	}
	for newest, next := range map[int64]int64{0: 1, 7: 8, math.MaxInt64 - 1: math.MaxInt64, math.MaxInt64: math.MaxInt64} {
		if got := (revisions.History{revision(t, "a", newest, "app:1")}).Next(); got != next {
			t.Errorf("behind %d comes %d", newest, got)
		}
	}
	if (revisions.History{}).Next() != 1 {
		t.Error("the first is not 1")
	}
	live := func(r *appsv1.ControllerRevision) bool { return r.Name == "b" }
	for limit, want := range map[int]string{0: "a c d", 1: "a c d", 2: "a c", 3: "a", 4: "", 5: ""} {
		same(t, "surplus", names(history.Surplus(limit, live)), want)
	}
}

func TestWrites(t *testing.T) {
	before := revision(t, "a", 1, "app:1")
	moved, labelled := revisions.Renumber(before, 5), revisions.Relabel(before, "key", "value")
	if moved.Before == plan.Object(before) || moved.After.(*appsv1.ControllerRevision).Revision != 5 || labelled.After.GetLabels()["key"] != "value" ||
		before.Revision != 1 || len(before.Labels) != 1 {
		t.Errorf("moved %v, labelled %v, the revision itself %v", moved.After, labelled.After, before)
	}
	if deletion := revisions.Delete(before, "full"); deletion.Object.UID != "uid-a" || deletion.Reason != "full" {
		t.Errorf("deleted %v", deletion)
	}
}

// A name that holds the very patch is found again, one that holds something else is passed over, shown or told by a refusal.
func TestPlace(t *testing.T) {
	data := patch(t, "app:1")
	hash := func(count *int32) string { return revisions.PatchHash(data, count) }
	zero, one := int32(0), int32(1)
	first, second := "web-"+hash(&zero), "web-"+hash(&one)
	refusal := plan.Pending{Outcomes: []plan.Outcome{{
		Action: plan.Create{Object: revision(t, first, 1, "app:1")}, Err: &metav1.Status{Reason: metav1.StatusReasonAlreadyExists},
	}}}
	tests := []struct {
		name     string
		view     []*appsv1.ControllerRevision
		pending  plan.Pending
		want     string
		existing bool
	}{
		{"free", nil, plan.Pending{}, first, false},
		{"there already", []*appsv1.ControllerRevision{revision(t, first, 1, "app:1")}, plan.Pending{}, first, true},
		{"there already, by a server up to 1.33", []*appsv1.ControllerRevision{revision(t, first, 1, "app:1", from133)}, plan.Pending{}, first, true},
		{"taken", []*appsv1.ControllerRevision{revision(t, first, 1, "app:2")}, plan.Pending{}, second, false},
		{"taken by one that is not shown", nil, refusal, second, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			count := zero
			place := revisions.Place("web", data, test.view, test.pending, &count, hash)
			if same(t, "name", place.Name, test.want); (place.Existing != nil) != test.existing || count != 0 {
				t.Errorf("existing %v, and the count that was given is %d", place.Existing, count)
			}
			if got := *place.Collisions == 1; got != (test.want == second) {
				t.Errorf("%d collisions", *place.Collisions)
			}
		})
	}
}

func TestName(t *testing.T) {
	same(t, "short", revisions.Name("web", "abc"), "web-abc")
	same(t, "223 characters stay", revisions.Name(strings.Repeat("w", 223), "abc"), strings.Repeat("w", 223)+"-abc")
	same(t, "more are cut", revisions.Name(strings.Repeat("w", 224), "abc"), strings.Repeat("w", 223)+"-abc")
}

// New revisions share no memory with what they are made of.
func TestNew(t *testing.T) {
	data := patch(t, "app:1")
	owner := owners.New(web(), metav1.TypeMeta{}, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"})
	r := revisions.New(owner, "web-1", data, 3, map[string]string{"app": "web"}, nil)
	data[0] = 'x'
	if r.Data.Raw[0] != '{' || r.Revision != 3 || r.Namespace != "default" || !metav1.IsControlledBy(r, web()) {
		t.Errorf("made %v", r)
	}
}
