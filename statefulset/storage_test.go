package statefulset_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/statefulset"
)

const (
	retain = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	remove = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
)

// The owners of the claims of a pod in range and of a surplus pod, for each retention policy, whoever owns them before.
func TestRetention(t *testing.T) {
	bySet := ownedBy("StatefulSet", "web", "uid-web", true)
	byPod := func(ordinal int) func(*corev1.PersistentVolumeClaim) {
		return ownedBy("Pod", fmt.Sprintf("web-%d", ordinal), "", true)
	}
	tests := []struct {
		whenDeleted, whenScaled appsv1.PersistentVolumeClaimRetentionPolicyType
		inRange, surplus        string
	}{
		{retain, retain, "", ""},
		{remove, retain, "StatefulSet web", "StatefulSet web"},
		{retain, remove, "", "Pod web-1"},
		{remove, remove, "StatefulSet web", "Pod web-1"},
	}
	for _, test := range tests {
		for _, before := range []string{"nobody", "the set", "the pod", "the set, not as controller", "somebody else beside"} {
			t.Run(fmt.Sprintf("whenDeleted %s whenScaled %s owned by %s", test.whenDeleted, test.whenScaled, before), func(t *testing.T) {
				c := of(1, claims("data"), retention(test.whenDeleted, test.whenScaled)).pod(0).pod(1)
				for ordinal := range 2 {
					pod := c.Pods[ordinal]
					c.claim("data", ordinal, func(claim *corev1.PersistentVolumeClaim) {
						switch before {
						case "the set":
							bySet(claim)
						case "the pod":
							byPod(ordinal)(claim)
							claim.OwnerReferences[0].UID = pod.UID
						case "the set, not as controller":
							ownedBy("StatefulSet", "web", "uid-web", false)(claim)
						case "somebody else beside":
							ownedBy("ConfigMap", "config", "uid-config", false)(claim)
						}
					})
				}
				owners := ownersAfter(c, c.plan(t, statefulset.Policy{}))
				others := ""
				if before == "somebody else beside" {
					others = "ConfigMap config"
				}
				expect(t, "in range", []string{owners["data-web-0"]}, join(others, test.inRange))
				expect(t, "surplus", []string{owners["data-web-1"]}, join(others, test.surplus))
			})
		}
	}
}

func join(parts ...string) string {
	return strings.Trim(strings.Join(parts, ", "), ", ")
}

// ownersAfter gives the owners of each claim once the plan is carried out.
func ownersAfter(c *cluster, result statefulset.Result) map[string]string {
	owners := map[string]string{}
	note := func(claim *corev1.PersistentVolumeClaim) {
		var names []string
		for _, r := range claim.OwnerReferences {
			names = append(names, r.Kind+" "+r.Name)
		}
		owners[claim.Name] = strings.Join(names, ", ")
	}
	for _, claim := range c.Claims {
		note(claim)
	}
	for _, a := range result.Actions {
		if update, ok := a.(plan.Update); ok {
			if claim, ok := update.After.(*corev1.PersistentVolumeClaim); ok {
				note(claim)
			}
		}
	}
	return owners
}

