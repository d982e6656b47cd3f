// Package plan is the vocabulary of the planners: the steps to take ([Action]), when to plan again and which events to
// record ([Result]), and the writes that a host has issued and may not see yet ([Pending]).
//
// A host is the program that embeds a planner. It observes the cluster, asks for a plan and carries it out.
//
// # The contract
//
// A planner is a function of its arguments:
//
//	func Plan(workload, Observed, Policy) (Result, error)
//
// It reads no clock, no network and no state, and it writes nothing. It does not modify its arguments, so objects of a
// shared cache may be passed as they are. What it returns shares no memory with them and is the host's to change. The
// order of the observed objects makes no difference. The same arguments always give the same plan.
//
// Result.Actions are in the order in which they must be carried out: first the status as observed, if it has to be
// written; then the other writes; last the Waits, which say what else keeps the workload from where it should be. A host
// may stop, or crash, after any action: every bound that the planner promises still holds. A plan of no actions, or of
// nothing but Waits, is empty: there is nothing to do now.
//
// An error means that the workload or the policy is invalid. It is an Aggregate (of the package
// k8s.io/apimachinery/pkg/util/errors) with a *field.Error for each invalid field. No plan comes with it.
//
// # What the host does
//
// Keep a ledger, a [Pending], for each workload by its UID, and drop it when the workload is gone. For each workload run
// these steps one round at a time. Workloads may be planned at the same time if whatever holds the ledgers is safe for
// it. Let only one process plan a workload: use leader election.
//
//  1. Observe. First note as Pending.Seen how far your cache has come, by kind; then read the workload, with its stored
//     status, and the objects that the planner asks for. Pass them as they are: the planner lays the ledger over them.
//  2. Plan, with the current time as Observed.Now. On an error, report it, leave the ledger alone and wait for a change.
//  3. Settle the ledger: pending = plan.Settle(pending, now), with the time that you planned with. If the Result of a
//     kind has a Memory, keep it with the ledger for the next plan.
//  4. Record Result.Events about the workload.
//  5. Carry out the actions in order, one by one, or batch by batch as [Batches] groups them. Skip Waits. Before you send
//     an object that has only a generateName, choose its name: generateName and a random suffix.
//  6. Add the outcome of every action that was sent to the ledger, failures too, with [OutcomeOf], and record the event
//     that [EventFor] gives.
//  7. Stop at the first failure: what comes after it may rely on it. In a batch, wait for the others and add their
//     outcomes too, in any order. Every error is a failure, a missing answer too, but for NotFound on a Delete.
//  8. Plan again. After a failure: after a delay that doubles with each failure in a row (5 ms to 1000 s in client-go's
//     work queues). Else, if anything was carried out: at once, or when your watches show it. In any case: when anything
//     observed changes, and at Result.Wake at the latest.
//
// # How far a cache has come
//
// Pending.Seen may say less than the cache shows, never more, or objects would be created twice. So read it before the
// objects. With an informer of client-go 0.36 it is
//
//	informer.GetStore().LastStoreSyncResourceVersion()
//
// The informer's own LastSyncResourceVersion runs ahead of its store: do not use it. With a list of your own, it is the
// metadata.resourceVersion of the list. If you cannot tell, leave the kind out: that is safe, see [Pending].
//
// # When something goes wrong
//
// "Record it" means step 6. All of this is a failure for steps 7 and 8, but for NotFound on a Delete.
//
//   - Conflict: the plan came from a stale view, or someone else was faster. Record it. Do not send the request again:
//     the next plan asks for what is still wanted.
//   - Time-out, broken connection: nobody knows whether the write took effect. [OutcomeOf] records it without an answer,
//     and it counts as done until the view tells, or for 5 minutes ([Expiry]). If you like, get the object: if it shows
//     that the write took effect, put it into the outcome as Reply. If not, leave the outcome as it is: the request may
//     still be on its way.
//   - AlreadyExists, on a Create: the name is taken, maybe by your own request before a restart. Record it; once the view
//     shows the object, the planner decides whether it is its own.
//   - NotFound: on a Delete, success. On anything else, record it.
//   - Update.Live: the owner is gone, has another UID or is being deleted, or cannot be read. Do not send the update.
//     Record nothing, or a refusal (apierrors.NewConflict): an error that is not the API server's would stand for an
//     update that was sent.
//   - Forbidden, Invalid, an exceeded quota: record it. The next plan reports it in the workload's conditions, if its kind
//     has one for it, and tries again, last in its group, so that one refused object does not starve the others.
//   - Restart without the ledger: begin with a consistent list, as an informer does that streams its first list
//     (WatchListClient, the default since client-go 0.35). One that does not may begin with an old list: then make a list
//     of your own, with resourceVersion unset (limit 1 will do), and wait until the cache has reached its
//     metadata.resourceVersion.
//   - Restart with the ledger, which is JSON: go on, if it holds every write. To be sure of that, save each outcome
//     without an answer before you send the action, and again with its answer. Else restart as without it.
//
// # Hosts and planners
//
// A host needs the actions, [Result], [Pending], [Settle], [OutcomeOf], [EventFor] and [RefTo]; [Batches] to carry out
// several actions at once; [GroupByController] to plan many workloads from one list; [Decode] and [UnmarshalAction] to
// read JSON. The rest is for planners, and those of this module call it themselves: [Overlay], [Latest], [AssumedUntil],
// [UnseenDeletions], [NamespaceTerminating], [Result.Add], [Result.WakeBy] and the methods of [Pending].
//
// # RBAC
//
// Every planner needs get, list and watch on its own kind and on what it observes, update on the status subresource of
// its own kind, and create and patch on events. Where the admission plugin OwnerReferencesPermissionEnforcement is on, it
// needs update on the finalizers subresource of its own kind, too. A host that patches needs patch for update. Beyond
// that:
//
//   - replicaset: create, update and delete on pods.
//   - rollout: create, update and delete on replicasets; update on deployments, for the old rollback annotation.
//   - daemonset: create, update and delete on pods and controllerrevisions; create on pods/binding with Policy.BindPods.
//   - statefulset: create, update and delete on pods and controllerrevisions; create and update on
//     persistentvolumeclaims.
//   - job: create, update and delete on pods; delete on jobs, for ttlSecondsAfterFinished.
//   - cronjob: create and delete on jobs.
package plan
