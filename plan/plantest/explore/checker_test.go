package explore

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// pods makes a state of pods with the numbers given, in the order in which they come to be. Those that are marked are ready.
func podsState(s *search, named func(int) string, ready map[int]bool, numbers ...int) *state {
	st := s.start.clone()
	for _, n := range numbers {
		pod := &corev1.Pod{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: named(n), UID: types.UID(uid(n))},
		}
		if ready[n] {
			setReady(pod, corev1.ConditionTrue, st.now)
		}
		s.stamp(&st.cluster, s.pool.item(pod), "start", func(plan.Object) {})
	}
	return st
}

func generated(n int) string { return "web-" + suffix(n) }
func ordinal(n int) string   { return "web-" + string(rune('0'+n)) }

func TestKeys(t *testing.T) {
	s := newSearch(Scope{Start: []plan.Object{&corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "first"}}}})
	type readies = map[int]bool
	for _, test := range []struct {
		name string
		a, b *state
		same bool
	}{
		{"of pods alike in all else it makes no difference which is ready",
			podsState(s, generated, readies{2: true}, 2, 3), podsState(s, generated, readies{3: true}, 2, 3), true},
		{"the order in which they were created and changed makes none",
			podsState(s, generated, readies{2: true}, 2, 3), podsState(s, generated, readies{2: true}, 3, 2), true},
		{"numbers that were used before make none",
			podsState(s, generated, readies{2: true}, 2, 3), podsState(s, generated, readies{7: true}, 7, 5), true},
		{"how many are ready makes one",
			podsState(s, generated, readies{2: true}, 2, 3), podsState(s, generated, readies{2: true, 3: true}, 2, 3), false},
		{"ordinals are not arbitrary",
			podsState(s, ordinal, readies{2: true}, 2, 3), podsState(s, ordinal, readies{3: true}, 2, 3), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if same := s.keyOf(test.a) == s.keyOf(test.b); same != test.same {
				t.Errorf("one state: %v", same)
			}
		})
	}
}

func TestBudgetsTellStatesApart(t *testing.T) {
	s := newSearch(Scope{})
	other := s.start.clone()
	other.left.Edits = 1
	if s.keyOf(other) == s.keyOf(s.start) || s.keyOf(other).body != s.keyOf(s.start).body {
		t.Error("only what may still happen differs")
	}
}

func TestKnots(t *testing.T) {
	// 0 -> 1 -> 2 -> 1, 2 -> 3, 4 <-> 0 and 3 is the end.
	var g graph
	for _, to := range [][]uint32{{1, 4}, {2}, {1, 3}, {}, {0}} {
		g.next()
		for _, n := range to {
			g.add(n, 0)
		}
	}
	knots := g.knots()
	for _, knot := range knots {
		slices.Sort(knot)
	}
	want := [][]uint32{{1, 2}, {0, 4}}
	if !slices.EqualFunc(knots, want, func(a, b []uint32) bool { return slices.Equal(a, b) }) {
		t.Errorf("knots %v, not %v", knots, want)
	}
}

// A cycle that leaves out what is possible in each of its states is not fair, and is nobody's fault.
func TestFairKnot(t *testing.T) {
	for _, test := range []struct {
		name    string
		classes [][2]uint8 // of the step round the cycle and of the step out of it, from each of two states
		fair    bool
	}{
		{"one class all the way, and no other possible", [][2]uint8{{0, 0}, {0, 0}}, true},
		{"another is possible in both states, and never happens", [][2]uint8{{0, 1}, {0, 1}}, false},
		{"another is possible in one of them only", [][2]uint8{{0, 1}, {0, 0}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g graph
			for at, c := range test.classes {
				g.next()
				g.add(uint32(1-at), c[0])
				g.add(2, c[1])
			}
			g.next()
			if knot := g.fairKnot(); (knot != nil) != test.fair {
				t.Errorf("found %v", knot)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	p := newPool()
	noon := mark{what: aTime, value: epoch().Add(time.Minute).UnixNano()}
	for _, test := range []struct {
		json  string
		marks []mark
	}{
		{`{"uid":"uid-007","resourceVersion":"12","generation":3}`,
			[]mark{{what: anObject, object: 7}, {what: aVersion, object: 7, value: 12}, {what: aGeneration, object: 7, value: 3}}},
		{`{"name":"web-x004","uid":"uid-004"},{"uid":"uid-005"}`, []mark{{what: anObject, object: 4}, {what: anObject, object: 4}, {what: anObject, object: 5}}},
		{`{"uid":"uid-005","apiVersion":"v1","resourceVersion":"9"}`, []mark{{what: anObject, object: 5}, {what: aVersion, object: 5, value: 9}}},
		{`{"at":"2026-03-01T12:00:00Z","until":"2026-03-01T12:00:00.000Z"}`, []mark{noon, noon}},
		{`{"name":"web-0","image":"web-x0041","hash":"web-x004b","id":"uid-12","on":"2026-03-01"}`, nil}, // none of it is arbitrary
	} {
		if read := p.textOf([]byte(test.json)); !slices.Equal(read.marks, test.marks) {
			t.Errorf("%s has the marks %v, not %v", test.json, read.marks, test.marks)
		}
	}
	literal := func(json string) int { return p.textOf([]byte(json)).literal }
	if literal(`"uid-001 of 3"`) != literal(`"uid-002 of 3"`) || literal(`"uid-001 of 3"`) == literal(`"uid-001 of 4"`) {
		t.Error("texts have one literal if they differ by what is arbitrary, and only then")
	}
}

func TestNumbersOfNames(t *testing.T) {
	for text, number := range map[string]int{"uid-012": 12, "web-x345": 345, "web-0": 0, "web-x12": 0, "web-x1234": 0, "web-x123-0": 0, "": 0} {
		if got := numberIn(text); got != number {
			t.Errorf("%q has the number %d, not %d", text, got, number)
		}
	}
}

// States that differ by versions alone are made of the same items once these are counted anew; and what a view has not reached
// stays behind it.
func TestRecount(t *testing.T) {
	s := newSearch(Scope{Hosts: []sim.Host{{Kind: "Pod"}}})
	a, b := podsState(s, ordinal, nil, 1, 2), podsState(s, ordinal, nil, 2, 1)
	if slices.Equal(a.shelves[0], b.shelves[0]) {
		t.Fatal("they have the same versions from the beginning")
	}
	s.recount(a)
	s.recount(b)
	if !slices.Equal(a.shelves[0], b.shelves[0]) {
		t.Errorf("versions %v and %v", a.shelves[0], b.shelves[0])
	}

	a.hosts[0].views = []*view{{shelf: a.shelves[0], version: a.version}}
	changed := s.stamp(&a.cluster, a.shelves[0][0], "change", func(pod plan.Object) { pod.SetLabels(map[string]string{"new": "label"}) })
	key := s.keyOf(a)
	s.recount(a)
	seen, now := a.hosts[0].views[0], a.shelves[0][0]
	if now.content != changed.content || seen.shelf[0].version > seen.version || now.version <= seen.version || a.version < now.version {
		t.Errorf("the view is at %d and shows version %d; the newest is %d, in a cluster at %d", seen.version, seen.shelf[0].version, now.version, a.version)
	}
	if s.keyOf(a) != key {
		t.Error("it is another state")
	}
}
