package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// Host runs one planner the way a program that embeds it does: it looks at the cluster through a view of its own, which
// may lag, plans each workload of its kind, carries the actions out one by one up to the first failure, and keeps their
// outcomes in a [plan.Pending] per workload. It plans again on change, at Result.Wake, and after a failure: after
// 5 ms, and twice as long with each further one in a row, up to 1000 s. A plan that is an error is recorded as an
// event, FailedPlan. A planner that goes in circles, 1000 plans at one instant, panics.
type Host struct {
	// Name tells hosts apart in the log and in faults. Empty: the kind in lower case, "replicaset".
	Name string
	// Kind is the kind of the workloads.
	Kind string
	// Reads are the kinds that the planner observes besides the workloads themselves.
	Reads []string
	// Plan plans one workload. Neither the workload nor what it reads may be modified.
	Plan func(workload plan.Object, seen Seen) (Planned, error)
	// ServerNames leaves generated names to the API server. By default the host fills them in, so that a creation without
	// an answer can be recognised by its name.
	ServerNames bool
}

// Seen is what a host has seen when it plans. [Read] gives the objects.
type Seen struct {
	Now     time.Time
	Pending plan.Pending
	Memory  any // what the last plan for this workload handed back; nil at first

	views     map[string]*view
	namespace string
}

// Planned is a plan, and the memory to keep for the next one by planners that have one.
type Planned struct {
	plan.Result
	Memory any
}

// Read gives the objects of type T that the host's view shows in the namespace of the workload, or all if T has no
// namespaces. They are not to be modified. A kind that is not among Host.Reads, nor Host.Kind, is a panic.
func Read[T plan.Object](seen Seen) []T {
	kind, namespace := kindFor[T](), seen.namespace
	v := seen.views[kind]
	if v == nil {
		panic(fmt.Sprintf("sim: the host does not read %ss", kind))
	}
	if !hasNamespaces(kind) {
		namespace = ""
	}
	return typed[T](v.in(namespace))
}

// AddHost starts a host. It begins with a consistent list of what it reads, and plans when time next moves.
func (c *Cluster) AddHost(h Host) {
	if h.Name == "" {
		h.Name = strings.ToLower(h.Kind)
	}
	started := &host{Host: h, c: c, views: map[string]*view{}, ledgers: map[types.UID]*ledger{}}
	for _, kind := range started.kinds() {
		started.views[kind] = c.newView(kind)
	}
	c.hosts = append(c.hosts, started)
	started.planAll("")
}

// Pending is the ledger that a host keeps for a workload, found by UID or else by name. It is empty if there is none, and a
// panic if there is no such host.
func (c *Cluster) Pending(host string, workload plan.Ref) plan.Pending {
	return c.host(host).ledgerOf(workload).pending
}

// LastPlan is the plan that a host made last for a workload, found as by [Cluster.Pending].
func (c *Cluster) LastPlan(host string, workload plan.Ref) plan.Result {
	return c.host(host).ledgerOf(workload).plan
}

// host is a Host at work.
type host struct {
	Host
	c       *Cluster
	views   map[string]*view
	ledgers map[types.UID]*ledger
	down    bool
	crash   *Crash // the next one, if one is ordered
}

// ledger is what a host keeps for one workload.
type ledger struct {
	pending  plan.Pending
	memory   any
	plan     plan.Result
	failures int // in a row
	planned  time.Time
	rounds   int // plans at that instant
}

const (
	// A host retries after 5 ms, doubling to 1000 s, as Kubernetes' controllers do.
	firstRetry = 5 * time.Millisecond
	lastRetry  = 1000 * time.Second
)

// host finds a host by name. To ask for one that was never added is a mistake in the program.
func (c *Cluster) host(name string) *host {
	at := slices.IndexFunc(c.hosts, func(h *host) bool { return h.Name == name })
	if at < 0 {
		panic(fmt.Sprintf("sim: there is no host %q", name))
	}
	return c.hosts[at]
}

// kinds are those that the host has a view of.
func (h *host) kinds() []string {
	return append([]string{h.Kind}, h.Reads...)
}

func (h *host) ledgerOf(workload plan.Ref) *ledger {
	uid := workload.UID
	if uid == "" {
		if obj := h.views[h.Kind].get(inNamespace(h.Kind, workload.Namespace), workload.Name); obj != nil {
			uid = obj.GetUID()
		}
	}
	if kept := h.ledgers[uid]; kept != nil {
		return kept
	}
	return &ledger{}
}

// tellHosts lets the hosts see a write, as far as their views do.
func (c *Cluster) tellHosts(w Write) {
	for _, h := range c.hosts {
		if h.views[w.Kind()] != nil && !h.down {
			h.look(w.Kind())
		}
	}
}

// look moves the view of a kind on, and has planned again what may be concerned: the workloads in the namespace of
// what changed, or all if it has none.
func (h *host) look(kind string) {
	for _, w := range h.c.catchUp(h.views[kind], kind) {
		if kind == h.Kind && w.After == nil {
			h.forget(w.Before)
		}
		h.planAll(w.Object().GetNamespace())
	}
}

func (h *host) planAll(namespace string) {
	for _, workload := range h.views[h.Kind].in(namespace) {
		h.planAfter(0, "plan", workload)
	}
}

// planAfter has a workload planned after a while, for a reason of which there is one at a time.
func (h *host) planAfter(delay time.Duration, why string, workload plan.Object) {
	namespace, name := workload.GetNamespace(), workload.GetName()
	h.c.after(delay, h.key(why, workload), func() { h.plan(namespace, name) })
}

