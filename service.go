package micro

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	rtime "runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/internal/authwire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/util/cmd"
	signals "github.com/justcy/go-micro/v4/util/signal"
)

// Service is the whole of a microservice: what it serves, what it calls with
// and how it lives. Its methods are safe for concurrent use, except that Init
// belongs before Run.
type Service interface {
	// Name is the name under which the service registers.
	Name() string
	// Init applies options, and the first time it is called also the command
	// line and the environment. What an operator gave there and cannot be used
	// ends the program: a message on the standard error, and exit status 1.
	// --help, help and --version end it with status 0. Under go test, and with
	// [OnInitError], nothing ends: Run returns the error. A failure of an option
	// is logged, and returned by Run.
	Init(...Option)
	// Options returns a copy of the current options.
	Options() Options
	// Client calls other services. It carries the wrappers of the service.
	Client() client.Client
	// Server holds the handlers and subscribers of the service.
	Server() server.Server
	// Run starts the service, waits for a signal or the end of its context,
	// and stops it: calls in flight are finished first, within the server's
	// StopTimeout. Another signal ends the waiting for them, and one more the
	// process. It returns the first error of Init, of starting or of stopping.
	Run() error
	// String is the kind of service, "micro".
	String() string
}

// NewService makes a service. Nothing runs or is registered before Run.
func NewService(opts ...Option) Service {
	return newService(opts...)
}

// errUnguarded keeps a service from running without an Auth, or with one that guards
// nothing.
var errUnguarded = errors.New("configure auth: nobody would be verified; use micro.Auth")

// service is the one implementation of Service.
type service struct {
	owned  bool        // the parts were made for this service alone
	parsed atomic.Bool // Init was called

	guarded server.Server // verifies who calls; for apply and Init alone

	mu       sync.RWMutex
	opts     Options
	bare     client.Client // opts.Client without the wrappers of the service
	counted  server.Server // the one whose requests count in stats.DefaultStats
	wrappers []client.Wrapper
	initErr  error
}

func newService(opts ...Option) *service {
	s := &service{}
	s.opts, s.owned = defaultOptions()
	s.bare = s.opts.Client
	s.keep(s.apply(opts))
	return s
}

func (s *service) Name() string          { return s.Server().Options().Name }
func (s *service) String() string        { return "micro" }
func (s *service) Client() client.Client { return s.Options().Client }
func (s *service) Server() server.Server { return s.Options().Server }

func (s *service) Options() Options {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.opts.clone()
}

// clone returns a copy that shares no slice with o.
func (o *Options) clone() Options {
	c := *o
	c.BeforeStart = slices.Clone(o.BeforeStart)
	c.AfterStart = slices.Clone(o.AfterStart)
	c.BeforeStop = slices.Clone(o.BeforeStop)
	c.AfterStop = slices.Clone(o.AfterStop)
	return c
}

func (s *service) bareClient() client.Client {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bare
}

func (s *service) Init(opts ...Option) {
	s.keep(s.apply(opts))
	if !s.parsed.CompareAndSwap(false, true) { // an action may call Init
		return
	}
	err := s.parseCommandLine()
	if err == nil {
		s.keep(s.nameTable())
	}
	s.conclude(err)
}

// nameTable keeps the records of services that share a store apart.
func (s *service) nameTable() error {
	o := s.Options()
	if o.Store == nil || o.Store.Options().Table != "" {
		return nil
	}
	return failed("store", o.Store.Init(store.Table(o.Cmd.App().Name)))
}

// keep logs an error of making and configuring the service, and has Run return
// it: Init itself has no way to.
func (s *service) keep(err error) {
	if err == nil {
		return
	}
	if !errors.Is(err, cmd.ErrAnswered) {
		s.log().Logf(logger.ErrorLevel, "service %s: %v", s.Name(), err)
	}
	s.remember(err)
}

// remember has Run return err, unless there was an error before.
func (s *service) remember(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.initErr == nil {
		s.initErr = err
	}
}

func (s *service) log() logger.Logger {
	return logger.LoggerOrDefault(s.Options().Logger)
}

// Run is described at Service.
func (s *service) Run() error {
	s.mu.RLock()
	err := s.initErr
	s.mu.RUnlock()
	if errors.Is(err, cmd.ErrAnswered) {
		return nil
	}
	if err != nil {
		return err
	}
	stopProfile, err := startProfile(s.Options().Profile)
	if err != nil {
		return err
	}
	err = s.serve()
	return errors.Join(err, stopProfile(), s.release())
}

// serve starts the service, waits for its end and stops it.
func (s *service) serve() error {
	o := s.Options()
	var quit chan os.Signal // a nil channel delivers nothing
	if o.Signal {
		quit = make(chan os.Signal, 1)
		signal.Notify(quit, signals.Shutdown()...)
		defer signal.Stop(quit)
	}
	s.log().Logf(logger.InfoLevel, "Starting [service] %s", s.Name())
	if err := s.Start(); err != nil {
		return err
	}
	select {
	case <-quit:
	case <-o.Context.Done():
	}
	ctx, release := signals.Next(context.Background(), quit)
	defer release()
	return s.stop(ctx)
}

// Start runs the BeforeStart hooks, starts the server and runs the AfterStart
// hooks. When it fails nothing is left running.
func (s *service) Start() error {
	o := s.Options()
	if o.Auth == nil || o.Auth.String() != auth.Noop && authwire.Linked.Load() == nil {
		return errUnguarded
	}
	for _, fn := range o.BeforeStart {
		if err := fn(); err != nil {
			return err
		}
	}
	placeBroker(o.Server.Options())
	if err := o.Server.Start(); err != nil {
		return err
	}
	for _, fn := range o.AfterStart {
		if err := fn(); err != nil {
			return errors.Join(err, o.Server.Stop())
		}
	}
	return nil
}

// Stop runs the BeforeStop hooks, stops the server, which finishes the calls
// in flight, and runs the AfterStop hooks. All of it runs whatever fails; the
// first error is returned.
func (s *service) Stop() error { return s.stop(context.Background()) }

// stop is Stop, except that the server stops waiting for calls when ctx is done.
func (s *service) stop(ctx context.Context) error {
	o := s.Options()
	stopServer := func() error { return server.StopWithin(ctx, o.Server) }
	var first error
	for _, fn := range slices.Concat(o.BeforeStop, []func() error{stopServer}, o.AfterStop) {
		if err := fn(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// release ends what works in the background for parts that nobody else uses.
// They keep working when they are used again.
func (s *service) release() error {
	if !s.owned {
		return nil
	}
	c := s.bareClient()
	var errs []error
	if sel := c.Options().Selector; sel != nil {
		errs = append(errs, sel.Close())
	}
	if closer, ok := c.(io.Closer); ok {
		errs = append(errs, closer.Close())
	}
	return errors.Join(errs...)
}

// startProfile starts p, if there is one, with lock contention and blocking
// sampled. The returned function stops it.
func startProfile(p profile.Profile) (stop func() error, err error) {
	if p == nil {
		return func() error { return nil }, nil
	}
	rtime.SetMutexProfileFraction(5)
	rtime.SetBlockProfileRate(1)
	if err := p.Start(); err != nil {
		return nil, failed("profile", err)
	}
	return p.Stop, nil
}
