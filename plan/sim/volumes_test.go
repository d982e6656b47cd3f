package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func size(gigabytes int) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(fmt.Sprintf("%dGi", gigabytes))}
}

func claimOf(name string, gigabytes int) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: size(gigabytes)},
		},
	}
}

func nfsVolume(name string, gigabytes int, directory string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:               size(gigabytes),
			AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeSource: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs", Path: directory}},
		},
	}
}

func class(name string, mode storagev1.VolumeBindingMode, isDefault bool) *storagev1.StorageClass {
	sc := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "example.com/disks", VolumeBindingMode: &mode}
	if isDefault {
		sc.Annotations = map[string]string{annDefaultClass: "true"}
	}
	return sc
}

// mounting gives a pod that mounts a claim at /data.
func mounting(name, claim string) *corev1.Pod {
	pod := podNamed(name)
	pod.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	return pod
}

func TestClaimsBindToTheSmallestVolumeThatFits(t *testing.T) {
	fast := "fast"
	for _, test := range []struct {
		name   string
		change func(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume)
		want   string
	}{
		{"the smallest", nil, "b2"},
		{"by name among equals", func(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) {
			volumes[0].Spec.Capacity = size(2)
		}, "a9"},
		{"the access modes", func(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) {
			claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
			volumes[2].Spec.AccessModes = append(volumes[2].Spec.AccessModes, corev1.ReadWriteMany)
		}, "c5"},
		{"the class", func(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) {
			claim.Spec.StorageClassName = &fast
			volumes[2].Spec.StorageClassName = fast
		}, "c5"},
		{"the selector", func(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) {
			claim.Spec.Selector = &metav1.LabelSelector{MatchLabels: webLabels}
			volumes[2].Labels = webLabels
		}, "c5"},
		{"the size", func(claim *corev1.PersistentVolumeClaim, _ []*corev1.PersistentVolume) {
			claim.Spec.Resources.Requests = size(6)
		}, "a9"},
		{"none is large enough", func(claim *corev1.PersistentVolumeClaim, _ []*corev1.PersistentVolume) {
			claim.Spec.Resources.Requests = size(10)
		}, ""},
		{"the one that it names", func(claim *corev1.PersistentVolumeClaim, _ []*corev1.PersistentVolume) { claim.Spec.VolumeName = "c5" }, "c5"},
		{"the one that is reserved for it", func(_ *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) {
			volumes[2].Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: "x"}
		}, "c5"},
		{"not one that is reserved for another", func(_ *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) {
			volumes[1].Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: "y"}
		}, "c5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Options{})
			claim := claimOf("x", 1)
			volumes := []*corev1.PersistentVolume{nfsVolume("a9", 9, "/a"), nfsVolume("b2", 2, "/b"), nfsVolume("c5", 5, "/c")}
			if test.change != nil {
				test.change(claim, volumes)
			}
			create(t, c, claim)
			for _, volume := range volumes {
				create(t, c, volume)
			}
			quiet(t, c)
			// The claim is older than the volumes: it takes the first that fits. Here all come at one instant.
			bound := get[*corev1.PersistentVolumeClaim](t, c, "x")
			if test.want == "" {
				if bound.Status.Phase != corev1.ClaimPending {
					t.Errorf("bound to %q", bound.Spec.VolumeName)
				}
				return
			}
			volume := get[*corev1.PersistentVolume](t, c, test.want)
			if bound.Spec.VolumeName != test.want || bound.Status.Phase != corev1.ClaimBound || bound.Status.Capacity == nil {
				t.Errorf("bound to %q, phase %s, want %s", bound.Spec.VolumeName, bound.Status.Phase, test.want)
			}
			if volume.Status.Phase != corev1.VolumeBound || volume.Spec.ClaimRef.UID != bound.UID {
				t.Errorf("volume: phase %s, claim %v", volume.Status.Phase, volume.Spec.ClaimRef)
			}
		})
	}
}

