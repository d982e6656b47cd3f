package plantest

import (
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan"
)

// history is a cluster and a host that plans one workload in it. The view shows each kind as it was after some earlier write, as
// informers do, each at a version of its own.
type history[I any] struct {
	subject Subject[I]
	truth   []Snapshot     // after each write, the first one before any
	seen    map[string]int // by kind: the place in truth as of which the view shows it
	pending plan.Pending
	memory  any
	// tells says that the host puts into the ledger how far its view has come; some cannot.
	tells bool
	// lost says that an answer did not arrive, so that the ledger may assume what is not so.
	lost bool
	// churns says that others change the cluster, too. What the view does not show of that, no planner can allow for.
	churns bool
}

func (s Subject[I]) begin(t *rapid.T) *history[I] {
	first := s.current(t)
	first.Lingers = rapid.Bool().Draw(t, "deleted pods linger")
	return &history[I]{
		subject: s,
		truth:   []Snapshot{first},
		seen:    map[string]int{},
		memory:  first.Memory,
		tells:   !rarely(t, "does not tell what it has seen", 4),
	}
}

func (h *history[I]) now() Snapshot { return h.truth[len(h.truth)-1] }

// change lets the cluster become another one.
func (h *history[I]) change(after Snapshot) { h.truth = append(h.truth, after) }

// clock sets the time, for the view as for the cluster.
func (h *history[I]) clock(now time.Time) {
	for i := range h.truth {
		h.truth[i].Now = now
	}
}

func kindOf(obj plan.Object) string { return plan.KindOf(obj).Kind }

// kinds are all that ever were in the cluster.
func (h *history[I]) kinds() []string {
	kinds := map[string]bool{kindOf(h.truth[0].Workload): true}
	for _, s := range h.truth {
		for _, obj := range s.Objects {
			kinds[kindOf(obj)] = true
		}
	}
	return sortedKeys(kinds)
}

// view is what the host sees.
func (h *history[I]) view() Snapshot {
	view := h.now()
	view.Objects = nil
	view.Memory = h.memory
	view.Pending = plan.Pending{Outcomes: slices.Clone(h.pending.Outcomes)}
	workload := kindOf(view.Workload)
	for _, kind := range h.kinds() {
		then := h.truth[h.seen[kind]]
		for _, obj := range then.Objects {
			if kindOf(obj) == kind {
				view.Objects = append(view.Objects, obj)
			}
		}
		if kind == workload {
			view.Workload = then.Workload
		}
		if h.tells {
			if view.Pending.Seen == nil {
				view.Pending.Seen = map[string]string{}
			}
			view.Pending.Seen[kind] = strconv.Itoa(then.Version)
		}
	}
	return view
}

// look moves the view on, each kind by itself, to some later write.
func (h *history[I]) look(t *rapid.T) {
	for _, kind := range h.kinds() {
		h.seen[kind] = rapid.IntRange(h.seen[kind], len(h.truth)-1).Draw(t, "view of "+kind)
	}
}

// catchUp brings the view up to date.
func (h *history[I]) catchUp() {
	for _, kind := range h.kinds() {
		h.seen[kind] = len(h.truth) - 1
	}
}

// fault is what may happen to a write on its way.
type fault string

const (
	answered    fault = "answered"
	lostDone    fault = "done, answer lost"
	lostNotDone fault = "not done, answer lost"
	refused     fault = "refused"
	crash       fault = "crash before it"
)

// faultless has every write answered; reliable lets the host crash, too, but keep its ledger; faulty has it all.
func faultless(*rapid.T, plan.Action) fault { return answered }

func reliable(t *rapid.T, _ plan.Action) fault {
	return pick(t, "fault", answered, answered, answered, answered, answered, crash)
}

func faulty(t *rapid.T, _ plan.Action) fault {
	return pick(t, "fault", answered, answered, answered, answered, answered, answered, lostDone, lostNotDone, refused, crash)
}

// rounds plays up to most rounds with faults and a view that lags.
func (h *history[I]) rounds(t *rapid.T, most int) {
	for range rapid.IntRange(0, most).Draw(t, "rounds") {
		h.round(t, faulty)
		h.look(t)
	}
}

// round does what a host has to do: plan, settle the ledger, carry out in order up to the first failure, and write down what became of
// each action. A bound that is broken on the way fails the property.
func (h *history[I]) round(t *rapid.T, happens func(*rapid.T, plan.Action) fault) Answer {
	view := h.view()
	answer := h.subject.mustPlan(t, view)
	h.memory = answer.Memory
	h.pending = plan.Settle(view.Pending, view.Now)
	before := h.now()
	before.Pending, before.Memory = view.Pending, answer.Memory
	for _, a := range answer.writes() {
		named := h.named(t, a)
		what := happens(t, named)
		if what == crash {
			break
		}
		outcome := h.send(named, what)
		h.pending.Outcomes = append(h.pending.Outcomes, outcome)
		after := h.now()
		after.Pending, after.Memory = view.Pending, answer.Memory
		if err := h.subject.Step(before, after); err != nil && !h.churns {
			t.Fatalf("%v, after %q (%s) of the plan\n%s\nfor the view %#v\nof the cluster %#v", err, named, what, answer, view, before)
		}
		if outcome.Err != nil || what == lostDone || what == lostNotDone {
			break
		}
	}
	return answer
}

