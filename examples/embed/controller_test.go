package embed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var (
	now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	red = types.NamespacedName{Namespace: "default", Name: "red"}
)

// harbour is a fake API server with a Fleet of three and its reconciler.
type harbour struct {
	*testing.T
	client.Client
	reconciler *FleetReconciler
	recorder   *events.FakeRecorder
}

func newHarbour(t *testing.T, faults interceptor.Funcs, others ...client.Object) *harbour {
	t.Helper()
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, AddToScheme} {
		if err := add(kinds); err != nil {
			t.Fatal(err)
		}
	}
	fleet := &Fleet{
		ObjectMeta: metav1.ObjectMeta{Namespace: red.Namespace, Name: red.Name, UID: "red", Generation: 1},
		Spec: FleetSpec{Ships: 3, Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "ship", Image: "ship:1"}}},
		}},
	}
	c := fake.NewClientBuilder().WithScheme(kinds).WithStatusSubresource(&Fleet{}, &corev1.Pod{}).
		WithObjects(append(others, fleet)...).WithInterceptorFuncs(faults).Build()
	h := &harbour{T: t, Client: c, recorder: events.NewFakeRecorder(100)}
	h.reconciler = &FleetReconciler{
		Client: c, Live: c, Recorder: h.recorder,
		Seen: func() map[string]string { return nil },
		Now:  func() time.Time { return now },
	}
	return h
}

func (h *harbour) reconcile() error {
	_, err := h.reconciler.Reconcile(context.Background(), ctrl.Request{NamespacedName: red})
	return err
}

// settle reconciles as often as it takes, which is not often.
func (h *harbour) settle() {
	h.Helper()
	for range 5 {
		if err := h.reconcile(); err != nil {
			h.Fatal(err)
		}
	}
}

func (h *harbour) fleet() *Fleet {
	h.Helper()
	fleet := &Fleet{}
	if err := h.Get(context.Background(), red, fleet); err != nil {
		h.Fatal(err)
	}
	return fleet
}

func (h *harbour) pods() []corev1.Pod {
	h.Helper()
	pods := &corev1.PodList{}
	if err := h.List(context.Background(), pods, client.InNamespace(red.Namespace)); err != nil {
		h.Fatal(err)
	}
	return pods.Items
}

func (h *harbour) events() string {
	var list []string
	for {
		select {
		case event := <-h.recorder.Events:
			list = append(list, event)
		default:
			return strings.Join(list, "\n")
		}
	}
}

func TestFleetGetsItsShips(t *testing.T) {
	h := newHarbour(t, interceptor.Funcs{})
	h.settle()
	if got := len(h.pods()); got != 3 {
		t.Fatalf("%d pods", got)
	}
	for _, pod := range h.pods() {
		owner := metav1.GetControllerOf(&pod)
		if owner == nil || owner.Kind != "Fleet" || owner.APIVersion != "example.com/v1" || owner.UID != "red" {
			t.Errorf("%s is owned by %v", pod.Name, owner)
		}
	}
	h.makeReady()
	if got := strings.Count(h.events(), "Normal SuccessfulCreate Created pod: red-"); got != 3 {
		t.Errorf("%d events of a creation", got)
	}
	h.settle()
	if status := h.fleet().Status.Ships; status.Replicas != 3 || status.ReadyReplicas != 3 || status.ObservedGeneration != 1 {
		t.Errorf("status: %+v", status)
	}
}

func TestFleetIsScaledDown(t *testing.T) {
	h := newHarbour(t, interceptor.Funcs{})
	h.settle()
	fleet := h.fleet()
	fleet.Spec.Ships = 1
	if err := h.Update(context.Background(), fleet); err != nil {
		t.Fatal(err)
	}
	h.events()
	h.settle()
	if got := len(h.pods()); got != 1 {
		t.Errorf("%d pods", got)
	}
	if got := strings.Count(h.events(), "Normal SuccessfulDelete Deleted pod: red-"); got != 2 {
		t.Errorf("%d events of a deletion", got)
	}
}

func TestFleetAdoptsAnOrphan(t *testing.T) {
	stray := func(name string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name), Labels: map[string]string{"fleet": "red", "rank": "ship"}}}
	}
	h := newHarbour(t, interceptor.Funcs{}, stray("stray"))
	h.settle()
	if got := len(h.pods()); got != 3 {
		t.Errorf("%d pods", got)
	}
	for _, pod := range h.pods() {
		if !metav1.IsControlledBy(&pod, h.fleet()) {
			t.Errorf("%s is not the fleet's", pod.Name)
		}
	}
}

