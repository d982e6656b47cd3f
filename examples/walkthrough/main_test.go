package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubeplan/kubeplan/plan/sim/script/scripttest"
)

func TestChapters(t *testing.T) {
	chapters, err := filepath.Glob("chapters/*")
	if err != nil || len(chapters) == 0 {
		t.Fatalf("no chapters (%v)", err)
	}
	for _, dir := range chapters {
		t.Run(filepath.Base(dir), func(t *testing.T) { scripttest.Run(t, dir) })
	}
}

func TestRun(t *testing.T) {
	if scripttest.Updating() {
		t.Skip("what is compiled in is what the chapters expected before")
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		stdout string // the beginning of standard output
		stderr string // the beginning of standard error
	}{
		{name: "one chapter", args: []string{"replicaset"}, stdout: "# ReplicaSet: a number of pods",
			stderr: "[1/1] replicaset: "},
		{name: "a script of one's own", args: []string{"./testdata/own.txt"}, stdout: "# Two pods.\n$ kubectl create -f web.yaml\nreplicaset.apps/web created\n"},
		{name: "one with a command that is none", args: []string{"./testdata/wrong.txt"}, status: 1, stdout: "$ kubectl frobnicate",
			stderr: "\n./testdata/wrong.txt cannot be played to its end:\n./testdata/wrong.txt:1: kubectl frobnicate: "},
		{name: "one that does not exist", args: []string{"./testdata/none.txt"}, status: 2, stderr: "open ./testdata/none.txt: "},
		{name: "the list", args: []string{"-list"}, stdout: "replicaset   ReplicaSet: a number of pods"},
		{name: "a chapter that does not exist", args: []string{"nosuch"}, status: 2, stderr: `there is no chapter "nosuch"`},
		{name: "a flag that does not exist", args: []string{"-nosuch"}, status: 2, stderr: "flag provided but not defined: -nosuch"},
		{name: "help", args: []string{"-h"}, stderr: "usage: walkthrough"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := run(test.args, &stdout, &stderr); status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if !strings.HasPrefix(stdout.String(), test.stdout) || (test.stdout == "" && stdout.Len() > 0) {
				t.Errorf("standard output:\n%s\nwant it to begin with %q", stdout.String(), test.stdout)
			}
			if !strings.HasPrefix(stderr.String(), test.stderr) || (test.stderr == "" && stderr.Len() > 0) {
				t.Errorf("standard error:\n%s\nwant it to begin with %q", stderr.String(), test.stderr)
			}
		})
	}
}
