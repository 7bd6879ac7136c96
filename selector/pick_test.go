package selector_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

func TestPickFollowsTheStrategy(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b", "c")), selector.SetStrategy(selector.RoundRobin))
	got := ""
	for range 6 {
		n, err := s.(selector.Picker).Pick(context.Background(), "greeter")
		if err != nil {
			t.Fatal(err)
		}
		got += n.Id
	}
	if got += pick(t, s); got != "abcabca" {
		t.Errorf("picks are %s, want abcabca", got)
	}
	last := func(services []*registry.Service) selector.Next {
		return func() (*registry.Node, error) { return services[0].Nodes[2], nil }
	}
	s, _ = start(t, one(greeter("1", "a", "b", "c")), selector.SetStrategy(last))
	if n, err := s.(selector.Picker).Pick(context.Background(), "greeter"); err != nil || n.Id != "c" {
		t.Errorf("a custom strategy picks %v, %v", n, err)
	}
}

func TestPickHasTheErrorsOfSelect(t *testing.T) {
	s, _ := start(t, one(greeter("1")))
	p := s.(selector.Picker)
	if _, err := p.Pick(context.Background(), "nobody"); err != selector.ErrNotFound {
		t.Errorf("an unknown service gives %v", err)
	}
	if _, err := p.Pick(context.Background(), "greeter"); err != selector.ErrNoneAvailable {
		t.Errorf("a service without nodes gives %v", err)
	}
}

func TestPickAvoidsUnreachableNodes(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b")))
	pick(t, s)
	s.Mark("greeter", nodeA, selector.ErrUnreachable)
	for range 50 {
		if n, err := s.(selector.Picker).Pick(context.Background(), "greeter"); err != nil || n.Id != "b" {
			t.Fatalf("picked %v, %v", n, err)
		}
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random": selector.Random, "RoundRobin": selector.RoundRobin, "LeastLoaded": selector.LeastLoaded,
	} {
		s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(strategy))
		p, ctx := s.(selector.Picker), context.Background()
		if _, err := p.Pick(ctx, "greeter"); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = p.Pick(ctx, "greeter") }); n > 0 {
			t.Errorf("with %s it costs %v allocations", name, n)
		}
	}
}

// stuck is a registry that answers when it is told to, whatever the context.
type stuck struct {
	registry.Registry
	release chan struct{}
}

func (s stuck) GetService(name string, _ ...registry.GetOption) ([]*registry.Service, error) {
	<-s.release
	return s.Registry.GetService(name)
}

func TestALookupEndsWithItsContextThoughTheRegistryDoesNotHeedIt(t *testing.T) {
	for name, lookup := range map[string]func(context.Context, selector.Selector) error{
		"Select": func(ctx context.Context, s selector.Selector) error {
			_, err := s.Select("greeter", selector.WithContext(ctx))
			return err
		},
		"Pick": func(ctx context.Context, s selector.Selector) error {
			_, err := s.(selector.Picker).Pick(ctx, "greeter")
			return err
		},
	} {
		for cache, ttl := range map[string]time.Duration{"with a cache": time.Minute, "without": 0} {
			t.Run(name+" "+cache, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := registry.NewMemoryRegistry()
					if err := r.Register(greeter("1", "a")); err != nil {
						t.Fatal(err)
					}
					slow := stuck{r, make(chan struct{})}
					settings := context.WithValue(context.Background(), "selector_ttl", ttl)
					s := selector.NewSelector(selector.Registry(slow), func(o *selector.Options) { o.Context = settings })
					defer s.Close()
					defer close(slow.release)
					begun := time.Now()
					for range 3 {
						ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
						defer cancel()
						if err := lookup(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("got %v", err)
						}
					}
					if took := time.Since(begun); took != 60*time.Millisecond {
						t.Errorf("three lookups took %v", took)
					}
				})
			})
		}
	}
}

func TestNilOptionsAndFiltersStandForNothing(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a")), nil)
	if err := s.Init(nil); err != nil {
		t.Fatal(err)
	}
	pick(t, s, nil, selector.WithFilter(nil))
}

func TestLeastLoadedCountsOpenStreams(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(selector.LeastLoaded))
	pick(t, s)
	tracker := s.(selector.StreamTracker)
	done := tracker.BeginStream("greeter", nodeA)
	if got := spread(t, s); got["a"] > 0 {
		t.Errorf("with a stream to a, picks are %v", got)
	}
	done()
	other := tracker.BeginStream("greeter", &registry.Node{Id: "b"})
	defer other()
	if got := spread(t, s); got["b"] > 0 {
		t.Errorf("with the stream to a ended and one to b, picks are %v", got)
	}
}

func TestTheLengthOfAStreamIsNoLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(selector.LeastLoaded))
		defer s.Close()
		pick(t, s)
		tracker := s.(selector.StreamTracker)
		for _, id := range []string{"a", "b"} {
			done := tracker.Begin("greeter", &registry.Node{Id: id})
			time.Sleep(time.Millisecond)
			done(nil)
		}
		end := tracker.BeginStream("greeter", nodeA)
		time.Sleep(time.Second)
		end()
		busy := tracker.Begin("greeter", &registry.Node{Id: "b"})
		defer busy(nil)
		if got := spread(t, s); got["b"] > 0 {
			t.Errorf("picks are %v", got)
		}
	})
}

func BenchmarkPick(b *testing.B) {
	pickFrom := func(name string, s selector.Selector, each func()) {
		p, ctx := s.(selector.Picker), context.Background()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				each()
				if _, err := p.Pick(ctx, "greeter"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, nodes := range []int{3, 100, 10_000} {
		s, aside := crowd(b, nodes)
		s.Reset("greeter")
		pickFrom(fmt.Sprint(nodes, " nodes"), s, func() {})
		picks := 0
		pickFrom(fmt.Sprint(nodes, " nodes, one set aside"), s, func() {
			if picks%1_000_000 == 0 { // its pause takes a second
				s.Mark("greeter", aside, selector.ErrUnreachable)
			}
			picks++
		})
	}
}
