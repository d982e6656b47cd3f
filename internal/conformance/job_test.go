package conformance

import "testing"

func TestJob(t *testing.T)           { Conform(t, Job()) }
func TestJobDeviations(t *testing.T) { Deviations(t, Job()) }
func TestJobTakeover(t *testing.T)   { Takeover(t, Job()) }
func BenchmarkJob(b *testing.B)      { Benchmark(b, Job()) }

// The order in which a Job that ends loses its pods is not upstream's, which hides what comes after it in TestJob.
func TestJobAtRest(t *testing.T) {
	kind := Job()
	kind.MeetWithin = -1
	Conform(t, kind)
}
