package web

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// stopTimeout is how long Stop waits for requests in flight unless told otherwise.
const stopTimeout = 25 * time.Second

// maxConnections is how many connections are served unless told otherwise.
const maxConnections = 16_384

// Options configure a Service.
type Options struct {
	// Handler answers all requests, in place of what is handled and of StaticDir.
	Handler http.Handler

	// Logger for what happens in the background.
	Logger logger.Logger

	// Service is the micro service whose command line and registry are used; a new
	// one by default.
	Service micro.Service

	// Registry to register in; that of Service by default.
	Registry registry.Registry

	// Context ends Run when it is done.
	Context context.Context

	// Action runs when the command line has been read.
	Action func(*cli.Context)
	// Metadata of the node.
	Metadata map[string]string

	// TLSConfig serves TLS with it.
	TLSConfig *tls.Config

	// Server serves; its Handler and BaseContext are replaced. What it does not limit
	// itself is limited for it: ReadHeaderTimeout to 10 seconds (unless there is a
	// ReadTimeout), IdleTimeout to 2 minutes and MaxHeaderBytes to 64 KiB. It must not
	// be changed once the service has started: a service that starts again serves by
	// what it was the first time.
	Server *http.Server

	// RegisterCheck is asked before each registration.
	RegisterCheck func(context.Context) error

	Version string

	// StaticDir is the folder whose files are served at / if nothing else is; none
	// if it is empty.
	StaticDir string

	// Advertise is the address to register; the one listened on by default.
	Advertise string

	// Address to listen on, as host:port or host:min-max.
	Address string
	// Name to register.
	Name string
	// Id of the node.
	Id string
	// Flags for the command line.
	Flags []cli.Flag

	// Hooks run in their order. An error of BeforeStart or AfterStart ends Start.
	BeforeStart []func() error
	BeforeStop  []func() error
	AfterStart  []func() error
	AfterStop   []func() error

	// RegisterTTL is how long a registration lasts.
	RegisterTTL time.Duration
	// RegisterInterval is how often the service registers again; 0 for never.
	RegisterInterval time.Duration
	// StopTimeout bounds how long Stop waits, for the registry and for requests in
	// flight; 25 seconds by default.
	StopTimeout time.Duration

	// MaxConnections is how many connections are served at a time, those that
	// handlers took over included; further ones wait. 16,384 by default, 0 for any
	// number.
	MaxConnections int

	// Secure serves TLS, with a self-signed certificate without a TLSConfig.
	Secure bool
	// Signal ends Run at a signal of the operating system.
	Signal bool
}

func newOptions(opts []Option) Options {
	o := options.With(Options{
		Name:             DefaultName,
		Version:          DefaultVersion,
		Id:               DefaultId,
		Address:          DefaultAddress,
		RegisterTTL:      DefaultRegisterTTL,
		RegisterInterval: DefaultRegisterInterval,
		RegisterCheck:    DefaultRegisterCheck,
		StaticDir:        DefaultStaticDir,
		StopTimeout:      stopTimeout,
		MaxConnections:   maxConnections,
		Context:          context.TODO(),
		Signal:           true,
		Logger:           logger.DefaultLogger,
	}, opts)
	if o.Service == nil {
		o.Service = micro.NewService()
	}
	return o
}

// clone returns a copy that shares no slice or map.
func (o Options) clone() Options {
	o.Metadata = maps.Clone(o.Metadata)
	o.Flags = slices.Clone(o.Flags)
	o.BeforeStart, o.AfterStart = slices.Clone(o.BeforeStart), slices.Clone(o.AfterStart)
	o.BeforeStop, o.AfterStop = slices.Clone(o.BeforeStop), slices.Clone(o.AfterStop)
	return o
}

// Name sets the name to register.
func Name(n string) Option {
	return func(o *Options) { o.Name = n }
}

// Icon sets the icon of the service, as metadata.
func Icon(ico string) Option {
	return func(o *Options) {
		md := maps.Clone(o.Metadata)
		if md == nil {
			md = map[string]string{}
		}
		md["icon"] = ico
		o.Metadata = md
	}
}

