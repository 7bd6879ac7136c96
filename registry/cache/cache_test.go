package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
	"github.com/justcy/go-micro/v4/registry/registrytest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	registrytest.Run(t, registrytest.Harness{
		New: func(t testing.TB) (registry.Registry, registry.Registry) {
			r := registry.NewMemoryRegistry()
			newCache := func() registry.Registry {
				// A short TTL, because a change right after the first lookup
				// may come before the cache watches.
				c := cache.New(r, cache.WithTTL(50*time.Millisecond))
				t.Cleanup(c.Stop)
				return c
			}
			return newCache(), newCache()
		},
		Simulated: true,
	})
}

func foo(version string, ids ...string) *registry.Service {
	s := &registry.Service{Name: "foo", Version: version}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{Id: id, Address: "127.0.0.1:1", Metadata: map[string]string{"k": "v"}})
	}
	return s
}

// nodes describes what a registry returns for foo as "version id id, …".
func nodes(r registry.Registry) string { return nodesOf(r, "foo") }

func nodesOf(r registry.Registry, name string) string {
	services, err := r.GetService(name)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, s := range services {
		ids := []string{s.Version}
		for _, n := range s.Nodes {
			ids = append(ids, n.Id)
		}
		slices.Sort(ids[1:])
		out = append(out, strings.Join(ids, " "))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func expect(t *testing.T, r registry.Registry, want string) {
	t.Helper()
	if got := nodes(r); got != want {
		t.Errorf("the cache has %q, want %q", got, want)
	}
}

// bubble runs a test in a bubble, with a cache over a source of foo 1 with
// nodes a and b that has been looked up and is watched.
func bubble(t *testing.T, test func(t *testing.T, s *source, c cache.Cache), opts ...cache.Option) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a", "b"))
		c := cache.New(s, opts...)
		defer c.Stop()
		expect(t, c, "1 a b")
		time.Sleep(time.Second) // the watcher starts within the jitter
		test(t, s, c)
	})
}

func TestLookupsAreRememberedForTheTTL(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(cache.DefaultTTL - 2*time.Second)
		expect(t, c, "1 a b")
		if s.asks() != 2 { // the second time when the watcher had started
			t.Errorf("the registry was asked %d times within the TTL", s.asks())
		}
		time.Sleep(2 * time.Second)
		expect(t, c, "1 a b")
		if s.asks() != 3 {
			t.Errorf("the registry was asked %d times, want again after the TTL", s.asks())
		}
	})
}

func TestChangeBeforeTheFirstWatchIsNotMissedForATTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		c := cache.New(s)
		defer c.Stop()
		expect(t, c, "1 a")
		s.set(func() { s.services["foo"] = []*registry.Service{foo("1", "a", "b")} }) // nobody watches yet
		time.Sleep(time.Second)
		expect(t, c, "1 a b")
	})
}

func TestNothingIsRememberedWithoutTTL(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		expect(t, c, "1 a b")
		if s.asks() != 2 || len(s.watched) != 0 {
			t.Errorf("%d lookups and %d watchers, want 2 and none", s.asks(), len(s.watched))
		}
	}, cache.WithTTL(0))
}

func TestConcurrentLookupsShareOneFetchAndGetTheirOwnCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		s.gate = make(chan struct{})
		c := cache.New(s)
		defer c.Stop()
		results := make([][]*registry.Service, 8)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i], _ = c.GetService("foo") })
		}
		synctest.Wait()
		close(s.gate)
		wg.Wait()
		if s.asks() != 1 {
			t.Errorf("the registry was asked %d times", s.asks())
		}
		for i, r := range results {
			if got := r[0].Nodes[0].Metadata["k"]; got != "v" {
				t.Fatalf("caller %d sees the change of another: %s", i, got)
			}
			r[0].Nodes[0].Metadata["k"] = "changed"
		}
		if s.services["foo"][0].Nodes[0].Metadata["k"] != "v" {
			t.Error("a caller's change reaches the registry")
		}
		expect(t, c, "1 a")
	})
}

func TestUnknownAndEmptyAreNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		c := cache.New(s)
		defer c.Stop()
		if _, err := c.GetService("foo"); err != registry.ErrNotFound {
			t.Errorf("an empty answer gives %v", err)
		}
		s.set(func() { s.err = registry.ErrNotFound })
		if _, err := c.GetService("foo"); err != registry.ErrNotFound {
			t.Errorf("an unknown name gives %v", err)
		}
		time.Sleep(time.Second)
		if len(s.watched) != 0 {
			t.Error("a name that does not exist is watched")
		}
	})
}

func TestNameThatCouldNotBeLookedUpIsNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		s.err = errors.New("down")
		c := cache.New(s)
		defer c.Stop()
		for range 3 {
			expect(t, c, "down")
		}
		time.Sleep(time.Second)
		if len(s.watched) != 0 {
			t.Errorf("%d watchers of a name of which nothing is known", len(s.watched))
		}
	})
}

