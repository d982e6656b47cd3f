package sim

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

var web = plan.Ref{APIVersion: "apps/v1", Kind: "ReplicaSet", Namespace: "default", Name: "web"}

// start gives a cluster with a host for ReplicaSets, in which something goes wrong before the first write.
func start(t *testing.T, host Host, fault func(*Cluster)) *Cluster {
	t.Helper()
	c := New(Options{Seed: 1, Nodes: 2})
	c.AddHost(host)
	fault(c)
	create(t, c, webSet(3))
	return c
}

func TestRefuse(t *testing.T) {
	c := start(t, ReplicaSets(replicaset.Policy{}), func(c *Cluster) {
		c.Refuse(Match{Host: "replicaset", Verb: "create", Kind: "Pod"}, 5, nil)
	})
	c.Advance(6 * time.Millisecond)
	rs := get[*appsv1.ReplicaSet](t, c, "web")
	if len(rs.Status.Conditions) != 1 || !strings.Contains(rs.Status.Conditions[0].Message, "exceeded quota") {
		t.Errorf("conditions %v", rs.Status.Conditions)
	}
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("pods %v", got)
	}
	quiet(t, c)
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); rs.Status.ReadyReplicas != 3 || len(rs.Status.Conditions) != 0 {
		t.Errorf("status at rest %v", rs.Status)
	}
}

func TestRefuseWithStatusForever(t *testing.T) {
	status := apierrors.NewInternalError(outOfInk{}).Status()
	c := start(t, ReplicaSets(replicaset.Policy{}), func(c *Cluster) { c.Refuse(Match{Verb: "create"}, Forever, &status) })
	if c.RunUntilQuiet(time.Hour) {
		t.Error("quiet, although it must go on trying")
	}
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); !strings.Contains(rs.Status.Conditions[0].Message, "out of ink") {
		t.Errorf("conditions %v", rs.Status.Conditions)
	}
	if _, err := c.Create(podNamed("by-hand")); err != nil {
		t.Errorf("a user is refused as well: %v", err)
	}
	c.ClearFaults()
	quiet(t, c)
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); rs.Status.ReadyReplicas != 3 {
		t.Errorf("status at rest %v", rs.Status)
	}
}

type outOfInk struct{}

func (outOfInk) Error() string { return "out of ink" }

func TestMatch(t *testing.T) {
	action := plan.Delete{Object: plan.Ref{Kind: "Pod", Name: "a"}}
	for _, test := range []struct {
		match Match
		want  bool
	}{
		{Match{}, true},
		{Match{Host: "h", Verb: "delete", Kind: "Pod", Name: "a"}, true},
		{Match{Host: "other"}, false},
		{Match{Verb: "create"}, false},
		{Match{Kind: "Node"}, false},
		{Match{Name: "b"}, false},
	} {
		if got := test.match.matches("h", action); got != test.want {
			t.Errorf("%+v: %t", test.match, got)
		}
	}
}

func TestConflict(t *testing.T) {
	c := start(t, ReplicaSets(replicaset.Policy{}), func(c *Cluster) { c.Conflict(Match{Verb: "update-status"}, 1) })
	c.Advance(0)
	failures := c.Pending("replicaset", web).Failures()
	if len(failures) != 1 || failures[0].Err.Reason != metav1.StatusReasonConflict {
		t.Errorf("failures %v", failures)
	}
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("it went on after a conflict: pods %v", got)
	}
	quiet(t, c)
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); rs.Status.ReadyReplicas != 3 {
		t.Errorf("status at rest %v", rs.Status)
	}
}

func TestLoseAnswer(t *testing.T) {
	for _, test := range []struct {
		name                 string
		happens, serverNames bool
		atOnce               int // pods that are there before the answer is given up
	}{
		{"it happened, and its name tells", true, false, 3},
		{"it happened, and nobody knows its name", true, true, 2},
		{"it did not happen", false, false, 2},
		{"it did not happen, and the server was to name it", false, true, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := ReplicaSets(replicaset.Policy{})
			host.ServerNames = test.serverNames
			c := start(t, host, func(c *Cluster) { c.LoseAnswer(Match{Verb: "create", Kind: "Pod"}, 1, test.happens) })
			most := 0
			c.OnWrite(func(Write) { most = max(most, len(List[*corev1.Pod](c, ""))) })
			c.Advance(time.Minute)
			if got := names(c, "Pod"); len(got) != test.atOnce {
				t.Errorf("after a minute: %v", got)
			}
			quiet(t, c)
			if got := names(c, "Pod"); len(got) != 3 || most != 3 {
				t.Errorf("at rest: %v, at the most %d", got, most)
			}
		})
	}
}

