package conformance

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// TestDaemonSetRowsExcuseNoMore gives the judge planners that are wrong where a row explains a difference as well: the row must not
// excuse what comes with it.
func TestDaemonSetRowsExcuseNoMore(t *testing.T) {
	twoFailed := func(ds *appsv1.DaemonSet, others ...plan.Object) *Snapshot {
		return agentSnapshot(ds, append(others, newNode(0), newNode(1), newNode(2), daemonRevision(ds, "app:1", 2),
			failedDaemonPod(0, "node-1"), failedDaemonPod(1, "node-1"))...)
	}
	onDelete := newDaemonSet()
	onDelete.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	surge := newDaemonSet()
	surge.Spec.UpdateStrategy.RollingUpdate = surging(1)
	younger := daemonPod(3, "node-2")
	younger.CreationTimestamp.Time = younger.CreationTimestamp.Add(time.Minute)
	for _, test := range []struct {
		name     string
		snapshot *Snapshot
		deletes  []string // beside what the planner does
	}{
		{"the pod that runs goes with two that have failed", twoFailed(newDaemonSet(), daemonPod(2, "node-1")), []string{"pod-2"}},
		{"a pod goes beside two that have failed elsewhere", twoFailed(newDaemonSet(), daemonPod(2, "node-2")), []string{"pod-2"}},
		{"an old pod of an OnDelete goes", twoFailed(onDelete, oldDaemonPod(2, "node-2")), []string{"pod-2"}},
		{"more old pods go than may", twoFailed(newDaemonSet(), oldDaemonPod(2, "node-2"), oldDaemonPod(3, "node-3")), []string{"pod-2", "pod-3"}},
		{"the older of two pods goes", twoFailed(newDaemonSet(), daemonPod(2, "node-2"), younger), []string{"pod-2"}},
		{"the only new pod goes beside an old one", twoFailed(surge, daemonPod(2, "node-2"), oldDaemonPod(3, "node-2")), []string{"pod-2"}},
		{"a pod goes while the revision of the template does", agentSnapshot(newDaemonSet(), newNode(0), goingRevision(newDaemonSet(), "app:1", 1), daemonPod(0, "node-1")), []string{"pod-0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, broken := range []bool{false, true} {
				kind := DaemonSet()
				if broken {
					kind.Ours = alsoDeleting(kind.Ours, test.deletes)
				}
				found := difference(t, kind, test.snapshot)
				if isExcused := found == nil || excuses(kind, found); isExcused == broken {
					t.Errorf("broken: %t, excused: %t: %v", broken, isExcused, found)
				}
			}
		})
	}
}

func excuses(kind Kind, c *Case) bool {
	for _, d := range kind.Deviations {
		if d.Explains != nil && d.Explains(c) {
			return true
		}
	}
	return false
}

// alsoDeleting makes planners whose first plan deletes some pods more.
func alsoDeleting(ours func() Planner, names []string) func() Planner {
	return func() Planner {
		planner, first := ours(), true
		return func(view *View) (plan.Result, error) {
			result, err := planner(view)
			for _, name := range names {
				if first {
					result.Actions = append(result.Actions, plan.Delete{Object: plan.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: name}})
				}
			}
			first = false
			return result, err
		}
	}
}
