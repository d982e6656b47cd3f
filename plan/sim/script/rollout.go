package script

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubeplan/kubeplan/daemonset"
	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim/table"
	"github.com/kubeplan/kubeplan/rollout"
	"github.com/kubeplan/kubeplan/statefulset"
)

func rolloutVerbs() []verb {
	return []verb{
		{
			name: "kubectl set image", takes: "KIND NAME CONTAINER=IMAGE... [-n NAMESPACE] [--record]",
			does:  "gives containers another image; the container * is all of them",
			flags: selecting("record"),
			run:   setImage,
		},
		{
			name: "kubectl rollout status", takes: "KIND NAME [-n NAMESPACE] [--timeout DURATION]",
			does:  "tells how far a rollout is, and lets time pass until it is done or stuck, at most 1h unless said otherwise",
			flags: selecting("timeout="),
			run:   rolloutStatus,
		},
		{
			name: "kubectl rollout history", takes: "KIND NAME [-n NAMESPACE]",
			does:  "lists the revisions that can be gone back to",
			flags: selecting(),
			run: onRolledOut(func(s *session, c call, r rolledOut) (string, error) {
				return table.NameOf(r.obj) + "\n" + history(r.history(s)), nil
			}),
		},
		{
			name: "kubectl rollout undo", takes: "KIND NAME [--to-revision N] [-n NAMESPACE]",
			does:  "goes back to the revision before, or to a certain one",
			flags: selecting("to-revision="),
			run:   onRolledOut(undo),
		},
		{
			name: "kubectl rollout pause", takes: "deployment NAME [-n NAMESPACE]",
			does:  "keeps a changed template from being rolled out",
			flags: selecting(),
			run:   onDeployment("paused", "pausing", rollout.Pause),
		},
		{
			name: "kubectl rollout resume", takes: "deployment NAME [-n NAMESPACE]",
			does:  "ends a pause",
			flags: selecting(),
			run:   onDeployment("resumed", "resuming", rollout.Resume),
		},
		{
			name: "kubectl rollout restart", takes: "KIND NAME [-n NAMESPACE]",
			does:  "replaces all pods by new ones of the same template",
			flags: selecting(),
			run: onRolledOut(func(s *session, _ call, r rolledOut) (string, error) {
				restarted, err := r.restart(s.cluster.Now())
				if err != nil {
					return "", about(r.obj, err)
				}
				return s.changed(r.obj, restarted, "restarted", "restarted")
			}),
		},
	}
}

// rolledOut is a workload with a history, and what can be asked of it.
type rolledOut struct {
	obj      plan.Object
	template *corev1.PodTemplateSpec
	status   func(plan.Object) (sentence string, done bool, err error)
	history  func(*session) []revision
	undo     func(s *session, to int64) (plan.Object, error)
	restart  func(now time.Time) (plan.Object, error)
}

type revision struct {
	number int64
	cause  string
}

// rolledOutAs finds the planner's functions for a workload.
func rolledOutAs(obj plan.Object) (rolledOut, error) {
	switch obj := obj.(type) {
	case *appsv1.Deployment:
		return rolledOut{
			obj: obj, template: &obj.Spec.Template,
			status: func(obj plan.Object) (string, bool, error) { return rollout.Status(obj.(*appsv1.Deployment)) },
			history: func(s *session) (list []revision) {
				for _, r := range rollout.History(obj, listed[*appsv1.ReplicaSet](s, "ReplicaSet", obj)) {
					list = append(list, revision{r.Number, r.ChangeCause})
				}
				return list
			},
			undo: func(s *session, to int64) (plan.Object, error) {
				return rollout.Undo(obj, listed[*appsv1.ReplicaSet](s, "ReplicaSet", obj), to)
			},
			restart: func(now time.Time) (plan.Object, error) { return rollout.Restart(obj, now) },
		}, nil
	case *appsv1.DaemonSet:
		return rolledOut{
			obj: obj, template: &obj.Spec.Template,
			status: func(obj plan.Object) (string, bool, error) { return daemonset.Status(obj.(*appsv1.DaemonSet)) },
			history: func(s *session) (list []revision) {
				for _, r := range daemonset.History(obj, listed[*appsv1.ControllerRevision](s, "ControllerRevision", obj)) {
					list = append(list, revision{r.Number, r.ChangeCause})
				}
				return list
			},
			undo: func(s *session, to int64) (plan.Object, error) {
				return daemonset.Undo(obj, listed[*appsv1.ControllerRevision](s, "ControllerRevision", obj), to)
			},
			restart: func(now time.Time) (plan.Object, error) { return daemonset.Restart(obj, now), nil },
		}, nil
	case *appsv1.StatefulSet:
		return rolledOut{
			obj: obj, template: &obj.Spec.Template,
			status: func(obj plan.Object) (string, bool, error) { return statefulset.Status(obj.(*appsv1.StatefulSet)) },
			history: func(s *session) (list []revision) {
				for _, r := range statefulset.History(obj, listed[*appsv1.ControllerRevision](s, "ControllerRevision", obj)) {
					list = append(list, revision{r.Number, r.ChangeCause})
				}
				return list
			},
			undo: func(s *session, to int64) (plan.Object, error) {
				return statefulset.Undo(obj, listed[*appsv1.ControllerRevision](s, "ControllerRevision", obj), to)
			},
			restart: func(now time.Time) (plan.Object, error) { return statefulset.Restart(obj, now), nil },
		}, nil
	}
	return rolledOut{}, fmt.Errorf("no rollout of a %s is known", plan.KindOf(obj).Kind)
}

