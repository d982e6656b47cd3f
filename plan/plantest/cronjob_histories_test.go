package plantest_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the histories mean the same zones wherever they are played

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// A CronJob never rests for good, so its histories are played by themselves: they look at every write, from one run to the next, through
// faults and edits, over changes of clocks.

func TestCronJobHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// With a host for Jobs beside the one for CronJobs, and pods that run, a history takes five times as long.
		playCronJob(t, sim.CronJobs, rapid.IntRange(0, 7).Draw(t, "with Jobs") == 7)
	})
}

// FuzzCronJobHistories searches for histories that a CronJob does not get through.
func FuzzCronJobHistories(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0x11, 0x73, 0xa5}, 400))
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { playCronJob(t, sim.CronJobs, false) }))
}

// nights are moments before clocks change, in zones that change them in different ways.
func nights() map[string]time.Time {
	return map[string]time.Time{
		"Europe/Berlin":       time.Date(2026, time.March, 29, 0, 30, 0, 0, time.UTC),
		"America/New_York":    time.Date(2026, time.November, 1, 5, 10, 0, 0, time.UTC),
		"Africa/Cairo":        time.Date(2026, time.April, 23, 21, 20, 0, 0, time.UTC),
		"Australia/Lord_Howe": time.Date(2026, time.April, 4, 14, 40, 0, 0, time.UTC),
		"UTC":                 time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC),
	}
}

// bell is a schedule, and at which times on the wall it is due.
type bell struct {
	text string
	due  func(wall time.Time) bool // nil for an interval
}

func bells() []bell {
	every := func(minutes ...int) func(time.Time) bool {
		return func(wall time.Time) bool { return slices.Contains(minutes, wall.Minute()) }
	}
	return []bell{
		{"*/5 * * * *", func(wall time.Time) bool { return wall.Minute()%5 == 0 }},
		{"* * * * *", func(time.Time) bool { return true }},
		{"*/30 0-3,14-16,21-23 * * *", func(wall time.Time) bool {
			return wall.Minute()%30 == 0 && slices.Contains([]int{0, 1, 2, 3, 14, 15, 16, 21, 22, 23}, wall.Hour())
		}},
		{"@every 7m", nil},
		{"30 2 * * *", func(wall time.Time) bool { return wall.Hour() == 2 && wall.Minute() == 30 }},
		{"15,45 * * * *", every(15, 45)},
	}
}

// playCronJob plays what happens to a CronJob: time passes, Jobs end, people edit, writes are refused, lost and late, hosts crash.
// Then all faults end, and for half an hour every run has to start on the second.
func playCronJob(t *rapid.T, host func(cronjob.Policy) sim.Host, withJobs bool) {
	zones := nights()
	zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"}).Draw(t, "zone")
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	h := &ringing{
		t: t, zone: location, withJobs: withJobs, started: map[string]bool{}, onWall: map[string]bool{},
		saving: rapid.SampledFrom([]cronjob.DaylightSaving{cronjob.EveryMatch, cronjob.OncePerSlot}).Draw(t, "daylight saving"),
		skips:  rapid.Bool().Draw(t, "skips runs before an edit"),
		keeps:  rapid.Bool().Draw(t, "keeps its ledger for ever"),
		policy: rapid.SampledFrom([]batchv1.ConcurrencyPolicy{"Allow", "Forbid", "Replace"}).Draw(t, "concurrency"),
		hosts:  []string{"cronjob"},
		c:      sim.New(sim.Options{Seed: rapid.Uint64Range(1, 1000).Draw(t, "seed"), Start: zones[zone], Nodes: 1}),
	}
	h.c.AddHost(h.misled(host(cronjob.Policy{DaylightSaving: h.saving, SkipRunsBeforeEdit: h.skips})))
	happenings := 40
	if withJobs {
		happenings = 12
		h.hosts = append(h.hosts, "job")
		h.c.AddHost(sim.Jobs(job.Policy{}))
		h.c.AddHost(sim.LostPods(job.Policy{}))
		h.setImage()
	}
	h.c.OnWrite(h.check)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h.c.Log())
		}
	})
	h.create()
	for range rapid.IntRange(1, happenings).Draw(t, "happenings") {
		h.happen()
		h.failIfBroken()
	}
	h.calm()
}

