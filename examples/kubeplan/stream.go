package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/plan"
)

// streamPlans answers each line that is not blank with one line. The error says why it had to stop; valid is false
// if an answer holds an error.
func streamPlans(o options, stdin io.Reader, stdout io.Writer) (valid bool, err error) {
	valid = true
	unread := o.open(stdin, func(name string, r io.Reader) error {
		lines := bufio.NewReader(r)
		for number := 1; ; number++ {
			line, end := lines.ReadBytes('\n') // of any length
			if len(bytes.TrimSpace(line)) > 0 {
				planned, err := reply(fmt.Sprintf("%s: line %d", name, number), line, o.now).writeTo(stdout)
				if err != nil {
					return err
				}
				valid = valid && planned
			}
			switch {
			case end == io.EOF:
				return nil
			case end != nil:
				return fmt.Errorf("%s: line %d: %w", name, number, plainly(end))
			}
		}
	})
	return valid, errors.Join(unread...)
}

// reply answers one request.
func reply(where string, line []byte, clock func() time.Time) answer {
	members, err := readMembers(line, "id", "now", "workload", "items", "policy", "memory", "pending")
	request := request(members)
	workload, wrong := request.workload()
	err = cmp.Or(err, wrong)
	var result planned
	if err == nil {
		workload, result, err = request.plan(workload, clock)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", where, err)
	}
	a := newAnswer(workload, result, err)
	if a.ID = members["id"]; a.ID == nil {
		a.ID = json.RawMessage("null")
	}
	return a
}

// readMembers reads an object whose members are known and stand in it once. With an error come the members that could
// be read nevertheless.
func readMembers(line []byte, known ...string) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(line))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return members, cmp.Or(err, errors.New("must be an object"))
	}
	var wrong error // the first
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return members, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return members, err
		}
		name := token.(string) // what else stands before a value is a syntax error
		_, twice := members[name]
		switch {
		case twice:
			wrong = cmp.Or(wrong, fmt.Errorf("duplicate field %q", name))
		case !slices.Contains(known, name):
			wrong = cmp.Or(wrong, fmt.Errorf("unknown field %q", name))
		default:
			members[name] = value
		}
	}
	if _, err := decoder.Token(); err == io.EOF {
		return members, io.ErrUnexpectedEOF
	} else if err != nil {
		return members, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return members, errors.New("more than one JSON value in the line")
	}
	return members, wrong
}

// request is a line of a stream: its members.
type request map[string]json.RawMessage

// member gives the JSON of a member: none if it is null.
func (r request) member(name string) []byte {
	if value := r[name]; string(value) != "null" {
		return value
	}
	return nil
}

// plan plans the workload that was asked for or, if none was, the only one there is. All items must be valid: a plan
// made without a pod that is there, but could not be read, would create another.
func (r request) plan(asked *plan.Ref, clock func() time.Time) (*plan.Ref, planned, error) {
	now, errNow := r.now(clock)
	pending, errPending := r.pending()
	items, errItems := r.items()
	if err := cmp.Or(errNow, errPending, errItems); err != nil {
		return asked, planned{}, err
	}
	workload, err := only(items, asked)
	if err != nil {
		return asked, planned{}, err
	}
	result, err := planItem(workload, input{
		now:        now,
		observed:   newSnapshot(items),
		pending:    pending,
		policyName: "policy",
		policy:     r.member("policy"),
		memory:     r.member("memory"),
	})
	return &workload.ref, result, err
}

// only chooses the workload that was asked for or, if none was, the only one there is.
func only(items []item, asked *plan.Ref) (item, error) {
	path := field.NewPath("workload")
	var t *target
	if asked != nil {
		row, _ := kindOf(asked.Kind)
		t = &target{workloadKind: row, namespace: asked.Namespace, name: asked.Name}
	}
	chosen, invalid := choose(items, t)
	switch {
	case len(invalid) > 0:
		return item{}, flat(utilerrors.NewAggregate(invalid))
	case len(chosen) != 1:
		return item{}, field.Required(path, fmt.Sprintf("%d workloads are in items", len(chosen)))
	case asked != nil && asked.UID != "" && chosen[0].object != nil && chosen[0].object.GetUID() != asked.UID:
		return item{}, field.NotFound(path.Child("uid"), asked.UID)
	}
	return chosen[0], nil
}

// workload is what the request names, as far as it can be read: nil if it names nothing.
func (r request) workload() (*plan.Ref, error) {
	named := r.member("workload")
	if named == nil {
		return nil, nil
	}
	var ref plan.Ref
	if err := strictly("workload", named, &ref); err != nil {
		return &ref, err
	}
	if ref.Namespace == "" {
		ref.Namespace = metav1.NamespaceDefault
	}
	path := field.NewPath("workload")
	row, found := kindOf(ref.Kind)
	switch {
	case ref.Kind == "":
		return &ref, field.Required(path.Child("kind"), "")
	case !found:
		return &ref, field.Invalid(path.Child("kind"), ref.Kind, "must be "+kindNames())
	case ref.APIVersion != "" && ref.APIVersion != row.apiVersion:
		return &ref, field.Invalid(path.Child("apiVersion"), ref.APIVersion, fmt.Sprintf("write %q for a %s", row.apiVersion, row.kind))
	case ref.Name == "":
		return &ref, field.Required(path.Child("name"), "")
	}
	ref.APIVersion, ref.Kind = row.apiVersion, row.kind
	return &ref, nil
}

// now is the time of the request, the clock's if it has none.
func (r request) now(clock func() time.Time) (time.Time, error) {
	given := r.member("now")
	if given == nil {
		return clock(), nil
	}
	var text string
	_ = json.Unmarshal(given, &text) // what is not text is no time either
	now, err := parseTime(text)
	if err != nil {
		return now, fmt.Errorf("now: %w, not %s", err, given)
	}
	return now, nil
}

// items reads the objects.
func (r request) items() ([]item, error) {
	var values []json.RawMessage
	if given := r.member("items"); given != nil && json.Unmarshal(given, &values) != nil {
		return nil, errors.New("items: must be a list")
	}
	var items []item
	for i, value := range values {
		items = append(items, readItems(fmt.Sprintf("items[%d]", i), value, metav1.TypeMeta{})...)
	}
	return items, nil
}

// pending reads the ledger outcome by outcome, so that an error can say which one is wrong.
func (r request) pending() (plan.Pending, error) {
	var ledger struct {
		Seen     map[string]string `json:"seen"`
		Outcomes []json.RawMessage `json:"outcomes"`
	}
	if err := strictly("pending", r.member("pending"), &ledger); err != nil {
		return plan.Pending{}, err
	}
	pending := plan.Pending{Seen: ledger.Seen}
	for i, data := range ledger.Outcomes {
		var outcome plan.Outcome
		if err := json.Unmarshal(data, &outcome); err != nil {
			return plan.Pending{}, fmt.Errorf("pending.outcomes[%d]: %s", i, strings.TrimPrefix(err.Error(), "json: "))
		}
		pending.Outcomes = append(pending.Outcomes, outcome)
	}
	return pending, nil
}
