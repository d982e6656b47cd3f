package explore

import (
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubeplan/kubeplan/plan"
	"github.com/kubeplan/kubeplan/plan/sim"
)

// invalid lists what cannot be meant: a search of it would find nothing, and say so.
func (s Scope) invalid() field.ErrorList {
	path := field.NewPath("scope")
	var errs field.ErrorList
	if len(s.Hosts) == 0 {
		errs = append(errs, field.Required(path.Child("hosts"), "nobody plans"))
	}
	errs = append(errs, s.invalidObjects(path)...)
	errs = append(errs, s.invalidFaults(path)...)
	views := s.views()
	for i, name := range s.Lagging {
		if !slices.Contains(views, name) {
			errs = append(errs, field.NotSupported(path.Child("lagging").Index(i), name, views))
		}
	}
	return append(errs, s.invalidBudget(path.Child("budget"))...)
}

// invalidObjects wants the workload, and each edited object, to be there or to be created by an edit.
func (s Scope) invalidObjects(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	type name struct{ kind, namespace, name string }
	there := map[name]bool{}
	isThere := func(kind, named string) bool {
		for n := range there {
			if n.kind == kind && n.name == named {
				return true
			}
		}
		return false
	}
	for i, obj := range s.Start {
		at := path.Child("start").Index(i)
		if obj == nil {
			errs = append(errs, field.Required(at, ""))
			continue
		}
		n := name{plan.KindOf(obj).Kind, obj.GetNamespace(), obj.GetName()}
		switch {
		case n.kind == "":
			errs = append(errs, field.Required(at.Child("kind"), ""))
		case n.name == "":
			errs = append(errs, field.Required(at.Child("metadata", "name"), ""))
		case there[n]:
			errs = append(errs, field.Duplicate(at, n.kind+" "+n.name))
		}
		there[n] = true
	}
	for i, edit := range s.Edits {
		at := path.Child("edits").Index(i)
		if edit.Change == nil {
			errs = append(errs, field.Required(at.Child("change"), ""))
		} else if !isThere(edit.Kind, edit.Name) && edit.Change(nil) == nil {
			errs = append(errs, field.NotFound(at, edit.Kind+" "+edit.Name))
		} else {
			there[name{kind: edit.Kind, name: edit.Name}] = true
		}
	}
	if w := s.Workload; !isThere(w.Kind, w.Name) {
		errs = append(errs, field.NotFound(path.Child("workload"), w.Kind+" "+w.Name))
	}
	return errs
}

func (s Scope) invalidFaults(path *field.Path) field.ErrorList {
	known := []Fault{Crash, Interrupt, LoseAnswer, Refuse, Outage, PodFails, PodUnready, PodDeleted}
	var errs field.ErrorList
	for i, fault := range s.Faults {
		if !slices.Contains(known, fault) {
			errs = append(errs, field.NotSupported(path.Child("faults").Index(i), fault, known))
		}
	}
	if slices.Contains(s.Faults, Outage) && s.Outage <= 0 {
		errs = append(errs, field.Invalid(path.Child("outage"), s.Outage.String(), "must be greater than 0 for the fault Outage"))
	}
	return errs
}

// invalidBudget wants what there is a budget for to be possible.
func (s Scope) invalidBudget(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, b := range []struct {
		name     string
		value    int
		possible bool
		without  string
	}{
		{"faults", s.Budget.Faults, len(s.Faults) > 0, "there are no faults"},
		{"edits", s.Budget.Edits, len(s.Edits) > 0, "there are no edits"},
		{"lags", s.Budget.Lags, true, ""},
		{"haste", s.Budget.Haste, true, ""},
		{"ticks", s.Budget.Ticks, s.Calendar, "the clock moves freely without a calendar"},
	} {
		switch {
		case b.value < 0 || b.value > math.MaxInt8:
			errs = append(errs, field.Invalid(path.Child(b.name), b.value, "must be from 0 to 127"))
		case b.value > 0 && !b.possible:
			errs = append(errs, field.Invalid(path.Child(b.name), b.value, b.without))
		}
	}
	return errs
}

// views are the names by which Lagging knows the views of the hosts.
func (s Scope) views() []string {
	var views []string
	for _, host := range s.Hosts {
		for _, kind := range kindsOf(host) {
			views = append(views, hostName(host)+" "+lower(kind))
		}
	}
	return views
}

// hostName is the host's name, or its kind in lower case.
func hostName(host sim.Host) string {
	if host.Name != "" {
		return host.Name
	}
	return lower(host.Kind)
}
