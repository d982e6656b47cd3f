package plantest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// World is what histories are played with: a workload in a simulated cluster, and the hosts that run the planners it takes. Name,
// Hosts, Workload, Always, Step and Goal are required.
type World struct {
	Name  string
	Hosts []sim.Host
	// Workload draws the workload as somebody applies it. Its name is always the same, so that it can be created again.
	Workload *rapid.Generator[plan.Object]
	// Before is what is there ahead of the workload: a storage class.
	Before []plan.Object
	// Edits are what people do to the workload.
	Edits []Edit
	// PodEdits are what people do to pods.
	PodEdits []Edit
	// Runs is how long containers of an image run until they succeed. Others run until something ends them.
	Runs map[string]time.Duration
	// Written are the kinds beside Pod whose writes are refused or lose their answers.
	Written []string
	// Hurried has the workload edited in calm once more, several times, before what was asked for last is done. Step must hold
	// all the same.
	Hurried bool
	// Orphan, if set, makes a pod that the workload adopts.
	Orphan func() *corev1.Pod
	// Taints has nodes tainted, and the taints taken away.
	Taints bool
	// HostsBind leaves the binding of pods and claims to the hosts: there is no scheduler.
	HostsBind bool
	// LagsEnd has no view lag for as long as a write without an answer is remembered.
	LagsEnd bool
	// Beat, if set, is that of a workload that never rests by itself, as a CronJob.
	Beat *Beat

	// Always gives the invariants that hold after every write, whatever goes wrong. It is called once for each history, and
	// the function that it returns with each write.
	Always func(*sim.Cluster) func(sim.Write) error
	// Step is asked, in calm, about every write of a host: before is the cluster ahead of the plan that asked for it. See [Subject].
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

// Beat is what goes on for ever until somebody stops it. Once it has come to rest in calm, it may be started again, watched for a
// while, and stopped.
type Beat struct {
	Start, Stop Edit
	// Kept is asked about the writes made while it was watched, from a moment on when it had caught up.
	Kept func(workload plan.Object, from time.Time, writes []sim.Write) error
}

// Histories is the property that a workload survives whatever happens to it: the invariants hold all the time; once faults
// have ended, it comes to rest where it should be, and stays there; and an edit made in calm is carried out without a
// step back: no bound breaks, and no new pod is deleted again unless it failed.
//
// Several worlds share one cluster, its nodes and its faults. Each has a namespace of its own, after its name.
func Histories(worlds ...World) Rule {
	var names []string
	for _, w := range worlds {
		names = append(names, w.Name)
	}
	return Rule{strings.Join(names, ", ") + " histories", func(t *rapid.T) {
		s := begin(t, worlds...)
		t.Repeat(s.happenings())
		s.endInCalm(t)
	}}
}

// CheckHistories plays histories of random length: as many as the flag -rapid.checks says, with -rapid.steps happenings on
// average. One that fails is shown as a script, which package plan/sim/script can play with the hosts of this module.
func CheckHistories(t *testing.T, worlds ...World) {
	t.Helper()
	for _, w := range worlds {
		require(t, w, "Name", "Hosts", "Workload", "Always", "Step", "Goal")
	}
	rapid.Check(t, Histories(worlds...).Check)
}

// stage is a cluster in which a history is played.
type stage struct {
	cluster *sim.Cluster
	plays   []*play
	script  []string
	writes  int // at which the invariants were checked
	nodes   int // made so far
	most    int // that may be made
	lags    time.Time
	broken  error
	calm    bool
}

// play is what happens to one workload.
type play struct {
	*stage
	World
	namespace string
	always    func(sim.Write) error
	workload  plan.Ref
	deleted   bool // the workload, at least once

	orphans, mostOrphans int // made so far, and that may be made

	last    Snapshot        // in calm, after the last write
	ahead   Snapshot        // in calm, ahead of the plan that the last write is part of
	plan    int             // the number of that plan, 0 if there is none
	newPods map[string]bool // in calm, created since the edit; nil while edits follow each other
}

// begin creates the cluster and the workloads.
func begin(t *rapid.T, worlds ...World) *stage {
	s := newStage(rapid.Uint64Range(1, 1000).Draw(t, "seed"), worlds)
	t.Cleanup(func() { t.Logf("the history as a script:\n%s", s.text()) })
	for _, p := range s.plays {
		p.moveIn(t)
	}
	return s
}

// newStage creates the cluster with the hosts of all worlds.
func newStage(seed uint64, worlds []World) *stage {
	options, flags := sim.Options{Seed: seed, Nodes: 2}, ""
	if slices.ContainsFunc(worlds, func(w World) bool { return w.HostsBind }) {
		options.HostsBind, flags = true, " --hosts-bind"
	}
	s := &stage{cluster: sim.New(options), nodes: 2, most: 4}
	s.tell("cluster --nodes 2 --seed %d%s", seed, flags)
	started := map[string]bool{}
	for _, w := range worlds {
		p := &play{stage: s, World: w, mostOrphans: maxOrphans}
		if len(worlds) > 1 {
			p.namespace = strings.ToLower(w.Name)
		}
		s.plays = append(s.plays, p)
		for _, host := range w.Hosts {
			if name := hostName(host); !started[name] {
				started[name] = true
				s.cluster.AddHost(host)
			}
		}
		for _, image := range sortedKeys(w.Runs) {
			s.tell("image %s run=%s", image, w.Runs[image])
			s.cluster.SetImage(image, sim.Behaviour{Pull: time.Second, Stop: time.Second, Run: w.Runs[image]})
		}
	}
	s.cluster.OnWrite(s.check)
	return s
}

// moveIn creates the workload and what has to be there before, and begins to check its invariants.
func (p *play) moveIn(t *rapid.T) {
	p.always = p.Always(p.cluster)
	for _, obj := range p.Before {
		if _, err := p.cluster.Get(kindOf(obj), "", obj.GetName()); err == nil {
			continue
		}
		p.tell("kubectl create -f -\n> %s", compact(obj))
		if _, err := p.cluster.Create(obj); err != nil {
			t.Fatal(err)
		}
	}
	p.apply(t)
}

func (s *stage) tell(command string, args ...any) {
	s.script = append(s.script, "$ "+fmt.Sprintf(command, args...))
}

// tellThere tells a command about something in the workload's namespace.
func (p *play) tellThere(command string, args ...any) {
	if p.namespace != Namespace {
		command += " -n " + p.namespace
	}
	p.tell(command, args...)
}

func (s *stage) text() string { return strings.Join(s.script, "\n") + "\n" }

// apply creates the workload, under a name that one deleted before may have had.
func (p *play) apply(t *rapid.T) {
	obj := p.Workload.Draw(t, "workload")
	if p.namespace == "" {
		p.namespace = cmp.Or(obj.GetNamespace(), Namespace)
	}
	obj.SetNamespace(p.namespace)
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
func (s *stage) check(w sim.Write) {
	s.writes++
	for _, p := range s.plays {
		if p.always == nil || !p.concerns(w.Object()) {
			continue
		}
		err := p.always(w)
		if err == nil && s.calm {
			err = p.checkCalm(w)
		}
		if err != nil && s.broken == nil {
			s.broken = fmt.Errorf("%s: %w, after the write\n%s", p.Name, err, w)
		}
	}
}

// concerns reports whether an object is in the workload's namespace, or in none.
func (p *play) concerns(obj plan.Object) bool {
	return obj.GetNamespace() == p.namespace || obj.GetNamespace() == ""
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
	if w.Plan == 0 || w.Plan != p.plan {
		p.ahead, p.plan = p.last, w.Plan
		p.ahead.Now = w.At // nothing was written since
	}
	p.last = p.snapshot()
	if !p.isHost(w.By) {
		return nil
	}
	isWorkload := plan.KindOf(w.Object()).Kind == p.workload.Kind && w.Object().GetName() == p.workload.Name
	if isWorkload && w.Verb == "update" && p.newPods != nil {
		p.newPods = map[string]bool{} // a rollback: the host itself edits the workload
	}
	if pod, ok := w.Object().(*corev1.Pod); ok {
		switch {
		case p.newPods == nil: // what the last edit asked for may not be wanted any more
		case w.Before == nil:
			p.newPods[pod.Name] = true
		case w.Verb == "delete" && p.newPods[pod.Name] && pod.Status.Phase != corev1.PodFailed:
			return fmt.Errorf("pod %s was created after the last edit, and is deleted again", pod.Name)
		}
	}
	return p.Step(p.ahead, p.last)
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
		s = With(s, slices.DeleteFunc(p.cluster.Peek(kind, ""), func(obj plan.Object) bool { return !p.concerns(obj) })...)
	}
	return s
}

// endInCalm ends all that goes wrong. Every workload comes to rest, and does so again after an edit.
func (s *stage) endInCalm(t *rapid.T) {
	s.heal(t)
	s.rest(t)
	s.editInCalm(t)
	s.rest(t)
	if s.editInHurry(t) {
		s.rest(t)
	}
}

// heal ends all faults, mends nodes and pods, and sees that there are all workloads.
func (s *stage) heal(t *rapid.T) {
	s.tell("heal")
	s.cluster.ClearFaults()
	s.lags = time.Time{}
	for _, node := range s.names("Node", "") {
		s.tell("node up %s", node)
		s.must(t, s.cluster.SetNodeReady(node, true))
		if slices.ContainsFunc(s.plays, func(p *play) bool { return !p.Taints }) {
			s.untaint(t, node)
		}
	}
	s.advance(time.Minute) // whoever was down starts again, and whatever was asked for before is answered
	for _, p := range s.plays {
		p.healPods()
	}
	for _, p := range s.plays {
		for range 30 { // one that is being deleted goes first
			if obj := p.exists(); obj == nil || obj.GetDeletionTimestamp() == nil {
				break
			}
			p.letGo(t)
			s.advance(time.Minute)
		}
		if p.exists() == nil {
			p.apply(t)
		}
	}
}

func (p *play) healPods() {
	for _, pod := range p.names("Pod", p.namespace) {
		if p.cluster.SetPodReady(p.namespace, pod, true) == nil {
			p.tellThere("pod ready %s", pod)
		}
	}
}

// letGo does what a person has to do where claims are deleted in the foreground. They wait for the pods that mount them: one that owns its claims
// waits for them in turn, until its finalizer is taken off, and one that was released stays until it is deleted.
func (p *play) letGo(t *rapid.T) {
	for _, obj := range p.cluster.List("Pod", p.namespace) {
		pod := obj.(*corev1.Pod)
		switch {
		case slices.Contains(pod.Finalizers, metav1.FinalizerDeleteDependents):
			p.tellThere(`kubectl patch pod %s -p '{"metadata":{"finalizers":null}}'`, pod.Name)
			p.must(t, sim.Edit(p.cluster, p.namespace, pod.Name, func(pod *corev1.Pod) { pod.Finalizers = nil }))
		case metav1.GetControllerOf(pod) == nil && pod.DeletionTimestamp == nil && p.holdsClaims(pod):
			p.tellThere("kubectl delete pod %s --wait=false", pod.Name)
			p.must(t, p.cluster.Delete(plan.RefTo(pod), metav1.DeleteOptions{}))
		}
	}
}

// holdsClaims reports whether a pod mounts a claim that is being deleted.
func (p *play) holdsClaims(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		if v.PersistentVolumeClaim == nil {
			return false
		}
		claim, err := p.cluster.Get("PersistentVolumeClaim", p.namespace, v.PersistentVolumeClaim.ClaimName)
		return err == nil && claim.GetDeletionTimestamp() != nil
	})
}

