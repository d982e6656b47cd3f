package main

import (
	"fmt"
	"time"
	_ "time/tzdata" // a plan is the same where no time zones are installed

	batchv1 "k8s.io/api/batch/v1"

	"github.com/kubeplan/kubeplan/cronjob"
)

func planCronJob(c *batchv1.CronJob, in input) (planned, error) {
	var policy cronjob.Policy
	if err := in.decodePolicy(&policy); err != nil {
		return planned{}, err
	}
	if err := in.decodeMemory(&struct{}{}); err != nil {
		return planned{}, err
	}
	zone, _ := time.LoadLocation(cronjob.TimeZone(c)) // the planner says which zone is not there
	result, err := cronjob.Plan(c, cronjob.Observed{
		Now:     in.now,
		Zone:    zone,
		Jobs:    observed[*batchv1.Job](in.observed, c.Namespace),
		Pending: in.pending,
	}, policy)
	if err != nil {
		return planned{}, err
	}
	last := "no run yet"
	if at := result.Status.LastScheduleTime; at != nil {
		last = "last run " + at.UTC().Format(time.RFC3339)
	}
	return planned{
		Result:  result.Result,
		status:  result.Status,
		summary: fmt.Sprintf("%s, %d active", last, len(result.Status.Active)),
	}, nil
}
