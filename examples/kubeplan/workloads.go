package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/plan"
)

// workloadKind is a kind that is taken as desired.
type workloadKind struct {
	apiVersion, kind, short string
	plan                    func(workload plan.Object, in input) (planned, error)
}

// workloadKinds is where a planner is registered.
func workloadKinds() []workloadKind {
	return []workloadKind{
		{"batch/v1", "CronJob", "cj", with(planCronJob)},
		{"apps/v1", "DaemonSet", "ds", with(planDaemonSet)},
		{"apps/v1", "Deployment", "deploy", with(planDeployment)},
		{"batch/v1", "Job", "job", with(planJob)},
		{"apps/v1", "ReplicaSet", "rs", with(planReplicaSet)},
		{"apps/v1", "StatefulSet", "sts", with(planStatefulSet)},
	}
}

// with makes a function that plans one Go type fit the table. Decode gives each kind of the table its type.
func with[T plan.Object](planOne func(T, input) (planned, error)) func(plan.Object, input) (planned, error) {
	return func(workload plan.Object, in input) (planned, error) {
		return planOne(workload.(T), in)
	}
}

// kindOf finds the row of a kind by its name or its short name, in any case.
func kindOf(name string) (workloadKind, bool) {
	kinds := workloadKinds()
	i := slices.IndexFunc(kinds, func(k workloadKind) bool {
		return strings.EqualFold(name, k.kind) || strings.EqualFold(name, k.short)
	})
	if i < 0 {
		return workloadKind{}, false
	}
	return kinds[i], true
}

// isWorkload reports whether a ref is of a kind of the table, in whatever version.
func isWorkload(ref plan.Ref) bool {
	row, found := kindOf(ref.Kind)
	return found && row.kind == ref.Kind && ourGroup(ref.APIVersion)
}

// input is what a workload is planned from.
type input struct {
	now      time.Time
	observed snapshot
	pending  plan.Pending

	// JSON, nil if there is none: what they mean is the planner's. Policies say where they come from.
	policyName     string
	policy, memory []byte
}

// decodePolicy reads the policy into the type that the planner has for it.
func (in input) decodePolicy(policy any) error { return strictly(in.policyName, in.policy, policy) }

// decodeMemory reads the memory into the type that the planner has for it: a pointer to an empty struct where there is none.
func (in input) decodeMemory(memory any) error { return strictly("memory", in.memory, memory) }

// strictly reads JSON into a value, and nothing where there is none. A field that the value does not have is an error.
func strictly(name string, data []byte, into any) error {
	if len(data) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	var mistyped *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mistyped) && mistyped.Field == "":
		return fmt.Errorf("%s: must be an object", name)
	case errors.As(err, &mistyped):
		return fmt.Errorf("%s: %s: must be %s, not %s", name, mistyped.Field, mistyped.Type, mistyped.Value)
	}
	return fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "json: "))
}

// planned is what a planner gives back, whatever its kind.
type planned struct {
	plan.Result
	status  any
	memory  any    // nil where the planner has none
	summary string // the status in a few words: "2 of 4 ready"
}

// target is the workload that was asked for.
type target struct {
	workloadKind
	namespace, name string
}

func parseTarget(value string) (*target, error) {
	parts := strings.Split(value, "/")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return nil, errors.New("kind/namespace/name, as in ReplicaSet/default/web")
	}
	row, found := kindOf(parts[0])
	if !found {
		return nil, fmt.Errorf("unknown kind %q: %s", parts[0], kindNames())
	}
	return &target{workloadKind: row, namespace: parts[1], name: parts[2]}, nil
}

func kindNames() string {
	var names []string
	for _, row := range workloadKinds() {
		names = append(names, fmt.Sprintf("%s (%s)", row.kind, row.short))
	}
	return strings.Join(names, ", ")
}

func (t *target) ref() plan.Ref {
	return plan.Ref{APIVersion: t.apiVersion, Kind: t.kind, Namespace: t.namespace, Name: t.name}
}

// wants reports whether an item is a workload to be planned: the one that was asked for or, if none was, all but the
// ReplicaSets that have a controller, which the plan of their Deployment is about.
func (t *target) wants(i item) bool {
	switch {
	case !isWorkload(i.ref):
		return false
	case t != nil:
		return i.ref.Kind == t.kind && i.ref.Namespace == t.namespace && i.ref.Name == t.name
	}
	return i.object == nil || i.ref.Kind != "ReplicaSet" || metav1.GetControllerOfNoCopy(i.object) == nil
}

// choose gives the items to be planned, sorted by kind, namespace and name, each once, and what is wrong with the
// others. That nothing was found where one was asked for is told by an item too.
func choose(items []item, t *target) (chosen []item, invalid []error) {
	for _, i := range items {
		switch {
		case t.wants(i):
			chosen = append(chosen, i)
		case i.err != nil:
			invalid = append(invalid, fmt.Errorf("%s: %w", i.where, flat(i.err)))
		}
	}
	if t != nil && len(chosen) == 0 {
		return []item{{ref: t.ref(), err: errors.New("not found in the input")}}, invalid
	}
	slices.SortStableFunc(chosen, func(a, b item) int {
		return cmp.Or(
			cmp.Compare(a.ref.Kind, b.ref.Kind),
			cmp.Compare(a.ref.Namespace, b.ref.Namespace),
			cmp.Compare(a.ref.Name, b.ref.Name),
		)
	})
	return once(chosen), invalid
}

// once merges what follows each other under one name: the same object twice is one, two that differ are an error, as
// nobody could tell which is desired.
func once(sorted []item) []item {
	var merged []item
	for _, i := range sorted {
		last := len(merged) - 1
		if last < 0 || i.ref != merged[last].ref || i.ref.Name == "" || i.err != nil || merged[last].err != nil {
			merged = append(merged, i)
		} else if !reflect.DeepEqual(i.object, merged[last].object) {
			merged[last].err = fmt.Errorf("another %s, which differs, is in %s", i.ref, i.where)
		}
	}
	return merged
}

// planItem plans one workload. The error says where in the input the workload is.
func planItem(i item, in input) (planned, error) {
	result, err := planned{}, i.err
	if err == nil {
		row, _ := kindOf(i.ref.Kind)
		result, err = row.planObject(i.object, in)
	}
	if err != nil && i.where != "" {
		err = fmt.Errorf("%s: %w", i.where, flat(err))
	}
	return result, err
}

func (k workloadKind) planObject(workload plan.Object, in input) (planned, error) {
	if workload.GetName() == "" {
		return planned{}, field.Required(field.NewPath("metadata", "name"), "")
	}
	return k.plan(workload, in)
}

// flat joins the errors of a list in one line.
func flat(err error) error {
	list, isList := err.(utilerrors.Aggregate)
	if !isList {
		return err
	}
	var lines []string
	for _, e := range list.Errors() {
		lines = append(lines, e.Error())
	}
	return errors.New(strings.Join(lines, "; "))
}