// Claims that somebody else holds, or a former life of the set or of the pod, stay as they are under each retention policy, but for
// references of the set's beside another controller's.
func TestClaimsOfOthers(t *testing.T) {
	tests := []struct {
		name  string
		owner func(*corev1.PersistentVolumeClaim)
		want  string
		told  bool // unless the policy keeps every claim: whose it is makes no difference then
	}{
		{"another controller's claim is not taken", ownedBy("Deployment", "other", "uid-other", true), "Deployment other", false},
		{"the set's reference beside another controller goes", func(c *corev1.PersistentVolumeClaim) {
			ownedBy("Deployment", "other", "uid-other", true)(c)
			ownedBy("StatefulSet", "web", "uid-web", false)(c)
		}, "Deployment other", true},
		{"a claim of a former set is left to the garbage collector", ownedBy("StatefulSet", "web", "uid-former", true), "StatefulSet web", false},
		{"a claim of a former pod is left to the garbage collector", ownedBy("Pod", "web-0", "uid-former", true), "Pod web-0", false},
		{"the set's UID under another kind cannot be mended", ownedBy("Fleet", "web", "uid-web", true), "Fleet web", false},
	}
	for _, test := range tests {
		for _, whenDeleted := range []appsv1.PersistentVolumeClaimRetentionPolicyType{retain, remove} {
			for _, whenScaled := range []appsv1.PersistentVolumeClaimRetentionPolicyType{retain, remove} {
				t.Run(fmt.Sprintf("%s: whenDeleted %s, whenScaled %s", test.name, whenDeleted, whenScaled), func(t *testing.T) {
					c := of(1, claims("data"), retention(whenDeleted, whenScaled)).pod(0).claim("data", 0, test.owner)
					result := c.plan(t, statefulset.Policy{})
					expect(t, "owners", []string{ownersAfter(c, result)["data-web-0"]}, test.want)
					told := test.told && (whenDeleted == remove || whenScaled == remove)
					if (len(result.Events) > 0) != told {
						t.Errorf("events %v, want one: %t", result.Events, told)
					}
				})
			}
		}
	}
}

// A view that lists a claim twice shows the newer, and nothing at all where it lists nil.
func TestClaimListedTwice(t *testing.T) {
	c := of(1, claims("data"), retention(remove, retain)).pod(0).claim("data", 0, ownedBy("StatefulSet", "web", "uid-web", true)).claim("data", 0)
	owned, free := c.Claims[0], c.Claims[1]
	owned.ResourceVersion, free.ResourceVersion = "20", "10"
	for _, c.Claims = range [][]*corev1.PersistentVolumeClaim{{owned, free}, {free, owned}, {nil, free, nil, owned}} {
		expect(t, "steps", steps(c.plan(t, statefulset.Policy{})))
	}
	free.ResourceVersion = "30"
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})), "update PersistentVolumeClaim data-web-0: metadata.ownerReferences")
}

// A claim that goes with a former pod must not be given to the next one.
func TestClaimOfAFormerPod(t *testing.T) {
	c := of(1, claims("data"), retention(retain, remove)).claim("data", 0, ownedBy("Pod", "web-0", "uid-former", true))
	result := c.plan(t, statefulset.Policy{})
	expect(t, "steps", steps(result))
	expect(t, "waits", waits(result), "wait for ClaimGone of PersistentVolumeClaim data-web-0: claim data-web-0 goes with a former pod web-0")
}

func volume(name, size string, edits ...func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid-" + "x"}}
	v.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	v.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	v.Spec.NFS = &corev1.NFSVolumeSource{Server: "nfs", Path: "/exports/" + name}
	v.Status.Phase = corev1.VolumeAvailable
	for _, edit := range edits {
		edit(v)
	}
	return v
}

