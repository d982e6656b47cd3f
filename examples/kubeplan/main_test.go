package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeplan/kubeplan/plan"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// noon is the clock of all tests. It is not noon.
func noon() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// session runs the program and gives all it did as text.
func session(args []string, stdin string) string {
	var stdout, stderr bytes.Buffer
	status := run(args, strings.NewReader(stdin), &stdout, &stderr, noon)
	return fmt.Sprintf("$ kubeplan %s\nexit %d\n--- stdout\n%s--- stderr\n%s", strings.Join(args, " "), status, &stdout, &stderr)
}

// TestGolden compares each session with a golden file: output, errors and exit status.
func TestGolden(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		args   string
		stdin  string // a file, whose content goes to standard input
	}{
		{name: "text", reason: "a plan for people, with what it waits for and when it wakes", args: "plan testdata/web.yaml"},
		{name: "json", reason: "the fields of the contract in its order, lists never null", args: "plan -o json testdata/web.yaml"},
		{name: "stdin", reason: "without a file, standard input is read", args: "plan", stdin: "web.yaml"},
		{name: "dash", reason: "a dash among the files is standard input", args: "plan -o text testdata/cluster.json -", stdin: "steady.yaml"},
		{name: "lists", reason: "lists in lists, and a PodList whose pods do not say their kind; one JSON line each", args: "plan --o=json testdata/cluster.json"},
		{name: "now", reason: "one second before the pod is available", args: "plan -now 2026-01-02T04:04:09+01:00 testdata/web.yaml"},
		{name: "files", reason: "all files are one observation; sorted whatever their order; the same object twice is one", args: "plan testdata/web.yaml testdata/cluster.json testdata/selects-all.yaml testdata/steady.yaml testdata/web.yaml"},
		{name: "workload", reason: "only this one, though it has a controller; short kinds in any case", args: "plan --workload RS/prod/api-7 testdata/cluster.json testdata/web.yaml"},
		{name: "workload-absent", reason: "what is not there cannot be planned", args: "plan -workload rs/default/api-7 testdata/cluster.json"},
		{name: "workload-absent-json", reason: "in JSON the line says so", args: "plan -o json -workload rs/default/api-7 testdata/cluster.json"},
		{name: "steady", reason: "nothing to do is said", args: "plan testdata/steady.yaml"},
		{name: "deployment", reason: "a rollout half way: how many are updated, what moves, until when it may stand still", args: "plan -workload deploy/default/shop testdata/shop.yaml"},
		{name: "deployment-json", reason: "updates of ReplicaSets before and after", args: "plan -o json -workload deploy/default/shop testdata/shop.yaml"},
		{name: "event", reason: "an event without a plan", args: "plan testdata/selects-all.yaml"},
		{name: "cronjobs", reason: "a clock of its own: what is due in a time zone, what comes next, a schedule by column", args: "plan testdata/cronjobs.yaml"},
		{name: "slips", reason: "a field and a kind that are not known are told, and are no error", args: "plan testdata/slips.yaml"},
		{name: "nothing", reason: "an empty input is valid", args: "plan -"},
		{name: "jobs", reason: "a Job as people write it, one in the middle of its work, a work queue, and one whose time is over", args: "plan testdata/jobs.yaml"},
		{name: "jobs-json", reason: "the record of failures is handed back", args: "plan -o json -workload job/default/train testdata/jobs.yaml"},
		{name: "policy", reason: "one pod at a time", args: "plan -policy testdata/burst.yaml testdata/web.yaml"},
		{name: "daemonset", reason: "nodes have no namespace; one is tainted, one lacks its pod, one has a pod that failed", args: "plan testdata/agent.yaml"},
		{name: "daemonset-json", reason: "without a scheduler pods are bound; what is to be remembered stands in the line", args: "plan -o json -policy testdata/binds-pods.yaml testdata/agent.yaml"},
		{name: "statefulset", reason: "what a pod lacks to be scheduled, two volumes that are one directory, a pod that blocks its own replacement", args: "plan testdata/db.yaml"},
		{name: "statefulset-json", reason: "bound and unblocked by the policy", args: "plan -o json -policy testdata/binds-claims.yaml testdata/db.yaml"},

		{name: "invalid", reason: "each workload that the API server would refuse is told by field; the last is planned", args: "plan testdata/invalid.yaml"},
		{name: "invalid-json", reason: "in JSON the errors stand in the lines", args: "plan -o json testdata/invalid.yaml"},
		{name: "mistyped", reason: "every field of a wrong type is named with its indexes", args: "plan testdata/mistyped.yaml"},
		{name: "mistyped-json", reason: "a workload that cannot be read has its line, other objects have none", args: "plan -o json testdata/mistyped.yaml"},
		{name: "versions", reason: "old and wrong versions are told the right one", args: "plan testdata/versions.yaml"},
		{name: "broken", reason: "tabs, keys that stand twice, syntax: by line of the file; other documents are read", args: "plan testdata/broken.yaml testdata/steady.yaml"},
		{name: "twins", reason: "two that differ under one name: nobody can tell which is desired", args: "plan testdata/twins.yaml"},
		{name: "workload-invalid", reason: "the one that was asked for has its line, what else is wrong is told beside", args: "plan -o json -workload sts/default/db testdata/versions.yaml"},
		{name: "no-file", reason: "a file that is missing; the others are planned", args: "plan testdata/missing.yaml testdata testdata/steady.yaml"},
		{name: "policy-unknown-field", reason: "a policy that means nothing to the kind", args: "plan -policy testdata/unknown-field.yaml testdata/web.yaml"},
		{name: "policy-mistyped", reason: "a field of the policy of a wrong type", args: "plan -policy testdata/mistyped-policy.json testdata/web.yaml"},
		{name: "policy-negative", reason: "a value that the planner refuses", args: "plan -policy testdata/negative-burst.yaml testdata/web.yaml"},
		{name: "policy-broken", reason: "without its policy nothing is planned", args: "plan -policy testdata/two-documents.yaml testdata/web.yaml"},
		{name: "policy-missing", reason: "a policy that is not there", args: "plan -policy testdata/missing.yaml testdata/web.yaml"},

		{name: "stream", reason: "one answer per line, errors too, the id told back", args: "plan --stream", stdin: "stream.jsonl"},
		{name: "stream-memory", reason: "what a Job remembers is taken in again, unless it is another's", args: "plan --stream", stdin: "memory.jsonl"},
		{name: "stream-file", reason: "requests from a file, and the clock from the flag", args: "plan -stream -o json -now 2026-06-01T00:00:00Z testdata/stream.jsonl"},

		{name: "usage-none", reason: "a command is needed", args: ""},
		{name: "usage-command", reason: "there is no such command", args: "apply"},
		{name: "usage-flag", reason: "there is no such flag", args: "plan --output json"},
		{name: "usage-format", reason: "there is no such format", args: "plan -o yaml"},
		{name: "usage-now", reason: "a time that is none", args: "plan -now tomorrow"},
		{name: "usage-workload", reason: "a workload needs three parts", args: "plan -workload rs/web"},
		{name: "usage-kind", reason: "a workload of a kind that is none", args: "plan -workload pod/default/web"},
		{name: "usage-order", reason: "flags behind files would be files", args: "plan web.yaml -o json"},
		{name: "usage-stream", reason: "requests bring their own policy", args: "plan -stream -policy x"},
		{name: "usage-stream-text", reason: "answers are JSON", args: "plan -stream -o text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdin := ""
			if tt.stdin != "" {
				stdin = read(t, filepath.Join("testdata", tt.stdin))
			}
			got := session(strings.Fields(tt.args), stdin)
			golden := filepath.Join("testdata", "golden", tt.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(read(t, golden), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestHelp: every way to ask for help prints the package comment, and that names every flag.
func TestHelp(t *testing.T) {
	for _, args := range []string{"-h", "--help", "help", "plan -h", "plan --help"} {
		got := session(strings.Fields(args), "")
		if !strings.Contains(got, "\nexit 0\n") || !strings.HasSuffix(got, "--- stderr\n") {
			t.Errorf("%s: %s", args, got)
		}
		for _, word := range []string{"Usage:", "-o text|json", "-now TIME", "-workload W", "-policy FILE", "-stream", "exit status is 0"} {
			if !strings.Contains(got, word) {
				t.Errorf("%s does not tell %q:\n%s", args, word, got)
			}
		}
	}
}

// TestZone: the time zone of the process does not show.
func TestZone(t *testing.T) {
	args := []string{"plan", "-o", "json", "testdata/web.yaml"}
	want := session(args, "")
	local := time.Local
	defer func() { time.Local = local }()
	time.Local = time.FixedZone("east", 5*60*60)
	if got := session(args, ""); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestOrder: the order of documents does not matter to the plans.
func TestOrder(t *testing.T) {
	documents := strings.Split(read(t, "testdata/web.yaml")+"---\n"+read(t, "testdata/selects-all.yaml"), "---\n")
	forwards := session([]string{"plan", "-o", "json"}, strings.Join(documents, "\n---\n"))
	slices.Reverse(documents)
	backwards := session([]string{"plan", "-o", "json"}, strings.Join(documents, "\n---\n"))
	if forwards != backwards {
		t.Errorf("forwards:\n%s\nbackwards:\n%s", forwards, backwards)
	}
}

// TestKinds: every planner in the table gets the Go type that its kind is read as, and the table stays sorted.
func TestKinds(t *testing.T) {
	kinds := workloadKinds()
	if !slices.IsSortedFunc(kinds, func(a, b workloadKind) int { return strings.Compare(a.kind, b.kind) }) {
		t.Error("the kinds are not sorted")
	}
	for _, row := range kinds {
		object, err := plan.Decode(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":"a","namespace":"b"}}`, row.apiVersion, row.kind))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := row.planObject(object, input{now: noon(), policyName: "policy", policy: []byte(`{"noSuchField":1}`)}); err == nil || !strings.Contains(err.Error(), "noSuchField") {
			t.Errorf("%s: an unknown field of the policy: got %v", row.kind, err)
		}
		if _, err := row.planObject(object, input{now: noon(), memory: []byte(`{"noSuchField":1}`)}); err == nil || !strings.Contains(err.Error(), "noSuchField") {
			t.Errorf("%s: an unknown field of the memory: got %v", row.kind, err)
		}
	}
}
