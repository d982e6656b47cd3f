package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubeplan/kubeplan/internal/manifest"
	"github.com/kubeplan/kubeplan/plan"
)

// printPlans reads the files and prints the plan of each workload. The error says why there are no plans at all, or
// no more; valid is false if some of the input was not planned.
func printPlans(o options, stdin io.Reader, stdout, stderr io.Writer) (valid bool, err error) {
	in := input{now: o.now(), policyName: o.policy}
	if o.policy != "" {
		if in.policy, err = readPolicy(o.policy, stdin); err != nil {
			return false, err
		}
	}
	items, invalid := readFiles(o, stdin)
	in.observed = newSnapshot(items)
	chosen, unread := choose(items, o.workload)
	invalid = append(invalid, unread...)
	for _, err := range invalid {
		fmt.Fprintf(stderr, "kubeplan: %v\n", err)
	}
	unknown := slices.DeleteFunc(slices.Clone(items), func(i item) bool { return !i.isUnknown() })
	for _, i := range slices.Concat(unknown, chosen) {
		if doubt := i.doubt(); doubt != "" {
			fmt.Fprintf(stderr, "warning: %s: %s\n", i.where, doubt)
		}
	}

	valid = len(invalid) == 0
	show := textPrinter(stdout, stderr, in.now)
	if o.json {
		show = jsonPrinter(stdout)
	} else if len(chosen) == 0 {
		fmt.Fprintln(stderr, "kubeplan: there is no workload in the input")
	}
	for _, i := range chosen {
		result, wrong := planItem(i, in)
		planned, err := show(i.ref, result, wrong)
		if err != nil {
			return false, err
		}
		valid = valid && planned
	}
	return valid, nil
}

// printer prints the plan of a workload, or why there is none. The error is that of the writer.
type printer func(workload plan.Ref, result planned, invalid error) (valid bool, err error)

// readFiles gives the objects of all files, and what is wrong with the files themselves.
func readFiles(o options, stdin io.Reader) (items []item, invalid []error) {
	broken := o.open(stdin, func(name string, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("%s: %w", name, plainly(err))
		}
		for _, d := range manifest.Documents(name, data) {
			if d.Err != nil {
				invalid = append(invalid, fmt.Errorf("%s: %w", d.Where, d.Err))
				continue
			}
			items = append(items, readItems(d.Where, d.JSON, metav1.TypeMeta{})...)
		}
		return nil
	})
	return items, append(invalid, broken...)
}

// readPolicy gives the policy as JSON.
func readPolicy(file string, stdin io.Reader) (policy []byte, err error) {
	err = openFile(file, stdin, func(name string, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("%s: %w", name, plainly(err))
		}
		switch found := manifest.Documents(name, data); len(found) {
		case 0:
		case 1:
			policy, err = found[0].JSON, found[0].Err
		default:
			err = errors.New("more than one document")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return policy, err
}
