package statefulset_test

import (
	"math"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

func TestHistory(t *testing.T) {
	name := func(image string) string { c := of(0); c.record(1, image); return c.revision(image) }
	limit := func(n int32) func(*appsv1.StatefulSet) {
		return func(set *appsv1.StatefulSet) { set.Spec.RevisionHistoryLimit = &n }
	}
	full := func(n int32) *cluster {
		c := of(0, limit(n))
		c.record(2, "app:2")
		c.record(3, "app:3")
		c.record(4, "app:4")
		return c.runs("app:4")
	}
	edit := func(c *cluster, at int, edit func(*appsv1.ControllerRevision)) *cluster {
		edit(c.Revisions[at])
		return c
	}
	tests := []struct {
		name   string
		c      *cluster
		want   []string
		update string
	}{
		{name: "the newest holds the template", c: of(0), update: name("app:1")},
		{name: "no revision holds the template", c: of(0).runs("app:2"), want: []string{"create ControllerRevision " + name("app:2")}, update: name("app:2")},
		{name: "an older one holds the template and is moved to the end", c: func() *cluster { c := of(0); c.record(2, "app:2"); return c }(),
			want: []string{"update ControllerRevision " + name("app:1") + ": revision 1 -> 3"}, update: name("app:1")},
		{name: "the newest was written by a server up to 1.33", c: edit(of(0), 0, from133), update: name("app:1")},
		{name: "an older one was", c: func() *cluster { c := edit(of(0), 0, from133); c.record(2, "app:2"); return c }(),
			want: []string{"update ControllerRevision " + name("app:1") + ": revision 1 -> 3"}, update: name("app:1")},
		{name: "the newest lacks a default that a newer server fills in", c: func() *cluster {
			c := of(0)
			c.set.Spec.Template.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageReadFile
			return c
		}(), update: name("app:1")},
		{name: "the newest holds a default that a plain manifest leaves out", c: edit(of(0), 0, func(r *appsv1.ControllerRevision) {
			r.Data.Raw = []byte(strings.Replace(string(r.Data.Raw), `"name":"main"`, `"imagePullPolicy":"IfNotPresent","name":"main"`, 1))
		}), update: name("app:1")},
		{name: "an orphan is adopted", c: edit(of(0), 0, func(r *appsv1.ControllerRevision) { r.OwnerReferences = nil }),
			want: []string{"update ControllerRevision " + name("app:1") + ": metadata.ownerReferences"}, update: name("app:1")},
		{name: "the name is taken by something else", c: edit(of(0), 0, func(r *appsv1.ControllerRevision) {
			r.Data.Raw, r.Labels = []byte(`{}`), nil
		}), want: []string{"create ControllerRevision " + collided(t)}, update: collided(t)},
		{name: "the name is taken by a revision of a former set", c: edit(of(0), 0, func(r *appsv1.ControllerRevision) { r.OwnerReferences[0].UID = "uid-former" }),
			update: name("app:1")},
		{name: "a revision that goes is as good as gone, and its name is not free", c: edit(of(0), 0, func(r *appsv1.ControllerRevision) {
			r.DeletionTimestamp = &metav1.Time{Time: now}
		}), update: name("app:1")},
		{name: "the oldest are forgotten", c: full(1), update: name("app:4"), want: []string{
			"delete ControllerRevision " + name("app:2") + ": the history is full"}},
		{name: "of the current revision none is", c: full(0), update: name("app:4"), want: []string{
			"delete ControllerRevision " + name("app:2") + ": the history is full", "delete ControllerRevision " + name("app:3") + ": the history is full"}},
		{name: "nor the revision of a pod", c: func() *cluster { c := full(0); return c.pod(0, c.at("app:2"), deleting) }(), update: name("app:4"), want: []string{
			"delete ControllerRevision " + name("app:3") + ": the history is full"}},
		{name: "one of another namespace is a stranger, under whatever name", c: edit(of(0), 0, func(r *appsv1.ControllerRevision) { r.Namespace = "other" }),
			want: []string{"create ControllerRevision " + name("app:1")}, update: name("app:1")},
		{name: "a negative limit keeps all", c: full(-1), update: name("app:4")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result := test.c.plan(t, statefulset.Policy{})
			expect(t, "steps", steps(result), test.want...)
			if result.Status.UpdateRevision != test.update {
				t.Errorf("update revision %s, want %s", result.Status.UpdateRevision, test.update)
			}
			unchangedBy(t, test.c, statefulset.Policy{}, result)
		})
	}
}

// from133 makes the revision one of a server up to 1.33.
func from133(r *appsv1.ControllerRevision) {
	r.Data.Raw = []byte(strings.Replace(string(r.Data.Raw), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1))
}

