package plantest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// happenings are what a history is made of: they happen to the cluster, or to one of the workloads in it. Time passes more often
// than anything else happens, and can always pass.
func (s *stage) happenings() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"":               s.fail,
		"time passes":    s.timePasses,
		"time passes on": s.timePasses,
		"node added":     s.nodeAdded,
		"node lost":      s.nodeLost,
	}
	able := map[string][]func(*rapid.T){}
	for _, p := range s.plays {
		for name, happen := range p.happenings() {
			able[name] = append(able[name], happen)
		}
		if p.Taints {
			actions["node tainted"] = s.nodeTainted
		}
	}
	for name, happens := range able {
		actions[name] = func(t *rapid.T) {
			which := 0
			if len(happens) > 1 {
				which = rapid.IntRange(0, len(happens)-1).Draw(t, "to")
			}
			happens[which](t)
		}
	}
	return actions
}

// happenings are what happens to one workload.
func (p *play) happenings() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"edit":           p.editAny,
		"pod unready":    p.podReadiness(false),
		"pod ready":      p.podReadiness(true),
		"pod exits":      p.podExits,
		"pod evicted":    p.podEvicted,
		"pod deleted":    p.podDeleted,
		"pod relabelled": p.podRelabelled,
		"lag":            p.lag,
		"crash":          p.crash,
		"write refused":  p.refuse,
		"answer lost":    p.loseAnswer,
		"deleted":        p.workloadDeleted,
		"created again":  p.workloadCreated,
	}
	if p.Orphan != nil {
		actions["orphan created"] = p.orphanCreated
	}
	if len(p.PodEdits) > 0 {
		actions["pod edited"] = p.podEdited
	}
	return actions
}

func (s *stage) timePasses(t *rapid.T) {
	s.advance(pick(t, "how long", 0, 5*time.Millisecond, time.Second, time.Second, 3*time.Second, 10*time.Second, time.Minute))
}

func (p *play) editAny(t *rapid.T) {
	if obj := p.exists(); obj == nil || obj.GetDeletionTimestamp() != nil {
		t.Skip("no workload to edit")
	}
	p.edit(t)
}

func (p *play) edit(t *rapid.T) {
	p.change(t, p.Edits[rapid.IntRange(0, len(p.Edits)-1).Draw(t, "edit")])
}

func (p *play) change(t *rapid.T, edit Edit) {
	obj := p.exists()
	p.tellThere("%s", edit.Change(t, obj))
	_, err := p.cluster.Update(obj)
	p.must(t, err)
}

// pod chooses one.
func (p *play) pod(t *rapid.T) string {
	pods := p.names("Pod", p.namespace)
	if len(pods) == 0 {
		t.Skip("no pods")
	}
	return rapid.SampledFrom(pods).Draw(t, "pod")
}

func (p *play) podReadiness(ready bool) func(*rapid.T) {
	command := map[bool]string{true: "pod ready %s", false: "pod unready %s"}[ready]
	return func(t *rapid.T) {
		pod := p.pod(t)
		if p.cluster.SetPodReady(p.namespace, pod, ready) != nil {
			t.Skip("it does not run")
		}
		p.tellThere(command, pod)
	}
}

func (p *play) podExits(t *rapid.T) {
	pod, code := p.pod(t), pick[int32](t, "code", 0, 1)
	if p.cluster.Exit(p.namespace, pod, "", code) != nil {
		t.Skip("it does not run")
	}
	p.tellThere("pod exit %s %d", pod, code)
}

func (p *play) podEvicted(t *rapid.T) {
	pod := p.pod(t)
	if p.cluster.Evict(p.namespace, pod, "out of memory") != nil {
		t.Skip("it does not run")
	}
	p.tellThere(`pod evict %s "out of memory"`, pod)
}

func (p *play) podDeleted(t *rapid.T) {
	pod := p.pod(t)
	p.tellThere("kubectl delete pod %s --wait=false", pod)
	p.must(t, p.cluster.Delete(plan.Ref{APIVersion: "v1", Kind: "Pod", Namespace: p.namespace, Name: pod}, metav1.DeleteOptions{}))
}

