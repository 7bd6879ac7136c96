package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/registrytest"
	"github.com/justcy/go-micro/v4/util/test"
)

func TestMemoryConformance(t *testing.T) {
	registrytest.Run(t, registrytest.Harness{
		New: func(testing.TB) (registry.Registry, registry.Registry) {
			r := registry.NewMemoryRegistry()
			return r, r
		},
		Simulated: true,
	})
}

// foo is version 1.0.0 of service foo with nodes of these ids.
func foo(ids ...string) *registry.Service {
	s := &registry.Service{Name: "foo", Version: "1.0.0"}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{Id: id, Address: "127.0.0.1:1"})
	}
	return s
}

// nodeIDs lists the nodes of all versions of a service, sorted.
func nodeIDs(t *testing.T, r registry.Registry, name string) string {
	t.Helper()
	services, err := r.GetService(name)
	if err != nil {
		return err.Error()
	}
	var ids []string
	for _, s := range services {
		for _, n := range s.Nodes {
			ids = append(ids, n.Id)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func register(t *testing.T, r registry.Registry, s *registry.Service, opts ...registry.RegisterOption) {
	t.Helper()
	if err := r.Register(s, opts...); err != nil {
		t.Fatal(err)
	}
}

// events watches foo and returns a function that stops and describes what was
// reported so far.
func events(t *testing.T, r registry.Registry) func() string {
	t.Helper()
	w, err := r.Watch(registry.WatchService("foo"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	var mu sync.Mutex
	var seen []string
	go func() {
		for {
			res, err := w.Next()
			if err != nil {
				return
			}
			var ids []string
			for _, n := range res.Service.Nodes {
				ids = append(ids, n.Id)
			}
			mu.Lock()
			seen = append(seen, fmt.Sprint(res.Action, ids))
			mu.Unlock()
		}
	}()
	return func() string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(seen, " ")
	}
}

func TestMemoryTellsOfEveryChangeOnce(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*testing.T, registry.Registry)
		want string
	}{
		"a new service is an update": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
		}, "update[a]"},
		"a refresh is no event": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
			register(t, r, foo("a"))
		}, "update[a]"},
		"a further node is an update with all that was registered": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
			register(t, r, foo("a", "b"))
		}, "update[a] update[a b]"},
		"a changed address is an update": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
			s := foo("a")
			s.Nodes[0].Address = "127.0.0.1:2"
			register(t, r, s)
		}, "update[a] update[a]"},
		"changed node metadata is an update": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
			s := foo("a")
			s.Nodes[0].Metadata = map[string]string{"k": "v"}
			register(t, r, s)
		}, "update[a] update[a]"},
		"changed endpoints are an update": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
			s := foo("a")
			s.Endpoints = []*registry.Endpoint{{Name: "Foo.Bar"}}
			register(t, r, s)
		}, "update[a] update[a]"},
		"changed service metadata is an update": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a"))
			s := foo("a")
			s.Metadata = map[string]string{"k": "v"}
			register(t, r, s)
		}, "update[a] update[a]"},
		"a deregistration carries the caller's service": {func(t *testing.T, r registry.Registry) {
			register(t, r, foo("a", "b"))
			_ = r.Deregister(foo("b", "c"))
		}, "update[a b] delete[b c]"},
		"an unknown service is deregistered silently": {func(t *testing.T, r registry.Registry) {
			_ = r.Deregister(foo("a"))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := registry.NewMemoryRegistry()
				seen := events(t, r)
				c.do(t, r)
				if got := seen(); got != c.want {
					t.Errorf("events are %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestMemoryReplacesChangedNodesAndEndpoints(t *testing.T) {
	r := registry.NewMemoryRegistry()
	register(t, r, foo("a"))
	s := foo("a")
	s.Metadata = map[string]string{"owner": "us"}
	s.Endpoints = []*registry.Endpoint{{Name: "Foo.Bar"}}
	s.Nodes[0].Address = "127.0.0.1:2"
	s.Nodes[0].Metadata = map[string]string{"k": "v"}
	register(t, r, s)
	got, err := r.GetService("foo")
	if err != nil {
		t.Fatal(err)
	}
	s.Endpoints[0].Request, s.Endpoints[0].Response = &registry.Value{}, &registry.Value{}
	if g, w := asJSON(t, got), asJSON(t, []*registry.Service{s}); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

func TestMemoryRefreshesKnownNodesWhenOthersAreNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.NewMemoryRegistry()
		ttl := registry.RegisterTTL(10 * time.Second)
		register(t, r, foo("a"), ttl)
		time.Sleep(8 * time.Second)
		register(t, r, foo("a", "b"), ttl)
		time.Sleep(8 * time.Second)
		if got := nodeIDs(t, r, "foo"); got != "a b" {
			t.Errorf("nodes are %q, want both", got)
		}
	})
}

func TestMemoryExpiryEmitsDeleteAndDropsTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.NewMemoryRegistry()
		seen := events(t, r)
		register(t, r, foo("a"), registry.RegisterTTL(5*time.Second))
		register(t, r, foo("b"), registry.RegisterTTL(20*time.Second))
		time.Sleep(7 * time.Second)
		if got, want := seen(), "update[a] update[b] delete[a]"; got != want {
			t.Errorf("events are %q, want %q", got, want)
		}
		if got := nodeIDs(t, r, "foo"); got != "b" {
			t.Errorf("nodes are %q, want b", got)
		}
		time.Sleep(15 * time.Second)
		if _, err := r.GetService("foo"); err != registry.ErrNotFound {
			t.Errorf("GetService of an expired service gives %v, want ErrNotFound", err)
		}
		if all, _ := r.ListServices(); len(all) != 0 {
			t.Errorf("an expired service is still listed: %s", asJSON(t, all))
		}
	})
}

func TestMemoryWithoutTTLNeverExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.NewMemoryRegistry(registry.Services(test.Data))
		register(t, r, &registry.Service{Name: "bar", Nodes: foo("x").Nodes})
		time.Sleep(24 * time.Hour)
		if got, want := nodeIDs(t, r, "foo"), "foo-1.0.0-123 foo-1.0.0-321 foo-1.0.1-321 foo-1.0.3-345"; got != want {
			t.Errorf("nodes are %q, want %q", got, want)
		}
		if got := nodeIDs(t, r, "bar"); got != "x" {
			t.Errorf("nodes are %q, want x", got)
		}
	})
}

func TestMemorySweepDoesNotKeepAnUnusedRegistryAlive(t *testing.T) {
	collected := make(chan struct{})
	func() {
		r := registry.NewMemoryRegistry()
		register(t, r, foo("a"), registry.RegisterTTL(time.Hour))
		marker := new([64]byte)
		type key struct{}
		_ = r.Init(func(o *registry.Options) { o.Context = context.WithValue(context.Background(), key{}, marker) })
		runtime.AddCleanup(marker, func(struct{}) { close(collected) }, struct{}{})
	}()
	deadline := time.After(30 * time.Second)
	for {
		runtime.GC()
		select {
		case <-collected:
			return
		case <-deadline:
			t.Fatal("a registry that nobody uses is kept alive by its sweep")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestMemoryPreloadsByTheServicesOwnName(t *testing.T) {
	r := registry.NewMemoryRegistry(registry.Services(map[string][]*registry.Service{
		"another key": {foo("a")},
	}))
	if got := nodeIDs(t, r, "foo"); got != "a" {
		t.Errorf("nodes are %q, want a", got)
	}
	if _, err := r.GetService("another key"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the key is known as a service: %v", err)
	}
}

func TestMemoryInitAddsOnlyWhatIsNotKnown(t *testing.T) {
	r := registry.NewMemoryRegistry()
	register(t, r, foo("a"))
	further := foo("c")
	further.Version = "2.0.0"
	if err := r.Init(registry.Services(map[string][]*registry.Service{"foo": {foo("b"), further}})); err != nil {
		t.Fatal(err)
	}
	if got := nodeIDs(t, r, "foo"); got != "a c" {
		t.Errorf("nodes are %q, want the known version as it was and the further one", got)
	}
}

func TestMemoryEventsAreCopies(t *testing.T) {
	r := registry.NewMemoryRegistry()
	var watchers []registry.Watcher
	for range 2 {
		w, err := r.Watch()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		watchers = append(watchers, w)
	}
	s := foo("a")
	register(t, r, s)
	s.Nodes[0].Address = "changed"
	for i, w := range watchers {
		res, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Service.Nodes[0].Address; got != "127.0.0.1:1" {
			t.Errorf("watcher %d sees the address %s", i, got)
		}
		res.Service.Nodes[0].Address = "changed"
	}
}

func TestMemoryEventsAreNeitherLostNorReordered(t *testing.T) {
	r := registry.NewMemoryRegistry()
	w, err := r.Watch(registry.WatchService("foo"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	const n = 1000
	for i := range n {
		register(t, r, foo(fmt.Sprint(i)))
	}
	for i := range n {
		res, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Service.Nodes[0].Id; got != fmt.Sprint(i) {
			t.Fatalf("event %d is about node %s", i, got)
		}
	}
}

func TestMemoryWatcherStopIsConcurrentAndFinal(t *testing.T) {
	r := registry.NewMemoryRegistry()
	w, err := r.Watch()
	if err != nil {
		t.Fatal(err)
	}
	register(t, r, foo("a")) // queued, and of no interest after Stop
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(w.Stop)
	}
	wg.Wait()
	if _, err := w.Next(); err != registry.ErrWatcherStopped {
		t.Errorf("Next after Stop gives %v, want ErrWatcherStopped itself", err)
	}
}

func TestMemoryWatcherEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w, err := registry.NewMemoryRegistry().Watch(registry.WatchContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Next(); err != registry.ErrWatcherStopped {
		t.Errorf("Next gives %v, want ErrWatcherStopped", err)
	}
}

func TestMemoryFillsInMissingValuesOfEndpoints(t *testing.T) {
	r := registry.NewMemoryRegistry()
	s := foo("a")
	s.Endpoints = []*registry.Endpoint{{Name: "Foo.Bar"}}
	register(t, r, s)
	got, err := r.GetService("foo")
	if err != nil {
		t.Fatal(err)
	}
	if e := got[0].Endpoints[0]; e.Request == nil || e.Response == nil {
		t.Errorf("endpoint comes back as %+v, want empty values", e)
	}
}

func TestMemoryOptionMayUseTheRegistry(t *testing.T) {
	r := registry.NewMemoryRegistry()
	err := r.Init(func(o *registry.Options) {
		services, _ := r.ListServices()
		o.Timeout = r.Options().Timeout + time.Duration(1+len(services))
	})
	if err != nil || r.Options().Timeout != 1 {
		t.Errorf("got %v, timeout %v", err, r.Options().Timeout)
	}
}

func TestMemoryRejectsNoService(t *testing.T) {
	r := registry.NewMemoryRegistry()
	if r.Register(nil) == nil || r.Deregister(nil) == nil {
		t.Error("nothing can be registered")
	}
}

func TestMemoryInitKeepsTheOtherOptions(t *testing.T) {
	r := registry.NewMemoryRegistry(registry.Addrs("a"))
	if err := r.Init(registry.Timeout(time.Second)); err != nil {
		t.Fatal(err)
	}
	if o := r.Options(); o.Timeout != time.Second || len(o.Addrs) != 1 {
		t.Errorf("Options() = %+v", o)
	}
	if r.String() != "memory" {
		t.Errorf("String() = %q", r.String())
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