// rest lets time pass until nothing is due any more, and sees where that is.
func (s *stage) rest(t *rapid.T) {
	for _, p := range s.plays {
		if p.Beat != nil {
			p.change(t, p.Beat.Stop)
		}
	}
	s.quiet(t)
	for _, p := range s.plays {
		if err := p.Goal(p.snapshot()); err != nil {
			t.Fatalf("%s: at rest, and %v; the last plan is\n%s\n%#v", p.Name, err, p.plans(), p.snapshot())
		}
	}
	before := len(s.cluster.Writes())
	s.advance(time.Hour)
	if more := s.cluster.Writes()[before:]; len(more) > 0 {
		t.Fatalf("at rest, and then there is\n%s", more[0])
	}
	for _, p := range s.plays {
		if p.Beat != nil && rarely(t, "watch it", 3) { // a history rests three times
			p.watchBeat(t)
		}
	}
}

func (s *stage) quiet(t *rapid.T) {
	s.tell("until quiet within %s", patience)
	quiet := s.cluster.RunUntilQuiet(patience)
	s.fail(t)
	if quiet {
		return
	}
	var plans strings.Builder
	for _, p := range s.plays {
		plans.WriteString(p.plans())
	}
	t.Fatalf("no rest within %s after the last fault; the last plans are\n%s", patience, plans.String())
}

