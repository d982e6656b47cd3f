package conformance

import (
	"testing"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

func TestStatefulSet(t *testing.T)           { Conform(t, StatefulSet()) }
func TestStatefulSetDeviations(t *testing.T) { Deviations(t, StatefulSet()) }
func TestStatefulSetTakeover(t *testing.T)   { Takeover(t, StatefulSet()) }
func BenchmarkStatefulSet(b *testing.B)      { Benchmark(b, StatefulSet()) }

func TestStatefulSetMaxUnavailable(t *testing.T) {
	switchMaxUnavailable(t, "true")
	defer switchMaxUnavailable(t, "false")
	kind := StatefulSetMaxUnavailable()
	Conform(t, kind)
	kind.Deviations = statefulSetMaxUnavailableDeviations()
	Deviations(t, kind)
}

func switchMaxUnavailable(t *testing.T, setting string) {
	if err := utilfeature.DefaultMutableFeatureGate.Set("MaxUnavailableStatefulSet=" + setting); err != nil {
		t.Fatal(err)
	}
}
