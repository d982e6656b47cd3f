package conformance

import "testing"

func TestDeployment(t *testing.T)           { Conform(t, Deployment()) }
func TestDeploymentDeviations(t *testing.T) { Deviations(t, Deployment()) }
func TestDeploymentTakeover(t *testing.T)   { Takeover(t, Deployment()) }
func BenchmarkDeployment(b *testing.B)      { Benchmark(b, Deployment()) }
