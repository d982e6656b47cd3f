package sim

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

func TestCreateCompletes(t *testing.T) {
	c := New(Options{Seed: 1, Start: time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)})
	sent := webSet(3)
	sent.Status.Replicas = 7
	sent.Generation = 9
	rs := create(t, c, sent)

	if rs.Kind != "ReplicaSet" || rs.APIVersion != "apps/v1" {
		t.Errorf("kind %q of %q", rs.Kind, rs.APIVersion)
	}
	if rs.Namespace != "default" || rs.Generation != 1 || rs.ResourceVersion != "2" {
		t.Errorf("namespace %q, generation %d, resourceVersion %q", rs.Namespace, rs.Generation, rs.ResourceVersion)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(string(rs.UID)) {
		t.Errorf("UID %q", rs.UID)
	}
	if want := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC); !rs.CreationTimestamp.Time.Equal(want) {
		t.Errorf("created at %s, want whole seconds: %s", rs.CreationTimestamp, want)
	}
	if rs.Status.Replicas != 0 {
		t.Error("the status came with the create")
	}
	if sent.UID != "" {
		t.Error("what was sent was modified")
	}
}

func TestCreateGeneratesNames(t *testing.T) {
	c := New(Options{Seed: 1})
	seen := map[string]bool{}
	for range 100 {
		pod := podNamed("")
		pod.GenerateName = "web-"
		name := create(t, c, pod).Name
		if !regexp.MustCompile(`^web-[bcdfghjklmnpqrstvwxz2456789]{5}$`).MatchString(name) || seen[name] {
			t.Fatalf("name %q", name)
		}
		seen[name] = true
	}
	long := podNamed("")
	long.GenerateName = strings.Repeat("x", 100) + "-"
	if name := create(t, c, long).Name; len(name) != 63 {
		t.Errorf("generated name of %d characters, want 63", len(name))
	}
}

func TestCreateRefuses(t *testing.T) {
	otherLabels := webSet(1)
	otherLabels.Spec.Template.Labels = map[string]string{"app": "other"}
	versioned := podNamed("versioned")
	versioned.ResourceVersion = "7"
	twoControllers := podNamed("two-controllers")
	yes := true
	owner := metav1.OwnerReference{APIVersion: "v1", Kind: "Thing", Name: "thing", UID: "1", Controller: &yes}
	twoControllers.OwnerReferences = []metav1.OwnerReference{owner, owner}
	noContainers := podNamed("empty")
	noContainers.Spec = corev1.PodSpec{}

	for _, test := range []struct {
		name string
		obj  plan.Object
		is   func(error) bool
		says string
	}{
		{"the same name again", podNamed("taken"), apierrors.IsAlreadyExists, `pods "taken" already exists`},
		{"no name", podNamed(""), apierrors.IsInvalid, "metadata.name: Required value: name or generateName is required"},
		{"a name that is none", podNamed("Web_1"), apierrors.IsInvalid, `metadata.name: Invalid value: "Web_1"`},
		{"a resourceVersion", versioned, apierrors.IsBadRequest, "resourceVersion should not be set on objects to be created"},
		{"two controllers", twoControllers, apierrors.IsInvalid, "metadata.ownerReferences"},
		{"a pod without containers", noContainers, apierrors.IsInvalid, "spec.containers: Required value"},
		{"a negative number of replicas", webSet(-1), apierrors.IsInvalid, "spec.replicas: Invalid value: -1"},
		{"a selector that misses the template", otherLabels, apierrors.IsInvalid, "`selector` does not match template `labels`"},
		{"a kind that nobody knows", &unstructured.Unstructured{Object: map[string]any{}}, apierrors.IsBadRequest, "apiVersion and kind are required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Options{})
			create(t, c, podNamed("taken"))
			_, err := c.Create(test.obj)
			if err == nil || !test.is(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			if len(c.Writes()) != 1 {
				t.Error("something was written")
			}
		})
	}
}

func TestGetAndListGiveCopies(t *testing.T) {
	c := New(Options{})
	create(t, c, podNamed("a"))
	get[*corev1.Pod](t, c, "a").Labels = webLabels
	List[*corev1.Pod](c, "")[0].Labels = webLabels
	if pod := get[*corev1.Pod](t, c, "a"); pod.Labels != nil {
		t.Error("a change to a copy changed what is stored")
	}
	if _, err := Get[*corev1.Pod](c, "", "b"); !apierrors.IsNotFound(err) || err.Error() != `pods "b" not found` {
		t.Errorf("got %v", err)
	}
}

