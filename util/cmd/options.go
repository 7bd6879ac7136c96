package cmd

import (
	"context"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
)

// Option sets something of a Cmd.
type Option func(*Options)

// Options of a Cmd.
type Options struct {
	// Name, Version and Description are what --help and --version print.
	Name        string
	Version     string
	Description string // default: a go-micro service

	// The parts that the command line configures and may replace. A nil
	// pointer leaves the part alone.
	Auth      *auth.Auth
	Broker    *broker.Broker
	Cache     *cache.Cache
	Client    *client.Client
	Config    *config.Config
	Profile   *profile.Profile
	Registry  *registry.Registry
	Runtime   *runtime.Runtime
	Selector  *selector.Selector
	Server    *server.Server
	Store     *store.Store
	Tracer    *trace.Tracer
	Transport *transport.Transport

	// The implementations that can be chosen by name, beside the built-in ones
	// and those in the Default maps.
	Auths      map[string]func(...auth.Option) auth.Auth
	Brokers    map[string]func(...broker.Option) broker.Broker
	Caches     map[string]func(...cache.Option) cache.Cache
	Clients    map[string]func(...client.Option) client.Client
	Configs    map[string]func(...config.Option) (config.Config, error)
	Profiles   map[string]func(...profile.Option) profile.Profile
	Registries map[string]func(...registry.Option) registry.Registry
	Runtimes   map[string]func(...runtime.Option) runtime.Runtime
	Selectors  map[string]func(...selector.Option) selector.Selector
	Servers    map[string]func(...server.Option) server.Server
	Stores     map[string]func(...store.Option) store.Store
	Tracers    map[string]func(...trace.Option) trace.Tracer
	Transports map[string]func(...transport.Option) transport.Transport

	// Context of the program's Action. Default: the background context.
	Context context.Context
}

// Name sets the name of the program.
func Name(n string) Option { return func(o *Options) { o.Name = n } }

// Version sets what --version prints. Without one the flag is hidden.
func Version(v string) Option { return func(o *Options) { o.Version = v } }

// Description sets the usage text.
func Description(d string) Option { return func(o *Options) { o.Description = d } }

// Auth sets the auth that is configured.
func Auth(a *auth.Auth) Option { return func(o *Options) { o.Auth = a } }

// Broker sets the broker that is configured.
func Broker(b *broker.Broker) Option { return func(o *Options) { o.Broker = b } }

// Cache sets the cache that is configured.
func Cache(c *cache.Cache) Option { return func(o *Options) { o.Cache = c } }

// Client sets the client that is configured.
func Client(c *client.Client) Option { return func(o *Options) { o.Client = c } }

// Config sets the configuration that may be replaced.
func Config(c *config.Config) Option { return func(o *Options) { o.Config = c } }

// Profile sets the profile that may be replaced.
func Profile(p *profile.Profile) Option { return func(o *Options) { o.Profile = p } }

// Registry sets the registry that is configured.
func Registry(r *registry.Registry) Option { return func(o *Options) { o.Registry = r } }

// Runtime sets the runtime that is configured.
func Runtime(r *runtime.Runtime) Option { return func(o *Options) { o.Runtime = r } }

// Selector sets the selector that is configured.
func Selector(s *selector.Selector) Option { return func(o *Options) { o.Selector = s } }

// Server sets the server that is configured.
func Server(s *server.Server) Option { return func(o *Options) { o.Server = s } }

// Store sets the store that is configured.
func Store(s *store.Store) Option { return func(o *Options) { o.Store = s } }

// Tracer sets the tracer that may be replaced.
func Tracer(t *trace.Tracer) Option { return func(o *Options) { o.Tracer = t } }

// Transport sets the transport that is configured.
func Transport(t *transport.Transport) Option { return func(o *Options) { o.Transport = t } }

// NewAuth makes an auth known by name.
func NewAuth(name string, a func(...auth.Option) auth.Auth) Option {
	return func(o *Options) { put(&o.Auths, name, a) }
}

// NewBroker makes a broker known by name.
func NewBroker(name string, b func(...broker.Option) broker.Broker) Option {
	return func(o *Options) { put(&o.Brokers, name, b) }
}

// NewCache makes a cache known by name.
func NewCache(name string, c func(...cache.Option) cache.Cache) Option {
	return func(o *Options) { put(&o.Caches, name, c) }
}

// NewClient makes a client known by name.
func NewClient(name string, c func(...client.Option) client.Client) Option {
	return func(o *Options) { put(&o.Clients, name, c) }
}

// NewConfig makes a configuration known by name.
func NewConfig(name string, c func(...config.Option) (config.Config, error)) Option {
	return func(o *Options) { put(&o.Configs, name, c) }
}

// NewProfile makes a profile known by name.
func NewProfile(name string, p func(...profile.Option) profile.Profile) Option {
	return func(o *Options) { put(&o.Profiles, name, p) }
}

// NewRegistry makes a registry known by name.
func NewRegistry(name string, r func(...registry.Option) registry.Registry) Option {
	return func(o *Options) { put(&o.Registries, name, r) }
}

// NewRuntime makes a runtime known by name.
func NewRuntime(name string, r func(...runtime.Option) runtime.Runtime) Option {
	return func(o *Options) { put(&o.Runtimes, name, r) }
}

// NewSelector makes a selector known by name.
func NewSelector(name string, s func(...selector.Option) selector.Selector) Option {
	return func(o *Options) { put(&o.Selectors, name, s) }
}

// NewServer makes a server known by name.
func NewServer(name string, s func(...server.Option) server.Server) Option {
	return func(o *Options) { put(&o.Servers, name, s) }
}

// NewTracer makes a tracer known by name.
func NewTracer(name string, t func(...trace.Option) trace.Tracer) Option {
	return func(o *Options) { put(&o.Tracers, name, t) }
}

// NewTransport makes a transport known by name.
func NewTransport(name string, t func(...transport.Option) transport.Transport) Option {
	return func(o *Options) { put(&o.Transports, name, t) }
}

func put[C any](m *map[string]C, name string, constructor C) {
	if *m == nil {
		*m = map[string]C{}
	}
	(*m)[name] = constructor
}
