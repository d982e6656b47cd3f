// Package daemonset plans DaemonSets: it keeps one pod of one template on each node where it belongs.
//
// With E = the nodes where the pod belongs ([ShouldRun]), U = maxUnavailable and S = maxSurge of |E|, both rounded up, a plan
// holds, on each node,
//
//	a create      only if the node is in E and has no pod, or, with S > 0, an old pod and no new one
//	deletes       of all pods where they do not belong, of all but one where they do (two with S > 0: one old, one new),
//	              and of finished pods: succeeded ones at once, failed ones after a delay (see [Memory])
//
// whatever the budget of an update is. Of several pods on a node, one that is scheduled is kept before one that is not, then the
// oldest, available or not. And, for an update, only while nothing of the above is to be done (or the API server refused
// something last time),
//
//	S = 0:  deletes of available old pods <= max(0, U - nodes without an available pod)
//	S > 0:  nodes with an old and a new pod, of which the old one is available <= S; the old pod goes once
//	        the new is available, or the old is not Ready
//
// Old pods that are not available are replaced in any case, and count against neither U nor S. Exactly one of the two is more
// than 0, as for the API server; since a nil maxUnavailable is 1, a surge takes maxUnavailable: 0. A node that is removed loses its
// pod, and nothing moves elsewhere.
//
// A worked case: three nodes, one with a taint that the template does not tolerate, and no pod yet. The plan is
//
//	update-status DaemonSet default/agent: status.desiredNumberScheduled 0 -> 2, ...
//	create ControllerRevision default/agent-85688477c5
//	create Pod default/agent-*
//	create Pod default/agent-*
//
// Each pod requires the name of its node, so that the scheduler binds it there; with [Policy.BindPods] the plan does.
//
// An update of five nodes, U = 20 % = 1: one old pod is deleted in a plan, a later one creates the new pod, and the next
// old pod goes once that is available. With U = 0 and S = 40 % = 2, new pods come beside two old ones, which go as theirs become
// available.
//
// [ShouldRun] is for those who ask about nodes alone, as autoscalers do: it takes a node that may not exist yet (its labels,
// taints and name are looked at, nothing else), and a DaemonSet of which only the template counts. Give such a node a name that no
// node has: a node without a name meets every requirement on metadata.name. And leave out the taints that it has only while it
// starts, such as node.kubernetes.io/not-ready:NoSchedule, which daemon pods do not tolerate by themselves. Where the pod would run,
// its requests belong to the overhead of the node; where not, the verdict names the taint or the term that keeps it away.
// [NewPlacement] asks about many nodes: compile once, then ask.
//
// A host keeps two values between plans, beside what it observes: plan.Pending and [Memory]. It passes all nodes, and every
// pod and revision of the namespace (or of all); strangers are passed over. What the API server refuses is told by
// Pending, delays nothing else, and is asked for again in the next plan.
//
// History, Undo, Restart and Status are what people know from kubectl rollout.
//
// The zero [Policy] does what the DaemonSet controller of Kubernetes 1.36 does with its default feature gates
// (TaintTolerationComparisonOperators is off).
package daemonset
