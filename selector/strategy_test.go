package selector_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

func TestStrategiesWithoutNodesSayThatNoneIsAvailable(t *testing.T) {
	for name, strategy := range map[string]selector.Strategy{
		"Random": selector.Random, "RoundRobin": selector.RoundRobin, "LeastLoaded": selector.LeastLoaded,
	} {
		for _, services := range [][]*registry.Service{nil, one(greeter("1"))} {
			if _, err := strategy(services)(); err != selector.ErrNoneAvailable {
				t.Errorf("%s without nodes gives %v", name, err)
			}
		}
	}
}

func TestRoundRobinRotatesAcrossSelects(t *testing.T) {
	services := []*registry.Service{greeter("1", "a", "b"), greeter("2", "c")}
	for name, opts := range map[string]struct {
		of []selector.Option
		at []selector.SelectOption
	}{
		"as the selector's strategy": {of: []selector.Option{selector.SetStrategy(selector.RoundRobin)}},
		"as the strategy of a call":  {at: []selector.SelectOption{selector.WithStrategy(selector.RoundRobin)}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t, services, opts.of...)
			got := ""
			for range 6 {
				got += pick(t, s, opts.at...)
			}
			if got != "abcabc" {
				t.Errorf("picks are %s, want abcabc", got)
			}
		})
	}
}

func TestRoundRobinGoesOnWithTheNextNode(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b", "c")), selector.SetStrategy(selector.RoundRobin))
	next, err := s.Select("greeter")
	if err != nil {
		t.Fatal(err)
	}
	if got := take(t, next) + take(t, next) + take(t, next) + take(t, next); got != "abca" {
		t.Errorf("one Select gives %s, want abca", got)
	}
}

func TestRoundRobinByItselfKeepsNodeOrder(t *testing.T) {
	next := selector.RoundRobin([]*registry.Service{greeter("1", "a", "b"), greeter("2", "c")})
	first := take(t, next)
	for range 6 {
		second := take(t, next)
		if want := map[string]string{"a": "b", "b": "c", "c": "a"}[first]; second != want {
			t.Fatalf("after %s comes %s, want %s", first, second, want)
		}
		first = second
	}
}

func TestCustomStrategyMayChangeWhatItGets(t *testing.T) {
	greedy := func(services []*registry.Service) selector.Next {
		if len(services[0].Nodes) != 2 {
			panic("the change of an earlier call is seen")
		}
		n := services[0].Nodes[0]
		n.Address = "spoilt"
		services[0].Nodes = services[0].Nodes[:1]
		services[0] = nil
		return func() (*registry.Node, error) { return n, nil }
	}
	s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(greedy))
	pick(t, s)
	pick(t, s)
	next, err := s.Select("greeter", selector.WithStrategy(selector.RoundRobin))
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := next(); n.Address == "spoilt" {
		t.Error("a strategy changed the nodes of others")
	}
}

func TestStrategyThatReturnsNothingHasNoneAvailable(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a")), selector.SetStrategy(func([]*registry.Service) selector.Next {
		return func() (*registry.Node, error) { return nil, nil }
	}))
	next, err := s.Select("greeter")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next(); err != selector.ErrNoneAvailable {
		t.Errorf("Next gives %v", err)
	}
}

// With no node, or after its node was marked, a strategy that returns neither a
// node nor an error used to hand its caller just that.
func TestStrategyThatReturnsNothingInTheEndHasNoneAvailable(t *testing.T) {
	nothing := func([]*registry.Service) selector.Next {
		return func() (*registry.Node, error) { return nil, nil }
	}
	s, _ := start(t, one(greeter("1")), selector.SetStrategy(nothing))
	next, err := s.Select("greeter")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := next(); n != nil || err != selector.ErrNoneAvailable {
		t.Errorf("without nodes Next gives %v, %v", n, err)
	}

	runs := 0
	once := func(services []*registry.Service) selector.Next {
		if runs++; runs > 1 {
			return nothing(nil)
		}
		return func() (*registry.Node, error) { return services[0].Nodes[0], nil }
	}
	s, _ = start(t, one(greeter("1", "a")), selector.SetStrategy(once))
	if next, err = s.Select("greeter"); err != nil {
		t.Fatal(err)
	}
	s.Mark("greeter", &registry.Node{Id: "a"}, selector.ErrUnreachable)
	if n, err := next(); err != nil || n == nil || n.Id != "a" {
		t.Errorf("with nothing but a marked node Next gives %v, %v", n, err)
	}
}

func TestBuiltInFiltersTolerateNil(t *testing.T) {
	services := []*registry.Service{nil, greeter("1", "a")}
	for name, filter := range map[string]selector.Filter{
		"endpoint": selector.FilterEndpoint("x"), "version": selector.FilterVersion("1"), "label": selector.FilterLabel("k", ""),
	} {
		for _, s := range filter(services) {
			if s == nil {
				t.Errorf("the %s filter keeps nil", name)
			}
		}
	}
	if _, err := selector.Random(services)(); err != nil {
		t.Error(err)
	}
}

func TestBuiltInFiltersCopyWhatTheyChange(t *testing.T) {
	service := greeter("1", "a", "b")
	service.Nodes[0].Metadata = map[string]string{"zone": "x"}
	got := selector.FilterLabel("zone", "x")(one(service))
	if len(got) != 1 || len(got[0].Nodes) != 1 || got[0].Nodes[0].Id != "a" {
		t.Errorf("the filter leaves %+v", got)
	}
	if len(service.Nodes) != 2 {
		t.Error("the filter changed what it was given")
	}
}

func TestLeastLoadedPrefersTheIdleNode(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a", "b")), selector.SetStrategy(selector.LeastLoaded))
	pick(t, s)
	tracker := s.(selector.Tracker)
	done := tracker.Begin("greeter", &registry.Node{Id: "a"})
	if got := spread(t, s); got["a"] > 0 {
		t.Errorf("while a is busy, picks are %v", got)
	}
	done(nil)
	busy := tracker.Begin("greeter", &registry.Node{Id: "b"})
	defer busy(nil)
	if got := spread(t, s); got["b"] > 0 {
		t.Errorf("while b is busy, picks are %v", got)
	}
}

func TestLeastLoadedPrefersTheFastNodeUntilTheSlowIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, one(greeter("1", "fast", "slow")), selector.SetStrategy(selector.LeastLoaded))
		defer s.Close()
		pick(t, s)
		tracker := s.(selector.Tracker)
		run := func(id string, d time.Duration, err error) {
			done := tracker.Begin("greeter", &registry.Node{Id: id})
			time.Sleep(d)
			done(err)
		}
		run("slow", time.Second, nil)
		run("slow", time.Microsecond, errors.New("refused")) // quick, but no better
		run("fast", time.Millisecond, nil)
		if got := spread(t, s); got["slow"] > 0 {
			t.Errorf("picks are %v", got)
		}
		for range 200 {
			time.Sleep(time.Second)
			run("fast", time.Millisecond, nil)
		}
		if got := spread(t, s); got["slow"] == 0 {
			t.Errorf("a node that was slow minutes ago is never tried again: %v", got)
		}
	})
}

func TestTrackingCostsNothingUnlessUsed(t *testing.T) {
	s, _ := start(t, one(greeter("1", "a")))
	pick(t, s)
	tracker, node := s.(selector.Tracker), &registry.Node{Id: "a"}
	if n := testing.AllocsPerRun(100, func() { tracker.Begin("greeter", node)(nil) }); n > 0 {
		t.Errorf("Begin costs %v allocations", n)
	}
}
