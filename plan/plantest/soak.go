package plantest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// Soak plays one long history with all worlds in one cluster, until the invariants were checked at so many steps: a step is a
// write, but for those of events. It goes in phases of -rapid.steps happenings on average, each of which ends in calm, where every
// workload has to come to rest as in [Histories]. After some of them everything is taken away with its namespace, and other workloads
// come; cluster, nodes and hosts stay. The same seed gives the same history.
func Soak(t *testing.T, seed uint64, steps int, worlds ...World) {
	chance := rand.New(rand.NewPCG(seed, 0))
	s := newStage(seed, worlds)
	start := s.cluster.Now()
	phases := 0
	tell := func() {
		t.Logf("PCG seed %d: %d steps in %d phases, %s of virtual time", seed, s.writes, phases, s.cluster.Now().Sub(start).Round(time.Minute))
	}
	for told := 0; s.writes < steps; {
		phases++
		if err := s.phase(chance.Int()); err != nil {
			tell()
			t.Fatalf("%v\nthe last phase as a script:\n%sand its writes:\n%s", err, s.text(), s.cluster.Log())
		}
		if s.writes-told > steps/10 {
			told = s.writes
			tell()
		}
	}
	tell()
}

// phase plays one. It is drawn as an example is, which neither fills the log nor is shrunk.
func (s *stage) phase(seed int) error {
	return rapid.Custom(func(t *rapid.T) (err error) {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case runtime.Error:
				err = fmt.Errorf("%w\n%s", r, debug.Stack())
			default:
				err = fmt.Errorf("%v", r)
			}
		}()
		s.beginPhase(t)
		t.Repeat(s.happenings())
		s.endInCalm(t)
		return nil
	}).Example(seed)
}

// beginPhase forgets what is past, and has workloads come where there are none, or where one in four moves away.
func (s *stage) beginPhase(t *rapid.T) {
	s.script = nil
	s.cluster.Forget()
	s.calm = false
	s.most = s.nodes + max(0, 4-len(s.names("Node", "")))
	for _, p := range s.plays {
		if p.always != nil && !rarely(t, "moves away", 4) {
			p.tidy(t)
			continue
		}
		if p.always != nil {
			p.moveOut(t)
		}
		p.moveIn(t)
	}
}

// tidy removes pods that belong to nobody: they were taken out of service by hand.
func (p *play) tidy(t *rapid.T) {
	for _, pod := range p.cluster.List("Pod", p.namespace) {
		if metav1.GetControllerOf(pod) == nil {
			p.tellThere("kubectl delete pod %s --wait=false", pod.GetName())
			p.must(t, p.cluster.Delete(plan.RefTo(pod), metav1.DeleteOptions{}))
		}
	}
	p.mostOrphans, p.deleted = p.orphans+maxOrphans, false
}

// moveOut has the workload's namespace deleted with all that is in it.
func (p *play) moveOut(t *rapid.T) {
	namespace := &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: p.namespace},
	}
	p.tell("kubectl create -f -\n> %s", compact(namespace))
	_, err := p.cluster.Create(namespace)
	p.must(t, err)
	p.tell("kubectl delete namespace %s", p.namespace)
	p.must(t, p.cluster.Delete(plan.RefTo(namespace), metav1.DeleteOptions{}))
	gone := p.cluster.RunUntil(time.Hour, func() bool { return len(p.names("Namespace", "")) == 0 })
	p.fail(t)
	if !gone {
		t.Fatalf("%s: an hour later there is still something in the namespace that was deleted", p.Name)
	}
	p.mostOrphans, p.deleted = p.orphans+maxOrphans, false
}
