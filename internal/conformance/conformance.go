// Package conformance runs tables of rules against an implementation: the
// engine of the public suites, and of the tests of these suites.
package conformance

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// Rule is one thing that every implementation must do.
type Rule[H any] struct {
	// Sentence is the rule, in words; a failure quotes it.
	Sentence string
	// Gap names the flag with which a harness declares that it cannot keep the
	// rule, or returns "" when it must. Nil means it always must.
	Gap func(H) string
	// Check fails t when the rule is broken.
	Check func(t testing.TB, h H)
}

// Flag makes a Gap of a flag of the harness.
func Flag[H any](name string, isSet func(H) bool) func(H) string {
	return func(h H) string {
		if isSet(h) {
			return name
		}
		return ""
	}
}

// Returned makes a Check of a function that returns what is wrong.
func Returned[H any](check func(t testing.TB, h H) error) func(testing.TB, H) {
	return func(t testing.TB, h H) {
		t.Helper()
		if err := check(t, h); err != nil {
			t.Error(err)
		}
	}
}

// Run checks all rules, each in a subtest. Rules the harness declares it cannot
// keep are skipped by the name of the flag.
func Run[H any](t *testing.T, h H, rules []Rule[H]) {
	run(t, h, rules, func(t *testing.T, check func(*testing.T)) { check(t) })
}

// RunParallel is Run for rules that wait rather than work, and do not disturb
// each other.
func RunParallel[H any](t *testing.T, h H, rules []Rule[H]) {
	run(t, h, rules, func(t *testing.T, check func(*testing.T)) {
		t.Parallel()
		check(t)
	})
}

// RunSimulated is Run for implementations that wait for timers and for what this
// process does, and for nothing else: each rule has a synctest bubble.
func RunSimulated[H any](t *testing.T, h H, rules []Rule[H]) {
	run(t, h, rules, synctest.Test)
}

func run[H any](t *testing.T, h H, rules []Rule[H], where func(t *testing.T, check func(*testing.T))) {
	for _, r := range rules {
		t.Run(strings.ReplaceAll(r.Sentence, " ", "_"), func(t *testing.T) {
			if gap := r.gap(h); gap != "" {
				t.Skipf("%s is set: %s", gap, r.Sentence)
			}
			where(t, func(t *testing.T) { r.Check(&quoting{TB: t, rule: r.Sentence}, h) })
		})
	}
}

func (r Rule[H]) gap(h H) string {
	if r.Gap == nil {
		return ""
	}
	return r.Gap(h)
}

// Broken checks rules without failing t and returns the failures by rule: all
// rules, or only those named. Suites test themselves with it, on
// implementations that are wrong on purpose.
func Broken[H any](t testing.TB, h H, rules []Rule[H], only ...string) map[string]string {
	broken := map[string]string{}
	for _, r := range rules {
		if r.gap(h) != "" || len(only) > 0 && !slices.Contains(only, r.Sentence) {
			continue
		}
		rec := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer rec.cleanUp()
			r.Check(&quoting{TB: rec, rule: r.Sentence}, h)
		}()
		<-done
		if len(rec.failures) > 0 {
			broken[r.Sentence] = strings.Join(rec.failures, "\n")
		}
	}
	return broken
}

// quoting puts the rule in front of each failure.
type quoting struct {
	testing.TB
	rule string
}

func (q *quoting) Errorf(format string, args ...any) {
	q.TB.Helper()
	q.TB.Errorf("rule %q is broken: %s", q.rule, fmt.Sprintf(format, args...))
}

func (q *quoting) Fatalf(format string, args ...any) {
	q.TB.Helper()
	q.TB.Fatalf("rule %q is broken: %s", q.rule, fmt.Sprintf(format, args...))
}

func (q *quoting) Error(args ...any) {
	q.TB.Helper()
	q.Errorf("%s", fmt.Sprint(args...))
}

func (q *quoting) Fatal(args ...any) {
	q.TB.Helper()
	q.Fatalf("%s", fmt.Sprint(args...))
}

// recorder is a testing.TB that notes failures in place of failing.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) FailNow() {
	r.Errorf("failed")
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) cleanUp() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}
