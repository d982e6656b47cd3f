// Package replicaset plans ReplicaSets: it keeps spec.replicas pods of one template running.
//
// With R = spec.replicas, A = the pods that are active (neither finished nor being deleted), controlled and
// selected, and B = [Policy].Burst, a plan holds
//
//	creates = min(B, max(0, R - A))    deletes = min(B, max(0, A - R))
//
// and never both. The victims are the first in one strict total order (see [Plan]). Orphans that match the
// selector are adopted and count towards A; pods that no longer match are released and do not.
// While the view lags, A is what the ledger makes of it, and no pod is created in place of one that may exist for all that is
// known: its creation was not answered, or its deletion was issued and is not seen yet.
//
// A worked case: R is 4 and the view shows two pods that are Ready. The plan is
//
//	update-status ReplicaSet default/web: status.availableReplicas none -> 2, ...
//	create Pod default/web-*
//	create Pod default/web-*
//
// The status reports the two pods that are there: the next plan, made from the next observation,
// will report four.
//
// The zero [Policy] does what the ReplicaSet controller of Kubernetes 1.36 does with its default
// feature gates (DeploymentReplicaSetTerminatingReplicas, PodDeletionCost and LogarithmicScaleDown are on).
package replicaset
