package transport

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// memoryBacklog is how many connections wait for Accept before Dial does.
const memoryBacklog = 128

// memoryListener is the place where clients and accept functions meet.
type memoryListener struct {
	transport *memoryTransport
	addr      string
	opts      Options
	waiting   chan *memorySocket
	draining  atomic.Bool
	done      chan struct{} // closed by Close
	close     func() error

	mu    sync.Mutex
	socks map[*memorySocket]struct{} // guarded by mu: listening ends; nil once closed
	work  sync.WaitGroup             // one for each accept function
}

func newMemoryListener(t *memoryTransport, addr string, o Options) *memoryListener {
	l := &memoryListener{
		transport: t,
		addr:      addr,
		opts:      o,
		waiting:   make(chan *memorySocket, memoryBacklog),
		done:      make(chan struct{}),
		socks:     map[*memorySocket]struct{}{},
	}
	l.close = sync.OnceValue(l.shutDown)
	return l
}

// Addr returns the address to dial.
func (l *memoryListener) Addr() string { return l.addr }

// Drain frees the address: nobody can dial it any more.
func (l *memoryListener) Drain() error {
	l.draining.Store(true)
	l.transport.forget(l)
	return nil
}

// Close frees the address, ends the connections and waits for their functions.
func (l *memoryListener) Close() error { return l.close() }

func (l *memoryListener) shutDown() error {
	l.draining.Store(true)
	l.transport.forget(l)
	close(l.done)
	l.mu.Lock()
	socks := l.socks
	l.socks = nil
	l.mu.Unlock()
	for s := range socks {
		s.Close()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.work.Wait()
	}()
	limit := time.NewTimer(closeWait)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		l.opts.logf(logger.WarnLevel, "transport: listener %s closed, but accept functions are still running after %v", l.addr, closeWait)
	}
	return nil
}

// connect makes a connection and queues its listening end for Accept.
func (l *memoryListener) connect(ctx context.Context, o *Options) (*memorySocket, error) {
	dialled, accepted := newMemoryPair(l, o)
	if !l.track(accepted) {
		return nil, errors.New("connection error")
	}
	select {
	case l.waiting <- accepted:
		return dialled, nil
	case <-l.done:
		return nil, errors.New("connection error")
	case <-ctx.Done():
		l.untrack(accepted)
		return nil, fmt.Errorf("could not dial %s: nobody accepts: %w", l.addr, ctx.Err())
	}
}

func (l *memoryListener) track(s *memorySocket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socks == nil || l.draining.Load() {
		return false
	}
	l.socks[s] = struct{}{}
	return true
}

func (l *memoryListener) untrack(s *memorySocket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.socks, s)
}

// Accept serves connections until Close.
func (l *memoryListener) Accept(fn func(Socket)) error {
	for {
		select {
		case <-l.done:
			return nil
		case s := <-l.waiting:
			l.serve(s, fn)
		}
	}
}

// serve runs fn in a goroutine of its own, unless the listener has closed.
func (l *memoryListener) serve(s *memorySocket, fn func(Socket)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socks == nil {
		return
	}
	l.work.Go(func() {
		defer l.untrack(s)
		defer s.Close()
		defer func() {
			if r := recover(); r != nil {
				l.opts.logf(logger.ErrorLevel, "transport: panic serving %s: %v\n%s", l.addr, r, debug.Stack())
			}
		}()
		fn(s)
	})
}
