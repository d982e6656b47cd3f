// Package plantest tests planners: those of this module and yours.
//
// A planner promises more than any table of cases can show: that the order of its input does not matter, that a host may
// crash after any of its steps, that a view may lag by any number of writes. Such promises are properties. This package
// states them once for all planners, draws the clusters to try them on ([Pods], [Nodes], [Metadata]), and shows what it
// finds in the smallest form that still fails, with pgregory.net/rapid.
//
// It is for those who write a planner. To test a host, run it against a cluster of package sim.
//
// # Rules
//
// A [Subject] says of a planner what the rules cannot know: how to draw its input, how to call it, its bounds and its
// goal. [CheckRules] then checks, each in a subtest, that
//
//   - inputs are not modified, and results share no memory with them;
//   - neither the order of the input nor Go's maps show in the plan;
//   - a plan has the form that hosts rely on: the status first, Waits last and with a reason, a UID with every deletion;
//   - the formulas of the kind hold, and its bounds after every prefix of a plan and every subset of a batch of
//     [plan.Batches];
//   - it is never silent about what is not as it should be;
//   - through its ledger it reads its own writes, however the view lags and whatever goes unanswered, and never stalls
//     once the view is current;
//   - what is always refused does not starve the rest;
//   - plans carried out one after the other at one instant come to an end; and at rest it wakes exactly when there is
//     something to do, to the nanosecond;
//   - it touches only what is its own;
//   - bad input is an error that names the field, nil means what the API server would default, and every action survives
//     JSON.
//
// [ReplicaSets] is a Subject to start from. [CheckPure] reads the source of planners and finds clocks, globals and the
// like.
//
// # Histories
//
// A [World] is a workload in a simulated cluster of package sim. [CheckHistories] plays what may happen to it: time passes,
// people edit it, pods fail, nodes are lost, its host crashes, its writes are refused, their answers lost. It checks the
// invariants after every write; and that, once all this ends, the workload comes to rest where it should be, and stays
// there. A history that fails is shown as a script, which package plan/sim/script plays again write for write if all its kinds and
// hosts are those of this module.
// [ReplicaSetWorld] is a World to start from.
//
// Several worlds given to [CheckHistories] share one cluster: its nodes, its faults, and the hosts that they have in common.
// Each has a namespace of its own, in which its invariants and its goal are looked at. The tests of package together, below this
// one, play a thousand such histories of all six kinds of this module; -rapid.checks=10000 plays more of them.
//
// # The soak
//
// [Soak] plays one history for as long as it is told, in one cluster whose hosts are never made anew but by crashes: phases of what may
// happen, each ended by calm, in which everything has to come to rest. A step of it is a write, at which all invariants are checked.
// The seed, which is printed, makes it the same again. The tests of package together begin one with all six kinds, and go on for as long
// as they are asked to:
//
//	go test ./plan/plantest/together -run Soak -v -timeout 0 -soak.steps=1000000 -soak.seed=2
//
// # All states
//
// Package explore, below this one, leaves nothing to chance: it visits every state that a small cluster can get into, with the
// real planners, and shows the shortest way to one that must not be. Its Scopes take Step and Goal as a Subject has them.
// The clusters that it reached are snapshots to check the rules on, the middle of every rollout among them.
// The example examples/propertytest tests a planner of its own in all three ways: by rules, by histories, and by all states.
//
// # Long searches and fuzzing
//
// The flags of rapid say how long to search: the number of snapshots or histories (100 without it), and how many things
// happen in a history on average (30 without it).
//
//	go test ./plan/plantest -run ReplicaSet -rapid.checks=10000 -rapid.steps=60
//
// A [Rule] is a property of rapid, so rapid.MakeFuzz makes a fuzz target of its Check. This package's tests have three targets for
// each kind: FuzzJob gives the planner whatever JSON can say, FuzzJobRules searches for snapshots that break a rule, and
// FuzzJobHistories for histories that the workload does not get through.
//
//	go test ./plan/plantest -run '^$' -fuzz 'FuzzJob$' -fuzztime 1m
//
// # How the tests are tested
//
// A property that nothing can break is worth nothing. This package's own tests keep a list of mutants: planners and hosts
// with one thing wrong, each with the rules that have to catch it. Every rule has to catch at least one.
package plantest
