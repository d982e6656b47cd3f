// Package cronjob plans CronJobs: it starts one Job for the most recent instant at which the schedule was due.
//
// With L = status.lastScheduleTime (or the creation of the CronJob), D = startingDeadlineSeconds, and R the last
// instant in (L, now] at which the schedule is due, a plan starts the Job
//
//	<cronjob>-<R in minutes since 1970>    if R exists and now < R + D
//
// and nothing else. Earlier instants that were missed are gone. With concurrencyPolicy Forbid the Job is not started while
// one of status.active runs; with Replace those are deleted first, in the same plan. A Job that a person made for
// the CronJob ("kubectl create job --from") counts in the history and nowhere else, whatever its name; if it has taken the
// name of a run, that run does not start.
//
// # What holds over a history
//
// However late the view is, whatever is refused or lost, and whatever people edit, as long as the host keeps its ledger:
//
//   - at most one Job starts for an instant, at R or later and before R + D;
//   - with Forbid, none starts while another has not finished, or may have been created; with Replace, none while another is
//     neither finished nor known to be going;
//   - status.lastScheduleTime never goes back;
//   - of the Jobs that have finished, only the last successfulJobsHistoryLimit and failedJobsHistoryLimit stay;
//   - once nothing goes wrong any more, what may start does so on the second.
//
// The first rests on three things. The name holds the instant, so a second creation is refused for as long as the first Job
// exists. Every plan writes R into status.lastScheduleTime once it knows of the Job, before it deletes any Job. And until
// that is written the ledger keeps the answer to the creation ([plan.Settle]), even if the Job is gone. What
// remains is a Job that nobody ever told the planner of: the host lost its ledger behind the creation, or five minutes
// passed without an answer, and somebody else deleted the Job before its run was written down. Then the run is
// started once more, as it is by Kubernetes.
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
// changes of the zone's clocks at a time, and never walks through what was missed: a year of missed minutes costs what one
// does. [DaylightSaving] says what becomes of times that the clock on the wall skips or shows twice.
//
// A planner reads no files, so the host loads the time zone that [TimeZone] names. Zones are not part of Go's library:
// a program that runs where none are installed, as in an image made from scratch, embeds them (450 KB) with
//
//	import _ "time/tzdata"
//
// The zero [Policy] does what the CronJob controller of Kubernetes 1.36 does with its default feature gates.
package cronjob
