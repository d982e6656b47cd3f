package conformance

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/kubeplan/kubeplan/plan"
)

// Benchmark measures ours and upstream on the same snapshots in the same run: time, allocations, time per object, and
// how many times as long upstream takes.
func Benchmark(b *testing.B, kind Kind) {
	for _, bench := range kind.Bench {
		b.Run(bench.Name, func(b *testing.B) {
			snapshot := bench.Snapshot()
			var ours float64
			b.Run("ours", func(b *testing.B) {
				run := bench.Plan(snapshot.Objects, snapshot.Now)
				ours = measure(b, bench.Size, run)
			})
			if bench.OursOnly {
				return
			}
			b.Run("upstream", func(b *testing.B) {
				theirs := measure(b, bench.Size, syncOf(kind, snapshot))
				if ours > 0 {
					b.ReportMetric(theirs/ours, "upstream/ours")
				}
			})
		})
	}
}

// measure gives the nanoseconds of one run.
func measure(b *testing.B, size int, run func() error) float64 {
	b.ReportAllocs()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	each := float64(b.Elapsed()) / float64(b.N)
	b.ReportMetric(each/float64(size), "ns/object")
	return each
}

// syncOf is upstream's sync on a cluster that forgets what is written to it, so that each run does the same.
func syncOf(kind Kind, snapshot *Snapshot) func() error {
	w := NewWorld(snapshot.Objects, snapshot.Refusals)
	u := newUpstream(kind, w, snapshot)
	u.Informers.Sync()
	w.forgetful = true
	return func() error {
		if u.Forget != nil {
			u.Forget()
		}
		err := u.sync(context.Background(), u.key)
		u.events.drain()
		return err
	}
}

// ObjectsOf gives the objects of one type, in their order.
func ObjectsOf[T plan.Object](objects []plan.Object) []T {
	var found []T
	for _, obj := range objects {
		if t, ok := obj.(T); ok {
			found = append(found, t)
		}
	}
	return found
}

// find gives the object of a type and name.
func find[T plan.Object](objects []plan.Object, name string) (found T, ok bool) {
	for _, obj := range ObjectsOf[T](objects) {
		if obj.GetName() == name {
			return obj, true
		}
	}
	return found, false
}

// Shuffled puts objects in an order that has nothing to do with that in which they were allocated.
func Shuffled(objects []plan.Object) []plan.Object {
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	return objects
}
