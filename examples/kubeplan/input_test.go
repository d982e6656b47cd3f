package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/plan"
)

func TestReadItems(t *testing.T) {
	tests := []struct {
		name, reason, input string
		want                []string
	}{
		{name: "one", reason: "without a namespace it is in the default one", input: `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`, want: []string{"f: v1 Pod default/a"}},
		{name: "cluster-wide", reason: "a node has no namespace", input: `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}`, want: []string{"f: v1 Node a"}},
		{name: "typed list", reason: "its items are of its kind, unless they say otherwise", input: `{"apiVersion":"v1","kind":"NodeList","items":[{"metadata":{"name":"a"}},{"apiVersion":"v1","kind":"Pod"}]}`, want: []string{"f: items[0]: v1 Node a", "f: items[1]: v1 Pod default/"}},
		{name: "lists in lists", reason: "the way to the item is told", input: `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Node"}]}]}`, want: []string{"f: items[0]: items[0]: v1 Node "}},
		{name: "no list", reason: "a kind of somebody may end in List", input: `{"apiVersion":"example.com/v1","kind":"AllowList","metadata":{"name":"a"}}`, want: []string{"f: example.com/v1 AllowList default/a"}},
		{name: "empty list", reason: "a list may hold nothing", input: `{"apiVersion":"v1","kind":"List"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, i := range readItems("f", []byte(tt.input), metav1.TypeMeta{}) {
				if i.err != nil {
					t.Error(i.err)
				}
				got = append(got, fmt.Sprintf("%s: %s %s", i.where, i.ref.APIVersion, i.ref))
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}

func TestWakeInText(t *testing.T) {
	tests := []struct {
		reason string
		wake   time.Time
		want   string
	}{
		{reason: "long enough for days", wake: noon().Add(50 * time.Hour), want: "in 2d2h, at 2026-01-04T05:04:05Z"},
		{reason: "fractions count: before them the plan is empty", wake: noon().Add(1500 * time.Millisecond), want: "in 1s, at 2026-01-02T03:04:06.5Z"},
		{reason: "at once", wake: noon().Add(-time.Hour), want: "in 0s, at 2026-01-02T02:04:05Z"},
		{reason: "in another zone", wake: noon().Add(time.Hour).In(time.FixedZone("", 3600)), want: "in 60m, at 2026-01-02T04:04:05Z"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			got := text(plan.Ref{}, planned{Result: plan.Result{Wake: tt.wake}}, noon())
			if want := "   wake  " + tt.want + "\n"; !strings.HasSuffix(got, want) {
				t.Errorf("%s: got %q, want %q", tt.reason, got, want)
			}
		})
	}
}
