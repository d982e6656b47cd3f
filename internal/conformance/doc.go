// Package conformance judges the planners: it runs Kubernetes' own controllers and ours on the same random
// snapshots of a cluster and compares what becomes of it.
//
//   - [World] is a small API server on virtual time, the same for both.
//   - [Upstream] runs a controller of k8s.io/kubernetes on it: a client whose requests the World answers,
//     informers filled from the World, a recorder that keeps the events.
//   - [Ours] is a host: it plans, carries the plan out in batches, and keeps Pending.
//   - [Conform] draws snapshots, runs both until neither changes anything, and compares writes, objects and events.
//   - [Deviations] runs the snapshots of DEVIATIONS.md, [Takeover] hands a cluster from one to the other.
//
// README.md says how to add a planner.
package conformance
