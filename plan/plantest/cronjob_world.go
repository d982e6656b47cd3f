package plantest

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// CronJobWorld is a CronJob and three hosts: its own, and those of its Jobs and their pods. To come to rest it is suspended.
func CronJobWorld() World {
	suspend := func(name string, suspended bool) Edit {
		return Edit{name, func(_ *rapid.T, obj plan.Object) string {
			obj.(*batchv1.CronJob).Spec.Suspend = &suspended
			return fmt.Sprintf(`kubectl patch cj tick -p '{"spec":{"suspend":%t}}'`, suspended)
		}}
	}
	return World{
		Name:  "CronJob",
		Hosts: []sim.Host{sim.CronJobs(cronjob.Policy{}), sim.Jobs(job.Policy{}), sim.LostPods(job.Policy{})},
		Workload: rapid.Custom(func(t *rapid.T) plan.Object {
			return &batchv1.CronJob{
				TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"},
				ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "tick"},
				Spec: batchv1.CronJobSpec{
					Schedule:                   drawRhythm(t),
					TimeZone:                   new("UTC"),
					ConcurrencyPolicy:          pick(t, "concurrency", batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent),
					StartingDeadlineSeconds:    pick(t, "startingDeadlineSeconds", nil, new(int64(60))),
					SuccessfulJobsHistoryLimit: new(rapid.Int32Range(0, 2).Draw(t, "successfulJobsHistoryLimit")),
					FailedJobsHistoryLimit:     new(rapid.Int32Range(0, 1).Draw(t, "failedJobsHistoryLimit")),
					JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
						RestartPolicy: corev1.RestartPolicyNever,
						Containers:    []corev1.Container{{Name: "main", Image: "tick:1"}},
					}}}},
				},
			}
		}),
		Edits: []Edit{
			{"schedule", func(t *rapid.T, obj plan.Object) string {
				schedule := drawRhythm(t)
				obj.(*batchv1.CronJob).Spec.Schedule = schedule
				return fmt.Sprintf(`kubectl patch cj tick -p '{"spec":{"schedule":%q}}'`, schedule)
			}},
			suspend("suspend", true),
			suspend("resume", false),
		},
		Runs:    map[string]time.Duration{"tick:1": 2 * time.Second},
		Written: []string{"Job"},
		LagsEnd: true,
		Beat:    &Beat{Start: suspend("start", false), Stop: suspend("stop", true), Kept: startsOnTheSecond},
		Always:  startsEachRunOnce,
		Step:    cronJobStep,
		Goal:    cronJobStopped,
		Policy:  cronjob.Policy{},
	}
}

// rhythms are schedules, and the minutes of an hour at which they are due.
func rhythms() map[string]int {
	return map[string]int{"* * * * *": 1, "*/2 * * * *": 2, "*/5 * * * *": 5, "*/20 * * * *": 20}
}

func drawRhythm(t *rapid.T) string { return pick(t, "schedule", sortedKeys(rhythms())...) }

// startsEachRunOnce: a run starts once, at a time that some schedule asked for, not before it and not after its deadline; Jobs, and
// with Forbid pods, of two runs are not at work at a time unless they may; and lastScheduleTime never goes back.
func startsEachRunOnce(c *sim.Cluster) func(sim.Write) error {
	var runs runsOf
	return func(w sim.Write) error {
		switch obj := w.After.(type) {
		case *batchv1.CronJob:
			before, _ := w.Before.(*batchv1.CronJob)
			return runs.note(before, obj)
		case *batchv1.Job:
			if owner := metav1.GetControllerOf(obj); w.Before == nil && owner != nil && owner.UID == runs.owner {
				return runs.start(c, obj, w.At)
			}
		case *corev1.Pod:
			if w.Before == nil && runs.concurrency == batchv1.ForbidConcurrent {
				return runs.checkPods(c, obj.Namespace)
			}
		}
		return nil
	}
}

// runsOf is what a history shows of one CronJob.
type runsOf struct {
	owner       types.UID
	concurrency batchv1.ConcurrencyPolicy
	window      time.Duration // of startingDeadlineSeconds, 0 for none
	every       map[int]bool  // minutes: the rhythms that were in force
	started     map[int64]bool
}

