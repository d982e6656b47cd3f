package embed

import (
	"context"
	"errors"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/replicaset"
)

// kind is the owner that the pods get.
var kind = metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: "Fleet"}

// FleetReconciler keeps every Fleet at its number of ships. It does what the documentation of package plan asks of a host,
// step by step. The ledgers are lost with the process: then the first list of the cache has to be consistent.
type FleetReconciler struct {
	client.Client                      // reads from the cache
	Live          client.Reader        // reads from the API server: manager.GetAPIReader()
	Recorder      events.EventRecorder // records events about Fleets
	PodsSeen      func() string        // the resourceVersion that the cache of the pods has reached; "" if not known
	Now           func() time.Time     // time.Now, but in tests

	mu      sync.Mutex
	ledgers map[types.NamespacedName]ledger
}

// ledger is what was issued for one Fleet, and not for a successor of the same name.
type ledger struct {
	uid     types.UID
	pending plan.Pending
}

func (r *FleetReconciler) pending(name types.NamespacedName, uid types.UID) plan.Pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept := r.ledgers[name]; kept.uid == uid {
		return kept.pending
	}
	return plan.Pending{}
}

func (r *FleetReconciler) keep(name types.NamespacedName, uid types.UID, pending plan.Pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ledgers == nil {
		r.ledgers = map[types.NamespacedName]ledger{}
	}
	r.ledgers[name] = ledger{uid, pending}
}

func (r *FleetReconciler) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ledgers, name)
}

// Reconcile makes one plan for one Fleet and carries it out. What it writes comes back through the watches and has it
// called again.
func (r *FleetReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	fleet, pods := &Fleet{}, &corev1.PodList{}
	seen := r.PodsSeen() // read before the list, so that the list is at least as new
	if err := r.Get(ctx, request.NamespacedName, fleet); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if err := r.List(ctx, pods, client.InNamespace(fleet.Namespace)); err != nil {
		return ctrl.Result{}, err
	}

	fleet.TypeMeta = kind
	now, pending := r.Now(), r.pending(request.NamespacedName, fleet.UID)
	pending.Seen = map[string]string{"Pod": seen}
	observed := replicaset.Observed{Now: now, Pods: pointers(pods.Items), Pending: pending}
	result, err := replicaset.Plan(asReplicaSet(fleet), observed, replicaset.Policy{Owner: kind})
	if err != nil { // nothing to retry: the Fleet has to be changed
		r.record(fleet, plan.Event{Type: corev1.EventTypeWarning, Reason: "Invalid", Message: err.Error()})
		return ctrl.Result{}, nil
	}
	pending = plan.Settle(pending, now)
	for _, event := range result.Events {
		r.record(fleet, event)
	}

	var failure error
	for _, action := range result.Actions {
		if _, waits := action.(plan.Wait); waits {
			break // nothing but Waits comes after a Wait
		}
		if update, ok := action.(plan.Update); ok {
			if failure = r.stillThere(ctx, update.Live); failure != nil {
				break // nothing was sent, so there is no outcome
			}
		}
		var outcome plan.Outcome
		outcome, failure = r.carryOut(ctx, fleet, action)
		pending.Outcomes = append(pending.Outcomes, outcome)
		if event, ok := plan.EventFor(plan.RefTo(fleet), outcome); ok {
			r.record(fleet, event)
		}
		if failure != nil {
			break
		}
	}
	r.keep(request.NamespacedName, fleet.UID, pending)
	if failure != nil {
		return ctrl.Result{}, failure // tried again after a delay that grows; the wake-up is planned anew then
	}
	if !result.Wake.IsZero() {
		return ctrl.Result{RequeueAfter: max(result.Wake.Sub(now), time.Millisecond)}, nil
	}
	return ctrl.Result{}, nil
}

// carryOut sends one action and says what became of it. A pod gets its name here, so that the cache shows by name whether
// a request without an answer took effect.
func (r *FleetReconciler) carryOut(ctx context.Context, fleet *Fleet, action plan.Action) (plan.Outcome, error) {
	var reply client.Object
	var err error
	at := r.Now()
	switch a := action.(type) {
	case plan.Create:
		a.Object.SetName(a.Object.GetGenerateName() + utilrand.String(5))
		reply = a.Object.DeepCopyObject().(client.Object)
		err = r.Create(ctx, reply)
	case plan.Update:
		reply = a.After.DeepCopyObject().(client.Object)
		err = r.Patch(ctx, reply, client.MergeFromWithOptions(a.Before, client.MergeFromWithOptimisticLock{}))
	case plan.UpdateStatus:
		after := fleet.DeepCopyObject().(*Fleet)
		after.Status = a.After.(*appsv1.ReplicaSet).Status
		after.ResourceVersion = a.After.GetResourceVersion()
		err = r.Status().Patch(ctx, after, client.MergeFromWithOptions(fleet, client.MergeFromWithOptimisticLock{}))
		reply = a.After.DeepCopyObject().(client.Object)
		reply.SetResourceVersion(after.ResourceVersion)
	case plan.Delete:
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: a.Object.Namespace, Name: a.Object.Name}}
		err = client.IgnoreNotFound(r.Client.Delete(ctx, pod, client.Preconditions{UID: &a.Object.UID}))
	}
	return plan.OutcomeOf(action, reply, err, at), err
}

// stillThere makes sure, uncached, that the Fleet is neither gone nor being deleted before it adopts anything.
func (r *FleetReconciler) stillThere(ctx context.Context, ref *plan.Ref) error {
	if ref == nil {
		return nil
	}
	live := &Fleet{}
	if err := r.Live.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, live); err != nil {
		return err
	}
	if live.UID != ref.UID || live.DeletionTimestamp != nil {
		return apierrors.NewConflict(GroupVersion.WithResource("fleets").GroupResource(), ref.Name, errors.New("it is gone, or being deleted"))
	}
	return nil
}

func (r *FleetReconciler) record(fleet *Fleet, event plan.Event) {
	r.Recorder.Eventf(fleet, nil, event.Type, event.Reason, "Reconcile", "%s", event.Message)
}

// asReplicaSet is the Fleet as the planner sees it: with its own metadata, and the status that is stored.
func asReplicaSet(fleet *Fleet) *appsv1.ReplicaSet {
	fleet = fleet.DeepCopyObject().(*Fleet)
	ours := map[string]string{"fleet": fleet.Name}
	fleet.Spec.Template.Labels = ours
	return &appsv1.ReplicaSet{
		ObjectMeta: fleet.ObjectMeta,
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &fleet.Spec.Ships,
			Selector: &metav1.LabelSelector{MatchLabels: ours},
			Template: fleet.Spec.Template,
		},
		Status: fleet.Status,
	}
}

func pointers(pods []corev1.Pod) []*corev1.Pod {
	list := make([]*corev1.Pod, len(pods))
	for i := range pods {
		list[i] = &pods[i]
	}
	return list
}

// SetupWithManager has Fleets reconciled when they or their pods change.
func (r *FleetReconciler) SetupWithManager(manager ctrl.Manager) error {
	pods, err := manager.GetCache().GetInformer(context.Background(), &corev1.Pod{})
	if err != nil {
		return err
	}
	r.PodsSeen = pods.(toolscache.SharedIndexInformer).GetStore().LastStoreSyncResourceVersion
	return ctrl.NewControllerManagedBy(manager).For(&Fleet{}).Owns(&corev1.Pod{}).Complete(r)
}
