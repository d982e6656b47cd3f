package statefulset_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// cluster is an observation in the making, with the set that it is about.
type cluster struct {
	set *appsv1.StatefulSet
	statefulset.Observed
}

// of is a set of so many replicas whose current revision is that of its template, version 1.
func of(replicas int32, edits ...func(*appsv1.StatefulSet)) *cluster {
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "uid-web", Generation: 1}}
	set.Spec.Replicas = &replicas
	set.Spec.ServiceName = "web-service"
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	set.Spec.Template.Labels = map[string]string{"app": "web"}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:1"}}
	for _, edit := range edits {
		edit(set)
	}
	c := &cluster{set: set, Observed: statefulset.Observed{Now: now}}
	c.record(1, "app:1")
	c.set.Status.CurrentRevision = c.revision("app:1")
	c.set.Status.UpdateRevision = c.revision("app:1")
	return c
}

func parallel(set *appsv1.StatefulSet) { set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }

func onDelete(set *appsv1.StatefulSet) {
	set.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
}

func claims(names ...string) func(*appsv1.StatefulSet) {
	return func(set *appsv1.StatefulSet) {
		for _, name := range names {
			set.Spec.VolumeClaimTemplates = append(set.Spec.VolumeClaimTemplates, corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Name: name},
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
				},
			})
		}
	}
}

func retention(whenDeleted, whenScaled appsv1.PersistentVolumeClaimRetentionPolicyType) func(*appsv1.StatefulSet) {
	return func(set *appsv1.StatefulSet) {
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
			WhenDeleted: whenDeleted, WhenScaled: whenScaled,
		}
	}
}

func start(ordinal int32) func(*appsv1.StatefulSet) {
	return func(set *appsv1.StatefulSet) { set.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: ordinal} }
}

func partition(ordinal int32) func(*appsv1.StatefulSet) {
	return func(set *appsv1.StatefulSet) { rolling(set).Partition = &ordinal }
}

func maxUnavailable(value intstr.IntOrString) func(*appsv1.StatefulSet) {
	return func(set *appsv1.StatefulSet) { rolling(set).MaxUnavailable = &value }
}

func rolling(set *appsv1.StatefulSet) *appsv1.RollingUpdateStatefulSetStrategy {
	set.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
	if set.Spec.UpdateStrategy.RollingUpdate == nil {
		set.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
	}
	return set.Spec.UpdateStrategy.RollingUpdate
}

// record puts a revision of an image into the history: the one that the planner itself makes.
func (c *cluster) record(number int64, image string) *appsv1.ControllerRevision {
	set := c.set.DeepCopy()
	set.DeletionTimestamp = nil
	set.Spec.Template.Spec.Containers[0].Image = image
	result, err := statefulset.Plan(set, statefulset.Observed{Now: now}, statefulset.Policy{})
	if err != nil {
		panic(err)
	}
	for _, a := range result.Actions {
		if create, ok := a.(plan.Create); ok {
			if revision, ok := create.Object.(*appsv1.ControllerRevision); ok {
				revision.Revision, revision.UID = number, types.UID("uid-"+revision.Name)
				c.Revisions = append(c.Revisions, revision)
				return revision
			}
		}
	}
	panic("no revision")
}

// revision is the name of the recorded revision of an image.
func (c *cluster) revision(image string) string {
	for _, r := range c.Revisions {
		if strings.Contains(string(r.Data.Raw), `"`+image+`"`) {
			return r.Name
		}
	}
	panic("no revision of " + image)
}

// runs makes the template say another image.
func (c *cluster) runs(image string) *cluster {
	c.set.Spec.Template.Spec.Containers[0].Image = image
	return c
}

// pod adds a member that is available and of version 1.
func (c *cluster) pod(ordinal int, edits ...func(*corev1.Pod)) *cluster {
	name := fmt.Sprintf("web-%d", ordinal)
	yes := true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(now.Add(-time.Hour)),
			Labels: map[string]string{
				"app": "web", appsv1.StatefulSetPodNameLabel: name, appsv1.PodIndexLabel: fmt.Sprint(ordinal),
				appsv1.StatefulSetRevisionLabel: c.revision("app:1"),
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "StatefulSet", Name: "web", UID: "uid-web", Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
		Spec: corev1.PodSpec{NodeName: "node-1"},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-time.Minute))}},
		},
	}
	for i := range c.set.Spec.VolumeClaimTemplates {
		template := c.set.Spec.VolumeClaimTemplates[i].Name
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: template + "-" + name},
		}})
	}
	for _, edit := range edits {
		edit(pod)
	}
	c.Pods = append(c.Pods, pod)
	return c
}

