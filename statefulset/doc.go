// Package statefulset plans StatefulSets: pods with a name, an order and storage of their own.
//
// With S = spec.ordinals.start and R = spec.replicas, the set has the ordinals S <= o < S + R, one pod "<set>-<o>" for each,
// and for each claim template a claim "<template>-<set>-<o>", which stays when its pod goes and is
// found again by the next. With available = Running, Ready for minReadySeconds and not being deleted, a plan keeps, from
// whatever was observed:
//
//	create(o)  =>  no pod of that name exists in any phase, each of its claims exists or stands earlier in
//	               the plan, and none of them is being deleted
//	OrderedReady:  create(o) => all j < o are available; at most one pod is created or deleted, but for an update
//	               with [Policy].MaxUnavailable; delete(surplus o) => all in range are available, o is the highest,
//	               and o is available or all surplus pods below it are (or [Policy].Unblock)
//	update:        delete(o) => o >= S + partition; one pod, the highest that is outdated, and only if all above it
//	               are available, under OrderedReady all in range, and no surplus pod is left;
//	               with [Policy].MaxUnavailable and U = maxUnavailable of R, rounded down, at least 1:
//	               available pods deleted <= max(0, U - unavailable), from the highest
//	claims:        deleted by no plan, and re-owned only as the retention policy says (see Claims); no pod is deleted
//	               that would take along a claim that is to stay: the claim changes hands in a plan before
//
// A worked case: R is 3, OrderedReady, one claim template "data"; web-0 is available. The plan is
//
//	update-status StatefulSet default/web: status.availableReplicas 0 -> 1, ...
//	create PersistentVolumeClaim default/data-web-1
//	create Pod default/web-1
//
// and web-2 follows once web-1 is available. Nothing waits for a claim to be bound: a claim may be bound only once its pod is
// there. A Wait says so where a pod is not scheduled for want of a volume.
//
// Outdated is a pod that the update reaches (o >= S + partition) and that is not of the update's revision; surplus, one with an ordinal
// out of range. Orphans that the selector matches are adopted before they count for anything but their place; a pod without a
// canonical ordinal ("web-01", or beyond 2147483647) is none of the set's.
//
// The pods of a set come from two revisions of its template: the update's, which holds spec.template, and the current one, which all pods
// had before. New pods below the partition are made of the current one. So are, with the type RollingUpdate written out and no
// rollingUpdate, which no API server fills in, the lowest status.currentReplicas ordinals, as in Kubernetes: a pod that is lost in
// mid-update may come back old. Once every pod is of the update's and ready, that becomes the current one.
//
// The zero [Policy] does what the StatefulSet controller of Kubernetes 1.36 does with its default feature gates
// (StatefulSetSemanticRevisionComparison is on, MaxUnavailableStatefulSet is off).
//
// # Claims
//
// Who owns a claim decides who takes it, and its data, along: the garbage collector deletes a claim with its last owner. With the
// retention policy
//
//	whenDeleted Retain, whenScaled Retain   nobody owns it (the default)
//	whenDeleted Delete, whenScaled Retain   the set does
//	whenDeleted Retain, whenScaled Delete   its pod does once that is surplus, and before it is deleted
//	whenDeleted Delete, whenScaled Delete   its pod does once that is surplus, else the set
//
// A claim whose controller is neither the set nor a pod of its name is another's and stays as it is.
//
// # What a person has to do
//
// Under OrderedReady a pod that does not become ready blocks everything behind it, its own replacement by a mended template
// among it. The plan then holds a Wait for a person that names the pod: delete it, and the next one is
// made of the new template. [Policy].Unblock does it without a person.
//
// With whenScaled Delete, a surplus pod is the owner of its claims. If the set is deleted in the foreground while such a pod is there, the
// garbage collector lets the pod go only after its claims, and the claims are kept for as long as the pod mounts them: a person has to
// take the finalizer foregroundDeletion off the pod. Nothing is planned for a set that is being deleted.
package statefulset
