package conformance

import "testing"

func TestReplicaSet(t *testing.T)           { Conform(t, ReplicaSet()) }
func TestReplicaSetDeviations(t *testing.T) { Deviations(t, ReplicaSet()) }
func TestReplicaSetTakeover(t *testing.T)   { Takeover(t, ReplicaSet()) }
func BenchmarkReplicaSet(b *testing.B)      { Benchmark(b, ReplicaSet()) }
