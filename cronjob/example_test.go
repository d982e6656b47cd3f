package cronjob_test

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/cronjob"
)

func ExamplePlan() {
	hello := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hello", CreationTimestamp: metav1.Date(2020, 3, 22, 10, 31, 0, 0, time.UTC)},
		Spec: batchv1.CronJobSpec{
			Schedule: "*/1 * * * *",
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
				Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyOnFailure},
			}}},
		},
	}
	for _, now := range []time.Time{time.Date(2020, 3, 22, 10, 31, 4, 0, time.UTC), time.Date(2020, 3, 22, 10, 32, 0, 0, time.UTC)} {
		result, err := cronjob.Plan(hello, cronjob.Observed{Now: now}, cronjob.Policy{})
		if err != nil {
			fmt.Println(err)
		}
		for _, action := range result.Actions {
			fmt.Println(action)
		}
	}
	// Output:
	// wait for Schedule of CronJob default/hello until 2020-03-22T10:32:00Z: the next run is due
	// create Job default/hello-26414552
	// wait for Schedule of CronJob default/hello until 2020-03-22T10:33:00Z: the next run is due
}

// A host loads the zone that the CronJob names, and may leave the error to the planner.
func ExampleTimeZone() {
	mars := "Mars/Phobos"
	dust := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "dust"},
		Spec: batchv1.CronJobSpec{
			Schedule: "@hourly",
			TimeZone: &mars,
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
				Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever},
			}}},
		},
	}
	zone, _ := time.LoadLocation(cronjob.TimeZone(dust))
	_, err := cronjob.Plan(dust, cronjob.Observed{Now: time.Now(), Zone: zone}, cronjob.Policy{})
	fmt.Println(err)
	// Output:
	// spec.timeZone: Invalid value: "Mars/Phobos": unknown time zone Mars/Phobos: the host has not loaded it; a program that imports time/tzdata knows all zones
}

func ExampleParseSchedule() {
	_, err := cronjob.ParseSchedule("0 9 * * 7")
	fmt.Println(err)

	schedule, err := cronjob.ParseSchedule("*/10 9-17 * * 1-5")
	if err != nil {
		fmt.Println(err)
	}
	saturday := time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	fmt.Println(schedule.Next(saturday))
	fmt.Println(schedule.Latest(saturday.AddDate(-1, 0, 0), saturday))
	fmt.Println(schedule.Count(saturday.AddDate(-1, 0, 0), saturday, 100_000))
	// Output:
	// column 9, day of week "7": 7 is above 6: Sunday is 0
	// 2026-01-05 09:00:00 +0000 UTC
	// 2026-01-02 17:50:00 +0000 UTC
	// 14075
}

// On the night on which the clocks of Berlin go forward from 2:00 to 3:00 there is no 2:30.
func ExampleSchedule_In() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
	}
	schedule, err := cronjob.ParseSchedule("30 2 * * *")
	if err != nil {
		fmt.Println(err)
	}
	eve := time.Date(2026, 3, 28, 12, 0, 0, 0, berlin)
	fmt.Println(schedule.In(berlin, cronjob.EveryMatch).Next(eve))
	fmt.Println(schedule.In(berlin, cronjob.OncePerSlot).Next(eve))
	// Output:
	// 2026-03-30 02:30:00 +0200 CEST
	// 2026-03-29 03:30:00 +0200 CEST
}
