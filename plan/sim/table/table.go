package table

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubeplan/kubeplan/plan"
)

// Options choose what a table shows, as the flags of kubectl do.
type Options struct {
	Now        time.Time // ages are counted up to this instant
	Wide       bool      // -o wide
	Namespaces bool      // -A: a first column NAMESPACE
	Labels     bool      // --show-labels: a last column LABELS
	NoHeaders  bool      // --no-headers
	Prefixed   bool      // names as "pod/web-0", as kubectl shows them where it prints several kinds
}

// cell is one entry of a row, under the header of its column.
type cell struct {
	header, text string
	wide         bool // shown with -o wide only
}

// Format gives the table of "kubectl get": each kind has its own, in the order in which the kinds first appear, with
// a blank line in between. Rows keep the order of the objects, but for events, which kubectl sorts by time. No
// objects give no text.
func Format(objects []plan.Object, options Options) string {
	var kinds []string
	groups := map[string][]plan.Object{}
	for _, obj := range objects {
		kind := plan.KindOf(obj).Kind
		if groups[kind] == nil {
			kinds = append(kinds, kind)
		}
		groups[kind] = append(groups[kind], obj)
	}
	options.Prefixed = options.Prefixed || len(kinds) > 1
	var tables []string
	for _, kind := range kinds {
		tables = append(tables, format(groups[kind], options))
	}
	return strings.Join(tables, "\n")
}

// format is Format for objects of one kind.
func format(objects []plan.Object, options Options) string {
	var lines [][]string
	for i, obj := range inOrder(objects) {
		cells := shown(row(obj, options.Now), obj, options)
		if i == 0 && !options.NoHeaders {
			lines = append(lines, texts(cells, func(c cell) string { return c.header }))
		}
		lines = append(lines, texts(cells, func(c cell) string { return c.text }))
	}
	return align(lines)
}

// shown picks the cells that the options ask for, and adds those that every kind can have.
func shown(cells []cell, obj plan.Object, options Options) []cell {
	if !options.Wide {
		cells = slices.DeleteFunc(cells, func(c cell) bool { return c.wide })
	}
	if options.Prefixed {
		for i := range cells {
			if cells[i].header == "NAME" {
				cells[i].text = NameOf(obj)
			}
		}
	}
	if options.Namespaces {
		cells = slices.Insert(cells, 0, cell{header: "NAMESPACE", text: obj.GetNamespace()})
	}
	if options.Labels {
		cells = append(cells, cell{header: "LABELS", text: labels.FormatLabels(obj.GetLabels())})
	}
	return cells
}

func texts(cells []cell, text func(cell) string) []string {
	line := make([]string, len(cells))
	for i, c := range cells {
		line[i] = text(c)
	}
	return line
}

// align sets the lines in columns with three spaces between them, as kubectl does.
func align(lines [][]string) string {
	var aligned strings.Builder
	w := tabwriter.NewWriter(&aligned, 6, 4, 3, ' ', 0)
	for _, line := range lines {
		_, _ = w.Write([]byte(strings.Join(line, "\t") + "\n")) // a Builder never fails
	}
	_ = w.Flush()
	return trimRight(aligned.String())
}

// trimRight takes the spaces off the end of every line.
func trimRight(text string) string {
	var trimmed strings.Builder
	for line := range strings.Lines(text) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return trimmed.String()
}

// orNone is how kubectl shows what is not there.
func orNone(text string) string { return cmp.Or(text, "<none>") }

func number[N int | int32 | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// orDefault reads a pointer for which the API server has a default.
func orDefault[T any](value *T, byDefault T) T {
	if value == nil {
		return byDefault
	}
	return *value
}
