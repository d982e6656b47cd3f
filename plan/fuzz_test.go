package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// FuzzAction: whatever can be read as an action can be printed, and is the same once written down and read again.
func FuzzAction(f *testing.F) {
	for _, test := range actions {
		data, err := json.Marshal(test.action)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, odd := range []string{`{}`, `null`, `{"action":"wait"}`, `{"action":"update","object":{},"before":null}`, `{"action":"bind","object":{"kind":"Pod"},"to":{}}`} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		action, err := plan.UnmarshalAction(data)
		if err != nil {
			return
		}
		_, _ = fmt.Sprint(action), action.Target()
		readAgain(t, action, plan.UnmarshalAction)
	})
}

// FuzzPending: whatever can be read as a ledger can be looked through and settled, and is the same once written down and read again.
func FuzzPending(f *testing.F) {
	for _, ledger := range []plan.Pending{
		{},
		{Seen: map[string]string{"Pod": "7"}, Outcomes: []plan.Outcome{created("web-0", "5"), deleted("web-1"), unanswered("web-2")}},
		{Outcomes: []plan.Outcome{updated(at("web-0", "5"), at("web-0", "6")), {Action: plan.Delete{Object: plan.RefTo(at("web-1", ""))}, Err: refused, At: issued}}},
	} {
		data, err := json.Marshal(ledger)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var pending plan.Pending
		if json.Unmarshal(data, &pending) != nil {
			return
		}
		_ = plan.Overlay([]*corev1.Pod{at("web-0", "5"), at("web-1", "x"), nil}, pending, soon)
		_ = pending.Failures()
		readAgain(t, plan.Settle(pending, soon), func(data []byte) (plan.Pending, error) {
			var again plan.Pending
			err := json.Unmarshal(data, &again)
			return again, err
		})
	})
}

// readAgain writes a value down, reads it and writes it down once more.
func readAgain[T any](t *testing.T, value T, read func([]byte) (T, error)) {
	t.Helper()
	first, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("it cannot be written down: %v", err)
	}
	again, err := read(first)
	if err != nil {
		t.Fatalf("it cannot be read again: %v\n%s", err, first)
	}
	second, err := json.Marshal(again)
	if err != nil {
		t.Fatalf("it cannot be written down again: %v", err)
	}
	if !bytes.Equal(first, second) {
		t.Fatalf("read again it is another:\n%s\n%s", first, second)
	}
}
