package conformance

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	consistencyutil "k8s.io/kubernetes/pkg/controller/util/consistency"

	"github.com/kubeplan/kubeplan/plan"
)

// Upstream is one of Kubernetes' controllers at work on a World.
type Upstream struct {
	World     *World
	Client    kubernetes.Interface
	Informers *Informers
	Recorder  record.EventRecorder
	// Forget, which a kind may set, empties the controller's expectations, so that a benchmark can run the same sync
	// again and again.
	Forget func()

	sync   func(ctx context.Context, key string) error
	key    string
	events *recorder
}

// quiet keeps upstream from printing, and its error handlers from sleeping.
var quiet = sync.OnceFunc(func() {
	klog.SetLogger(klog.Logger{}) // its zero value is silent
	utilruntime.ErrorHandlers = nil
	utilruntime.PanicHandlers = nil
	utilruntime.ReallyCrash = false
})

// newUpstream builds a kind's controller for the workload.
func newUpstream(kind Kind, w *World, snapshot *Snapshot) *Upstream {
	quiet()
	client := w.Client()
	events := &recorder{workload: snapshot.Workload}
	u := &Upstream{
		World:     w,
		Client:    client,
		Informers: newInformers(w, client),
		Recorder:  events,
		key:       snapshot.Workload.Namespace + "/" + snapshot.Workload.Name,
		events:    events,
	}
	u.sync = kind.Upstream(u, snapshot)
	return u
}

// Round runs the controller once on the World as it is.
func (u *Upstream) Round() Round {
	u.Informers.Sync()
	u.World.drain()
	round := Round{At: time.Now(), Before: u.World.all()}
	round.Err = u.recovering()
	round.Writes, round.Events = u.World.drain(), u.events.drain()
	return round
}

// recovering turns a panic of the controller into an error: a real one would be restarted.
func (u *Upstream) recovering() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return u.sync(context.Background(), u.key)
}

// Tame makes a controller that was just built fit for a World, whatever it is made of: wherever it holds an event
// recorder it gets ours, its queues and broadcasters are shut down (nobody reads them, and their goroutines
// would never end), and it does not wait for informers to catch up with its writes, since they always have.
func (u *Upstream) Tame(controller any) {
	t := tamer{u: u, seen: map[unsafe.Pointer]bool{}}
	t.walk(reflect.ValueOf(controller))
}

type tamer struct {
	u    *Upstream
	seen map[unsafe.Pointer]bool
}

var (
	recorderType    = reflect.TypeFor[record.EventRecorder]()
	loggerType      = reflect.TypeFor[record.EventRecorderLogger]()
	broadcasterType = reflect.TypeFor[record.EventBroadcaster]()
	consistencyType = reflect.TypeFor[consistencyutil.ConsistencyStore]()
	queueType       = reflect.TypeFor[interface{ ShutDown() }]()
)

func (t tamer) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || t.seen[v.UnsafePointer()] || !ofControllers(v.Type().Elem()) {
			return
		}
		t.seen[v.UnsafePointer()] = true
		t.walk(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			t.field(reachable(v.Field(i)))
		}
	}
}

// field changes a field that is to be changed, and looks into any other.
func (t tamer) field(f reflect.Value) {
	if f.Kind() != reflect.Interface {
		t.walk(f)
		return
	}
	if f.IsNil() {
		return
	}
	switch f.Type() {
	case recorderType, loggerType:
		f.Set(reflect.ValueOf(t.u.Recorder))
		return
	case broadcasterType:
		f.Interface().(record.EventBroadcaster).Shutdown()
		return
	case consistencyType:
		f.Set(reflect.ValueOf(consistencyutil.NewNoopConsistencyStore()))
		return
	}
	if f.Type().Implements(queueType) {
		f.Interface().(interface{ ShutDown() }).ShutDown()
		return
	}
	switch held := f.Elem(); {
	case held.Kind() == reflect.Pointer:
		t.walk(held)
	case held.Kind() == reflect.Struct && ofControllers(held.Type()):
		changed := reflect.New(held.Type()).Elem()
		changed.Set(held)
		t.walk(changed)
		f.Set(changed)
	}
}

func ofControllers(t reflect.Type) bool {
	return strings.HasPrefix(t.PkgPath(), "k8s.io/kubernetes/pkg/controller")
}

// reachable is v without the guard on unexported fields.
func reachable(v reflect.Value) reflect.Value {
	if !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// Field gives a pointer to an unexported field of a controller: its burst, its clock, its backoff.
func Field[T any](controller any, name string) *T {
	f := reflect.ValueOf(controller).Elem().FieldByName(name)
	if !f.IsValid() {
		panic(fmt.Sprintf("%T has no field %s", controller, name))
	}
	return reachable(f).Addr().Interface().(*T)
}

// recorder keeps the events.
type recorder struct {
	mu       sync.Mutex
	workload plan.Ref
	events   []plan.Event
}

func (r *recorder) Event(about runtime.Object, eventType, reason, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if obj, ok := about.(metav1.Object); ok && obj.GetName() != r.workload.Name {
		message = obj.GetName() + ": " + message
	}
	r.events = append(r.events, plan.Event{Type: eventType, Reason: reason, Message: message})
}

func (r *recorder) Eventf(about runtime.Object, eventType, reason, format string, args ...any) {
	r.Event(about, eventType, reason, fmt.Sprintf(format, args...))
}

func (r *recorder) AnnotatedEventf(about runtime.Object, _ map[string]string, eventType, reason, format string, args ...any) {
	r.Eventf(about, eventType, reason, format, args...)
}

func (r *recorder) WithLogger(klog.Logger) record.EventRecorderLogger { return r }

func (r *recorder) drain() []plan.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}
