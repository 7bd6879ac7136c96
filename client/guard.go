package client

import (
	"context"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/pool"
)

// breaker is what an attempt waits on, which breaking off ends the wait for.
type breaker interface {
	// Break ends the attempt because of err. It is late when its time is over.
	Break(err error, late bool)
}

// guard breaks an attempt off when its time is up or its context ends, so that
// the one goroutine that sends and receives need not be watched by another one. A
// guard is used for one attempt after the other.
type guard struct {
	timer *time.Timer // of the limit; made for the first attempt that has one
	timed bool        // it was set for this attempt
	stop  func() bool // ends the watch on the context; nil when there is none
	done  func()      // g.cancelled, made once

	mu      sync.Mutex
	target  breaker // nil when nothing is guarded
	expired bool
}

// arm starts to guard target. It is broken off when ctx ends, and at limit unless
// that is zero. Now is the time.
func (g *guard) arm(ctx context.Context, target breaker, limit, now time.Time) {
	g.mu.Lock()
	g.target, g.expired = target, false
	g.mu.Unlock()
	if c, ok := ctx.(*callContext); ok {
		ctx, limit = c.Context, earlier(limit, c.deadline)
	}
	if ctx.Done() != nil {
		if g.done == nil {
			g.done = g.cancelled
		}
		g.stop = context.AfterFunc(ctx, g.done)
	}
	if g.timed = !limit.IsZero(); !g.timed {
		return
	}
	if g.timer == nil {
		g.timer = time.AfterFunc(limit.Sub(now), func() { g.fire(errExpired, true) })
		return
	}
	g.timer.Reset(limit.Sub(now))
}

// earlier returns the earlier of two times of which a zero one means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// cancelled breaks the attempt off because its context has ended.
func (g *guard) cancelled() { g.fire(errExpired, false) }

// fire breaks the attempt off.
func (g *guard) fire(err error, late bool) {
	g.mu.Lock()
	target := g.target
	if target != nil {
		g.target, g.expired = nil, true
	}
	g.mu.Unlock()
	if target != nil {
		target.Break(err, late)
	}
}

// disarm ends the guarding. It is not whole when the attempt was broken off. A
// guard that is not clean must not be used again: it may still be about to break
// something off.
func (g *guard) disarm() (whole, clean bool) {
	clean = true
	if g.timed {
		clean = g.timer.Stop()
	}
	if g.stop != nil {
		clean = g.stop() && clean
		g.stop = nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.target = nil
	return !g.expired, clean
}

// connection is what an attempt sends on: from the pool, or dialled for the
// attempt alone.
type connection struct {
	transport.Client
	pooled pool.Conn
	pool   pool.Pool
	once   sync.Once
}

// carrier returns the connection as one that carries headers without maps, nil
// when it cannot do that.
func (c *connection) carrier() wire.Carrier {
	if p, ok := c.pooled.(interface{ Carrier() wire.Carrier }); ok {
		return p.Carrier()
	}
	return nil
}

// Break ends what is done with the connection, and the connection.
func (c *connection) Break(err error, _ bool) { c.done(err) }

// done gives the connection back, or closes it if err is not nil or nobody
// else is to use it. Only the first call counts.
func (c *connection) done(err error) {
	c.once.Do(func() {
		if c.pool != nil {
			_ = c.pool.Release(c.pooled, err)
			return
		}
		_ = c.Client.Close()
	})
}
