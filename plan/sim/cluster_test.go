package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/kubeplan/kubeplan/replicaset"
)

// The same seed gives the same history, byte for byte; another seed another one.
func TestHistoryIsDeterministic(t *testing.T) {
	history := func(seed uint64) string {
		c := New(Options{Seed: seed, Nodes: 3})
		c.AddHost(ReplicaSets(replicaset.Policy{}))
		c.SetChaos(Chaos{Refuse: 0.1, Conflict: 0.1, Lose: 0.1, Crash: 0.1, Lag: 5})
		c.SetImage("flaky", Behaviour{Run: 3 * time.Second, ExitCodes: []int32{1, 0, 2}})
		create(t, c, class("disks", storagev1.VolumeBindingWaitForFirstConsumer, true))
		for _, name := range []string{"a", "b", "c"} {
			rs := webSet(5)
			rs.Name = name
			rs.Spec.Selector.MatchLabels = map[string]string{"app": name}
			rs.Spec.Template.Labels = rs.Spec.Selector.MatchLabels
			create(t, c, rs)
			create(t, c, claimOf(name, 1))
			create(t, c, mounting("mounts-"+name, name))
		}
		flaky := podNamed("flaky")
		flaky.Spec.Containers[0].Image = "flaky"
		create(t, c, flaky)
		c.Advance(5 * time.Second)
		if err := c.RemoveNode("node2"); err != nil {
			t.Fatal(err)
		}
		c.Advance(2 * time.Minute)
		remove(t, c, get[*appsv1.ReplicaSet](t, c, "b"))
		c.ClearFaults()
		c.Advance(time.Hour)
		return c.Log()
	}
	first := history(7)
	if second := history(7); second != first {
		a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("the histories part at line %d:\n%s\n%s", i, a[i], b[min(i, len(b)-1)])
			}
		}
	}
	if history(8) == first {
		t.Error("the seed makes no difference")
	}
	if lines := strings.Count(first, "\n"); lines < 300 {
		t.Errorf("a history of %d lines shows little", lines)
	}
}

func TestLogLines(t *testing.T) {
	c := withWeb(t, 1)
	edit(t, c, "web", func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = 0 })
	quiet(t, c)
	pod := c.store.shelf("Pod").log[0].Object().GetName()
	log := c.Log()
	for _, line := range []string{
		"2026-01-01T00:00:00.000Z 4 user: create ReplicaSet default/web\n",
		"Z 6 replicaset: create Pod default/" + pod + "\n",
		"Z 7 replicaset: event about ReplicaSet default/web: Normal SuccessfulCreate (x1): Created pod: " + pod + "\n",
		": bind Pod default/" + pod + ": spec.nodeName none -> node1, status.conditions\n",
		" user: update ReplicaSet default/web: metadata.generation 1 -> 2, spec.replicas 1 -> 0\n",
		" kubelet: delete Pod default/" + pod + "\n",
	} {
		if !strings.Contains(log, line) {
			t.Errorf("no line %q in\n%s", line, log)
		}
	}
}

func TestTimeStandsWhereItShould(t *testing.T) {
	c := New(Options{Nodes: 1})
	start := c.Now()
	since := func() time.Duration { return c.Now().Sub(start) }
	c.Advance(time.Minute)
	if since() != time.Minute {
		t.Errorf("after Advance: %s", since())
	}
	create(t, c, podNamed("a"))
	if !c.RunUntilQuiet(time.Hour) || since() != time.Minute+scheduleDelay+time.Second {
		t.Errorf("after RunUntilQuiet: %s", since())
	}
	create(t, c, podNamed("b"))
	runs := func() bool { return get[*corev1.Pod](t, c, "b").Status.Phase == corev1.PodRunning }
	if !c.RunUntil(time.Hour, runs) || since() != time.Minute+2*(scheduleDelay+time.Second) {
		t.Errorf("after RunUntil: %s", since())
	}
	if c.RunUntil(time.Hour, func() bool { return false }) || since() != time.Hour+time.Minute+2*(scheduleDelay+time.Second) {
		t.Errorf("after RunUntil in vain: %s", since())
	}
	c.SetImage("nginx", Behaviour{Run: time.Second})
	create(t, c, podNamed("c"))
	at := c.Now()
	if c.RunUntilQuiet(time.Hour) || c.Now().Sub(at) != time.Hour {
		t.Errorf("with a pod that crashes for ever: %s", c.Now().Sub(at))
	}
}

func TestOnWriteIsCalledAtEveryWrite(t *testing.T) {
	c := New(Options{Nodes: 1})
	var calls []string
	c.OnWrite(func(w Write) {
		calls = append(calls, w.Verb)
		if got, err := c.Get(w.Kind(), w.Object().GetNamespace(), w.Object().GetName()); w.After != nil &&
			(err != nil || got.GetResourceVersion() != w.After.GetResourceVersion()) {
			t.Errorf("%s is not in effect: %v", w, err)
		}
	})
	c.OnWrite(func(Write) { calls = append(calls, "second") })
	create(t, c, podNamed("a"))
	edit(t, c, "a", func(pod *corev1.Pod) { pod.Labels = webLabels })
	remove(t, c, podNamed("a"))
	if want := []string{"create", "second", "update", "second", "delete", "second"}; !slices.Equal(calls, want) {
		t.Errorf("calls %v", calls)
	}
}

// Writes that one plan asked for can be told from those of the next, and from everybody else's.
func TestWritesTellTheirPlan(t *testing.T) {
	c := New(Options{Nodes: 1})
	c.AddHost(ReplicaSets(replicaset.Policy{}))
	create(t, c, webSet(2))
	c.Advance(time.Minute)
	plans := map[int][]string{}
	for _, w := range c.Writes() {
		if (w.By == "replicaset") != (w.Plan > 0) && w.Kind() != "Event" {
			t.Errorf("of plan %d: %s", w.Plan, w)
		}
		plans[w.Plan] = append(plans[w.Plan], w.Verb+" "+w.Kind())
	}
	if first := plans[1]; !slices.Equal(slices.DeleteFunc(first, func(s string) bool { return s == "create Event" }),
		[]string{"update-status ReplicaSet", "create Pod", "create Pod"}) {
		t.Errorf("the first plan: %v", first)
	}
	if second := plans[2]; !slices.Equal(second, []string{"update-status ReplicaSet"}) {
		t.Errorf("the second plan: %v", second)
	}
}

func TestAgenda(t *testing.T) {
	var done []string
	a := agenda{byKey: map[string]*appointment{}}
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	step := func(name string) func() { return func() { done = append(done, name) } }
	a.enter("b", at(2), step("b"))
	a.enter("a", at(2), step("a"))
	a.enter("later", at(3), step("later"))
	a.enter("later", at(1), step("sooner")) // the earlier stands
	a.enter("later", at(4), step("latest"))
	a.enter("struck", at(1), step("struck"))
	a.strike("struck")
	a.strike("never entered")
	a.enter("moved", at(1), step("moved"))
	a.move("moved", at(5), step("moved"))
	for {
		if _, due := a.next(); !due {
			break
		}
		a.pop().run()
	}
	if want := []string{"sooner", "b", "a", "moved"}; !slices.Equal(done, want) {
		t.Errorf("done %v, want %v", done, want)
	}
}