func (r *runsOf) note(before, after *batchv1.CronJob) error {
	if r.owner != after.UID {
		*r = runsOf{owner: after.UID, concurrency: after.Spec.ConcurrencyPolicy, every: map[int]bool{}, started: map[int64]bool{}}
		if seconds := after.Spec.StartingDeadlineSeconds; seconds != nil {
			r.window = time.Duration(*seconds) * time.Second
		}
	}
	r.every[rhythms()[after.Spec.Schedule]] = true
	if before == nil || before.Status.LastScheduleTime == nil {
		return nil
	}
	was, is := before.Status.LastScheduleTime, after.Status.LastScheduleTime
	if is == nil || is.Before(was) {
		return fmt.Errorf("lastScheduleTime goes back from %s to %s", was, is)
	}
	return nil
}

func (r *runsOf) start(c *sim.Cluster, j *batchv1.Job, at time.Time) error {
	run, err := scheduledFor(j)
	switch {
	case err != nil:
		return err
	case r.started[run.Unix()]:
		return fmt.Errorf("the run of %s starts a second time", run)
	case !r.wasDue(run):
		return fmt.Errorf("the run of %s starts, which no schedule asked for", run)
	case run.After(at):
		return fmt.Errorf("the run of %s starts at %s, before its time", run, at)
	case r.window > 0 && at.Sub(run) >= r.window:
		return fmt.Errorf("the run of %s starts at %s, after its deadline", run, at)
	}
	r.started[run.Unix()] = true
	working := 0
	for _, obj := range c.Peek("Job", j.Namespace) {
		other := obj.(*batchv1.Job)
		if owner := metav1.GetControllerOf(other); owner == nil || owner.UID != r.owner || !isUnfinished(other) {
			continue
		}
		if other.DeletionTimestamp == nil || r.concurrency == batchv1.ForbidConcurrent {
			working++
		}
	}
	if working > 1 && r.concurrency != batchv1.AllowConcurrent {
		return fmt.Errorf("with the run of %s, %d Jobs are at work", run, working)
	}
	return nil
}

func scheduledFor(j *batchv1.Job) (time.Time, error) {
	return time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
}

func (r *runsOf) wasDue(run time.Time) bool {
	for minutes := range r.every {
		if run.Second() == 0 && run.Minute()%minutes == 0 {
			return true
		}
	}
	return false
}

// checkPods looks for pods of two Jobs at a time.
func (r *runsOf) checkPods(c *sim.Cluster, namespace string) error {
	ours := map[types.UID]bool{}
	for _, j := range c.Peek("Job", namespace) {
		owner := metav1.GetControllerOf(j)
		ours[j.GetUID()] = owner != nil && owner.UID == r.owner
	}
	var working *metav1.OwnerReference
	for _, pod := range c.Peek("Pod", namespace) {
		of := metav1.GetControllerOf(pod)
		if of == nil || !ours[of.UID] || isFinished(pod.(*corev1.Pod)) {
			continue
		}
		if working != nil && working.UID != of.UID {
			return fmt.Errorf("pods of %s and %s run at a time", working.Name, of.Name)
		}
		working = of
	}
	return nil
}

// startsOnTheSecond: in calm every run starts when it is due, and none is left out.
func startsOnTheSecond(workload plan.Object, from time.Time, writes []sim.Write) error {
	minutes := rhythms()[workload.(*batchv1.CronJob).Spec.Schedule]
	var started []time.Time
	for _, w := range writes {
		j, ok := w.After.(*batchv1.Job)
		if !ok || w.Before != nil {
			continue
		}
		run, err := scheduledFor(j)
		if err != nil || !run.Equal(w.At) {
			return fmt.Errorf("in calm, %s starts at %s", j.Name, w.At)
		}
		started = append(started, run)
	}
	for run := from.Truncate(time.Minute).Add(time.Minute); run.Before(from.Add(14 * time.Minute)); run = run.Add(time.Minute) {
		if run.Minute()%minutes == 0 && !slices.ContainsFunc(started, run.Equal) {
			return fmt.Errorf("in calm, the run of %s is left out", run)
		}
	}
	return nil
}

// cronJobStopped: a CronJob that is suspended has no Job at work and a history within its limits, and its status says so.
func cronJobStopped(s Snapshot) error {
	c := countChime(s)
	if len(c.running) > 0 {
		return fmt.Errorf("%d Jobs are at work", len(c.running))
	}
	for how, limit := range c.limits() {
		if c.kept[how] > limit {
			return fmt.Errorf("%d Jobs that are %s, %d are kept", c.kept[how], how, limit)
		}
	}
	return c.compareStatus(c.cronJob.Status)
}
