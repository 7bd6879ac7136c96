package client

import (
	"context"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/pool"
)

// guard breaks the connection of an attempt when its time is up or its context
// ends, so that the one goroutine that sends and receives on it need not be
// watched by another one. A guard is used for one attempt after the other.
type guard struct {
	fire func()      // g.expire, made once
	stop func() bool // ends the watch on the context

	deadlines *deadlines // where it waits for its limit, nil when it has none
	limit     time.Time  // guarded by deadlines.mu
	place     int        // among the deadlines, negative when it is not there; guarded by deadlines.mu

	mu      sync.Mutex
	conn    connection // nil when nothing is guarded
	expired bool
}

// connection is what an attempt sends on: from the pool, or dialled for the
// attempt alone.
type connection struct {
	transport.Client
	pooled pool.Conn
	pool   pool.Pool
}

// fields returns the connection as one that carries headers without maps, nil
// when it cannot do that.
func (c connection) fields() mux.FieldSocket {
	if p, ok := c.pooled.(interface{ Fields() mux.FieldSocket }); ok {
		return p.Fields()
	}
	return nil
}

// done gives the connection back, or closes it if err is not nil or nobody
// else is to use it.
func (c connection) done(err error) {
	if c.pool != nil {
		_ = c.pool.Release(c.pooled, err)
		return
	}
	_ = c.Client.Close()
}

// arm starts to guard conn. The connection is broken when ctx ends, and at
// limit unless that is zero. Now is the time.
func (g *guard) arm(ctx context.Context, conn connection, d *deadlines, limit, now time.Time) {
	g.mu.Lock()
	g.conn, g.expired = conn, false
	g.mu.Unlock()
	if c, ok := ctx.(*callContext); ok {
		ctx, limit = c.Context, earlier(limit, c.deadline)
	}
	if ctx.Done() != nil {
		g.stop = context.AfterFunc(ctx, g.fire)
	}
	if !limit.IsZero() {
		g.deadlines = d
		d.add(g, limit, now)
	}
}

// earlier returns the earlier of two times of which a zero one means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// expire breaks the connection.
func (g *guard) expire() {
	conn, ok := g.take()
	if !ok {
		return
	}
	conn.done(errExpired)
}

func (g *guard) take() (connection, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	conn := g.conn
	if conn.Client == nil {
		return conn, false
	}
	g.conn, g.expired = connection{}, true
	return conn, true
}

// disarm ends the guarding. It returns the connection and true, or false when
// it was broken. A guard that is not clean must not be used again: it may still
// be about to break a connection.
func (g *guard) disarm() (conn connection, whole, clean bool) {
	clean = true
	if g.deadlines != nil {
		clean = g.deadlines.remove(g)
		g.deadlines = nil
	}
	if g.stop != nil {
		clean = g.stop() && clean
		g.stop = nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	conn, whole = g.conn, !g.expired
	g.conn = connection{}
	return conn, whole, clean
}
