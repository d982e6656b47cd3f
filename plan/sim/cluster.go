package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// Options are what a history depends on besides the calls made: the same options and the same calls give the same
// history, byte for byte.
type Options struct {
	// Seed determines UIDs, generated names and random faults.
	Seed uint64
	// Start is the time at which the cluster begins. Zero: 2026-01-01 00:00:00 UTC.
	Start time.Time
	// Nodes is how many nodes there are to begin with: node1, node2, ...
	Nodes int
	// HostsBind: the scheduler binds no pods and the volume controller chooses no volumes, since the hosts do. All else
	// goes on as usual.
	HostsBind bool
}

// Cluster is a Kubernetes cluster on virtual time. Nothing happens on its own: time stands still until Advance or
// one of its siblings is called. It is not safe for use by several goroutines.
type Cluster struct {
	now    time.Time
	rng    *rand.Rand
	agenda agenda
	store  store

	watchers []func(Write) // the cluster's own parts, in the order in which they hear of a write
	checks   []func(Write)

	collector collector
	scheduler scheduler
	kubelet   kubelet
	nodes     nodes
	volumes   volumes
	hosts     []*host
	plans     int    // that were begun to be carried out
	acting    string // the host that carries out the last of them
	faults    faults
	recorded  map[string]string // the names of events by what they say
}

// New returns a cluster without hosts. Add them with [Cluster.AddHost].
func New(o Options) *Cluster {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	c := &Cluster{
		now:      o.Start,
		rng:      rand.New(rand.NewPCG(o.Seed, 0)),
		agenda:   agenda{byKey: map[string]*appointment{}},
		store:    newStore(),
		recorded: map[string]string{},
	}
	c.scheduler.off, c.volumes.off = o.HostsBind, o.HostsBind
	c.watchers = []func(Write){
		c.startCollector(),
		c.startNamespaces(),
		c.startNodes(),
		c.startScheduler(),
		c.startKubelet(),
		c.startVolumes(),
		c.tellHosts,
	}
	for i := range o.Nodes {
		if err := c.AddNode(fmt.Sprintf("node%d", i+1), nil); err != nil {
			panic(err) // a name that is always valid, in a cluster that is empty
		}
	}
	return c
}

// Now is the time in the cluster.
func (c *Cluster) Now() time.Time { return c.now }

// Advance lets d pass: everything that is due by then happens, in one fixed order. Advance(0) has all that is due now
// happen: what follows from a write just made.
func (c *Cluster) Advance(d time.Duration) {
	end := c.now.Add(d)
	c.runUntil(end, func() bool { return false })
	c.now = end
}

// RunUntilQuiet lets time pass until nothing is due any more, but no longer than limit, and reports whether it got
// there; time then stands at the last thing that happened. What repeats for ever, as a CronJob or a
// container that crashes, is never quiet.
func (c *Cluster) RunUntilQuiet(limit time.Duration) bool {
	end := c.now.Add(limit)
	c.runUntil(end, func() bool { return false })
	if _, due := c.agenda.next(); due {
		c.now = end
		return false
	}
	return true
}

// RunUntil lets time pass until done reports true, asked after everything that happens, but no longer than limit. It
// reports whether it got there; time then stands at the instant at which it did.
func (c *Cluster) RunUntil(limit time.Duration, done func() bool) bool {
	end := c.now.Add(limit)
	if done() || c.runUntil(end, done) {
		return true
	}
	c.now = end
	return done()
}

// runUntil does what is due until end, or until done says so.
func (c *Cluster) runUntil(end time.Time, done func() bool) bool {
	atOnce, last := 0, ""
	for {
		at, due := c.agenda.next()
		if !due || at.After(end) {
			return false
		}
		if at.After(c.now) {
			c.now, atOnce = at, 0
		}
		if atOnce++; atOnce > tooMuchAtOnce {
			panic(fmt.Sprintf("sim: %d steps without any time passing, the last %q; the last writes were\n%s", atOnce, last, c.tail(10)))
		}
		step := c.agenda.pop()
		last = step.key
		step.run()
		if done() {
			return true
		}
	}
}

// tooMuchAtOnce is how many steps at one instant are taken for a cycle that will not end.
const tooMuchAtOnce = 200_000

// OnWrite has check called after every write, at that instant and with the write in effect, but for the recording of
// events. Several are called in the order in which they were added. They may read the cluster, not write to it.
func (c *Cluster) OnWrite(check func(Write)) {
	c.checks = append(c.checks, check)
}

// Writes gives all writes so far, those of events among them.
func (c *Cluster) Writes() []Write {
	return c.store.log[:len(c.store.log):len(c.store.log)]
}

// Forget lets go of the past, for histories that are too long to be kept: of the writes that all views have seen, which
// [Cluster.Writes] and [Cluster.Log] then no longer give, and of all events.
func (c *Cluster) Forget() {
	c.store.log = nil
	c.store.kinds["Event"] = &shelf{}
	c.recorded = map[string]string{}
	for kind, shelf := range c.store.kinds {
		seen := len(shelf.log)
		for _, h := range c.hosts {
			if v := h.views[kind]; v != nil {
				seen = min(seen, v.position)
			}
		}
		for _, h := range c.hosts {
			if v := h.views[kind]; v != nil {
				v.position -= seen
			}
		}
		shelf.log = slices.Clone(shelf.log[seen:])
	}
}

// Log tells all writes so far, one line each.
func (c *Cluster) Log() string {
	return c.tail(len(c.store.log))
}

func (c *Cluster) tail(n int) string {
	var lines strings.Builder
	for _, w := range c.store.log[max(0, len(c.store.log)-n):] {
		lines.WriteString(w.String() + "\n")
	}
	return lines.String()
}

// commit makes a write take effect and tells everybody.
func (c *Cluster) commit(by, verb string, before, after plan.Object) {
	c.store.version++
	if after != nil {
		after.SetResourceVersion(fmt.Sprint(c.store.version))
	}
	w := Write{At: c.now, ResourceVersion: c.store.version, Verb: verb, By: by, Before: before, After: after}
	if by == c.acting {
		w.Plan = c.plans
	}
	c.store.write(w)
	if w.Kind() == "Event" {
		return
	}
	for _, tell := range c.watchers {
		tell(w)
	}
	for _, check := range c.checks {
		check(w)
	}
}

// after enters an appointment a while from now; of two with one key the earlier stands.
func (c *Cluster) after(delay time.Duration, key string, run func()) {
	c.agenda.enter(key, c.now.Add(delay), run)
}

// timestamp is now as the API knows time: in whole seconds.
func (c *Cluster) timestamp() metav1.Time {
	return metav1.NewTime(c.now.Truncate(time.Second))
}

// newUID gives a random UID in the form of RFC 4122.
func (c *Cluster) newUID() types.UID {
	high, low := c.rng.Uint64(), c.rng.Uint64()
	return types.UID(fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", high>>32, high>>16&0xffff, high&0xfff, low>>48&0x3fff|0x8000, low&(1<<48-1)))
}

// suffix is what the API server puts behind a generateName: five characters that make no words.
func (c *Cluster) suffix() string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	name := make([]byte, 5)
	for i := range name {
		name[i] = alphabet[c.rng.IntN(len(alphabet))]
	}
	return string(name)
}
