package rollout_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubeplan/kubeplan/rollout"
)

func cause(text string) func(*appsv1.ReplicaSet) {
	return func(rs *appsv1.ReplicaSet) { rs.Annotations["kubernetes.io/change-cause"] = text }
}

func TestHistory(t *testing.T) {
	list := sets(set("v2 3/3/3", revision("10")), set("v1 0/0/0", cause("apply")), set("v3 0/0/0", revision("x")), set("v4 0/0/0", orphan), nil)
	got := ""
	for _, r := range rollout.History(web(3), list) {
		got += fmt.Sprintf("%d %q %s %s; ", r.Number, r.ChangeCause, r.ReplicaSet, r.Template.Spec.Containers[0].Image)
	}
	if want := `1 "apply" web-v1 v1; 10 "" web-v2 v2; `; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, rs := range list[:2] {
		rs.OwnerReferences[0].APIVersion, rs.OwnerReferences[0].Kind = "acme.io/v1", "Shop"
	}
	if history := rollout.History(web(3), list); len(history) != 2 {
		t.Errorf("of a kind of one's own, whose object does not say which: %v", history)
	}
}

func TestUndo(t *testing.T) {
	three := sets(set("v1 0/0/0", cause("first")), set("v2 3/3/3"), set("v3 0/0/0", revision("x")))
	for _, tt := range []struct {
		name  string
		d     *appsv1.Deployment
		sets  []*appsv1.ReplicaSet
		to    int64
		image string
		err   string
	}{
		{"to the one before", web(3), three, 0, "v1", ""},
		{"to a certain one", web(3), three, 1, "v1", ""},
		{"to the one that it has", web(3), three, 2, "v2", ""},
		{"to one that does not exist", web(3), three, 3, "", "unable to find specified revision 3 in history"},
		{"to one below nothing", web(3), three, -1, "", "unable to find specified revision -1 in history"},
		{"without a history", web(3), three[1:], 0, "", `no rollout history found for deployment "web"`},
		{"what never had a revision is no history", web(3), sets(set("v1 0/0/0", func(rs *appsv1.ReplicaSet) { rs.Annotations = nil }), set("v2 3/3/3")), 0, "", `no rollout history found for deployment "web"`},
		{"paused", web(3, paused), three, 0, "", "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.d.DeepCopy()
			d.Annotations["kubernetes.io/change-cause"] = "second"
			got, err := rollout.Undo(d, tt.sets, tt.to)
			if fmt.Sprint(err) != fmt.Sprint(errorOf(tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			if image := got.Spec.Template.Spec.Containers[0].Image; image != tt.image {
				t.Errorf("image %s, want %s", image, tt.image)
			}
			if tt.image == "v1" && (got.Annotations["kubernetes.io/change-cause"] != "first" || got.Annotations[prefix+"revision"] != "2" || len(got.Spec.Template.Labels) != 1) {
				t.Errorf("annotations %v, labels %v", got.Annotations, got.Spec.Template.Labels)
			}
		})
	}
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

func TestStatus(t *testing.T) {
	with := func(updated, replicas, available int32) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			complete(d)
			d.Status.UpdatedReplicas, d.Status.Replicas, d.Status.AvailableReplicas = updated, replicas, available
		}
	}
	for _, tt := range []struct {
		d    *appsv1.Deployment
		want string
		done bool
		err  string
	}{
		{web(3), "Waiting for deployment spec update to be observed...", false, ""},
		{web(3, with(2, 4, 3)), `Waiting for deployment "web" rollout to finish: 2 out of 3 new replicas have been updated...`, false, ""},
		{web(3, with(3, 4, 3)), `Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...`, false, ""},
		{web(3, with(3, 3, 2)), `Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...`, false, ""},
		{web(3, with(3, 3, 3)), `deployment "web" successfully rolled out`, true, ""},
		{web(3, with(2, 4, 3), progressing("ProgressDeadlineExceeded", 0)), "", false, `deployment "web" exceeded its progress deadline`},
		{web(3, with(0, 0, 0), func(d *appsv1.Deployment) { d.Spec.Replicas = nil }), `Waiting for deployment "web" rollout to finish: 0 out of 1 new replicas have been updated...`, false, ""},
	} {
		t.Run(tt.want+tt.err, func(t *testing.T) {
			got, done, err := rollout.Status(tt.d)
			if got != tt.want || done != tt.done || fmt.Sprint(err) != fmt.Sprint(errorOf(tt.err)) {
				t.Errorf("got %q, %v, %v", got, done, err)
			}
		})
	}
}

func TestOtherVerbs(t *testing.T) {
	if d, err := rollout.Pause(web(3)); err != nil || !d.Spec.Paused {
		t.Errorf("Pause: %v", err)
	}
	if _, err := rollout.Pause(web(3, paused)); fmt.Sprint(err) != "is already paused" {
		t.Errorf("Pause: %v", err)
	}
	if d, err := rollout.Resume(web(3, paused)); err != nil || d.Spec.Paused {
		t.Errorf("Resume: %v", err)
	}
	if _, err := rollout.Resume(web(3)); fmt.Sprint(err) != "is not paused" {
		t.Errorf("Resume: %v", err)
	}
	d, err := rollout.Restart(web(3), now)
	if err != nil || d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] != now.Format(time.RFC3339) {
		t.Errorf("Restart: %v %v", err, d)
	}
	if _, err := rollout.Restart(web(3, paused), now); fmt.Sprint(err) != "can't restart paused deployment (run rollout resume first)" {
		t.Errorf("Restart: %v", err)
	}
	if got := *rollout.Scale(web(3), 7).Spec.Replicas; got != 7 {
		t.Errorf("Scale: %d", got)
	}
}

func TestSetImage(t *testing.T) {
	d := web(3, func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "v2"}}
	})
	for _, tt := range []struct{ container, init, main, err string }{
		{"main", "v2", "v9", ""},
		{"init", "v9", "v2", ""},
		{"*", "v9", "v9", ""},
		{"other", "", "", `unable to find container named "other"`},
	} {
		t.Run(tt.container, func(t *testing.T) {
			got, err := rollout.SetImage(d, tt.container, "v9")
			if fmt.Sprint(err) != fmt.Sprint(errorOf(tt.err)) {
				t.Fatal(err)
			}
			if err == nil && (got.Spec.Template.Spec.InitContainers[0].Image != tt.init || got.Spec.Template.Spec.Containers[0].Image != tt.main) {
				t.Errorf("%v", got.Spec.Template.Spec)
			}
			if d.Spec.Template.Spec.Containers[0].Image != "v2" {
				t.Error("the input was changed")
			}
		})
	}
}
