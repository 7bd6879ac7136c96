package broker

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
)

const (
	// routesFresh is how long a Publish trusts what the registry itself said, and
	// routesRetry the same for senders that try again. For that long after a change
	// of its own the broker asks the registry itself: its cache may not know yet.
	routesFresh = 5 * time.Millisecond
	routesRetry = 500 * time.Millisecond
	// routesTTL is how often to look without an event: a registry may lose some.
	routesTTL = 15 * time.Second
)

// routes knows where the subscribers of each topic are: while the broker is
// connected from a cache, which follows the registry, else from the registry itself.
type routes struct {
	lookup func() registry.Registry

	mu      sync.Mutex
	cache   cache.Snapshotter // nil while the broker is not connected
	changed time.Time         // when the broker last changed something itself
	last    answer            // of the registry itself
	sorted  []*registry.Service
	topics  map[string][]version // of sorted
}

type answer struct {
	services   []*registry.Service
	err        error
	asked, got time.Time
}

// good reports whether the answer need not be asked for again. That there is nobody
// may take long to find out; a failure is good enough for senders that try again.
func (a answer) good(age time.Duration) bool {
	if errors.Is(a.err, registry.ErrNotFound) {
		age = max(age, 4*a.got.Sub(a.asked))
	}
	return time.Since(a.got) < age && (a.err == nil || errors.Is(a.err, registry.ErrNotFound) || age >= routesRetry)
}

func newRoutes(lookup func() registry.Registry) *routes { return &routes{lookup: lookup} }

// forget makes the next question go to the registry itself.
func (r *routes) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed, r.last = time.Now(), answer{}
}

// follow has a cache follow the registry until ctx is done.
func (r *routes) follow(ctx context.Context, reg registry.Registry) {
	c := cache.New(reg, cache.WithTTL(routesTTL))
	defer c.Stop()
	use := func(c cache.Snapshotter) { r.mu.Lock(); r.cache = c; r.mu.Unlock() }
	use(c.(cache.Snapshotter))
	<-ctx.Done()
	use(nil)
}

// of returns the receivers of a topic, as the registry said at most age ago.
func (r *routes) of(ctx context.Context, topic string, age time.Duration) ([]version, error) {
	get := r.lookup().GetService
	r.mu.Lock()
	defer r.mu.Unlock()
	a, changed := r.last, r.changed
	if r.cache != nil && time.Since(changed) > routesRetry {
		get = r.cache.Snapshot
	}
	if !a.good(age) {
		r.mu.Unlock()
		a = answer{asked: time.Now()}
		a.services, a.err = get(serviceName, registry.GetContext(ctx))
		if a.got = time.Now(); a.err == nil && len(a.services) == 0 {
			a.err = registry.ErrNotFound
		}
		r.mu.Lock()
		if ctx.Err() == nil && r.changed.Equal(changed) { // else it says nothing to others
			r.last = a
		}
	}
	if err := cmp.Or(ctx.Err(), a.err); err != nil {
		return nil, err
	}
	if len(r.sorted) != len(a.services) || &r.sorted[0] != &a.services[0] {
		r.sorted, r.topics = a.services, byTopic(a.services)
	}
	return r.topics[topic], nil
}
