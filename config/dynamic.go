package config

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/loader/memory"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/file"
	"github.com/justcy/go-micro/v4/internal/options"
)

var errClosed = errors.New("config is closed")

// dynamic is the one implementation of Config.
type dynamic struct {
	values   atomic.Pointer[reader.Values] // nil before anything was loaded
	readable atomic.Pointer[reader.Values] // the last that could be read

	mu       sync.Mutex // guards what follows; never held while anything is loaded
	engine   *engine
	watchers map[*watcher]struct{}
	closed   bool
}

// newConfig returns a configuration without sources, which does nothing.
func newConfig() *dynamic {
	return &dynamic{engine: newEngine(), watchers: map[*watcher]struct{}{}}
}

// defaults returns the default options changed by opts, and whether the loader
// is one of the user's, which may have sources of its own.
func defaults(opts []Option) (o Options, custom bool) {
	o = options.With(Options{Reader: json.NewReader(), Context: context.Background()}, opts)
	if o.Loader != nil {
		return o, true
	}
	loading := []loader.Option{memory.WithReader(o.Reader)}
	if o.WithWatcherDisabled {
		loading = append(loading, memory.WithWatcherDisabled())
	}
	o.Loader = memory.NewLoader(loading...)
	return o, false
}

// closing closes c, which failed with err.
func closing(c Config, err error) error { return errors.Join(err, c.Close()) }

// LoadFile adds a file to DefaultConfig.
func LoadFile(path string) error {
	return Load(file.NewSource(file.WithPath(path)))
}

func (c *dynamic) String() string { return "config" }

func (c *dynamic) Options() Options {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.opts
}

func (c *dynamic) Init(opts ...Option) error {
	next := newEngine(opts...)
	owned := next.opts.Loader != c.Options().Loader
	snapshot, values, err := next.open()
	if err != nil {
		if owned {
			err = errors.Join(err, next.opts.Loader.Close())
		}
		return err
	}
	c.mu.Lock()
	last := c.engine
	c.engine, c.closed = next, false
	if next.hasSources() || c.values.Load() != nil {
		c.publish(next, snapshot.Version, values)
	}
	c.mu.Unlock()
	if next.hasSources() {
		c.follow(next)
	}
	return last.close(owned)
}

func (c *dynamic) Load(sources ...source.Source) error {
	return c.reload(func(l loader.Loader) error { return l.Load(sources...) }, c.adoptLater)
}

// Sync merges the sources itself, so that no Get waits for that.
func (c *dynamic) Sync() error {
	return c.reload(loader.Loader.Sync, c.adoptNow)
}

// reload has the loader do something, and adopts what it has then, even after
// a failure: some of it may have succeeded.
func (c *dynamic) reload(load func(loader.Loader) error, adopt func(*engine) error) error {
	return c.use(func(e *engine) error {
		err := load(e.opts.Loader)
		if bad := adopt(e); bad != nil {
			err = errors.Join(err, bad)
		}
		c.follow(e)
		return err
	})
}

// adoptNow adopts what the loader has.
func (c *dynamic) adoptNow(e *engine) error {
	snapshot, err := e.opts.Loader.Snapshot()
	if err != nil {
		return err
	}
	return c.adopt(e, snapshot, notOlder)
}

// use does something with the engine in effect, unless the configuration is
// closed. Init may replace the engine and close its loader meanwhile: what
// fails then is done again with the new one.
func (c *dynamic) use(do func(*engine) error) error {
	for {
		e, err := c.running()
		if err != nil {
			return err
		}
		if err = do(e); err == nil {
			return nil
		}
		if now, _ := c.running(); now == e {
			return err
		}
	}
}

// running returns the engine, unless the configuration is closed.
func (c *dynamic) running() (*engine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	return c.engine, nil
}

// Rules about which snapshots replace that of the version in effect.
func newer(version, current string) bool    { return version > current }
func notOlder(version, current string) bool { return version >= current }

// adopt puts a snapshot of e in effect if the rule allows it. One that cannot
// be read leaves the values as they are.
func (c *dynamic) adopt(e *engine, snapshot *loader.Snapshot, rule func(version, current string) bool) error {
	allowed := func() bool { return c.engine == e && rule(snapshot.Version, e.version) }
	c.mu.Lock()
	ok := allowed()
	c.mu.Unlock()
	if !ok {
		return nil
	}
	values, err := e.opts.Reader.Values(snapshot.ChangeSet)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if allowed() {
		c.publish(e, snapshot.Version, values)
	}
	return nil
}

// publish puts values in effect and tells the watchers. The caller holds mu, so
// that watchers see changes in their order.
func (c *dynamic) publish(e *engine, version string, values reader.Values) {
	e.version = version
	c.values.Store(&values)
	if _, later := values.(*deferred); !later {
		c.readable.Store(&values)
	}
	news := newsOf(values)
	for w := range c.watchers {
		w.Push(news.at(w.path))
	}
}

// follow has e tell of changes from now on. It does so once.
func (c *dynamic) follow(e *engine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.opts.WithWatcherDisabled || e.following || c.closed || c.engine != e {
		return
	}
	e.following = true
	go e.follow(func(s *loader.Snapshot) error { return c.adopt(e, s, newer) })
}

func (c *dynamic) Watch(path ...string) (Watcher, error) {
	err := c.use(func(e *engine) error {
		if err := e.watchable(); err != nil {
			return err
		}
		c.follow(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	w := newWatcher(c, path)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	w.last = newsOf(c).at(path)
	_ = w.last.bytes() // as they are now
	c.watchers[w] = struct{}{}
	return w, nil
}

func (c *dynamic) forget(w *watcher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.watchers, w)
}

func (c *dynamic) Close() error {
	c.mu.Lock()
	c.closed = true
	e := c.engine
	for w := range c.watchers {
		w.Watcher.Stop()
	}
	clear(c.watchers)
	c.mu.Unlock()
	return e.close(true)
}
