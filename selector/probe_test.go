package selector_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// life is how a node answers probes: frozen ones do not.
type life struct {
	frozen  atomic.Bool
	probes  atomic.Int32
	running atomic.Int32
}

func (l *life) probe(ctx context.Context) error {
	l.probes.Add(1)
	l.running.Add(1)
	defer l.running.Add(-1)
	if l.frozen.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

var nodeA = &registry.Node{Id: "a"}

func (l *life) timeout() error { return selector.Silent(context.DeadlineExceeded, l.probe) }

func TestASilentNodeIsSetAsideUntilItAnswers(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random":      selector.Random,
		"RoundRobin":  selector.RoundRobin,
		"LeastLoaded": selector.LeastLoaded,
		"custom":      func(s []*registry.Service) selector.Next { return selector.Random(s) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(strategy))
				defer s.Close()
				pick(t, s)
				a := &life{}
				a.frozen.Store(true)
				s.Mark("greeter", nodeA, a.timeout())
				for range 60 {
					if got := spread(t, s); got["a"] > 0 {
						t.Fatalf("while a is frozen, picks are %v", got)
					}
					time.Sleep(5 * time.Second)
				}
				if n := a.probes.Load(); n < 5 || n > 20 {
					t.Errorf("it was probed %d times in five minutes", n)
				}
				a.frozen.Store(false)
				for range 30 {
					spread(t, s)
					time.Sleep(time.Second)
				}
				if got := spread(t, s); got["a"] == 0 {
					t.Errorf("half a minute after a woke up, picks are %v", got)
				}
			})
		})
	}
}

func TestANodeThatIsMerelySlowKeepsItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, one(greeter("1", "a", "b")))
		defer s.Close()
		pick(t, s)
		a := &life{}
		for range 100 {
			for range 10 {
				s.Mark("greeter", nodeA, a.timeout())
			}
			synctest.Wait()
			if got := spread(t, s); got["a"] == 0 {
				t.Fatalf("picks are %v", got)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := a.probes.Load(); n > 10 {
			t.Errorf("it was probed %d times in ten seconds", n)
		}
	})
}

func TestASuccessEndsTheDoubtAboutASilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, one(greeter("1", "a", "b")))
		defer s.Close()
		pick(t, s)
		a := &life{}
		a.frozen.Store(true)
		s.Mark("greeter", nodeA, a.timeout())
		s.Mark("greeter", nodeA, nil)
		time.Sleep(10 * time.Second) // the probe has failed
		if got := spread(t, s); got["a"] == 0 {
			t.Errorf("picks are %v", got)
		}
	})
}

func TestACancelledRequestIsNoReasonToProbe(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b")))
	pick(t, s)
	a := &life{}
	s.Mark("greeter", nodeA, selector.Silent(fmt.Errorf("calling: %w", context.Canceled), a.probe))
	if got := spread(t, s); got["a"] == 0 || a.probes.Load() > 0 {
		t.Errorf("picks are %v, %d probes", got, a.probes.Load())
	}
}

func TestSilentKeepsTheError(t *testing.T) {
	cause := fmt.Errorf("no reply: %w", context.DeadlineExceeded)
	err := selector.Silent(cause, (&life{}).probe)
	if err.Error() != cause.Error() || !errors.Is(err, cause) || errors.Is(err, selector.ErrUnreachable) {
		t.Errorf("it became %v", err)
	}
}

func TestCloseAndInitEndProbes(t *testing.T) {
	for name, end := range map[string]func(selector.Selector) error{
		"Close": selector.Selector.Close,
		"Init":  func(s selector.Selector) error { return s.Init() },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t, one(greeter("1", "a", "b")))
			pick(t, s)
			a := &life{}
			a.frozen.Store(true)
			s.Mark("greeter", nodeA, a.timeout())
			if err := end(s); err != nil || a.running.Load() > 0 {
				t.Errorf("%d probes run on, %v", a.running.Load(), err)
			}
			s.Mark("greeter", nodeA, a.timeout())
			pick(t, s)
		})
	}
}
