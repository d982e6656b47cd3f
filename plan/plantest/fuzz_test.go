package plantest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/replicaset"
)

// FuzzReplicaSet gives Plan whatever JSON can say: one object or ledger a line. Nothing makes it panic, and its plans can be printed,
// written down, read again and carried out in part.
func FuzzReplicaSet(f *testing.F) {
	for seed := range 20 {
		f.Add(asLines(plantest.ReplicaSets().Snapshots.Example(seed)))
	}
	f.Add([]byte(`{"kind":"ReplicaSet","spec":{"replicas":-1,"selector":{}}}` + "\n" + `{"kind":"Pod","metadata":null}`))
	f.Add([]byte(`{"outcomes":[{"action":{"action":"delete","object":{"kind":"Pod"}},"at":"2026-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := fromLines(text)
		planner := plantest.ReplicaSets()
		answer, err := planner.Plan(planner.Input(s))
		if err != nil {
			return
		}
		for _, action := range answer.Actions[:min(20, len(answer.Actions))] {
			data, err := json.Marshal(action)
			if err != nil {
				t.Fatalf("%s cannot be written down: %v", action, err)
			}
			if _, err := plan.UnmarshalAction(data); err != nil {
				t.Fatalf("%s cannot be read again: %v", data, err)
			}
			_ = fmt.Sprint(action)
			s.Pending.Outcomes = append(s.Pending.Outcomes, plan.Outcome{Action: action, At: s.Now})
		}
		if _, err := planner.Plan(planner.Input(s)); err != nil {
			t.Fatalf("with the writes in the ledger the same snapshot is refused: %v", err)
		}
	})
}

// asLines writes a snapshot down: the workload first.
func asLines(s plantest.Snapshot) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	_ = encoder.Encode(s.Workload)
	for _, object := range s.Objects {
		_ = encoder.Encode(object)
	}
	_ = encoder.Encode(s.Pending)
	return text.Bytes()
}

// fromLines reads what asLines wrote, or anything else, and keeps what can be kept: a nil workload if the first line is none.
func fromLines(text []byte) plantest.Snapshot {
	s := plantest.Snapshot{Now: plantest.Epoch(), Policy: replicaset.Policy{}}
	for i, line := range bytes.Split(text, []byte("\n")) {
		var rs appsv1.ReplicaSet
		var pod corev1.Pod
		switch {
		case i == 0:
			if json.Unmarshal(line, &rs) == nil {
				s.Workload = &rs
			}
		case json.Unmarshal(line, &s.Pending) == nil && len(s.Pending.Outcomes) > 0:
		case bytes.Contains(line, []byte(`"selector"`)) && json.Unmarshal(line, &rs) == nil:
			s = plantest.With(s, &rs)
		case json.Unmarshal(line, &pod) == nil:
			s = plantest.With(s, &pod)
		default:
			s = plantest.With(s, (*corev1.Pod)(nil))
		}
	}
	return s
}

// FuzzReplicaSetRules searches for snapshots that break a rule. The first byte says which one.
func FuzzReplicaSetRules(f *testing.F) {
	rules := plantest.Rules(plantest.ReplicaSets())
	fuzz := make([]func(*testing.T, []byte), len(rules))
	for i, rule := range rules {
		fuzz[i] = rapid.MakeFuzz(rule.Check)
		f.Add(append([]byte{byte(i)}, bytes.Repeat([]byte{0x5a, 0x13}, 400)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			t.Skip("no rule")
		}
		fuzz[int(data[0])%len(rules)](t, data[1:])
	})
}

// FuzzReplicaSetHistories searches for histories that a ReplicaSet does not get through.
func FuzzReplicaSetHistories(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0x11, 0x73, 0xa5}, 400))
	f.Fuzz(rapid.MakeFuzz(plantest.Histories(plantest.ReplicaSetWorld()).Check))
}
