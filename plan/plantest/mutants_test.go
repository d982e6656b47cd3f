package plantest_test

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kubeplan/kubeplan/plan/plantest"
)

// silent is a test that keeps to itself what it is failed for.
type silent struct {
	name    string
	failed  bool
	message string
}

func (s *silent) Helper()             {}
func (s *silent) Name() string        { return s.name }
func (s *silent) Logf(string, ...any) {}
func (s *silent) Log(...any)          {}
func (s *silent) Failed() bool        { return s.failed }
func (s *silent) Fail()               { s.failed = true }
func (s *silent) FailNow()            { s.failed = true; runtime.Goexit() }
func (s *silent) SkipNow()            { runtime.Goexit() }
func (s *silent) Skip(...any)         { runtime.Goexit() }
func (s *silent) Skipf(string, ...any) {
	runtime.Goexit()
}

func (s *silent) Errorf(format string, args ...any) {
	s.failed = true
	if s.message == "" {
		s.message = fmt.Sprintf(format, args...)
	}
}

func (s *silent) Error(args ...any)                 { s.Errorf("%s", fmt.Sprint(args...)) }
func (s *silent) Fatal(args ...any)                 { s.Error(args...); s.FailNow() }
func (s *silent) Fatalf(format string, args ...any) { s.Errorf(format, args...); s.FailNow() }

// fails reports whether rapid finds that a property does not hold, and how it puts it. It looks longer than usual and does not
// shrink what it finds.
func fails(t *testing.T, property func(*rapid.T)) (string, bool) {
	checks := 3000
	if testing.Short() {
		checks *= 5 // of which rapid makes a fifth
	}
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(checks), "rapid.shrinktime": "0s", "rapid.nofailfile": "true"} {
		f := flag.Lookup(name)
		before := f.Value.String()
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Value.Set(before) }()
	}
	s := &silent{name: t.Name()}
	done := make(chan struct{})
	go func() { // FailNow ends the goroutine
		defer close(done)
		rapid.Check(s, property)
	}()
	<-done
	return s.message, s.failed
}

// mutant is a planner, or a host, with one thing wrong, and the rules that find it out.
type mutant[I any] struct {
	name    string
	make    func(plantest.Subject[I]) plantest.Subject[I]
	killers []string
}

// checkMutants sees that every mutant is caught by each of its killers, and that every rule catches one.
func checkMutants[I any](t *testing.T, healthy plantest.Subject[I], mutants []mutant[I]) {
	kills := map[string]bool{}
	for _, m := range mutants {
		for _, killer := range m.killers {
			kills[killer] = true
		}
		t.Run(m.name, func(t *testing.T) {
			rules := map[string]plantest.Rule{}
			for _, rule := range plantest.Rules(m.make(healthy)) {
				rules[rule.Name] = rule
			}
			for _, killer := range m.killers {
				rule, ok := rules[killer]
				if !ok {
					t.Fatalf("there is no rule %q", killer)
				}
				message, caught := fails(t, rule.Check)
				if !caught {
					t.Errorf("%q does not catch it", killer)
					continue
				}
				t.Logf("caught by %q: %s", killer, message)
			}
		})
	}
	for _, rule := range plantest.Rules(healthy) {
		if !kills[rule.Name] {
			t.Errorf("no mutant is there to show that %q can fail", rule.Name)
		}
	}
}

// expectCaught sees that a property fails, and for what.
func expectCaught(t *testing.T, property func(*rapid.T), says string) {
	t.Helper()
	message, caught := fails(t, property)
	first, _, _ := strings.Cut(message, "\n")
	switch {
	case !caught:
		t.Fatal("nothing shows it")
	case !strings.Contains(first, says):
		t.Fatalf("caught because %q, and it should be because %q", first, says)
	}
	t.Logf("caught: %s", first)
}
