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
// happens in the order in which it became due. A write made by the caller takes effect at once; what follows from it
// happens when time next moves: Advance(0) will do. [Cluster.OnWrite] has a function called at every write: check your
// bounds there.
//
// # API server
//
// [Cluster.Create], [Cluster.Update], [Cluster.UpdateStatus], [Cluster.Delete] and [Cluster.Bind] do what a real server does,
// and return its errors: conflicts, preconditions, generated names, generations, finalizers, grace periods, immutable
// fields, namespaces that are being deleted, and dependents that are deleted in the background, in the foreground, or
// orphaned. What they take and return are copies. Objects of any kind are stored; those of a known kind come out typed, even
// if they went in unstructured. Defaults are not filled in, and there is no authorisation, no admission and hardly
// any validation.
//
// # Pods
//
// The scheduler takes the node with the fewest pods on which nodeSelector, required node affinity, taints and volumes let
// a pod run. What containers do on it is the [Behaviour] of their image ([Cluster.SetImage]); the statuses
// are those that a kubelet writes. [Cluster.SetPodReady], [Cluster.Exit] and [Cluster.Evict] make pods fail;
// [Cluster.RemoveNode] and [Cluster.SetNodeReady] take whole nodes away. Claims bind to the smallest volume that fits, or
// to one made by the provisioner of their class. Files written to a volume stay there ([Cluster.WriteFile],
// [Cluster.ReadFile]).
//
// # Hosts
//
// A [Host] runs one planner as a program that embeds it would; [ReplicaSets] is one, and [Cluster.AddHost] starts it. It sees
// the cluster through a view of its own and keeps a plan.Pending for each workload. [Cluster.Lag], [Cluster.Refuse],
// [Cluster.Conflict], [Cluster.LoseAnswer] and [Cluster.Crash] disturb it at a point that you choose, [Cluster.SetChaos] at
// random; [Cluster.ClearFaults] ends that.
package sim
