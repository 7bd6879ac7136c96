package options_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/options"
)

type counts struct{ a, b int }

type option func(*counts)

func TestZeroHoldsZeroOptions(t *testing.T) {
	var c options.Current[counts]
	if got := c.Get(); got != (counts{}) {
		t.Errorf("got %+v", got)
	}
}

func TestConcurrentChangesAreNotLost(t *testing.T) {
	c := options.New(counts{a: 1})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { options.Apply(c, []option{func(o *counts) { o.a++; runtime.Gosched() }}) })
		wg.Go(func() { options.Apply(c, []option{func(o *counts) { o.b++; runtime.Gosched() }}) })
	}
	wg.Wait()
	if got := c.Get(); got != (counts{101, 100}) {
		t.Errorf("got %+v", got)
	}
}

func TestOptionsCanBeReadWhileTheyChange(t *testing.T) {
	c := options.New(counts{a: 1})
	options.Apply(c, []option{func(o *counts) { o.b = c.Get().a }})
	if got := c.Get(); got != (counts{1, 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestFailedChangeIsNotInForce(t *testing.T) {
	c := options.New(counts{a: 1})
	failed := errors.New("failed")
	if err := c.Change(func(o *counts) error { o.a = 2; return failed }); err != failed {
		t.Errorf("got %v", err)
	}
	if got := c.Get(); got != (counts{a: 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestNilOptionsAreSkipped(t *testing.T) {
	c := options.New(counts{a: 1})
	options.Apply(c, []option{nil, func(o *counts) { o.b = 2 }, nil})
	if got := c.Get(); got != (counts{1, 2}) {
		t.Errorf("got %+v", got)
	}
}

func TestOptionsAreAppliedToACopy(t *testing.T) {
	set := []option{nil, func(o *counts) { o.b = 2 }}
	if got := options.Of(set); got != (counts{b: 2}) {
		t.Errorf("got %+v", got)
	}
	base := counts{a: 1}
	if got := options.With(base, set); got != (counts{1, 2}) || base != (counts{a: 1}) {
		t.Errorf("got %+v from %+v", got, base)
	}
	if got := options.With(base, []option(nil)); got != base {
		t.Errorf("got %+v", got)
	}
	if n := testing.AllocsPerRun(100, func() { _ = options.Of([]option(nil)) }); n > 0 {
		t.Errorf("no options take %v allocations", n)
	}
}
