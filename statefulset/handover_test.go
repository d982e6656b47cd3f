package statefulset_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

// scaledBack is a set of two, with an edited template, that was to have one pod for a while: the claim of web-1 still goes with its pod.
func scaledBack(edits ...func(*appsv1.StatefulSet)) *cluster {
	c := of(2, append(edits, claims("data"), retention(retain, remove))...).runs("app:2")
	c.record(2, "app:2")
	return c.pod(0).pod(1).claim("data", 0).claim("data", 1, ownedBy("Pod", "web-1", "uid-web-1", true))
}

const handedOver = "update PersistentVolumeClaim data-web-1: metadata.ownerReferences"

// A pod in range never takes its claims along: what would do so is undone before the pod goes, in a plan of its own.
func TestClaimsAreHandedOverFirst(t *testing.T) {
	refused := func(c *cluster) *cluster {
		update := c.mustUpdate(t, "data-web-1")
		c.Pending.Outcomes = []plan.Outcome{{Action: update, Err: &metav1.Status{Reason: metav1.StatusReasonConflict, Message: "modified"}, At: now}}
		return c
	}
	gated := statefulset.Policy{MaxUnavailable: true}
	tests := []struct {
		name   string
		c      *cluster
		policy statefulset.Policy
	}{
		{"update", scaledBack(), statefulset.Policy{}},
		{"update under Parallel", scaledBack(parallel), statefulset.Policy{}},
		{"update within maxUnavailable", scaledBack(), gated},
		{"the change of the claim was refused last", refused(scaledBack()), statefulset.Policy{}},
		{"a blocked pod", func() *cluster { c := scaledBack(); unready(c.Pods[1]); return c }(), statefulset.Policy{Unblock: true}},
		{"a blocked pod that is pending", func() *cluster { c := scaledBack(); pending(c.Pods[1]); return c }(), statefulset.Policy{Unblock: true}},
		{"a pod that is finished", func() *cluster { c := scaledBack(); failed(c.Pods[1]); return c }(), statefulset.Policy{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			expect(t, "steps", steps(test.c.plan(t, test.policy)), handedOver)
			test.c.Claims[1].OwnerReferences, test.c.Pending = nil, plan.Pending{}
			if then := steps(test.c.plan(t, test.policy)); len(then) != 1 || then[0][:len("delete Pod web-1")] != "delete Pod web-1" {
				t.Errorf("then %q", then)
			}
		})
	}
}

// Whoever goes first, if nobody answered what became of the claim, the data may go with the pod, or stay behind one that is gone for good.
func TestNoPodGoesOnAnUnansweredHandOver(t *testing.T) {
	inRange := scaledBack()
	surplus := of(1, claims("data"), retention(retain, remove)).pod(0).pod(1).claim("data", 0).claim("data", 1)
	for name, c := range map[string]*cluster{"in range": inRange, "surplus": surplus} {
		t.Run(name, func(t *testing.T) {
			c.Pending.Outcomes = []plan.Outcome{{Action: c.mustUpdate(t, "data-web-1"), At: now.Add(-time.Minute)}}
			result := c.plan(t, statefulset.Policy{})
			expect(t, "steps", steps(result))
			expect(t, "waits", waits(result), "wait for Answer of PersistentVolumeClaim data-web-1 until 2026-01-02T03:08:05Z: a change of claim data-web-1 was not answered: pod web-1 stays")
			c.Now = now.Add(4 * time.Minute)
			expect(t, "steps once it is given up", steps(c.plan(t, statefulset.Policy{})), handedOver)
		})
	}
}

// mustUpdate is the planned update of an object.
func (c *cluster) mustUpdate(t *testing.T, name string) plan.Update {
	t.Helper()
	for _, a := range c.plan(t, statefulset.Policy{}).Actions {
		if update, ok := a.(plan.Update); ok && update.After.GetName() == name {
			return update
		}
	}
	t.Fatalf("%s is not updated", name)
	return plan.Update{}
}
