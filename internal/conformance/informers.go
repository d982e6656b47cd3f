package conformance

import (
	"cmp"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers/apps"
	"k8s.io/client-go/informers/batch"
	"k8s.io/client-go/informers/core"
	"k8s.io/client-go/informers/internalinterfaces"
	"k8s.io/client-go/informers/policy"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Informers are informers that never run: Sync fills them from the World and tells the controller's handlers
// what changed. They list in the order of names, so that upstream answers alike to the same
// question as far as it can.
type Informers struct {
	world  *World
	client kubernetes.Interface
	byType map[reflect.Type]*informer
	listed bool
	told   int // how many changes of the World were shown
}

func newInformers(w *World, client kubernetes.Interface) *Informers {
	return &Informers{world: w, client: client, byType: map[reflect.Type]*informer{}}
}

// Core, Apps, Batch and Policy are what a controller's constructor takes its informers from.
func (i *Informers) Core() core.Interface     { return core.New(i, metav1.NamespaceAll, nil) }
func (i *Informers) Apps() apps.Interface     { return apps.New(i, metav1.NamespaceAll, nil) }
func (i *Informers) Batch() batch.Interface   { return batch.New(i, metav1.NamespaceAll, nil) }
func (i *Informers) Policy() policy.Interface { return policy.New(i, metav1.NamespaceAll, nil) }

func (i *Informers) Start(<-chan struct{})             {}
func (i *Informers) InformerName() *cache.InformerName { return nil }

func (i *Informers) InformerFor(obj runtime.Object, make internalinterfaces.NewInformerFunc) cache.SharedIndexInformer {
	t := reflect.TypeOf(obj)
	if _, ok := i.byType[t]; !ok {
		inner := make(i.client, 0)
		i.byType[t] = &informer{SharedIndexInformer: inner, indexer: indexer{inner.GetIndexer()}}
	}
	return i.byType[t]
}

// Sync shows the controller the World as it is now: first all of it, then what changed, write by write, as a watch does.
func (i *Informers) Sync() {
	i.world.mu.Lock()
	watched := i.world.watched
	i.world.mu.Unlock()
	if !i.listed {
		i.listed = true
		for _, obj := range i.world.all() {
			i.show(change{after: obj})
		}
	} else {
		for _, c := range watched[i.told:] {
			i.show(c)
		}
	}
	i.told = len(watched)
}

// show puts a change into the indexer of its type and tells the handlers. They enqueue; nobody reads the queue.
func (i *Informers) show(c change) {
	of := c.after
	if of == nil {
		of = c.before
	}
	informer, ok := i.byType[reflect.TypeOf(of)]
	if !ok {
		return
	}
	var was any
	name, _ := cache.MetaNamespaceKeyFunc(of)
	shown, exists, _ := informer.indexer.GetByKey(name)
	if exists {
		was = shown
	}
	switch obj := c.after; {
	case obj == nil:
		_ = informer.indexer.Delete(was)
		informer.tell(func(h cache.ResourceEventHandler) { h.OnDelete(was) })
	case exists:
		copied := obj.DeepCopyObject()
		_ = informer.indexer.Update(copied)
		informer.tell(func(h cache.ResourceEventHandler) { h.OnUpdate(was, copied) })
	default:
		copied := obj.DeepCopyObject()
		_ = informer.indexer.Add(copied)
		informer.tell(func(h cache.ResourceEventHandler) { h.OnAdd(copied, false) })
	}
}

type informer struct {
	cache.SharedIndexInformer
	indexer  indexer
	handlers []cache.ResourceEventHandler
}

func (i *informer) GetStore() cache.Store     { return i.indexer }
func (i *informer) GetIndexer() cache.Indexer { return i.indexer }
func (i *informer) HasSynced() bool           { return true }

func (i *informer) AddEventHandler(h cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	i.handlers = append(i.handlers, h)
	return nil, nil
}

func (i *informer) AddEventHandlerWithOptions(h cache.ResourceEventHandler, _ cache.HandlerOptions) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(h)
}

func (i *informer) tell(news func(cache.ResourceEventHandler)) {
	for _, h := range i.handlers {
		news(h)
	}
}

// indexer lists in the order of names.
type indexer struct{ cache.Indexer }

func (i indexer) List() []any { return ordered(i.Indexer.List()) }

func (i indexer) Index(name string, obj any) ([]any, error) {
	found, err := i.Indexer.Index(name, obj)
	return ordered(found), err
}

func (i indexer) ByIndex(name, value string) ([]any, error) {
	found, err := i.Indexer.ByIndex(name, value)
	return ordered(found), err
}

func ordered(objects []any) []any {
	slices.SortFunc(objects, func(a, b any) int {
		x, y := a.(metav1.Object), b.(metav1.Object)
		return cmp.Or(byName(x, y), cmp.Compare(x.GetUID(), y.GetUID()))
	})
	return objects
}
