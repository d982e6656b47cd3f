package plan_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// A host's loop for one ReplicaSet. The server is a toy: a real host calls client-go in carryOut and reads its
// informers in observe.
func Example_hostLoop() {
	server := newServer()
	var pending plan.Pending
	for round := 1; ; round++ {
		now := server.now()

		// 1. Observe, and say how far the view has come.
		rs, pods, seen := server.observe()
		pending.Seen = map[string]string{"Pod": seen}

		// 2. Plan.
		result, err := replicaset.Plan(rs, replicaset.Observed{Now: now, Pods: pods, Pending: pending}, replicaset.Policy{})
		if err != nil {
			fmt.Println("invalid:", err)
			return
		}
		// 3. Settle.
		pending = plan.Settle(pending, now)
		// 4. Record what the plan tells.
		for _, event := range result.Events {
			fmt.Println("event:", event.Reason, event.Message)
		}

		fmt.Println("round", round)
		if result.Empty() {
			for _, wait := range result.Actions {
				fmt.Println(" ", wait)
			}
			return // a real host waits for a change, or for result.Wake
		}
		// 5. Carry out, batch by batch.
	batches:
		for _, batch := range plan.Batches(result.Actions) {
			for _, action := range batch {
				fmt.Println(" ", action)
				reply, err := server.carryOut(action)
				// 6. Add the outcome to the ledger.
				outcome := plan.OutcomeOf(action, reply, err, now)
				pending.Outcomes = append(pending.Outcomes, outcome)
				if event, ok := plan.EventFor(plan.RefTo(rs), outcome); ok {
					fmt.Println("  event:", event.Reason, event.Message)
				}
				if err != nil {
					break batches // 7. Stop at the first failure.
				}
			}
		}
		// 8. Plan again.
	}
	// Output:
	// round 1
	//   update-status ReplicaSet default/web: status.observedGeneration none -> 1, status.terminatingReplicas none -> 0
	//   create Pod default/web-*
	//   event: SuccessfulCreate Created pod: web-1
	//   create Pod default/web-*
	//   event: SuccessfulCreate Created pod: web-2
	// round 2
	//   update-status ReplicaSet default/web: status.fullyLabeledReplicas none -> 2, status.replicas 0 -> 2
	// round 3
	//   wait for PodReady of ReplicaSet default/web: 0 of 2 pods are ready
}

// server is an API server that knows one ReplicaSet and its pods. Its view of the pods lags behind for ever: what the
// host wrote it sees only in its ledger.
type server struct {
	rs      *appsv1.ReplicaSet
	written int
}

func newServer() *server {
	labels := map[string]string{"app": "web"}
	replicas := int32(2)
	return &server{
		written: 100,
		rs: &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "5a1f", Generation: 1, ResourceVersion: "100"},
			Spec: appsv1.ReplicaSetSpec{
				Replicas: &replicas,
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
				},
			},
		},
	}
}

func (s *server) now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func (s *server) observe() (rs *appsv1.ReplicaSet, pods []*corev1.Pod, seen string) {
	return s.rs, nil, "100"
}

func (s *server) carryOut(action plan.Action) (plan.Object, error) {
	s.written++
	var reply plan.Object
	switch a := action.(type) {
	case plan.Create:
		reply = a.Object.DeepCopyObject().(plan.Object)
		reply.SetName(fmt.Sprintf("web-%d", s.written-101))
		reply.SetUID(types.UID(reply.GetName()))
	case plan.UpdateStatus:
		reply = a.After.DeepCopyObject().(plan.Object)
	}
	reply.SetResourceVersion(fmt.Sprint(s.written))
	return reply, nil
}
