package statefulset

import (
	"fmt"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// waits collects what the set waits for: of each kind the first case in full, the others by their number.
type waits []wait

type wait struct {
	plan.Wait
	others int
}

func (w *waits) add(blocker plan.Blocker, object plan.Ref, until time.Time, format string, args ...any) {
	for i := range *w {
		if known := &(*w)[i]; known.For == blocker {
			known.others++
			if !until.IsZero() && (known.Until.IsZero() || until.Before(known.Until)) {
				known.Until = until
			}
			return
		}
	}
	*w = append(*w, wait{Wait: plan.Wait{For: blocker, Object: object, Until: until, Reason: fmt.Sprintf(format, args...)}})
}

// tell puts the waits at the end of the plan.
func (w waits) tell(result *plan.Result) {
	for _, each := range w {
		if each.others > 0 {
			each.Reason += fmt.Sprintf(" (and %d more)", each.others)
		}
		result.WakeBy(each.Until)
		result.Add(each.Wait)
	}
}
