package plantest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// wellFormed checks what hosts rely on without knowing the kind.
func (s Subject[I]) wellFormed(t *rapid.T) {
	at := s.any(t)
	answer := s.mustPlan(t, at)
	if err := wellFormed(at, answer); err != nil {
		t.Fatalf("%v, in the plan\n%s", err, answer)
	}
}

func wellFormed(at Snapshot, answer Answer) error {
	waiting := false
	statuses := map[types.UID]bool{}
	for i, a := range answer.Actions {
		if a == nil {
			return fmt.Errorf("action %d is nil", i+1)
		}
		if _, waits := a.(plan.Wait); waiting && !waits {
			return fmt.Errorf("action %d stands behind a wait", i+1)
		}
		switch a := a.(type) {
		case plan.Create:
			if a.Object.GetUID() != "" || a.Object.GetResourceVersion() != "" {
				return fmt.Errorf("what action %d creates bears a uid or a resourceVersion", i+1)
			}
			if a.Object.GetName() == "" && a.Object.GetGenerateName() == "" {
				return fmt.Errorf("what action %d creates has no name", i+1)
			}
		case plan.Update:
			if err := changes(a.Before, a.After); err != nil {
				return fmt.Errorf("action %d %w", i+1, err)
			}
		case plan.UpdateStatus:
			if err := changes(a.Before, a.After); err != nil {
				return fmt.Errorf("action %d %w", i+1, err)
			}
			if statuses[a.After.GetUID()] {
				return fmt.Errorf("action %d writes a status for the second time", i+1)
			}
			if statuses[a.After.GetUID()] = true; at.isWorkload(a.Target()) && i > 0 {
				return fmt.Errorf("action %d writes the status, which comes first", i+1)
			}
		case plan.Delete:
			if slot := at.slot(a.Object); a.Object.UID == "" && (slot == nil || (*slot).GetUID() != "") {
				return fmt.Errorf("action %d deletes whatever bears a name", i+1)
			}
		case plan.Wait:
			waiting = true
			if err := explains(a, answer.Wake); err != nil {
				return fmt.Errorf("action %d %w", i+1, err)
			}
		}
	}
	for _, e := range answer.Events {
		if e.Type == "" || e.Reason == "" || e.Message == "" {
			return fmt.Errorf("the event %+v is not complete", e)
		}
	}
	return nil
}

func changes(before, after plan.Object) error {
	switch {
	case before == nil || after == nil:
		return errors.New("lacks the object before or after")
	case before.GetUID() != after.GetUID() || before.GetName() != after.GetName() || before.GetNamespace() != after.GetNamespace():
		return errors.New("makes one object another")
	case before.GetResourceVersion() != after.GetResourceVersion():
		return errors.New("invents a resourceVersion")
	case same(before, after):
		return errors.New("changes nothing")
	}
	return nil
}

func explains(w plan.Wait, wake time.Time) error {
	switch {
	case !slices.Contains(blockers(), w.For):
		return fmt.Errorf("waits for %q, which no host knows", w.For)
	case w.Reason == "":
		return errors.New("waits without a reason")
	case !w.Until.IsZero() && (wake.IsZero() || wake.After(w.Until)):
		return fmt.Errorf("waits until %s, and the wake-up is at %s", w.Until, wake)
	}
	return nil
}

func blockers() []plan.Blocker {
	return []plan.Blocker{
		plan.WaitAnswer, plan.WaitPodScheduled, plan.WaitPodReady, plan.WaitPodAvailable, plan.WaitPodFinished, plan.WaitPodGone,
		plan.WaitClaimBound, plan.WaitClaimGone, plan.WaitReplicas, plan.WaitJobFinished, plan.WaitBackoff, plan.WaitSchedule,
		plan.WaitExpiry, plan.WaitPerson, plan.WaitDeletion, plan.WaitNamespace,
	}
}

// quiet are instants after now at which nothing is due: anywhere before the wake-up, the last nanosecond included; without one, at
// any time at all.
func quiet(t *rapid.T, now, wake time.Time) []time.Time {
	if wake.IsZero() {
		return []time.Time{now.Add(1), now.Add(time.Second), now.Add(time.Minute), now.Add(time.Hour), now.AddDate(1, 0, 0)}
	}
	left := wake.Sub(now)
	if left <= 1 {
		return nil
	}
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "instants"), 0))
	instants := []time.Time{wake.Add(-1)}
	for range 3 {
		instants = append(instants, now.Add(time.Duration(1+random.Int64N(int64(left-1)))))
	}
	return instants
}

// survivesJSON checks what a host may write down: actions to be shown or carried out later, and what it has to remember over
// a restart.
func (s Subject[I]) survivesJSON(t *rapid.T) {
	at := s.any(t)
	answer := s.mustPlan(t, at)
	for i, a := range answer.Actions {
		first, err := json.Marshal(a)
		if err != nil {
			t.Fatalf("action %d has no JSON form: %v", i+1, err)
		}
		back, err := plan.UnmarshalAction(first)
		if err != nil {
			t.Fatalf("action %d cannot be read back: %v\n%s", i+1, err, first)
		}
		if second := compact(back); ordered(t, second) != ordered(t, string(first)) {
			t.Fatalf("action %d comes back as another:\n%s\nand\n%s", i+1, first, second)
		}
		if back.String() != a.String() || back.Target() != a.Target() {
			t.Fatalf("action %d, %q, comes back as %q", i+1, a, back)
		}
	}
	if !isBuiltIn(at.Workload) {
		return // the ledger reads back what is of a kind of your own as unstructured: that part of it is lost
	}
	restarted := at
	restarted.Pending = fromJSON(t, at.Pending)
	if at.Memory != nil {
		restarted.Memory = fromJSON(t, at.Memory)
	}
	if again := s.mustPlan(t, restarted); again.json() != answer.json() {
		t.Fatalf("with a ledger that was written down and read again the plan is\n%s\nand was\n%s\n%#v", again, answer, at)
	}
}

// isBuiltIn reports whether the object's JSON form comes back as its Go type.
func isBuiltIn(obj plan.Object) bool {
	kind := plan.KindOf(obj)
	back, err := plan.Decode([]byte(compact(metav1.TypeMeta{APIVersion: kind.APIVersion, Kind: kind.Kind})))
	return err == nil && reflect.TypeOf(back) == reflect.TypeOf(obj)
}

// ordered puts the fields of JSON in order: an object whose Go type the reader does not have comes back with its fields sorted.
func ordered(t *rapid.T, text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return compact(v)
}

func fromJSON[V any](t *rapid.T, v V) V {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%T has no JSON form: %v", v, err)
	}
	back := reflect.New(reflect.TypeOf(v))
	if err := json.Unmarshal(data, back.Interface()); err != nil {
		t.Fatalf("%T cannot be read back: %v\n%s", v, err, data)
	}
	return back.Elem().Interface().(V)
}
