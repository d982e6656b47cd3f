package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// changes lists the fields in which two objects differ, sorted by path: "spec.replicas 2 -> 4, status".
// Values that are not scalars are named by their path alone: the line is for people, the JSON form is whole.
func changes(before, after Object) string {
	b, errBefore := fields(before)
	a, errAfter := fields(after)
	if errBefore != nil || errAfter != nil {
		return "cannot be shown"
	}
	lines := diff(nil, "", b, a)
	if len(lines) == 0 {
		return "no change"
	}
	return strings.Join(lines, ", ")
}

func fields(obj Object) (map[string]any, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(data, &m)
}

func diff(lines []string, path string, before, after any) []string {
	if reflect.DeepEqual(before, after) {
		return lines
	}
	b, bIsMap := before.(map[string]any)
	a, aIsMap := after.(map[string]any)
	if (bIsMap || before == nil) && (aIsMap || after == nil) {
		keys := map[string]bool{}
		for key := range b {
			keys[key] = true
		}
		for key := range a {
			keys[key] = true
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			lines = diff(lines, strings.TrimPrefix(path+"."+key, "."), b[key], a[key])
		}
		return lines
	}
	if isList(before) || isList(after) || bIsMap || aIsMap {
		return append(lines, path)
	}
	return append(lines, fmt.Sprintf("%s %s -> %s", path, scalar(before), scalar(after)))
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

func scalar(v any) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(v)
}
