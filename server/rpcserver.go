package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

// rpcServer is the Server of this package. Between Start and Stop it has a run,
// which owns everything that works.
type rpcServer struct {
	settings atomic.Pointer[settings]

	mu  sync.Mutex // guards run, and nothing is called while it is held
	run *run       // from the beginning of Start to the end of Stop
}

// NewRPCServer makes a server.
func NewRPCServer(opts ...Option) Server {
	s := &rpcServer{}
	o := NewOptions(opts...)
	routes := newRoutes(o.Logger)
	routes.builtIn = methodsOf(debugName, &debugHandler{server: s}, o.Logger)
	s.settings.Store(newSettings(currentDefaults(), o.clone(), routes))
	return s
}

func (s *rpcServer) Init(opts ...Option) error {
	err := s.change(func(old *settings) (*settings, error) {
		o := old.options.clone()
		o.apply(opts)
		o.complete()
		return newSettings(old.defaults, o.clone(), old.routes), nil
	})
	if err == nil {
		s.refresh()
	}
	return err
}

func (s *rpcServer) Options() Options {
	o := s.settings.Load().options.clone()
	if r := s.running(); r != nil {
		o.Address = r.listener.Addr()
	}
	return o
}

func (s *rpcServer) NewHandler(handler any, opts ...HandlerOption) Handler {
	return NewRpcHandler(handler, opts...)
}

func (s *rpcServer) NewSubscriber(topic string, target any, opts ...SubscriberOption) Subscriber {
	return newSubscriber(topic, target, opts...)
}

func (s *rpcServer) Handle(h Handler) error {
	err := s.change(func(old *settings) (*settings, error) {
		next, err := old.routes.withHandler(h)
		if err != nil {
			return nil, err
		}
		return old.with(next), nil
	})
	if err == nil {
		s.refresh()
	}
	return err
}

func (s *rpcServer) Subscribe(sb Subscriber) error {
	var sub *subscription
	err := s.change(func(old *settings) (*settings, error) {
		next, added, err := old.routes.withSubscriber(sb)
		if err != nil {
			return nil, err
		}
		sub = added
		return old.with(next), nil
	})
	if err != nil {
		return err
	}
	if r := s.running(); r != nil {
		return r.registrar.subscribeNow(sub)
	}
	return nil
}

// refresh has the registry told of a change.
func (s *rpcServer) refresh() {
	if r := s.running(); r != nil {
		r.registrar.refresh()
	}
}

func (s *rpcServer) String() string { return "mucp" }

// running returns the run if it has a listener.
func (s *rpcServer) running() *run {
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r == nil || !r.isListening() {
		return nil
	}
	return r
}

// ServeConn serves the requests on a socket until its end. The server must be
// running.
func (s *rpcServer) ServeConn(sock transport.Socket) {
	if r := s.running(); r != nil {
		r.serveConn(sock)
	}
}

func (s *rpcServer) Start() error {
	for {
		r, mine := s.claim()
		if mine {
			return s.launch(r)
		}
		if r.stopping.Load() { // nor may Start wait: Stop may be waiting for its caller
			return fmt.Errorf("server %s: not started: it is being stopped; start it when Stop has returned", s.settings.Load().options.Name)
		}
		<-r.ready
		if r.isListening() {
			return nil
		}
		<-r.over
	}
}

// claim makes a run for the caller to launch, unless there is one.
func (s *rpcServer) claim() (r *run, mine bool) {
	fresh := newRun(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		s.run, mine = fresh, true
	}
	return s.run, mine
}

// launch opens what a run needs, or nothing, and starts it.
func (s *rpcServer) launch(r *run) error {
	o := &s.settings.Load().options
	err := r.open(o)
	switch r.opened(err == nil) {
	case abandoned:
		if err == nil {
			err = errors.Join(r.listener.Close(), r.broker.Disconnect())
		}
		return errors.Join(fmt.Errorf("server %s: stopped while it was starting", o.Name), err)
	case failed:
		s.forget(r)
		close(r.over)
		return err
	}
	logger.LoggerOrDefault(o.Logger).Logf(logger.InfoLevel, "Transport [%s] Listening on %s", o.Transport, r.listener.Addr())
	logger.LoggerOrDefault(o.Logger).Logf(logger.InfoLevel, "Broker [%s] Connected to %s", r.broker, r.broker.Address())
	if err := r.start(); err != nil {
		return errors.Join(err, s.Stop())
	}
	return nil
}

// forget makes room for another run.
func (s *rpcServer) forget(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == r {
		s.run = nil
	}
}

func (s *rpcServer) Stop() error { return s.Shutdown(context.Background()) }

// Shutdown is Stop, except that its waiting ends when ctx is done: see Shutdowner.
func (s *rpcServer) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r == nil {
		return nil
	}
	defer context.AfterFunc(ctx, r.hurry)()
	if r.stopping.Swap(true) {
		<-r.over
		return r.stopped
	}
	o := s.settings.Load().options
	switch b := newBudget(&o); r.awaitOpened(b) {
	case failed:
		<-r.over
		return nil
	case abandoned:
		r.stopped = fmt.Errorf("server %s: stopped, but its transport or broker has not finished starting within %v", o.Name, b.total)
	default:
		r.stopped = r.shutdown(&o, b)
	}
	s.forget(r)
	close(r.over)
	return r.stopped
}
