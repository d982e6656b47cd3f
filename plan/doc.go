// Package plan is the vocabulary that the planners speak: what there is to do ([Action]), when to look again and what
// to record ([Result]), and what the host has issued but does not see yet ([Pending]).
//
// # The contract
//
// A planner is a function of its arguments:
//
//	func Plan(workload, Observed, Policy) (Result, error)
//
// It reads no clock, no network and no state, and it writes nothing. Its inputs are not modified and what it returns
// shares no memory with them. The order of the observed objects makes no difference. The same arguments
// always give the same plan.
//
// Result.Actions are in the order in which they must be carried out. A host may stop, or crash, behind any of them: what
// has been done up to there keeps every bound that the planner promises. The status comes first and reports
// what was observed; Waits come last and say what else keeps the workload from where it should be. A
// plan of nothing but Waits is empty: there is nothing to do now.
//
// # What the host does
//
//  1. Observe. Take the workload and the objects that the planner asks for from your cache. Set Pending.Seen to the
//     resourceVersion that the cache has reached, by kind.
//  2. Plan, with the current time as Observed.Now. An error lists the invalid fields of the workload or the policy:
//     report it and wait for a change.
//  3. Settle the ledger: pending = plan.Settle(pending, now).
//  4. Record Result.Events about the workload.
//  5. Carry out the actions in order, or batch by batch as [Batches] groups them. Choose the name of a new object that has
//     only a generateName before you send it. Wait is nothing to carry out.
//  6. Add the outcome of each action to the ledger with [OutcomeOf], and record [EventFor] it.
//  7. Stop at the first failure. What stands behind it may rely on it.
//  8. Plan again: at once if an action was carried out, after a delay that grows (10 ms, 20 ms, ... 5 min) if one failed,
//     when anything observed changes, and at Result.Wake at the latest.
//
// Plan one workload at a time; different workloads may be planned at the same time.
//
// # When something goes wrong
//
//   - Conflict, on an Update or UpdateStatus: the plan came from a stale view. Record it and plan again; there is
//     nothing to retry.
//   - Time-out, broken connection: it is unknown whether the write took effect. [OutcomeOf] records it without an answer.
//     It counts as done until the view shows the object by its name, or for 5 minutes ([Expiry]). If you can,
//     get the object by its name instead and record what you find.
//   - AlreadyExists, on a Create: the name is taken, maybe by your own request before a restart. Record it and plan
//     again once the view has caught up; the planner decides whether the object is its own.
//   - NotFound, on a Delete: done. On anything else: record it and plan again.
//   - Update.Live: the owner is gone, has another UID or is being deleted: do not send the update, record a failure, stop.
//   - Forbidden, Invalid, a quota: record it. The next plan tells it in the workload's conditions and tries again, last in
//     its group, so that one refused object does not starve the others.
//   - Restart with the ledger (it is JSON): go on. Restart without it: list everything consistently (resourceVersion
//     unset) before the first plan.
//
// # RBAC
//
// Every planner needs get, list and watch on what it observes, get on its own kind for Update.Live, update on the
// status subresource of its own kind, and create on events. Beyond that: replicaset: create, update or
// patch, and delete on pods.
package plan