func TestFleetThatIsGoingAdoptsNobody(t *testing.T) {
	stray := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "stray", UID: "stray", Labels: map[string]string{"fleet": "red", "rank": "ship"}}}
	h := newHarbour(t, interceptor.Funcs{}, stray)
	h.reconciler.Live = liveReader{h.Client}
	if err := h.reconcile(); !apierrors.IsConflict(err) {
		t.Errorf("got %v", err)
	}
	if got := len(h.pods()); got != 1 {
		t.Errorf("%d pods: what stands behind a failure was carried out", got)
	}
}

// liveReader knows that the Fleet is being deleted, which the cache does not show yet.
type liveReader struct{ client.Reader }

func (r liveReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, obj, opts...)
	obj.SetDeletionTimestamp(&metav1.Time{Time: now})
	return err
}

func TestQuotaIsToldInTheStatus(t *testing.T) {
	quota := apierrors.NewForbidden(corev1.Resource("pods"), "red", errors.New("exceeded quota"))
	full := true
	h := newHarbour(t, interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
		if full {
			return quota
		}
		return c.Create(ctx, obj, opts...)
	}})
	for range 3 {
		if err := h.reconcile(); err == nil {
			t.Fatal("no failure, no delay")
		}
	}
	conditions := h.fleet().Status.Ships.Conditions
	if len(conditions) != 1 || conditions[0].Reason != "FailedCreate" || !strings.Contains(conditions[0].Message, "exceeded quota") {
		t.Errorf("conditions: %v", conditions)
	}
	if got := h.events(); !strings.Contains(got, "Warning FailedCreate Error creating: ") {
		t.Errorf("events: %s", got)
	}
	full = false
	h.settle()
	if got := len(h.pods()); got != 3 {
		t.Errorf("%d pods", got)
	}
	if conditions := h.fleet().Status.Ships.Conditions; len(conditions) != 0 {
		t.Errorf("conditions: %v", conditions)
	}
}

// A cache that never shows the new pods, and a connection that breaks after every creation: nothing is made twice.
func TestNothingIsMadeTwice(t *testing.T) {
	for _, loses := range []bool{false, true} {
		t.Run(fmt.Sprintf("loses answers: %v", loses), func(t *testing.T) {
			blind := true
			h := newHarbour(t, interceptor.Funcs{
				List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
					if blind {
						return nil
					}
					return c.List(ctx, list, opts...)
				},
				Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
					if err := c.Create(ctx, obj, opts...); err != nil || !loses {
						return err
					}
					return errors.New("connection reset by peer")
				},
			})
			for range 10 {
				_ = h.reconcile()
			}
			blind = false
			h.settle()
			if got := len(h.pods()); got != 3 {
				t.Errorf("%d pods", got)
			}
		})
	}
}

// Two planners, one owner: neither takes what is the other's for its own, or gives it up.
func TestFlagshipsSailInOrder(t *testing.T) {
	h := newHarbour(t, interceptor.Funcs{})
	fleet := h.fleet()
	fleet.Spec.Flagships = 2
	fleet.Spec.Log = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "log"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}
	if err := h.Update(context.Background(), fleet); err != nil {
		t.Fatal(err)
	}
	h.settle()
	if got := h.flagships(); got != "red-0" { // red-1 waits until red-0 is ready
		t.Errorf("flagships: %s", got)
	}
	h.makeReady()
	h.settle()
	h.makeReady()
	h.settle()
	if got := h.flagships(); got != "red-0 red-1" {
		t.Errorf("flagships: %s", got)
	}
	status := h.fleet().Status
	if status.Ships.ReadyReplicas != 3 || status.Flagships.ReadyReplicas != 2 {
		t.Errorf("status: %+v", status)
	}
	var claims corev1.PersistentVolumeClaimList
	if err := h.List(context.Background(), &claims); err != nil || len(claims.Items) != 2 {
		t.Errorf("claims: %v, %v", claims.Items, err)
	}
	if got := h.events(); !strings.Contains(got, "Create Claim log-red-0 Pod red-0 in StatefulSet red success") || !strings.Contains(got, "Created pod: red-") {
		t.Errorf("events: %s", got)
	}
}

func (h *harbour) flagships() string {
	var names []string
	for _, pod := range h.pods() {
		if pod.Labels["rank"] == "flagship" {
			names = append(names, pod.Name)
		}
	}
	return strings.Join(names, " ")
}

func (h *harbour) makeReady() {
	h.Helper()
	for _, pod := range h.pods() {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now)}}
		if err := h.Status().Update(context.Background(), &pod); err != nil {
			h.Fatal(err)
		}
	}
}

func TestInvalidFleetIsReported(t *testing.T) {
	h := newHarbour(t, interceptor.Funcs{})
	fleet := h.fleet()
	fleet.Spec.Ships = -1
	if err := h.Update(context.Background(), fleet); err != nil {
		t.Fatal(err)
	}
	h.settle()
	if got := h.events(); !strings.Contains(got, "Warning Invalid spec.replicas: Invalid value: -1") {
		t.Errorf("events: %s", got)
	}
}
