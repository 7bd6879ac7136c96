package registry

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a Registry.
type Options struct {
	// Addrs are the addresses of the registry's servers.
	Addrs []string
	// Timeout limits a request to the registry; 0 means the implementation's
	// own default.
	Timeout time.Duration
	// Secure asks for an encrypted connection.
	Secure bool
	// TLSConfig is used for encrypted connections.
	TLSConfig *tls.Config
	// Logger is told what cannot be returned as an error.
	Logger logger.Logger
	// Context carries the options of single implementations.
	Context context.Context
}

// RegisterOptions are the options of one Register.
type RegisterOptions struct {
	// TTL is how long the registration lasts unless it is repeated; 0 means
	// until it is deregistered. What becomes of it then is as if it had been
	// deregistered; see [NewMemoryRegistry] and [NewRegistry].
	TTL time.Duration
	// Context ends the operation early when it is done.
	Context context.Context
}

// DeregisterOptions are the options of one Deregister.
type DeregisterOptions struct {
	// Context ends the operation early when it is done.
	Context context.Context
}

// GetOptions are the options of one GetService.
type GetOptions struct {
	// Context ends the operation early when it is done.
	Context context.Context
}

// ListOptions are the options of one ListServices.
type ListOptions struct {
	// Context ends the operation early when it is done.
	Context context.Context
}

// WatchOptions are the options of one Watch.
type WatchOptions struct {
	// Service is the name to watch; empty means all.
	Service string
	// Context stops the watcher when it is done.
	Context context.Context
}

type (
	// Option sets a value in Options.
	Option func(*Options)
	// RegisterOption sets a value in RegisterOptions.
	RegisterOption func(*RegisterOptions)
	// DeregisterOption sets a value in DeregisterOptions.
	DeregisterOption func(*DeregisterOptions)
	// GetOption sets a value in GetOptions.
	GetOption func(*GetOptions)
	// ListOption sets a value in ListOptions.
	ListOption func(*ListOptions)
	// WatchOption sets a value in WatchOptions.
	WatchOption func(*WatchOptions)
)

// NewOptions returns the defaults, the background context and the default
// logger, with opts applied.
func NewOptions(opts ...Option) *Options {
	o := options.With(Options{
		Logger:  logger.DefaultLogger,
		Context: context.Background(),
	}, opts)
	return &o
}

// Addrs sets the addresses of the registry's servers.
func Addrs(addrs ...string) Option {
	return func(o *Options) { o.Addrs = addrs }
}

// Timeout limits each request to the registry. For multicast DNS it is how
// long answers are collected.
func Timeout(d time.Duration) Option {
	return func(o *Options) { o.Timeout = d }
}

// Secure asks for an encrypted connection to the registry's servers.
func Secure(b bool) Option {
	return func(o *Options) { o.Secure = b }
}

// TLSConfig sets the configuration of encrypted connections.
func TLSConfig(c *tls.Config) Option {
	return func(o *Options) { o.TLSConfig = c }
}

// Logger sets the logger.
func Logger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// servicesKey is where Services puts its value in Options.Context.
type servicesKey struct{}

// Services preloads a memory registry. The keys of the map are for the reader
// alone: each service is known by its own name.
func Services(s map[string][]*Service) Option {
	return func(o *Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		o.Context = context.WithValue(ctx, servicesKey{}, s)
	}
}

// RegisterTTL sets how long the registration lasts unless it is repeated;
// 0 means until it is deregistered.
func RegisterTTL(d time.Duration) RegisterOption {
	return func(o *RegisterOptions) { o.TTL = d }
}

// RegisterContext sets the context that ends a Register early.
func RegisterContext(ctx context.Context) RegisterOption {
	return func(o *RegisterOptions) { o.Context = ctx }
}

// DeregisterContext sets the context that ends a Deregister early.
func DeregisterContext(ctx context.Context) DeregisterOption {
	return func(o *DeregisterOptions) { o.Context = ctx }
}

// GetContext sets the context that ends a GetService early.
func GetContext(ctx context.Context) GetOption {
	return func(o *GetOptions) { o.Context = ctx }
}

// ListContext sets the context that ends a ListServices early.
func ListContext(ctx context.Context) ListOption {
	return func(o *ListOptions) { o.Context = ctx }
}

// WatchService limits a watcher to one service.
func WatchService(name string) WatchOption {
	return func(o *WatchOptions) { o.Service = name }
}

// WatchContext sets the context that stops the watcher when it is done.
func WatchContext(ctx context.Context) WatchOption {
	return func(o *WatchOptions) { o.Context = ctx }
}
