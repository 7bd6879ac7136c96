package selector_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/selector/selectortest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random":      selector.Random,
		"RoundRobin":  selector.RoundRobin,
		"LeastLoaded": selector.LeastLoaded,
		"custom":      func(s []*registry.Service) selector.Next { return selector.Random(s) },
	} {
		t.Run(name, func(t *testing.T) {
			selectortest.Run(t, selectortest.Harness{
				New: func(opts ...selector.Option) selector.Selector {
					return selector.NewSelector(append(opts, selector.SetStrategy(strategy))...)
				},
			})
		})
	}
}

// greeter is one version with nodes of these ids.
func greeter(version string, ids ...string) *registry.Service {
	s := &registry.Service{Name: "greeter", Version: version}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{Id: id, Address: "127.0.0.1:1"})
	}
	return s
}

// start returns a selector over a memory registry with the services.
func start(t testing.TB, services []*registry.Service, opts ...selector.Option) (selector.Selector, registry.Registry) {
	t.Helper()
	r := registry.NewMemoryRegistry()
	for _, s := range services {
		if err := r.Register(s); err != nil {
			t.Fatal(err)
		}
	}
	s := selector.NewSelector(append(opts, selector.Registry(r))...)
	t.Cleanup(func() { _ = s.Close() })
	return s, r
}

func one(s *registry.Service) []*registry.Service { return []*registry.Service{s} }

// pick selects once and takes the first node.
func pick(t testing.TB, s selector.Selector, opts ...selector.SelectOption) string {
	t.Helper()
	next, err := s.Select("greeter", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return take(t, next)
}

func take(t testing.TB, next selector.Next) string {
	t.Helper()
	n, err := next()
	if err != nil {
		t.Fatal(err)
	}
	return n.Id
}

// spread counts the nodes of many picks.
func spread(t testing.TB, s selector.Selector, opts ...selector.SelectOption) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for range 200 {
		seen[pick(t, s, opts...)]++
	}
	return seen
}

func TestServiceWithoutNodesIsFoundAndHasNoneAvailable(t *testing.T) {
	s, _ := start(t, one(greeter("1")))
	next, err := s.Select("greeter")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next(); err != selector.ErrNoneAvailable {
		t.Errorf("Next gives %v", err)
	}
}

func TestErrorsOfSelectAreTheSentinelsThemselves(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a")))
	if _, err := s.Select("nobody"); err != selector.ErrNotFound {
		t.Errorf("an unknown service gives %v", err)
	}
	if _, err := s.Select("greeter", selector.WithFilter(selector.FilterVersion("9"))); err != selector.ErrNoneAvailable {
		t.Errorf("no matching version gives %v", err)
	}
	if selector.ErrNotFound.Error() != "not found" || selector.ErrNoneAvailable.Error() != "none available" {
		t.Error("the texts have changed")
	}
}

// failing is a registry that cannot be asked.
type failing struct {
	registry.Registry
	err error
}

func (f failing) GetService(_ string, opts ...registry.GetOption) ([]*registry.Service, error) {
	var o registry.GetOptions
	for _, set := range opts {
		set(&o)
	}
	if o.Context != nil && o.Context.Err() != nil {
		return nil, o.Context.Err()
	}
	return nil, f.err
}

