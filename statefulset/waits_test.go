package statefulset_test

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

func TestWaits(t *testing.T) {
	slow := func(set *appsv1.StatefulSet) { set.Spec.MinReadySeconds = 90 }
	outdated := func() (*cluster, string) {
		c := of(2).runs("app:2")
		return c, c.record(2, "app:2").Name
	}
	broken, update := outdated()
	old := of(0).revision("app:1")
	tests := []struct {
		name string
		c    *cluster
		want []string
		wake time.Time
	}{
		{name: "a pod that is not ready", c: of(2).pod(0, unready), want: []string{"wait for PodReady of Pod web-0: pod web-0 is not ready"}},
		{name: "a pod that is ready, not yet for long enough", c: of(2, slow).pod(0),
			want: []string{"wait for PodAvailable of Pod web-0 until 2026-01-02T03:04:35Z: pod web-0 is ready, not yet for 90 seconds"}, wake: now.Add(30 * time.Second)},
		{name: "a pod that is being deleted", c: of(2).pod(0, deleting), want: []string{"wait for PodGone of Pod web-0: pod web-0 is being deleted"}},
		{name: "a finished pod that is being deleted", c: of(2).pod(0, failed, deleting), want: []string{"wait for PodGone of Pod web-0: pod web-0 is finished and being deleted"}},
		{name: "a pod without a node", c: of(2).pod(0, pending), want: []string{"wait for PodScheduled of Pod web-0: pod web-0 is not scheduled"}},
		{name: "a pod without a volume", c: of(2, claims("data")).pod(0, pending).claim("data", 0),
			want: []string{`wait for ClaimBound of PersistentVolumeClaim data-web-0: pod web-0 is not scheduled, and its claim data-web-0 (1Gi of class "") is not bound`}},
		{name: "a pod whose claims are bound", c: of(2, claims("data")).pod(0, pending).claim("data", 0, func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }),
			want: []string{"wait for PodScheduled of Pod web-0: pod web-0 is not scheduled"}},
		{name: "a claim that is being deleted", c: of(1, claims("data")).claim("data", 0, claimDeleting),
			want: []string{"wait for ClaimGone of PersistentVolumeClaim data-web-0: claim data-web-0 of pod web-0 is being deleted"}},
		{name: "a stranger in the pod's place", c: of(1).pod(0, orphaned, func(p *corev1.Pod) { p.Labels = nil }),
			want: []string{"wait for Person of Pod web-0: pod web-0 is not the set's and bears the name of one"}},
		{name: "a stranger that goes", c: of(1).pod(0, orphaned, deleting),
			want: []string{"wait for PodGone of Pod web-0: pod web-0 is not the set's, bears the name of one and is being deleted"}},
		{name: "a broken pod of an old revision", c: broken.pod(0).pod(1, unready), want: []string{"wait for Person of Pod web-1: pod web-1 is not ready and of revision " + old +
			", not " + update + ": it is replaced only once it is available; if it cannot be, delete it"}},
		{name: "pods of an old revision under OnDelete", c: func() *cluster {
			c := of(3, onDelete).runs("app:2")
			c.record(2, "app:2")
			return c.pod(0).pod(1, c.at("app:2")).pod(2)
		}(), want: []string{"wait for Person of Pod web-0: pod web-0 is of revision " + old + ", not " + update + ": it is replaced once it is deleted (and 1 more)"}},
		{name: "surplus pods that block each other", c: of(1).pod(0).pod(1, unready).pod(2, unready),
			want: []string{"wait for PodReady of Pod web-2: surplus pod web-2 is not available, and neither is web-1: the set is scaled down once one of them is; if neither can be, delete it"}},
		{name: "a surplus pod that is being deleted", c: of(0).pod(0, deleting), want: []string{"wait for PodGone of Pod web-0: surplus pod web-0 is being deleted"}},
		{name: "many of a kind under Parallel are one wait", c: of(3, parallel).pod(0, unready).pod(1, deleting).pod(2, unready), want: []string{
			"wait for PodReady of Pod web-0: pod web-0 is not ready (and 1 more)", "wait for PodGone of Pod web-1: pod web-1 is being deleted"}},
		{name: "a set that is being deleted", c: of(1, func(s *appsv1.StatefulSet) { s.DeletionTimestamp = &metav1.Time{Time: now} }),
			want: []string{"wait for Deletion of StatefulSet web: the StatefulSet is being deleted"}},
		{name: "an empty selector", c: func() *cluster { c := of(1); c.set.Spec.Selector = &metav1.LabelSelector{}; return c }(),
			want: []string{"wait for Person of StatefulSet web: the selector is empty"}},
		{name: "nothing", c: of(1).pod(0)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result := test.c.plan(t, statefulset.Policy{})
			expect(t, "waits", waits(result), test.want...)
			if !result.Wake.Equal(test.wake) {
				t.Errorf("wake at %v, want %v", result.Wake, test.wake)
			}
		})
	}
}

