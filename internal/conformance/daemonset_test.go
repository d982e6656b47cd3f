package conformance

import "testing"

func TestDaemonSet(t *testing.T)           { Conform(t, DaemonSet()) }
func TestDaemonSetDeviations(t *testing.T) { Deviations(t, DaemonSet()) }
func TestDaemonSetTakeover(t *testing.T)   { Takeover(t, DaemonSet()) }
func BenchmarkDaemonSet(b *testing.B)      { Benchmark(b, DaemonSet()) }
