package micro

import (
	"errors"
	"fmt"
	"net"
	"reflect"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/internal/authcall"
	"github.com/justcy/go-micro/v4/internal/authwire"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	mnet "github.com/justcy/go-micro/v4/util/net"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// apply collects opts and then carries them out in one fixed order, so that
// their order in the list makes no difference.
func (s *service) apply(opts []Option) error {
	o := s.Options()
	o.Client = s.bareClient()
	options.To(&o, opts)
	p := o.pending
	o.pending = pending{}

	program.add(p.flags)
	o.Cmd.App().Flags = append(o.Cmd.App().Flags, p.flags...)
	if p.action != nil {
		o.Cmd.App().Action = p.action
	}
	p.server = append(s.guard(&o), p.server...)
	err := errors.Join(p.initBroker(&o), s.countRequests(o.Server), p.initServer(&o), p.initClient(&o))
	s.set(o, p.wrappers)
	return err
}

// countRequests has the requests of a server counted, unless they are.
func (s *service) countRequests(of server.Server) error {
	s.mu.Lock()
	old := s.counted
	s.counted = of
	s.mu.Unlock()
	if t := reflect.TypeOf(of); t == nil || t == reflect.TypeOf(old) && t.Comparable() && of == old {
		return nil
	}
	return failed("server", of.Init(server.WrapHandler(wrapper.HandlerStats(stats.DefaultStats))))
}

func (p *pending) initBroker(o *Options) error {
	if !p.registry {
		return nil
	}
	return failed("broker", o.Broker.Init(broker.Registry(o.Registry)))
}

func (p *pending) initServer(o *Options) error {
	var opts []server.Option
	if p.registry {
		opts = append(opts, server.Registry(o.Registry))
	}
	if p.transport {
		opts = append(opts, server.Transport(o.Transport))
	}
	if p.broker {
		opts = append(opts, server.Broker(o.Broker))
	}
	if p.logger {
		opts = append(opts, server.WithLogger(o.Logger))
	}
	if p.tracer != nil {
		opts = append(opts, server.Tracer(p.tracer), server.WrapHandler(wrapper.TraceHandler(p.tracer)),
			server.WrapSubscriber(wrapper.TraceSubscriber(p.tracer)))
	}
	if opts = append(opts, p.server...); len(opts) == 0 {
		return nil
	}
	return failed("server", o.Server.Init(opts...))
}

func (p *pending) initClient(o *Options) error {
	var opts []client.Option
	if p.selector != nil {
		opts = append(opts, client.Selector(p.selector))
		if p.registry {
			if err := p.selector.Init(selector.Registry(o.Registry)); err != nil {
				return failed("selector", err)
			}
		}
	}
	if p.registry {
		opts = append(opts, client.Registry(o.Registry))
	}
	if p.transport {
		opts = append(opts, client.Transport(o.Transport))
	}
	if p.broker {
		opts = append(opts, client.Broker(o.Broker))
	}
	if p.logger {
		opts = append(opts, client.WithLogger(o.Logger))
	}
	if p.tracer != nil {
		name, tracer := o.Server.Options().Name, p.tracer
		p.wrappers = append([]client.Wrapper{func(c client.Client) client.Client {
			return wrapper.TraceCall(name, tracer, c)
		}}, p.wrappers...)
	}
	if opts = append(opts, p.client...); len(opts) == 0 {
		return nil
	}
	return failed("client", o.Client.Init(opts...))
}

// placeBroker has the built-in http broker listen on the host that its server
// listens on, and advertise the host that it advertises, unless the broker was
// told where to listen.
func placeBroker(o server.Options) {
	if o.Broker == nil || o.Broker.String() != builtInBroker || len(o.Broker.Options().Addrs) > 0 {
		return
	}
	var opts []broker.Option
	if host, _, err := mnet.SplitHostPort(o.Address); err == nil && host != "" {
		opts = append(opts, broker.Addrs(net.JoinHostPort(host, "0")))
	}
	if host, _, err := mnet.SplitHostPort(o.Advertise); err == nil && host != "" {
		opts = append(opts, broker.Advertise(host))
	}
	if len(opts) > 0 {
		_ = o.Broker.Init(opts...) // it fails when the program has connected the broker
	}
}

// set publishes o, whose Client is still bare, with the service's wrappers and
// the additional ones around the client.
func (s *service) set(o Options, more []client.Wrapper) {
	s.mu.Lock()
	s.wrappers = append(s.wrappers, more...)
	wrappers := s.wrappers[:len(s.wrappers):len(s.wrappers)]
	s.mu.Unlock()

	bare := o.Client
	o.Client = authcall.New(s.auth, nil, bare)
	if guard := authwire.Linked.Load(); guard != nil {
		o.Client = guard.Client(s.auth, bare)
	}
	for _, wrap := range wrappers {
		o.Client = wrap(o.Client)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bare, s.opts = bare, o
}

// auth is the service's auth of the moment.
func (s *service) auth() auth.Auth {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.opts.Auth
}

// rules are the service's rules of the moment.
func (s *service) rules() auth.Rules {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.opts.AuthRules
}

// guard returns the options by which a server lets in whom the Auth verifies, when
// it has not had them and the program has any.
func (s *service) guard(o *Options) []server.Option {
	guard := authwire.Linked.Load()
	if guard == nil || s.guarded == o.Server {
		return nil
	}
	s.guarded = o.Server
	return guard.Server(s.auth, s.rules)
}

func failed(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("configure %s: %w", part, err)
}
