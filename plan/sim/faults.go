package sim

import (
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// Forever, as a number of times, has a fault happen until ClearFaults.
const Forever = -1

// Match selects writes of hosts. An empty field matches everything. Writes of users and of the cluster's own parts are never
// disturbed.
type Match struct {
	Host, Verb, Kind, Name string // Verb: create, update, update-status, bind or delete
}

// faults is what is to go wrong.
type faults struct {
	orders []*order
	chaos  Chaos
}

// order is what happens to the next writes that match.
type order struct {
	Match
	times   int
	disturb func(c *Cluster, h *host, action plan.Action) (plan.Object, error)
}

// Refuse has the API server refuse the next writes that match, times of them or [Forever], with status; nil stands for
// Forbidden, as for an exceeded quota. Of several faults that match a write, the one ordered first applies.
func (c *Cluster) Refuse(m Match, times int, status *metav1.Status) {
	c.order(m, times, func(_ *Cluster, _ *host, action plan.Action) (plan.Object, error) {
		if status != nil {
			return nil, &apierrors.StatusError{ErrStatus: *status.DeepCopy()}
		}
		return nil, overQuota(action)
	})
}

// Conflict refuses the next writes that match, times of them or [Forever], as if someone else had changed the object.
func (c *Cluster) Conflict(m Match, times int) {
	c.order(m, times, func(_ *Cluster, _ *host, action plan.Action) (plan.Object, error) {
		return nil, conflicting(action)
	})
}

// LoseAnswer takes the answer from the next writes that match, times of them or [Forever]: the host sees a broken
// connection. happens says whether the write takes effect.
func (c *Cluster) LoseAnswer(m Match, times int, happens bool) {
	c.order(m, times, func(c *Cluster, h *host, action plan.Action) (plan.Object, error) {
		return nil, c.lose(h, action, happens)
	})
}

func (c *Cluster) order(m Match, times int, disturb func(*Cluster, *host, plan.Action) (plan.Object, error)) {
	if times != 0 {
		c.faults.orders = append(c.faults.orders, &order{Match: m, times: times, disturb: disturb})
	}
}

// send is the way of a host's request to the API server, on which things go wrong. Of several orders that match, the
// oldest applies.
func (c *Cluster) send(h *host, action plan.Action) (plan.Object, error) {
	for i, o := range c.faults.orders {
		if !o.matches(h.Name, action) {
			continue
		}
		if o.times > 0 {
			if o.times--; o.times == 0 {
				c.faults.orders = slices.Delete(c.faults.orders, i, i+1)
			}
		}
		return o.disturb(c, h, action)
	}
	switch chaos := &c.faults.chaos; {
	case c.rolls(chaos.Refuse):
		return nil, overQuota(action)
	case c.rolls(chaos.Conflict):
		return nil, conflicting(action)
	case c.rolls(chaos.Lose):
		return nil, c.lose(h, action, c.rolls(0.5))
	}
	return c.request(h.Name, action)
}

func (m Match) matches(host string, action plan.Action) bool {
	target := action.Target()
	return (m.Host == "" || m.Host == host) && (m.Verb == "" || m.Verb == verbOf(action)) &&
		(m.Kind == "" || m.Kind == target.Kind) && (m.Name == "" || m.Name == target.Name)
}

func verbOf(action plan.Action) string {
	switch action.(type) {
	case plan.Create:
		return verbCreate
	case plan.Update:
		return verbUpdate
	case plan.UpdateStatus:
		return verbUpdateStatus
	case plan.Delete:
		return verbDelete
	case plan.Bind:
		return verbBind
	}
	return ""
}

func (c *Cluster) lose(h *host, action plan.Action, happens bool) error {
	if happens {
		// Refused or not: the host will not know.
		_, _ = c.request(h.Name, action)
	}
	return errNoAnswer
}

// errNoAnswer is what a client returns when the connection broke.
var errNoAnswer = errors.New("http2: client connection lost")

func overQuota(action plan.Action) error {
	ref := action.Target()
	group := groupResource(metav1.TypeMeta{APIVersion: ref.APIVersion, Kind: ref.Kind})
	return apierrors.NewForbidden(group, ref.Name, errors.New("exceeded quota"))
}

func conflicting(action plan.Action) error {
	ref := action.Target()
	group := groupResource(metav1.TypeMeta{APIVersion: ref.APIVersion, Kind: ref.Kind})
	return apierrors.NewConflict(group, ref.Name, errModified)
}

// Lag keeps the newest writes to a kind ("": every kind that it reads) from a host's view. The view never goes back: a lag
// that grows holds it where it is. 0 ends it.
func (c *Cluster) Lag(host, kind string, writes int) {
	h := c.host(host)
	for _, read := range h.kinds() {
		if kind == "" || kind == read {
			h.setLag(read, writes)
		}
	}
}

func (h *host) setLag(kind string, writes int) {
	h.views[kind].lag = writes
	if !h.down {
		h.look(kind)
	}
}

// Crash says how a host ends and starts again.
type Crash struct {
	// Host is the host's name.
	Host string
	// After is the number of actions that it still carries out, in this plan and in later ones. 0: it crashes at once.
	After int
	// KeepPending: the host persists its ledgers and memories with every action and finds them again, and its view
	// goes on from where it was. Otherwise they are lost, and it starts from a consistent list.
	KeepPending bool
	// Down is how long it takes to start again.
	Down time.Duration
}

// Crash has a host crash: at once, or in the middle of a plan to come. It takes the place of a crash that was ordered
// before and has not happened yet.
func (c *Cluster) Crash(crash Crash) {
	h := c.host(crash.Host)
	h.crash = &crash
	if crash.After <= 0 {
		h.fall()
	}
}

// crashes counts an action, and reports whether it was the last before a crash.
func (h *host) crashes() bool {
	if h.crash == nil && h.c.rolls(h.c.faults.chaos.Crash) {
		h.crash = &Crash{After: 1, KeepPending: h.c.rolls(0.5), Down: time.Duration(h.c.rng.Int64N(int64(longestDown)))}
	}
	if h.crash == nil {
		return false
	}
	if h.crash.After--; h.crash.After > 0 {
		return false
	}
	h.fall()
	return true
}

// longestDown is how long a host that crashes at random is down at the most.
const longestDown = 5 * time.Second

func (h *host) fall() {
	crash := *h.crash
	h.crash = nil
	h.down = true
	for _, workload := range h.views[h.Kind].collection {
		h.cancel(workload)
	}
	h.c.agenda.strike(h.Name + ": start")
	h.c.after(crash.Down, h.Name+": start", func() { h.start(crash.KeepPending) })
}

func (h *host) start(keepPending bool) {
	h.down = false
	if !keepPending {
		h.ledgers = map[types.UID]*ledger{}
		for kind, v := range h.views {
			h.c.relist(v, kind)
		}
	}
	for _, kind := range h.kinds() {
		h.look(kind)
	}
	h.planAll("")
}

// Chaos are faults at random, by the seed of the cluster. The probabilities, from 0 to 1, are per write of a host. Of the
// writes that lose their answer every second one takes effect; a host that crashes is down for up to 5 s, and every
// second time it keeps its ledgers.
type Chaos struct {
	Refuse, Conflict, Lose, Crash float64
	// Lag is the largest number of writes by which a view lags. The lag of each view is drawn anew with every plan.
	Lag int
}

// SetChaos has faults happen at random from now on; the zero Chaos ends them, and the lags that it brought.
func (c *Cluster) SetChaos(chaos Chaos) {
	lagged := c.faults.chaos.Lag > 0
	c.faults.chaos = chaos
	if lagged && chaos.Lag == 0 {
		c.endLags()
	}
}

func (c *Cluster) endLags() {
	for _, h := range c.hosts {
		for _, kind := range h.kinds() {
			h.setLag(kind, 0)
		}
	}
}

// ClearFaults ends every fault: refusals, lost answers, lags, crashes to come, and chaos. A host that is down still takes its
// time to start.
func (c *Cluster) ClearFaults() {
	c.faults = faults{}
	for _, h := range c.hosts {
		h.crash = nil
	}
	c.endLags()
}

// rolls the dice. Without a chance nothing is drawn, so that a history without chaos is the same whatever is added here.
func (c *Cluster) rolls(chance float64) bool {
	return chance > 0 && c.rng.Float64() < chance
}

// rollLag gives a host new lags if chaos says so.
func (c *Cluster) rollLag(h *host) {
	if c.faults.chaos.Lag == 0 {
		return
	}
	for _, kind := range h.kinds() {
		h.setLag(kind, c.rng.IntN(c.faults.chaos.Lag+1))
	}
}
