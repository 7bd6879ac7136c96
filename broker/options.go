package broker

import (
	"context"
	"crypto/tls"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/pki"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// Options configure a broker.
type Options struct {
	// Codec encodes whole messages. The http broker uses JSON when nil, the
	// memory broker then passes messages on as they are.
	Codec codec.Marshaler
	// Logger takes what nobody else can be told. Never nil after [NewOptions].
	Logger logger.Logger
	// Registry is where the http broker's processes find each other.
	Registry registry.Registry
	// Context carries options of particular brokers.
	Context context.Context
	// ErrorHandler is told about messages whose handling or delivery failed.
	ErrorHandler Handler
	// TLSConfig is used for listening, if it has a certificate, and for connecting.
	TLSConfig *tls.Config
	// Identity supplies certificates, and whom to trust, where there is no
	// TLSConfig. It is set by Secure, MutualTLS and InsecureTLS.
	Identity mtls.Source
	// Addrs are the addresses to listen on or to connect to.
	Addrs []string
	// Secure asks for TLS.
	Secure bool

	selfSigned func(hosts ...string) (tls.Certificate, error) // of TLSConfig
}

// PublishOptions configure one Publish.
type PublishOptions struct {
	// Context ends a Publish early when done; nil means no limit.
	Context context.Context
}

// SubscribeOptions configure one subscription.
type SubscribeOptions struct {
	// Context carries options of particular brokers.
	Context context.Context
	// Queue names the queue group; empty means every message.
	Queue string
	// AutoAck says that messages are acknowledged when the handler returns nil.
	// Default true. The built-in brokers only record it, as they know no
	// acknowledgement: see [Handler] for what they do with an error.
	AutoAck bool
}

// Option changes Options.
type Option func(*Options)

// PublishOption changes PublishOptions.
type PublishOption func(*PublishOptions)

// SubscribeOption changes SubscribeOptions.
type SubscribeOption func(*SubscribeOptions)

// NewOptions returns the default options with opts applied: a background
// context and the default logger.
func NewOptions(opts ...Option) *Options {
	o := &Options{Context: context.Background(), Logger: logger.DefaultLogger}
	options.To(o, opts)
	return o
}

// NewSubscribeOptions returns the default subscribe options with opts applied:
// automatic acknowledgement and no queue.
func NewSubscribeOptions(opts ...SubscribeOption) SubscribeOptions {
	o := SubscribeOptions{AutoAck: true}
	options.To(&o, opts)
	return o
}

// Addrs sets the addresses to listen on or connect to. The http broker listens on
// the first, by default on [DefaultAddress].
func Addrs(addrs ...string) Option { return func(o *Options) { o.Addrs = addrs } }

// Codec sets the codec for whole messages.
func Codec(c codec.Marshaler) Option { return func(o *Options) { o.Codec = c } }

// ErrorHandler sets who is told about a message that could not be handled or
// delivered. It is called with an Event whose Error is the reason, from any
// goroutine, and must not block.
func ErrorHandler(h Handler) Option { return func(o *Options) { o.ErrorHandler = h } }

// Logger sets the logger.
func Logger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// Registry sets the registry in which the processes find each other.
func Registry(r registry.Registry) Option { return func(o *Options) { o.Registry = r } }

// Secure asks for TLS. Brokers that do nothing else for it verify each other when
// they run as one user on one host, or with the same files in MICRO_TLS_CERT,
// MICRO_TLS_KEY and MICRO_TLS_CA: see pki.Default. Certificates are verified in any
// case, unless a [TLSConfig] or [InsecureTLS] says otherwise.
func Secure(b bool) Option {
	return func(o *Options) {
		o.Secure = b
		switch {
		case !b:
			o.Identity = nil
		case o.Identity == nil:
			o.Identity = pki.Default()
		}
	}
}

// MutualTLS asks for TLS with certificates and authorities from a source, such as
// pki.Files: who publishes and who subscribes both show a certificate. Certificates
// that change are used from the next connection on; no connection is dropped. It is
// for the http broker: brokers that connect to a server, as broker/nats, do not ask
// the source and show the certificate of a [TLSConfig].
func MutualTLS(src mtls.Source) Option {
	return func(o *Options) { o.Secure, o.Identity = src != nil, src }
}

// InsecureTLS asks for TLS with a self-signed certificate, and verifies nobody. It
// warns the log. For tests alone.
func InsecureTLS() Option {
	return func(o *Options) { o.Secure, o.Identity = true, pki.Insecure() }
}

// TLSConfig sets the TLS configuration for both directions. It is cloned. Without
// a certificate in it the broker listens with that of [Secure] or [MutualTLS], or
// else with a self-signed one.
func TLSConfig(t *tls.Config) Option {
	return func(o *Options) { o.TLSConfig, o.selfSigned = t, mtls.Certificate }
}

// PublishContext makes Publish end with the context's error once it is done.
// Brokers may find further options in it.
func PublishContext(ctx context.Context) PublishOption {
	return func(o *PublishOptions) { o.Context = ctx }
}

// Queue makes the subscription part of a queue group, which gets each message
// once.
func Queue(name string) SubscribeOption { return func(o *SubscribeOptions) { o.Queue = name } }

// DisableAutoAck leaves acknowledging to the handler, by [Event].Ack, with
// brokers that know it. Those deliver a message again that was not acknowledged;
// the built-in ones never do.
func DisableAutoAck() SubscribeOption { return func(o *SubscribeOptions) { o.AutoAck = false } }

// SubscribeContext passes a context with options of particular brokers.
func SubscribeContext(ctx context.Context) SubscribeOption {
	return func(o *SubscribeOptions) { o.Context = ctx }
}
