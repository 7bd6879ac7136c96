package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// watchMemory returns a memory registry and a watcher of all of it.
func watchMemory(t *testing.T) (registry.Registry, registry.Watcher) {
	t.Helper()
	r := registry.NewMemoryRegistry()
	w, err := r.Watch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return r, w
}

func TestAWatcherThatIsBehindIsToldTheLatestOfEachNode(t *testing.T) {
	r, w := watchMemory(t)
	const changes = 20_000
	s := foo("a", "b")
	for i := range changes {
		s.Nodes[i%2].Address = fmt.Sprintf("127.0.0.1:%d", i)
		register(t, r, s)
	}
	other := foo("c")
	register(t, r, other)
	if err := r.Deregister(other); err != nil {
		t.Fatal(err)
	}
	latest := map[string]string{}
	events := 0
	for latest["c"] != "delete" {
		res, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if events++; events > 4096 {
			t.Fatalf("a watcher that was not read holds over %d events", events-1)
		}
		for _, n := range res.Service.Nodes {
			latest[n.Id] = n.Address
			if res.Action == "delete" {
				latest[n.Id] = "delete"
			}
		}
	}
	if latest["a"] != s.Nodes[0].Address || latest["b"] != s.Nodes[1].Address {
		t.Errorf("the last events are %v", latest)
	}
}

func TestAWatcherThatMissedNodesWhichAreGoneFails(t *testing.T) {
	r, w := watchMemory(t)
	for i := range 5000 {
		s := foo(fmt.Sprint(i))
		register(t, r, s)
		if err := r.Deregister(s); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, err := w.Next()
		if !errors.Is(err, registry.ErrEventsLost) {
			t.Fatalf("Next gives %v, want ErrEventsLost", err)
		}
	}
	w.Stop()
	if _, err := w.Next(); err != registry.ErrWatcherStopped {
		t.Errorf("Next after Stop gives %v", err)
	}
}

func TestAWatcherMayBeBehindByAllThatIsRegistered(t *testing.T) {
	r, w := watchMemory(t)
	const nodes = 5000
	for _, change := range []func(*registry.Service) error{
		func(s *registry.Service) error { return r.Register(s) },
		func(s *registry.Service) error { return r.Deregister(s) },
	} {
		for i := range nodes {
			if err := change(foo(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range nodes {
			res, err := w.Next()
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Service.Nodes[0].Id; got != fmt.Sprint(i) {
				t.Fatalf("event %d is about node %s", i, got)
			}
		}
	}
}

// A change costs the same however many other names are followed. The quickest of
// many tries is little disturbed by what else the machine does.
func TestAChangeConcernsTheWatchersOfItsNameAlone(t *testing.T) {
	quickest := func(followed int) time.Duration {
		r := registry.NewMemoryRegistry()
		for i := range followed {
			w, err := r.Watch(registry.WatchService(fmt.Sprint("followed ", i)))
			if err != nil {
				t.Fatal(err)
			}
			defer w.Stop()
		}
		s := foo("a")
		least := time.Hour
		for i := range 200 {
			s.Nodes[0].Address = fmt.Sprint(i)
			start := time.Now()
			register(t, r, s)
			least = min(least, time.Since(start))
		}
		return least
	}
	if few, many := quickest(10), quickest(10_000); many > 10*few {
		t.Errorf("a change takes %v with 10 names followed and %v with 10,000", few, many)
	}
}
