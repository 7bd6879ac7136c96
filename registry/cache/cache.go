// Package cache puts a memory before a registry, so that finding a service
// costs nothing while nothing changes.
//
//	c := cache.New(registry.NewRegistry())
//	defer c.Stop()
//	services, err := c.GetService("greeter")
//
// The first lookup of a name asks the registry, once for all callers that wait,
// and starts to watch the name. From then on the cache follows the registry's
// events and asks again only when the last answer or event is older than the
// TTL. A name that nobody has looked up for three TTLs, and for three seconds, is
// forgotten and no longer watched. When the registry fails, the last answer goes on being served; when it
// says that a service is gone, the service is gone at once.
package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// Cache is a registry whose lookups are remembered. Registering, listing and
// watching go straight to the registry behind it.
type Cache interface {
	registry.Registry
	// Stop ends all watching and waits for it to end. Lookups still work
	// afterwards; they are remembered for the TTL. Stop may be called
	// repeatedly.
	Stop()
}

// Snapshotter is the way to look services up without copying them. The Cache
// that New returns implements it.
type Snapshotter interface {
	// Snapshot is GetService, but what it returns is shared by all callers
	// and must not be changed, slices, nodes and maps included. It never
	// changes by itself either: as long as nothing changed, the same slice
	// is returned, and after a change another one.
	Snapshot(name string, opts ...registry.GetOption) ([]*registry.Service, error)
}

// Options configure a Cache.
type Options struct {
	// Logger is told about watchers that fail.
	Logger logger.Logger
	// TTL is how long an answer of the registry, or the last event about it,
	// is good for. With 0 or less nothing is remembered.
	TTL time.Duration
	// OnEvent is called with each event of a watched service.
	OnEvent func(*registry.Result)
	// OnForget is called with each name that is forgotten because nobody looks
	// it up any more.
	OnForget func(name string)
}

// Option sets a value in Options.
type Option func(*Options)

// DefaultTTL is the TTL of a new cache.
var DefaultTTL = time.Minute

// WithTTL sets how long answers are good for. With 0 or less nothing is
// remembered and nothing watched.
func WithTTL(d time.Duration) Option {
	return func(o *Options) { o.TTL = d }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// WithOnEvent sets a function that is called with each event of a service that
// has been looked up, after the cache has taken it in. It must not change the
// result nor call Stop. The events of one service wait for it; those of several
// services may come at the same time.
func WithOnEvent(f func(*registry.Result)) Option {
	return func(o *Options) { o.OnEvent = f }
}

// WithOnForget sets a function that is called with each name that is forgotten,
// and no longer watched, because nobody has looked it up for a while. It must not
// call Stop. Names that the registry does not know are not reported.
func WithOnForget(f func(name string)) Option {
	return func(o *Options) { o.OnForget = f }
}

// New returns a cache over r. It does nothing before the first lookup, and
// watches what is looked up until Stop.
func New(r registry.Registry, opts ...Option) Cache {
	options := options.With(Options{Logger: logger.DefaultLogger, TTL: DefaultTTL}, opts)
	ctx, cancel := context.WithCancel(context.Background())
	return &cache{Registry: r, options: options, ctx: ctx, cancel: cancel}
}

var _ Snapshotter = (*cache)(nil)

type cache struct {
	registry.Registry
	options Options
	ctx     context.Context // done when the cache is stopped
	cancel  context.CancelFunc

	entries sync.Map // name to *entry
	// failing is set while the registry answers with errors. Nothing is
	// forgotten then, because nothing could be found again.
	failing atomic.Bool

	mu       sync.Mutex // orders starting a watcher before or after Stop
	sweeping bool       // names that nobody looks up are being looked for
	watchers sync.WaitGroup
}

// GetService returns what the registry has under the name. The caller owns it.
func (c *cache) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	services, err := c.Snapshot(name, opts...)
	if err != nil {
		return nil, err
	}
	copies := make([]*registry.Service, len(services))
	for i, s := range services {
		copies[i] = s.Clone()
	}
	return copies, nil
}

// Snapshot implements Snapshotter.
func (c *cache) Snapshot(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	if c.options.TTL <= 0 {
		return c.ask(name, opts)
	}
	if e, ok := c.entries.Load(name); ok {
		if s := e.(*entry).fresh(time.Now()); s != nil {
			return s.services, nil
		}
	}
	return c.lookup(name, opts)
}

// ask puts the question to the registry.
func (c *cache) ask(name string, opts []registry.GetOption) ([]*registry.Service, error) {
	services, err := c.Registry.GetService(name, opts...)
	if err == nil && len(services) == 0 {
		err = registry.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return services, nil
}

// Stop implements Cache.
func (c *cache) Stop() {
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.watchers.Wait()
}

func (c *cache) String() string { return "cache" }
