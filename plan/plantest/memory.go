package plantest

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

// deepCopy copies everything that can be reached from v. Kubernetes' objects copy themselves.
func deepCopy[T any](v T) T {
	return copyValue(reflect.ValueOf(&v)).Elem().Interface().(T)
}

func copyValue(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		if object, ok := v.Interface().(runtime.Object); ok {
			return reflect.ValueOf(object.DeepCopyObject())
		}
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(copyValue(v.Elem()))
		return copied
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		copied := reflect.New(v.Type()).Elem()
		copied.Set(copyValue(v.Elem()))
		return copied
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			copied.Index(i).Set(copyValue(v.Index(i)))
		}
		return copied
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		copied := reflect.MakeMapWithSize(v.Type(), v.Len())
		for entries := v.MapRange(); entries.Next(); {
			copied.SetMapIndex(entries.Key(), copyValue(entries.Value()))
		}
		return copied
	case reflect.Struct: // fields that are not exported, as those of a time.Time, are values
		copied := reflect.New(v.Type()).Elem()
		copied.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				copied.Field(i).Set(copyValue(v.Field(i)))
			}
		}
		return copied
	}
	return v
}

// scramble changes everything that can be reached from v through pointers, maps and slices, so that whoever shares
// memory with v sees it.
func scramble(v any) {
	scrambleValue(reflect.ValueOf(v), map[uintptr]bool{})
}

func scrambleValue(v reflect.Value, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		scrambleValue(v.Elem(), seen)
	case reflect.Interface:
		if !v.IsNil() {
			scrambleValue(v.Elem(), seen)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			scrambleValue(v.Index(i), seen)
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(entries.Value())
			scrambleValue(value, seen)
			v.SetMapIndex(entries.Key(), value)
		}
		if !v.IsNil() && v.Type().Key().Kind() == reflect.String {
			v.SetMapIndex(reflect.ValueOf("scrambled").Convert(v.Type().Key()), reflect.Zero(v.Type().Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scrambleValue(v.Field(i), seen)
			}
		}
	default:
		scrambleScalar(v)
	}
}

func scrambleScalar(v reflect.Value) {
	if !v.CanSet() {
		return
	}
	switch {
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "~")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanFloat():
		v.SetFloat(v.Float() + 1)
	}
}

// same compares all that two values hold. Types with a method Equal (times, quantities) say themselves what is equal.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || difference(a, b) == ""
}

// difference says in which fields two values differ.
func difference(before, after any) string {
	return gocmp.Diff(before, after, gocmp.Exporter(func(reflect.Type) bool { return true }))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
