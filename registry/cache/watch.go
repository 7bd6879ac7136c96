package cache

import (
	"context"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/jitter"
)

const (
	// watchJitter spreads the watchers that many clients start at once.
	watchJitter = 100 * time.Millisecond
	// maxFailures is after how many failures the pauses start over.
	maxFailures = 3
)

// startWatch starts the watcher of a name unless it runs or the cache is
// stopped. The caller holds e.mu.
func (c *cache) startWatch(e *entry) {
	if e.watch != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	e.watch = cancel
	if !c.sweeping {
		c.sweeping = true
		c.watchers.Go(c.sweep)
	}
	c.watchers.Go(func() {
		defer cancel()
		c.watch(ctx, e)
	})
}

// endWatch ends the watcher of a name that is dropped: one that nobody looks up any
// more (sweep), or that the registry does not have. The caller holds e.mu.
func (e *entry) endWatch() {
	if e.watch != nil {
		e.watch()
	}
}

// watch follows one name until ctx is done. After a failure it watches again,
// after 10ms, 100ms, 1s and 10s when it keeps failing.
func (c *cache) watch(ctx context.Context, e *entry) {
	failures, followed := 0, false
	for pause(ctx, jitter.Do(watchJitter)) {
		w, err := c.Registry.Watch(registry.WatchService(e.name), registry.WatchContext(ctx))
		if err == nil {
			if followed {
				e.doubt() // what happened since the last watcher is unknown
			} else {
				c.refresh(ctx, e) // what happened since the first lookup too
			}
			followed = true
			var events bool
			if events, err = c.follow(ctx, e, w); events {
				failures = 0
			}
			e.doubt()
		}
		if ctx.Err() != nil {
			return
		}
		c.log(e.name, err)
		if !pause(ctx, backoff(failures)) {
			return
		}
		if failures > maxFailures {
			failures = 0
		}
		failures++
	}
}

// follow takes the events of a watcher in until it fails, and reports whether
// there were any.
func (c *cache) follow(ctx context.Context, e *entry, w registry.Watcher) (events bool, err error) {
	stop := sync.OnceFunc(w.Stop)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	for {
		r, err := w.Next()
		switch {
		case err != nil:
			return events, err
		case ctx.Err() != nil:
			return events, ctx.Err()
		case r == nil || r.Service == nil || r.Service.Name != e.name:
			continue
		}
		events = true
		c.apply(e, r)
		if c.options.OnEvent != nil {
			c.options.OnEvent(r)
		}
	}
}

// backoff is the pause after so many failures in a row before this one.
func backoff(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	d := time.Millisecond
	for range failures {
		d *= 10
	}
	return d
}

// pause waits for d, and reports false when ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *cache) log(name string, err error) {
	if c.options.Logger != nil {
		c.options.Logger.Logf(logger.DebugLevel, "registry cache: watching %s in %s: %v", name, c.Registry.String(), err)
	}
}
