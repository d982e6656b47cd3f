package conformance

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

func cronJobBench() []Bench {
	now := time.Now().UTC().Truncate(time.Minute).Add(time.Second)
	minute := newCronJob("* * * * *")
	minute.Status.LastScheduleTime = &metav1.Time{Time: now.Truncate(time.Minute)}
	minute.Status.LastSuccessfulTime = &metav1.Time{Time: now}
	steady := minute.DeepCopy()
	due := minute.DeepCopy()
	due.Status.LastScheduleTime = &metav1.Time{Time: now.Truncate(time.Minute).Add(-time.Minute)}
	year := minute.DeepCopy()
	year.Status.LastScheduleTime = &metav1.Time{Time: now.AddDate(-1, 0, 0)}
	irregular := year.DeepCopy()
	irregular.Spec.Schedule = "*/10 9-17 * * 1-5"
	berlin := irregular.DeepCopy()
	berlin.Spec.TimeZone = new("Europe/Berlin")

	bench := func(name string, c *batchv1.CronJob, jobs int) Bench {
		return Bench{
			Name:     name,
			Size:     1 + jobs,
			Snapshot: func() *Snapshot { return tickAt(now, c, finishedJobs(now, jobs)...) },
			Plan:     planCronJob,
		}
	}
	return []Bench{
		bench("3 jobs/steady", steady, 3),
		bench("3 jobs/a run is due", due, 3),
		bench("3 jobs/a year of missed minutes", year, 3),
		bench("3 jobs/a year of an irregular schedule", irregular, 3),
		bench("3 jobs/the same in Berlin", berlin, 3),
		bench("3000 jobs of others/steady", steady, 3000),
	}
}

// finishedJobs are three of the CronJob's own, and as many of others as are missing.
func finishedJobs(now time.Time, count int) []*batchv1.Job {
	var jobs []*batchv1.Job
	for i := range count {
		run := now.Truncate(time.Minute).AddDate(-1, 0, -i) // none is later than any of the last runs
		j := newJobOf(run)
		finishJob(j, batchv1.JobComplete, metav1.NewTime(run.Add(10*time.Second)))
		if i >= 3 {
			j.Name = fmt.Sprintf("other-%d", i)
			j.OwnerReferences = []metav1.OwnerReference{ControllerRef("batch/v1", "CronJob", "other", "uid-other")}
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func planCronJob(objects []plan.Object, now time.Time) func() error {
	c, _ := find[*batchv1.CronJob](objects, tick.Name)
	zone, _ := time.LoadLocation(cronjob.TimeZone(c))
	observed := cronjob.Observed{Now: now, Zone: zone, Jobs: ObjectsOf[*batchv1.Job](objects)}
	return func() error {
		_, err := cronjob.Plan(c, observed, cronjob.Policy{})
		return err
	}
}
