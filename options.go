package micro

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/authguard"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// Option sets something of a service. See the functions that return one.
type Option func(*Options)

// Options are the parts of a service and what it does around its life.
type Options struct {
	Registry  registry.Registry
	Store     store.Store
	Auth      auth.Auth
	AuthRules auth.Rules // nil: whoever has an account may enter
	Cmd       cmd.Cmd
	Config    config.Config
	Client    client.Client // with the service's wrappers around it
	Server    server.Server
	Broker    broker.Broker
	Cache     cache.Cache
	Runtime   runtime.Runtime
	Transport transport.Transport
	Profile   profile.Profile // nil: no profile is taken
	Logger    logger.Logger

	// Hooks run in the order in which they were given.
	BeforeStart []func() error
	AfterStart  []func() error
	BeforeStop  []func() error
	AfterStop   []func() error

	// Context ends Run when it is done. Default: the background context.
	Context context.Context

	// Signal makes Run end at a signal of the operating system. Default: true.
	Signal bool

	pending     pending
	onInitError func(error)
}

// pending is what options asked for and apply has not carried out yet.
type pending struct {
	broker, registry, transport, logger bool // given in this round

	wrappers []client.Wrapper // innermost first
	selector selector.Selector
	tracer   trace.Tracer
	server   []server.Option
	client   []client.Option
	flags    []cli.Flag
	action   func(*cli.Context) error
}

// Broker sets the broker of the service, its client and its server.
func Broker(b broker.Broker) Option {
	return func(o *Options) {
		o.Broker = b
		o.pending.broker = true
	}
}

// Cache sets the cache of the service.
func Cache(c cache.Cache) Option {
	return func(o *Options) { o.Cache = c }
}

// Cmd sets what reads the command line.
func Cmd(c cmd.Cmd) Option {
	return func(o *Options) { o.Cmd = c }
}

// Client sets the client. It is given the registry, broker, transport and
// selector that are options of the service, wherever they stand in the list.
func Client(c client.Client) Option {
	return func(o *Options) { o.Client = c }
}

// Context sets the context that ends Run when it is done.
func Context(ctx context.Context) Option {
	return func(o *Options) { o.Context = ctx }
}

// HandleSignal sets whether Run ends at SIGTERM, SIGINT or SIGQUIT.
func HandleSignal(b bool) Option {
	return func(o *Options) { o.Signal = b }
}

// Profile sets the profile that is taken while the service runs.
func Profile(p profile.Profile) Option {
	return func(o *Options) { o.Profile = p }
}

// Server sets the server. It is given the registry, broker and transport that
// are options of the service, wherever they stand in the list.
func Server(s server.Server) Option {
	return func(o *Options) { o.Server = s }
}

// Store sets the store of the service.
func Store(s store.Store) Option {
	return func(o *Options) { o.Store = s }
}

// Registry sets the registry of the service, its client and the client's
// selector, its server and its broker.
func Registry(r registry.Registry) Option {
	return func(o *Options) {
		o.Registry = r
		o.pending.registry = true
	}
}

// Tracer traces the calls, streams and events that the service makes and serves.
func Tracer(t trace.Tracer) Option {
	return func(o *Options) { o.pending.tracer = t }
}

// Auth sets who the service is to others and how it verifies them. With any Auth
// but the no-op
//
//   - handlers and subscribers are called for those alone who have an account and
//     whom [AuthRules] let in; others get code 401 or 403. They find the account by
//     auth.AccountFromContext;
//   - the client carries the token of the service on calls, streams and events, and
//     renews it, if the Auth has a token or credentials.
//
// To verify others an Auth needs no account of its own: a public key is enough.
// See wrapper.AuthHandler, wrapper.AuthCall and server.EndpointRules.
func Auth(a auth.Auth) Option {
	return func(o *Options) {
		authguard.Link()
		o.Auth = a
	}
}

// AuthRules sets the rules by which the [Auth] of the service lets others in.
// Without rules whoever has an account may enter.
func AuthRules(r auth.Rules) Option {
	return func(o *Options) { o.AuthRules = r }
}

// Config sets the configuration of the service.
func Config(c config.Config) Option {
	return func(o *Options) { o.Config = c }
}

// Selector sets how the client picks a node of a service.
func Selector(s selector.Selector) Option {
	return func(o *Options) { o.pending.selector = s }
}

// Transport sets the transport of the service, its client and its server.
func Transport(t transport.Transport) Option {
	return func(o *Options) {
		o.Transport = t
		o.pending.transport = true
	}
}

