package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	bytebudget "github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

// run is the life of a server from Start to Stop.
type run struct {
	server    *rpcServer
	listener  transport.Listener   // set before ready is closed
	flusher   transport.Shutdowner // listener, nil if it is none
	held      *bytebudget.Budget   // of what sockets make the server hold; the listener's if it has one
	broker    broker.Broker
	registrar *registrar
	workers   *workers
	group     *sync.WaitGroup // of the Wait option, or nil

	ready    chan struct{} // closed when Start has opened what it needs, or failed to
	over     chan struct{} // closed at the end of Stop
	stopped  error         // what Stop returns; set before over is closed
	stopping atomic.Bool   // Stop was called

	work       context.Context // of what receives messages
	cancelWork context.CancelCauseFunc

	serving sync.WaitGroup // the accept loop and the registrar
	answers sync.WaitGroup // those who tell callers that they were cut off

	active   atomic.Int64  // requests and messages in flight
	draining atomic.Bool   // changes are reported to changed
	closed   atomic.Bool   // nothing new is begun
	changed  chan struct{} // holds a token after something began or ended while draining
	begun    atomic.Int64  // how much began while draining

	hurried context.Context // ends when Stop has to wait no longer
	hurry   func()          // ends it

	mu    sync.Mutex // guards what follows
	state state
	conns map[connection]struct{}
}

// state is how far a Start has come.
type state int

const (
	opening state = iota
	listening
	failed
	abandoned // a Stop did not wait any longer
)

func newRun(s *rpcServer) *run {
	o := &s.settings.Load().options
	r := &run{
		server:  s,
		broker:  o.Broker,
		group:   o.waitGroup(),
		workers: newWorkers(),
		ready:   make(chan struct{}),
		over:    make(chan struct{}),
		changed: make(chan struct{}, 1),
		conns:   map[connection]struct{}{},
	}
	r.work, r.cancelWork = context.WithCancelCause(context.Background())
	r.hurried, r.hurry = context.WithCancel(context.Background())
	r.registrar = newRegistrar(s, r)
	return r
}

// open listens and connects the broker, or does neither.
func (r *run) open(o *Options) error {
	named := func(l *transport.ListenOptions) { l.Service = o.Name }
	listener, err := o.Transport.Listen(o.Address, append(o.ListenOptions[:len(o.ListenOptions):len(o.ListenOptions)], named)...)
	if err != nil {
		return fmt.Errorf("server %s: listen on %s: %w", o.Name, o.Address, err)
	}
	if err := r.broker.Connect(); err != nil {
		err = fmt.Errorf("server %s: connect broker %s: %w", o.Name, r.broker, err)
		return errors.Join(err, listener.Close())
	}
	r.listener = listener
	r.flusher, _ = listener.(transport.Shutdowner)
	if l, ok := listener.(bytebudget.Holder); ok {
		r.held = l.Budget()
	} else {
		limit := o.Transport.Options().MaxTotalBytes
		r.held = bytebudget.New(cmp.Or(max(0, limit), transport.DefaultMaxTotalBytes))
	}
	return nil
}

// opened notes how open ended, and returns the state that follows from it.
func (r *run) opened(ok bool) state {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.state == abandoned:
		return abandoned
	case ok:
		r.state = listening
	default:
		r.state = failed
	}
	close(r.ready)
	return r.state
}

// awaitOpened waits for the end of open, and gives up when the time is over.
func (r *run) awaitOpened(b *budget) state {
	select {
	case <-r.ready:
	case <-r.hurried.Done():
	case <-time.After(b.part):
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == opening {
		r.state = abandoned
		close(r.ready)
	}
	return r.state
}

func (r *run) isListening() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == listening
}

// start serves, and registers for the first time. The run is to be shut down
// when that fails.
func (r *run) start() error {
	r.serving.Go(func() {
		if err := r.accept(); err != nil && !r.closed.Load() {
			logger.LoggerOrDefault(r.logger()).Logf(logger.ErrorLevel, "server: accept connections on %s: %v", r.listener.Addr(), err)
		}
	})
	r.serving.Go(r.registrar.loop)
	return r.registrar.awaitFirst()
}

func (r *run) serveConn(s transport.Socket) {
	c := newConn(r, s)
	r.connect(c)
	c.serve()
}

// connect notes a connection.
func (r *run) connect(c connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = struct{}{}
}

// disconnect notes the end of a connection.
func (r *run) disconnect(c connection) {
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	signalOnce(r.changed)
}

// accept serves connections until the listener is closed.
func (r *run) accept() error {
	if l, ok := r.listener.(exchangeListener); ok {
		return l.AcceptExchanges(r.serveConn, r)
	}
	return r.listener.Accept(r.serveConn)
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

// connections lists the connections that are open.
func (r *run) connections() []connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	open := make([]connection, 0, len(r.conns))
	for c := range r.conns {
		open = append(open, c)
	}
	return open
}

func (r *run) logger() logger.Logger { return r.server.settings.Load().logger }
