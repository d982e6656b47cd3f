package rollout

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// outcomes is what the host reported of the last round.
type outcomes struct {
	failure       string    // why the new ReplicaSet was not created
	namespaceEnds bool      // it was not, because the namespace is being deleted
	refused       bool      // the API server would not let us change a ReplicaSet
	answerBy      time.Time // when a write to one of ours is given up that was not answered: zero if all were
}

// tried reports whether the new ReplicaSet was asked for in vain.
func (last outcomes) tried() bool { return last.failure != "" || last.namespaceEnds }

func recall(pending plan.Pending, owner owners.Owner, s sets) outcomes {
	var last outcomes
	for _, o := range pending.Outcomes {
		switch a := o.Action.(type) {
		case plan.Update:
			last.refused = last.refused || o.Err != nil && o.Err.Reason != metav1.StatusReasonConflict // which says only that the view was old
			last.await(o, a.After, s)
		case plan.Create:
			if owner.Owns(a.Object) {
				last.recallCreation(o, a.Object, s)
			}
		}
	}
	return last
}

func (last *outcomes) recallCreation(o plan.Outcome, created plan.Object, s sets) {
	switch {
	case o.Err == nil:
		last.await(o, created, s)
		for _, rs := range s.all() {
			rs.assumed = rs.assumed || o.Reply == nil && plan.Object(rs.ReplicaSet) == created
		}
	case plan.NamespaceTerminating(o.Err):
		last.namespaceEnds = true
	case o.Err.Reason != metav1.StatusReasonAlreadyExists:
		last.failure = fmt.Sprintf("Failed to create new replica set %q: %s", created.GetName(), o.Err.Message)
	}
}

// await notes a write without an answer, if what is looked at rests on it.
func (last *outcomes) await(o plan.Outcome, written plan.Object, s sets) {
	if o.Reply != nil || o.Err != nil {
		return
	}
	for _, rs := range s.all() {
		if plan.Object(rs.ReplicaSet) == written {
			last.answerBy = plan.Earliest(last.answerBy, o.At.Add(plan.Expiry))
		}
	}
}

// assumedUntil is when to look again at changes that were issued and are not seen: if they never happened they are
// repeated then.
func assumedUntil(d *appsv1.Deployment, observed Observed) time.Time {
	return plan.Earliest(
		plan.AssumedUntil([]*appsv1.Deployment{d}, observed.Pending, observed.Now),
		plan.AssumedUntil(observed.ReplicaSets, observed.Pending, observed.Now))
}