// Id sets the id of the node.
func Id(id string) Option {
	return func(o *Options) { o.Id = id }
}

// Version sets the version to register.
func Version(v string) Option {
	return func(o *Options) { o.Version = v }
}

// Metadata sets the metadata of the node.
func Metadata(md map[string]string) Option {
	return func(o *Options) { o.Metadata = maps.Clone(md) }
}

// Address sets the address to listen on, as host:port or host:min-max.
func Address(a string) Option {
	return func(o *Options) { o.Address = a }
}

// Advertise sets the address to register.
func Advertise(a string) Option {
	return func(o *Options) { o.Advertise = a }
}

// Context sets the context that ends Run.
func Context(ctx context.Context) Option {
	return func(o *Options) { o.Context = ctx }
}

// Registry sets the registry to register in.
func Registry(r registry.Registry) Option {
	return func(o *Options) { o.Registry = r }
}

// RegisterTTL sets how long a registration lasts.
func RegisterTTL(t time.Duration) Option {
	return func(o *Options) { o.RegisterTTL = t }
}

// RegisterInterval sets how often the service registers again; 0 for never.
func RegisterInterval(t time.Duration) Option {
	return func(o *Options) { o.RegisterInterval = t }
}

// RegisterCheck sets what is asked before each registration.
func RegisterCheck(fn func(context.Context) error) Option {
	return func(o *Options) { o.RegisterCheck = fn }
}

// Handler sets what answers all requests.
func Handler(h http.Handler) Option {
	return func(o *Options) { o.Handler = h }
}

// Server sets the server.
func Server(srv *http.Server) Option {
	return func(o *Options) { o.Server = srv }
}

// MicroService sets the micro service whose command line and registry are used.
func MicroService(s micro.Service) Option {
	return func(o *Options) { o.Service = s }
}

// Flags adds flags to the command line.
func Flags(flags ...cli.Flag) Option {
	return func(o *Options) { o.Flags = append(o.Flags[:len(o.Flags):len(o.Flags)], flags...) }
}

// Action sets what runs when the command line has been read.
func Action(a func(*cli.Context)) Option {
	return func(o *Options) { o.Action = a }
}

// BeforeStart adds a hook that runs before the service listens.
func BeforeStart(fn func() error) Option {
	return func(o *Options) { o.BeforeStart = append(o.BeforeStart, fn) }
}

// BeforeStop adds a hook that runs when the service is deregistered and still
// serves.
func BeforeStop(fn func() error) Option {
	return func(o *Options) { o.BeforeStop = append(o.BeforeStop, fn) }
}

// AfterStart adds a hook that runs when the service serves and is not registered
// yet.
func AfterStart(fn func() error) Option {
	return func(o *Options) { o.AfterStart = append(o.AfterStart, fn) }
}

// AfterStop adds a hook that runs when the service has stopped.
func AfterStop(fn func() error) Option {
	return func(o *Options) { o.AfterStop = append(o.AfterStop, fn) }
}

// Secure serves TLS, with a self-signed certificate unless TLSConfig has one.
func Secure(b bool) Option {
	return func(o *Options) { o.Secure = b }
}

// TLSConfig serves TLS with a configuration.
func TLSConfig(t *tls.Config) Option {
	return func(o *Options) { o.TLSConfig = t }
}

// StaticDir sets the folder whose files are served at /; none if it is empty.
func StaticDir(d string) Option {
	return func(o *Options) { o.StaticDir = d }
}

// HandleSignal sets whether Run ends at SIGTERM, SIGINT or SIGQUIT.
func HandleSignal(b bool) Option {
	return func(o *Options) { o.Signal = b }
}

// StopTimeout sets how long Stop waits, for the registry and for requests in flight.
func StopTimeout(d time.Duration) Option {
	return func(o *Options) { o.StopTimeout = d }
}

// MaxConnections sets how many connections are served at a time; 0 for any number.
func MaxConnections(n int) Option {
	return func(o *Options) { o.MaxConnections = n }
}

// Logger sets the logger.
func Logger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}