func TestOtherErrorsOfTheRegistryPassThrough(t *testing.T) {
	down := errors.New("down")
	s := selector.NewSelector(selector.Registry(failing{registry.NewMemoryRegistry(), down}))
	defer s.Close()
	if _, err := s.Select("greeter"); !errors.Is(err, down) {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Select("greeter", selector.WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled lookup gives %v", err)
	}
}

func TestSelectWhileNodesComeAndGo(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random": selector.Random, "RoundRobin": selector.RoundRobin, "LeastLoaded": selector.LeastLoaded,
		"custom": func(s []*registry.Service) selector.Next {
			s[0].Nodes[0].Address = "changed"
			return selector.Random(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t, one(greeter("1", "always")), selector.SetStrategy(strategy))
			tracker := s.(selector.Tracker)
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := range 300 {
					guest := greeter("1", fmt.Sprint("guest", i%3))
					_ = r.Register(guest)
					_ = r.Deregister(guest)
				}
			})
			for range 4 {
				wg.Go(func() {
					for i := range 300 {
						next, err := s.Select("greeter")
						if err != nil {
							t.Error(err)
							return
						}
						n, err := next()
						if err != nil {
							t.Error(err)
							return
						}
						done := tracker.Begin("greeter", n)
						n.Address = "changed by its owner"
						if i%10 == 0 {
							err = selector.ErrUnreachable
						}
						done(err)
						s.Mark("greeter", n, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestInitReplacesTheRegistryAndOptionsCanBeReadMeanwhile(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a")))
	other := registry.NewMemoryRegistry()
	if err := other.Register(greeter("1", "z")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			_ = s.Options()
		}
	})
	for range 100 {
		if err := s.Init(selector.Registry(other)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if got := pick(t, s); got != "z" {
		t.Errorf("%s is picked from the old registry", got)
	}
}

func TestSelectorsOfTwoClientsAreIndependent(t *testing.T) {
	one, _ := start(t, one(greeter("1", "a")))
	two, _ := start(t, []*registry.Service{greeter("1", "b")})
	if err := two.Init(selector.SetStrategy(selector.RoundRobin)); err != nil {
		t.Fatal(err)
	}
	if got := pick(t, one) + pick(t, two); got != "ab" {
		t.Errorf("picks are %s", got)
	}
}

func TestCacheTTLComesFromTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &counting{Registry: registry.NewMemoryRegistry()}
		if err := r.Register(greeter("1", "a")); err != nil {
			t.Fatal(err)
		}
		s := selector.NewSelector(selector.Registry(r), func(o *selector.Options) {
			//lint:ignore SA1029 existing programs use this key
			o.Context = context.WithValue(context.Background(), "selector_ttl", time.Hour)
		})
		defer s.Close()
		pick(t, s)
		time.Sleep(time.Minute)
		lookups := r.lookups.Load() // the second when the watcher had started
		time.Sleep(49 * time.Minute)
		pick(t, s)
		if now := r.lookups.Load(); now != lookups {
			t.Errorf("%d lookups within the TTL, %d of them at once", now, lookups)
		}
	})
}

type counting struct {
	registry.Registry
	lookups atomic.Int32
}

func (c *counting) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	c.lookups.Add(1)
	return c.Registry.GetService(name, opts...)
}

func TestASelectorWithoutOptionsHasTheDefaults(t *testing.T) {
	s := selector.NewSelector()
	defer s.Close()
	if s.String() != "registry" || s.Options().Registry != registry.DefaultRegistry || s.Options().Strategy == nil {
		t.Errorf("defaults are %+v", s.Options())
	}
}

// hundred is a service with 100 nodes.
func hundred() *registry.Service {
	s := greeter("1")
	for i := range 100 {
		s.Nodes = append(s.Nodes, &registry.Node{
			Id: fmt.Sprint(i), Address: "127.0.0.1:1", Metadata: map[string]string{"protocol": "mucp"},
		})
	}
	return s
}

func TestSelectDoesNotCopyTheServices(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random": selector.Random, "RoundRobin": selector.RoundRobin, "LeastLoaded": selector.LeastLoaded,
	} {
		s, _ := start(t, one(hundred()), selector.SetStrategy(strategy))
		pick(t, s)
		if n := testing.AllocsPerRun(100, func() { _, _ = s.Select("greeter") }); n > 2 {
			t.Errorf("%s: Select costs %v allocations, want at most 2", name, n)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	custom := func(s []*registry.Service) selector.Next { return selector.Random(s) }
	for _, c := range []struct {
		name     string
		strategy selector.Strategy
		opts     []selector.SelectOption
	}{
		{"Random", selector.Random, nil},
		{"RoundRobin", selector.RoundRobin, nil},
		{"LeastLoaded", selector.LeastLoaded, nil},
		{"custom", custom, nil},
		{"filtered", selector.Random, []selector.SelectOption{selector.WithFilter(selector.FilterVersion("1"))}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := start(b, one(hundred()), selector.SetStrategy(c.strategy))
			b.ReportAllocs()
			for b.Loop() {
				next, err := s.Select("greeter", c.opts...)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func Example() {
	r := registry.NewMemoryRegistry()
	_ = r.Register(&registry.Service{
		Name:    "greeter",
		Version: "1.0.0",
		Nodes:   []*registry.Node{{Id: "greeter-1", Address: "10.0.0.1:80"}, {Id: "greeter-2", Address: "10.0.0.2:80"}},
	})
	s := selector.NewSelector(selector.Registry(r), selector.SetStrategy(selector.RoundRobin))
	defer s.Close()

	for range 2 {
		next, err := s.Select("greeter")
		if err != nil {
			fmt.Println(err)
			return
		}
		node, err := next()
		fmt.Println(node.Address, err)
		s.Mark("greeter", node, err)
	}
	// Output:
	// 10.0.0.1:80 <nil>
	// 10.0.0.2:80 <nil>
}
