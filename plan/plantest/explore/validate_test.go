package explore_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
)

// A slip in a scope would have nothing happen in it, and nothing be found: it is told instead.
func TestScopesThatCannotBeMeant(t *testing.T) {
	for _, test := range []struct {
		name string
		slip func(*explore.Scope)
		want string
	}{
		{"no host", func(s *explore.Scope) { s.Hosts = nil }, "scope.hosts: Required value: nobody plans"},
		{"a workload of another name", func(s *explore.Scope) { s.Workload.Name = "wep" }, `scope.workload: Not found: "ReplicaSet wep"`},
		{"a workload of another kind", func(s *explore.Scope) { s.Workload.Kind = "Deployment" }, `scope.workload: Not found: "Deployment web"`},
		{"an object twice", func(s *explore.Scope) { s.Start = append(s.Start, s.Start[0]) }, `scope.start[1]: Duplicate value: "ReplicaSet web"`},
		{"no object", func(s *explore.Scope) { s.Start = append(s.Start, nil) }, "scope.start[1]: Required value"},
		{"an object without a name", func(s *explore.Scope) { s.Start = []plan.Object{&appsv1.ReplicaSet{}} }, "scope.start[0].metadata.name: Required value"},
		{"an edit of what is not there", func(s *explore.Scope) { s.Edits[1].Name = "wep" }, `scope.edits[1]: Not found: "ReplicaSet wep"`},
		{"an edit that changes nothing", func(s *explore.Scope) { s.Edits[0].Change = nil }, "scope.edits[0].change: Required value"},
		{"a fault that is none", func(s *explore.Scope) { s.Faults = []explore.Fault{"crsh"} }, `scope.faults[0]: Unsupported value: "crsh": supported values: "crash",`},
		{"an outage of no length", func(s *explore.Scope) { s.Faults = []explore.Fault{explore.Outage} }, `scope.outage: Invalid value: "0s": must be greater than 0`},
		{"a view that is none", func(s *explore.Scope) { s.Lagging = []string{"replicaset pods"} },
			`scope.lagging[0]: Unsupported value: "replicaset pods": supported values: "replicaset replicaset", "replicaset pod"`},
		{"a budget without faults", func(s *explore.Scope) { s.Faults = nil }, "scope.budget.faults: Invalid value: 1: there are no faults"},
		{"a budget without edits", func(s *explore.Scope) { s.Edits = nil }, "scope.budget.edits: Invalid value: 2: there are no edits"},
		{"ticks without a calendar", func(s *explore.Scope) { s.Budget.Ticks = 1 }, "scope.budget.ticks: Invalid value: 1: the clock moves freely without a calendar"},
		{"a budget beyond reach", func(s *explore.Scope) { s.Budget.Lags = 128 }, "scope.budget.lags: Invalid value: 128: must be from 0 to 127"},
	} {
		t.Run(test.name, func(t *testing.T) {
			scope := replicaSet()
			test.slip(&scope)
			report, found := explore.Explore(scope)
			if found == nil || !strings.Contains(found.Problem.Error(), test.want) {
				t.Fatalf("got  %v\nwant %s", found, test.want)
			}
			if report.States != 0 {
				t.Errorf("visited all the same: %s", report)
			}
		})
	}
}

// An edit may create the workload.
func TestWorkloadThatAnEditCreates(t *testing.T) {
	scope := within(replicaSet(), explore.Budget{Edits: 1})
	web := scope.Start[0]
	scope.Start = nil
	scope.Edits = []explore.Edit{{Command: "kubectl create -f web.yaml", Kind: "ReplicaSet", Name: "web", Change: func(obj plan.Object) plan.Object {
		if obj != nil {
			return obj
		}
		return web.DeepCopyObject().(plan.Object)
	}}}
	if report := explore.Check(t, scope); report.Resting == 0 {
		t.Errorf("%s: nothing comes of it", report)
	}
}