func (p *play) podEdited(t *rapid.T) {
	obj, err := p.cluster.Get("Pod", p.namespace, p.pod(t))
	p.must(t, err)
	edit := p.PodEdits[rapid.IntRange(0, len(p.PodEdits)-1).Draw(t, "pod edit")]
	p.tellThere("%s", edit.Change(t, obj))
	_, err = p.cluster.Update(obj)
	p.must(t, err)
}

// podRelabelled takes a pod out of service by hand, or puts it back.
func (p *play) podRelabelled(t *rapid.T) {
	pod := p.pod(t)
	p.must(t, sim.Edit(p.cluster, p.namespace, pod, func(pod *corev1.Pod) {
		if len(pod.Labels) == 0 {
			return
		}
		key := sortedKeys(pod.Labels)[0]
		value := strings.TrimSuffix(pod.Labels[key], "-out")
		if value == pod.Labels[key] {
			value += "-out"
		}
		p.tellThere("kubectl label pod %s %s=%s --overwrite", pod.Name, key, value)
		pod.Labels[key] = value
	}))
}

// maxOrphans is how many a history has.
const maxOrphans = 3

func (p *play) orphanCreated(t *rapid.T) {
	if p.orphans == p.mostOrphans {
		t.Skip("enough orphans")
	}
	p.orphans++
	pod := p.Orphan()
	pod.Namespace = p.namespace
	pod.Name = fmt.Sprintf("orphan-%d", p.orphans)
	p.tell("kubectl create -f -\n> %s", compact(pod))
	_, err := p.cluster.Create(pod)
	p.must(t, err)
}

func (s *stage) nodeAdded(t *rapid.T) {
	if s.nodes == s.most {
		t.Skip("enough nodes")
	}
	s.nodes++
	name := fmt.Sprintf("node%d", s.nodes)
	s.tell("node add %s", name)
	s.must(t, s.cluster.AddNode(name, nil))
}

// nodeLost removes a node, or cuts it off. One node always stays.
func (s *stage) nodeLost(t *rapid.T) {
	nodes := s.names("Node", "")
	if len(nodes) == 1 {
		t.Skip("the last node")
	}
	node := rapid.SampledFrom(nodes).Draw(t, "node")
	if rapid.Bool().Draw(t, "comes back") {
		s.tell("node down %s", node)
		s.must(t, s.cluster.SetNodeReady(node, false))
		return
	}
	s.tell("node remove %s", node)
	s.must(t, s.cluster.RemoveNode(node))
}

// nodeTainted taints a node, or takes the taint away.
func (s *stage) nodeTainted(t *rapid.T) {
	node := rapid.SampledFrom(s.names("Node", "")).Draw(t, "node")
	taint := corev1.Taint{Key: "dedicated", Effect: pick(t, "effect", corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute)}
	s.must(t, sim.Edit(s.cluster, "", node, func(node *corev1.Node) {
		before := len(node.Spec.Taints)
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&taint) })
		if len(node.Spec.Taints) < before {
			s.tell("kubectl taint nodes %s dedicated:%s-", node.Name, taint.Effect)
			return
		}
		s.tell("kubectl taint nodes %s dedicated:%s", node.Name, taint.Effect)
		node.Spec.Taints = append(node.Spec.Taints, taint)
	}))
}

// untaint takes away what nodeTainted brought.
func (s *stage) untaint(t *rapid.T, node string) {
	s.must(t, sim.Edit(s.cluster, "", node, func(node *corev1.Node) {
		for _, taint := range node.Spec.Taints {
			if taint.Key == "dedicated" {
				s.tell("kubectl taint nodes %s dedicated:%s-", node.Name, taint.Effect)
			}
		}
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == "dedicated" })
	}))
}

// host chooses one, and says under which name it goes.
func (p *play) host(t *rapid.T) (sim.Host, string) {
	host := p.Hosts[rapid.IntRange(0, len(p.Hosts)-1).Draw(t, "host")]
	return host, hostName(host)
}

// hostName is what the cluster calls a host.
func hostName(host sim.Host) string {
	if host.Name == "" {
		return strings.ToLower(host.Kind)
	}
	return host.Name
}

