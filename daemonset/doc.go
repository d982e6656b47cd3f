// Package daemonset plans DaemonSets: it keeps one pod of one template on each node where it belongs.
//
// With E = the nodes where the pod belongs ([ShouldRun]), U = maxUnavailable and S = maxSurge of |E|, both rounded up, a
// plan holds, on each node,
//
//	a create      only if the node is in E and has no pod, or, with S > 0, an old pod and no new one
//	deletes       of all pods where they do not belong, of all but one where they do (two with S > 0: one old, one new),
//	              and of finished pods: succeeded ones at once, failed ones after a delay (see [Memory])
//
// and, for an update, only while nothing of the above is to be done,
//
//	S = 0:  deletes of available old pods <= max(0, U - nodes without an available pod)
//	S > 0:  nodes with an old and a new pod, of which the old one is available <= S; the old pod goes once
//	        the new is available, or the old is not Ready
//
// Old pods that are not available cost nothing and are replaced in any case. A node that is removed loses its pod, and
// nothing moves elsewhere.
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
// History, Undo, Restart and Status are what people know from kubectl rollout.
//
// The zero [Policy] does what the DaemonSet controller of Kubernetes 1.36 does with its default feature gates
// (TaintTolerationComparisonOperators is off).
package daemonset