// ringing is one history.
type ringing struct {
	t        *rapid.T
	c        *sim.Cluster
	zone     *time.Location
	saving   cronjob.DaylightSaving
	skips    bool
	policy   batchv1.ConcurrencyPolicy
	withJobs bool
	// keeps says that the host loses neither its ledger nor the answer to a creation: then nothing that others do lets a
	// run start twice.
	keeps    bool
	hosts    []string
	bells    []bell          // that were in force
	window   time.Duration   // of startingDeadlineSeconds, 0 for none
	started  map[string]bool // runs, by their annotation
	onWall   map[string]bool // the same, by what the clock on the wall showed
	broken   error
	punctual bool          // in calm: whatever starts does so on the second
	lags     time.Time     // since when a view lags
	edited   time.Time     // when the schedule was, and every view has come to show it since
	ahead    time.Duration // of the host's clock
	made     int           // Jobs by hand
}

// misled is the host with a clock of its own.
func (h *ringing) misled(host sim.Host) sim.Host {
	healthy := host.Plan
	host.Plan = func(workload plan.Object, seen sim.Seen) (sim.Planned, error) {
		seen.Now = seen.Now.Add(h.ahead)
		planned, err := healthy(workload, seen)
		if !planned.Wake.IsZero() {
			planned.Wake = planned.Wake.Add(-h.ahead)
		}
		return planned, err
	}
	return host
}

func (h *ringing) create() {
	c := &batchv1.CronJob{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "tick"},
		Spec: batchv1.CronJobSpec{
			Schedule:                   h.schedule(),
			TimeZone:                   new(h.zone.String()),
			ConcurrencyPolicy:          h.policy,
			SuccessfulJobsHistoryLimit: new(rapid.Int32Range(0, 2).Draw(h.t, "history")),
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever,
				Containers:    []corev1.Container{{Name: "main", Image: "tick:1"}},
			}}}},
		},
	}
	if rapid.Bool().Draw(h.t, "deadline") {
		h.window = time.Minute
		c.Spec.StartingDeadlineSeconds = new(int64(60))
	}
	if _, err := h.c.Create(c); err != nil {
		h.t.Fatal(err)
	}
}

// schedule draws one, and notes that it was in force.
func (h *ringing) schedule() string {
	b := rapid.SampledFrom(bells()).Draw(h.t, "schedule")
	h.bells = append(h.bells, b)
	return b.text
}

func (h *ringing) setImage() {
	run := rapid.SampledFrom([]time.Duration{time.Second, 50 * time.Second, 3 * time.Minute, 10 * time.Minute}).Draw(h.t, "run")
	codes := rapid.SampledFrom([][]int32{{0}, {1, 0}, {1}}).Draw(h.t, "exit codes")
	h.c.SetImage("", sim.Behaviour{Pull: time.Second, Run: run, ExitCodes: codes})
}