func TestLag(t *testing.T) {
	var shown []int
	spy := ReplicaSets(replicaset.Policy{})
	planner := spy.Plan
	spy.Plan = func(workload plan.Object, seen Seen) (Planned, error) {
		shown = append(shown, len(Read[*corev1.Pod](seen)))
		return planner(workload, seen)
	}
	c := start(t, spy, func(c *Cluster) { c.Lag("replicaset", "Pod", 1000) })
	quiet(t, c)
	if got := names(c, "Pod"); len(got) != 3 {
		t.Fatalf("a host that sees no pod made %v", got)
	}
	if last := shown[len(shown)-1]; last != 0 {
		t.Errorf("it saw %d pods", last)
	}
	if seen := c.Pending("replicaset", web).Seen; seen["Pod"] != "3" || seen["ReplicaSet"] == "3" {
		t.Errorf("its views are at %v", seen)
	}
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); rs.Status.ReadyReplicas != 0 {
		t.Errorf("status %v", rs.Status)
	}

	writes := len(c.store.shelf("Pod").log)
	c.Lag("replicaset", "Pod", writes-2) // the first two creates
	c.Advance(0)
	if last := shown[len(shown)-1]; last != 2 {
		t.Errorf("with two writes seen, it saw %d pods", last)
	}
	c.Lag("replicaset", "Pod", writes) // does not turn back
	c.Lag("replicaset", "", 0)
	quiet(t, c)
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); rs.Status.ReadyReplicas != 3 || len(names(c, "Pod")) != 3 {
		t.Errorf("at rest: %v", rs.Status)
	}
}

func TestViewNeverGoesBack(t *testing.T) {
	c := New(Options{})
	v := c.newView("Pod")
	for _, name := range []string{"a", "b", "c"} {
		create(t, c, podNamed(name))
	}
	v.lag = 1
	if seen := c.catchUp(v, "Pod"); len(seen) != 2 || len(v.collection) != 2 || v.resourceVersion() != "3" {
		t.Fatalf("with lag 1: %d writes, version %s", len(seen), v.resourceVersion())
	}
	v.lag = 3
	if seen := c.catchUp(v, "Pod"); len(seen) != 0 || len(v.collection) != 2 {
		t.Errorf("with lag 3 it shows %d", len(v.collection))
	}
	remove(t, c, podNamed("a"))
	v.lag = 0
	c.catchUp(v, "Pod")
	if v.get("default", "a") != nil || v.get("default", "c") == nil {
		t.Errorf("at last it shows %v", v.collection)
	}
}

func TestCrash(t *testing.T) {
	for _, test := range []struct {
		name string
		keep bool
	}{{"keeps its ledger", true}, {"loses its ledger", false}} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, ReplicaSets(replicaset.Policy{}), func(c *Cluster) {
				// The status and the first pod.
				c.Crash(Crash{Host: "replicaset", After: 2, KeepPending: test.keep, Down: time.Minute})
				c.Lag("replicaset", "Pod", 1000)
			})
			most := 0
			c.OnWrite(func(Write) { most = max(most, len(List[*corev1.Pod](c, ""))) })
			c.Advance(30 * time.Second)
			if got := names(c, "Pod"); len(got) != 1 {
				t.Fatalf("after two actions: pods %v", got)
			}
			edit(t, c, "web", func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = 4 })
			c.Advance(29 * time.Second)
			if kept := len(c.Pending("replicaset", web).Outcomes); kept != 2 {
				t.Errorf("%d outcomes in the ledger of the fallen", kept)
			}
			if len(names(c, "Pod")) != 1 {
				t.Error("it works while it is down")
			}
			c.Advance(time.Second)
			if goesOn := c.Pending("replicaset", web).Seen["Pod"] == "3"; goesOn != test.keep {
				t.Errorf("its view goes on from where it was: %t", goesOn)
			}
			quiet(t, c)
			c.Lag("replicaset", "", 0)
			quiet(t, c)
			if len(names(c, "Pod")) != 4 || most != 4 {
				t.Errorf("at rest: %v, at the most %d", names(c, "Pod"), most)
			}
		})
	}
}

func TestCrashAtOnce(t *testing.T) {
	c := withWeb(t, 1)
	edit(t, c, "web", func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = 2 })
	c.Crash(Crash{Host: "replicaset", Down: time.Hour})
	c.Advance(time.Minute)
	if got := names(c, "Pod"); len(got) != 1 {
		t.Errorf("pods %v", got)
	}
}

func TestChaosIsClearedForGood(t *testing.T) {
	c := start(t, ReplicaSets(replicaset.Policy{}), func(c *Cluster) {
		c.SetChaos(Chaos{Refuse: 1, Lag: 5})
	})
	c.Advance(time.Minute)
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("pods %v", got)
	}
	c.SetChaos(Chaos{})
	quiet(t, c)
	if rs := get[*appsv1.ReplicaSet](t, c, "web"); rs.Status.ReadyReplicas != 3 {
		t.Errorf("at rest: %v", rs.Status)
	}
}

func TestUnknownHostIsAMistake(t *testing.T) {
	defer func() {
		if said := recover(); said != `sim: there is no host "frog"` {
			t.Errorf("panic: %v", said)
		}
	}()
	New(Options{}).Lag("frog", "", 1)
}
