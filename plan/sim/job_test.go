package sim

import (
	"encoding/json"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan"
)

// trainJob fails as often as it is tried.
func trainJob(edits ...func(*batchv1.JobSpec)) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "train"}}
	j.Spec.Template.Spec = running("train")
	j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	for _, edit := range edits {
		edit(&j.Spec)
	}
	return j
}

// withTrain gives a cluster whose image train runs for a second and ends with a code.
func withTrain(t *testing.T, code int32, host Host, edits ...func(*batchv1.JobSpec)) *Cluster {
	t.Helper()
	c := New(Options{Seed: 1, Nodes: 1})
	c.SetImage("train", Behaviour{Run: time.Second, ExitCodes: []int32{code}})
	c.AddHost(host)
	c.AddHost(LostPods(job.Policy{}))
	create(t, c, trainJob(edits...))
	return c
}

// storing is a host for Jobs that stores what it has to remember as text.
func storing(t *testing.T) Host {
	host := Jobs(job.Policy{})
	planning := host.Plan
	host.Plan = func(workload plan.Object, seen Seen) (Planned, error) {
		var memory job.Memory
		if text, ok := seen.Memory.([]byte); ok {
			if err := json.Unmarshal(text, &memory); err != nil {
				t.Error(err)
			}
		}
		seen.Memory = memory
		planned, err := planning(workload, seen)
		text, failure := json.Marshal(planned.Memory)
		if failure != nil {
			t.Error(failure)
		}
		planned.Memory = text
		return planned, err
	}
	return host
}

// The third failure is followed by 40 s without an attempt, whether the host starts again in between or not: unless it
// forgets what it was handed.
func TestJobMemoryOutlivesTheHost(t *testing.T) {
	for _, test := range []struct {
		name    string
		crash   bool
		keep    bool
		created time.Duration // the fourth pod, after the third has failed
	}{
		{"no restart", false, false, 40 * time.Second},
		{"a restart with the memory", true, true, 40 * time.Second},
		{"a restart without", true, false, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := withTrain(t, 1, storing(t))
			tries := func(n int) func() bool {
				return func() bool { return len(names(c, "Pod")) == n }
			}
			failed := func() bool { return get[*batchv1.Job](t, c, "train").Status.Failed == 3 }
			if !c.RunUntil(5*time.Minute, failed) {
				t.Fatalf("it has not failed three times:\n%s", c.Log())
			}
			since := c.Now()
			if test.crash {
				c.Crash(Crash{Host: "job", KeepPending: test.keep, Down: 5 * time.Second})
			}
			if !c.RunUntil(5*time.Minute, tries(4)) {
				t.Fatalf("there is no fourth try:\n%s", c.Log())
			}
			if got := c.Now().Sub(since).Round(time.Second); got != test.created {
				t.Errorf("the fourth try comes after %s, want %s", got, test.created)
			}
		})
	}
}

// The worked case in the documentation of package job.
func TestJobOfTheDocs(t *testing.T) {
	c := New(Options{Seed: 1, Nodes: 1})
	c.SetImage("train", Behaviour{})
	c.AddHost(Jobs(job.Policy{}))
	create(t, c, trainJob(func(spec *batchv1.JobSpec) {
		spec.Completions, spec.Parallelism, spec.BackoffLimit = new(int32(3)), new(int32(2)), new(int32(1))
	}))
	began := c.Now()
	var order []string // of the pods, by creation
	c.OnWrite(func(w Write) {
		if w.Kind() == "Pod" && w.Before == nil {
			order = append(order, w.Object().GetName())
		}
	})
	at := func(seconds time.Duration, pod int, code int32) {
		t.Helper()
		c.Advance(began.Add(seconds * time.Second).Sub(c.Now()))
		if err := c.Exit("", order[pod], "", code); err != nil {
			t.Fatal(err)
		}
		c.Advance(100 * time.Millisecond)
	}
	created := func(seconds time.Duration, want int) {
		t.Helper()
		c.Advance(began.Add(seconds*time.Second + 500*time.Millisecond).Sub(c.Now()))
		if len(order) != want {
			t.Errorf("after %d s: %d pods were created, want %d\n%s", seconds, len(order), want, c.Log())
		}
	}
	created(0, 2)
	at(10, 0, 0)
	created(10, 3)
	at(20, 1, 1)
	created(29, 3)
	created(30, 4)
	at(40, 2, 1)
	quiet(t, c)
	status := get[*batchv1.Job](t, c, "train").Status
	last := status.Conditions[len(status.Conditions)-1]
	if status.Failed != 3 || status.Succeeded != 1 || last.Type != batchv1.JobFailed || last.Reason != batchv1.JobReasonBackoffLimitExceeded || len(order) != 4 {
		t.Errorf("at the end, after %d pods: %+v", len(order), status)
	}
}

// A finished Job goes when its time is over, and its pods go with it.
func TestJobExpires(t *testing.T) {
	c := withTrain(t, 0, Jobs(job.Policy{}), func(spec *batchv1.JobSpec) { spec.TTLSecondsAfterFinished = new(int32(100)) })
	if !c.RunUntil(time.Minute, func() bool { return get[*batchv1.Job](t, c, "train").Status.CompletionTime != nil }) {
		t.Fatalf("it does not finish:\n%s", c.Log())
	}
	finished := get[*batchv1.Job](t, c, "train").Status.CompletionTime.Time
	c.Advance(finished.Add(100*time.Second - time.Millisecond).Sub(c.Now()))
	if j := get[*batchv1.Job](t, c, "train"); j.DeletionTimestamp != nil || len(names(c, "Pod")) != 1 {
		t.Fatalf("a millisecond before its time: %v", j.ObjectMeta)
	}
	c.Advance(time.Millisecond)
	if jobs, pods := names(c, "Job"), names(c, "Pod"); len(jobs)+len(pods) > 0 {
		t.Errorf("at its time: Jobs %v, pods %v", jobs, pods)
	}
}
