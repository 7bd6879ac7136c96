package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

const (
	// quietPeriod must pass without a new request before a server that is
	// drained ends: clients hear of the deregistration a little later.
	quietPeriod = 100 * time.Millisecond
	// stuckLimit is how long Stop waits for handlers that were cancelled.
	stuckLimit = 5 * time.Second
)

// run is the life of a server from Start to Stop.
type run struct {
	server    *rpcServer
	listener  transport.Listener
	broker    broker.Broker
	registrar *registrar
	workers   *workers
	group     *sync.WaitGroup // of the Wait option, or nil

	work       context.Context // of what receives messages
	cancelWork context.CancelCauseFunc

	serving sync.WaitGroup // the accept loop and the registrar

	active   atomic.Int64  // requests and messages in flight
	draining atomic.Bool   // changes are reported to changed
	closed   atomic.Bool   // nothing new is begun
	changed  chan struct{} // holds a token after something began or ended while draining
	begun    atomic.Int64  // how much began while draining

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

func newRun(s *rpcServer, l transport.Listener, b broker.Broker) *run {
	r := &run{
		server:   s,
		listener: l,
		broker:   b,
		workers:  newWorkers(),
		group:    s.waitGroup(),
		changed:  make(chan struct{}, 1),
		conns:    map[*conn]struct{}{},
	}
	r.work, r.cancelWork = context.WithCancelCause(context.Background())
	r.registrar = newRegistrar(s, r)
	return r
}

func (s *rpcServer) waitGroup() *sync.WaitGroup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.waitGroup()
}

// start serves, and registers for the first time. The run is to be shut down
// when that fails.
func (r *run) start() error {
	r.serving.Go(func() {
		if err := r.listener.Accept(r.serveConn); err != nil && !r.closed.Load() {
			logError(r.logger(), "server: accept connections on %s: %v", r.listener.Addr(), err)
		}
	})
	err := r.registrar.begin()
	r.serving.Go(r.registrar.loop)
	return err
}

func (r *run) serveConn(s transport.Socket) {
	c := newConn(r, s)
	r.mu.Lock()
	r.conns[c] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.conns, c)
		r.mu.Unlock()
		signalOnce(r.changed)
	}()
	c.serve()
}

// begin counts a request or message that is to be served. It is false when the
// run is over.
func (r *run) begin() bool {
	r.active.Add(1)
	if r.closed.Load() {
		r.active.Add(-1)
		signalOnce(r.changed)
		return false
	}
	if r.group != nil {
		r.group.Add(1)
	}
	if r.draining.Load() {
		r.begun.Add(1)
		signalOnce(r.changed)
	}
	return true
}

// done is called at the end of what begin counted.
func (r *run) done() {
	if r.group != nil {
		r.group.Done()
	}
	r.active.Add(-1)
	if r.draining.Load() {
		signalOnce(r.changed)
	}
}

func (r *run) isClosed() bool { return r.closed.Load() }

// shutdown empties the server and ends it.
func (r *run) shutdown(opts *Options) error {
	r.registrar.end()
	r.drain(opts)
	r.closed.Store(true)
	stuck := r.cancel()
	err := errors.Join(stuck, r.listener.Close())
	if derr := r.broker.Disconnect(); derr != nil {
		err = errors.Join(err, fmt.Errorf("server %s: disconnect broker %s: %w", opts.Name, r.broker, derr))
	}
	r.serving.Wait()
	r.workers.stop()
	if stuck != nil {
		return err
	}
	r.workers.wait()
	if r.group != nil {
		r.group.Wait()
	}
	return err
}

// drain waits until no request is in flight and none has come for a while, or
// until the limit of the options.
func (r *run) drain(opts *Options) {
	r.draining.Store(true)
	if d, ok := r.listener.(transport.Drainer); ok {
		if err := d.Drain(); err != nil {
			logError(opts.Logger, "server: announce the end of %s: %v", r.listener.Addr(), err)
		}
	}
	var limit <-chan time.Time
	if d, ok := opts.drainLimit(); ok {
		if d == 0 {
			return
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		limit = timer.C
	}
	r.awaitQuiet(limit)
}

func (r *run) awaitQuiet(limit <-chan time.Time) {
	quiet := time.NewTimer(quietPeriod)
	defer quiet.Stop()
	begun, quietOver := r.begun.Load(), false
	for {
		if r.active.Load() == 0 && (quietOver || r.connections() == 0) {
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
		case <-limit:
			return
		}
	}
}

func (r *run) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

// cancel ends what is still in flight and waits for it, though not for ever:
// a handler may ignore its context.
func (r *run) cancel() error {
	r.cancelWork(errStopped)
	r.mu.Lock()
	var open []*conn
	for c := range r.conns {
		open = append(open, c)
	}
	r.mu.Unlock()
	for _, c := range open {
		_ = c.socket.Close() // nobody is told about what is cancelled
		c.lose(errStopped)
	}
	timer := time.NewTimer(stuckLimit)
	defer timer.Stop()
	for r.active.Load() > 0 {
		select {
		case <-r.changed:
		case <-timer.C:
			return fmt.Errorf("server stopped, but %d handlers ignore that their context was cancelled", r.active.Load())
		}
	}
	return nil
}

func (r *run) logger() logger.Logger { return r.server.settings.Load().logger }
