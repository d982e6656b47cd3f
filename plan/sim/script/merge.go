package script

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/kubeplan/kubeplan/plan"
)

// withRemovals is wanted as a patch: it also takes away what was said and no longer is.
func withRemovals(said, wanted any) any {
	switch wanted := wanted.(type) {
	case map[string]any:
		said, _ := said.(map[string]any)
		patch := maps.Clone(wanted)
		for key, before := range said {
			if now, still := wanted[key]; still {
				patch[key] = withRemovals(before, now)
			} else {
				patch[key] = nil
			}
		}
		return patch
	case []any:
		said, _ := said.([]any)
		if !named(said) || !named(wanted) {
			return wanted
		}
		patch := slices.Clone(wanted)
		for _, before := range said {
			if at := indexOf(wanted, nameIn(before)); at >= 0 {
				patch[at] = withRemovals(before, wanted[at])
			} else {
				patch = append(patch, map[string]any{"name": nameIn(before), directive: "delete"})
			}
		}
		return patch
	}
	return wanted
}

// directive is the key with which an item of a patch says that the item of its name goes: "$patch: delete".
const directive = "$patch"

// patched gives obj with a patch merged into it: maps key by key, null taking a key away; lists of things that have a
// name, such as containers and their variables, thing by thing; all else is replaced.
func patched(obj plan.Object, patch map[string]any) (plan.Object, error) {
	whole, err := fields(obj)
	if err != nil {
		return nil, err
	}
	return decodeFields(merge(whole, patch).(map[string]any))
}

func merge(old, patch any) any {
	switch patch := patch.(type) {
	case map[string]any:
		old, _ := old.(map[string]any)
		merged := maps.Clone(old)
		if merged == nil {
			merged = map[string]any{}
		}
		for key, value := range patch {
			if value == nil {
				delete(merged, key)
			} else {
				merged[key] = merge(merged[key], value)
			}
		}
		return merged
	case []any:
		if old, _ := old.([]any); named(old) && named(patch) {
			return mergeByName(old, patch)
		}
	}
	return patch
}

func mergeByName(old, patch []any) []any {
	merged := slices.Clone(old)
	for _, item := range patch {
		at := indexOf(merged, nameIn(item))
		goes := item.(map[string]any)[directive] == "delete"
		switch {
		case goes && at >= 0:
			merged = slices.Delete(merged, at, at+1)
		case goes:
		case at >= 0:
			merged[at] = merge(merged[at], item)
		default:
			merged = append(merged, merge(nil, item))
		}
	}
	return merged
}

func indexOf(list []any, name string) int {
	return slices.IndexFunc(list, func(item any) bool { return nameIn(item) == name })
}

func named(list []any) bool {
	return !slices.ContainsFunc(list, func(item any) bool { return nameIn(item) == "" })
}

func nameIn(item any) string {
	fields, _ := item.(map[string]any)
	name, _ := fields["name"].(string)
	return name
}

func fields(obj plan.Object) (map[string]any, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(data, &m)
}
