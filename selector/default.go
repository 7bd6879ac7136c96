package selector

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
)

// ttlKey is where Options.Context has the TTL of the cache.
const ttlKey = "selector_ttl"

// NewSelector returns the default selector, which looks services up in a
// registry through a cache of its own. Close it to end what it watches.
func NewSelector(opts ...Option) Selector {
	s := &registrySelector{}
	s.start(Options{}, opts)
	return s
}

var _ Tracker = (*registrySelector)(nil)

// registrySelector is the default selector. Everything that Init replaces is
// in the generation, so that a Select sees one or the other.
type registrySelector struct {
	mu      sync.Mutex // held by Init and Close
	current atomic.Pointer[generation]
}

// generation is the selector between two Inits.
type generation struct {
	options  Options
	balance  balancing
	cache    cache.Cache
	lookup   cache.Snapshotter
	services sync.Map // name to *service
	// tracking is set once LeastLoaded is in use.
	tracking atomic.Bool
}

// start begins a generation with opts applied to o.
func (s *registrySelector) start(o Options, opts []Option) {
	options.To(&o, opts)
	if o.Registry == nil {
		o.Registry = registry.DefaultRegistry
	}
	if o.Strategy == nil {
		o.Strategy = Random
	}
	g := &generation{options: o, balance: recognise(o.Strategy)}
	g.tracking.Store(g.balance == leastLoaded)
	g.cache = cache.New(o.Registry, g.cacheOptions()...)
	g.lookup = g.cache.(cache.Snapshotter)
	s.current.Store(g)
}

func (g *generation) cacheOptions() []cache.Option {
	opts := []cache.Option{cache.WithOnEvent(g.event)}
	if g.options.Logger != nil {
		opts = append(opts, cache.WithLogger(g.options.Logger))
	}
	if ctx := g.options.Context; ctx != nil {
		if ttl, ok := ctx.Value(ttlKey).(time.Duration); ok {
			opts = append(opts, cache.WithTTL(ttl))
		}
	}
	return opts
}

// Init applies options and starts over with an empty cache.
func (s *registrySelector) Init(opts ...Option) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Load()
	s.start(old.options, opts)
	old.cache.Stop()
	return nil
}

func (s *registrySelector) Options() Options {
	return s.current.Load().options
}

// Close ends all watching. Select works on, without it.
func (s *registrySelector) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Load().cache.Stop()
	return nil
}

func (s *registrySelector) String() string { return "registry" }

func (s *registrySelector) Select(name string, opts ...SelectOption) (Next, error) {
	g := s.current.Load()
	if len(opts) > 0 {
		return g.selectWith(name, opts)
	}
	services, err := g.find(name, nil)
	if err != nil {
		return nil, err
	}
	known := g.service(name)
	return g.next(known, known.of(services), g.options.Strategy, g.balance), nil
}

// selectWith is Select with options.
func (g *generation) selectWith(name string, opts []SelectOption) (Next, error) {
	options := options.With(SelectOptions{Strategy: g.options.Strategy}, opts)
	services, err := g.find(name, options.Context)
	if err != nil {
		return nil, err
	}
	known := g.service(name)
	c := known.of(services)
	if len(options.Filters) > 0 {
		services = private(services, nil)
		for _, filter := range options.Filters {
			services = filter(services)
		}
		if len(services) == 0 {
			return nil, ErrNoneAvailable
		}
		c = newCandidates(services)
	}
	return g.next(known, c, options.Strategy, recognise(options.Strategy)), nil
}

// find looks the service up.
func (g *generation) find(name string, ctx context.Context) ([]*registry.Service, error) {
	var services []*registry.Service
	var err error
	if ctx == nil {
		services, err = g.lookup.Snapshot(name)
	} else {
		services, err = g.lookup.Snapshot(name, registry.GetContext(ctx))
	}
	switch {
	case errors.Is(err, registry.ErrNotFound):
		g.services.Delete(name)
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	case len(services) == 0:
		return nil, ErrNoneAvailable
	}
	return services, nil
}

func (g *generation) next(known *service, c *candidates, strategy Strategy, b balancing) Next {
	switch b {
	case custom:
		return known.nextOf(c, strategy)
	case leastLoaded:
		g.tracking.Store(true)
	}
	return known.next(c, b)
}

// service returns the record of a service, a new one when there is none.
func (g *generation) service(name string) *service {
	if v, ok := g.services.Load(name); ok {
		return v.(*service)
	}
	v, _ := g.services.LoadOrStore(name, &service{})
	return v.(*service)
}

// known returns the record of a service, nil when there is none.
func (g *generation) known(name string) *service {
	v, _ := g.services.Load(name)
	s, _ := v.(*service)
	return s
}

// event clears what was held against nodes that the registry has news of.
func (g *generation) event(r *registry.Result) {
	if known := g.known(r.Service.Name); known != nil {
		for _, n := range r.Service.Nodes {
			if n != nil {
				known.health.clear(n.Id)
			}
		}
	}
}

// Mark sets a node aside that could not be reached, for a time that grows from
// one failure to the next. A success, or news of the node from the registry,
// ends that; so does Reset. Other errors change nothing: they came from a node
// that is there.
func (s *registrySelector) Mark(name string, node *registry.Node, err error) {
	known := s.current.Load().known(name)
	switch {
	case !known.has(node):
	case err == nil:
		known.health.clear(node.Id)
	case isUnreachable(err):
		known.health.fail(node.Id, time.Now())
	}
}

// Reset takes back what Mark was told about the service.
func (s *registrySelector) Reset(name string) {
	if known := s.current.Load().known(name); known != nil {
		known.health.reset()
	}
}

// Begin implements Tracker.
func (s *registrySelector) Begin(name string, node *registry.Node) func(error) {
	g := s.current.Load()
	if !g.tracking.Load() {
		return untracked
	}
	known := g.known(name)
	if !known.has(node) {
		return untracked
	}
	return known.loads.begin(node.Id)
}

func untracked(error) {}