// Runtime sets what builds and runs services.
func Runtime(r runtime.Runtime) Option {
	return func(o *Options) { o.Runtime = r }
}

// Logger sets the logger of the service, its client and its server.
func Logger(l logger.Logger) Option {
	return func(o *Options) {
		o.Logger = l
		o.pending.logger = true
	}
}

// Address sets the address the server listens on, as host:port or
// host:min-max. Default: a free port on all interfaces.
func Address(addr string) Option {
	return serverOption(server.Address(addr))
}

// Name sets the name under which the service registers.
func Name(n string) Option {
	return serverOption(server.Name(n))
}

// Version sets the version under which the service registers. Default: latest.
func Version(v string) Option {
	return serverOption(server.Version(v))
}

// Metadata sets what the service's node tells about itself in the registry.
func Metadata(md map[string]string) Option {
	return serverOption(server.Metadata(md))
}

// HealthCheck adds a check to what the service answers when it is asked for its
// health: see server.HealthCheck.
func HealthCheck(name string, check func(context.Context) error) Option {
	return serverOption(server.HealthCheck(name, check))
}

// RegisterTTL sets how long a registration lasts without being renewed.
func RegisterTTL(t time.Duration) Option {
	return serverOption(server.RegisterTTL(t))
}

// RegisterInterval sets how often the service registers again. 0 means never.
func RegisterInterval(t time.Duration) Option {
	return serverOption(server.RegisterInterval(t))
}

// WrapHandler puts wrappers around the handlers; the first is outermost.
func WrapHandler(w ...server.HandlerWrapper) Option {
	return wrapServer(w, server.WrapHandler)
}

// WrapSubscriber puts wrappers around the subscribers; the first is outermost.
func WrapSubscriber(w ...server.SubscriberWrapper) Option {
	return wrapServer(w, server.WrapSubscriber)
}

// AddListenOption passes an option to the server's Listen, for example
// server.ListenOption(transport.NetListener(l)).
func AddListenOption(option server.Option) Option {
	return serverOption(option)
}

// WrapCall puts wrappers around each attempt of a call; the first is outermost.
func WrapCall(w ...client.CallWrapper) Option {
	return func(o *Options) { o.pending.client = append(o.pending.client, client.WrapCall(w...)) }
}

// WrapClient puts wrappers around the client; the first is outermost.
func WrapClient(w ...client.Wrapper) Option {
	return func(o *Options) {
		for _, wrapper := range slices.Backward(w) {
			o.pending.wrappers = append(o.pending.wrappers, wrapper)
		}
	}
}

// Flags adds flags to the command line of the service.
func Flags(flags ...cli.Flag) Option {
	return func(o *Options) { o.pending.flags = append(o.pending.flags, flags...) }
}

// Action sets what Init runs once it has read the command line.
func Action(a func(*cli.Context) error) Option {
	return func(o *Options) { o.pending.action = a }
}

// OnInitError hands what keeps Init from configuring the service to fn, and keeps
// Init from ending the program: a command line or an environment that cannot be
// used, the error of the program's Action, or [cmd.ErrAnswered] when --help or
// --version was answered. Run returns the error as well, nil for the last.
func OnInitError(fn func(error)) Option {
	return func(o *Options) { o.onInitError = fn }
}

// BeforeStart runs before the server starts. An error keeps it from starting.
func BeforeStart(fn func() error) Option {
	return func(o *Options) { o.BeforeStart = append(o.BeforeStart, fn) }
}

// BeforeStop runs before the server stops. An error does not keep it running.
func BeforeStop(fn func() error) Option {
	return func(o *Options) { o.BeforeStop = append(o.BeforeStop, fn) }
}

// AfterStart runs when the server has started. An error stops it again.
func AfterStart(fn func() error) Option {
	return func(o *Options) { o.AfterStart = append(o.AfterStart, fn) }
}

// AfterStop runs when the server has stopped.
func AfterStop(fn func() error) Option {
	return func(o *Options) { o.AfterStop = append(o.AfterStop, fn) }
}

func serverOption(option server.Option) Option {
	return func(o *Options) { o.pending.server = append(o.pending.server, option) }
}

func wrapServer[W any](wrappers []W, option func(W) server.Option) Option {
	return func(o *Options) {
		for _, w := range wrappers {
			o.pending.server = append(o.pending.server, option(w))
		}
	}
}