func unready(pod *corev1.Pod) { pod.Status.Conditions = nil }

func pending(pod *corev1.Pod) {
	pod.Status.Phase, pod.Status.Conditions, pod.Spec.NodeName = corev1.PodPending, nil, ""
}

func failed(pod *corev1.Pod) { pod.Status.Phase, pod.Status.Conditions = corev1.PodFailed, nil }

func deleting(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: now} }

func orphaned(pod *corev1.Pod) { pod.OwnerReferences = nil }

func (c *cluster) at(image string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.Labels[appsv1.StatefulSetRevisionLabel] = c.revision(image) }
}

// claim adds the claim of a template and a pod.
func (c *cluster) claim(template string, ordinal int, edits ...func(*corev1.PersistentVolumeClaim)) *cluster {
	name := fmt.Sprintf("%s-web-%d", template, ordinal)
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name)}}
	for i := range c.set.Spec.VolumeClaimTemplates {
		if c.set.Spec.VolumeClaimTemplates[i].Name == template {
			claim.Spec = *c.set.Spec.VolumeClaimTemplates[i].Spec.DeepCopy()
		}
	}
	for _, edit := range edits {
		edit(claim)
	}
	c.Claims = append(c.Claims, claim)
	return c
}

func claimDeleting(claim *corev1.PersistentVolumeClaim) {
	claim.DeletionTimestamp = &metav1.Time{Time: now}
}

func ownedBy(kind, name string, uid types.UID, controller bool) func(*corev1.PersistentVolumeClaim) {
	return func(claim *corev1.PersistentVolumeClaim) {
		apiVersion := "v1"
		if kind != "Pod" {
			apiVersion = "apps/v1"
		}
		ref := metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: uid}
		if controller {
			ref.Controller = &controller
		}
		claim.OwnerReferences = append(claim.OwnerReferences, ref)
	}
}

