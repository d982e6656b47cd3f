package plantest

import (
	"fmt"
	"testing"
)

type fatal struct {
	testing.TB
	said string
}

func (f *fatal) Helper()                           {}
func (f *fatal) Fatalf(format string, args ...any) { f.said = fmt.Sprintf(format, args...) }

// A Subject or a World that lacks something says what, instead of a panic in the middle of a rule.
func TestRequire(t *testing.T) {
	subject, world := ReplicaSets(), ReplicaSetWorld()
	subject.Goal, world.Always = nil, nil
	for _, test := range []struct {
		of    any
		field string
		want  string
	}{
		{subject, "Goal", "plantest: Subject.Goal: Required value"},
		{world, "Always", "plantest: World.Always: Required value"},
		{world, "Step", ""},
	} {
		var f fatal
		if require(&f, test.of, test.field); f.said != test.want {
			t.Errorf("got %q, want %q", f.said, test.want)
		}
	}
}