func (p *play) lag(t *rapid.T) {
	host, name := p.host(t)
	kind := rapid.SampledFrom(append([]string{host.Kind}, host.Reads...)).Draw(t, "kind")
	writes := rapid.IntRange(0, 5).Draw(t, "writes")
	if slices.ContainsFunc(p.plays, func(p *play) bool {
		return kind == p.workload.Kind && p.deleted || kind == host.Kind && slices.Contains(p.Written, kind)
	}) {
		t.Skip("the end of a workload has to be seen, and what a workload makes may end at any time")
	}
	if p.HostsBind && kind == "Node" {
		t.Skip("a node that drives pods away would be bound to again and again while no time passes, for lag is counted in writes")
	}
	if p.lags.IsZero() && slices.ContainsFunc(p.plays, func(p *play) bool { return p.LagsEnd }) {
		p.lags = p.cluster.Now()
	}
	p.setLag(name, kind, writes)
}

// endLags brings all views up to date.
func (s *stage) endLags() {
	s.lags = time.Time{}
	for _, p := range s.plays {
		for _, host := range p.Hosts {
			for _, kind := range append([]string{host.Kind}, host.Reads...) {
				s.setLag(hostName(host), kind, 0)
			}
		}
	}
}

func (s *stage) setLag(host, kind string, writes int) {
	s.tell("lag %s %s %d", host, strings.ToLower(kind), writes)
	s.cluster.Lag(host, kind, writes)
}

func (p *play) crash(t *rapid.T) {
	_, name := p.host(t)
	crash := sim.Crash{
		Host:        name,
		After:       rapid.IntRange(0, 3).Draw(t, "after actions"),
		KeepPending: rapid.Bool().Draw(t, "keeps its ledger"),
		Down:        pick(t, "down", 0, time.Second, 30*time.Second),
	}
	keeping := ""
	if crash.KeepPending {
		keeping = " keeping its ledger"
	}
	p.tell("crash %s after %d actions%s for %s", name, crash.After, keeping, crash.Down)
	p.cluster.Crash(crash)
}

func (p *play) refuse(t *rapid.T) {
	match, times := p.match(t)
	if match.Verb == "update" && rapid.Bool().Draw(t, "conflict") {
		p.tell("conflict %s %s %d times", match.Verb, strings.ToLower(match.Kind), times)
		p.cluster.Conflict(match, times)
		return
	}
	p.tell("fail %s %s %d times", match.Verb, strings.ToLower(match.Kind), times)
	p.cluster.Refuse(match, times, nil)
}

func (p *play) loseAnswer(t *rapid.T) {
	match, times := p.match(t)
	happens := rapid.Bool().Draw(t, "happens")
	unwritten := map[bool]string{true: "", false: " unwritten"}[happens]
	p.tell("lose answer %s %s %d times%s", match.Verb, strings.ToLower(match.Kind), times, unwritten)
	p.cluster.LoseAnswer(match, times, happens)
}

// match chooses the writes that a fault meets.
func (p *play) match(t *rapid.T) (sim.Match, int) {
	verb := pick(t, "verb", "create", "delete", "update", "update-status")
	kind := "Pod"
	switch {
	case verb == "update-status":
		kind = p.workload.Kind
	case len(p.Written) > 0:
		kind = rapid.SampledFrom(append([]string{kind}, p.Written...)).Draw(t, "of")
	}
	return sim.Match{Verb: verb, Kind: kind}, rapid.IntRange(1, 3).Draw(t, "times")
}

// workloadDeleted deletes the workload. From then on views of its own kind do not lag, for lag is counted in writes: without another
// one a host would never see the end, and create pods for ever that the garbage collector takes away at once.
func (p *play) workloadDeleted(t *rapid.T) {
	obj := p.exists()
	if obj == nil || obj.GetDeletionTimestamp() != nil || !rarely(t, "really", 3) {
		t.Skip("there is none, or it stays")
	}
	p.deleted = true
	for _, host := range p.Hosts {
		p.setLag(hostName(host), p.workload.Kind, 0)
	}
	policy := pick(t, "cascade", metav1.DeletePropagationBackground, metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan)
	p.tellThere("kubectl delete %s %s --cascade=%s --wait=false", strings.ToLower(p.workload.Kind), p.workload.Name, strings.ToLower(string(policy)))
	p.must(t, p.cluster.Delete(p.workload, metav1.DeleteOptions{PropagationPolicy: &policy}))
}

func (p *play) workloadCreated(t *rapid.T) {
	if p.exists() != nil {
		t.Skip("it exists")
	}
	p.apply(t)
}
