package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json" // whole numbers stay whole
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// explained words the error of reading data into a Go type with the fields that are wrong.
func explained(err error, data []byte, into any) error {
	if !json.Valid(data) {
		return err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return errors.New("must be an object")
	}
	if errs := misfits(data, reflect.TypeOf(into), nil); len(errs) > 0 {
		return errs.ToAggregate()
	}
	return err
}

// misfits finds the fields of a JSON value that a Go type cannot hold: encoding/json names only the first, without
// indexes, and none where a type reads itself, as times and quantities do.
func misfits(data json.RawMessage, t reflect.Type, path *field.Path) field.ErrorList {
	if t.Kind() == reflect.Pointer {
		return misfits(data, t.Elem(), path)
	}
	value := reflect.New(t)
	if string(bytes.TrimSpace(data)) == "null" || json.Unmarshal(data, value.Interface()) == nil {
		return nil
	}
	var errs field.ErrorList
	_, readsItself := value.Interface().(json.Unmarshaler)
	switch kind := t.Kind(); {
	case !readsItself && kind == reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			return field.ErrorList{misfit(data, path, "an object")}
		}
		for _, f := range fieldsOf(t) {
			for _, name := range slices.Sorted(maps.Keys(members)) {
				if strings.EqualFold(name, f.name) {
					errs = append(errs, misfits(members[name], f.t, path.Child(name))...)
				}
			}
		}
	case !readsItself && kind == reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			return field.ErrorList{misfit(data, path, "an object")}
		}
		for _, key := range slices.Sorted(maps.Keys(members)) {
			errs = append(errs, misfits(members[key], t.Elem(), path.Key(key))...)
		}
	case !readsItself && kind == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		var elements []json.RawMessage
		if json.Unmarshal(data, &elements) != nil {
			return field.ErrorList{misfit(data, path, "a list")}
		}
		for i, element := range elements {
			errs = append(errs, misfits(element, t.Elem(), path.Index(i))...)
		}
	default:
		errs = append(errs, misfit(data, path, wanted(t)))
	}
	return errs
}

func misfit(data json.RawMessage, path *field.Path, wanted string) *field.Error {
	var value any
	_ = utiljson.Unmarshal(data, &value) // what cannot be read is not shown
	return field.TypeInvalid(path, value, "must be "+wanted)
}

// wanted names what a type that is neither object nor list accepts.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.String:
		return "a string"
	case reflect.Int32, reflect.Int64:
		return fmt.Sprintf("an integer of %d bits", t.Bits())
	case reflect.Slice:
		return "a base64 string"
	}
	return "a " + strings.ToLower(t.Name()) // a Time, a Quantity
}

// jsonField is a field of a struct as it stands in JSON.
type jsonField struct {
	name string
	t    reflect.Type
}

// fieldsOf gives the fields of a struct, those of inlined structs among them.
func fieldsOf(t reflect.Type) []jsonField {
	var fields []jsonField
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			fields = append(fields, fieldsOf(f.Type)...)
		default:
			fields = append(fields, jsonField{name: name, t: f.Type})
		}
	}
	return fields
}