func (c *cluster) plan(t *testing.T, policy statefulset.Policy) statefulset.Result {
	t.Helper()
	result, err := statefulset.Plan(c.set, c.Observed, policy)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// steps are the actions but for the status and the waits, in one line each, without the namespace.
func steps(result statefulset.Result) []string {
	var lines []string
	for _, a := range result.Actions {
		switch a.(type) {
		case plan.UpdateStatus, plan.Wait:
		default:
			lines = append(lines, strings.ReplaceAll(a.String(), "default/", ""))
		}
	}
	return lines
}

// waits are the waits, in one line each.
func waits(result statefulset.Result) []string {
	var lines []string
	for _, a := range result.Actions {
		if _, ok := a.(plan.Wait); ok {
			lines = append(lines, strings.ReplaceAll(a.String(), "default/", ""))
		}
	}
	return lines
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSteps(t *testing.T) {
	current, update := of(0).revision("app:1"), func() string { c := of(0); c.record(2, "app:2"); return c.revision("app:2") }()
	old := fmt.Sprintf("it is of revision %s, not %s", current, update)
	updating := func(replicas int32, edits ...func(*appsv1.StatefulSet)) *cluster {
		c := of(replicas, edits...).runs("app:2")
		c.record(2, "app:2")
		return c
	}
	tests := []struct {
		name   string
		c      *cluster
		policy statefulset.Policy
		want   []string
	}{
		// Order.
		{name: "the first pod alone is created", c: of(3), want: []string{"create Pod web-0"}},
		{name: "the second once the first is available", c: of(3).pod(0), want: []string{"create Pod web-1"}},
		{name: "nothing while the first is not ready", c: of(3).pod(0, unready)},
		{name: "nothing while the first is ready, not yet for long enough", c: of(3, func(s *appsv1.StatefulSet) { s.Spec.MinReadySeconds = 61 }).pod(0)},
		{name: "nothing while the first is being deleted", c: of(3).pod(0, deleting)},
		{name: "a gap is filled first", c: of(3).pod(0).pod(2), want: []string{"create Pod web-1"}},
		{name: "a pod behind a gap does not hold it up", c: of(3).pod(0).pod(2, unready), want: []string{"create Pod web-1"}},
		{name: "under Parallel all at once", c: of(3, parallel).pod(1, unready), want: []string{"create Pod web-0", "create Pod web-2"}},
		{name: "ordinals from the start", c: of(2, start(5)).pod(5), want: []string{"create Pod web-6"}},
		{name: "nil replicas are one", c: of(0, func(s *appsv1.StatefulSet) { s.Spec.Replicas = nil }), want: []string{"create Pod web-0"}},

		// Finished pods.
		{name: "a failed pod is deleted, not yet created again", c: of(2).pod(0, failed), want: []string{"delete Pod web-0: it is finished"}},
		{name: "a failed pod that goes is waited for", c: of(2).pod(0, failed, deleting)},
		{name: "under Parallel the others go on", c: of(2, parallel).pod(0, failed), want: []string{"delete Pod web-0: it is finished", "create Pod web-1"}},

		// Names.
		{name: "a name that is no number is nobody's", c: of(0).pod(0, func(p *corev1.Pod) { p.Name = "web-x" }), want: []string{"update Pod web-x: metadata.ownerReferences"}},
		{name: "another spelling of a number is let be", c: of(2).pod(0).pod(1, func(p *corev1.Pod) { p.Name = "web-01" }), want: []string{"create Pod web-1"}},
		{name: "a number too large is let be", c: of(0).pod(0, func(p *corev1.Pod) { p.Name = "web-99999999999999999999" })},
		{name: "a stranger bears the name", c: of(1).pod(0, orphaned, func(p *corev1.Pod) { p.Labels = nil })},
		{name: "a pod of a former set of the name bears the name", c: of(1).pod(0, func(p *corev1.Pod) { p.OwnerReferences[0].UID = "uid-former" })},
		{name: "an orphan is adopted", c: of(1).pod(0, orphaned), want: []string{"update Pod web-0: metadata.ownerReferences"}},
		{name: "an orphan counts while it is adopted", c: of(2).pod(0, orphaned), want: []string{"update Pod web-0: metadata.ownerReferences", "create Pod web-1"}},
		{name: "an orphan that has failed is adopted first", c: of(1).pod(0, orphaned, failed), want: []string{"update Pod web-0: metadata.ownerReferences"}},
		{name: "a pod that is not selected is released", c: of(0).pod(0, func(p *corev1.Pod) { p.Labels["app"] = "other" }), want: []string{"update Pod web-0: metadata.ownerReferences"}},
		{name: "a pod of another namespace is a stranger", c: of(1).pod(0, func(p *corev1.Pod) { p.Namespace = "other" }), want: []string{"create Pod web-0"}},

		// Identity.
		{name: "labels are mended", c: of(1).pod(0, func(p *corev1.Pod) { delete(p.Labels, appsv1.StatefulSetPodNameLabel) }),
			want: []string{"update Pod web-0: metadata.labels.statefulset.kubernetes.io/pod-name none -> web-0"}},
		{name: "volumes are mended", c: of(1, claims("data")).claim("data", 0).pod(0, func(p *corev1.Pod) { p.Spec.Volumes = nil }),
			want: []string{"update Pod web-0: spec.volumes"}},
		{name: "not while the pod is not available", c: of(1).pod(0, unready, func(p *corev1.Pod) { delete(p.Labels, appsv1.StatefulSetPodNameLabel) })},

		// Claims.
		{name: "claims stand before their pod", c: of(1, claims("data", "log")),
			want: []string{"create PersistentVolumeClaim data-web-0", "create PersistentVolumeClaim log-web-0", "create Pod web-0"}},
		{name: "a claim that is there is taken over", c: of(1, claims("data")).claim("data", 0), want: []string{"create Pod web-0"}},
		{name: "a claim that goes holds the pod up, not the other claim", c: of(1, claims("data", "log")).claim("data", 0, claimDeleting),
			want: []string{"create PersistentVolumeClaim log-web-0"}},
		{name: "a missing claim of a pending pod is created", c: of(1, claims("data")).pod(0, pending), want: []string{"create PersistentVolumeClaim data-web-0"}},
		{name: "a missing claim of a running pod is not", c: of(1, claims("data")).pod(0)},
		{name: "claims of 1, 2, 4, ... pods ahead of these pods", c: of(4, parallel, claims("data")), want: []string{
			"create PersistentVolumeClaim data-web-0", "create Pod web-0",
			"create PersistentVolumeClaim data-web-1", "create PersistentVolumeClaim data-web-2", "create Pod web-1", "create Pod web-2",
			"create PersistentVolumeClaim data-web-3", "create Pod web-3",
		}},
		{name: "as many as the policy says", c: of(3, parallel, claims("data")), policy: statefulset.Policy{Batch: 1}, want: []string{
			"create PersistentVolumeClaim data-web-0", "create Pod web-0", "create PersistentVolumeClaim data-web-1", "create Pod web-1",
			"create PersistentVolumeClaim data-web-2", "create Pod web-2",
		}},
		{name: "under Parallel one claim that goes holds up its pod alone", c: of(2, parallel, claims("data")).claim("data", 0, claimDeleting).claim("data", 1),
			want: []string{"create Pod web-1"}},
		{name: "claims outlive their pods", c: of(0, claims("data")).claim("data", 0)},

		// Scaling down.
		{name: "the highest goes first", c: of(1).pod(0).pod(1).pod(2), want: []string{"delete Pod web-2: it is surplus"}},
		{name: "not while one that stays is not available", c: of(1).pod(0, unready).pod(1)},
		{name: "not while the highest is on its way", c: of(1).pod(0).pod(1).pod(2, deleting)},
		{name: "the highest is not available, and the only one that is not", c: of(1).pod(0).pod(1).pod(2, unready), want: []string{"delete Pod web-2: it is surplus"}},
		{name: "the highest is not available, nor is one below", c: of(1).pod(0).pod(1, unready).pod(2, unready)},
		{name: "the policy does not wait for that", c: of(1).pod(0).pod(1, unready).pod(2, unready), policy: statefulset.Policy{Unblock: true}, want: []string{"delete Pod web-2: it is surplus"}},
		{name: "the highest is finished", c: of(1).pod(0).pod(1, failed).pod(2, failed), want: []string{"delete Pod web-2: it is surplus"}},
		{name: "ordinals below the start are surplus", c: of(1, start(2)).pod(0).pod(1).pod(2), want: []string{"delete Pod web-1: it is surplus"}},
		{name: "under Parallel all go at once", c: of(0, parallel).pod(0).pod(1, unready), want: []string{"delete Pod web-1: it is surplus", "delete Pod web-0: it is surplus"}},
		{name: "scaling down comes before the update", c: updating(1).pod(0).pod(1), want: []string{"delete Pod web-1: it is surplus"}},

		// Update.
		{name: "the highest is replaced first", c: updating(2).pod(0).pod(1), want: []string{"delete Pod web-1: " + old}},
		{name: "its successor is made of the new revision", c: updating(2).pod(0), want: []string{"create Pod web-1"}},
		{name: "not while one is not available", c: updating(2).pod(0, unready).pod(1)},
		{name: "down to the partition", c: updating(3, partition(2)).pod(0).pod(1).pod(2), want: []string{"delete Pod web-2: " + old}},
		{name: "not below the partition", c: updating(3, partition(3)).pod(0).pod(1).pod(2)},
		{name: "the partition counts from the start", c: updating(2, start(4), partition(1)).pod(4).pod(5), want: []string{"delete Pod web-5: " + old}},
		{name: "under Parallel one at a time too", c: updating(3, parallel).pod(0).pod(1).pod(2), want: []string{"delete Pod web-2: " + old}},
		{name: "under Parallel only once those above are available", c: func() *cluster { c := updating(2, parallel); return c.pod(0).pod(1, c.at("app:2"), unready) }()},
		{name: "under Parallel an unavailable one is replaced in its turn", c: updating(2, parallel).pod(0).pod(1, unready), want: []string{"delete Pod web-1: " + old}},
		{name: "what does not run is not available, whatever its condition", c: updating(2).pod(0).pod(1, func(p *corev1.Pod) { p.Status.Phase = corev1.PodUnknown })},
		{name: "OnDelete leaves it to a person", c: updating(2, onDelete).pod(0).pod(1)},
		{name: "maxUnavailable is not looked at", c: updating(3, maxUnavailable(intstr.FromInt32(2))).pod(0).pod(1).pod(2), want: []string{"delete Pod web-2: " + old}},

		// The policy MaxUnavailable.
		{name: "two at a time", c: updating(3, maxUnavailable(intstr.FromInt32(2))).pod(0).pod(1).pod(2), policy: statefulset.Policy{MaxUnavailable: true},
			want: []string{"delete Pod web-2: " + old, "delete Pod web-1: " + old}},
		{name: "rounded down, at least one", c: updating(3, maxUnavailable(intstr.FromString("50%"))).pod(0).pod(1).pod(2), policy: statefulset.Policy{MaxUnavailable: true},
			want: []string{"delete Pod web-2: " + old}},
		{name: "one by default", c: updating(3).pod(0).pod(1).pod(2), policy: statefulset.Policy{MaxUnavailable: true}, want: []string{"delete Pod web-2: " + old}},
		{name: "what is unavailable costs", c: func() *cluster {
			c := updating(3, parallel, maxUnavailable(intstr.FromInt32(2)))
			return c.pod(0).pod(1).pod(2, c.at("app:2"), unready)
		}(), policy: statefulset.Policy{MaxUnavailable: true}, want: []string{"delete Pod web-1: " + old}},
		{name: "an unavailable old pod costs nothing by its replacement", c: updating(3, parallel, maxUnavailable(intstr.FromInt32(1))).pod(0).pod(1, unready).pod(2),
			policy: statefulset.Policy{MaxUnavailable: true}, want: []string{"delete Pod web-1: " + old}},
		{name: "under OrderedReady it still blocks", c: updating(3, maxUnavailable(intstr.FromInt32(3))).pod(0).pod(1, unready).pod(2), policy: statefulset.Policy{MaxUnavailable: true}},

		// The blocked update.
		{name: "a broken pod of the old revision blocks its own replacement", c: updating(2).pod(0).pod(1, unready)},
		{name: "unless the policy says otherwise", c: updating(2).pod(0).pod(1, unready), policy: statefulset.Policy{Unblock: true},
			want: []string{"delete Pod web-1: it is not ready and not of revision " + update}},
		{name: "a broken pod of the right revision is not replaced by it", c: of(2).pod(0).pod(1, unready), policy: statefulset.Policy{Unblock: true}},
		{name: "nor one below the partition", c: updating(2, partition(2)).pod(0).pod(1, unready), policy: statefulset.Policy{Unblock: true}},
		{name: "nor under OnDelete", c: updating(2, onDelete).pod(0).pod(1, unready), policy: statefulset.Policy{Unblock: true}},

		{name: "nothing is left to do", c: of(2, claims("data")).claim("data", 0).claim("data", 1).pod(0).pod(1)},
		{name: "a deleted set is only reported on", c: of(3, func(s *appsv1.StatefulSet) { s.DeletionTimestamp = &metav1.Time{Time: now} })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result := test.c.plan(t, test.policy)
			expect(t, "steps", steps(result), test.want...)
			if t.Failed() {
				t.Logf("waits:\n%s", strings.Join(waits(result), "\n"))
			}
			unchangedBy(t, test.c, test.policy, result)
			prefixesAreSafe(t, test.c, result)
		})
	}
}

// unchangedBy checks that the inputs are untouched and that another order of them gives the same plan.
func unchangedBy(t *testing.T, c *cluster, policy statefulset.Policy, result statefulset.Result) {
	t.Helper()
	shuffled := &cluster{set: c.set.DeepCopy(), Observed: c.Observed}
	shuffled.Pods = make([]*corev1.Pod, len(c.Pods))
	for i, pod := range c.Pods {
		shuffled.Pods[i] = pod.DeepCopy()
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(shuffled.Pods), func(i, j int) {
		shuffled.Pods[i], shuffled.Pods[j] = shuffled.Pods[j], shuffled.Pods[i]
	})
	shuffled.Claims, shuffled.Revisions = slices.Clone(c.Claims), slices.Clone(c.Revisions)
	slices.Reverse(shuffled.Claims)
	slices.Reverse(shuffled.Revisions)
	if again := shuffled.plan(t, policy); !reflect.DeepEqual(again, result) {
		t.Errorf("another order, another plan:\n%v\n%v", again.Actions, result.Actions)
	}
}

// prefixesAreSafe checks that each pod that is created has its claims, observed or created before it.
func prefixesAreSafe(t *testing.T, c *cluster, result statefulset.Result) {
	t.Helper()
	there := map[string]bool{}
	for _, claim := range c.Claims {
		there[claim.Name] = claim.DeletionTimestamp == nil
	}
	for _, a := range result.Actions {
		create, ok := a.(plan.Create)
		if !ok {
			continue
		}
		switch obj := create.Object.(type) {
		case *corev1.PersistentVolumeClaim:
			there[obj.Name] = true
		case *corev1.Pod:
			for _, v := range obj.Spec.Volumes {
				if v.PersistentVolumeClaim != nil && !there[v.PersistentVolumeClaim.ClaimName] {
					t.Errorf("%s comes before its claim %s", obj.Name, v.PersistentVolumeClaim.ClaimName)
				}
			}
		}
	}
}