// At the moment of the wake the plan is another one, and before it is not.
func TestWakeIsExact(t *testing.T) {
	c := of(2, func(set *appsv1.StatefulSet) { set.Spec.MinReadySeconds = 90 }).pod(0)
	result := c.plan(t, statefulset.Policy{})
	c.set.Status = result.Status
	for _, test := range []struct {
		at    time.Time
		empty bool
	}{{result.Wake.Add(-time.Nanosecond), true}, {result.Wake, false}} {
		c.Now = test.at
		if again := c.plan(t, statefulset.Policy{}); again.Empty() != test.empty {
			t.Errorf("at %v empty is %v, want %v: %v", test.at, again.Empty(), test.empty, again.Actions)
		}
	}
}

func TestEvents(t *testing.T) {
	tests := []struct {
		name string
		c    *cluster
		want string
	}{
		{"a claim that is being deleted", of(1, claims("data")).claim("data", 0, claimDeleting),
			"Warning FailedCreate Create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted"},
		{"two of them", of(1, claims("data", "log")).claim("data", 0, claimDeleting).claim("log", 0, claimDeleting),
			"Warning FailedCreate Create Pod web-0 in StatefulSet web failed error: [pvc data-web-0 is being deleted, pvc log-web-0 is being deleted]"},
		{"one whose volume is to be mended", of(1, claims("data")).claim("data", 0, claimDeleting).pod(0, func(p *corev1.Pod) { p.Spec.Volumes = nil }),
			"Warning FailedUpdate Update Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted"},
		{"an empty selector", func() *cluster { c := of(1); c.set.Spec.Selector = &metav1.LabelSelector{}; return c }(),
			"Warning SelectingAll This stateful set is selecting all pods. A non-empty selector is required."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var told []string
			for _, e := range test.c.plan(t, statefulset.Policy{}).Events {
				told = append(told, e.Type+" "+e.Reason+" "+e.Message)
			}
			expect(t, "events", told, test.want)
		})
	}
}

func answered(action plan.Action, reply plan.Object) plan.Outcome {
	return plan.Outcome{Action: action, Reply: reply, At: now}
}

func TestReadsItsWrites(t *testing.T) {
	const pod, claim = "create Pod web-0", "create PersistentVolumeClaim data-web-0"
	issue := func(c *cluster, n int) *cluster { // the first n creations go out and are not answered
		for _, a := range c.plan(t, statefulset.Policy{}).Actions {
			if _, creates := a.(plan.Create); creates && n > 0 {
				n--
				c.Pending.Outcomes = append(c.Pending.Outcomes, plan.Outcome{Action: a, At: now})
			}
		}
		return c
	}
	later := func(c *cluster) *cluster { c.Now = now.Add(plan.Expiry); return c }
	tests := []struct {
		name  string
		c     *cluster
		steps []string
		waits string
	}{
		{"a pod whose creation was not answered counts as being there", issue(of(1), 1), nil, "wait for Answer of Pod web-0 until 2026-01-02T03:09:05Z: the creation of pod web-0 was not answered"},
		{"until it is given up", later(issue(of(1), 1)), []string{pod}, ""},
		{"a claim whose creation was not answered keeps its pod waiting", issue(of(1, claims("data")), 1), nil,
			"wait for Answer of PersistentVolumeClaim data-web-0 until 2026-01-02T03:09:05Z: the creation of claim data-web-0 was not answered"},
		{"until it is given up, too", later(issue(of(1, claims("data")), 1)), []string{claim, pod}, ""},
		{"a deletion that was not answered keeps the ordinal", func() *cluster {
			c := of(1).pod(0, failed)
			c.Pending.Outcomes = []plan.Outcome{{Action: plan.Delete{Object: plan.RefTo(c.Pods[0])}, At: now}}
			return c
		}(), nil, "wait for PodGone of Pod web-0: pod web-0 is finished and being deleted"},
		{"a revision whose creation was not answered counts", func() *cluster {
			c := of(1)
			c.Revisions = nil
			return issue(c, 2)
		}(), nil, "wait for Answer of Pod web-0 until 2026-01-02T03:09:05Z: the creation of pod web-0 was not answered"},
		{"a claim that was bound is not bound again", func() *cluster {
			c := of(1, claims("data")).pod(0).claim("data", 0)
			c.Volumes = []*corev1.PersistentVolume{volume("a", "1Gi"), volume("b", "1Gi")}
			bind := c.plan(t, statefulset.Policy{BindClaims: true}).Actions
			c.Pending.Outcomes = []plan.Outcome{answered(bind[len(bind)-1], nil)}
			return c
		}(), nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result := test.c.plan(t, statefulset.Policy{BindClaims: true})
			expect(t, "steps", steps(result), test.steps...)
			if got := strings.Join(waits(result), "\n"); got != test.waits {
				t.Errorf("waits %q, want %q", got, test.waits)
			}
			if len(test.c.Pending.Outcomes) > 0 && test.c.Now.Equal(now) && !result.Wake.Equal(now.Add(plan.Expiry)) {
				t.Errorf("wake at %v, want %v", result.Wake, now.Add(plan.Expiry))
			}
		})
	}
}