func TestFailureServesTheOlderCopy(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(cache.DefaultTTL)
		s.set(func() { s.err = errors.New("down") })
		expect(t, c, "1 a b")
		s.emit("delete", foo("1"))
		expect(t, c, "1 a b") // nothing is forgotten while the registry fails
		if got := nodesOf(c, "bar"); got != "down" {
			t.Errorf("without an older copy: %q, want the error", got)
		}
		s.set(func() { s.err = nil; s.services["foo"] = []*registry.Service{foo("2", "c")} })
		expect(t, c, "2 c")
		s.set(func() { s.services["foo"] = nil })
		s.emit("delete", foo("2"))
		expect(t, c, "service not found")
	})
}

func TestDefiniteNotFoundRemovesTheOlderCopy(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(cache.DefaultTTL)
		s.set(func() { s.err = fmt.Errorf("looking: %w", registry.ErrNotFound) })
		if _, err := c.GetService("foo"); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("the error is %v", err)
		}
		s.set(func() { s.err = errors.New("down") })
		expect(t, c, "down")
	})
}

func TestEventsChangeOnlyTheNodesTheyName(t *testing.T) {
	none := "service not found"
	for name, c := range map[string]struct {
		action string
		event  *registry.Service
		want   string
	}{
		"create adds a version":                            {"create", foo("2", "c"), "1 a b, 2 c"},
		"update adds a version":                            {"update", foo("2", "c"), "1 a b, 2 c"},
		"create keeps the other nodes of a version":        {"create", foo("1", "b", "c"), "1 a b c"},
		"update keeps the other nodes of a version":        {"update", foo("1", "c"), "1 a b c"},
		"create without nodes is ignored":                  {"create", foo("1"), "1 a b"},
		"delete removes the listed nodes":                  {"delete", foo("1", "a"), "1 b"},
		"delete of all nodes forgets the name":             {"delete", foo("1", "a", "b"), none},
		"delete without nodes forgets the name":            {"delete", foo("1"), none},
		"delete of an unknown version is ignored":          {"delete", foo("9", "a"), "1 a b"},
		"delete without version is about nodes of any":     {"delete", foo("", "a"), "1 b"},
		"override of a known version forgets the name":     {"override", foo("1", "a"), none},
		"override of an unknown version is ignored":        {"override", foo("9", "a"), "1 a b"},
		"an unknown action is ignored":                     {"explode", foo("1", "a"), "1 a b"},
		"an event of another service leaves it as it was ": {"delete", &registry.Service{Name: "bar"}, "1 a b"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *source, r cache.Cache) {
				s.set(func() { s.services = nil })
				s.emit(c.action, c.event)
				expect(t, r, c.want)
			})
		})
	}
}

func TestEventReplacesTheNode(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		moved := foo("1", "a")
		moved.Nodes[0].Address = "127.0.0.1:2"
		s.emit("update", moved)
		services, err := c.GetService("foo")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range services[0].Nodes {
			if n.Id == "a" && n.Address != "127.0.0.1:2" {
				t.Errorf("node a is still at %s", n.Address)
			}
		}
	})
}

func TestEventsPushTheExpiry(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(cache.DefaultTTL / 2)
		s.emit("update", foo("1", "a"))
		time.Sleep(cache.DefaultTTL - time.Second)
		expect(t, c, "1 a b")
		if s.asks() != 2 {
			t.Errorf("the registry was asked %d times", s.asks())
		}
	})
}

func TestEventsNeverModifyWhatWasHandedOut(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		shared, err := c.(cache.Snapshotter).Snapshot("foo")
		if err != nil {
			t.Fatal(err)
		}
		before := shared[0]
		s.emit("update", foo("1", "c"))
		s.emit("delete", foo("1", "a"))
		if len(before.Nodes) != 2 || before.Nodes[0].Id != "a" || shared[0] != before {
			t.Errorf("an event changed a snapshot: %+v", before)
		}
		if got := len(s.services["foo"][0].Nodes); got != 2 {
			t.Errorf("an event changed the registry's own slice: %d nodes", got)
		}
		expect(t, c, "1 b c")
	})
}

func TestSnapshotIsTheSameUntilSomethingChanges(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		snapshot := func() *registry.Service {
			services, err := c.(cache.Snapshotter).Snapshot("foo")
			if err != nil {
				t.Fatal(err)
			}
			return services[0]
		}
		first := snapshot()
		if snapshot() != first {
			t.Error("an unchanged service was copied")
		}
		s.emit("update", foo("1", "c"))
		if snapshot() == first {
			t.Error("a changed service is the same")
		}
	})
}

func TestEventDuringAFetchIsNotLost(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(cache.DefaultTTL)
		s.set(func() { s.gate = make(chan struct{}) })
		done := make(chan struct{})
		go func() { defer close(done); nodes(c) }()
		synctest.Wait() // the registry has read its answer and is slow to send it
		s.emit("delete", foo("1", "a"))
		close(s.gate)
		<-done
		expect(t, c, "1 b")
	})
}

func TestGetOptionsReachTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		c := cache.New(s)
		defer c.Stop()
		type key struct{}
		ctx := context.WithValue(context.Background(), key{}, "value")
		if _, err := c.GetService("foo", registry.GetContext(ctx)); err != nil {
			t.Fatal(err)
		}
		if s.options.Context == nil || s.options.Context.Value(key{}) != "value" {
			t.Error("the registry did not get the context")
		}
	})
}

func TestCancelledLookupDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		s.gate = make(chan struct{})
		c := cache.New(s)
		defer c.Stop()
		ctx, cancel := context.WithCancel(context.Background())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.GetService("foo", registry.GetContext(ctx)); first <- err }()
		synctest.Wait()
		go func() { _, err := c.GetService("foo"); second <- err }()
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled lookup gives %v", err)
		}
		synctest.Wait()
		close(s.gate)
		if err := <-second; err != nil {
			t.Errorf("the other lookup gives %v", err)
		}
	})
}

func TestWaitingLookupEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		s.gate = make(chan struct{})
		c := cache.New(s)
		defer c.Stop()
		go nodes(c)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := c.GetService("foo", registry.GetContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a lookup that waits for another gives %v", err)
		}
		close(s.gate)
		synctest.Wait()
	})
}

func TestLostWatcherResetsOnlyItsOwnName(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		s.set(func() { s.services["bar"] = []*registry.Service{{Name: "bar", Nodes: foo("", "x").Nodes}} })
		nodesOf(c, "bar")
		time.Sleep(time.Second)
		asks := s.asks()
		s.breakWatchers("foo")
		time.Sleep(time.Second)
		nodesOf(c, "bar")
		if s.asks() != asks {
			t.Error("bar was asked for again")
		}
		nodes(c)
		if s.asks() != asks+1 {
			t.Error("foo was not asked for again")
		}
		s.set(func() { s.err = errors.New("down") })
		s.breakWatchers("foo")
		time.Sleep(time.Second)
		expect(t, c, "1 a b") // still good enough when the registry fails
	})
}

func TestWatchBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		s.watchErr = errors.New("down")
		c := cache.New(s)
		defer c.Stop()
		nodes(c)
		time.Sleep(30 * time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		want := []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, 10 * time.Millisecond}
		if len(s.watched) <= len(want) {
			t.Fatalf("only %d attempts to watch", len(s.watched))
		}
		for i, pause := range want {
			got := s.watched[i+1].Sub(s.watched[i])
			if got < pause || got >= pause+100*time.Millisecond {
				t.Errorf("pause %d is %v, want %v and less than 100ms of jitter", i, got, pause)
			}
		}
	})
}

func TestStopEndsABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(foo("1", "a"))
		s.watchErr = errors.New("down")
		c := cache.New(s)
		nodes(c)
		time.Sleep(5 * time.Second) // in the pause of 10s
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(c.Stop)
		}
		wg.Wait()
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Stop waited for %v", waited)
		}
	})
}

func TestLookupsWorkAfterStop(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		c.Stop()
		c.Stop()
		expect(t, c, "1 a b")
		time.Sleep(cache.DefaultTTL)
		expect(t, c, "1 a b")
		nodesOf(c, "bar")
		if len(s.watched) != 1 {
			t.Errorf("%d watchers, want none after Stop", len(s.watched)-1)
		}
	})
}

func TestOnEventIsToldOfEvents(t *testing.T) {
	var seen []string
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		s.emit("update", foo("1", "c"))
		s.emit("delete", foo("1", "c"))
		if got := strings.Join(seen, " "); got != "update delete" {
			t.Errorf("told of %q", got)
		}
	}, cache.WithOnEvent(func(r *registry.Result) { seen = append(seen, r.Action) }))
}

func TestTheNameIsCache(t *testing.T) {
	if got := cache.New(registry.NewMemoryRegistry()).String(); got != "cache" {
		t.Errorf("String() = %q", got)
	}
}

func Example() {
	r := registry.NewMemoryRegistry()
	_ = r.Register(foo("1.0.0", "foo-1"))

	c := cache.New(r, cache.WithTTL(time.Minute))
	defer c.Stop()
	services, err := c.GetService("foo")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(services[0].Version, services[0].Nodes[0].Id)
	// Output: 1.0.0 foo-1
}

func BenchmarkSnapshot(b *testing.B) {
	r := registry.NewMemoryRegistry()
	_ = r.Register(foo("1.0.0", "a", "b", "c"))
	c := cache.New(r)
	defer c.Stop()
	snapshots := c.(cache.Snapshotter)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := snapshots.Snapshot("foo"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestSnapshotHitDoesNotAllocate(t *testing.T) {
	r := registry.NewMemoryRegistry()
	_ = r.Register(foo("1.0.0", "a"))
	c := cache.New(r)
	defer c.Stop()
	snapshots := c.(cache.Snapshotter)
	name := strings.Clone("foo")
	if n := testing.AllocsPerRun(100, func() { _, _ = snapshots.Snapshot(name) }); n > 0 {
		t.Errorf("a hit costs %v allocations", n)
	}
}
