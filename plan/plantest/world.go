package plantest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// World is what histories are played with: a workload in a simulated cluster, and the hosts that run the planners it takes.
type World struct {
	Name  string
	Hosts []sim.Host
	// Workload draws the workload as somebody applies it. Its name is always the same, so that it can be created again.
	Workload *rapid.Generator[plan.Object]
	// Before is what is there ahead of the workload: a storage class.
	Before []plan.Object
	// Edits are what people do to the workload.
	Edits []Edit
	// Orphan, if set, makes a pod that the workload adopts.
	Orphan func() *corev1.Pod

	// Always gives the invariants that hold after every write, whatever goes wrong. It is called once for each history, and
	// the function that it returns with each write.
	Always func(*sim.Cluster) func(sim.Write) error
	// Step is asked, in calm, about every write of a host: see [Subject].
	Step func(before, after Snapshot) error
	// Goal is asked when all has come to rest in calm: see [Subject].
	Goal func(Snapshot) error
	// Policy is what the hosts plan with, for the snapshots that Step and Goal are asked about.
	Policy any
}

// Edit is a change of the spec. Change draws it, makes it, and gives the command that makes it in a script.
type Edit struct {
	Name   string
	Change func(t *rapid.T, workload plan.Object) (command string)
}

// Histories is the property that a workload survives whatever happens to it: the invariants hold all the time; once faults
// have ended, it comes to rest where it should be, and stays there; and an edit made in calm is carried out without a
// step back: no bound breaks, and no new pod is deleted again unless it failed.
func Histories(w World) Rule {
	return Rule{w.Name + " histories", func(t *rapid.T) {
		p := begin(t, w)
		t.Repeat(p.happenings())
		p.heal(t)
		p.rest(t)
		p.editInCalm(t)
		p.rest(t)
	}}
}

// CheckHistories plays histories of random length: as many as the flag -rapid.checks says, with -rapid.steps happenings on
// average. One that fails is shown as a script that package plan/sim/script can play.
func CheckHistories(t *testing.T, w World) {
	rapid.Check(t, Histories(w).Check)
}

// play is one history.
type play struct {
	World
	cluster  *sim.Cluster
	workload plan.Ref
	script   []string
	nodes    int // made so far
	orphans  int
	deleted  bool // the workload, at least once
	broken   error

	calm    bool
	last    Snapshot        // in calm, after the last write
	newPods map[string]bool // in calm, created since the edit
}

// begin creates the cluster and the workload.
func begin(t *rapid.T, w World) *play {
	seed := rapid.Uint64Range(1, 1000).Draw(t, "seed")
	p := &play{World: w, cluster: sim.New(sim.Options{Seed: seed, Nodes: 2}), nodes: 2}
	t.Cleanup(func() { t.Logf("the history as a script:\n%s", p.text()) })
	p.tell("cluster --nodes 2 --seed %d", seed)
	for _, host := range w.Hosts {
		p.cluster.AddHost(host)
	}
	p.cluster.OnWrite(p.check(w.Always(p.cluster)))
	for _, obj := range w.Before {
		p.tell("kubectl create -f -\n> %s", compact(obj))
		if _, err := p.cluster.Create(obj); err != nil {
			t.Fatal(err)
		}
	}
	p.apply(t)
	return p
}

func (p *play) tell(command string, args ...any) {
	p.script = append(p.script, "$ "+fmt.Sprintf(command, args...))
}

func (p *play) text() string { return strings.Join(p.script, "\n") + "\n" }

// apply creates the workload, under a name that one deleted before may have had.
func (p *play) apply(t *rapid.T) {
	obj := p.Workload.Draw(t, "workload")
	p.workload = plan.RefTo(obj)
	p.tell("kubectl create -f -\n> %s", compact(obj))
	if _, err := p.cluster.Create(obj); err != nil {
		t.Fatal(err)
	}
}

// exists gives the workload as it is stored, nil if it was deleted.
func (p *play) exists() plan.Object {
	obj, err := p.cluster.Get(p.workload.Kind, p.workload.Namespace, p.workload.Name)
	if err != nil {
		return nil
	}
	return obj
}

