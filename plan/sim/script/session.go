package script

import (
	"io/fs"
	"strconv"
	"time"
	_ "time/tzdata" // CronJobs name time zones, which not every machine has

	"github.com/kubeplan/kubeplan/cronjob"
	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/job"
	"github.com/kubeplan/kubeplan/plan/sim"
	"github.com/kubeplan/kubeplan/replicaset"
	"github.com/kubeplan/kubeplan/rollout"
	"github.com/kubeplan/kubeplan/statefulset"
)

// hosts are the controllers of the cluster: one planner each. They bind pods and claims where nobody else does.
func hosts(bind bool) []sim.Host {
	return []sim.Host{
		sim.ReplicaSets(replicaset.Policy{}),
		sim.Deployments(rollout.Policy{}),
		sim.StatefulSets(statefulset.Policy{BindClaims: bind}),
		sim.DaemonSets(daemonset.Policy{BindPods: bind}),
		sim.Jobs(job.Policy{}),
		sim.LostPods(job.Policy{}),
		sim.CronJobs(cronjob.Policy{}),
	}
}

// session is a script being played.
type session struct {
	files      fs.FS
	cluster    *sim.Cluster
	told       int    // how many of the writes "log" has told
	plans      []made // that "plan" has not shown
	invariants []*invariant
}

func clusterVerbs() []verb {
	return []verb{{
		name: "cluster", takes: "[--nodes N] [--seed N] [--start RFC3339] [--hosts-bind]",
		does:  "chooses the cluster, as the first command. Without it there are 3 nodes. --hosts-bind: nobody but the planners binds",
		flags: []string{"nodes=", "seed=", "start=", "hosts-bind"},
		run:   chooseCluster,
	}}
}

func defaultCluster() sim.Options { return sim.Options{Seed: 1, Nodes: 3} }

func chooseCluster(s *session, c call) (string, error) {
	if s.cluster != nil {
		return "", wrong("the cluster runs already: choose it in the first command")
	}
	options, err := defaultCluster(), c.done()
	if text, ok := c.flags["nodes"]; ok && err == nil {
		options.Nodes, err = strconv.Atoi(text)
	}
	if text, ok := c.flags["seed"]; ok && err == nil {
		options.Seed, err = strconv.ParseUint(text, 10, 64)
	}
	if text, ok := c.flags["start"]; ok && err == nil {
		options.Start, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return "", wrong("%v", err)
	}
	options.HostsBind = c.is("hosts-bind")
	s.start(options)
	return "", nil
}

func (s *session) start(options sim.Options) {
	s.cluster = sim.New(options)
	s.told = len(s.cluster.Writes())
	for _, host := range hosts(options.HostsBind) {
		s.cluster.AddHost(s.noting(host))
	}
	s.cluster.OnWrite(s.checkInvariants)
}