// collided is the name of version 1 after one collision.
func collided(t *testing.T) string {
	c := of(0)
	one := int32(1)
	c.set.Status.CollisionCount = &one
	c.Revisions = nil
	return c.plan(t, statefulset.Policy{}).Status.UpdateRevision
}

// A collision is counted in the status before the name that it leads to is used.
func TestCollision(t *testing.T) {
	c := of(0)
	c.Revisions[0].Data.Raw, c.Revisions[0].Labels = []byte(`{}`), nil
	result := c.plan(t, statefulset.Policy{})
	if got := *result.Status.CollisionCount; got != 1 {
		t.Errorf("%d collisions, want 1", got)
	}
	if _, first := result.Actions[0].(plan.UpdateStatus); !first {
		t.Errorf("the first action is %s", result.Actions[0])
	}
}

// A creation that met a revision which the view does not show is a collision, too.
func TestCollisionWithTheUnseen(t *testing.T) {
	c := of(0)
	c.Revisions = nil
	for _, a := range c.plan(t, statefulset.Policy{}).Actions {
		if _, ok := a.(plan.Create); ok {
			c.Pending.Outcomes = []plan.Outcome{{Action: a, Err: &metav1.Status{Reason: metav1.StatusReasonAlreadyExists}, At: now}}
		}
	}
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})), "create ControllerRevision "+collided(t))
}

// A revision that is adopted is renumbered by the next plan: no object is written twice in one.
func TestAdoptedAndRolledBackTo(t *testing.T) {
	c := of(0)
	c.record(2, "app:2")
	c.Revisions[0].OwnerReferences = nil
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})), "update ControllerRevision "+c.revision("app:1")+": metadata.ownerReferences")
}

// A history that has come to the largest number goes on with it, and comes to rest.
func TestHistoryAtItsEnd(t *testing.T) {
	c := of(0).runs("app:2")
	c.Revisions[0].Revision = math.MaxInt64
	next := c.record(0, "app:2")
	if moved := c.mustUpdate(t, next.Name); moved.After.(*appsv1.ControllerRevision).Revision != math.MaxInt64 {
		t.Errorf("moved to %d", moved.After.(*appsv1.ControllerRevision).Revision)
	}
	next.Revision = math.MaxInt64
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})))
}

// New pods are made of the update's revision from the partition on, and of the current one below.
func TestRevisionOfNewPods(t *testing.T) {
	noParameters := func(set *appsv1.StatefulSet) {
		set.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
	}
	tests := []struct {
		name   string
		c      *cluster
		want   []string // the images of web-0, web-1, web-2
		policy statefulset.Policy
	}{
		{"without a partition", of(3, parallel), []string{"app:2", "app:2", "app:2"}, statefulset.Policy{}},
		{"with a partition", of(3, parallel, partition(2)), []string{"app:1", "app:1", "app:2"}, statefulset.Policy{}},
		{"under OnDelete", of(3, parallel, onDelete), []string{"app:2", "app:2", "app:2"}, statefulset.Policy{}},
		{"RollingUpdate without parameters keeps as many as there are", of(4, parallel, noParameters).pod(3), []string{"app:1", "app:2", "app:2"}, statefulset.Policy{}},
		{"not where they are replaced although they are not available", of(4, parallel, noParameters).pod(3), []string{"app:2", "app:2", "app:2"}, statefulset.Policy{MaxUnavailable: true}},
		{"nor where they are replaced because they block", of(4, parallel, noParameters).pod(3), []string{"app:2", "app:2", "app:2"}, statefulset.Policy{Unblock: true}},
		{"a current revision that cannot be read", func() *cluster {
			c := of(3, parallel, partition(3))
			c.Revisions[0].Data.Raw = []byte(`{"spec":{`)
			return c
		}(), []string{"app:2", "app:2", "app:2"}, statefulset.Policy{}},
		{"a current revision that is forgotten", func() *cluster {
			c := of(3, parallel, partition(3))
			c.set.Status.CurrentRevision = "web-gone"
			return c
		}(), []string{"app:2", "app:2", "app:2"}, statefulset.Policy{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.runs("app:2")
			test.c.record(2, "app:2")
			var images []string
			for _, a := range test.c.plan(t, test.policy).Actions {
				if create, ok := a.(plan.Create); ok {
					pod := create.Object.(*corev1.Pod)
					images = append(images, pod.Spec.Containers[0].Image)
				}
			}
			expect(t, "images", images, test.want...)
		})
	}
}

