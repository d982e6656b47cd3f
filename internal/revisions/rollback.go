package revisions

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// ChangeCause is the annotation in which people note why they changed a workload.
const ChangeCause = "kubernetes.io/change-cause"

// RestartedAt is the annotation of a template by which a restart makes it a new one.
const RestartedAt = "kubectl.kubernetes.io/restartedAt"

// Owned are the revisions that the workload controls and selects, oldest first: what "kubectl rollout" works with.
func Owned(workload plan.Object, selected *metav1.LabelSelector, view []*appsv1.ControllerRevision) History {
	selector, err := metav1.LabelSelectorAsSelector(selected)
	if err != nil {
		return nil
	}
	var own History
	for _, revision := range view {
		if revision != nil && owners.Controls(workload, revision) && selector.Matches(labels.Set(revision.Labels)) {
			own = append(own, revision)
		}
	}
	slices.SortFunc(own, oldestFirst)
	return own
}

// Earlier gives the template to go back to: that of the revision before the newest if to is 0, else of that very one. It is nil if it is
// the given template already.
func (h History) Earlier(to int64, template *corev1.PodTemplateSpec) (*corev1.PodTemplateSpec, error) {
	at := len(h) - 2
	if to == 0 && at < 0 {
		return nil, errors.New("no last revision to roll back to")
	}
	if to != 0 {
		at = slices.IndexFunc(h, func(r *appsv1.ControllerRevision) bool { return r.Revision == to })
	}
	if at < 0 {
		return nil, fmt.Errorf("unable to find specified revision %d in history", to)
	}
	if patch, err := Patch(template); err == nil && bytes.Equal(patch, h[at].Data.Raw) {
		return nil, nil
	}
	earlier, err := Template(h[at])
	if err != nil {
		return nil, fmt.Errorf("failed restoring revision %d: %w", h[at].Revision, err)
	}
	return earlier, nil
}
