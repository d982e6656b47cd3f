package plan_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

func TestAssumedUntil(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := at.Add(time.Second)
	pod := func(version string, change ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a", UID: "uid-a", ResourceVersion: version}}
		for _, c := range change {
			c(p)
		}
		return p
	}
	labelled := func(p *corev1.Pod) { p.Labels = map[string]string{"app": "web"} }
	going := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: at} }
	placed := func(p *corev1.Pod) { p.Spec.NodeName = "node" }
	other := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "z", UID: "uid-z", ResourceVersion: "9"}}
	remove := plan.Delete{Object: plan.RefTo(pod("1"))}
	bind := plan.Bind{Object: plan.RefTo(pod("1")), To: plan.Ref{Kind: "Node", Name: "node"}}
	relabel := plan.Update{Before: pod("1"), After: pod("1", labelled)}
	refused := &metav1.Status{Message: "no"}
	pods := func(list ...*corev1.Pod) []*corev1.Pod { return list }
	doubt, none := at.Add(plan.Expiry), time.Time{}

	tests := []struct {
		name     string
		view     []*corev1.Pod
		outcomes []plan.Outcome
		seen     map[string]string
		now      time.Time
		want     time.Time
	}{
		{"no ledger", pods(pod("1")), nil, nil, now, none},
		{"a deletion that is not seen", pods(pod("1")), []plan.Outcome{{Action: remove, At: at}}, nil, now, doubt},
		{"a deletion that is given up", pods(pod("1")), []plan.Outcome{{Action: remove, At: at}}, nil, doubt, none},
		{"a deletion that was refused", pods(pod("1")), []plan.Outcome{{Action: remove, At: at, Err: refused}}, nil, now, none},
		{"a deletion that is seen", pods(pod("2", going)), []plan.Outcome{{Action: remove, At: at}}, nil, now, none},
		{"a deletion that is done", pods(other), []plan.Outcome{{Action: remove, At: at}}, nil, now, none},
		{"an update without an answer", pods(pod("1")), []plan.Outcome{{Action: relabel, At: at}}, nil, now, doubt},
		{"an update that was answered, and will be seen", pods(pod("1")), []plan.Outcome{{Action: relabel, Reply: pod("2", labelled), At: at}}, nil, now, none},
		{"an update without an answer of an object that has changed", pods(pod("3")), []plan.Outcome{{Action: relabel, At: at}}, nil, now, none},
		{"an update without an answer before one that was answered", pods(pod("1")), []plan.Outcome{
			{Action: relabel, At: at}, {Action: relabel, Reply: pod("2", labelled), At: now},
		}, nil, now, none},
		{"a binding that is not seen", pods(pod("1")), []plan.Outcome{{Action: bind, At: at}}, nil, now, doubt},
		{"a binding that is seen", pods(pod("2", placed)), []plan.Outcome{{Action: bind, At: at}}, nil, now, none},
		{"a creation that may have been undone before anybody looked", nil, []plan.Outcome{{Action: plan.Create{Object: pod("")}, Reply: pod("5"), At: at}}, nil, now, doubt},
		{"a creation that is seen", pods(pod("5")), []plan.Outcome{{Action: plan.Create{Object: pod("")}, Reply: pod("5"), At: at}}, nil, now, none},
		{"a creation that the view has passed", pods(other), []plan.Outcome{{Action: plan.Create{Object: pod("")}, Reply: pod("5"), At: at}}, nil, now, none},
		{"a creation that a view of known age will come to show", nil, []plan.Outcome{{Action: plan.Create{Object: pod("")}, Reply: pod("5"), At: at}}, map[string]string{"Pod": "4"}, now, none},
		{"the first of two doubts", pods(pod("1"), other), []plan.Outcome{
			{Action: plan.Delete{Object: plan.RefTo(other)}, At: at.Add(time.Second)}, {Action: remove, At: at},
		}, nil, now, doubt},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pending := plan.Pending{Seen: test.seen, Outcomes: test.outcomes}
			if got := plan.AssumedUntil(test.view, pending, test.now); !got.Equal(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestUnseenDeletions(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	view := make([]*corev1.Pod, 0, 4)
	pending := plan.Pending{}
	for _, name := range []string{"seen", "unseen", "refused", "untouched"} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}
		outcome := plan.Outcome{Action: plan.Delete{Object: plan.RefTo(pod)}, At: at}
		switch name {
		case "seen":
			pod.DeletionTimestamp = &metav1.Time{Time: at}
		case "refused":
			outcome.Err = &metav1.Status{}
		}
		if view = append(view, pod); name != "untouched" {
			pending.Outcomes = append(pending.Outcomes, outcome)
		}
	}
	if got := plan.UnseenDeletions(view, pending, at); len(got) != 1 || got[0].Name != "unseen" {
		t.Errorf("got %v, want the one that is not seen", got)
	}
	created := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "created", UID: "created", ResourceVersion: "9"}}
	pending.Outcomes = append(pending.Outcomes, plan.Outcome{Action: plan.Create{Object: created}, Reply: created, At: at},
		plan.Outcome{Action: plan.Delete{Object: plan.RefTo(created)}, At: at})
	if got := plan.UnseenDeletions(view, pending, at); len(got) != 2 || got[1].Name != "created" {
		t.Errorf("got %v, want also the one that was created and deleted before anybody looked", got)
	}
	if got := plan.UnseenDeletions(view, pending, at.Add(plan.Expiry)); len(got) != 0 {
		t.Errorf("got %v, want none: they are given up", got)
	}
}
