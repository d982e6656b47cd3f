package sim

import (
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/internal/pods"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// A ReplicaSet converges under every fault, and keeps its bounds on the way.
func TestReplicaSetConverges(t *testing.T) {
	worlds := []struct {
		name        string
		chaos       Chaos
		serverNames bool
	}{
		{"calm", Chaos{}, false},
		{"lag", Chaos{Lag: 8}, false},
		{"refusals and conflicts", Chaos{Refuse: 0.2, Conflict: 0.2}, false},
		{"lost answers", Chaos{Lose: 0.3}, false},
		{"lost answers, names by the server", Chaos{Lose: 0.3}, true},
		{"crashes", Chaos{Crash: 0.2}, false},
		{"everything", Chaos{Refuse: 0.1, Conflict: 0.1, Lose: 0.1, Crash: 0.1, Lag: 8}, false},
	}
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 50; seed++ {
				host := ReplicaSets(replicaset.Policy{})
				host.ServerNames = world.serverNames
				if c, err := converge(seed, world.chaos, host); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, c.Log())
				}
			}
		})
	}
}

// The test above can fail: a host that forgets what it has issued is caught.
func TestConvergenceCatchesForgetfulHost(t *testing.T) {
	host := ReplicaSets(replicaset.Policy{})
	remembering := host.Plan
	host.Plan = func(workload plan.Object, seen Seen) (Planned, error) {
		seen.Pending = plan.Pending{}
		return remembering(workload, seen)
	}
	for seed := uint64(1); seed <= 50; seed++ {
		if _, err := converge(seed, Chaos{Lag: 8}, host); err != nil {
			return
		}
	}
	t.Error("nothing was noticed")
}

// converge plays a history with edits and deletions by hand while there are faults, and then lets it come to rest.
func converge(seed uint64, chaos Chaos, host Host) (c *Cluster, err error) {
	c = New(Options{Seed: seed, Nodes: 3})
	c.AddHost(host)
	wanted, most, created := 4, 4, 0
	var broken error
	c.OnWrite(func(w Write) {
		if w.Kind() == "Pod" && w.By == "replicaset" && w.Verb == verbCreate {
			created++
		}
		if active := activePods(c); active > most && broken == nil {
			broken = fmt.Errorf("%d active pods at %s, never more than %d were wanted", active, w, most)
		}
	})
	_, err = c.Create(webSet(4))
	must := func(e error) { err = errors.Join(err, e) }

	c.SetChaos(chaos)
	for _, replicas := range []int32{4, 7, 2, 5} {
		wanted, most = int(replicas), max(most, int(replicas))
		must(Edit(c, "", "web", func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = replicas }))
		for range 3 {
			c.Advance(time.Duration(c.rng.IntN(3000)) * time.Millisecond)
			if list := List[*corev1.Pod](c, ""); len(list) > 0 { // somebody deletes a pod by hand
				must(c.Delete(plan.RefTo(list[c.rng.IntN(len(list))]), deleteOptions()))
			}
		}
	}
	c.ClearFaults()
	rests := c.RunUntilQuiet(time.Hour)

	rs, getErr := Get[*appsv1.ReplicaSet](c, "", "web")
	must(getErr)
	must(broken)
	expect := func(holds bool, format string, args ...any) {
		if !holds {
			must(fmt.Errorf(format, args...))
		}
	}
	expect(rests, "no rest")
	expect(activePods(c) == wanted, "%d active pods at rest, %d wanted", activePods(c), wanted)
	expect(int(rs.Status.AvailableReplicas) == wanted && rs.Status.ObservedGeneration == rs.Generation && len(rs.Status.Conditions) == 0,
		"status at rest: %v", rs.Status)
	expect(c.LastPlan("replicaset", plan.RefTo(rs)).Empty(), "the last plan at rest is %v", c.LastPlan("replicaset", plan.RefTo(rs)).Actions)
	// 4, 3 more, 3 more after 5 less, and one for each of the 12 pods deleted by hand, at the most.
	expect(created >= wanted && created <= 4+3+3+12, "%d pods were created", created)
	before := len(c.Writes())
	c.Advance(time.Hour)
	expect(len(c.Writes()) == before, "%d writes at rest", len(c.Writes())-before)
	return c, err
}

func activePods(c *Cluster) int {
	active := 0
	for _, pod := range objects[*corev1.Pod](c, "") {
		if pods.IsActive(pod) {
			active++
		}
	}
	return active
}
