// Package rollout plans Deployments: it moves the pods from one template to the next by sizing ReplicaSets, and keeps the
// revisions to go back to. The ReplicaSets' pods are the business of package replicaset; the two see each
// other only through the cluster.
//
// # Bounds
//
// Let D = spec.replicas, S = maxSurge rounded up and U = maxUnavailable rounded down and at most D, or 1 if both come
// to 0. Let s, r and a be spec.replicas and the ready and available replicas in the status of a ReplicaSet. Of its
// available pods
//
//	keeps(n) = a - min(a, max(0, r - min(n, s)))
//
// are sure to stay when it is scaled to n: its victims are first pods that are not Ready, and then, since pods can have a
// deletion cost, possibly the available ones. (What becomes Ready after the status was written, nobody can know.) From any
// state, whatever the plan is and wherever a host stops carrying it out, s' standing for s afterwards,
//
//	sum of s' <= max(sum of s, D + S)
//	sum of keeps(s') >= min(sum of keeps(s), D - U)
//
// A ReplicaSet whose status does not know its spec yet (observedGeneration < generation) may have been told to be smaller
// since, and larger again: nothing relies on its pods until it has caught up, nor on those of one that is being deleted.
// Old pods that are not Ready go first, in all no more than
//
//	sum of s - (D - U) - (pods of the new ReplicaSet that are not available)
//
// and then as many others as are relied on above D - U, those of the oldest ReplicaSet first. A plan shrinks or grows,
// never both; while a write to a ReplicaSet is not answered it does neither. With the strategy Recreate the new ReplicaSet
// gets pods only when no pod of an old one is left, those that are being deleted included.
//
// When D changes in mid-rollout, or while the Deployment is paused, D + S is shared out in proportion to the sizes, in exact
// arithmetic; where that would cost more available pods than the bound allows, the shares are corrected.
//
// # A worked case
//
// D is 10, S is 3 and U is 2, as by default, and the template has a new image:
//
//	old 10, new 0    the new ReplicaSet is created with D + S - 10 = 3
//	old 10, new 3    10 available, 8 needed, no new pod is ready yet: the old one goes to 8
//	old 8, new 3     11 of 13: the new one goes to 5
//	old 8, new 5     each new pod that becomes available lets an old one go, and that a new one come
//
// If the new pods never become available, the rollout stays at 8 old and 5 new pods: 8 are available, and there are 13.
//
// # Revisions
//
// The new ReplicaSet is the oldest whose template means the same as the Deployment's, whatever its pod-template-hash: hashes
// name what is created and decide nothing. Its revision is one more than the highest of the others; it is written on the
// ReplicaSet, and from there on the Deployment with the status. [History], [Undo], [Restart] and the other verbs return a
// changed Deployment and write nothing.
//
// The zero [Policy] does what the Deployment controller of Kubernetes 1.36 does with its default feature gates
// (DeploymentReplicaSetTerminatingReplicas is on), but for the bounds above, which it can break.
package rollout
