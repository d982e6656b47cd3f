package rollout

import (
	"math"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// aim is what a Deployment asks for, with the defaults of the API server and the percentages resolved.
type aim struct {
	desired     int // D
	surge       int // S: how many pods there may be above D
	unavailable int // U: how many of D may be unavailable
	recreate    bool
	history     int // how many old ReplicaSets are kept, -1 for all
	deadline    int // seconds without progress after which the rollout counts as stuck, 0 for never
}

func aimOf(d *appsv1.Deployment) aim {
	a := aim{
		desired:  int(or(d.Spec.Replicas, 1)),
		recreate: d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType,
		history:  int(or(d.Spec.RevisionHistoryLimit, 10)),
		deadline: int(or(d.Spec.ProgressDeadlineSeconds, 600)),
	}
	if a.history == math.MaxInt32 {
		a.history = -1
	}
	if a.deadline == math.MaxInt32 {
		a.deadline = 0
	}
	if !a.recreate {
		a.surge, a.unavailable = fenceposts(d.Spec.Strategy.RollingUpdate, a.desired)
	}
	return a
}

// most is the number of pods that there may be at any time: D + S, but no more than a ReplicaSet can be asked for.
func (a aim) most() int { return min(a.desired+a.surge, math.MaxInt32) }

// least is the number of pods that must stay available: D - U.
func (a aim) least() int { return a.desired - a.unavailable }

// fenceposts resolves S (rounded up) and U (rounded down, at most D). If both come to 0, U is 1: a rollout has to begin
// somewhere.
func fenceposts(strategy *appsv1.RollingUpdateDeployment, desired int) (surge, unavailable int) {
	quarter := intstr.FromString("25%")
	maxSurge, maxUnavailable := &quarter, &quarter
	if strategy != nil && strategy.MaxSurge != nil {
		maxSurge = strategy.MaxSurge
	}
	if strategy != nil && strategy.MaxUnavailable != nil {
		maxUnavailable = strategy.MaxUnavailable
	}
	// Validation has seen both: no error is left to handle but that of a percentage too large to compute with.
	surge, err := intstr.GetScaledValueFromIntOrPercent(maxSurge, desired, true)
	if err != nil || surge < 0 {
		surge = math.MaxInt32
	}
	surge = min(surge, math.MaxInt32)
	unavailable, _ = intstr.GetScaledValueFromIntOrPercent(maxUnavailable, desired, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, desired)
}

func or(value *int32, otherwise int32) int32 {
	if value == nil {
		return otherwise
	}
	return *value
}
