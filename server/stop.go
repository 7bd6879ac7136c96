package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

const (
	// quietPeriod must pass without a new request before a server that is
	// drained ends: clients hear of the deregistration a little later.
	quietPeriod = 100 * time.Millisecond
	// idleCheck is how often idle streams are looked for while draining.
	idleCheck = time.Second
)

// shutdown empties the server and ends it, within the budget.
func (r *run) shutdown(o *Options, b *budget) error {
	r.leave(o, b)
	r.drain(o, b)
	r.closed.Store(true)
	stuck := r.cut(o, b)
	err := errors.Join(stuck, r.close(o, b))
	r.workers.stop()
	if stuck == nil {
		r.workers.wait()
	}
	return err
}

// leave tells everybody to go elsewhere: first the clients that are connected,
// then the registry and the broker.
func (r *run) leave(o *Options, b *budget) {
	ctx, cancel := r.until(time.Now().Add(b.part))
	defer cancel()
	r.draining.Store(true)
	if d, ok := r.listener.(transport.Drainer); ok {
		if err := r.foreign(ctx, "Drain of transport "+o.Transport.String(), d.Drain); err != nil && err != errGivenUp {
			logger.LoggerOrDefault(o.Logger).Logf(logger.ErrorLevel, "server: announce the end of %s: %v", r.listener.Addr(), err)
		}
	}
	r.registrar.end(ctx, b.part/2)
}

// drain waits until no request is in flight and none has come for a while, or
// until the time for that is over.
func (r *run) drain(o *Options, b *budget) {
	defer b.waited()
	if b.wait == 0 && !b.free {
		return
	}
	ctx, cancel := context.WithCancel(r.hurried)
	how := "without a limit"
	if end := b.waitEnd(); !b.free {
		ctx, cancel = context.WithDeadline(r.hurried, end)
		how = "for up to " + time.Until(end).Round(time.Millisecond).String()
	}
	defer cancel()
	if n := r.active.Load(); n > 0 {
		logger.LoggerOrDefault(o.Logger).Logf(logger.InfoLevel, "Server [%s] Waiting %s for %d requests in flight", o.Name, how, n)
	}
	r.awaitQuiet(ctx)
	r.awaitGroup(ctx, o)
}

func (r *run) awaitQuiet(ctx context.Context) {
	quiet, check := time.NewTimer(quietPeriod), time.NewTicker(idleCheck)
	defer quiet.Stop()
	defer check.Stop()
	begun, quietOver := r.begun.Load(), false
	idle := newIdleStreams(r)
	for {
		if r.active.Load() == 0 && (quietOver || len(r.connections()) == 0) {
			return
		}
		select {
		case <-r.changed:
			if n := r.begun.Load(); n != begun {
				begun, quietOver = n, false
				quiet.Reset(quietPeriod)
			}
		case <-quiet.C:
			quietOver = true
		case now := <-check.C:
			idle.cut(now)
		case <-ctx.Done():
			return
		}
	}
}

// awaitGroup waits for the wait group of the options.
func (r *run) awaitGroup(ctx context.Context, o *Options) {
	if r.group == nil || r.active.Load() > 0 {
		return
	}
	done := make(chan struct{})
	go func() { // it ends with the group, which belongs to somebody else
		r.group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		logger.LoggerOrDefault(o.Logger).Logf(logger.WarnLevel, "server: stopped waiting for the wait group of the Wait option, which is not done")
	}
}

// cut ends what is still in flight and waits for it, though not for ever: a
// handler may ignore its context. Callers are told either way.
func (r *run) cut(o *Options, b *budget) error {
	n := r.active.Load()
	if n == 0 {
		r.cancelWork(errStopped)
		return nil
	}
	why := "the time to finish requests is over"
	if r.hurried.Err() != nil {
		why = "it was told to hurry"
	}
	logger.LoggerOrDefault(o.Logger).Logf(logger.WarnLevel, "Server [%s] Stops waiting, %s: cutting %d requests in flight off", o.Name, why, n)
	cause := cutError(o.Name+"-"+o.Id, why)
	r.cancelWork(cause)
	for _, c := range r.connections() {
		for _, k := range c.openCalls() {
			k.cut(cause)
		}
	}
	answered := make(chan struct{})
	go func() { // it ends when the connections are closed, at the latest
		r.answers.Wait()
		close(answered)
	}()
	timer := time.NewTimer(b.part / 2)
	defer timer.Stop()
	for r.active.Load() > 0 || answered != nil {
		select {
		case <-answered:
			answered = nil
		case <-r.changed:
		case <-timer.C:
			return r.stuck(o)
		}
	}
	return nil
}

// stuck is the error of a Stop that has not waited for handlers to return.
func (r *run) stuck(o *Options) error {
	if n := r.active.Load(); n > 0 {
		return fmt.Errorf("server %s stopped, but %d handlers ignore that their context was cancelled", o.Name, n)
	}
	return nil
}

// close ends the connections when the peers have what they were sent, and
// disconnects the broker.
func (r *run) close(o *Options, b *budget) error {
	ctx, cancel := r.until(b.end.Add(-b.part / 4))
	defer cancel()
	if r.flusher != nil {
		err := r.foreign(ctx, "Shutdown of transport "+o.Transport.String(), func() error { return r.flusher.Shutdown(ctx) })
		if err != nil && err != errGivenUp {
			logger.LoggerOrDefault(o.Logger).Logf(logger.WarnLevel, "server: not all peers have taken what they were sent: %v", err)
		}
	}
	for _, c := range r.connections() {
		c.close() // everybody was told
		c.lose(errStopped)
	}
	err := r.foreign(ctx, "Close of transport "+o.Transport.String(), r.listener.Close)
	last, cancelLast := r.until(b.end)
	defer cancelLast()
	if derr := r.foreign(last, "Disconnect of broker "+r.broker.String(), r.broker.Disconnect); derr != nil {
		err = errors.Join(err, fmt.Errorf("server %s: disconnect broker %s: %w", o.Name, r.broker, derr))
	}
	_ = r.foreign(last, "Accept of transport "+o.Transport.String(), func() error {
		r.serving.Wait()
		r.answers.Wait()
		return nil
	})
	return err
}
