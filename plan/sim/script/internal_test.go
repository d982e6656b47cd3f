package script

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestWords(t *testing.T) {
	for _, test := range []struct {
		name, line string
		want       []string
	}{
		{"blanks", "  get \t pod\n", []string{"get", "pod"}},
		{"single quotes keep everything", `sh -c 'echo "$(hostname)" > /x'`, []string{"sh", "-c", `echo "$(hostname)" > /x`}},
		{"double quotes", `fail "no more"`, []string{"fail", "no more"}},
		{"a backslash keeps a quote within double quotes", `-p "{\"a\": 1}"`, []string{"-p", `{"a": 1}`}},
		{"quotes within a word", `-l=a'b c'd`, []string{"-l=ab cd"}},
		{"an empty word", `a ""`, []string{"a", ""}},
		{"the next line", "get \\\n  pod", []string{"get", "pod"}},
		{"pipes", "get pod|grep a", []string{"get", "pod", "|", "grep", "a"}},
		{"a pipe in quotes is none", "grep 'a|b'", []string{"grep", "a|b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := words(test.line)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("words (-want +got), error %v:\n%s", err, diff)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	accepted := []string{"namespace/n=", "output/o=", "all", "record", "all-namespaces/A"}
	for _, test := range []struct {
		name, line string
		args       []string
		flags      map[string]string
	}{
		{"in between", "rs --output wide web", []string{"rs", "web"}, map[string]string{"output": "wide"}},
		{"with an equals sign", "--output=yaml -n=kube-system", nil, map[string]string{"output": "yaml", "namespace": "kube-system"}},
		{"run together", "pod -owide", []string{"pod"}, map[string]string{"output": "wide"}},
		{"without a value", "rs --all -A", []string{"rs"}, map[string]string{"all": "true", "all-namespaces": "true"}},
		{"switched off", "rs --record=false", []string{"rs"}, map[string]string{"record": "false"}},
		{"none behind two dashes", "web-0 -- cat -n", []string{"web-0", "--", "cat", "-n"}, map[string]string{}},
		{"a number is none", "exit web-0 -1", []string{"exit", "web-0", "-1"}, map[string]string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := parseCall("kubectl get", strings.Fields(test.line), accepted)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.args, c.args); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.flags, c.flags); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRecord wants what kubectl writes: the arguments first, then the flags with their values.
func TestRecord(t *testing.T) {
	c, err := parseCall("kubectl apply", []string{"--record", "-f", "mydeploy.yaml"}, []string{"filename/f=", "record"})
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": "b"}}}
	c.record(pod)
	want := map[string]string{"a": "b", changeCause: "kubectl apply --record=true --filename=mydeploy.yaml"}
	if diff := cmp.Diff(want, pod.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestManifest(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // the kind and name of each document, or its error
	}{
		{
			name: "documents, some of them empty",
			text: "# a comment\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n---\n" +
				"{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}}\n",
			want: []string{"Service a", "Pod b"},
		},
		{
			name: "an unknown kind, and what stands behind it",
			text: "apiVersion: example.com/v1\nkind: Cow\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n",
			want: []string{`m.yaml: document 1: no matches for kind "Cow" in version "example.com/v1"`, "Pod b"},
		},
		{
			name: "a version that is gone",
			text: "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\n",
			want: []string{`m.yaml: document 1: no matches for kind "CronJob" in version "batch/v1beta1": write batch/v1`},
		},
		{
			name: "no kind",
			text: "apiVersion: v1\nmetadata: {name: a}\n",
			want: []string{"m.yaml: document 1: kind: Required value"},
		},
		{
			name: "no apiVersion",
			text: "kind: Pod\nmetadata: {name: a}\n",
			want: []string{"m.yaml: document 1: apiVersion: Required value"},
		},
		{
			name: "a field that does not exist",
			text: "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: a}\nspec: {replicsa: 3}\n",
			want: []string{`m.yaml: document 1: unknown field "replicsa"`},
		},
		{
			name: "a field of the wrong type",
			text: "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: a}\nspec: {replicas: many}\n",
			want: []string{"m.yaml: document 1: spec.replicas: Invalid value: \"many\": must be an integer of 32 bits"},
		},
		{
			name: "a storage class, for which there is no Go type of ours",
			text: "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: a}\nprovisioner: x\n",
			want: []string{"StorageClass a"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := session{files: fstest.MapFS{"m.yaml": {Data: []byte(test.text)}}}
			documents, err := s.read(call{flags: map[string]string{"filename": "m.yaml"}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range documents {
				if d.err != nil {
					got = append(got, d.err.Error())
				} else {
					got = append(got, d.object.GetObjectKind().GroupVersionKind().Kind+" "+d.object.GetName())
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManifestWithTabs(t *testing.T) {
	s := session{files: fstest.MapFS{"m.yaml": {Data: []byte("kind: DaemonSet\t# a tab here is allowed\nmetadata:\n  labels:\n  \tapp: myweb\n")}}}
	documents, err := s.read(call{flags: map[string]string{"filename": "m.yaml"}})
	if err != nil || len(documents) != 1 {
		t.Fatalf("%d documents, error %v", len(documents), err)
	}
	if want := "m.yaml: document 1: line 4: a tab indents the line: YAML allows only spaces there"; documents[0].err == nil || documents[0].err.Error() != want {
		t.Errorf("error %v, want %s", documents[0].err, want)
	}
}

func TestMerge(t *testing.T) {
	for _, test := range []struct{ name, old, patch, want string }{
		{"a field is set", `{"a":1,"b":2}`, `{"b":3}`, `{"a":1,"b":3}`},
		{"null takes away", `{"a":{"b":1,"c":2}}`, `{"a":{"b":null}}`, `{"a":{"c":2}}`},
		{"a map where there was none", `{}`, `{"a":{"b":1,"c":null}}`, `{"a":{"b":1}}`},
		{"a list is replaced", `{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3]}`},
		{
			"a list of named things is merged by name",
			`{"a":[{"name":"x","v":1,"w":1},{"name":"y"}]}`, `{"a":[{"name":"x","v":2},{"name":"z"}]}`,
			`{"a":[{"name":"x","v":2,"w":1},{"name":"y"},{"name":"z"}]}`,
		},
		{"a list of things some of which have no name is replaced", `{"a":[{"name":"x"}]}`, `{"a":[{"v":1}]}`, `{"a":[{"v":1}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			old := value(t, test.old)
			if diff := cmp.Diff(value(t, test.want), merge(old, value(t, test.patch))); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(value(t, test.old), old); diff != "" {
				t.Errorf("the old object was modified:\n%s", diff)
			}
		})
	}
}

// TestApply merges three ways: live is what was applied, with changes that others made since.
func TestApply(t *testing.T) {
	for _, test := range []struct{ name, last, live, manifest, want string }{
		{
			name: "what others set stays",
			last: `{"spec":{"a":1}}`, live: `{"spec":{"a":1,"replicas":4}}`, manifest: `{"spec":{"a":2}}`,
			want: `{"spec":{"a":2,"replicas":4}}`,
		},
		{
			name: "what the manifest says wins",
			last: `{"spec":{"replicas":2}}`, live: `{"spec":{"replicas":4}}`, manifest: `{"spec":{"replicas":2}}`,
			want: `{"spec":{"replicas":2}}`,
		},
		{
			name: "what it no longer says goes",
			last: `{"spec":{"a":1,"b":{"c":1,"d":1}}}`, live: `{"spec":{"a":1,"b":{"c":1,"d":1,"e":1}}}`, manifest: `{"spec":{"b":{"c":1}}}`,
			want: `{"spec":{"b":{"c":1,"e":1}}}`,
		},
		{
			name: "in lists by name",
			last: `{"env":[{"name":"x"},{"name":"y"}]}`, live: `{"env":[{"name":"x"},{"name":"y"},{"name":"z"}]}`, manifest: `{"env":[{"name":"y","value":"1"}]}`,
			want: `{"env":[{"name":"y","value":"1"},{"name":"z"}]}`,
		},
		{
			name: "never applied before",
			last: `null`, live: `{"a":1,"b":2}`, manifest: `{"a":3}`,
			want: `{"a":3,"b":2}`,
		},
		{
			name: "already gone",
			last: `{"env":[{"name":"x","value":"1"}]}`, live: `{}`, manifest: `{"env":[{"name":"y"}]}`,
			want: `{"env":[{"name":"y"}]}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := merge(value(t, test.live), withRemovals(value(t, test.last), value(t, test.manifest)))
			if diff := cmp.Diff(value(t, test.want), got); diff != "" {
				t.Errorf("applied (-want +got):\n%s", diff)
			}
		})
	}
}

func value(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