// listed gives the objects of a kind in the namespace of obj.
func listed[T plan.Object](s *session, kind string, obj plan.Object) []T {
	var found []T
	for _, other := range s.cluster.List(kind, obj.GetNamespace()) {
		found = append(found, other.(T))
	}
	return found
}

// onRolledOut makes a handler of what is done with one workload.
func onRolledOut(do func(*session, call, rolledOut) (string, error)) func(*session, call) (string, error) {
	return func(s *session, c call) (string, error) {
		targets, err := parseTargets(c.args)
		if err != nil {
			return "", err
		}
		return s.each(c, targets, func(obj plan.Object) (string, error) {
			r, err := rolledOutAs(obj)
			if err != nil {
				return "", err
			}
			return do(s, c, r)
		})
	}
}

func setImage(s *session, c call) (string, error) {
	images := map[string]string{}
	names := c.args
	for len(names) > 0 && strings.Contains(names[len(names)-1], "=") {
		container, image, _ := strings.Cut(names[len(names)-1], "=")
		images[container] = image
		names = names[:len(names)-1]
	}
	targets, err := parseTargets(names)
	if err != nil {
		return "", err
	}
	return s.each(c, targets, func(before plan.Object) (string, error) {
		after := before.DeepCopyObject().(plan.Object)
		r, err := rolledOutAs(after)
		if err != nil {
			return "", err
		}
		for container, image := range images {
			changed, err := rollout.SetImage(&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: *r.template}}, container, image)
			if err != nil {
				return "", err
			}
			*r.template = changed.Spec.Template
		}
		c.record(after)
		return s.changed(before, after, "image updated", "image updated")
	})
}

// rolloutStatus says the sentence with every write of the workload, as kubectl does, until there is nothing left to wait for.
func rolloutStatus(s *session, c call) (string, error) {
	limit := time.Hour
	if text, ok := c.flags["timeout"]; ok {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			return "", wrong("--timeout: %v", err)
		}
	}
	return onRolledOut(func(s *session, _ call, r rolledOut) (string, error) {
		var lines strings.Builder
		done, err := false, error(nil)
		look := func(obj plan.Object) {
			var said string
			if said, done, err = r.status(obj); err == nil {
				fmt.Fprintln(&lines, said)
			}
		}
		look(r.obj)
		seen := len(s.cluster.Writes())
		s.cluster.RunUntil(limit, func() bool {
			for ; !done && err == nil && seen < len(s.cluster.Writes()); seen++ {
				if w := s.cluster.Writes()[seen]; w.After != nil && w.After.GetUID() == r.obj.GetUID() {
					look(w.After)
				}
			}
			return done || err != nil
		})
		if err == nil && !done {
			err = errors.New("timed out waiting for the condition")
		}
		return lines.String(), err
	})(s, c)
}

func history(revisions []revision) string {
	if len(revisions) == 0 {
		return "No rollout history found.\n"
	}
	var text bytes.Buffer
	columns := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	fmt.Fprintln(columns, "REVISION\tCHANGE-CAUSE")
	for _, r := range revisions {
		fmt.Fprintf(columns, "%d\t%s\n", r.number, cmp.Or(r.cause, "<none>"))
	}
	columns.Flush() // into memory
	return text.String()
}

func undo(s *session, c call, r rolledOut) (string, error) {
	to := int64(0)
	if text, ok := c.flags["to-revision"]; ok {
		var err error
		if to, err = strconv.ParseInt(text, 10, 64); err != nil {
			return "", wrong("--to-revision: %q is not a number", text)
		}
	}
	undone, err := r.undo(s, to)
	if err != nil {
		return "", err
	}
	if equality.Semantic.DeepEqual(r.obj, undone) {
		return did(r.obj, fmt.Sprintf("skipped rollback (current template already matches revision %d)", to)), nil
	}
	return s.changed(r.obj, undone, "rolled back", "rolled back")
}

// onDeployment makes a handler of what can be done with Deployments alone.
func onDeployment(done, doing string, change func(*appsv1.Deployment) (*appsv1.Deployment, error)) func(*session, call) (string, error) {
	return onRolledOut(func(s *session, _ call, r rolledOut) (string, error) {
		d, ok := r.obj.(*appsv1.Deployment)
		if !ok {
			return "", about(r.obj, errors.New(doing+" is not supported"))
		}
		changed, err := change(d)
		if err != nil {
			return "", about(d, err)
		}
		return s.changed(d, changed, done, done)
	})
}

// about says of which object an error speaks: `deployments.apps "web" is not paused`.
func about(obj plan.Object, err error) error {
	resource, _ := table.ResourceNamed(plan.KindOf(obj).Kind)
	return fmt.Errorf("%s %q %w", resource.GroupResource(), obj.GetName(), err)
}
