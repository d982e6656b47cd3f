// Package job plans Jobs: it runs pods until enough of them have succeeded, and counts each of them exactly once.
//
// With P = spec.parallelism, C = spec.completions, S = the pods (of an Indexed Job: the indexes) that have succeeded, counted
// or not, A = the pods at work and B = [Policy].Burst, a plan of a Job that goes on holds
//
//	wanted  = min(P, C - S)            P, until a pod succeeds, if C is nil
//	creates = min(B, wanted - A)       less the pods that terminate, if only failed pods are replaced
//	deletes = min(B, A - wanted)       and of an Indexed Job all pods at an index that is taken or does not exist
//
// and never both. Failed pods are replaced after 10 s, 20 s, 40 s, ... 10 min ([Memory]). Created indexes are the
// lowest that are neither completed nor failed and at which nobody works.
//
// Over the whole life of a Job, whatever crashes, lags or is refused,
//
//	pods created             <= C + backoffLimit           P + backoffLimit if C is nil
//	pods created at an index <= 1 + backoffLimitPerIndex
//	counters never fall, and Complete and Failed are for good
//
// the first two as long as nothing goes that does not count: no suspension, no lower parallelism, no failure that
// podFailurePolicy ignores, no pod whose labels somebody takes away.
//
// # A worked case
//
// C = 3, P = 2, backoffLimit = 1:
//
//	 0 s  S = 0, A = 0: wanted min(2, 3) = 2                    create a and b
//	10 s  a succeeds    S = 1, A = 1: wanted min(2, 2) = 2      create c
//	20 s  b fails       1 failed, not over 1                    wait until 30 s
//	30 s                A = 1, wanted 2                         create d
//	40 s  c fails       2 failed, over 1: FailureTarget         list d as failed, remove it
//	      d is gone     3 failed, 1 succeeded                   Failed: BackoffLimitExceeded
//
// Four pods were created, which is C + backoffLimit.
//
// # Counting
//
// A pod bears a finalizer until it is counted. It is counted in three stages, each of which stands in a plan of its own
// and begins only once the one before is known to be done:
//
//	update-status Job default/train: status.uncountedTerminatedPods.succeeded
//	update Pod default/train-x7k2p: metadata.finalizers
//	update-status Job default/train: status.succeeded none -> 1, status.uncountedTerminatedPods.succeeded
//
// Between any two a host may crash, lose an answer or look at a lagging view: no pod is counted twice, and none is lost.
// Finished pods stay, for people to look at their logs. What remembers is in the cluster: the list, the counters and
// the finalizers. [Memory] decides nothing about what counts, and may be lost.
//
// So a pod counts if it bears the finalizer when it ends, and once. That the finalizer is gone may mean that the pod is
// counted, or that it was given up: of a pod at work it is the latter, and of one that has finished nothing tells which.
// Therefore
//
//   - a pod at work that has lost its finalizer gets it back, if the Job goes on and wants it: it was to be deleted, the
//     host crashed or was refused before that, and then the Job was resumed or widened. If it ends before it has the
//     finalizer back, nobody counts it, and another runs in its place;
//   - an orphan is adopted with the finalizer while it is at work and the Job goes on, and else without it: its labels may
//     have been taken away after it was counted. If they were taken away before, it ended as nobody's pod, and does not
//     count. The one exception is an orphan that still bears the finalizer: no count has been taken of it;
//   - a pod that is on the list and bears the finalizer is not counted, and a Job does not finish, until it has lost it:
//     as long as a webhook refuses that, the Job waits.
//
// # The end
//
// How a Job ends is decided by the first rule that holds, told by the condition FailureTarget or SuccessCriteriaMet, and
// carried out: the pods at work lose their finalizers and are deleted. Once none is left and all are
// counted the Job is Failed or Complete, for good. A Job with ttlSecondsAfterFinished is deleted after that time.
//
//	SuccessCriteriaMet or FailureTarget stands in the status already
//	a failed pod matches a rule of podFailurePolicy with the action FailJob
//	failed > backoffLimit, or with restartPolicy OnFailure restarts >= max(1, backoffLimit)
//	now >= startTime + activeDeadlineSeconds
//	failed indexes > maxFailedIndexes
//	no index is left but some failed
//	a rule of successPolicy is met
//	S >= C; if C is nil, S > 0 and no pod is at work any more
//
// The zero [Policy] does what the Job controller and the TTL-after-finished controller of Kubernetes 1.36 do with their
// default feature gates (JobBackoffLimitPerIndex, JobManagedBy, JobPodReplacementPolicy, JobSuccessPolicy and
// MutableSchedulingDirectivesForSuspendedJobs are on, WorkloadWithJob is off).
//
// A host calls [Untrack] besides, for pods that no Job will ever count. The two are independent: keep a ledger for each, so
// that what one of them is refused does not stop the other.
package job
