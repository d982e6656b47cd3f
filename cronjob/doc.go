// Package cronjob plans CronJobs: it starts one Job for the most recent instant at which the schedule was due.
//
// With L = status.lastScheduleTime (or the creation of the CronJob), D = startingDeadlineSeconds, and R the last
// instant in (L, now] at which the schedule is due, a plan starts the Job
//
//	<cronjob>-<R in minutes since 1970>    if R exists and now < R + D
//
// and nothing else. Earlier instants that were missed are gone. With concurrencyPolicy Forbid the Job is not started while
// one of status.active runs; with Replace those are deleted first, in the same plan. A Job that a person made for
// the CronJob ("kubectl create job --from") counts in the history and nowhere else.
//
// # At most one Job for an instant
//
// The name holds the instant, so a second creation is refused for as long as the first Job exists; and every plan writes
// R into status.lastScheduleTime once it knows of the Job, before it deletes any Job. What remains is a host that loses
// its ledger between a creation and the next plan, while somebody else deletes the Job before the host looks again:
// then the run is started once more, as it is by Kubernetes.
//
// # A worked case
//
// The schedule is "*/1 * * * *", the CronJob was made at 10:31:00 and now is 10:31:04. The plan is
//
//	wait for Schedule of CronJob default/hello until 2020-03-22T10:32:00Z: the next run is due
//
// with Wake at 10:32:00, and the plan made then
//
//	create Job default/hello-26414552
//	wait for Schedule of CronJob default/hello until 2020-03-22T10:33:00Z: the next run is due
//
// The next one puts the Job on status.active: the status reports what was observed, and the UID is known only then.
//
// # The clock
//
// [Schedule] is exact: it looks for the nearest match in bit sets of minutes, hours, days and months, between two
// changes of the zone's clocks at a time, and never walks through what was missed.
//
// The zero [Policy] does what the CronJob controller of Kubernetes 1.36 does with its default feature gates.
package cronjob