// The objects are the stored ones, the list is not: what a check does with it is its own business.
func TestPeekCopiesNoObject(t *testing.T) {
	c := New(Options{})
	create(t, c, podNamed("a"))
	pods := c.Peek("Pod", "")
	if stored, _ := c.find(plan.RefTo(pods[0])); stored != pods[0] {
		t.Error("the object is a copy")
	}
	pods[0] = podNamed("b")
	if left := c.Peek("Pod", ""); left[0].GetName() != "a" {
		t.Errorf("a change to the list changed what is stored: %s", left[0].GetName())
	}
}

func TestListIsSorted(t *testing.T) {
	c := New(Options{})
	for _, key := range []string{"b/x", "a/y", "b/a", "a/z", "ab/m", "a/a"} {
		namespace, name, _ := strings.Cut(key, "/")
		pod := podNamed(name)
		pod.Namespace = namespace
		create(t, c, pod)
	}
	keys := func(namespace string) (keys []string) {
		for _, pod := range List[*corev1.Pod](c, namespace) {
			keys = append(keys, pod.Namespace+"/"+pod.Name)
		}
		return keys
	}
	if got := keys(""); !slices.Equal(got, []string{"a/a", "a/y", "a/z", "ab/m", "b/a", "b/x"}) {
		t.Errorf("all: %v", got)
	}
	if got := keys("a"); !slices.Equal(got, []string{"a/a", "a/y", "a/z"}) {
		t.Errorf("in a: %v", got)
	}
}

func TestUpdate(t *testing.T) {
	for _, test := range []struct {
		name       string
		change     func(*appsv1.ReplicaSet)
		generation int64
		writes     int
	}{
		{name: "of the spec bumps the generation", change: func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = 5 }, generation: 2, writes: 1},
		{name: "of labels does not", change: func(rs *appsv1.ReplicaSet) { rs.Labels = webLabels }, generation: 1, writes: 1},
		{name: "of nothing is no write", change: func(*appsv1.ReplicaSet) {}, generation: 1},
		{name: "of the status is no write", change: func(rs *appsv1.ReplicaSet) { rs.Status.Replicas = 9 }, generation: 1},
		{name: "of what the server owns is no write", change: func(rs *appsv1.ReplicaSet) {
			rs.Generation, rs.CreationTimestamp = 9, metav1.Time{}
			rs.DeletionTimestamp = &metav1.Time{Time: time.Unix(0, 0)}
		}, generation: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Options{})
			rs := create(t, c, webSet(3))
			before := len(c.Writes())
			test.change(rs)
			stored, err := c.Update(rs)
			if err != nil {
				t.Fatal(err)
			}
			if stored.GetGeneration() != test.generation || len(c.Writes())-before != test.writes {
				t.Errorf("generation %d after %d writes, want %d after %d", stored.GetGeneration(), len(c.Writes())-before, test.generation, test.writes)
			}
			if stored.(*appsv1.ReplicaSet).Status.Replicas != 0 {
				t.Error("the status came with the update")
			}
		})
	}
}

