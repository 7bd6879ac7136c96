package client

import (
	"context"
	"reflect"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// Options configure a client.
type Options struct {
	// CallOptions are the defaults of each call.
	CallOptions CallOptions

	// Router sends requests for clients that support one; this one does not.
	Router Router

	Registry  registry.Registry
	Selector  selector.Selector
	Transport transport.Transport

	// Broker takes what is published.
	Broker broker.Broker

	// Logger takes what cannot be returned.
	Logger logger.Logger

	// Context carries the options of other implementations.
	Context context.Context

	// Codecs are the codecs by content type that come before DefaultCodecs.
	Codecs map[string]codec.NewCodec

	// Cache is for wrappers that remember answers; Call does not look at it.
	Cache *Cache

	// ContentType is that of requests and messages which name none.
	ContentType string

	// Wrappers go around a client when it is made, the first outermost.
	Wrappers []Wrapper

	// PoolSize is how many idle connections are kept for each address.
	PoolSize int

	// PoolTTL is the age from which a connection is no longer reused.
	PoolTTL time.Duration

	// owned is a selector that the Registry option made because the selector
	// in force was the one that all clients share.
	owned selector.Selector
}

// Option sets a field of Options.
type Option func(*Options)

// NewOptions returns the package defaults with the given options.
func NewOptions(opts ...Option) Options {
	o := Options{
		Cache:       NewCache(),
		Context:     context.Background(),
		ContentType: DefaultContentType,
		Codecs:      make(map[string]codec.NewCodec),
		CallOptions: CallOptions{
			Backoff:           DefaultBackoff,
			Retry:             DefaultRetry,
			Retries:           DefaultRetries,
			RequestTimeout:    DefaultRequestTimeout,
			ConnectionTimeout: DefaultConnectionTimeout,
			DialTimeout:       transport.DefaultDialTimeout,
		},
		PoolSize:  DefaultPoolSize,
		PoolTTL:   DefaultPoolTTL,
		Broker:    broker.DefaultBroker,
		Selector:  selector.DefaultSelector,
		Registry:  registry.DefaultRegistry,
		Transport: transport.DefaultTransport,
		Logger:    logger.DefaultLogger,
	}
	options.To(&o, opts)
	return o
}

// Broker sets the broker for Publish.
func Broker(b broker.Broker) Option {
	return func(o *Options) { o.Broker = b }
}

// Codec sets the codec of a content type, before that of DefaultCodecs.
func Codec(contentType string, c codec.NewCodec) Option {
	return func(o *Options) {
		if o.Codecs == nil {
			o.Codecs = make(map[string]codec.NewCodec)
		}
		o.Codecs[contentType] = c
	}
}

// ContentType sets the content type of requests and messages that name none.
func ContentType(contentType string) Option {
	return func(o *Options) { o.ContentType = contentType }
}

// PoolSize sets how many idle connections are kept for each address.
func PoolSize(d int) Option {
	return func(o *Options) { o.PoolSize = d }
}

// PoolTTL sets the age from which a connection is no longer reused.
func PoolTTL(d time.Duration) Option {
	return func(o *Options) { o.PoolTTL = d }
}

// Transport sets the transport that calls go over.
func Transport(t transport.Transport) Option {
	return func(o *Options) { o.Transport = t }
}

// Registry sets the registry in which services are looked up, and makes the
// selector use it. A client whose selector is selector.DefaultSelector gets one
// of its own with the same strategy, so that no other client is redirected.
func Registry(r registry.Registry) Option {
	return func(o *Options) {
		o.Registry = r
		if o.Selector != nil && !identical(o.Selector, selector.DefaultSelector) {
			if err := o.Selector.Init(selector.Registry(r)); err != nil && o.Logger != nil {
				o.Logger.Logf(logger.ErrorLevel, "client: selector %s does not take registry %s: %v", o.Selector, r, err)
			}
			return
		}
		opts := []selector.Option{selector.Registry(r)}
		if o.Selector != nil {
			if strategy := o.Selector.Options().Strategy; strategy != nil {
				opts = append(opts, selector.SetStrategy(strategy))
			}
		}
		o.owned = selector.NewSelector(opts...)
		o.Selector = o.owned
	}
}

// identical is == that is false, not a panic, for types that have no ==.
func identical(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// Wrap adds a wrapper around the client. It has an effect on NewClient only.
func Wrap(w Wrapper) Option {
	return func(o *Options) { o.Wrappers = append(o.Wrappers, w) }
}

// WrapCall adds wrappers around each attempt of each call, the first outermost.
func WrapCall(cw ...CallWrapper) Option {
	return func(o *Options) { o.CallOptions.CallWrappers = append(o.CallOptions.CallWrappers, cw...) }
}

// Selector sets the selector that picks the nodes.
func Selector(s selector.Selector) Option {
	return func(o *Options) { o.Selector = s }
}

// Backoff sets the time to wait before each attempt.
func Backoff(fn BackoffFunc) Option {
	return func(o *Options) { o.CallOptions.Backoff = fn }
}

// Retries sets how often an attempt may be repeated; 0 means never.
func Retries(i int) Option {
	return func(o *Options) { o.CallOptions.Retries = i }
}

// Retry sets what decides whether an attempt is repeated.
func Retry(fn RetryFunc) Option {
	return func(o *Options) { o.CallOptions.Retry = fn }
}

// RequestTimeout sets how long a call may take, all attempts together, when
// its context has no deadline. Zero means no limit.
func RequestTimeout(d time.Duration) Option {
	return func(o *Options) { o.CallOptions.RequestTimeout = d }
}

// StreamTimeout sets how long a stream may last. Zero, the default: any time.
func StreamTimeout(d time.Duration) Option {
	return func(o *Options) { o.CallOptions.StreamTimeout = d }
}

// DialTimeout sets how long connecting to a node may take.
func DialTimeout(d time.Duration) Option {
	return func(o *Options) { o.CallOptions.DialTimeout = d }
}

// WithRouter sets the router of clients that support one.
func WithRouter(r Router) Option {
	return func(o *Options) { o.Router = r }
}

// WithLogger sets where the client logs.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}
