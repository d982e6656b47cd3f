package job

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
)

// succeedsEarly says by which rule of its success policy an Indexed Job has succeeded with the indexes that are completed;
// "" by none. A rule asks for all the indexes it names, or for a number of them; one that names none asks
// for a number of any.
func succeedsEarly(job *batchv1.Job, completed indexSet) string {
	if job.Spec.SuccessPolicy == nil || len(completed) == 0 {
		return ""
	}
	for i, rule := range job.Spec.SuccessPolicy.Rules {
		var met bool
		if rule.SucceededIndexes == nil {
			met = rule.SucceededCount != nil && completed.size() >= int(*rule.SucceededCount)
		} else if asked := parseIndexes(*rule.SucceededIndexes, int(*job.Spec.Completions)); len(asked) > 0 {
			done := completed.common(asked)
			met = done == asked.size() || (rule.SucceededCount != nil && done >= int(*rule.SucceededCount))
		}
		if met {
			return fmt.Sprintf("Matched rules at index %d", i)
		}
	}
	return ""
}
