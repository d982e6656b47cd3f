package plantest

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// happenings are what a history is made of. Time passes more often than anything else happens, and can always pass.
func (p *play) happenings() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"":               p.fail,
		"time passes":    p.timePasses,
		"time passes on": p.timePasses,
		"edit":           p.editAny,
		"pod unready":    p.podReadiness(false),
		"pod ready":      p.podReadiness(true),
		"pod exits":      p.podExits,
		"pod evicted":    p.podEvicted,
		"pod deleted":    p.podDeleted,
		"pod relabelled": p.podRelabelled,
		"node added":     p.nodeAdded,
		"node lost":      p.nodeLost,
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
	return actions
}

func (p *play) timePasses(t *rapid.T) {
	p.advance(pick(t, "how long", 0, 5*time.Millisecond, time.Second, time.Second, 3*time.Second, 10*time.Second, time.Minute))
}

func (p *play) editAny(t *rapid.T) {
	if obj := p.exists(); obj == nil || obj.GetDeletionTimestamp() != nil {
		t.Skip("no workload to edit")
	}
	p.edit(t)
}

func (p *play) edit(t *rapid.T) {
	edit := p.Edits[rapid.IntRange(0, len(p.Edits)-1).Draw(t, "edit")]
	obj := p.exists()
	p.tell("%s", edit.Change(t, obj))
	_, err := p.cluster.Update(obj)
	p.must(t, err)
}

// pod chooses one.
func (p *play) pod(t *rapid.T) string {
	pods := p.names("Pod")
	if len(pods) == 0 {
		t.Skip("no pods")
	}
	return rapid.SampledFrom(pods).Draw(t, "pod")
}

func (p *play) podReadiness(ready bool) func(*rapid.T) {
	command := map[bool]string{true: "pod ready %s", false: "pod unready %s"}[ready]
	return func(t *rapid.T) {
		pod := p.pod(t)
		if p.cluster.SetPodReady("", pod, ready) != nil {
			t.Skip("it does not run")
		}
		p.tell(command, pod)
	}
}

func (p *play) podExits(t *rapid.T) {
	pod, code := p.pod(t), pick[int32](t, "code", 0, 1)
	if p.cluster.Exit("", pod, "", code) != nil {
		t.Skip("it does not run")
	}
	p.tell("pod exit %s %d", pod, code)
}

func (p *play) podEvicted(t *rapid.T) {
	pod := p.pod(t)
	if p.cluster.Evict("", pod, "out of memory") != nil {
		t.Skip("it does not run")
	}
	p.tell(`pod evict %s "out of memory"`, pod)
}

func (p *play) podDeleted(t *rapid.T) {
	pod := p.pod(t)
	p.tell("kubectl delete pod %s --wait=false", pod)
	p.must(t, p.cluster.Delete(plan.Ref{APIVersion: "v1", Kind: "Pod", Name: pod}, metav1.DeleteOptions{}))
}

// podRelabelled takes a pod out of service by hand, or puts it back.
func (p *play) podRelabelled(t *rapid.T) {
	pod := p.pod(t)
	p.must(t, sim.Edit(p.cluster, "", pod, func(pod *corev1.Pod) {
		key := sortedKeys(pod.Labels)[0]
		value := strings.TrimSuffix(pod.Labels[key], "-out")
		if value == pod.Labels[key] {
			value += "-out"
		}
		p.tell("kubectl label pod %s %s=%s --overwrite", pod.Name, key, value)
		pod.Labels[key] = value
	}))
}

func (p *play) orphanCreated(t *rapid.T) {
	if p.orphans == 3 {
		t.Skip("enough orphans")
	}
	p.orphans++
	pod := p.Orphan()
	pod.Name = fmt.Sprintf("orphan-%d", p.orphans)
	p.tell("kubectl create -f -\n> %s", compact(pod))
	_, err := p.cluster.Create(pod)
	p.must(t, err)
}

func (p *play) nodeAdded(t *rapid.T) {
	if p.nodes == 4 {
		t.Skip("enough nodes")
	}
	p.nodes++
	name := fmt.Sprintf("node%d", p.nodes)
	p.tell("node add %s", name)
	p.must(t, p.cluster.AddNode(name, nil))
}

// nodeLost removes a node, or cuts it off. One node always stays.
func (p *play) nodeLost(t *rapid.T) {
	nodes := p.names("Node")
	if len(nodes) == 1 {
		t.Skip("the last node")
	}
	node := rapid.SampledFrom(nodes).Draw(t, "node")
	if rapid.Bool().Draw(t, "comes back") {
		p.tell("node down %s", node)
		p.must(t, p.cluster.SetNodeReady(node, false))
		return
	}
	p.tell("node remove %s", node)
	p.must(t, p.cluster.RemoveNode(node))
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
	if kind == p.workload.Kind && p.deleted {
		t.Skip("the end of a workload has to be seen")
	}
	p.setLag(name, kind, writes)
}

func (p *play) setLag(host, kind string, writes int) {
	p.tell("lag %s %s %d", host, strings.ToLower(kind), writes)
	p.cluster.Lag(host, kind, writes)
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
	if verb == "update-status" {
		kind = p.workload.Kind
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
	p.tell("kubectl delete %s %s --cascade=%s --wait=false", strings.ToLower(p.workload.Kind), p.workload.Name, strings.ToLower(string(policy)))
	p.must(t, p.cluster.Delete(p.workload, metav1.DeleteOptions{PropagationPolicy: &policy}))
}

func (p *play) workloadCreated(t *rapid.T) {
	if p.exists() != nil {
		t.Skip("it exists")
	}
	p.apply(t)
}
