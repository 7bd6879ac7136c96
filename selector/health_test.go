package selector_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

func TestUnreachableNodeIsSetAside(t *testing.T) {
	for name, err := range map[string]error{
		"sentinel":           fmt.Errorf("calling: %w", selector.ErrUnreachable),
		"wrapped":            selector.Unreachable(errors.New("message not sent")),
		"refused":            fmt.Errorf("dial: %w", syscall.ECONNREFUSED),
		"failed dial":        &net.OpError{Op: "dial", Err: errors.New("no route")},
		"says so by itself":  fmt.Errorf("wrapped: %w", says(true)),
		"names do not exist": &net.OpError{Op: "dial", Err: &net.DNSError{}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t, one(greeter("1", "a", "b")))
			pick(t, s)
			s.Mark("greeter", &registry.Node{Id: "a"}, err)
			if got := spread(t, s); got["a"] > 0 {
				t.Errorf("picks are %v", got)
			}
		})
	}
}

type says bool

func (s says) Error() string { return "gone" }

func (s says) Unreachable() bool { return bool(s) }

func TestOtherErrorsSetNothingAside(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b")))
	pick(t, s)
	for _, err := range []error{errors.New("bad request"), context.DeadlineExceeded, says(false),
		&net.OpError{Op: "read", Err: syscall.ECONNRESET},
		selector.Unreachable(fmt.Errorf("dialling: %w", context.Canceled))} {
		s.Mark("greeter", &registry.Node{Id: "a"}, err)
	}
	if got := spread(t, s); got["a"] == 0 {
		t.Errorf("picks are %v", got)
	}
}

func TestUnreachableKeepsTheErrorsText(t *testing.T) {
	cause := errors.New("message not sent")
	err := selector.Unreachable(cause)
	if err.Error() != cause.Error() || !errors.Is(err, cause) || !errors.Is(err, selector.ErrUnreachable) {
		t.Errorf("it became %v", err)
	}
	if selector.Unreachable(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestRetryAvoidsTheNodeMarkedSince(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random":      selector.Random,
		"RoundRobin":  selector.RoundRobin,
		"LeastLoaded": selector.LeastLoaded,
		"custom":      func(s []*registry.Service) selector.Next { return selector.Random(s) },
		"custom that always takes the first": func(s []*registry.Service) selector.Next {
			return func() (*registry.Node, error) { return s[0].Nodes[0], nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				s, _ := start(t, one(greeter("1", "a", "b", "c")), selector.SetStrategy(strategy))
				next, err := s.Select("greeter")
				if err != nil {
					t.Fatal(err)
				}
				tried := map[string]bool{}
				for range 3 {
					id := take(t, next)
					if tried[id] {
						t.Fatalf("node %s is tried again while others are left", id)
					}
					tried[id] = true
					s.Mark("greeter", &registry.Node{Id: id}, selector.ErrUnreachable)
				}
				take(t, next) // all are set aside: any will do
			}
		})
	}
}

func TestSetAsideGrowsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, one(greeter("1", "a", "b")))
		defer s.Close()
		pick(t, s)
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			s.Mark("greeter", &registry.Node{Id: "a"}, selector.ErrUnreachable)
			s.Mark("greeter", &registry.Node{Id: "a"}, selector.ErrUnreachable) // of a call under way
			time.Sleep(pause*time.Second - time.Millisecond)
			if got := spread(t, s); got["a"] > 0 {
				t.Errorf("before %ds are over, picks are %v", pause, got)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait() // for the timer that ends it
			if got := spread(t, s); got["a"] == 0 {
				t.Errorf("after %ds, picks are %v", pause, got)
			}
		}
		s.Mark("greeter", &registry.Node{Id: "a"}, nil)
		s.Mark("greeter", &registry.Node{Id: "a"}, selector.ErrUnreachable)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := spread(t, s); got["a"] == 0 {
			t.Errorf("a success did not end the growth: %v", got)
		}
	})
}

