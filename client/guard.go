package client

import (
	"context"
	"sync"
	"time"
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

// ending is how the guarding of an attempt ended.
type ending int

const (
	quiet  ending = iota // the guard did nothing, and may be used again
	late                 // it may still be about to break something off, but not the attempt
	broken               // it broke the attempt off
)

// disarm ends the guarding. A guard that is not quiet must not be used again.
func (g *guard) disarm() ending {
	end := quiet
	if g.timed && !g.timer.Stop() {
		end = late
	}
	if g.stop != nil {
		if !g.stop() {
			end = late
		}
		g.stop = nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.target = nil
	if g.expired {
		end = broken
	}
	return end
}
