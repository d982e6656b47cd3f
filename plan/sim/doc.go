// Package sim is a deterministic Kubernetes cluster on virtual time: an API server, a scheduler, kubelets, nodes, a
// volume controller and a garbage collector, and hosts that run the planners of this module against them. It is
// what the planners are tested on, and what a program that embeds one can be tested on.
//
// A history depends on the seed and on the calls made, and on nothing else: no clock, no goroutine, no order of a
// map. The same seed gives the same history, byte for byte ([Cluster.Log] shows it).
//
// # Time
//
// [Cluster.Now] moves only in [Cluster.Advance], [Cluster.RunUntil] and [Cluster.RunUntilQuiet]. What is due at one instant
// happens in the order in which it became due. A write made by the caller takes effect at once; what follows
// from it happens when time next moves, be it by Advance(0). [Cluster.OnWrite] is called at the instant of
// every write: there, bounds are asserted.
//
// # API server
//
// [Cluster.Create], [Cluster.Update], [Cluster.UpdateStatus], [Cluster.Delete] and [Cluster.Bind] answer with the errors and
// copies of a real server: optimistic conflicts, preconditions, generated names, generations, finalizers, grace
// periods, immutable fields, namespaces that are being deleted, owner references with their three ways to be
// collected. Objects of any kind are stored; typed and unstructured ones of a known kind come out typed. Defaults are
// not filled in, and authorisation, admission and most of validation do not exist.
//
// # Pods
//
// The scheduler takes the node with the fewest pods on which nodeSelector, required node affinity, taints and volumes let
// a pod run. What containers do on it is the [Behaviour] of their image ([Cluster.SetImage]); the statuses
// are those that a kubelet writes. [Cluster.SetPodReady], [Cluster.Exit] and [Cluster.Evict] interfere, [Cluster.RemoveNode] and
// [Cluster.SetNodeReady] take whole nodes away. Claims bind to the smallest volume that fits, or to one made by the
// provisioner of their class, and files written to a volume stay there ([Cluster.WriteFile], [Cluster.ReadFile]).
//
// # Hosts
//
// A [Host] runs one planner as a program that embeds it would: [ReplicaSets] is one. It sees the cluster through a view of
// its own and keeps a plan.Pending for each workload. [Cluster.Lag], [Cluster.Refuse], [Cluster.Conflict], [Cluster.LoseAnswer] and
// [Cluster.Crash] make its life hard at a stated point, [Cluster.SetChaos] at random points; [Cluster.ClearFaults] ends it.
package sim