// Nothing that may not exist is deleted: not even where the policy would have a broken pod replaced.
func TestUnansweredIsNotDeleted(t *testing.T) {
	c := of(1)
	creation := c.plan(t, statefulset.Policy{}).Actions
	c.Pending.Outcomes = []plan.Outcome{{Action: creation[len(creation)-1], At: now}}
	c.runs("app:2").record(2, "app:2")
	for _, management := range []appsv1.PodManagementPolicyType{appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement} {
		c.set.Spec.PodManagementPolicy = management
		expect(t, string(management), steps(c.plan(t, statefulset.Policy{Unblock: true, MaxUnavailable: true})))
	}
}

// What was refused goes last, a pod together with its claims.
func TestRefusedLast(t *testing.T) {
	c := of(3, parallel, claims("data"))
	for _, a := range c.plan(t, statefulset.Policy{}).Actions {
		if create, ok := a.(plan.Create); ok && create.Object.GetName() == "data-web-0" {
			c.Pending.Outcomes = []plan.Outcome{{Action: a, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: now}}
		}
	}
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{Batch: 1})),
		"create PersistentVolumeClaim data-web-1", "create Pod web-1", "create PersistentVolumeClaim data-web-2", "create Pod web-2",
		"create PersistentVolumeClaim data-web-0", "create Pod web-0")
}

// Two objects of different sorts that are always refused starve no other.
func TestTwoRefusedStarveNobody(t *testing.T) {
	c := of(3, parallel).pod(5)
	tried := map[string]bool{}
	for range 6 {
		for _, a := range c.plan(t, statefulset.Policy{}).Actions {
			name := a.Target().Name
			tried[name] = true
			if name == "web-0" || name == "web-5" {
				c.Pending.Outcomes = []plan.Outcome{{Action: a, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: now}}
				break
			}
		}
	}
	if !tried["web-1"] || !tried["web-2"] {
		t.Errorf("tried: %v", tried)
	}
}

// Where a quota is exceeded, what needs no quota comes first.
func TestQuotaExceeded(t *testing.T) {
	c := of(2, parallel).pod(5)
	for _, a := range c.plan(t, statefulset.Policy{}).Actions {
		if create, ok := a.(plan.Create); ok && create.Object.GetName() == "web-0" {
			c.Pending.Outcomes = []plan.Outcome{{Action: a, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden, Message: "exceeded quota: pods"}, At: now}}
		}
	}
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})), "delete Pod web-5: it is surplus", "create Pod web-1", "create Pod web-0")
}

// An adoption that was refused is asked for again, and its pod is nobody's until it succeeds.
func TestAdoptionRefused(t *testing.T) {
	c := of(2, parallel).pod(0, orphaned)
	adopt := c.plan(t, statefulset.Policy{}).Actions[1]
	c.Pending.Outcomes = []plan.Outcome{{Action: adopt, Err: &metav1.Status{Reason: metav1.StatusReasonForbidden}, At: now}}
	result := c.plan(t, statefulset.Policy{})
	expect(t, "steps", steps(result), "create Pod web-1", "update Pod web-0: metadata.ownerReferences")
	expect(t, "waits", waits(result), "wait for Person of Pod web-0: pod web-0 is not the set's and bears the name of one")
}

// However many replicas are asked for, a plan fits into memory.
func TestReplicasWithoutEnd(t *testing.T) {
	result := of(1<<31-1, parallel, start(1)).plan(t, statefulset.Policy{})
	if got := len(steps(result)); got != 10_000 {
		t.Errorf("%d steps, want 10000", got)
	}
}
