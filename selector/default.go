package selector

import (
	"context"
	"errors"
	"fmt"
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

var (
	_ Picker        = (*registrySelector)(nil)
	_ StreamTracker = (*registrySelector)(nil)
)

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
	peek     []registry.GetOption // end a lookup that would ask the registry; nil when all do
	probes   *background
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
	g := &generation{options: o, balance: recognise(o.Strategy), probes: newBackground()}
	g.tracking.Store(g.balance == leastLoaded)
	if g.ttl() > 0 {
		g.peek = []registry.GetOption{registry.GetContext(over)}
	}
	g.cache = cache.New(o.Registry, g.cacheOptions()...)
	g.lookup = g.cache.(cache.Snapshotter)
	s.current.Store(g)
}

func (g *generation) cacheOptions() []cache.Option {
	opts := []cache.Option{cache.WithOnEvent(g.event), cache.WithOnForget(g.forget)}
	if g.options.Logger != nil {
		opts = append(opts, cache.WithLogger(g.options.Logger))
	}
	return append(opts, cache.WithTTL(g.ttl()))
}

// ttl is how long an answer of the registry is good for.
func (g *generation) ttl() time.Duration {
	if ctx := g.options.Context; ctx != nil {
		if ttl, ok := ctx.Value(ttlKey).(time.Duration); ok {
			return ttl
		}
	}
	return cache.DefaultTTL
}

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// stop ends what the generation does in the background.
func (g *generation) stop() {
	g.cache.Stop()
	g.probes.close()
}

// Init applies options and starts over with an empty cache.
func (s *registrySelector) Init(opts ...Option) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Load()
	s.start(old.options, opts)
	old.stop()
	return nil
}

func (s *registrySelector) Options() Options {
	return s.current.Load().options
}

// Close ends all watching and probing. Select works on, without them.
func (s *registrySelector) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Load().stop()
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

// Pick implements Picker.
func (s *registrySelector) Pick(ctx context.Context, name string) (*registry.Node, error) {
	g := s.current.Load()
	services, err := g.find(name, ctx)
	if err != nil {
		return nil, err
	}
	known := g.service(name)
	c := known.of(services)
	if g.balance == custom {
		return known.nextOf(c, g.options.Strategy)()
	}
	return known.pick(c, g.balance, &known.turn)
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
			if filter != nil {
				services = filter(services)
			}
		}
		if len(services) == 0 {
			return nil, ErrNoneAvailable
		}
		c = newCandidates(services)
	}
	return g.next(known, c, options.Strategy, recognise(options.Strategy)), nil
}

// find looks the service up. A nil ctx never ends.
func (g *generation) find(name string, ctx context.Context) ([]*registry.Service, error) {
	services, err := g.snapshot(name, ctx)
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

// snapshot returns what the cache knows, else asks the registry, which may take
// its time even when ctx is over: the caller is not held.
func (g *generation) snapshot(name string, ctx context.Context) ([]*registry.Service, error) {
	if ctx == nil {
		return g.lookup.Snapshot(name)
	}
	if g.peek != nil {
		if services, err := g.lookup.Snapshot(name, g.peek...); err == nil {
			return services, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return g.lookup.Snapshot(name, registry.GetContext(ctx))
	}
	answers := make(chan answer, 1)
	go func() { answers <- g.ask(name, ctx) }()
	select {
	case a := <-answers:
		return a.services, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answer is what the registry says.
type answer struct {
	services []*registry.Service
	err      error
}

func (g *generation) ask(name string, ctx context.Context) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a.err = fmt.Errorf("registry %s panicked: %v", g.options.Registry, p)
		}
	}()
	a.services, a.err = g.lookup.Snapshot(name, registry.GetContext(ctx))
	return a
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
	v, _ := g.services.LoadOrStore(name, &service{health: health{background: g.probes}})
	return v.(*service)
}

// known returns the record of a service, nil when there is none.
func (g *generation) known(name string) *service {
	v, _ := g.services.Load(name)
	s, _ := v.(*service)
	return s
}

// forget drops the record of a service that nobody calls any more.
func (g *generation) forget(name string) { g.services.Delete(name) }

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
// one failure to the next, and one that was silent until it answers. A success,
// or news of the node from the registry, ends that; so does Reset. Other errors
// change nothing: they came from a node that is there.
func (s *registrySelector) Mark(name string, node *registry.Node, err error) {
	known := s.current.Load().known(name)
	switch {
	case known == nil || node == nil:
	case err == nil:
		known.health.clear(node.Id)
	case !known.has(node):
	case isUnreachable(err):
		known.health.fail(node.Id, time.Now())
	default:
		if p := proberOf(err); p != nil {
			known.health.suspect(node.Id, p, time.Now())
		}
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
	known := s.current.Load().tracked(name, node)
	if known == nil {
		return untracked
	}
	return known.loads.begin(node.Id)
}

func untracked(error) {}

// BeginStream implements StreamTracker.
func (s *registrySelector) BeginStream(name string, node *registry.Node) func() {
	known := s.current.Load().tracked(name, node)
	if known == nil {
		return untrackedStream
	}
	return known.loads.beginStream(node.Id)
}

func untrackedStream() {}

// tracked returns the record of a service if somebody wants to know the load of
// the node.
func (g *generation) tracked(name string, node *registry.Node) *service {
	if !g.tracking.Load() {
		return nil
	}
	if known := g.known(name); known.has(node) {
		return known
	}
	return nil
}
