package script_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeplan/kubeplan/plan/sim/script"
	"github.com/kubeplan/kubeplan/plan/sim/script/scripttest"
)

func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata")
}

func TestParse(t *testing.T) {
	text := `# What it is about.

# Why.
$ kubectl exec web-0 -- sh -c \
  'hostname'
web-0

web-1
$ kubectl edit rs web
> spec:
>
>   replicas: 3
edited

# The end.
`
	got, err := script.Parse("test.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []script.Step{
		{
			Line: 4, Before: []string{"# What it is about.", "", "# Why."},
			Command: "kubectl exec web-0 -- sh -c \\\n  'hostname'",
			Want:    "web-0\n\nweb-1",
		},
		{Line: 9, Command: "kubectl edit rs web", Input: "spec:\n\n  replicas: 3\n", Want: "edited"},
	}
	if diff := cmp.Diff(want, got.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(text, got.String()); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{
			name: "output without a command",
			text: "# Nothing yet.\n\nNAME   READY\n",
			want: `test.txt:3: "NAME   READY" is neither a command ("$ "), nor a comment ("#"), nor the output of a command`,
		},
		{
			name: "input that is set apart",
			text: "$ kubectl edit rs web\n\n> spec:\n",
			want: "test.txt:3: the input of a command stands directly below it",
		},
		{
			name: "the file ends behind a backslash",
			text: "$ kubectl get \\\n",
			want: "test.txt:1: the command goes on behind its backslash, but the file ends",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := script.Parse("test.txt", test.text)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

// FuzzParse wants every text that is a script to be read again as it is written.
func FuzzParse(f *testing.F) {
	f.Add("# a\n\n$ kubectl get \\\n  pods\nNAME\n\nweb-0\n\n\n$ kubectl edit rs web\n> a: b\n>\n> c: d\n# end\n")
	f.Add("$ \n>")
	f.Add("$ a\n\n \n# b\n \n$ c")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := script.Parse("test.txt", text)
		if err != nil {
			return
		}
		again, err := script.Parse("test.txt", s.String())
		if err != nil {
			t.Fatalf("%q, written again as %q: %v", text, s.String(), err)
		}
		if again.String() != s.String() || len(again.Steps) != len(s.Steps) {
			t.Errorf("%q, written again as %q, and then as %q", text, s.String(), again.String())
		}
	})
}

// TestMisuse has each command that is written wrongly fail with its file and line, whatever the script expects.
func TestMisuse(t *testing.T) {
	for _, test := range []struct{ name, command, want string }{
		{"an unknown command", "kubectl fly", `unknown command "kubectl fly"`},
		{"an unknown flag", "kubectl get pods --fly", "unknown flag: --fly"},
		{"a flag without its value", "kubectl get pods -l", "flag needs an argument: -l"},
		{"an open quote", "kubectl get 'pods", "a quote is not closed"},
		{"an unknown pipe", "kubectl get pods | sort", "behind a pipe only grep [-v] PATTERN is known"},
		{"an unknown kind", "kubectl get podz", `"podz" is no kind that is known`},
		{"an unknown output", "kubectl get nodes -o jsonpath", "-o jsonpath is not known"},
		{"no time", "advance", `"" is not a duration, such as 10s or 1h30m`},
		{"negative time", "advance 1x", `"1x" is not a duration, such as 10s or 1h30m`},
		{"too much", "advance 1s 2s", `unexpected "2s"`},
		{"a condition without a number", "until pods of rs/web == many", `"== many" is no comparison with a number`},
		{"an unknown quantity", "until cows of rs/web == 1", `"cows" is no quantity that can be counted`},
		{"half a condition", "invariant pods of rs/web", `a condition is "QUANTITY of KIND/NAME <= NUMBER", or with >= or ==`},
		{"an unknown controller", "lag nobody 5", `"nobody" is none of `},
		{"an unknown write", "fail eat pod 1 time", `"eat" is none of create, update, update-status, delete, bind`},
		{"no number of times", "fail create pod often", `"often" is not a number`},
		{"an unknown property of an image", "image nginx size=3", `"size" is nothing that an image can have`},
		{"the cluster too late", "cluster --nodes 2", "the cluster runs already: choose it in the first command"},
		{"a manifest that is not there", "kubectl apply -f nosuch.yaml", "open nosuch.yaml: file does not exist"},
		{"no manifest", "kubectl apply", "-f is missing"},
		{"deletion of everything by accident", "kubectl delete pod", "resource(s) were provided, but no name was specified"},
		{"replicas that are no number", "kubectl scale rs web --replicas many", `--replicas: "many" is not a number`},
		{"a command that containers lack", "kubectl exec web-0 -- emacs", `"emacs" is no command that containers know`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := script.Parse("test.txt", "$ kubectl get nodes --no-headers | grep nothing\n$ "+test.command+"\n")
			if err != nil {
				t.Fatal(err)
			}
			err = s.Play(fstest.MapFS{}, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), "test.txt:2: "+test.command+": "+test.want) {
				t.Errorf("error %v\nwant it to say %s", err, test.want)
			}
		})
	}
}