func (h *history[I]) send(a plan.Action, what fault) plan.Outcome {
	unanswered := plan.Outcome{Action: a, At: h.now().Now}
	switch what {
	case lostNotDone:
		h.lost = true
		return unanswered
	case refused:
		return plan.OutcomeOf(a, nil, refusal(a), h.now().Now)
	}
	after, outcome := h.now().Apply(a)
	if outcome.Err == nil {
		h.change(after)
	}
	if what == lostDone {
		h.lost = true
		return unanswered
	}
	return outcome
}

// named gives a generated name on the host's side or leaves it to the server: hosts do either.
func (h *history[I]) named(t *rapid.T, a plan.Action) plan.Action {
	creation, creates := a.(plan.Create)
	if !creates || creation.Object.GetName() != "" || rapid.Bool().Draw(t, "named by the server") {
		return a
	}
	object := creation.Object.DeepCopyObject().(plan.Object)
	now := h.now()
	object.SetName(now.generatedName(object))
	return plan.Create{Object: object}
}

// happen lets the world go on: pods vanish, become Ready or fail, whether the host has seen them or not.
func (h *history[I]) happen(t *rapid.T) {
	after := h.now()
	after.Objects = slices.Clone(after.Objects)
	for _, pod := range All[*corev1.Pod](after) {
		next := pod.DeepCopy()
		switch pick(t, "happens to "+pod.Name, "nothing", "nothing", "nothing", "gone", "ready", "failed") {
		case "nothing":
			continue
		case "gone":
			after.Version++
			after.remove(pod)
			continue
		case "ready":
			next.Status.Phase = corev1.PodRunning
			next.Status.Conditions = []corev1.PodCondition{Ready(corev1.ConditionTrue, metav1.NewTime(after.Now.Truncate(time.Second)))}
		case "failed":
			next.Status.Phase = corev1.PodFailed
		}
		after.stamp(next)
		after.Objects[after.find(plan.RefTo(next))] = next
	}
	h.change(after)
}

// readsItsWrites lets the view lag by any number of the host's own writes, answered or not. No bound may break in the cluster itself.
// As long as every write is answered, the plan is moreover the very one that an up-to-date view would give.
func (s Subject[I]) readsItsWrites(t *rapid.T) {
	h := s.begin(t)
	happens := faulty
	exact := rapid.Bool().Draw(t, "all answered")
	if exact {
		happens = reliable
		first := h.truth[0]
		first.Lingers = true // what is gone at once is, to the ledger, being deleted until the view shows it
		h.truth[0] = first
	}
	for range 4 {
		h.round(t, happens)
		h.look(t)
		if !exact {
			continue
		}
		fresh := h.now()
		fresh.Memory = h.memory
		if got, want := s.mustPlan(t, h.view()), s.mustPlan(t, fresh); effect(got) != effect(want) {
			t.Fatalf("through the ledger the plan is\n%s\nand from an up-to-date view\n%s\nfor the view %#v\nof the cluster %#v", got, want, h.view(), fresh)
		}
	}
}

// effect is what two plans are compared by that were made of the same objects read in two ways. Through a ledger a planner may also
// have answers to wait for.
func effect(a Answer) string {
	return compact([]any{a.writes(), a.Events})
}

// neverStalls lets pods come and go between two looks. Once the view is current, and once what was never answered has expired, a ledger
// makes no difference any more.
func (s Subject[I]) neverStalls(t *rapid.T) {
	h := s.begin(t)
	h.churns = true
	for range 3 {
		h.round(t, faulty)
		h.happen(t)
		h.look(t)
	}
	h.catchUp()
	if h.lost || !h.tells {
		h.clock(h.now().Now.Add(plan.Expiry))
	}
	view := h.view()
	view.Pending = plan.Settle(view.Pending, view.Now)
	fresh := view
	fresh.Pending = plan.Pending{}
	got, want := s.mustPlan(t, view), s.mustPlan(t, fresh)
	if effect(got) != effect(want) {
		t.Fatalf("the view is current, and through the ledger the plan is\n%s\nwithout it\n%s\n%#v", got, want, view)
	}
	for _, a := range got.Actions {
		if wait, ok := a.(plan.Wait); ok && wait.For == plan.WaitAnswer {
			t.Fatalf("the view is current, and the plan waits for it:\n%s\n%#v", got, view)
		}
	}
}

// starvesNobody has something refused for ever: whatever is created, or whatever is done to up to three objects. All else has
// to get done.
func (s Subject[I]) starvesNobody(t *rapid.T) {
	h := s.begin(t)
	var victims []plan.Object
	if objects := h.now().Objects; rapid.Bool().Draw(t, "refuse changes of objects") && len(objects) > 0 {
		victims = rapid.SliceOfN(rapid.SampledFrom(objects), 1, 3).Draw(t, "refused")
	}
	isRefused := func(a plan.Action) bool {
		if _, creates := a.(plan.Create); creates {
			return victims == nil
		}
		return slices.ContainsFunc(victims, func(obj plan.Object) bool {
			return a.Target().UID == obj.GetUID() && a.Target().Name == obj.GetName()
		})
	}
	var answer Answer
	for range (2 + len(victims)) * s.Rounds {
		answer = h.round(t, func(_ *rapid.T, a plan.Action) fault {
			if isRefused(a) {
				return refused
			}
			return answered
		})
		h.catchUp()
	}
	for _, a := range answer.writes() {
		if !isRefused(a) && !h.now().isWorkload(a.Target()) {
			t.Fatalf("%q waits behind what is always refused:\n%s\n%#v", a, answer, h.view())
		}
	}
}
