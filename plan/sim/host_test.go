package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

// configMaps is a host whose planner is told by the test what to do.
func configMaps(planner func(workload *corev1.ConfigMap, seen Seen) Planned) Host {
	return Host{
		Kind:  "ConfigMap",
		Reads: []string{"Pod", "Node", "Secret"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			return planner(workload.(*corev1.ConfigMap), seen), nil
		},
	}
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestHostPlansOnChange(t *testing.T) {
	var planned []string
	c := New(Options{})
	c.AddHost(configMaps(func(workload *corev1.ConfigMap, _ Seen) Planned {
		planned = append(planned, workload.Namespace+"/"+workload.Name)
		return Planned{}
	}))
	plans := func(why string, want ...string) {
		t.Helper()
		c.Advance(time.Hour)
		if !slices.Equal(planned, want) {
			t.Errorf("%s: planned %v, want %v", why, planned, want)
		}
		planned = nil
	}
	create(t, c, configMap("b"))
	create(t, c, configMap("a"))
	other := configMap("a")
	other.Namespace = "other"
	create(t, c, other)
	plans("three workloads are new, in the order of their coming", "default/b", "default/a", "other/a")
	create(t, c, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "x"}})
	plans("a secret in the namespace", "default/a", "default/b")
	if err := c.AddNode("node1", nil); err != nil {
		t.Fatal(err)
	}
	plans("a node concerns all", "default/a", "default/b", "other/a")
	create(t, c, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "x"}})
	plans("a kind that it does not read")
}

func TestHostWakes(t *testing.T) {
	var at []time.Duration
	c := New(Options{})
	start := c.Now()
	c.AddHost(configMaps(func(_ *corev1.ConfigMap, seen Seen) Planned {
		since := seen.Now.Sub(start)
		at = append(at, since)
		var planned Planned
		if since < 3*time.Minute {
			planned.Wake = seen.Now.Add(time.Minute)
		}
		return planned
	}))
	create(t, c, configMap("a"))
	if !c.RunUntilQuiet(time.Hour) || c.Now().Sub(start) != 3*time.Minute {
		t.Errorf("quiet after %s", c.Now().Sub(start))
	}
	if want := []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute}; !slices.Equal(at, want) {
		t.Errorf("planned at %v, want %v", at, want)
	}
}

func TestHostKeepsMemoryPerWorkload(t *testing.T) {
	memories := map[string]any{}
	c := New(Options{})
	c.AddHost(configMaps(func(workload *corev1.ConfigMap, seen Seen) Planned {
		memories[workload.Name] = seen.Memory
		plans, _ := seen.Memory.(int)
		return Planned{Memory: plans + 1}
	}))
	create(t, c, configMap("a"))
	c.Advance(0)
	create(t, c, configMap("b"))
	c.Advance(0)
	if memories["a"] != 1 || memories["b"] != nil {
		t.Errorf("memories %v", memories)
	}
	gone := plan.RefTo(get[*corev1.ConfigMap](t, c, "a"))
	remove(t, c, configMap("a"))
	if left := c.Pending("configmap", gone); left.Seen != nil {
		t.Errorf("it keeps the ledger of what is gone: %v", left)
	}
	create(t, c, configMap("a"))
	c.Advance(0)
	if memories["a"] != nil {
		t.Errorf("a successor inherited %v", memories["a"])
	}
}

func TestHostStopsAtTheFirstFailure(t *testing.T) {
	c := New(Options{})
	first := true
	c.AddHost(configMaps(func(_ *corev1.ConfigMap, _ Seen) (planned Planned) {
		if first {
			first = false
			planned.Add(plan.Create{Object: podNamed("a")}, plan.Create{Object: podNamed("refused")}, plan.Create{Object: podNamed("b")}, plan.Wait{})
		}
		return planned
	}))
	c.Refuse(Match{Verb: "create", Kind: "Pod", Name: "refused"}, Forever, nil)
	create(t, c, configMap("x"))
	c.Advance(0)
	if got := names(c, "Pod"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("pods %v", got)
	}
}

func TestHostRetriesEverLater(t *testing.T) {
	var at []time.Duration
	c := New(Options{})
	start := c.Now()
	c.AddHost(configMaps(func(_ *corev1.ConfigMap, seen Seen) (planned Planned) {
		at = append(at, seen.Now.Sub(start))
		planned.Add(plan.Create{Object: podNamed("a")})
		return planned
	}))
	c.Refuse(Match{}, Forever, nil)
	create(t, c, configMap("x"))
	c.Advance(40 * time.Millisecond)
	ms := time.Millisecond
	if want := []time.Duration{0, 5 * ms, 15 * ms, 35 * ms}; !slices.Equal(at, want) {
		t.Errorf("planned at %v, want %v", at, want)
	}
	c.Advance(24 * time.Hour)
	if n := len(at); at[n-1]-at[n-2] != 1000*time.Second {
		t.Errorf("the last retry came after %s", at[n-1]-at[n-2])
	}
	if planned := len(at); planned > 120 {
		t.Errorf("planned %d times in a day", planned)
	}
}