func TestClaimsShareNoVolume(t *testing.T) {
	c := New(Options{})
	create(t, c, nfsVolume("a", 1, "/a"))
	create(t, c, claimOf("x", 1))
	create(t, c, claimOf("y", 1))
	quiet(t, c)
	if x, y := get[*corev1.PersistentVolumeClaim](t, c, "x"), get[*corev1.PersistentVolumeClaim](t, c, "y"); x.Spec.VolumeName != "a" || y.Spec.VolumeName != "" {
		t.Errorf("x has %q, y has %q", x.Spec.VolumeName, y.Spec.VolumeName)
	}
	create(t, c, nfsVolume("b", 1, "/b"))
	quiet(t, c)
	if y := get[*corev1.PersistentVolumeClaim](t, c, "y"); y.Spec.VolumeName != "b" {
		t.Errorf("y has %q", y.Spec.VolumeName)
	}
}

func TestVolumesAreProvisioned(t *testing.T) {
	c := New(Options{Nodes: 1})
	create(t, c, class("disks", storagev1.VolumeBindingImmediate, true))
	claim := create(t, c, claimOf("x", 3))
	if *claim.Spec.StorageClassName != "disks" {
		t.Errorf("class %q", *claim.Spec.StorageClassName)
	}
	create(t, c, mounting("pod", "x"))
	c.Advance(provisionDelay - 1)
	pod := get[*corev1.Pod](t, c, "pod")
	if want := "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."; pod.Status.Conditions[0].Message != want {
		t.Errorf("conditions %v", pod.Status.Conditions)
	}
	c.Advance(1)
	volume := get[*corev1.PersistentVolume](t, c, "pvc-"+string(claim.UID))
	if got := volume.Spec.Capacity[corev1.ResourceStorage]; got.String() != "3Gi" || volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		t.Errorf("provisioned %v", volume.Spec)
	}
	if nodeOf(t, c, "pod") != "node1" {
		t.Error("the pod is not scheduled when its claim is bound")
	}
	remove(t, c, pod)
	quiet(t, c)
	remove(t, c, claim)
	quiet(t, c)
	if left := append(names(c, "PersistentVolumeClaim"), names(c, "PersistentVolume")...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestClaimWaitsForItsFirstConsumer(t *testing.T) {
	c := New(Options{Nodes: 2})
	create(t, c, class("late", storagev1.VolumeBindingWaitForFirstConsumer, true))
	create(t, c, claimOf("x", 1))
	quiet(t, c)
	if claim := get[*corev1.PersistentVolumeClaim](t, c, "x"); claim.Status.Phase != corev1.ClaimPending || len(names(c, "PersistentVolume")) > 0 {
		t.Errorf("without a pod: %s", claim.Status.Phase)
	}
	pod := mounting("pod", "x")
	pod.Spec.NodeSelector = map[string]string{"kubernetes.io/hostname": "node2"}
	create(t, c, pod)
	quiet(t, c)
	claim := get[*corev1.PersistentVolumeClaim](t, c, "x")
	if claim.Annotations[annSelectedNode] != "node2" || claim.Status.Phase != corev1.ClaimBound || nodeOf(t, c, "pod") != "node2" {
		t.Errorf("claim %s on %q, pod on %q", claim.Status.Phase, claim.Annotations[annSelectedNode], nodeOf(t, c, "pod"))
	}
}

func TestLocalVolumesChooseTheNode(t *testing.T) {
	c := New(Options{Nodes: 2})
	local := class("local", storagev1.VolumeBindingWaitForFirstConsumer, false)
	local.Provisioner = noProvisioner
	create(t, c, local)
	volume := nfsVolume("disk", 1, "")
	volume.Spec.StorageClassName = "local"
	volume.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/mnt/disk"}}
	volume.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "kubernetes.io/hostname", Operator: "In", Values: []string{"node2"}}},
	}}}}
	create(t, c, volume)
	claim := claimOf("x", 1)
	claim.Spec.StorageClassName = &local.Name
	create(t, c, claim)
	create(t, c, mounting("pod", "x"))
	quiet(t, c)
	if nodeOf(t, c, "pod") != "node2" {
		t.Errorf("the pod runs on %q, its volume is on node2", nodeOf(t, c, "pod"))
	}
	remove(t, c, podNamed("pod"))
	quiet(t, c)
	pod := mounting("again", "x")
	pod.Spec.NodeSelector = map[string]string{"kubernetes.io/hostname": "node1"}
	create(t, c, pod)
	quiet(t, c)
	if got := get[*corev1.Pod](t, c, "again").Status.Conditions[0].Message; !strings.Contains(got, "1 node(s) didn't match PersistentVolume's node affinity") {
		t.Errorf("away from its volume: %s", got)
	}
}