// TestDeviation shows what a test says when a command prints something else than expected.
func TestDeviation(t *testing.T) {
	s, err := script.Parse("test.txt", "$ cluster --nodes 2\n$ kubectl get nodes -o name\nnode/node1\nnode/node3\nnode/node4\n")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Play(fstest.MapFS{}, io.Discard)
	want := `test.txt:2: $ kubectl get nodes -o name
    node/node1
  - node/node3
  + node/node2
  - node/node4`
	if diff := cmp.Diff(want, message(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// TestInvariant breaks one: the script fails although it expects everything that is printed.
func TestInvariant(t *testing.T) {
	s, err := script.Parse("test.txt", `$ kubectl apply -f web.yaml
replicaset.apps/web created
$ invariant pods of rs/web <= 1
$ until pods of rs/web == 2
0s later
`)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Play(fstest.MapFS{"web.yaml": {Data: []byte(web)}}, io.Discard)
	if want := `the invariant "pods of rs/web <= 1" does not hold: pods is 2 after `; !strings.Contains(message(err), want) {
		t.Errorf("error %v\nwant it to say %s", err, want)
	}
}

// TestUpdate has names that were generated under another seed followed by the commands and comments behind them.
func TestUpdate(t *testing.T) {
	files := fstest.MapFS{"web.yaml": {Data: []byte(web)}}
	record := func(text string) string {
		t.Helper()
		s, err := script.Parse("test.txt", text)
		if err != nil {
			t.Fatal(err)
		}
		updated, err := s.Update(files)
		if err != nil {
			t.Fatal(err)
		}
		if err := updated.Play(files, io.Discard); err != nil {
			t.Errorf("what was updated does not play: %v", err)
		}
		return updated.String()
	}
	first := record("$ cluster --seed 1\n$ kubectl apply -f web.yaml\n$ until quiet\n$ kubectl get pod -o name\n")
	lines := strings.Split(strings.TrimSpace(first), "\n")
	_, name, _ := strings.Cut(lines[len(lines)-1], "/")
	first = record(first + "\n# Now " + name + " goes.\n$ kubectl delete pod " + name + "\n")
	if want := `pod "` + name + `" deleted`; !strings.Contains(first, want) {
		t.Fatalf("%s\nwant it to say %s", first, want)
	}

	second := record(strings.Replace(first, "--seed 1", "--seed 2", 1))
	if strings.Contains(second, name) || strings.Contains(second, "NotFound") || strings.Count(second, " deleted") != 1 {
		t.Errorf("the name %s was not followed:\n%s", name, second)
	}
}

const web = `apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: nginx}]}
`

func message(err error) string {
	if err == nil {
		err = errors.New("no error")
	}
	return err.Error()
}