func TestHostSettlesItsLedger(t *testing.T) {
	c := New(Options{})
	var issued, seenVersions []string
	c.AddHost(configMaps(func(workload *corev1.ConfigMap, seen Seen) (planned Planned) {
		seenVersions = append(seenVersions, seen.Pending.Seen["Pod"])
		for _, o := range seen.Pending.Outcomes {
			issued = append(issued, fmt.Sprintf("%s %t", o.Action, o.Err == nil))
		}
		if workload.Data == nil && len(Read[*corev1.Pod](seen)) == 0 && len(seen.Pending.Outcomes) == 0 {
			pod := podNamed("")
			pod.Namespace, pod.GenerateName = "default", "web-"
			planned.Add(plan.Create{Object: pod})
		}
		return planned
	}))
	create(t, c, configMap("x"))
	c.Advance(0)
	pod := List[*corev1.Pod](c, "")[0]
	if want := "create Pod default/" + pod.Name + " true"; len(issued) != 1 || issued[0] != want {
		t.Errorf("the next plan was told %v, want %q: with the name that the host chose", issued, want)
	}
	if want := []string{"1", pod.ResourceVersion}; !slices.Equal(seenVersions, want) {
		t.Errorf("the view of pods was at %v, want %v", seenVersions, want)
	}
	if left := c.Pending("configmap", plan.Ref{Name: "x"}).Outcomes; len(left) > 0 {
		t.Errorf("what is visible is still in the ledger: %v", left)
	}
}

func TestHostReadsTheOwnerBeforeItAdopts(t *testing.T) {
	c := New(Options{})
	orphan := create(t, c, podNamed("orphan"))
	gone := plan.RefTo(create(t, c, webSet(1)))
	remove(t, c, webSet(1))
	adopts := true
	c.AddHost(configMaps(func(_ *corev1.ConfigMap, _ Seen) (planned Planned) {
		if adopts {
			adopts = false
			after := clone(orphan)
			after.Labels = webLabels
			planned.Add(plan.Update{Before: orphan, After: after, Live: &gone}, plan.Create{Object: podNamed("next")})
		}
		return planned
	}))
	create(t, c, configMap("x"))
	c.Advance(0)
	if got := names(c, "Pod"); !slices.Equal(got, []string{"orphan"}) || get[*corev1.Pod](t, c, "orphan").Labels != nil {
		t.Errorf("for an owner that is gone it went on: pods %v", got)
	}
	if left := c.Pending("configmap", plan.Ref{Name: "x"}).Outcomes; len(left) > 0 {
		t.Errorf("what was not sent is in the ledger: %v", left)
	}
}

func TestHostRecordsEvents(t *testing.T) {
	c := withWeb(t, 2)
	edit(t, c, "web", func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = 1 })
	quiet(t, c)
	var messages []string
	for _, event := range List[*corev1.Event](c, "") {
		if event.InvolvedObject.Kind == "ReplicaSet" {
			messages = append(messages, event.Reason+" "+strings.SplitAfter(event.Message, "pod: ")[0])
		}
	}
	slices.Sort(messages)
	if want := []string{"SuccessfulCreate Created pod: ", "SuccessfulCreate Created pod: ", "SuccessfulDelete Deleted pod: "}; !slices.Equal(messages, want) {
		t.Errorf("events %q", messages)
	}
}

func TestRepeatedEventsCount(t *testing.T) {
	c := New(Options{})
	about := create(t, c, configMap("a"))
	for range 3 {
		c.note("me", about, "Again", "the same")
		c.Advance(time.Minute)
	}
	events := List[*corev1.Event](c, "")
	if len(events) != 1 || events[0].Count != 3 || events[0].LastTimestamp.Sub(events[0].FirstTimestamp.Time) != 2*time.Minute {
		t.Errorf("events %v", events)
	}
}

func TestHostTellsWhatItCannotPlan(t *testing.T) {
	c := New(Options{})
	host := configMaps(nil)
	host.Plan = func(plan.Object, Seen) (Planned, error) { return Planned{}, errors.New("spec.x: Required value") }
	c.AddHost(host)
	create(t, c, configMap("x"))
	quiet(t, c)
	if events := List[*corev1.Event](c, ""); len(events) != 1 || events[0].Reason != "FailedPlan" || events[0].Message != "spec.x: Required value" {
		t.Errorf("events %v", events)
	}
}

func TestHostReadsOnlyWhatItSays(t *testing.T) {
	c := New(Options{})
	c.AddHost(configMaps(func(_ *corev1.ConfigMap, seen Seen) Planned {
		Read[*corev1.Service](seen)
		return Planned{}
	}))
	create(t, c, configMap("x"))
	defer func() {
		if said := recover(); said != "sim: the host does not read Services" {
			t.Errorf("panic: %v", said)
		}
	}()
	c.Advance(0)
}

func TestCirclesAreStopped(t *testing.T) {
	c := New(Options{})
	c.AddHost(configMaps(func(_ *corev1.ConfigMap, seen Seen) (planned Planned) {
		planned.Wake = seen.Now
		return planned
	}))
	create(t, c, configMap("x"))
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "configmap planned ConfigMap default/x 1001 times without any time passing") {
			t.Errorf("panic: %s", said)
		}
	}()
	c.Advance(time.Second)
}
