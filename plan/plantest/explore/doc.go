// Package explore is a model checker for planners and hosts: it visits every state that a small cluster can get into.
//
// Random histories go where chance takes them. Within a [Scope] (two or three pods, a few edits, a fault, a view that lags)
// nothing is left to chance: whatever can happen, in whatever order, does. What holds in all states of a scope holds in
// them for certain; and most of what can be wrong with a planner shows with two pods. The planners run as they are, behind the
// same [sim.Host] that runs them in a simulated cluster.
//
//	report := explore.Check(t, explore.Scope{
//		Hosts:    []sim.Host{sim.ReplicaSets(replicaset.Policy{})},
//		Start:    []plan.Object{web},
//		Workload: plan.Ref{Kind: "ReplicaSet", Name: "web"},
//		Policy:   replicaset.Policy{},
//		Edits:    []explore.Edit{scale},
//		Faults:   []explore.Fault{explore.Crash, explore.LoseAnswer, explore.PodFails},
//		Budget:   explore.Budget{Faults: 1, Edits: 2, Lags: 1},
//		Step:     plantest.ReplicaSets().Step,
//		Goal:     plantest.ReplicaSets().Goal,
//	})
//
// The example examples/propertytest does this for a planner of its own.
//
// # What happens
//
// Without end, and in any order:
//
//   - a host plans a workload from its view and its ledger, and carries the plan out;
//   - a pod gets a node and becomes ready, becomes ready again, finishes, or, if it is being deleted, is gone;
//   - what has lost its owner is collected;
//   - a view that stood still catches up;
//   - the clock moves to the next wake-up, if nothing else is due.
//
// As often as the [Budget] allows: a host crashes before or after any action, an answer is lost, a write is refused, a pod
// fails, is not ready any more or is deleted; a person edits something, nodes included; a view stops to move; the clock does not
// wait for what is due.
//
// # What is checked
//
//   - Always holds in each state, and after each single action of a plan: so after each prefix of it.
//   - Step holds between the cluster before a plan and after each prefix of it, if the host's view misses nothing but the
//     host's own writes.
//   - Goal holds wherever nothing goes on by itself any more.
//   - There is no fair cycle: once faults and edits are over, no history goes on for ever unless something that is possible all
//     the time never happens in it. (For that, the steps that need no budget form a graph, and its strongly
//     connected components are looked through.) So every state leads to rest, and with Goal to where the workload should be.
//
// The nearest states are visited first, so a [Counterexample] is as short as there is one. It is told as a script in the words of
// package plan/sim/script, with what happens by itself as comments. `go run ./examples/walkthrough ./way.txt` plays it with the planners of
// this module as they are; pods then bear other names, and at one instant the whole cluster takes its steps, not one part of it.
// NEGATIVE_CONTROLS.md, next to this file, holds what is found in planners and hosts with one thing wrong.
//
// # What counts as one state
//
// States that differ only by what is arbitrary are one: the names and UIDs that were generated, which of two pods alike in
// all else came first, resource versions and generations as numbers, and what time it is, as far as ages are the same
// (all beyond an hour are). The invariants are asked about one of them. Names that are given (ordinals, indexes, revisions, nodes)
// are never arbitrary. What a ledger holds makes no difference once the view shows it.
//
// # Rules from reached states
//
// Always sees every cluster of a scope. Keep them, and a [plantest.Subject] whose Snapshots are drawn from them has its rules checked
// in the middle of rollouts, where random snapshots rarely are:
//
//	subject.Snapshots = rapid.SampledFrom(reached)
//	plantest.CheckRules(t, subject)
//
// # Larger scopes
//
// A normal run of this package's tests visits all states of the scopes of all six planners, a million, and knows
// their numbers. With more of a budget, ten million of each scope at the most, there are more:
//
//	go test ./plan/plantest/explore -run 'Scopes|Trouble' -explore.large -timeout 10h
//
// As the planners are now, such a run finds nothing in all the states of
//
//	ReplicaSet, 2 faults                      1,222,585
//	Deployment and ReplicaSet, 2 crashes        558,828
//	DaemonSet, 3 edits                        1,071,161
//	StatefulSet, 2 faults                       701,657
//	Job, 3 faults, 3 edits                      961,598
//	CronJob and Job, the next run comes early 1,083,526
//
// # What is left out
//
// Scheduler, kubelet and garbage collector take one step where real ones take several, and a view that lags stands still rather
// than trailing by some writes, and catches up before [plan.Expiry] is over. Memory and time grow with the number of states: about 0.05 ms
// and 1 kB for each. The objects have to be of Go types, with Spec and Status if any as fields.
package explore
