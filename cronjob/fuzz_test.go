package cronjob_test

import (
	"encoding/json"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/plan"
)

// FuzzPlan plans whatever can be read as an input: it must not panic, and no plan comes with an error.
func FuzzPlan(f *testing.F) {
	type input struct {
		CronJob *batchv1.CronJob
		Jobs    []*batchv1.Job
		Pending plan.Pending
		Policy  cronjob.Policy
	}
	for _, in := range []input{
		{CronJob: hello(active(job("10:00:00")), concurrency("Replace")), Jobs: []*batchv1.Job{job("10:00:00"), job("09:55:00", failed), nil}},
		{CronJob: hello(schedule("CRON_TZ=Europe/Berlin 5 11 * * *"), deadline(1<<62), history(0, 0)), Policy: cronjob.Policy{SkipRunsBeforeEdit: true}},
		{CronJob: hello(zone("Africa/Cairo"), neverRun, editedAt("10:04:00", scheduleField)), Policy: cronjob.Policy{DaylightSaving: cronjob.OncePerSlot},
			Pending: plan.Pending{Seen: map[string]string{"Job": "6"}, Outcomes: []plan.Outcome{created(job("10:05:00", unsent), nil, nil)}}},
	} {
		data, err := json.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, clock("10:05:00").Unix())
	}
	f.Fuzz(func(t *testing.T, data []byte, now int64) {
		var in input
		if json.Unmarshal(data, &in) != nil {
			return
		}
		observed := cronjob.Observed{Now: time.Unix(now, 0), Jobs: in.Jobs, Pending: in.Pending}
		if in.CronJob != nil {
			observed.Zone, _ = time.LoadLocation(cronjob.TimeZone(in.CronJob))
		}
		result, err := cronjob.Plan(in.CronJob, observed, in.Policy)
		if err != nil && len(result.Actions) > 0 {
			t.Errorf("%v, and a plan: %v", err, result.Actions)
		}
	})
}