func (h *host) key(why string, workload plan.Object) string {
	return fmt.Sprintf("%s: %s %s/%s", h.Name, why, workload.GetNamespace(), workload.GetName())
}

// cancel takes a workload off the agenda.
func (h *host) cancel(workload plan.Object) {
	for _, why := range []string{"plan", "retry", "wake"} {
		h.c.agenda.strike(h.key(why, workload))
	}
}

func (h *host) forget(workload plan.Object) {
	delete(h.ledgers, workload.GetUID())
	h.cancel(workload)
}

// plan is one turn of the host's loop: observe, plan, settle, carry out, and say when to come back.
func (h *host) plan(namespace, name string) {
	h.c.rollLag(h)
	workload := h.views[h.Kind].get(namespace, name)
	if workload == nil || h.down {
		return
	}
	h.cancel(workload)
	kept := h.ledgers[workload.GetUID()]
	if kept == nil {
		kept = &ledger{}
		h.ledgers[workload.GetUID()] = kept
	}
	kept.pending.Seen = map[string]string{}
	for kind, v := range h.views {
		kept.pending.Seen[kind] = v.resourceVersion()
	}
	kept.count(h, workload)
	planned, err := h.Plan(workload, Seen{
		Now: h.c.now, Pending: kept.pending, Memory: kept.memory, views: h.views, namespace: namespace,
	})
	if err != nil {
		h.c.warn(h.Name, workload, "FailedPlan", "%s", err)
		return // until it changes
	}
	kept.plan, kept.memory = planned.Result, planned.Memory
	kept.pending = plan.Settle(kept.pending, h.c.now)
	for _, event := range planned.Events {
		h.c.record(h.Name, workload, event)
	}
	if !h.carryOut(workload, kept) {
		return // it crashed
	}
	if wake := planned.Wake; !wake.IsZero() {
		h.planAfter(max(0, wake.Sub(h.c.now)), "wake", workload)
	}
}

// count stops a planner that goes in circles at one instant, as one does that asks to be woken in the past.
func (kept *ledger) count(h *host, workload plan.Object) {
	if !kept.planned.Equal(h.c.now) {
		kept.planned, kept.rounds = h.c.now, 0
	}
	if kept.rounds++; kept.rounds > tooManyRounds {
		panic(fmt.Sprintf("sim: %s planned %s %d times without any time passing; its last plan was\n%v\nand the last writes were\n%s",
			h.Name, plan.RefTo(workload), kept.rounds, kept.plan, h.c.tail(10)))
	}
}

// tooManyRounds is how many plans of one workload at one instant are taken for a cycle that will not end.
const tooManyRounds = 1000

// carryOut carries the plan out, up to the first failure, and reports whether the host is still there.
func (h *host) carryOut(workload plan.Object, kept *ledger) bool {
	ref := plan.RefTo(workload)
	h.c.plans++
	h.c.acting = h.Name
	defer func() { h.c.acting = "" }()
	for _, action := range kept.plan.Actions {
		if _, waits := action.(plan.Wait); waits {
			continue
		}
		outcome, err := h.do(action)
		if !errors.Is(err, errOwnerGone) {
			kept.pending.Outcomes = append(kept.pending.Outcomes, outcome)
			if event, ok := plan.EventFor(ref, outcome); ok {
				h.c.record(h.Name, workload, event)
			}
		}
		if h.crashes() {
			return false
		}
		if err != nil {
			delay := min(firstRetry<<min(kept.failures, 20), lastRetry)
			kept.failures++
			h.planAfter(delay, "retry", workload)
			return true
		}
	}
	kept.failures = 0
	return true
}

// errOwnerGone: the owner that was to be read first, uncached, is not what the plan took it for.
var errOwnerGone = errors.New("the owner is gone or is being deleted")

// do carries out one action. The error says that the next one must not be begun.
func (h *host) do(action plan.Action) (plan.Outcome, error) {
	switch a := action.(type) {
	case plan.Create:
		if a.Object.GetName() == "" && !h.ServerNames {
			named := clone(a.Object)
			named.SetName(h.c.generateName(named.GetGenerateName()))
			action = plan.Create{Object: named}
		}
	case plan.Update:
		if a.Live != nil && !h.c.lives(*a.Live) {
			return plan.Outcome{}, errOwnerGone
		}
	}
	reply, err := h.c.send(h, action)
	if _, deletes := action.(plan.Delete); deletes && apierrors.IsNotFound(err) {
		err = nil // it is gone, as it was to be
	}
	return plan.OutcomeOf(action, reply, err, h.c.now), err
}

// lives reports whether the API server knows the very object, and that it is not being deleted.
func (c *Cluster) lives(owner plan.Ref) bool {
	obj, err := c.find(owner)
	return err == nil && obj.GetUID() == owner.UID && obj.GetDeletionTimestamp() == nil
}

// request is what an action asks of the API server.
func (c *Cluster) request(by string, action plan.Action) (plan.Object, error) {
	switch a := action.(type) {
	case plan.Create:
		return c.create(by, a.Object)
	case plan.Update:
		return c.update(by, a.After)
	case plan.UpdateStatus:
		return c.updateStatus(by, a.After)
	case plan.Delete:
		opts := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &a.Object.UID}}
		if a.Propagation != "" {
			opts.PropagationPolicy = &a.Propagation
		}
		return nil, c.delete(by, a.Object, opts)
	case plan.Bind:
		return nil, c.bind(by, a.Object, a.To)
	}
	return nil, nil
}