func TestUpdateIsOptimistic(t *testing.T) {
	c := New(Options{})
	stale := create(t, c, webSet(3))
	edit(t, c, "web", func(rs *appsv1.ReplicaSet) { *rs.Spec.Replicas = 4 })
	*stale.Spec.Replicas = 5
	const words = `Operation cannot be fulfilled on replicasets.apps "web": the object has been modified; please apply your changes to the latest version and try again`
	if _, err := c.Update(stale); !apierrors.IsConflict(err) || err.Error() != words {
		t.Errorf("update: %v", err)
	}
	if _, err := c.UpdateStatus(stale); !apierrors.IsConflict(err) {
		t.Errorf("status update: %v", err)
	}
	stale.ResourceVersion, stale.UID = "", "another"
	if _, err := c.Update(stale); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "Precondition failed: UID") {
		t.Errorf("update of a predecessor: %v", err)
	}
	stale.UID = ""
	if _, err := c.Update(stale); err != nil {
		t.Errorf("update without a version: %v", err)
	}
	if got := *get[*appsv1.ReplicaSet](t, c, "web").Spec.Replicas; got != 5 {
		t.Errorf("%d replicas", got)
	}
	stale.Name = "nothing"
	if _, err := c.Update(stale); !apierrors.IsNotFound(err) {
		t.Errorf("update of nothing: %v", err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Spec: appsv1.StatefulSetSpec{Selector: webSet(1).Spec.Selector, Template: webSet(1).Spec.Template}}
	for _, test := range []struct {
		name   string
		obj    plan.Object
		change func(plan.Object)
		says   string
	}{
		{"another selector", webSet(1), func(obj plan.Object) {
			obj.(*appsv1.ReplicaSet).Spec.Selector.MatchLabels = map[string]string{"x": "y"}
			obj.(*appsv1.ReplicaSet).Spec.Template.Labels["x"] = "y"
		}, "field is immutable"},
		{"another command in a pod", podNamed("x"), func(obj plan.Object) {
			obj.(*corev1.Pod).Spec.Containers[0].Command = []string{"sh"}
		}, "pod updates may not change fields other than"},
		{"another node for a pod", podNamed("x"), func(obj plan.Object) { obj.(*corev1.Pod).Spec.NodeName = "node1" }, "pod updates may not change"},
		{"another class of a claim", claim, func(obj plan.Object) {
			name := "fast"
			obj.(*corev1.PersistentVolumeClaim).Spec.StorageClassName = &name
		}, "spec is immutable after creation"},
		{"another service of a set", set, func(obj plan.Object) { obj.(*appsv1.StatefulSet).Spec.ServiceName = "y" }, "updates to statefulset spec"},
		{"another template of a Job", job, func(obj plan.Object) { obj.(*batchv1.Job).Spec.Template.Labels = webLabels }, "spec.template: Invalid value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Options{})
			obj := create(t, c, test.obj)
			test.change(obj)
			if _, err := c.Update(obj); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	t.Run("but takes another image", func(t *testing.T) {
		c := New(Options{})
		create(t, c, podNamed("x"))
		edit(t, c, "x", func(pod *corev1.Pod) { pod.Spec.Containers[0].Image = "nginx:2" })
	})
}

func TestUpdateStatus(t *testing.T) {
	c := New(Options{})
	rs := create(t, c, webSet(3))
	rs.Status.Replicas = 3
	rs.Annotations = map[string]string{"revision": "1"}
	rs.Labels = webLabels
	*rs.Spec.Replicas = 9
	rs.Finalizers = []string{"example.com/keep"}
	if _, err := c.UpdateStatus(rs); err != nil {
		t.Fatal(err)
	}
	got := get[*appsv1.ReplicaSet](t, c, "web")
	if got.Status.Replicas != 3 || got.Annotations["revision"] != "1" {
		t.Errorf("status %v, annotations %v", got.Status, got.Annotations)
	}
	if *got.Spec.Replicas != 3 || got.Generation != 1 || got.Labels != nil || got.Finalizers != nil {
		t.Error("more than the status and the annotations travelled")
	}
}

func TestTimesAreInWholeSeconds(t *testing.T) {
	c := New(Options{})
	rs := create(t, c, webSet(1))
	rs.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: "ReplicaFailure", LastTransitionTime: metav1.NewTime(time.Unix(10, 999))}}
	if _, err := c.UpdateStatus(rs); err != nil {
		t.Fatal(err)
	}
	if got := get[*appsv1.ReplicaSet](t, c, "web").Status.Conditions[0].LastTransitionTime; !got.Time.Equal(time.Unix(10, 0)) {
		t.Errorf("stored %s", got)
	}
}

func TestDelete(t *testing.T) {
	c := New(Options{})
	pod := create(t, c, podNamed("a"))
	wrong, version := types.UID("another"), "1"
	for name, opts := range map[string]metav1.DeleteOptions{
		"UID":             {Preconditions: &metav1.Preconditions{UID: &wrong}},
		"ResourceVersion": {Preconditions: &metav1.Preconditions{ResourceVersion: &version}},
	} {
		if err := c.Delete(plan.Ref{Kind: "Pod", Name: "a"}, opts); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "Precondition failed: "+name) {
			t.Errorf("precondition %s: %v", name, err)
		}
	}
	if err := c.Delete(plan.Ref{Kind: "Pod", Name: "a", UID: wrong}, metav1.DeleteOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("another UID in the ref: %v", err)
	}
	remove(t, c, pod)
	if got := names(c, "Pod"); len(got) > 0 {
		t.Errorf("a pod without a node stayed: %v", got)
	}
	if err := c.Delete(plan.RefTo(pod), metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the second time: %v", err)
	}
}