func (h *ringing) happen() {
	kinds := []string{"Job", "CronJob"}
	switch rapid.SampledFrom([]string{"time", "time", "time", "end", "end", "lag", "crash", "lose", "refuse", "edit", "suspend", "resume", "delete", "delete", "vanish", "make", "clock"}).Draw(h.t, "happens") {
	case "time":
		spans := []time.Duration{time.Minute, time.Second, 5 * time.Minute, 70 * time.Second, 20 * time.Minute, time.Hour}
		if h.withJobs {
			spans = spans[:4]
		}
		h.pass(rapid.SampledFrom(spans).Draw(h.t, "time"))
	case "end":
		if h.withJobs {
			h.setImage()
		}
		h.endJobs()
	case "lag":
		if h.lags.IsZero() {
			h.lags = h.c.Now()
		}
		h.edited = time.Time{}
		h.c.Lag(h.host(), rapid.SampledFrom(kinds[:len(h.hosts)%2+1]).Draw(h.t, "view"), rapid.IntRange(0, 4).Draw(h.t, "writes"))
	case "crash":
		h.c.Crash(sim.Crash{
			Host:        h.host(),
			After:       rapid.IntRange(0, 3).Draw(h.t, "after"),
			KeepPending: h.keeps || rapid.Bool().Draw(h.t, "keeps its ledger"),
			Down:        rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Minute}).Draw(h.t, "down"),
		})
	case "lose":
		if match := h.match(); !h.keeps || match.Verb != "create" {
			h.c.LoseAnswer(match, 1, rapid.Bool().Draw(h.t, "takes effect"))
		}
	case "refuse":
		h.c.Refuse(h.match(), rapid.IntRange(1, 3).Draw(h.t, "times"), nil)
	case "edit":
		schedule, now := h.schedule(), metav1.NewTime(h.c.Now().Truncate(time.Second))
		h.edit(func(c *batchv1.CronJob) {
			c.Spec.Schedule = schedule
			c.ManagedFields = []metav1.ManagedFieldsEntry{{
				Manager: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate, Time: &now,
				FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:schedule":{}}}`),
			}}
		})
		if h.lags.IsZero() {
			h.edited = now.Time
		}
	case "suspend":
		h.edit(func(c *batchv1.CronJob) { c.Spec.Suspend = new(true) })
	case "resume":
		h.edit(func(c *batchv1.CronJob) { c.Spec.Suspend = nil })
	case "delete":
		h.deleteJob()
	case "vanish":
		h.vanish()
	case "make":
		h.makeJob()
	case "clock":
		h.ahead = rapid.SampledFrom([]time.Duration{0, -2 * time.Second, 3 * time.Second, -70 * time.Second, time.Minute}).Draw(h.t, "ahead")
	}
}

func (h *ringing) host() string {
	return rapid.SampledFrom(h.hosts).Draw(h.t, "host")
}

// pass lets time pass. No view lags for as long as a write without an answer is remembered.
func (h *ringing) pass(d time.Duration) {
	if !h.lags.IsZero() && h.c.Now().Add(d).Sub(h.lags) >= plan.Expiry-time.Minute {
		for _, host := range h.hosts {
			h.c.Lag(host, "", 0)
		}
		h.lags = time.Time{}
	}
	h.c.Advance(d)
}

func (h *ringing) match() sim.Match {
	return sim.Match{Host: h.host(), Verb: rapid.SampledFrom([]string{"create", "update-status", "delete"}).Draw(h.t, "verb")}
}

func (h *ringing) edit(change func(*batchv1.CronJob)) {
	if err := sim.Edit(h.c, "", "tick", change); err != nil {
		h.t.Fatal(err)
	}
}

// deleteJob has a person delete a Job: of a run that the status tells of, or any if the host keeps its ledger.
func (h *ringing) deleteJob() {
	c, err := sim.Get[*batchv1.CronJob](h.c, "", "tick")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, j := range sim.List[*batchv1.Job](h.c, "") {
		run, err := time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
		last := c.Status.LastScheduleTime
		told := err == nil && last != nil && !run.After(last.Time)
		if !told && !h.keeps && !isByHand(j) || h.policy == batchv1.ForbidConcurrent && !isFinished(j) {
			continue
		}
		if err := h.c.Delete(plan.RefTo(j), metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
			h.t.Fatal(err)
		}
		return
	}
}

// vanish has a Job end and go before the status tells of its run.
func (h *ringing) vanish() {
	next := h.next()
	if !h.keeps || h.withJobs || next.Sub(h.c.Now()) > time.Hour {
		return
	}
	h.c.Refuse(sim.Match{Host: "cronjob", Verb: "update-status"}, 2, nil)
	h.pass(next.Sub(h.c.Now()))
	h.endJobs()
	for range sim.List[*batchv1.Job](h.c, "") {
		h.deleteJob()
	}
}

