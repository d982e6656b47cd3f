package script

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// answer words an error as kubectl does.
func answer(err error) string {
	var refusal apierrors.APIStatus
	if !errors.As(err, &refusal) {
		return "error: " + err.Error()
	}
	status := refusal.Status()
	switch {
	case status.Reason == metav1.StatusReasonInvalid && status.Details != nil:
		return invalid(status.Details)
	case status.Reason != "":
		return fmt.Sprintf("Error from server (%s): %s", status.Reason, status.Message)
	}
	return "Error from server: " + status.Message
}

// invalid lists the fields that the server refuses: one behind the sentence, several below it.
func invalid(details *metav1.StatusDetails) string {
	text := fmt.Sprintf("The %s %q is invalid: ", details.Kind, details.Name)
	var causes []string
	for _, c := range details.Causes {
		causes = append(causes, c.Field+": "+c.Message)
	}
	if len(causes) == 1 {
		return text + causes[0]
	}
	return text + "\n* " + strings.Join(causes, "\n* ")
}

// whenCreating says from which file an object comes that the server refuses to create.
func whenCreating(file string, err error) error {
	var refusal *apierrors.StatusError
	if !errors.As(err, &refusal) {
		return err
	}
	told := *refusal
	told.ErrStatus.Message = fmt.Sprintf("error when creating %q: %s", file, refusal.ErrStatus.Message)
	return &told
}