func TestSuccessResetAndRegistryEventClearAMark(t *testing.T) {
	for name, clear := range map[string]func(selector.Selector, registry.Registry){
		"success": func(s selector.Selector, _ registry.Registry) { s.Mark("greeter", &registry.Node{Id: "a"}, nil) },
		"reset":   func(s selector.Selector, _ registry.Registry) { s.Reset("greeter") },
		"registry event": func(_ selector.Selector, r registry.Registry) {
			again := greeter("1", "a")
			again.Nodes[0].Address = "127.0.0.1:2"
			_ = r.Register(again)
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := start(t, one(greeter("1", "a", "b")))
				defer s.Close()
				pick(t, s)
				time.Sleep(time.Second) // until the cache watches
				s.Mark("greeter", &registry.Node{Id: "a"}, selector.ErrUnreachable)
				clear(s, r)
				if got := spread(t, s); got["a"] == 0 {
					t.Errorf("picks are %v", got)
				}
			})
		})
	}
}

// Callers may choose addresses themselves, and then mark nodes that the registry
// does not have: there is no end of them.
func TestNodesTheRegistryDoesNotHaveAreNotRemembered(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(selector.LeastLoaded))
	pick(t, s)
	tracker := s.(selector.Tracker)
	before := heap()
	for i := range 50_000 {
		n := &registry.Node{Id: fmt.Sprintf("10.0.0.1:%d", i)}
		tracker.Begin("greeter", n)(nil)
		s.Mark("greeter", n, selector.ErrUnreachable)
	}
	if after := heap(); after > before+2<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	pick(t, s)
}

// heap returns the size of what is still in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestDrainingNodeIsLeftAlone(t *testing.T) {
	service := greeter("1", "a", "b")
	service.Nodes[0].Metadata = map[string]string{registry.StateKey: registry.StateDraining}
	for name, strategy := range map[string]selector.Strategy{
		"Random":      selector.Random,
		"RoundRobin":  selector.RoundRobin,
		"LeastLoaded": selector.LeastLoaded,
		"custom":      func(s []*registry.Service) selector.Next { return selector.Random(s) },
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t, one(service), selector.SetStrategy(strategy))
			if got := spread(t, s); got["a"] > 0 {
				t.Errorf("picks are %v", got)
			}
			onlyA := selector.WithFilter(func(services []*registry.Service) []*registry.Service {
				services[0].Nodes = services[0].Nodes[:1]
				return services
			})
			if got := pick(t, s, onlyA); got != "a" {
				t.Errorf("with no other node left %s is picked", got)
			}
			s.Mark("greeter", &registry.Node{Id: "b"}, selector.ErrUnreachable)
			if got := spread(t, s); got["b"] > 0 {
				t.Errorf("while the other is unreachable, picks are %v", got)
			}
			_ = r
		})
	}
}

// crowd is one version with that many nodes, of which one is set aside.
func crowd(t testing.TB, nodes int) (s selector.Selector, aside *registry.Node) {
	t.Helper()
	service := greeter("1")
	for i := range nodes {
		service.Nodes = append(service.Nodes, &registry.Node{Id: fmt.Sprint("node-", i), Address: "127.0.0.1:1"})
	}
	s, _ = start(t, one(service))
	aside = service.Nodes[nodes/2]
	pick(t, s)
	s.Mark("greeter", aside, selector.ErrUnreachable)
	return s, aside
}

func TestANodeThatIsSetAsideCostsNoLookAtTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that its pause does not end
		s, aside := crowd(t, 10_000)
		defer s.Close()
		p, ctx := s.(selector.Picker), context.Background()
		if _, err := p.Pick(ctx, "greeter"); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(1000, func() {
			if node, err := p.Pick(ctx, "greeter"); err != nil || node.Id == aside.Id {
				t.Errorf("picked %v, %v", node, err)
			}
		}); n > 0 {
			t.Errorf("a pick costs %v allocations", n)
		}
	})
}

func TestWhoIsSetAsideIsKnownAtOnceAndUntilThePauseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, one(greeter("1", "a", "b", "c")))
		defer s.Close()
		next, err := s.Select("greeter")
		if err != nil {
			t.Fatal(err)
		}
		picked := func() map[string]bool {
			seen := map[string]bool{}
			for range 200 {
				seen[take(t, next)] = true
			}
			return seen
		}
		for _, id := range []string{"a", "b"} {
			s.Mark("greeter", &registry.Node{Id: id}, selector.ErrUnreachable)
			if picked()[id] {
				t.Errorf("%s is picked at once", id)
			}
			time.Sleep(600 * time.Millisecond)
		}
		if got := picked(); !got["a"] || got["b"] {
			t.Errorf("picked after the pause of a: %v", got)
		}
		s.Mark("greeter", &registry.Node{Id: "b"}, nil)
		if got := picked(); !got["b"] {
			t.Errorf("picked after a success of b: %v", got)
		}
	})
}