// check is called after every write.
func (p *play) check(always func(sim.Write) error) func(sim.Write) {
	return func(w sim.Write) {
		err := always(w)
		if err == nil && p.calm {
			err = p.checkCalm(w)
		}
		if err != nil && p.broken == nil {
			p.broken = fmt.Errorf("%w, after the write\n%s", err, w)
		}
	}
}

func (p *play) isHost(name string) bool {
	for _, host := range p.Hosts {
		if name == hostName(host) {
			return true
		}
	}
	return false
}

// checkCalm is asked about writes after an edit in calm.
func (p *play) checkCalm(w sim.Write) error {
	before := p.last
	p.last = p.snapshot()
	if !p.isHost(w.By) {
		return nil
	}
	if pod, ok := w.Object().(*corev1.Pod); ok {
		switch {
		case w.Before == nil:
			p.newPods[pod.Name] = true
		case w.Verb == "delete" && p.newPods[pod.Name] && pod.Status.Phase != corev1.PodFailed:
			return fmt.Errorf("pod %s was created after the last edit, and is deleted again", pod.Name)
		}
	}
	return p.Step(before, p.last)
}

// snapshot is the cluster as a planner with an up-to-date view would be shown it.
func (p *play) snapshot() Snapshot {
	s := Snapshot{Now: p.cluster.Now(), Workload: p.exists(), Policy: p.Policy}
	kinds := map[string]bool{}
	for _, host := range p.Hosts {
		kinds[host.Kind] = true
		for _, kind := range host.Reads {
			kinds[kind] = true
		}
	}
	for _, kind := range sortedKeys(kinds) {
		s = With(s, p.cluster.List(kind, "")...)
	}
	return s
}

// heal ends all faults, mends nodes and pods, and sees that there is a workload.
func (p *play) heal(t *rapid.T) {
	p.tell("heal")
	p.cluster.ClearFaults()
	for _, node := range p.names("Node") {
		p.tell("node up %s", node)
		p.must(t, p.cluster.SetNodeReady(node, true))
	}
	p.advance(time.Minute) // whoever was down starts again, and whatever was asked for before is answered
	for _, pod := range p.names("Pod") {
		if p.cluster.SetPodReady("", pod, true) == nil {
			p.tell("pod ready %s", pod)
		}
	}
	if p.exists() == nil {
		p.apply(t)
	}
}

// rest lets time pass until nothing is due any more, and sees where that is.
func (p *play) rest(t *rapid.T) {
	p.tell("until quiet within %s", patience)
	quiet := p.cluster.RunUntilQuiet(patience)
	p.fail(t)
	if !quiet {
		t.Fatalf("no rest within %s after the last fault; the last plan is\n%s", patience, p.plans())
	}
	if err := p.Goal(p.snapshot()); err != nil {
		t.Fatalf("at rest, and %v; the last plan is\n%s\n%#v", err, p.plans(), p.snapshot())
	}
	before := len(p.cluster.Writes())
	p.advance(time.Hour)
	if more := p.cluster.Writes()[before:]; len(more) > 0 {
		t.Fatalf("at rest, and then there is\n%s", more[0])
	}
}

// patience is longer than any answer is waited for and any failure backed off.
const patience = 3 * time.Hour

func (p *play) editInCalm(t *rapid.T) {
	p.last, p.newPods = p.snapshot(), map[string]bool{}
	p.calm = true
	p.edit(t)
}

// plans is what the hosts planned last for the workload.
func (p *play) plans() string {
	var text strings.Builder
	for _, host := range p.Hosts {
		if host.Kind == p.workload.Kind {
			text.WriteString(Answer{Result: p.cluster.LastPlan(hostName(host), p.workload)}.String())
		}
	}
	return text.String()
}

func (p *play) advance(d time.Duration) {
	p.tell("advance %s", d)
	p.cluster.Advance(d)
}

// fail ends the history if an invariant broke.
func (p *play) fail(t *rapid.T) {
	if p.broken != nil {
		t.Fatal(p.broken)
	}
}

// must takes it for a mistake in this package if the cluster refuses what was chosen so that it can be done.
func (p *play) must(t *rapid.T, err error) {
	if err != nil {
		t.Fatalf("the history cannot be played: %v", err)
	}
}

func (p *play) names(kind string) []string {
	var names []string
	for _, obj := range p.cluster.List(kind, "") {
		names = append(names, obj.GetName())
	}
	return names
}
