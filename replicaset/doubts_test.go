package replicaset_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// A deletion without an answer may not have happened. Nothing takes the pod's place until the view shows that it goes; if it still shows
// nothing when the wait is over, the pod counts again.
func TestDeletionWithoutAnAnswer(t *testing.T) {
	issued := plan.Outcome{Action: plan.Delete{Object: plan.RefTo(pod("b"))}, At: now}
	going := pod("b", deleting)
	tests := []struct {
		name   string
		now    time.Time
		pods   []*corev1.Pod
		writes int
		wake   time.Time
	}{
		{"the view shows nothing of it", now, pods(pod("a"), pod("b")), 0, now.Add(plan.Expiry)},
		{"the view still shows nothing of it a moment before it is given up", now.Add(plan.Expiry - 1), pods(pod("a"), pod("b")), 0, now.Add(plan.Expiry)},
		{"it is given up: the pod is there", now.Add(plan.Expiry), pods(pod("a"), pod("b")), 0, time.Time{}},
		{"the view shows it", now, pods(pod("a"), going), 1, time.Time{}},
		{"the view shows that it is done", now, pods(pod("a")), 1, time.Time{}},
		{"the pod has failed meanwhile", now, pods(pod("a"), pod("b", phase(corev1.PodFailed))), 1, now.Add(plan.Expiry)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			observed := replicaset.Observed{Now: test.now, Pods: test.pods, Pending: plan.Pending{Outcomes: []plan.Outcome{issued}}}
			result := mustPlan(t, web(2), observed, replicaset.Policy{})
			creates := 0
			for _, a := range result.Actions {
				if _, ok := a.(plan.Create); ok {
					creates++
				}
			}
			if creates != test.writes || !result.Wake.Equal(test.wake) {
				t.Errorf("%d pods are created, want %d; wake at %v, want %v\n%s", creates, test.writes, result.Wake, test.wake, lines(result.Actions))
			}
		})
	}
}

// A status write without an answer counts as done until it is given up, and then it is made again.
func TestStatusWriteWithoutAnAnswer(t *testing.T) {
	rs := web(0)
	observed := replicaset.Observed{Now: now}
	first := mustPlan(t, rs, observed, replicaset.Policy{})
	observed.Pending.Outcomes = []plan.Outcome{{Action: first.Actions[0], At: now}}

	assumed := mustPlan(t, rs, observed, replicaset.Policy{})
	if !assumed.Empty() || !assumed.Wake.Equal(now.Add(plan.Expiry)) {
		t.Errorf("wake at %v, want %v, and nothing to do before\n%s", assumed.Wake, now.Add(plan.Expiry), lines(assumed.Actions))
	}
	observed.Now = assumed.Wake
	if again := mustPlan(t, rs, observed, replicaset.Policy{}); again.Empty() {
		t.Errorf("the status is not written again\n%s", lines(again.Actions))
	}
}