func TestNewPod(t *testing.T) {
	c := of(4, claims("data"), start(3), func(set *appsv1.StatefulSet) {
		set.Spec.Template.Annotations = map[string]string{"note": "kept"}
		set.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "scratch"}, {Name: "data"}}
	})
	actions := c.plan(t, statefulset.Policy{Owner: metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Database"}}).Actions
	claim := actions[1].(plan.Create).Object.(*corev1.PersistentVolumeClaim)
	pod := actions[2].(plan.Create).Object.(*corev1.Pod)
	owner := metav1.GetControllerOf(pod)
	expect(t, "the pod", []string{
		pod.Namespace, pod.Name, pod.Spec.Hostname, pod.Spec.Subdomain, pod.Annotations["note"], owner.Kind, owner.Name,
		pod.Labels["app"], pod.Labels[appsv1.StatefulSetPodNameLabel], pod.Labels[appsv1.PodIndexLabel], pod.Labels[appsv1.StatefulSetRevisionLabel],
		pod.Spec.Volumes[0].Name, pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName, pod.Spec.Volumes[1].Name,
	},
		"default", "web-3", "web-3", "web-service", "kept", "Database", "web",
		"web", "web-3", "3", c.revision("app:1"),
		"data", "data-web-3", "scratch")
	expect(t, "the claim", []string{claim.Namespace, claim.Name, claim.Labels["app"]}, "default", "data-web-3", "web")
	if len(claim.OwnerReferences) != 0 || len(pod.Spec.Volumes) != 2 {
		t.Errorf("owners %v, volumes %v", claim.OwnerReferences, pod.Spec.Volumes)
	}
}

// A generation that is ahead, of a set in another life, is not written back for its own sake, as in Kubernetes.
func TestGenerationAhead(t *testing.T) {
	c := of(0)
	c.set.Status = c.plan(t, statefulset.Policy{}).Status
	c.set.Status.ObservedGeneration = 7
	if result := c.plan(t, statefulset.Policy{}); len(result.Actions) > 0 {
		t.Errorf("planned: %v", result.Actions)
	}
}

func TestStatus(t *testing.T) {
	updating := func(replicas int32, edits ...func(*appsv1.StatefulSet)) *cluster {
		c := of(replicas, edits...).runs("app:2")
		c.record(2, "app:2")
		return c
	}
	type numbers struct{ replicas, ready, available, current, updated int32 }
	tests := []struct {
		name     string
		c        *cluster
		want     numbers
		complete bool
	}{
		{"nothing there", of(2), numbers{}, true}, // current and update are one
		{"all ready", of(1).pod(0), numbers{1, 1, 1, 1, 1}, true},
		{"ready, not yet for long enough", of(1, func(s *appsv1.StatefulSet) { s.Spec.MinReadySeconds = 90 }).pod(0), numbers{1, 1, 0, 1, 1}, true},
		{"being deleted: there, ready, of no revision", of(1).pod(0, deleting), numbers{1, 1, 1, 0, 0}, true},
		{"surplus pods count", of(1).pod(0).pod(5), numbers{2, 2, 2, 2, 2}, true},
		{"an orphan does not", of(1).pod(0, orphaned), numbers{}, true},
		{"in the middle of an update", func() *cluster { c := updating(2); return c.pod(0).pod(1, c.at("app:2")) }(), numbers{2, 2, 2, 1, 1}, false},
		{"the update is complete", func() *cluster { c := updating(1); return c.pod(0, c.at("app:2")) }(), numbers{1, 1, 1, 1, 1}, true},
		{"not while a pod is not ready", func() *cluster { c := updating(1); return c.pod(0, c.at("app:2"), unready) }(), numbers{1, 0, 0, 0, 1}, false},
		{"not with a surplus pod", func() *cluster { c := updating(1); return c.pod(0, c.at("app:2")).pod(1) }(), numbers{2, 2, 2, 1, 1}, false},
		{"not with a surplus pod in place of one that is missing", func() *cluster { c := updating(1); return c.pod(1, c.at("app:2")) }(), numbers{1, 1, 1, 0, 1}, false},
		{"not with one below the start", func() *cluster { c := updating(1, start(1)); return c.pod(0, c.at("app:2")) }(), numbers{1, 1, 1, 0, 1}, false},
		{"not while a pod is adopted", func() *cluster { c := updating(0); return c.pod(0, orphaned) }(), numbers{}, false},
		{"never under OnDelete", func() *cluster { c := updating(1, onDelete); return c.pod(0, c.at("app:2")) }(), numbers{1, 1, 1, 0, 1}, false},
		{"up to the partition", func() *cluster { c := updating(2, partition(1)); return c.pod(0).pod(1, c.at("app:2")) }(), numbers{2, 2, 2, 1, 1}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.set.Status.Conditions = []appsv1.StatefulSetCondition{{Type: "Blessed"}}
			s := test.c.plan(t, statefulset.Policy{}).Status
			if got := (numbers{s.Replicas, s.ReadyReplicas, s.AvailableReplicas, s.CurrentReplicas, s.UpdatedReplicas}); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			if (s.CurrentRevision == s.UpdateRevision) != test.complete || s.ObservedGeneration != 1 || len(s.Conditions) != 1 {
				t.Errorf("%+v, want complete %v, generation 1 and a condition", s, test.complete)
			}
		})
	}
}