// watchBeat starts what goes on for ever, watches it, and stops it.
func (p *play) watchBeat(t *rapid.T) {
	p.change(t, p.Beat.Start)
	p.advance(2 * time.Minute)
	from, before := p.cluster.Now(), len(p.cluster.Writes())
	p.advance(15 * time.Minute)
	p.fail(t)
	writes := slices.DeleteFunc(slices.Clone(p.cluster.Writes()[before:]), func(w sim.Write) bool { return !p.concerns(w.Object()) })
	if err := p.Beat.Kept(p.exists(), from, writes); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	p.change(t, p.Beat.Stop)
	p.quiet(t)
}

// patience is longer than any answer is waited for and any failure backed off.
const patience = 3 * time.Hour

func (s *stage) editInCalm(t *rapid.T) {
	for _, p := range s.plays {
		p.last, p.newPods = p.snapshot(), map[string]bool{}
	}
	s.calm = true
	for _, p := range s.plays {
		p.edit(t)
	}
}

// editInHurry edits the workloads that are Hurried, if there are any.
func (s *stage) editInHurry(t *rapid.T) (edited bool) {
	for _, p := range s.plays {
		p.newPods = nil
	}
	for range 3 {
		for _, p := range s.plays {
			if p.Hurried {
				p.edit(t)
				s.timePasses(t)
				s.fail(t)
				edited = true
			}
		}
	}
	return edited
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

func (s *stage) advance(d time.Duration) {
	if !s.lags.IsZero() && s.cluster.Now().Add(d).Sub(s.lags) >= plan.Expiry-time.Minute {
		s.endLags()
	}
	s.tell("advance %s", d)
	s.cluster.Advance(d)
}

// fail ends the history if an invariant broke.
func (s *stage) fail(t *rapid.T) {
	if s.broken != nil {
		t.Fatal(s.broken)
	}
}

// must takes it for a mistake in this package if the cluster refuses what was chosen so that it can be done.
func (s *stage) must(t *rapid.T, err error) {
	if err != nil {
		t.Fatalf("the history cannot be played: %v", err)
	}
}

func (s *stage) names(kind, namespace string) []string {
	var names []string
	for _, obj := range s.cluster.List(kind, namespace) {
		names = append(names, obj.GetName())
	}
	return names
}
