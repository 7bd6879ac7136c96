package server

import (
	"context"
	"crypto/tls"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

// Options configures a server.
type Options struct {
	// Codecs are content types in addition to DefaultCodecs, or in their place.
	Codecs map[string]codec.NewCodec
	// Broker delivers the messages of subscribers. Default broker.DefaultBroker.
	Broker broker.Broker
	// Registry the server announces itself in. Default registry.DefaultRegistry.
	Registry registry.Registry
	// Tracer is kept for wrappers; the server itself does not trace.
	Tracer trace.Tracer
	// Transport to listen on. Default transport.DefaultTransport.
	Transport transport.Transport
	// Metadata of the node in the registry.
	Metadata map[string]string
	// Name of the service.
	Name string
	// Address to listen on. While the server runs, the one it listens on.
	Address string
	// Advertise is the address put into the registry, when it is not Address.
	// Without a port it gets that of Address.
	Advertise string
	// Id is the node's part of its id, Name-Id; a long Name is cut in it.
	Id string
	// Version of the service.
	Version string
	// HdlrWrappers are put around handlers, the first as the outermost.
	HdlrWrappers []HandlerWrapper
	// SubWrappers are put around subscribers, the first as the outermost.
	SubWrappers []SubscriberWrapper
	// ListenOptions are passed to the transport.
	ListenOptions []transport.ListenOption
	// RegisterCheck decides before each registration whether the service is
	// fit to be called. While it fails the service is not registered.
	RegisterCheck func(context.Context) error
	// RegisterTTL is how long a registration lasts when it is not renewed.
	RegisterTTL time.Duration
	// RegisterInterval is the time between two registrations, 0 for only one.
	RegisterInterval time.Duration
	// Router serves requests and messages in place of the handlers, when set.
	Router Router
	// TLSConfig of the transport.
	TLSConfig *tls.Config
	// DrainTimeout is how long Stop waits for requests in flight: see the
	// function of that name.
	DrainTimeout time.Duration
	// StopTimeout is how long Stop takes at most: see the function of that name.
	StopTimeout time.Duration
	// NoDebug leaves out the Debug handler: see the function DebugHandler.
	NoDebug bool
	// Context carries options of other implementations.
	Context context.Context
	// Logger for what cannot be reported otherwise. Default logger.DefaultLogger.
	Logger logger.Logger

	health healthReport // of the function HealthCheck; nil without checks
}

// DefaultOptions returns the options of a server that is given none.
func DefaultOptions() Options { return NewOptions() }

// NewOptions returns the given options, completed with defaults.
func NewOptions(opts ...Option) Options {
	o := Options{
		Codecs:           map[string]codec.NewCodec{},
		Metadata:         map[string]string{},
		RegisterInterval: DefaultRegisterInterval,
		RegisterTTL:      DefaultRegisterTTL,
		Context:          context.Background(),
		Logger:           logger.DefaultLogger,
	}
	o.apply(opts)
	o.complete()
	return o
}

func (o *Options) apply(opts []Option) {
	options.To(o, opts)
}

// complete fills in defaults for what must not be empty.
func (o *Options) complete() {
	orDefault(&o.Name, DefaultName)
	orDefault(&o.Address, DefaultAddress)
	orDefault(&o.Id, DefaultId)
	orDefault(&o.Version, DefaultVersion)
	if o.Broker == nil {
		o.Broker = broker.DefaultBroker
	}
	if o.Registry == nil {
		o.Registry = registry.DefaultRegistry
	}
	if o.Transport == nil {
		o.Transport = transport.DefaultTransport
	}
	if o.RegisterCheck == nil {
		o.RegisterCheck = DefaultRegisterCheck
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Logger == nil {
		o.Logger = logger.DefaultLogger
	}
}

func orDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// Name sets the name of the service.
func Name(n string) Option { return func(o *Options) { o.Name = n } }

// Id sets the node's part of its id in the registry.
func Id(id string) Option { return func(o *Options) { o.Id = id } }

// Version sets the version of the service.
func Version(v string) Option { return func(o *Options) { o.Version = v } }

// Address sets the address to listen on, "host:port" or "host:min-max".
func Address(a string) Option { return func(o *Options) { o.Address = a } }

// Advertise sets the address put into the registry, a host or "host:port".
// Without a port, that listened on is added. Without the option the address is
// the one listened on, its host replaced by a local address when it is empty.
func Advertise(a string) Option { return func(o *Options) { o.Advertise = a } }

// Broker sets the broker that delivers messages to subscribers.
func Broker(b broker.Broker) Option { return func(o *Options) { o.Broker = b } }

// Codec sets the codec of a content type.
func Codec(contentType string, c codec.NewCodec) Option {
	return func(o *Options) {
		codecs := maps.Clone(o.Codecs) // o may be a copy that shares it
		if codecs == nil {
			codecs = map[string]codec.NewCodec{}
		}
		codecs[contentType] = c
		o.Codecs = codecs
	}
}

// Context sets a context that carries options of other implementations.
func Context(ctx context.Context) Option { return func(o *Options) { o.Context = ctx } }

// Registry sets the registry the service is announced in.
func Registry(r registry.Registry) Option { return func(o *Options) { o.Registry = r } }

// Tracer sets the tracer kept in the options.
func Tracer(t trace.Tracer) Option { return func(o *Options) { o.Tracer = t } }

// Transport sets the transport to listen on.
func Transport(t transport.Transport) Option { return func(o *Options) { o.Transport = t } }

// Metadata sets the metadata of the node in the registry. The map is copied.
func Metadata(md map[string]string) Option {
	return func(o *Options) { o.Metadata = maps.Clone(md) }
}

// RegisterCheck sets the check made before each registration. Its context ends
// when the server is stopped. It may use the server, subscribe for instance.
func RegisterCheck(fn func(context.Context) error) Option {
	return func(o *Options) { o.RegisterCheck = fn }
}

// RegisterTTL sets how long a registration lasts when it is not renewed.
func RegisterTTL(t time.Duration) Option { return func(o *Options) { o.RegisterTTL = t } }

// RegisterInterval sets the time between two registrations. With 0 the service
// is registered once.
func RegisterInterval(t time.Duration) Option {
	return func(o *Options) { o.RegisterInterval = t }
}

// TLSConfig makes the server's transport secure. The option acts on the
// transport set before it, or on transport.DefaultTransport.
func TLSConfig(t *tls.Config) Option {
	return func(o *Options) {
		o.TLSConfig = t
		if o.Transport == nil {
			o.Transport = transport.DefaultTransport
		}
		if err := o.Transport.Init(transport.Secure(true), transport.TLSConfig(t)); err != nil {
			logger.LoggerOrDefault(o.Logger).Logf(logger.ErrorLevel, "server: make transport %s secure: %v", o.Transport, err)
		}
	}
}

// WithRouter makes all requests and messages go to r. The server then also
// subscribes to the topic that has the server's name.
func WithRouter(r Router) Option { return func(o *Options) { o.Router = r } }

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// WrapHandler adds a wrapper for handlers.
func WrapHandler(w HandlerWrapper) Option {
	return func(o *Options) { o.HdlrWrappers = append(slices.Clip(o.HdlrWrappers), w) }
}

// WrapSubscriber adds a wrapper for subscribers.
func WrapSubscriber(w SubscriberWrapper) Option {
	return func(o *Options) { o.SubWrappers = append(slices.Clip(o.SubWrappers), w) }
}

// ListenOption adds an option for the transport's Listen.
func ListenOption(option transport.ListenOption) Option {
	return func(o *Options) { o.ListenOptions = append(slices.Clip(o.ListenOptions), option) }
}

// DrainTimeout limits how long Stop waits for the requests in flight. When it
// is over they are cancelled. 0 is DefaultDrainTimeout or, with Wait, no limit;
// a negative limit cancels at once. StopTimeout limits the waiting too.
func DrainTimeout(d time.Duration) Option { return func(o *Options) { o.DrainTimeout = d } }

// StopTimeout limits all of Stop: taking leave, waiting for the requests in
// flight, telling their callers, and closing. A fifth of it, up to five seconds,
// is kept for each of the steps before and after the waiting. What has not
// returned by then, a registry for instance, is left alone, which is logged.
// Choose a time below the one after which the system kills the process:
// Kubernetes does so after 30 seconds. 0 is DefaultStopTimeout or, if that is
// more, DrainTimeout and ten seconds; with Wait and without a DrainTimeout it
// does not limit the waiting.
func StopTimeout(d time.Duration) Option { return func(o *Options) { o.StopTimeout = d } }

// DebugHandler tells whether the server answers Debug.Health, Stats, Log, Trace
// and MessageBus by itself, which it does by default: to everybody who can call
// it, inside its handler wrappers, and without being listed in the registry. A
// handler named Debug that is added takes the place of the built-in one, and so does
// a Router.
func DebugHandler(enabled bool) Option {
	return func(o *Options) { o.NoDebug = !enabled }
}

// waitKey is a string because other server implementations read it.
const waitKey = "wait"

// Wait makes Stop wait for the requests in flight without a limit, unless
// DrainTimeout or StopTimeout sets one. Each request counts in wg, and Stop waits for whatever
// else was added to it as well; nil stands for a wait group of the server's own.
func Wait(wg *sync.WaitGroup) Option {
	return func(o *Options) {
		if o.Context == nil {
			o.Context = context.Background()
		}
		if wg == nil {
			wg = new(sync.WaitGroup)
		}
		o.Context = context.WithValue(o.Context, waitKey, wg) //nolint:staticcheck // see waitKey
	}
}

// waitGroup is the wait group of the Wait option, nil without it.
func (o *Options) waitGroup() *sync.WaitGroup {
	if o.Context == nil {
		return nil
	}
	wg, _ := o.Context.Value(waitKey).(*sync.WaitGroup)
	return wg
}

// drainLimit is how long Stop waits. It is not limited when ok is false.
func (o *Options) drainLimit() (limit time.Duration, ok bool) {
	switch {
	case o.DrainTimeout > 0:
		return o.DrainTimeout, true
	case o.DrainTimeout < 0:
		return 0, true
	case o.waitGroup() != nil:
		return 0, false
	}
	return DefaultDrainTimeout, true
}
