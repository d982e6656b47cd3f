package explore_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan/plantest"
	"github.com/kubeplan/kubeplan/plan/plantest/explore"
)

// The rules of every planner hold from all states that a history leads to, those in the middle of a rollout among them, where
// snapshots drawn at random rarely are.
func TestRulesFromReachedStates(t *testing.T) {
	if testing.Short() {
		t.Skip("the rules are the same under the race detector, and take long")
	}
	checkRules(t, replicaSet(), plantest.ReplicaSets())
	checkRules(t, deployment(), plantest.Deployments())
	checkRules(t, daemonSet(), plantest.DaemonSets())
	checkRules(t, statefulSet(), plantest.StatefulSets())
	checkRules(t, jobScope(), plantest.Jobs())
	checkRules(t, cronJob(), plantest.CronJobs())
}

func checkRules[I any](t *testing.T, scope explore.Scope, subject plantest.Subject[I]) {
	var reached []plantest.Snapshot
	scope.Always = func(s plantest.Snapshot) error { // it is asked about every cluster
		reached = append(reached, s)
		return nil
	}
	scope.Step, scope.Goal, scope.Budget.Lags = nil, nil, 0
	explore.Explore(scope)
	subject.Snapshots = rapid.SampledFrom(reached)
	t.Run(scope.Name, func(t *testing.T) { plantest.CheckRules(t, subject) })
}