// next is when the next run is due by the clock of the host.
func (h *ringing) next() time.Time {
	_, schedule := h.inForce()
	return schedule.Next(h.c.Now().Add(h.ahead)).Add(-h.ahead)
}

// inForce gives the CronJob as it is, and its schedule.
func (h *ringing) inForce() (*batchv1.CronJob, cronjob.Schedule) {
	c, err := sim.Get[*batchv1.CronJob](h.c, "", "tick")
	if err != nil {
		h.t.Fatal(err)
	}
	schedule, err := cronjob.ParseSchedule(c.Spec.Schedule)
	if err != nil {
		h.t.Fatal(err)
	}
	return c, schedule.In(h.zone, h.saving)
}

// makeJob has a person make a Job, as "kubectl create job --from" does: its name may be that of a run.
func (h *ringing) makeJob() {
	c, err := sim.Get[*batchv1.CronJob](h.c, "", "tick")
	if err != nil {
		h.t.Fatal(err)
	}
	h.made++
	names := []string{fmt.Sprintf("tick-by-hand-%d", h.made), fmt.Sprintf("tick-%d", h.made), fmt.Sprintf("tick-%d", h.c.Now().Unix()/60), fmt.Sprintf("tick-%d", h.c.Now().Unix())}
	j := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace, Name: rapid.SampledFrom(names).Draw(h.t, "name"), Annotations: map[string]string{"cronjob.kubernetes.io/instantiate": "manual"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(c, batchv1.SchemeGroupVersion.WithKind("CronJob"))},
		},
		Spec: *c.Spec.JobTemplate.Spec.DeepCopy(),
	}
	if _, err := h.c.Create(j); err != nil && !apierrors.IsAlreadyExists(err) {
		h.t.Fatal(err)
	}
}

func isByHand(j *batchv1.Job) bool { return j.Annotations["cronjob.kubernetes.io/instantiate"] != "" }

// endJobs ends what runs: the pods or, if there are none, the Jobs as their controller would.
func (h *ringing) endJobs() {
	for _, pod := range sim.List[*corev1.Pod](h.c, "") {
		_ = h.c.Exit(pod.Namespace, pod.Name, "", 0) // it need not run
	}
	for _, j := range sim.List[*batchv1.Job](h.c, "") {
		if h.withJobs || len(j.Status.Conditions) > 0 {
			continue
		}
		now := metav1.NewTime(h.c.Now())
		j.Status.StartTime, j.Status.CompletionTime = &j.CreationTimestamp, &now
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now}}
		if _, err := h.c.UpdateStatus(j); err != nil {
			h.t.Fatal(err)
		}
	}
}

// check is called after every write.
func (h *ringing) check(w sim.Write) {
	var err error
	switch obj := w.After.(type) {
	case *batchv1.Job:
		if w.Verb == "create" && !isByHand(obj) {
			err = h.checkStart(obj, w.At.Add(h.ahead))
		}
		if w.Verb == "delete" && w.By == "cronjob" && isByHand(obj) && !isFinished(obj) {
			err = fmt.Errorf("%s, which a person made and which runs, is deleted", obj.Name)
		}
	case *corev1.Pod:
		err = h.checkPods()
	case *batchv1.CronJob:
		if was, ok := w.Before.(*batchv1.CronJob); ok {
			before, after := was.Status.LastScheduleTime, obj.Status.LastScheduleTime
			if before != nil && (after == nil || after.Before(before)) {
				err = fmt.Errorf("lastScheduleTime goes back from %s to %s", before, after)
			}
		}
	}
	if err != nil && h.broken == nil {
		h.broken = err
	}
}

