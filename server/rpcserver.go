package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/transport"
)

// rpcServer is the Server of this package. Between Start and Stop it has a run,
// which owns everything that works.
type rpcServer struct {
	router   *router
	settings atomic.Pointer[settings] // of opts; replaced under mu

	// transition makes Start and Stop take turns. It is held for their whole
	// length and guards nothing else.
	transition sync.Mutex

	// initialising makes calls of Init take turns while they apply options.
	initialising sync.Mutex

	mu   sync.Mutex // guards what follows
	opts Options
	subs []*subscription
	run  *run
}

// NewRPCServer makes a server.
func NewRPCServer(opts ...Option) Server {
	s := &rpcServer{opts: NewOptions(opts...)}
	s.router = newRouter()
	s.configure()
	return s
}

// configure puts the options into effect. The caller holds mu.
func (s *rpcServer) configure() {
	s.router.configure(s.opts.Logger, s.opts.HdlrWrappers, s.opts.SubWrappers)
	s.settings.Store(newSettings(&s.opts, s.router))
}

func (s *rpcServer) Init(opts ...Option) error {
	s.initialising.Lock()
	defer s.initialising.Unlock()
	next := s.snapshot() // options may use the server, so mu is not held
	next.apply(opts)
	next.complete()
	s.mu.Lock()
	s.opts = next
	s.configure()
	r := s.run
	s.mu.Unlock()
	if r != nil {
		r.registrar.refresh()
	}
	return nil
}

func (s *rpcServer) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opts.clone()
	if s.run != nil {
		o.Address = s.run.listener.Addr()
	}
	return o
}

// clone copies what is changed in place.
func (o *Options) clone() Options {
	c := *o
	c.Codecs = maps.Clone(o.Codecs)
	c.HdlrWrappers = slices.Clip(o.HdlrWrappers)
	c.SubWrappers = slices.Clip(o.SubWrappers)
	c.ListenOptions = slices.Clip(o.ListenOptions)
	return c
}

func (s *rpcServer) NewHandler(handler any, opts ...HandlerOption) Handler {
	return s.router.NewHandler(handler, opts...)
}

func (s *rpcServer) NewSubscriber(topic string, target any, opts ...SubscriberOption) Subscriber {
	return s.router.NewSubscriber(topic, target, opts...)
}

func (s *rpcServer) Handle(h Handler) error {
	if err := s.router.Handle(h); err != nil {
		return err
	}
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r != nil {
		r.registrar.refresh()
	}
	return nil
}

func (s *rpcServer) Subscribe(sb Subscriber) error {
	sub, err := s.router.subscribe(sb)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.subs = append(s.subs, sub)
	r := s.run
	s.mu.Unlock()
	if r != nil {
		return r.registrar.subscribeNow()
	}
	return nil
}

func (s *rpcServer) String() string { return "mucp" }

// ServeConn serves the requests on a socket until its end. The server must be
// running.
func (s *rpcServer) ServeConn(sock transport.Socket) {
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r != nil {
		r.serveConn(sock)
	}
}

func (s *rpcServer) Start() error {
	s.transition.Lock()
	defer s.transition.Unlock()
	s.mu.Lock()
	opts, running := s.opts.clone(), s.run != nil
	s.mu.Unlock()
	if running {
		return nil
	}
	r, err := s.listen(&opts)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.run = r
	s.mu.Unlock()
	if err := r.start(); err != nil {
		err = errors.Join(err, r.shutdown(&opts))
		s.mu.Lock()
		s.run = nil
		s.mu.Unlock()
		return err
	}
	return nil
}

// listen opens what a run needs, or nothing.
func (s *rpcServer) listen(opts *Options) (*run, error) {
	listener, err := opts.Transport.Listen(opts.Address, opts.ListenOptions...)
	if err != nil {
		return nil, fmt.Errorf("server %s: listen on %s: %w", opts.Name, opts.Address, err)
	}
	if err := opts.Broker.Connect(); err != nil {
		err = fmt.Errorf("server %s: connect broker %s: %w", opts.Name, opts.Broker, err)
		return nil, errors.Join(err, listener.Close())
	}
	logInfo(opts.Logger, "Transport [%s] Listening on %s", opts.Transport, listener.Addr())
	logInfo(opts.Logger, "Broker [%s] Connected to %s", opts.Broker, opts.Broker.Address())
	return newRun(s, listener, opts.Broker), nil
}

func (s *rpcServer) Stop() error {
	s.mu.Lock()
	if s.run != nil {
		s.run.registrar.stop() // which a Start may be waiting for
	}
	s.mu.Unlock()
	s.transition.Lock()
	defer s.transition.Unlock()
	s.mu.Lock()
	r, opts := s.run, s.opts.clone()
	s.mu.Unlock()
	if r == nil {
		return nil
	}
	err := r.shutdown(&opts)
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	return err
}
