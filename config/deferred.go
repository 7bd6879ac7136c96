package config

import (
	"sync"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/logger"
)

// deferred are values that are merged when somebody reads them, so that loading
// many sources one by one merges once.
type deferred struct {
	config   *dynamic
	engine   *engine
	snapshot func() (*loader.Snapshot, error)

	once   sync.Once
	merged reader.Values
}

func (d *deferred) values() reader.Values {
	d.once.Do(func() { d.merged = d.config.merge(d.engine, d.snapshot) })
	return d.merged
}

// adoptLater puts what the loader has in effect, to be merged when it is read. With
// a loader or a reader that cannot do that it is merged now.
func (c *dynamic) adoptLater(e *engine) error {
	l, canDefer := e.opts.Loader.(loader.Deferrer)
	_, canParse := e.opts.Reader.(reader.Parser) // what it has parsed it can merge and read
	if !canDefer || !canParse {
		return c.adoptNow(e)
	}
	version, snapshot, err := l.Defer()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.engine == e && notOlder(version, e.version) {
		c.publish(e, version, &deferred{config: c, engine: e, snapshot: snapshot})
	}
	return nil
}

// merge returns the values of a snapshot or, when they cannot be read, the last
// that could.
func (c *dynamic) merge(e *engine, snapshot func() (*loader.Snapshot, error)) reader.Values {
	s, err := snapshot()
	if err == nil {
		var values reader.Values
		if values, err = e.opts.Reader.Values(s.ChangeSet); err == nil {
			c.readable.Store(&values)
			return values
		}
	}
	logger.Warnf("config: the values in effect stay, the new ones cannot be read: %v", err)
	if last := c.readable.Load(); last != nil {
		return *last
	}
	return empty()
}

func (d *deferred) Bytes() []byte                   { return d.values().Bytes() }
func (d *deferred) Get(path ...string) reader.Value { return d.values().Get(path...) }
func (d *deferred) Set(val any, path ...string)     { d.values().Set(val, path...) }
func (d *deferred) Del(path ...string)              { d.values().Del(path...) }
func (d *deferred) Map() map[string]any             { return d.values().Map() }
func (d *deferred) Scan(v any) error                { return d.values().Scan(v) }