func TestBind(t *testing.T) {
	class := "fast"
	tests := []struct {
		name    string
		volumes []*corev1.PersistentVolume
		claim   func(*corev1.PersistentVolumeClaim)
		want    []string
	}{
		{name: "the smallest that fits", volumes: []*corev1.PersistentVolume{volume("big", "5Gi"), volume("fit", "2Gi"), volume("small", "500Mi")},
			want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume fit", "bind PersistentVolumeClaim data-web-1 to PersistentVolume big"}},
		{name: "of two alike the first by name", volumes: []*corev1.PersistentVolume{volume("b", "1Gi"), volume("a", "1Gi")},
			want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume a", "bind PersistentVolumeClaim data-web-1 to PersistentVolume b"}},
		{name: "one claim a volume", volumes: []*corev1.PersistentVolume{volume("a", "1Gi")},
			want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume a"}},
		{name: "not without its access modes", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) {
			v.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}
		})}},
		{name: "not of another class", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) { v.Spec.StorageClassName = "slow" })}},
		{name: "of its class", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) { v.Spec.StorageClassName = class }), volume("b", "1Gi")},
			claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = &class },
			want:  []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume a"}},
		{name: "of its mode", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) {
			block := corev1.PersistentVolumeBlock
			v.Spec.VolumeMode = &block
		})}},
		{name: "of its selector", volumes: []*corev1.PersistentVolume{volume("a", "1Gi"), volume("b", "1Gi", func(v *corev1.PersistentVolume) { v.Labels = map[string]string{"disk": "ssd"} })},
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "ssd"}}
			},
			want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume b"}},
		{name: "not another claim's", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) {
			v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: "other"}
		})}},
		{name: "kept for the claim", volumes: []*corev1.PersistentVolume{volume("a", "1Gi"), volume("b", "2Gi", func(v *corev1.PersistentVolume) {
			v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: "data-web-1"}
		})}, want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume a", "bind PersistentVolumeClaim data-web-1 to PersistentVolume b"}},
		{name: "one kept for the claim before a smaller one", volumes: []*corev1.PersistentVolume{volume("a", "1Gi"), volume("b", "2Gi", func(v *corev1.PersistentVolume) {
			v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: "data-web-0"}
		})}, want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume b", "bind PersistentVolumeClaim data-web-1 to PersistentVolume a"}},
		{name: "not one that is released", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) { v.Status.Phase = corev1.VolumeReleased })}},
		{name: "not one that goes", volumes: []*corev1.PersistentVolume{volume("a", "1Gi", func(v *corev1.PersistentVolume) { v.DeletionTimestamp = &metav1.Time{Time: now} })}},
		{name: "not for a claim that goes with a former pod", volumes: []*corev1.PersistentVolume{volume("a", "1Gi")},
			claim: func(c *corev1.PersistentVolumeClaim) {
				ownedBy("Pod", strings.TrimPrefix(c.Name, "data-"), "uid-former", true)(c)
			}},
		{name: "not for a claim that has one", volumes: []*corev1.PersistentVolume{volume("a", "1Gi")},
			claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "bound" }},
		{name: "the class by annotation", volumes: []*corev1.PersistentVolume{volume("a", "1Gi"), volume("b", "2Gi", func(v *corev1.PersistentVolume) {
			v.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "fast"}
		})}, claim: func(c *corev1.PersistentVolumeClaim) {
			if c.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "fast"}; c.Name == "data-web-1" {
				c.Annotations[corev1.BetaStorageClassAnnotation] = "slow"
			}
		}, want: []string{"bind PersistentVolumeClaim data-web-0 to PersistentVolume b"}},
		{name: "not one that a claim has taken already", volumes: []*corev1.PersistentVolume{volume("bound", "1Gi"), nil, volume("a", "1Gi")},
			claim: func(c *corev1.PersistentVolumeClaim) {
				if c.Name == "data-web-0" {
					c.Spec.VolumeName = "bound"
				}
			}, want: []string{"bind PersistentVolumeClaim data-web-1 to PersistentVolume a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := of(2, parallel, claims("data")).pod(0).pod(1)
			for ordinal := range 2 {
				c.claim("data", ordinal, func(claim *corev1.PersistentVolumeClaim) {
					if test.claim != nil {
						test.claim(claim)
					}
				})
			}
			c.Volumes = test.volumes
			expect(t, "steps", steps(c.plan(t, statefulset.Policy{BindClaims: true})), test.want...)
			expect(t, "steps by default", steps(c.plan(t, statefulset.Policy{})))
		})
	}
}

