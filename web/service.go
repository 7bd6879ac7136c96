package web

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/internal/httpserve"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	mhttp "github.com/justcy/go-micro/v4/util/http"
	signals "github.com/justcy/go-micro/v4/util/signal"
)

// service is the Service.
type service struct {
	mux *http.ServeMux

	mu        sync.Mutex // guards what follows
	opts      Options
	endpoints []*registry.Endpoint
	root      bool         // something is handled at /
	run       *run         // nil when the service is stopped
	served    *http.Server // Options.Server, once it serves
	unserved  *http.Server // what it was before

	lifecycle sync.Mutex // held by Start and Stop, which may take long
}

// run is the service between a Start and the Stop after it.
type run struct {
	server     *httpserve.Run
	ctx        context.Context // ends the registering
	cancel     context.CancelFunc
	registered chan struct{} // closed when the registering has ended
}

func newService(opts []Option) *service {
	return &service{opts: newOptions(opts), mux: http.NewServeMux()}
}

func (s *service) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.clone()
}

func (s *service) Handle(pattern string, handler http.Handler) {
	s.mux.Handle(pattern, handler)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.root = s.root || pattern == "/"
	for _, e := range s.endpoints {
		if e.Name == pattern {
			return
		}
	}
	s.endpoints = append(s.endpoints, &registry.Endpoint{Name: pattern})
}

func (s *service) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	s.Handle(pattern, http.HandlerFunc(handler))
}

func (s *service) Client() *http.Client {
	return &http.Client{Transport: mhttp.NewRoundTripper(mhttp.WithRegistry(s.registry()))}
}

// registry is the one that the options or the micro service have.
func (s *service) registry() registry.Registry {
	o := s.Options()
	if o.Registry != nil {
		return o.Registry
	}
	if r := o.Service.Client().Options().Registry; r != nil {
		return r
	}
	return registry.DefaultRegistry
}

func (s *service) Init(opts ...Option) error {
	s.mu.Lock()
	options.To(&s.opts, opts)
	o := s.opts.clone()
	s.mu.Unlock()
	inner := []micro.Option{micro.Version(o.Version), micro.Action(s.action)}
	if len(o.Flags) > 0 {
		inner = append(inner, micro.Flags(o.Flags...))
	}
	if o.Registry != nil {
		inner = append(inner, micro.Registry(o.Registry))
	}
	if o.Service.Name() == "" {
		inner = append(inner, micro.Name(o.Name))
	}
	o.Service.Init(inner...)
	return nil
}

// action takes over what the command line or the environment say.
func (s *service) action(c *cli.Context) error {
	s.mu.Lock()
	o := &s.opts
	for name, field := range map[string]*time.Duration{"register_ttl": &o.RegisterTTL, "register_interval": &o.RegisterInterval} {
		if n := c.Int(name); c.IsSet(name) && n > 0 {
			*field = time.Duration(n) * time.Second
		}
	}
	for name, field := range map[string]*string{
		"server_name": &o.Name, "server_version": &o.Version, "server_id": &o.Id,
		"server_address": &o.Address, "server_advertise": &o.Advertise,
	} {
		if text := c.String(name); c.IsSet(name) && text != "" {
			*field = text
		}
	}
	action := o.Action
	s.mu.Unlock()
	if action != nil {
		action(c)
	}
	return nil
}

func (s *service) Start() error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	if s.current() != nil {
		return nil
	}
	o := s.Options()
	if err := each(o.BeforeStart); err != nil {
		return err
	}
	l, err := s.listen(o)
	if err != nil {
		return err
	}
	server, err := s.server(o)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.mu.Lock()
	s.opts.Address = l.Addr().String()
	s.mu.Unlock()
	logger.LoggerOrDefault(o.Logger).Logf(logger.InfoLevel, "Listening on %v", l.Addr())
	r := &run{server: httpserve.Start("web service "+o.Name, server, l, s.handler(o), o.Logger), registered: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	err = each(o.AfterStart)
	if err == nil {
		err = s.register(r.ctx)
	}
	if err != nil {
		close(r.registered)
		return errors.Join(err, s.shut(context.Background(), r, o))
	}
	s.mu.Lock()
	s.run = r
	s.mu.Unlock()
	go s.keepRegistered(r)
	return nil
}

func (s *service) current() *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// each runs hooks until one fails.
func each(hooks []func() error) error {
	for _, hook := range hooks {
		if err := hook(); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) Stop() error { return s.stop(context.Background()) }

// stop is Stop, except that it waits no longer than until ctx is done.
func (s *service) stop(ctx context.Context) error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	r := s.current()
	if r == nil {
		return nil
	}
	o := s.Options()
	ctx, cancel := context.WithTimeout(ctx, o.StopTimeout)
	defer cancel()
	r.cancel()
	<-r.registered
	errs := []error{s.deregister(ctx)}
	for _, hook := range o.BeforeStop {
		errs = append(errs, hook())
	}
	errs = append(errs, s.shut(ctx, r, o))
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	for _, hook := range o.AfterStop {
		errs = append(errs, hook())
	}
	logger.LoggerOrDefault(o.Logger).Log(logger.InfoLevel, "Stopping")
	return errors.Join(errs...)
}

// shut ends serving and registering.
func (s *service) shut(ctx context.Context, r *run, o Options) error {
	r.cancel()
	<-r.registered
	ctx, cancel := context.WithTimeout(ctx, o.StopTimeout)
	defer cancel()
	return r.server.Stop(ctx)
}

func (s *service) Run() error {
	o := s.Options()
	var quit chan os.Signal // a nil channel delivers nothing
	if o.Signal {
		quit = make(chan os.Signal, 1)
		signal.Notify(quit, signals.Shutdown()...)
		defer signal.Stop(quit)
	}
	if err := s.Start(); err != nil {
		return err
	}
	err := s.await(o, quit)
	ctx, release := signals.Next(context.Background(), quit)
	defer release()
	return errors.Join(err, s.stop(ctx))
}

// await waits for the end, with the profile of the micro service, if it has one.
func (s *service) await(o Options, quit <-chan os.Signal) error {
	stopProfile := func() error { return nil }
	if p := o.Service.Options().Profile; p != nil {
		runtime.SetMutexProfileFraction(5)
		runtime.SetBlockProfileRate(1)
		if err := p.Start(); err != nil {
			return err
		}
		stopProfile = p.Stop
	}
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	select {
	case <-quit:
	case <-ctx.Done():
	}
	return stopProfile()
}
