package server

import (
	"context"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/ctxmeta"
)

// requestContext is the context of one request. It does what a context with
// metadata, a deadline and a cancellation would do, in one allocation that it
// shares with the request, and starts neither timer nor channel until somebody
// waits for it.
type requestContext struct {
	context.Context                // what it is derived from
	source          ctxmeta.Source // of the metadata
	server          Server
	deadline        time.Time // zero for none

	mu    sync.Mutex
	err   error
	cause error
	done  chan struct{} // made when asked for
	timer *time.Timer   // runs while done is open and there is a deadline
	after map[*afterFunc]struct{}
	ended context.Context // has the cause, for context.Cause; made when asked for
}

type afterFunc struct{ f func() }

func (c *requestContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

// Done returns the channel that is closed when the request ends.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		c.watch()
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// watch starts the timer of the deadline. The lock is held.
func (c *requestContext) watch() {
	if c.err == nil && c.timer == nil && !c.deadline.IsZero() {
		c.timer = time.AfterFunc(time.Until(c.deadline), func() {
			c.cancel(context.DeadlineExceeded, context.DeadlineExceeded)
		})
	}
}

func (c *requestContext) Err() error {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err == nil && !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		c.cancel(context.DeadlineExceeded, context.DeadlineExceeded)
		return c.Err()
	}
	return err
}

func (c *requestContext) Value(key any) any {
	switch key.(type) {
	case ctxmeta.Key:
		if c.source != nil {
			return c.source
		}
	case serverKey:
		return c.server
	case causeKey:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.cause
	}
	return c.tail().Value(key)
}

// tail answers for the keys that are not the request's own. In it, context.Cause
// finds why the context has ended.
func (c *requestContext) tail() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return c.Context
	}
	if c.ended == nil {
		ended, cancel := context.WithCancelCause(c.Context)
		cancel(c.cause)
		c.ended = ended
	}
	return c.ended
}

// AfterFunc lets package context follow a requestContext without a goroutine.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	c.watch()
	a := &afterFunc{f}
	if c.after == nil {
		c.after = map[*afterFunc]struct{}{}
	}
	c.after[a] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.after[a]
		delete(c.after, a)
		return waiting
	}
}

// cancel ends the context, unless it has ended.
func (c *requestContext) cancel(err, cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err, c.cause = err, cause
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for a := range after {
		go a.f()
	}
}

// causeKey finds why the request that a context belongs to was ended.
type causeKey struct{}

// causeOf is why the request of ctx was ended, or else why ctx was.
func causeOf(ctx context.Context) error {
	if cause, ok := ctx.Value(causeKey{}).(error); ok && cause != nil {
		return cause
	}
	return context.Cause(ctx)
}
