package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// wireAction is the JSON form of every action. The field order is the order in which it is printed.
type wireAction struct {
	Action      string                     `json:"action"`
	For         Blocker                    `json:"for,omitempty"`
	Object      json.RawMessage            `json:"object"`
	Before      json.RawMessage            `json:"before,omitempty"`
	Live        *Ref                       `json:"live,omitempty"`
	To          *Ref                       `json:"to,omitempty"`
	Propagation metav1.DeletionPropagation `json:"propagation,omitempty"`
	Until       *time.Time                 `json:"until,omitempty"`
	Reason      string                     `json:"reason,omitempty"`
}

// The names that the JSON form gives the types of actions.
const (
	nameCreate       = "create"
	nameUpdate       = "update"
	nameUpdateStatus = "update-status"
	nameDelete       = "delete"
	nameBind         = "bind"
	nameWait         = "wait"
)

func (a Create) MarshalJSON() ([]byte, error) {
	return marshalAction(wireAction{Action: nameCreate}, a.Object, nil)
}

func (a Update) MarshalJSON() ([]byte, error) {
	return marshalAction(wireAction{Action: nameUpdate, Live: a.Live}, a.After, a.Before)
}

func (a UpdateStatus) MarshalJSON() ([]byte, error) {
	return marshalAction(wireAction{Action: nameUpdateStatus}, a.After, a.Before)
}

func (a Delete) MarshalJSON() ([]byte, error) {
	return marshalRef(wireAction{Action: nameDelete, Propagation: a.Propagation, Reason: a.Reason}, a.Object)
}

func (a Bind) MarshalJSON() ([]byte, error) {
	return marshalRef(wireAction{Action: nameBind, To: &a.To}, a.Object)
}

func (a Wait) MarshalJSON() ([]byte, error) {
	w := wireAction{Action: nameWait, For: a.For, Reason: a.Reason}
	if !a.Until.IsZero() {
		until := a.Until.UTC() // no zone of the process shows
		w.Until = &until
	}
	return marshalRef(w, a.Object)
}

func marshalAction(w wireAction, object, before Object) (_ []byte, err error) {
	if w.Object, err = json.Marshal(whole(object)); err != nil {
		return nil, err
	}
	if before != nil {
		if w.Before, err = json.Marshal(whole(before)); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

func marshalRef(w wireAction, ref Ref) (_ []byte, err error) {
	if w.Object, err = json.Marshal(ref); err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

// UnmarshalAction reads an action from the JSON form that its MarshalJSON writes. An unknown field of the action is an
// error; the objects in it are read as [Decode] reads them.
func UnmarshalAction(data []byte) (Action, error) {
	var w wireAction
	if err := strictly(data, &w); err != nil {
		return nil, err
	}
	a, err := w.decode()
	if err != nil {
		return nil, fmt.Errorf("action %q: %w", w.Action, err)
	}
	return a, nil
}

func (w wireAction) decode() (Action, error) {
	switch w.Action {
	case nameCreate:
		object, err := decodeField("object", w.Object)
		return Create{Object: object}, err
	case nameUpdate:
		object, err := decodeField("object", w.Object)
		before, errBefore := decodeField("before", w.Before)
		return Update{Before: before, After: object, Live: w.Live}, errors.Join(err, errBefore)
	case nameUpdateStatus:
		object, err := decodeField("object", w.Object)
		before, errBefore := decodeField("before", w.Before)
		return UpdateStatus{Before: before, After: object}, errors.Join(err, errBefore)
	case nameDelete:
		ref, err := decodeRef(w.Object)
		return Delete{Object: ref, Propagation: w.Propagation, Reason: w.Reason}, err
	case nameBind:
		ref, err := decodeRef(w.Object)
		if w.To == nil {
			return nil, errors.Join(err, errors.New("to: Required value"))
		}
		return Bind{Object: ref, To: *w.To}, err
	case nameWait:
		ref, err := decodeRef(w.Object)
		wait := Wait{For: w.For, Object: ref, Reason: w.Reason}
		if w.Until != nil {
			wait.Until = *w.Until
		}
		return wait, err
	case "":
		return nil, errors.New("Required value")
	}
	return nil, errors.New("unknown action")
}

func decodeField(field string, data json.RawMessage) (Object, error) {
	if len(data) == 0 || string(data) == "null" {
		return nil, fmt.Errorf("%s: Required value", field)
	}
	obj, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return obj, nil
}

func decodeRef(data json.RawMessage) (Ref, error) {
	var ref Ref
	if len(data) == 0 {
		return ref, errors.New("object: Required value")
	}
	if err := strictly(data, &ref); err != nil {
		return ref, fmt.Errorf("object: %w", err)
	}
	return ref, nil
}

// strictly is json.Unmarshal that refuses unknown fields and anything behind the value.
func strictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}
