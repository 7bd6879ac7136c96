package broker

import (
	"context"
	"crypto/tls"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
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
	// TLSConfig is used for listening and for connecting; nil with Secure set
	// means a self-signed certificate and no verification of others.
	TLSConfig *tls.Config
	// Addrs are the addresses to listen on or to connect to.
	Addrs []string
	// Secure asks for TLS.
	Secure bool
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

// Secure asks for TLS, with a self-signed certificate unless [TLSConfig] says
// otherwise.
func Secure(b bool) Option { return func(o *Options) { o.Secure = b } }

// TLSConfig sets the TLS configuration for both directions. It is cloned.
func TLSConfig(t *tls.Config) Option { return func(o *Options) { o.TLSConfig = t } }

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
