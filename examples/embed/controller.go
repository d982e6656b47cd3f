package embed

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubeplan/kubeplan/plan"
)

// FleetReconciler keeps every Fleet at its number of ships. It does what the documentation of package plan asks of a host,
// step by step, once for each rank.
type FleetReconciler struct {
	client.Client                          // reads from the cache
	Live          client.Reader            // reads from the API server: manager.GetAPIReader()
	Recorder      events.EventRecorder     // records events about Fleets
	Seen          func() map[string]string // by kind, the resourceVersion that the cache has reached; without those not known
	Now           func() time.Time         // time.Now, but in tests

	ledgers ledgers
}

// Reconcile makes one plan for each rank of one Fleet and carries it out. What it writes comes back through the watches and
// has it called again.
func (r *FleetReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	fleet := &Fleet{}
	seen := r.Seen() // read before the lists, so that they are at least as new
	if err := r.Get(ctx, request.NamespacedName, fleet); err != nil {
		if apierrors.IsNotFound(err) {
			r.ledgers.forget(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	fleet.TypeMeta = kind

	var next ctrl.Result
	for _, rank := range ranks {
		wake, err := r.reconcileRank(ctx, fleet, rank, seen)
		if err != nil {
			return ctrl.Result{}, err // tried again after a delay that grows; the wake-up is planned anew then
		}
		if !wake.IsZero() {
			if after := max(wake.Sub(r.Now()), time.Millisecond); next.RequeueAfter == 0 || after < next.RequeueAfter {
				next.RequeueAfter = after
			}
		}
	}
	return next, nil
}

// reconcileRank makes one plan and carries it out. What it writes of the Fleet, it writes into fleet too, so that the next
// rank goes on from there.
func (r *FleetReconciler) reconcileRank(ctx context.Context, fleet *Fleet, rank rank, seen map[string]string) (wake time.Time, failure error) {
	view, err := r.observe(ctx, fleet, rank, seen)
	if err != nil {
		return time.Time{}, err
	}
	result, err := rank.plan(fleet, view)
	if err != nil { // nothing to retry: the Fleet has to be changed
		r.record(fleet, plan.Event{Type: corev1.EventTypeWarning, Reason: "Invalid", Message: err.Error()})
		return time.Time{}, nil
	}
	pending := plan.Settle(view.pending, view.now)
	for _, event := range result.Events {
		r.record(fleet, event)
	}
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
		outcome, failure = r.carryOut(ctx, fleet, rank, action)
		pending.Outcomes = append(pending.Outcomes, outcome)
		if event, ok := plan.EventFor(rank.workload(fleet), outcome); ok {
			r.record(fleet, event)
		}
		if failure != nil {
			break
		}
	}
	r.ledgers.keep(fleet, rank.name, pending)
	return result.Wake, failure
}

// observe lists what there is of a rank.
func (r *FleetReconciler) observe(ctx context.Context, fleet *Fleet, rank rank, seen map[string]string) (view, error) {
	var pods corev1.PodList
	var claims corev1.PersistentVolumeClaimList
	var revisions appsv1.ControllerRevisionList
	for _, list := range []client.ObjectList{&pods, &claims, &revisions} {
		if err := r.List(ctx, list, client.InNamespace(fleet.Namespace), client.MatchingLabels(labels(fleet, rank.name))); err != nil {
			return view{}, err
		}
	}
	pending := r.ledgers.of(fleet, rank.name)
	pending.Seen = seen
	return view{r.Now(), pointers(pods.Items), pointers(claims.Items), pointers(revisions.Items), pending}, nil
}

// carryOut sends one action and says what became of it. What has only a generateName gets its name here, so that the cache
// shows by name whether a request without an answer took effect.
func (r *FleetReconciler) carryOut(ctx context.Context, fleet *Fleet, rank rank, action plan.Action) (plan.Outcome, error) {
	var reply client.Object
	var err error
	at := r.Now()
	switch a := action.(type) {
	case plan.Create:
		if a.Object.GetName() == "" {
			a.Object.SetName(a.Object.GetGenerateName() + utilrand.String(5))
		}
		reply = a.Object.DeepCopyObject().(client.Object)
		err = r.Create(ctx, reply)
	case plan.Update:
		reply = a.After.DeepCopyObject().(client.Object)
		err = r.Patch(ctx, reply, client.MergeFromWithOptions(a.Before, client.MergeFromWithOptimisticLock{}))
	case plan.UpdateStatus:
		after := fleet.DeepCopy()
		rank.keep(after, a.After)
		if err = r.Status().Patch(ctx, after, client.MergeFromWithOptions(fleet, client.MergeFromWithOptimisticLock{})); err == nil {
			*fleet, fleet.TypeMeta = *after, kind
		}
		reply = a.After.DeepCopyObject().(client.Object)
		reply.SetResourceVersion(after.ResourceVersion)
	case plan.Delete:
		obj := objectOf(a.Object)
		err = client.IgnoreNotFound(r.Client.Delete(ctx, obj, client.Preconditions{UID: &a.Object.UID}))
	}
	return plan.OutcomeOf(action, reply, err, at), err
}

// objectOf is what a planner of a Fleet may delete: a ship, or the revision that a flagship was built to.
func objectOf(ref plan.Ref) client.Object {
	var obj client.Object = &corev1.Pod{}
	if ref.Kind == "ControllerRevision" {
		obj = &appsv1.ControllerRevision{}
	}
	obj.SetNamespace(ref.Namespace)
	obj.SetName(ref.Name)
	return obj
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

func pointers[T any](items []T) []*T {
	list := make([]*T, len(items))
	for i := range items {
		list[i] = &items[i]
	}
	return list
}

// SetupWithManager has Fleets reconciled when they or what they own change.
func (r *FleetReconciler) SetupWithManager(manager ctrl.Manager) error {
	owned := map[string]client.Object{
		"Pod":                   &corev1.Pod{},
		"PersistentVolumeClaim": &corev1.PersistentVolumeClaim{},
		"ControllerRevision":    &appsv1.ControllerRevision{},
	}
	stores := map[string]toolscache.Store{}
	controller := ctrl.NewControllerManagedBy(manager).For(&Fleet{})
	for kind, obj := range owned {
		informer, err := manager.GetCache().GetInformer(context.Background(), obj)
		if err != nil {
			return err
		}
		stores[kind] = informer.(toolscache.SharedIndexInformer).GetStore()
		controller = controller.Owns(obj)
	}
	r.Seen = func() map[string]string {
		seen := map[string]string{}
		for kind, store := range stores {
			seen[kind] = store.LastStoreSyncResourceVersion()
		}
		return seen
	}
	return controller.Complete(r)
}
