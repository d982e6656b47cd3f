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
// there. A history that fails is shown as a script, which package plan/sim/script plays again write for write.
// [ReplicaSetWorld] is a World to start from.
//
// # Long searches and fuzzing
//
// The flags of rapid say how long to search: the number of snapshots or histories (100 without it), and how many things
// happen in a history on average (30 without it).
//
//	go test ./plan/plantest -run ReplicaSet -rapid.checks=10000 -rapid.steps=60
//
// A [Rule] is a property of rapid, so rapid.MakeFuzz makes a fuzz target of its Check.
//
// # How the tests are tested
//
// A property that nothing can break is worth nothing. This package's own tests keep a list of mutants: planners and hosts
// with one thing wrong, each with the rules that have to catch it. Every rule has to catch at least one.
package plantest