func TestClaimsInUseAreProtected(t *testing.T) {
	c := New(Options{Nodes: 1})
	volume := create(t, c, nfsVolume("a", 1, "/a"))
	claim := create(t, c, claimOf("x", 1))
	create(t, c, mounting("pod", "x"))
	quiet(t, c)
	remove(t, c, claim)
	remove(t, c, volume)
	quiet(t, c)
	if claim := get[*corev1.PersistentVolumeClaim](t, c, "x"); claim.DeletionTimestamp == nil {
		t.Error("the claim is not being deleted")
	}
	create(t, c, mounting("late", "x"))
	quiet(t, c)
	if got := get[*corev1.Pod](t, c, "late").Status.Conditions[0].Message; !strings.Contains(got, `persistentvolumeclaim "x" is being deleted`) {
		t.Errorf("a new pod: %s", got)
	}
	remove(t, c, podNamed("pod"))
	quiet(t, c)
	if left := append(names(c, "PersistentVolumeClaim"), names(c, "PersistentVolume")...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestPodWaitsForItsClaimToExist(t *testing.T) {
	c := New(Options{Nodes: 1})
	create(t, c, nfsVolume("a", 1, "/a"))
	create(t, c, mounting("pod", "x"))
	quiet(t, c)
	if got := get[*corev1.Pod](t, c, "pod").Status.Conditions[0].Message; got != `0/1 nodes are available: persistentvolumeclaim "x" not found.` {
		t.Errorf("without its claim: %s", got)
	}
	create(t, c, claimOf("x", 1))
	quiet(t, c)
	if nodeOf(t, c, "pod") != "node1" {
		t.Error("not scheduled when its claim is there")
	}
}

func TestRetainedVolumesAreReleased(t *testing.T) {
	c := New(Options{})
	create(t, c, nfsVolume("a", 1, "/a"))
	claim := create(t, c, claimOf("x", 1))
	quiet(t, c)
	remove(t, c, claim)
	quiet(t, c)
	create(t, c, claimOf("x", 1))
	quiet(t, c)
	if volume := get[*corev1.PersistentVolume](t, c, "a"); volume.Status.Phase != corev1.VolumeReleased {
		t.Errorf("phase %s", volume.Status.Phase)
	}
	if claim := get[*corev1.PersistentVolumeClaim](t, c, "x"); claim.Status.Phase != corev1.ClaimPending {
		t.Error("a successor got the data of its predecessor")
	}
}

func TestLostVolumesAreNoticed(t *testing.T) {
	c := New(Options{})
	create(t, c, nfsVolume("a", 1, "/a"))
	create(t, c, claimOf("x", 1))
	quiet(t, c)
	edit(t, c, "a", func(volume *corev1.PersistentVolume) { volume.Finalizers = nil })
	remove(t, c, nfsVolume("a", 1, "/a"))
	quiet(t, c)
	if claim := get[*corev1.PersistentVolumeClaim](t, c, "x"); claim.Status.Phase != corev1.ClaimLost {
		t.Errorf("phase %s", claim.Status.Phase)
	}
}

func TestHostsBind(t *testing.T) {
	c := New(Options{Nodes: 1, HostsBind: true})
	create(t, c, nfsVolume("a", 1, "/a"))
	claim := create(t, c, claimOf("x", 1))
	pod := create(t, c, mounting("pod", "x"))
	quiet(t, c)
	if nodeOf(t, c, "pod") != "" || get[*corev1.PersistentVolumeClaim](t, c, "x").Spec.VolumeName != "" {
		t.Error("somebody else binds")
	}
	bind := func(object plan.Object, kind, name string) {
		t.Helper()
		if err := c.Bind(plan.RefTo(object), plan.Ref{Kind: kind, Name: name}); err != nil {
			t.Fatal(err)
		}
		quiet(t, c)
	}
	bind(pod, "Node", "node1")
	if got := state(get[*corev1.Pod](t, c, "pod").Status.ContainerStatuses[0]); got != "ContainerCreating" {
		t.Errorf("without its volume it is %s", got)
	}
	bind(claim, "PersistentVolume", "a")
	if got := state(get[*corev1.Pod](t, c, "pod").Status.ContainerStatuses[0]); got != "Running+" {
		t.Errorf("with its volume it is %s", got)
	}
	if claim := get[*corev1.PersistentVolumeClaim](t, c, "x"); claim.Status.Phase != corev1.ClaimBound {
		t.Errorf("phase %s", claim.Status.Phase)
	}
	if err := c.Bind(plan.RefTo(claim), plan.Ref{Kind: "PersistentVolume", Name: "b"}); err == nil {
		t.Error("a claim is bound twice")
	}
}

func TestFiles(t *testing.T) {
	c := New(Options{Nodes: 1})
	write := func(pod, file, content string) {
		t.Helper()
		if err := c.WriteFile("", pod, file, content); err != nil {
			t.Error(err)
		}
	}
	read := func(pod, file, want string) {
		t.Helper()
		got, err := c.ReadFile("", pod, file)
		if missing := errors.Is(err, fs.ErrNotExist); got != want || missing != (want == "") {
			t.Errorf("%s in pod %s: %q, %v, want %q", file, pod, got, err, want)
		}
	}
	// Two volumes of one NFS directory, a third of a directory in it, and a claim for each.
	for i, directory := range []string{"/exports", "/exports/", "/exports/deeper"} {
		volume, claim := nfsVolume(fmt.Sprint("v", i), 1, directory), claimOf(fmt.Sprint("c", i), 1)
		claim.Spec.VolumeName = volume.Name
		create(t, c, volume)
		create(t, c, claim)
		create(t, c, mounting(fmt.Sprint("p", i), claim.Name))
	}
	quiet(t, c)
	write("p0", "/data/hostname", "p0")
	read("p0", "/data/hostname", "p0")
	read("p1", "/data/hostname", "p0")
	read("p2", "/data/hostname", "")
	write("p2", "/data/x", "p2")
	read("p0", "/data/deeper/x", "p2")

	write("p0", "/tmp/x", "in the container")
	read("p0", "/tmp/x", "in the container")
	read("p1", "/tmp/x", "")
	if err := c.Exit("", "p0", "", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadFile("", "p0", "/tmp/x"); err == nil {
		t.Error("a container that has ended reads")
	}
	c.Advance(time.Minute)
	read("p0", "/tmp/x", "")
	remove(t, c, podNamed("p0"))
	quiet(t, c)
	create(t, c, mounting("p0", "c0"))
	quiet(t, c)
	read("p0", "/data/hostname", "p0")
	if _, err := c.ReadFile("", "nobody", "/x"); err == nil {
		t.Error("a pod that does not exist reads")
	}
}

func TestFilesOfOtherVolumes(t *testing.T) {
	c := New(Options{Nodes: 2})
	pod := func(name, node string) *corev1.Pod {
		pod := podNamed(name)
		pod.Spec.NodeSelector = map[string]string{"kubernetes.io/hostname": node}
		pod.Spec.Volumes = []corev1.Volume{
			{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/log"}}},
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}},
		}
		pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{
			{Name: "empty", MountPath: "/empty"}, {Name: "host", MountPath: "/log", SubPath: "app"},
			{Name: "host", MountPath: "/log/all", ReadOnly: true}, {Name: "config", MountPath: "/etc/config"},
		}
		return pod
	}
	create(t, c, pod("a", "node1"))
	create(t, c, pod("b", "node1"))
	create(t, c, pod("c", "node2"))
	quiet(t, c)
	for _, file := range []string{"/empty/x", "/log/x"} {
		if err := c.WriteFile("", "a", file, "a"); err != nil {
			t.Fatal(err)
		}
	}
	readers := func(file string) (readers []string) {
		for _, pod := range []string{"a", "b", "c"} {
			if _, err := c.ReadFile("", pod, file); err == nil {
				readers = append(readers, pod)
			}
		}
		return readers
	}
	for file, want := range map[string][]string{"/empty/x": {"a"}, "/log/x": {"a", "b"}, "/log/all/app/x": {"a", "b"}} {
		if got := readers(file); !slices.Equal(got, want) {
			t.Errorf("%s is read by %v, want %v", file, got, want)
		}
	}
	if err := c.Exit("", "a", "", 1); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Minute)
	if got := readers("/empty/x"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after a restart an emptyDir is read by %v", got)
	}
	if err := c.WriteFile("", "a", "/log/all/x", "a"); err == nil || err.Error() != "/log/all/x: read-only file system" {
		t.Errorf("read-only: %v", err)
	}
	if err := c.WriteFile("", "a", "/etc/config/x", "a"); err == nil {
		t.Error("a config map is written")
	}
}