func TestSharedDirectory(t *testing.T) {
	at := func(path string) func(*corev1.PersistentVolume) {
		return func(v *corev1.PersistentVolume) { v.Spec.NFS.Path = path }
	}
	local := func(node string) func(*corev1.PersistentVolume) {
		return func(v *corev1.PersistentVolume) {
			v.Spec.NFS, v.Spec.Local = nil, &corev1.LocalVolumeSource{Path: "/disk"}
			v.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
			}}}}
		}
	}
	const shared = "Warning SharedDirectory PersistentVolumes pv and pv2 are one directory, nfs nfs:/mount/dir: pods that claim one each overwrite each other's files"
	tests := []struct {
		name    string
		volumes []*corev1.PersistentVolume
		bound   bool
		want    []string
	}{
		{"one path for both", []*corev1.PersistentVolume{volume("pv2", "1Gi", at("/mount/dir")), volume("pv", "1Gi", at("/mount/dir/"))}, true, []string{shared}},
		{"before anything is bound", []*corev1.PersistentVolume{volume("pv", "1Gi", at("/mount/dir")), volume("pv2", "1Gi", at("/mount/dir"))}, false, []string{shared}},
		{"each kept for a claim", []*corev1.PersistentVolume{volume("pv", "1Gi", at("/mount/dir"), keptFor("data-web-0")), volume("pv2", "1Gi", at("/mount/dir"), keptFor("data-web-1"))}, false, []string{shared}},
		{"each kept for a claim that nobody has", []*corev1.PersistentVolume{volume("pv", "1Gi", at("/mount/dir"), keptFor("data-web-2")), volume("pv2", "1Gi", at("/mount/dir"), keptFor("log-web-1"))}, false, nil},
		{"two paths", []*corev1.PersistentVolume{volume("pv", "1Gi", at("/mount/a")), volume("pv2", "1Gi", at("/mount/b"))}, true, nil},
		{"volumes that are not the set's", []*corev1.PersistentVolume{volume("x", "1Gi", at("/mount/dir")), volume("y", "1Gi", at("/mount/dir"))}, true, nil},
		{"one path on two nodes", []*corev1.PersistentVolume{volume("pv", "1Gi", local("a")), volume("pv2", "1Gi", local("b"))}, true, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := of(2, claims("data")).pod(0).pod(1)
			if test.bound {
				c.claim("data", 0, func(claim *corev1.PersistentVolumeClaim) { claim.Spec.VolumeName = "pv" })
				c.claim("data", 1, func(claim *corev1.PersistentVolumeClaim) { claim.Spec.VolumeName = "pv2" })
			}
			c.Volumes = test.volumes
			var told []string
			for _, e := range c.plan(t, statefulset.Policy{}).Events {
				told = append(told, e.Type+" "+e.Reason+" "+e.Message)
			}
			expect(t, "events", told, test.want...)
		})
	}
}

func keptFor(claim string) func(*corev1.PersistentVolume) {
	return func(v *corev1.PersistentVolume) {
		v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: claim}
	}
}

// Nothing waits for a claim to be bound: the next pod is created although the claims of the first are not bound.
func TestNothingWaitsForBound(t *testing.T) {
	c := of(2, claims("data")).pod(0).claim("data", 0, func(claim *corev1.PersistentVolumeClaim) { claim.Status.Phase = corev1.ClaimPending })
	expect(t, "steps", steps(c.plan(t, statefulset.Policy{})), "create PersistentVolumeClaim data-web-1", "create Pod web-1")
}

// Two templates of one name are one claim: it is created once, and changes hands once.
func TestTemplatesOfOneName(t *testing.T) {
	twins := of(1, claims("data", "data"), retention(remove, retain))
	expect(t, "missing", steps(twins.plan(t, statefulset.Policy{})), "create PersistentVolumeClaim data-web-0", "create Pod web-0")
	there := of(1, claims("data", "data"), retention(remove, retain)).pod(0).claim("data", 0)
	expect(t, "there", steps(there.plan(t, statefulset.Policy{})), "update PersistentVolumeClaim data-web-0: metadata.ownerReferences")
}