func (h *ringing) checkStart(j *batchv1.Job, at time.Time) error {
	run, err := time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
	stamp, wall := run.UTC().String(), run.In(h.zone).Format(time.DateTime)
	slots := h.saving == cronjob.OncePerSlot && !slices.ContainsFunc(h.bells, func(b bell) bool { return b.due == nil })
	switch {
	case err != nil:
		return err
	case h.started[stamp]:
		return fmt.Errorf("the run of %s starts a second time", stamp)
	case slots && h.onWall[wall]:
		return fmt.Errorf("the clock on the wall shows %s a second time, and a run starts", wall)
	case !h.wasDue(run):
		return fmt.Errorf("the run of %s starts, which no schedule asked for", stamp)
	case h.skips && run.Before(h.edited):
		return fmt.Errorf("the run of %s starts, which was due before the edit at %s", stamp, h.edited)
	case run.After(at):
		return fmt.Errorf("the run of %s starts at %s, before its time", stamp, at)
	case h.window > 0 && at.Sub(run) >= h.window:
		return fmt.Errorf("the run of %s starts at %s, after its deadline", stamp, at)
	case h.punctual && !at.Equal(run):
		return fmt.Errorf("the run of %s starts at %s", stamp, at)
	}
	h.started[stamp], h.onWall[wall] = true, true
	working := 0
	for _, other := range sim.List[*batchv1.Job](h.c, "") {
		if !isFinished(other) && !isByHand(other) && (other.DeletionTimestamp == nil || h.policy == batchv1.ForbidConcurrent) {
			working++
		}
	}
	if working > 1 && h.policy != batchv1.AllowConcurrent {
		return fmt.Errorf("with the run of %s, %d Jobs are at work", stamp, working)
	}
	return nil
}

// wasDue reports whether any schedule that was in force names a run. What the clock left out is due as if it had not.
func (h *ringing) wasDue(run time.Time) bool {
	_, before := run.Add(-time.Hour).In(h.zone).Zone()
	leftOut := run.UTC().Add(time.Duration(before) * time.Second)
	return slices.ContainsFunc(h.bells, func(b bell) bool {
		return b.due == nil || run.Second() == 0 && (b.due(run.In(h.zone)) || h.saving == cronjob.OncePerSlot && b.due(leftOut))
	})
}

// checkPods looks for pods of two Jobs at a time.
func (h *ringing) checkPods() error {
	if h.policy != batchv1.ForbidConcurrent {
		return nil
	}
	working := ""
	for _, pod := range sim.List[*corev1.Pod](h.c, "") {
		of := pod.Labels[batchv1.JobNameLabel]
		if j, err := sim.Get[*batchv1.Job](h.c, "", of); err == nil && isByHand(j) {
			continue
		}
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		if working != "" && working != of {
			return fmt.Errorf("pods of %s and %s run at a time", working, of)
		}
		working = of
	}
	return nil
}

func isFinished(j *batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	})
}

// calm ends all faults. A little later every run starts on the second, and none is left out.
func (h *ringing) calm() {
	h.c.ClearFaults()
	h.ahead = 0
	h.edit(func(c *batchv1.CronJob) {
		c.Spec.Suspend = nil
		c.Annotations = map[string]string{"clock": "right"} // so that the host plans: a timer set by a clock that was wrong still rings late
	})
	h.c.SetImage("", sim.Behaviour{Run: time.Second})
	for range 40 { // longer than a host waits after failures, or for an answer
		h.endJobs()
		h.c.Advance(30 * time.Second)
	}
	h.failIfBroken()
	h.punctual = true
	c, schedule := h.inForce()
	from := h.c.Now()
	if last := c.Status.LastScheduleTime; last != nil && h.bells[len(h.bells)-1].due == nil {
		from = last.Time // from which it counts
	}
	for range 60 {
		h.endJobs()
		h.c.Advance(30 * time.Second)
	}
	h.failIfBroken()
	for run := schedule.Next(from); !run.After(h.c.Now()); run = schedule.Next(run) {
		if !h.started[run.UTC().String()] {
			h.t.Fatalf("the run of %s was left out", run)
		}
	}
}

func (h *ringing) failIfBroken() {
	if h.broken != nil {
		h.t.Fatal(h.broken)
	}
}
