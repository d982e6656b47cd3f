// Package replicaset plans ReplicaSets: it keeps spec.replicas pods of one template running.
//
// With R = spec.replicas, A = the pods that are active (neither finished nor being deleted), selected, and controlled by
// the ReplicaSet, and B = [Policy].Burst, a plan holds
//
//	creates = min(B, max(0, R - A))    deletes = min(B, max(0, A - R))
//
// and never both. The first pods in one strict total order are deleted (see [Plan]). Orphans that match the selector are
// adopted and count in A; pods that no longer match are released and do not.
//
// While the view lags, A is what the ledger makes of it. Fewer pods are created if some may exist that are not seen: their
// creation was not answered, or their deletion was issued and is not seen yet. None is created once the API server has
// refused one because the namespace is being deleted. A ReplicaSet that is being deleted only has its status written.
//
// A worked case: R is 4 and the view shows two pods that are Ready. The plan is
//
//	update-status ReplicaSet default/web: status.availableReplicas none -> 2, ...
//	create Pod default/web-*
//	create Pod default/web-*
//
// The status reports the two pods that are there. A later plan, which sees four, will report four.
//
// The zero [Policy] does what the ReplicaSet controller of Kubernetes 1.36 does with its default
// feature gates (DeploymentReplicaSetTerminatingReplicas, PodDeletionCost and LogarithmicScaleDown are on).
package replicaset
