package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// callContext is the context of one call: the caller's, with the deadline of
// RequestTimeout when the caller's has none. Nothing watches it until somebody
// asks for Done, so the usual call, whose end is watched by a guard instead,
// starts no timer and makes no channel for it.
type callContext struct {
	context.Context           // the caller's
	deadline        time.Time // zero when the caller's context decides alone
	outcome         atomic.Int32
	losses          atomic.Int32 // attempts whose connection was lost before the reply
	lost            atomic.Bool  // the last attempt was one of them
	began           time.Time
	req             Request
	node            atomic.Pointer[registry.Node] // of the last attempt; nil before the first
	opening         *opening                      // the stream that is opened; nil for a call

	mu     sync.Mutex
	own    context.Context // with the deadline; made when Done is asked for
	cancel context.CancelFunc
	over   bool // the call has returned
}

// What is known about the attempts since the last look.
const (
	noOutcome int32 = iota
	refused         // none of them reached a handler
	reached         // one of them did, or may have
	answered        // the last one did, and had a reply
)

// newCallContext returns the context of a call that may take limit if ctx has
// no deadline. Call end when the call is over.
func newCallContext(ctx context.Context, req Request, limit time.Duration) *callContext {
	var c *callContext
	if r, ok := req.(*request); ok && r.called.CompareAndSwap(false, true) {
		c = &r.call
	} else {
		c = new(callContext)
	}
	c.Context, c.began, c.req = ctx, time.Now(), req
	if _, ok := ctx.Deadline(); !ok && limit > 0 {
		c.deadline = c.began.Add(limit)
	}
	return c
}

// left is how much time the caller's deadline left the call when it began.
func (c *callContext) left() (time.Duration, bool) {
	deadline, ok := c.Context.Deadline()
	return deadline.Sub(c.began), ok
}

// progress says what has not happened yet, and for how long it has not.
func (c *callContext) progress() string {
	took := time.Since(c.began)
	if took > time.Millisecond {
		took = took.Round(time.Millisecond)
	}
	if node := c.node.Load(); node != nil {
		return fmt.Sprintf("%s of service %s at %s has not answered after %v", c.req.Endpoint(), c.req.Service(), node.Address, took)
	}
	return fmt.Sprintf("no node of service %s was called within %v", c.req.Service(), took)
}

type callContextKey struct{}

// callOf returns the context of the call that ctx comes from, or nil.
func callOf(ctx context.Context) *callContext {
	if ctx == nil {
		return nil
	}
	if c, ok := ctx.(*callContext); ok {
		return c
	}
	c, _ := ctx.Value(callContextKey{}).(*callContext)
	return c
}

// report keeps what an attempt found out. It may be called on a nil receiver.
func (c *callContext) report(outcome int32) {
	switch {
	case c == nil:
	case outcome == refused:
		c.outcome.CompareAndSwap(noOutcome, refused)
	default:
		c.outcome.Store(outcome)
	}
}

// takeOutcome returns what is known about the attempts since it was called
// last.
func (c *callContext) takeOutcome() int32 { return c.outcome.Swap(noOutcome) }

// reportLoss keeps that an attempt's connection was lost before the reply came.
func (c *callContext) reportLoss() {
	c.report(reached)
	if c != nil {
		c.losses.Add(1)
		c.lost.Store(true)
	}
}

// lostOnce reports whether the last attempt lost its connection, and was the
// first of the call to do so.
func (c *callContext) lostOnce() bool {
	return c != nil && c.lost.Load() && c.losses.Load() == 1
}

// end cancels the context.
func (c *callContext) end() {
	if c.deadline.IsZero() {
		return
	}
	c.mu.Lock()
	c.over = true
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

func (c *callContext) Deadline() (time.Time, bool) {
	if !c.deadline.IsZero() {
		return c.deadline, true
	}
	return c.Context.Deadline()
}

func (c *callContext) Done() <-chan struct{} {
	if c.deadline.IsZero() {
		return c.Context.Done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own == nil {
		c.own, c.cancel = context.WithDeadline(c.Context, c.deadline)
		if c.over {
			c.cancel()
		}
	}
	return c.own.Done()
}

// unwatched reports whether no timer but only the clock tells that the context
// is done.
func (c *callContext) unwatched() bool {
	if c.deadline.IsZero() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own == nil
}

func (c *callContext) Err() error {
	if c.deadline.IsZero() {
		return c.Context.Err()
	}
	c.mu.Lock()
	own, over := c.own, c.over
	c.mu.Unlock()
	if own != nil {
		return own.Err()
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(c.deadline) {
		return context.DeadlineExceeded
	}
	if over {
		return context.Canceled
	}
	return nil
}

// Value also answers the question of package context for the canceler behind
// Done, so that contexts derived from this one need no goroutine.
func (c *callContext) Value(key any) any {
	if _, ok := key.(callContextKey); ok {
		return c
	}
	if !c.deadline.IsZero() {
		c.mu.Lock()
		own := c.own
		c.mu.Unlock()
		if own != nil {
			return own.Value(key)
		}
	}
	return c.Context.Value(key)
}
