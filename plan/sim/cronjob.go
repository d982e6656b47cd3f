package sim

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

// CronJobs is a host for CronJobs. The Jobs that it starts are planned by another: see [Jobs].
func CronJobs(policy cronjob.Policy) Host {
	return Host{
		Kind:  "CronJob",
		Reads: []string{"Job"},
		Plan: func(workload plan.Object, seen Seen) (Planned, error) {
			c := workload.(*batchv1.CronJob)
			zone, _ := time.LoadLocation(cronjob.TimeZone(c)) // the planner says which zone is not there
			result, err := cronjob.Plan(c, cronjob.Observed{
				Now:     seen.Now,
				Zone:    zone,
				Jobs:    Read[*batchv1.Job](seen),
				Pending: seen.Pending,
			}, policy)
			return Planned{Result: result.Result}, err
		},
	}
}