func TestFinalizers(t *testing.T) {
	c := New(Options{})
	sent := webSet(1)
	sent.Finalizers = []string{"example.com/a", "example.com/b"}
	rs := create(t, c, sent)
	remove(t, c, rs)
	marked := get[*appsv1.ReplicaSet](t, c, "web")
	if marked.DeletionTimestamp == nil || marked.Generation != 2 {
		t.Fatalf("deletionTimestamp %v, generation %d", marked.DeletionTimestamp, marked.Generation)
	}
	c.Advance(time.Minute)
	remove(t, c, rs) // changes nothing
	if again := get[*appsv1.ReplicaSet](t, c, "web"); !again.DeletionTimestamp.Equal(marked.DeletionTimestamp) {
		t.Errorf("the deletionTimestamp moved to %s", again.DeletionTimestamp)
	}
	err := Edit(c, "", "web", func(rs *appsv1.ReplicaSet) { rs.Finalizers = append(rs.Finalizers, "example.com/c") })
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "no new finalizers can be added if the object is being deleted") {
		t.Errorf("a new finalizer: %v", err)
	}
	edit(t, c, "web", func(rs *appsv1.ReplicaSet) { rs.Finalizers = rs.Finalizers[:1] })
	edit(t, c, "web", func(rs *appsv1.ReplicaSet) { rs.Finalizers = nil })
	if got := names(c, "ReplicaSet"); len(got) > 0 {
		t.Errorf("without finalizers it stayed: %v", got)
	}
	if last := c.Writes()[len(c.Writes())-1]; last.After != nil || !strings.HasSuffix(last.String(), "update ReplicaSet default/web: gone with its last finalizer") {
		t.Errorf("the last write is %s", last)
	}
}

func TestBind(t *testing.T) {
	c := New(Options{})
	pod := plan.RefTo(create(t, c, podNamed("a")))
	node := plan.Ref{Kind: "Node", Name: "node1"}
	if err := c.Bind(pod, node); err != nil {
		t.Fatal(err)
	}
	bound := get[*corev1.Pod](t, c, "a")
	if bound.Spec.NodeName != "node1" || bound.Status.Conditions[0].Type != corev1.PodScheduled {
		t.Errorf("node %q, conditions %v", bound.Spec.NodeName, bound.Status.Conditions)
	}
	if err := c.Bind(pod, node); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), `already assigned to node "node1"`) {
		t.Errorf("the second time: %v", err)
	}
	pod.UID = "another"
	if err := c.Bind(pod, node); !apierrors.IsConflict(err) {
		t.Errorf("another UID: %v", err)
	}
	if err := c.Bind(plan.RefTo(create(t, c, webSet(1))), node); !apierrors.IsBadRequest(err) {
		t.Errorf("a ReplicaSet: %v", err)
	}
}

func TestAnyObjectIsStored(t *testing.T) {
	c := New(Options{})
	create(t, c, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}})
	create(t, c, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Provisioner: "example.com/disks"})

	foreign := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Frog", "metadata": map[string]any{"name": "green"},
		"spec": map[string]any{"legs": int64(4)}, "status": map[string]any{"jumps": int64(1)},
	}}
	frog := create(t, c, foreign)
	if frog.GetGeneration() != 1 || frog.GetNamespace() != "default" || frog.Object["status"] != nil {
		t.Errorf("stored %v", frog.Object)
	}
	frog.Object["spec"] = map[string]any{"legs": int64(3)}
	if updated, err := c.Update(frog); err != nil || updated.GetGeneration() != 2 {
		t.Errorf("after a change %v, %v", updated, err)
	}

	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "plain"},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "main", "image": "nginx"}}},
	}}
	if _, ok := create[plan.Object](t, c, pod).(*corev1.Pod); !ok {
		t.Error("an unstructured pod is not stored as a pod")
	}
	class := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": map[string]any{"name": "slow"}, "provisioner": "example.com/tapes",
	}}
	if _, ok := create[plan.Object](t, c, class).(*storagev1.StorageClass); !ok {
		t.Error("an unstructured storage class is not stored as one")
	}
	if got := names(c, "StorageClass"); !slices.Equal(got, []string{"fast", "slow"}) {
		t.Errorf("classes %v", got)
	}
}

func TestNamespaces(t *testing.T) {
	c := New(Options{})
	team := create(t, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}})
	kept := webSet(1)
	kept.Namespace, kept.Finalizers = "team", []string{"example.com/keep"}
	create(t, c, kept)
	pod := podNamed("a")
	pod.Namespace = "team"
	create(t, c, pod)
	remove(t, c, team)
	c.Advance(0)

	_, err := c.Create(pod)
	status, ok := err.(apierrors.APIStatus)
	if !ok || !apierrors.IsForbidden(err) {
		t.Fatalf("a create in a namespace that ends: %v", err)
	}
	if refusal := status.Status(); !plan.NamespaceTerminating(&refusal) {
		t.Errorf("the cause is missing: %v", refusal)
	}
	if ends := get[*corev1.Namespace](t, c, "team"); ends.Status.Phase != corev1.NamespaceTerminating {
		t.Errorf("phase %s", ends.Status.Phase)
	}
	if err := Edit(c, "team", "web", func(rs *appsv1.ReplicaSet) { rs.Finalizers = nil }); err != nil {
		t.Fatal(err)
	}
	quiet(t, c)
	if left := append(names(c, "Namespace"), names(c, "Pod")...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
