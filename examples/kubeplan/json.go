package main

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/kubeplan/kubeplan/plan"
)

// answer is a plan in JSON: a line. What is a list is never null, and times are in UTC.
type answer struct {
	ID       json.RawMessage `json:"id,omitempty"` // of a request; null if it has none
	Workload *plan.Ref       `json:"workload"`
	Actions  []plan.Action   `json:"actions"`
	Status   any             `json:"status"`
	Wake     *time.Time      `json:"wake"`
	Events   []plan.Event    `json:"events"`
	Memory   any             `json:"memory,omitempty"`
	Error    string          `json:"error"`
}

func newAnswer(workload *plan.Ref, result planned, invalid error) answer {
	a := answer{
		Workload: workload,
		Actions:  append([]plan.Action{}, result.Actions...),
		Status:   result.status,
		Events:   append([]plan.Event{}, result.Events...),
		Memory:   result.memory,
	}
	if !result.Wake.IsZero() {
		wake := result.Wake.UTC()
		a.Wake = &wake
	}
	if invalid != nil {
		a.Error = invalid.Error()
	}
	return a
}

// writeTo writes the line at once, so that a reader at the other end of a pipe need not wait. valid is false if the
// answer holds an error, such as a time past the year 9999, which JSON cannot tell.
func (a answer) writeTo(w io.Writer) (valid bool, err error) {
	line, err := a.line()
	if err != nil {
		id := a.ID
		a = newAnswer(a.Workload, planned{}, err)
		a.ID = id
		if line, err = a.line(); err != nil {
			return false, err
		}
	}
	_, err = w.Write(line)
	return a.Error == "", err
}

func (a answer) line() ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(a)
	return line.Bytes(), err
}

func jsonPrinter(w io.Writer) printer {
	return func(workload plan.Ref, result planned, invalid error) (bool, error) {
		return newAnswer(&workload, result, invalid).writeTo(w)
	}
}
