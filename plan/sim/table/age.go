package table

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubeplan/kubeplan/plan"
)

// age is how long obj has existed: "9s", "2m9s", "4d22h".
func age(obj plan.Object, now time.Time) cell {
	return cell{header: "AGE", text: since(obj.GetCreationTimestamp(), now)}
}

func since(t metav1.Time, now time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(t.Time))
}
