package daemonset_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubeplan/kubeplan/daemonset"
)

func TestHistoryAndUndo(t *testing.T) {
	noted := func(r *appsv1.ControllerRevision) {
		r.Annotations = map[string]string{"kubernetes.io/change-cause": "a new flag"}
	}
	foreign := revision("v9", 9, func(r *appsv1.ControllerRevision) { r.OwnerReferences[0].UID = "other" })
	unselected := revision("v8", 8, func(r *appsv1.ControllerRevision) { r.Labels["app"] = "other" })
	list := []*appsv1.ControllerRevision{revision("v2", 4, noted), foreign, nil, unselected, revision("v1", 1), revision("v0", 3)}
	history := daemonset.History(agent(), list)
	if len(history) != 3 || history[0].Number != 1 || history[2].ChangeCause != "a new flag" || history[2].Template.Spec.Containers[0].Image != "agent:v2" {
		t.Errorf("%+v", history)
	}
	for _, tt := range []struct {
		to         int64
		image, err string
	}{
		{to: 0, image: "agent:v0"},
		{to: 1, image: "agent:v1"},
		{to: 4, image: "agent:v2"},
		{to: 9, err: "unable to find specified revision 9 in history"},
		{to: -1, err: "unable to find specified revision -1 in history"},
	} {
		undone, err := daemonset.Undo(agent(), list, tt.to)
		switch {
		case tt.err != "":
			if err == nil || err.Error() != tt.err {
				t.Errorf("to %d: %v", tt.to, err)
			}
		case err != nil || undone.Spec.Template.Spec.Containers[0].Image != tt.image:
			t.Errorf("to %d: %v, %v", tt.to, undone, err)
		}
	}
	if _, err := daemonset.Undo(agent(), list[:2], 0); err == nil || err.Error() != "no last revision to roll back to" {
		t.Errorf("with one revision: %v", err)
	}
}

func TestRestart(t *testing.T) {
	ds := agent()
	restarted := daemonset.Restart(ds, now.Add(time.Millisecond))
	if got := restarted.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"]; got != "2026-01-02T03:04:05Z" || ds.Spec.Template.Annotations != nil {
		t.Errorf("restarted at %q", got)
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		name               string
		mutate             func(*appsv1.DaemonSet)
		generation         int64
		updated, available int32
		want               string
		done               bool
		err                string
	}{
		{name: "not observed", generation: 2, want: "Waiting for daemon set spec update to be observed..."},
		{name: "not updated", generation: 1, updated: 1, want: `Waiting for daemon set "agent" rollout to finish: 1 out of 3 new pods have been updated...`},
		{name: "not available", generation: 1, updated: 3, available: 2, want: `Waiting for daemon set "agent" rollout to finish: 2 of 3 updated pods are available...`},
		{name: "done", generation: 1, updated: 3, available: 3, want: `daemon set "agent" successfully rolled out`, done: true},
		{name: "on delete", mutate: onDelete, done: true, err: "rollout status is only available for RollingUpdate strategy type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ds := agent()
			if tt.mutate != nil {
				tt.mutate(ds)
			}
			ds.Generation = tt.generation
			ds.Status = appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 3, UpdatedNumberScheduled: tt.updated, NumberAvailable: tt.available}
			sentence, done, err := daemonset.Status(ds)
			if sentence != tt.want || done != tt.done || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("%q, %v, %v", sentence, done, err)
			}
		})
	}
}
