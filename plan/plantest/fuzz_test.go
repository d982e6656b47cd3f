package plantest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/replicaset"
	"github.com/kubeplan/kubeplan/rollout"
	"github.com/kubeplan/kubeplan/statefulset"
)

// These give a planner whatever JSON can say.

func FuzzReplicaSet(f *testing.F) {
	fuzzInput[appsv1.ReplicaSet](f, plantest.ReplicaSets(), replicaset.Policy{})
}

func FuzzDeployment(f *testing.F) {
	fuzzInput[appsv1.Deployment](f, plantest.Deployments(), rollout.Policy{})
}

func FuzzStatefulSet(f *testing.F) {
	fuzzInput[appsv1.StatefulSet](f, plantest.StatefulSets(), statefulset.Policy{})
}

func FuzzDaemonSet(f *testing.F) {
	fuzzInput[appsv1.DaemonSet](f, plantest.DaemonSets(), daemonset.Policy{})
}

func FuzzJob(f *testing.F) { fuzzInput[batchv1.Job](f, plantest.Jobs(), job.Policy{}) }

func FuzzCronJob(f *testing.F) { fuzzInput[batchv1.CronJob](f, plantest.CronJobs(), cronjob.Policy{}) }

// These search for snapshots that break a rule.

func FuzzReplicaSetRules(f *testing.F)  { fuzzRules(f, plantest.ReplicaSets()) }
func FuzzDeploymentRules(f *testing.F)  { fuzzRules(f, plantest.Deployments()) }
func FuzzStatefulSetRules(f *testing.F) { fuzzRules(f, plantest.StatefulSets()) }
func FuzzDaemonSetRules(f *testing.F)   { fuzzRules(f, plantest.DaemonSets()) }
func FuzzJobRules(f *testing.F)         { fuzzRules(f, plantest.Jobs()) }

// These search for histories that a workload does not get through.

func FuzzReplicaSetHistories(f *testing.F)  { fuzzHistories(f, plantest.ReplicaSetWorld()) }
func FuzzDeploymentHistories(f *testing.F)  { fuzzHistories(f, plantest.DeploymentWorld()) }
func FuzzStatefulSetHistories(f *testing.F) { fuzzHistories(f, plantest.StatefulSetWorld()) }
func FuzzDaemonSetHistories(f *testing.F)   { fuzzHistories(f, plantest.DaemonSetWorld()) }
func FuzzJobHistories(f *testing.F)         { fuzzHistories(f, plantest.JobWorld()) }

// fuzzInput has a planner plan what stands in lines of text: the workload, and behind it a kind and an object in each. Nothing makes
// it panic, and its plans can be printed, written down, read again and carried out in part.
func fuzzInput[W any, I any, P interface {
	*W
	plan.Object
}](f *testing.F, planner plantest.Subject[I], policy any) {
	for seed := range 10 {
		f.Add(asLines(planner.Snapshots.Example(seed)))
	}
	f.Add([]byte("{\"spec\":{\"replicas\":-1,\"selector\":{}}}\nPod null\nPod {\"metadata\":null}\nNode {}\nJob {}"))
	f.Add([]byte("{}\nPending {\"outcomes\":[{\"action\":{\"action\":\"delete\",\"object\":{\"kind\":\"Pod\"}},\"at\":\"2026-01-01T00:00:00Z\"}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, others, _ := bytes.Cut(text, []byte("\n"))
		s := plantest.Snapshot{Now: plantest.Epoch(), Policy: policy}
		if workload := new(W); json.Unmarshal(first, workload) == nil {
			s.Workload = P(workload)
		}
		s = readLines(s, others)
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
		text.WriteString(reflect.TypeOf(object).Elem().Name() + " ")
		_ = encoder.Encode(object)
	}
	text.WriteString("Pending ")
	_ = encoder.Encode(s.Pending)
	return text.Bytes()
}

// readLines reads what asLines wrote behind the workload, or anything else, and keeps what can be kept.
func readLines(s plantest.Snapshot, text []byte) plantest.Snapshot {
	readers := map[string]func(plantest.Snapshot, []byte) plantest.Snapshot{
		"Pod":                   readObject[*corev1.Pod],
		"Node":                  readObject[*corev1.Node],
		"PersistentVolumeClaim": readObject[*corev1.PersistentVolumeClaim],
		"PersistentVolume":      readObject[*corev1.PersistentVolume],
		"ControllerRevision":    readObject[*appsv1.ControllerRevision],
		"ReplicaSet":            readObject[*appsv1.ReplicaSet],
		"Job":                   readObject[*batchv1.Job],
		"Pending": func(s plantest.Snapshot, data []byte) plantest.Snapshot {
			_ = json.Unmarshal(data, &s.Pending) // what is no ledger leaves it as it is
			return s
		},
	}
	for line := range bytes.Lines(text) {
		kind, data, _ := bytes.Cut(line, []byte(" "))
		if read := readers[string(kind)]; read != nil {
			s = read(s, data)
		}
	}
	return s
}

// readObject adds the object, nil if there is none to be read.
func readObject[T plan.Object](s plantest.Snapshot, data []byte) plantest.Snapshot {
	var object, none T
	if json.Unmarshal(data, &object) != nil {
		object = none
	}
	return plantest.With(s, object)
}

// fuzzRules has the first byte say which rule it is.
func fuzzRules[I any](f *testing.F, subject plantest.Subject[I]) {
	rules := plantest.Rules(subject)
	fuzz := make([]func(*testing.T, []byte), len(rules))
	for i, rule := range rules {
		fuzz[i] = rapid.MakeFuzz(rule.Check)
		f.Add(append([]byte{byte(i)}, drawn(uint64(i), 1<<13)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			t.Skip("no rule")
		}
		fuzz[int(data[0])%len(rules)](t, data[1:])
	})
}

func fuzzHistories(f *testing.F, worlds ...plantest.World) {
	for seed := range uint64(3) {
		f.Add(drawn(seed, 1<<15))
	}
	f.Fuzz(rapid.MakeFuzz(plantest.Histories(worlds...).Check))
}

// drawn are bytes enough for a whole snapshot or history.
func drawn(seed uint64, length int) []byte {
	chance := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, length)
	for i := range data {
		data[i] = byte(chance.Uint32())
	}
	return data
}
